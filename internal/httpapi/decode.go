package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// The bounds of a request.
const (
	maxBody           = 1 << 20
	maxParameters     = 100
	maxListed         = 4 * action.MaxItems // the items of all lists of the parameters
	maxEntityType     = 256
	maxOptions        = 20
	maxContext        = 32
	maxContextValue   = 1 << 10
	maxIdempotencyKey = 255
)

// request is what is asked for, and what is wrong with it short of its JSON.
type request struct {
	action.Request
	action   string
	problems []apierr.Problem
	mask     action.Mask
	shownKey string // the IdempotencyKey as records show it
}

// checkCall refuses an HTTP call by its header, before its body is read.
func checkCall(r *http.Request) error {
	if r.ContentLength > maxBody {
		return errTooLarge("body")
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return apierr.Errorf(apierr.UnsupportedMedia, "unsupported_media_type",
			"the Content-Encoding %s is not accepted: send the body uncompressed", action.Shorten(coding))
	}
	if r.Header.Get("Content-Type") == "" {
		return nil // an empty body needs none
	}
	return checkContentType(r.Header.Get("Content-Type"))
}

func errTooLarge(what string) error {
	return apierr.Errorf(apierr.TooLarge, "body_too_large", "the %s is over %d bytes", what, maxBody)
}

// decode reads the request of an HTTP call strictly. The error is a fault of the request as a whole; what can be told of
// single members is in problems, so that the caller sees it together with what is wrong with parameters. show decides whether
// an error may quote some of the body.
func decode(r *http.Request, body []byte, show func(body []byte) bool) (request, error) {
	var q request
	if len(body) > maxBody {
		return q, errTooLarge("body")
	}
	if len(body) > 0 {
		if err := checkContentType(r.Header.Get("Content-Type")); err != nil {
			return q, err
		}
	}
	q.headerKey(r.Header.Values("Idempotency-Key"))
	return q, q.read("body", body, show)
}

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
	switch {
	case utf8.RuneCountInString(value) > maxIdempotencyKey:
		q.problem(name, "is over %d characters", maxIdempotencyKey)
	case slices.Contains([]string{"null", "none", "undefined"}, strings.ToLower(strings.TrimSpace(value))):
		q.problem(name, "is %q, an empty value of a playbook%s", value, advice)
	default:
		if unfilled := action.UnfilledAnywhere(value); unfilled != "" {
			q.problem(name, "is %q and %s%s", action.Shorten(value), unfilled, advice)
		}
	}
}

// read reads the JSON of a request, which came as name says. Nothing at all is an empty request. An error ends the reading,
// so that nothing is built that exceeds a bound.
func (q *request) read(name string, text []byte, show func(text []byte) bool) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	c, err := newCursor(text)
	if err == nil && c.next() != '{' {
		err = errors.New("must be a JSON object")
	}
	if err == nil {
		err = c.object(func(member string) error { return q.member(c, member) })
	}
	var bound *apierr.Error
	if err == nil || errors.As(err, &bound) {
		return err
	}
	message := err.Error()
	if syntax, is := err.(syntaxError); is {
		message = syntax.explain(text, show != nil && show(text))
	}
	return apierr.Invalid(apierr.Problem{Parameter: name, Message: message})
}

// errBound is the error of a request that exceeds a bound.
func errBound(parameter, format string, args ...any) error {
	return apierr.Invalid(apierr.Problem{Parameter: parameter, Message: fmt.Sprintf(format, args...)})
}

func checkContentType(header string) error {
	kind, params, err := mime.ParseMediaType(header)
	if err != nil || kind != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return apierr.New(apierr.UnsupportedMedia, "unsupported_media_type", "the Content-Type must be application/json", nil)
	}
	return nil
}

func (q *request) problem(parameter, format string, args ...any) {
	q.problems = append(q.problems, apierr.Problem{Parameter: parameter, Message: fmt.Sprintf(format, args...)})
}

