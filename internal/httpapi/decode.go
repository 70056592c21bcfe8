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
	maxListed         = 2 * action.MaxItems // the items of all lists of the parameters
	maxEntityType     = 256
	maxOptions        = 20
	maxContext        = 32
	maxContextValue   = 1 << 10
	maxIdempotencyKey = 255
)

// request is a decoded request, and its problems other than those of its JSON.
type request struct {
	action.Request
	action   string // as the body names it; "" if it does not
	problems []apierr.Problem
	mask     action.Mask
	shownKey string // the IdempotencyKey as records show it
}

// checkCall checks the header of an HTTP call, before its body is read.
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

func errTooLarge(part string) error {
	return apierr.Errorf(apierr.TooLarge, "body_too_large", "the %s is over %d bytes", part, maxBody)
}

// decode decodes the request of an HTTP call strictly. The error concerns the request as a whole;
// problems of single members are in request.problems, so that the caller gets them together with
// those of the parameters. show decides whether an error may quote some of the body.
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

// headerKey sets the idempotency key of an HTTP call.
func (q *request) headerKey(values []string) {
	switch len(values) {
	case 0:
	case 1:
		q.key("Idempotency-Key", values[0])
	default:
		q.problem("Idempotency-Key", "is given %d times; send one header", len(values))
	}
}

// key sets the idempotency key, which was given as name. A value that different requests would
// share is a problem: the second request would get the reply to the first.
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

// read decodes the JSON of a request. An empty text is an empty request. name is the name of the
// text in problems. An exceeded bound ends the decoding, so that the memory is bounded too.
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

// errBound returns the error of a request that exceeds a bound.
func errBound(parameter, format string, args ...any) error {
	return apierr.Invalid(apierr.Problem{Parameter: parameter, Message: fmt.Sprintf(format, args...)})
}

func checkContentType(header string) error {
	kind, params, err := mime.ParseMediaType(header)
	charset := params["charset"]
	if err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return apierr.New(apierr.UnsupportedMedia, "unsupported_media_type",
			"the Content-Type must be application/json", nil)
	}
	return nil
}

func (q *request) problem(parameter, format string, args ...any) {
	q.problems = append(q.problems, apierr.Problem{Parameter: parameter, Message: fmt.Sprintf(format, args...)})
}

// members are the members of a request, by name.
var members = map[string]struct {
	first  byte // of the JSON value
	mustBe string
	read   func(q *request, c *cursor) error
}{
	"action":     {'"', "must be a string", (*request).readAction},
	"parameters": {'{', "must be an object of parameter names and values", (*request).readParameters},
	"entities":   {'[', "must be an array of objects with identifier and entity_type", (*request).readEntities},
	"context":    {'{', "must be an object", (*request).readContext},
	"options":    {'{', "must be an object", (*request).readOptions},
}

func (q *request) member(c *cursor, name string) error {
	m, known := members[name]
	switch {
	case !known:
		q.problem(action.Shorten(name),
			"is not a member of a request, which has action, parameters, entities, context and options")
	case c.null():
		return nil
	case c.next() != m.first:
		q.problem(name, "%s", m.mustBe)
	default:
		return m.read(q, c)
	}
	return c.skip()
}

func (q *request) readAction(c *cursor) error {
	text, err := c.scalar()
	q.action, _ = text.(string)
	return err
}

// readParameters reads the values of parameters: scalars, and lists of scalars. No parameter
// accepts a value that is nested deeper; it is replaced by an empty object or array.
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
		e, identified, typed, err := readEntity(c)
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

// readEntity reads an entity of SecOps. Its other members are ignored.
func readEntity(c *cursor) (e action.Entity, identified, typed bool, err error) {
	if c.next() != '{' {
		return e, false, false, c.skip()
	}
	err = c.object(func(name string) error {
		if c.next() != '"' || name != "identifier" && name != "entity_type" {
			return c.skip()
		}
		value, err := c.scalar()
		text, _ := value.(string)
		if name == "identifier" {
			e.Identifier, identified = text, true
		} else {
			e.Type, typed = action.EntityType(text), len(text) <= maxEntityType
		}
		return err
	})
	return e, identified, typed, err
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
		if name == "if_state" {
			return q.readIfState(c)
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
			shown, _ := json.Marshal(value) // the value was JSON
			q.problem("options."+name, "must be true or false, not %s", action.Shorten(string(shown)))
		}
		switch name {
		case "dry_run":
			q.Options.DryRun = on
		case "verify":
			q.Options.Verify = on
		default:
			q.problem("options."+action.Shorten(name), "is not an option; there are dry_run, verify and if_state")
		}
		return nil
	})
}

// flag returns the value of an option: a boolean, or its word. Null and blanks are empty.
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
