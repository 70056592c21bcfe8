package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// Problem is one thing wrong with a request.
type Problem = apierr.Problem

// Request is what a caller asks of an action, its JSON decoded: parameter values are string, bool,
// json.Number, []any, map[string]any or nil.
type Request struct {
	Parameters     map[string]any
	Entities       []Entity
	Context        map[string]string
	Options        Options
	EmptyOptions   []string // the options that were given without a value
	IdempotencyKey string

	// Prior are the targets that earlier runs of the request have reached, by Key, as Result.Done gave them.
	Prior map[string]json.RawMessage
}

// Entity is a SecOps entity.
type Entity struct {
	Identifier string     `json:"identifier"`
	Type       EntityType `json:"entity_type"`
}

// Options change how an action runs, not what it does.
type Options struct {
	DryRun bool `json:"dry_run"` // read, predict, write nothing
	Verify bool `json:"verify"`  // read again after a write
}

// emptyOptions returns a problem for each option that is to change something and was given without
// a value.
func emptyOptions(names []string) []Problem {
	var problems []Problem
	for _, name := range names {
		on, off := "write nothing", "make the changes"
		if name == "verify" {
			on, off = "read again after a write", "do not"
		}
		problems = append(problems, Problem{Parameter: "options." + name, Message: errEmpty(on, off, false).Error()})
	}
	return problems
}

// Invocation is a valid request, ready to run.
type Invocation struct {
	Action   Action
	Request  Request
	Warnings []string // what was ignored
	// Secrets are the parameters that are a secret or make the action return one, each with a
	// message that says which and what to do. With any, the request may only go where nothing is
	// kept.
	Secrets []Problem

	secrets []secrets.Value // given as parameters
	scope   []scopeEntity   // entities that are to become targets
	ignored []ignored       // entities that are not
	run     func(ctx context.Context, c *Execution) (*Result, error)
}

// Bind checks a request against the declaration. It reports every problem, each naming its parameter; the
// invocation has its warnings then too, but running it only repeats the problems.
func (a Action) Bind(r Request) (*Invocation, []Problem) {
	inv, problems := a.bind(&a, r)
	if len(problems) > 0 {
		inv.run = func(context.Context, *Execution) (*Result, error) { return nil, apierr.Invalid(problems...) }
	}
	return inv, problems
}

func bind(a *Action, r Request, into reflect.Value) (*Invocation, []Problem) {
	inv := &Invocation{Action: *a, Request: r}
	given, meant, problems := match(a, r.Parameters)
	var repeated []Problem
	if a.Mutates {
		problems = append(problems, emptyOptions(r.EmptyOptions)...)
	}
	for _, p := range a.Params {
		field := into.FieldByIndex(p.index)
		if p.Default != nil {
			field.Set(reflect.ValueOf(p.Default).Convert(field.Type()))
		}
		raw, ok := given[p.Name]
		if ok && p.Secret && raw != nil && raw != "" {
			inv.Secrets = append(inv.Secrets, Problem{Parameter: p.Name, Message: "is a secret: send the request over HTTP"})
			repeated = append(repeated, repeatedSecret(a, p, given, r.Entities)...)
		}
		if text, is := raw.(string); is && p.Secret {
			inv.secrets = append(inv.secrets, secrets.New(text))
		}
		if ok {
			var warning string
			var err error
			ok, warning, err = p.set(field, raw)
			if err != nil {
				problems = append(problems, Problem{Parameter: p.Name, Message: err.Error()})
				continue
			}
			if warning != "" {
				inv.Warnings = append(inv.Warnings, p.Name+": "+warning)
			}
		}
		if !ok && p.Required && !meant[p.Name] {
			problems = append(problems, Problem{Parameter: p.Name, Message: "is required: " + lowerFirst(p.Description)})
		}
	}
	if p, is := returnsSecret(a, into); is {
		inv.Secrets = append(inv.Secrets, p)
	}
	if len(repeated) > 0 { // warnings and problems about entities could show the secret
		return inv, append(repeated, problems...)
	}
	inScope := false
	if on, ok := into.Interface().(interface{ onScope() bool }); ok {
		inScope = on.onScope()
	}
	problems = append(problems, inv.takeEntities(r.Entities, inScope)...)
	inv.Warnings = append(inv.Warnings, warnIgnored(inv.ignored)...)
	for _, p := range a.Params {
		bad := slices.ContainsFunc(problems, func(q Problem) bool { return q.Parameter == p.Name })
		if p.users && !bad && !meant[p.Name] && into.FieldByIndex(p.index).Len() == 0 && len(inv.scope) == 0 {
			problems = append(problems, noTarget(a, p.Name, inScope, inv.ignored))
		}
	}
	return inv, problems
}

func (s ScopeOn) onScope() bool  { return s.AlsoRunOnScope }
func (s ScopeOff) onScope() bool { return s.AlsoRunOnScope }

// noTarget is the problem of a request that names no user, in the parameter or by the entities in
// scope.
func noTarget(a *Action, param string, inScope bool, ignored []ignored) Problem {
	text := "no user is named: give ids, logins or e-mail addresses"
	switch {
	case len(a.RunsOn) == 0:
	case len(ignored) > 0:
		text += "; " + strings.Join(reasons(ignored), "; ")
	case inScope:
		text += ", or entities of the type " + strings.Join(entityTypes(a.RunsOn), " or ")
	default:
		text += ", or turn on " + ScopeParameter + " with user entities"
	}
	return Problem{Parameter: param, Message: text}
}

