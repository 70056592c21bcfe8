package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/fault"
)

// The bounds of a request.
const (
	maxBody           = 1 << 20
	maxContext        = 32
	maxContextValue   = 1 << 10
	maxIdempotencyKey = 255
)

// request is what is asked for, and what is wrong with it short of its JSON.
type request struct {
	action.Request
	action   string
	problems []fault.Problem
	mask     action.Mask
	shownKey string // the IdempotencyKey as records show it
}

// decode reads the request of an HTTP call strictly. The error is a fault of the request as a whole; what can be told of
// single members is in problems, so that the caller sees it together with what is wrong with parameters.
func decode(w http.ResponseWriter, r *http.Request) (request, error) {
	var q request
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return q, fault.Errorf(fault.TooLarge, "body_too_large", "the body is over %d bytes", maxBody)
	case err != nil:
		return q, fault.New(fault.BadRequest, "invalid_request", "the body could not be read", err)
	}
	if err := checkContentType(r.Header.Get("Content-Type"), len(body) == 0); err != nil {
		return q, err
	}
	q.headerKey(r.Header.Values("Idempotency-Key"))
	return q, q.read("body", body)
}

// unfilledStep is the part of a suggested Idempotency-Key that the author of a playbook replaces
// with the step's name.
const unfilledStep = "FILL_IN_STEP_NAME"

// headerKey takes the Idempotency-Key of an HTTP call.
func (q *request) headerKey(values []string) {
	switch len(values) {
	case 0:
	case 1:
		q.key("Idempotency-Key", values[0])
	default:
		q.problem("Idempotency-Key", "is given %d times; send one header", len(values))
	}
}

// key takes the Idempotency-Key, which came as name says. A key that is the same for different
// requests is refused: the second request would be answered with the reply to the first.
func (q *request) key(name, value string) {
	q.IdempotencyKey, q.shownKey = value, value
	const advice = "; give a key of this step and this run, such as case-4711-disable-alice, or none"
	switch unfilled := ""; {
	case utf8.RuneCountInString(value) > maxIdempotencyKey:
		q.problem(name, "is over %d characters", maxIdempotencyKey)
	case slices.Contains([]string{"null", "none", "undefined"}, strings.ToLower(strings.TrimSpace(value))):
		q.problem(name, "is %q, an empty value of a playbook%s", value, advice)
	case strings.Contains(strings.ToUpper(value), unfilledStep):
		q.problem(name, "holds %s: replace it with the name of the playbook's step, so that two steps have different keys",
			unfilledStep)
	default:
		if unfilled = action.FindPlaceholder(value); unfilled != "" {
			q.problem(name, "is %q and %s%s", action.Shorten(value), action.Unfilled(unfilled), advice)
		}
	}
}

// read reads the JSON of a request, which came as name says. Nothing at all is an empty request.
func (q *request) read(name string, body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	value, err := parse(body)
	if err != nil {
		return fault.Invalid(fault.Problem{Parameter: name, Message: err.Error()})
	}
	members, ok := value.(map[string]any)
	if !ok {
		return fault.Invalid(fault.Problem{Parameter: name, Message: "must be a JSON object"})
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		q.member(name, members[name])
	}
	return nil
}

func checkContentType(header string, empty bool) error {
	if header == "" && empty {
		return nil
	}
	kind, params, err := mime.ParseMediaType(header)
	if err != nil || kind != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return fault.New(fault.UnsupportedMedia, "unsupported_media_type", "the Content-Type must be application/json", nil)
	}
	return nil
}

func (q *request) problem(parameter, format string, args ...any) {
	q.problems = append(q.problems, fault.Problem{Parameter: parameter, Message: fmt.Sprintf(format, args...)})
}

func (q *request) member(name string, value any) {
	if value == nil && (name == "action" || name == "parameters" || name == "entities" || name == "context" || name == "options") {
		return
	}
	object, isObject := value.(map[string]any)
	switch name {
	case "action":
		var ok bool
		if q.action, ok = value.(string); !ok {
			q.problem(name, "must be a string")
		}
	case "parameters":
		if q.Parameters = object; !isObject {
			q.problem(name, "must be an object of parameter names and values")
		}
	case "entities":
		q.readEntities(value)
	case "context":
		if !isObject {
			q.problem(name, "must be an object")
		}
		q.readContext(object)
	case "options":
		if !isObject {
			q.problem(name, "must be an object")
		}
		q.readOptions(object)
	default:
		q.problem(action.Shorten(name), "is not a member of a request, which has action, parameters, entities, context and options")
	}
}

