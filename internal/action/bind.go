package action

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

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
	ignored []ignoredEntity       // entities that are not
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
	problems = append(problems, inv.bindEntities(r.Entities, inScope)...)
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
func noTarget(a *Action, param string, inScope bool, ignored []ignoredEntity) Problem {
	text := "no user is named: give ids, logins or e-mail addresses"
	switch {
	case len(a.RunsOn) == 0:
	case len(ignored) > 0:
		text += "; " + strings.Join(ignoredReasons(ignored), "; ")
	case inScope:
		text += ", or entities of the type " + strings.Join(entityTypes(a.RunsOn), " or ")
	default:
		text += ", or turn on " + scopeName + " with user entities"
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