// match finds the parameter that each given name stands for. meant are those that a misspelt name was
// probably to be: that they are missing is no news.
func match(a *Action, params map[string]any) (given map[string]any, meant map[string]bool, problems []Problem) {
	known := map[string]string{}
	for _, p := range a.Params {
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			known[fold(n)] = p.Name
		}
	}
	given, meant = map[string]any{}, map[string]bool{}
	spelled := map[string]string{}
	for _, name := range sortedKeys(params) {
		canonical, ok := known[fold(name)]
		switch {
		case !ok:
			near := nearest(fold(name), known)
			meant[near] = true
			problems = append(problems, Problem{Parameter: Shorten(name), Message: unknownName(a, near)})
		case spelled[canonical] != "":
			problems = append(problems, Problem{Parameter: canonical, Message: fmt.Sprintf("is given twice, as %q and %q", spelled[canonical], name)})
		default:
			given[canonical], spelled[canonical] = params[name], name
		}
	}
	return given, meant, problems
}

func unknownName(a *Action, near string) string {
	if near != "" {
		return fmt.Sprintf("is not a parameter of %s; did you mean %q?", a.Name, near)
	}
	if len(a.Params) == 0 {
		return a.Name + " has no parameters"
	}
	names := make([]string, len(a.Params))
	for i, p := range a.Params {
		names[i] = strconv.Quote(p.Name)
	}
	return fmt.Sprintf("is not a parameter of %s, which has %s", a.Name, strings.Join(names, ", "))
}

// set reads one value into its field. ok is false if the value counts as not given.
func (p Param) set(field reflect.Value, raw any) (ok bool, warning string, err error) {
	text, isText := raw.(string)
	if strings.ContainsRune(text, utf8.RuneError) { // what JSON's decoder makes of half a character
		return false, "", errors.New("is not valid Unicode")
	}
	if !p.Secret {
		text = strings.TrimSpace(text)
	}
	switch empty := raw == nil || isText && text == ""; {
	case empty && p.Type == typeBoolean && p.mutates:
		return false, "", p.empty()
	case empty:
		return false, "", nil
	}
	if err := p.unfilled(text); err != nil {
		return false, "", err
	}
	if own, is := field.Addr().Interface().(ParamUnmarshaler); is {
		if b, isBool := raw.(bool); isBool {
			text, isText = strconv.FormatBool(b), true
		}
		if !isText {
			return false, "", p.mustBe("a string", raw)
		}
		warning, err = own.UnmarshalParam(text)
		return err == nil, warning, err
	}
	switch p.Type {
	case typeString:
		if !isText {
			return false, "", p.mustBe("a string", raw)
		}
		if p.Secret {
			field.Set(reflect.ValueOf(secrets.New(text)))
			return true, "", nil
		}
		if text, err = p.allow(text); err != nil {
			return false, "", err
		}
		field.SetString(text)
	case typeBoolean:
		b, isBool := raw.(bool)
		if !isBool && !(isText && (strings.EqualFold(text, "true") || strings.EqualFold(text, "false"))) {
			return false, "", p.mustBe("true or false", raw)
		}
		field.SetBool(b || strings.EqualFold(text, "true"))
	case typeInteger:
		n, err := p.integer(raw, text)
		if err != nil {
			return false, "", err
		}
		field.SetInt(int64(n))
	case typeList:
		items, err := p.items(raw, text)
		if err != nil || len(items) == 0 {
			return false, "", err
		}
		field.Set(reflect.ValueOf(items).Convert(field.Type()))
	}
	return true, "", nil
}

func (p Param) integer(raw any, text string) (int, error) {
	if number, ok := raw.(json.Number); ok {
		text = number.String()
	}
	n, err := strconv.Atoi(text)
	if err != nil || p.Min != nil && n < *p.Min || p.Max != nil && n > *p.Max {
		if p.Min != nil && p.Max != nil {
			return 0, p.mustBe(fmt.Sprintf("a whole number from %d to %d", *p.Min, *p.Max), raw)
		}
		return 0, p.mustBe("a whole number", raw)
	}
	return n, nil
}

// items reads a list: an array of strings, or one string that lists them.
func (p Param) items(raw any, text string) ([]string, error) {
	var items []string
	var n int
	switch v := raw.(type) {
	case string:
		var err error
		if items, n, err = listItems(text); err != nil {
			return nil, err
		}
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, p.mustBe("an array of strings, or one string with commas", e)
			}
			items = append(items, s)
		}
		n = len(items)
	default:
		return nil, p.mustBe("an array of strings, or one string with commas", raw)
	}
	if n > MaxItems {
		return nil, fmt.Errorf("has %d items; one call takes at most %d: split the list", n, MaxItems)
	}
	var out []string
	seen := map[string]bool{}
	for _, item := range items {
		item = strings.TrimSpace(item)
		if item == "" || seen[strings.ToLower(item)] {
			continue
		}
		seen[strings.ToLower(item)] = true
		if err := p.unfilled(item); err != nil {
			return nil, err
		}
		if err := checkIdentifier(item, p.users); err != nil {
			return nil, err
		}
		if _, err := p.allow(item); err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// allow returns the value in the spelling of the allowed set. The error shows the value unless that
// may be a secret.
func (p Param) allow(value string) (string, error) {
	if p.Allowed == nil {
		return value, nil
	}
	i := slices.IndexFunc(p.Allowed, func(a string) bool { return strings.EqualFold(a, value) })
	if allowed := strings.Join(p.Allowed, ", "); i < 0 && p.withhold {
		return "", errors.New("is not one of " + allowed)
	} else if i < 0 {
		return "", fmt.Errorf("%q is not one of %s", Shorten(value), allowed)
	}
	return p.Allowed[i], nil
}