func (q *request) readEntities(value any) {
	list, ok := value.([]any)
	if !ok {
		q.problem("entities", "must be an array of objects with identifier and entity_type")
		return
	}
	for i, item := range list {
		entity, _ := item.(map[string]any) // SecOps' entities have more members; they do not concern us
		identifier, ok := entity["identifier"].(string)
		if !ok {
			q.problem(fmt.Sprintf("entities[%d].identifier", i), "is required and must be a string")
		}
		kind, ok := entity["entity_type"].(string)
		if !ok {
			q.problem(fmt.Sprintf("entities[%d].entity_type", i), "is required and must be a string, such as USERUNIQNAME")
		}
		q.Entities = append(q.Entities, action.Entity{Identifier: identifier, Type: action.EntityType(kind)})
	}
}

func (q *request) readContext(object map[string]any) {
	if len(object) > maxContext {
		q.problem("context", "has more than %d members", maxContext)
		return
	}
	q.Context = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch v := object[name].(type) {
		case nil:
		case string, bool, json.Number:
			q.Context[name] = fmt.Sprint(v)
			if len(q.Context[name]) > maxContextValue || len(name) > maxContextValue {
				q.problem("context."+action.Shorten(name), "is over %d bytes", maxContextValue)
			} else if unfilled := action.FindPlaceholder(q.Context[name]); unfilled != "" {
				q.problem("context."+action.Shorten(name), "%s", action.Unfilled(unfilled))
			}
		default:
			q.problem("context."+action.Shorten(name), "must be a string")
		}
	}
}

func (q *request) readOptions(object map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		on, empty, valid := flag(object[name])
		known := name == "dry_run" || name == "verify"
		if known && empty {
			q.EmptyOptions = append(q.EmptyOptions, name)
		}
		if known && !valid {
			shown, _ := json.Marshal(object[name]) // it was read from JSON
			q.problem("options."+name, "must be true or false, not %s", action.Shorten(string(shown)))
		}
		switch name {
		case "dry_run":
			q.Options.DryRun = on
		case "verify":
			q.Options.Verify = on
		default:
			q.problem("options."+action.Shorten(name), "is not an option; there are dry_run and verify")
		}
	}
}

// flag reads an option: a boolean, or its word. Nothing and blanks are empty.
func flag(value any) (on, empty, valid bool) {
	switch v := value.(type) {
	case nil:
		return false, true, true
	case bool:
		return v, false, true
	case string:
		text := strings.TrimSpace(v)
		on = strings.EqualFold(text, "true")
		return on, text == "", on || text == "" || strings.EqualFold(text, "false")
	}
	return false, false, false
}

// parse reads JSON as encoding/json does, but refuses what would leave open which of two values is meant:
// a key given twice, or in two cases; and anything after the value.
func parse(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	value, err := parseValue(d, 0)
	if err != nil {
		return nil, describe(err, d)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("has something after the JSON value, at byte %d", d.InputOffset())
	}
	return value, nil
}

// maxDepth is far deeper than a request is; it keeps a hostile one from the stack.
const maxDepth = 64

var errTooDeep = fmt.Errorf("is nested more than %d levels deep", maxDepth)

// duplicate is a key given twice.
type duplicate struct{ first, second string }

func (e duplicate) Error() string {
	if e.first == e.second {
		return fmt.Sprintf("has the key %q twice in one object", action.Shorten(e.first))
	}
	return fmt.Sprintf("has keys in one object that differ only in case: %q and %q", action.Shorten(e.first), action.Shorten(e.second))
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object, spelled := map[string]any{}, map[string]string{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name := key.(string)
			if first, twice := spelled[strings.ToLower(name)]; twice {
				return nil, duplicate{first, name}
			}
			spelled[strings.ToLower(name)] = name
			if object[name], err = parseValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

// describe says where a body stops being JSON, without quoting it: it may hold a password.
func describe(err error, d *json.Decoder) error {
	var dup duplicate
	switch {
	case errors.As(err, &dup), errors.Is(err, errTooDeep):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("is not JSON: it ends too early")
	default:
		return fmt.Errorf("is not JSON, at byte %d", d.InputOffset())
	}
}