func (q *request) member(c *cursor, name string) error {
	switch name {
	case "action", "parameters", "entities", "context", "options":
		if c.null() {
			return nil
		}
	default:
		q.problem(action.Shorten(name), "is not a member of a request, which has action, parameters, entities, context and options")
		return c.skip()
	}
	switch kind := c.next(); {
	case name == "action" && kind == '"':
		text, err := c.scalar()
		q.action, _ = text.(string)
		return err
	case name == "action":
		q.problem(name, "must be a string")
	case name == "entities" && kind == '[':
		return q.readEntities(c)
	case name == "entities":
		q.problem(name, "must be an array of objects with identifier and entity_type")
	case name == "parameters" && kind == '{':
		return q.readParameters(c)
	case name == "parameters":
		q.problem(name, "must be an object of parameter names and values")
	case name == "context" && kind == '{':
		return q.readContext(c)
	case name == "options" && kind == '{':
		return q.readOptions(c)
	default:
		q.problem(name, "must be an object")
	}
	return c.skip()
}

// readParameters reads the values of parameters: scalars, and lists of scalars. A value that is nested deeper is not
// valid for any parameter, and is replaced by an empty object or array.
func (q *request) readParameters(c *cursor) error {
	q.Parameters = map[string]any{}
	items := 0
	return c.object(func(name string) (err error) {
		if len(q.Parameters) == maxParameters {
			return errBound("parameters", "has more than %d members", maxParameters)
		}
		if c.next() != '[' {
			q.Parameters[name], err = c.scalar()
			return err
		}
		list := []any{}
		err = c.array(func(i int) error {
			if i == action.MaxItems {
				return errBound(action.Shorten(name), "has more than %d items; one call takes at most %d: split the list", i, i)
			}
			if items++; items > maxListed {
				return errBound("parameters", "have lists of more than %d items altogether", maxListed)
			}
			item, err := c.scalar()
			list = append(list, item)
			return err
		})
		q.Parameters[name] = list
		return err
	})
}

func (q *request) readEntities(c *cursor) error {
	return c.array(func(i int) error {
		if i == action.MaxItems {
			return errBound("entities", "has more than %d entities; one call takes at most %d", i, i)
		}
		var e action.Entity
		var identified, typed bool
		var err error
		if c.next() != '{' {
			err = c.skip()
		} else {
			err = c.object(func(name string) error { // SecOps' entities have more members; they do not concern us
				isText := c.next() == '"'
				switch {
				case name == "identifier" && isText:
					text, err := c.scalar()
					e.Identifier, identified = text.(string)
					return err
				case name == "entity_type" && isText:
					text, err := c.scalar()
					kind, _ := text.(string)
					e.Type, typed = action.EntityType(kind), len(kind) <= maxEntityType
					return err
				}
				return c.skip()
			})
		}
		if !identified {
			q.problem(fmt.Sprintf("entities[%d].identifier", i), "is required and must be a string")
		}
		if !typed {
			q.problem(fmt.Sprintf("entities[%d].entity_type", i), "is required and must be a string, such as USERUNIQNAME")
			e.Type = ""
		}
		q.Entities = append(q.Entities, e)
		return err
	})
}

func (q *request) readContext(c *cursor) error {
	q.Context = map[string]string{}
	members := 0
	return c.object(func(name string) error {
		if members++; members > maxContext {
			if members == maxContext+1 {
				q.problem("context", "has more than %d members", maxContext)
			}
			return c.skip()
		}
		if kind := c.next(); kind == '{' || kind == '[' {
			q.problem("context."+action.Shorten(name), "must be a string")
			return c.skip()
		}
		value, err := c.scalar()
		if value == nil || err != nil {
			return err
		}
		text := fmt.Sprint(value)
		if len(text) > maxContextValue || len(name) > maxContextValue {
			q.problem("context."+action.Shorten(name), "is over %d bytes", maxContextValue)
			return nil
		}
		q.Context[name] = text
		if unfilled := action.UnfilledAnywhere(text); unfilled != "" {
			q.problem("context."+action.Shorten(name), "%s", unfilled)
		}
		return nil
	})
}

func (q *request) readOptions(c *cursor) error {
	members := 0
	return c.object(func(name string) error {
		if members++; members > maxOptions {
			return errBound("options", "has more than %d members", maxOptions)
		}
		value, err := c.scalar()
		if err != nil {
			return err
		}
		on, empty, valid := flag(value)
		known := name == "dry_run" || name == "verify"
		if known && empty {
			q.EmptyOptions = append(q.EmptyOptions, name)
		}
		if known && !valid {
			shown, _ := json.Marshal(value) // it was read from JSON
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
		return nil
	})
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
