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

// Invocation is a request that is bound to the declaration of its action.
type Invocation struct {
	Action   Action
	Request  Request
	Warnings []string // about entities and values that were ignored

	needsHTTP       []Problem       // the parameters that are secret or make the action return a secret
	secrets         []secrets.Value // the values of secret parameters
	users           []string        // of the parameter
	scope           []scopeEntity   // the entities that become targets
	ignoredEntities []ignoredEntity
	run             func(ctx context.Context, x *Execution) (*Result, error)
}

// InvalidError is the error of a request that is not valid.
type InvalidError struct {
	Problems []Problem // all of them
	Warnings []string  // about entities and values that would be ignored
}

// Error implements error.
func (e *InvalidError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the error for the caller.
func (e *InvalidError) Unwrap() error { return apierr.Invalid(e.Problems...) }

// Bind checks a request against the declaration of the action. The error is an *InvalidError, or of
// the code secret_needs_http.
func (a Action) Bind(r Request) (*Invocation, error) {
	inv, problems := a.bind(&a, r)
	switch {
	case r.NoSecrets && len(inv.needsHTTP) > 0:
		return nil, errNeedsHTTP(inv.needsHTTP)
	case len(problems) > 0:
		return nil, &InvalidError{Problems: problems, Warnings: inv.Warnings}
	}
	return inv, nil
}

// CodeNeedsHTTP is the error code of a request with NoSecrets that would hold or return a secret.
const CodeNeedsHTTP = "secret_needs_http"

func errNeedsHTTP(problems []Problem) error {
	reasons := make([]string, len(problems))
	for i, p := range problems {
		reasons[i] = strings.TrimSpace(p.Parameter + " " + p.Message)
	}
	return &apierr.Error{
		Kind: apierr.BadRequest, Code: CodeNeedsHTTP,
		Message: apierr.Sentence("; ", reasons...), Problems: problems,
	}
}

// binder sets the fields of an action's parameters from one request.
type binder struct {
	inv        *Invocation
	params     reflect.Value   // the struct with the fields
	given      map[string]any  // values by the parameter's name
	misspelled map[string]bool // parameters that an unknown name probably means
	problems   []Problem
	repeated   []Problem // secrets that are also in values that replies show
}

func bind(a *Action, r Request, params reflect.Value) (*Invocation, []Problem) {
	b := binder{inv: &Invocation{Action: *a, Request: r}, params: params}
	b.given, b.misspelled, b.problems = match(a, r.Parameters)
	if a.Mutates {
		b.problems = append(b.problems, emptyOptions(r.EmptyOptions)...)
	}
	b.problems = append(b.problems, ifStateProblems(a, r.Options.IfState)...)
	for _, p := range a.Params {
		b.bindParam(p)
	}
	if p, is := returnsSecret(a, params); is {
		b.inv.needsHTTP = append(b.inv.needsHTTP, p)
	}
	if len(b.repeated) > 0 { // warnings and problems about entities could show the secret
		return b.inv, append(b.repeated, b.problems...)
	}
	b.bindTargets()
	return b.inv, b.problems
}

// bindParam sets the field of one parameter to the given value or to its default.
func (b *binder) bindParam(p Param) {
	field := b.params.FieldByIndex(p.index)
	if p.Default != nil {
		field.Set(reflect.ValueOf(p.Default).Convert(field.Type()))
	}
	raw, ok := b.given[p.Name]
	if ok && p.Secret {
		b.noteSecret(p, raw)
	}
	if ok {
		var warning string
		var err error
		ok, warning, err = p.set(field, raw)
		if err != nil {
			b.problems = append(b.problems, Problem{Parameter: p.Name, Message: err.Error()})
			return
		}
		if warning != "" {
			b.inv.Warnings = append(b.inv.Warnings, p.Name+": "+warning)
		}
	}
	if !ok && p.Required && !b.misspelled[p.Name] {
		b.problems = append(b.problems, Problem{Parameter: p.Name, Message: "is required: " + lowerFirst(p.Description)})
	}
}

// noteSecret records the value of a secret parameter, valid or not.
func (b *binder) noteSecret(p Param, raw any) {
	if text, is := raw.(string); is {
		b.inv.secrets = append(b.inv.secrets, secrets.New(text))
	}
	if raw == nil || raw == "" {
		return
	}
	problem := Problem{Parameter: p.Name, Message: "is a secret: send the request over HTTP"}
	b.inv.needsHTTP = append(b.inv.needsHTTP, problem)
	b.repeated = append(b.repeated, repeatedSecret(&b.inv.Action, p, b.given, b.inv.Request.Entities)...)
}

// bindTargets takes the entities in scope, and reports a parameter for users that is empty if no
// entity is a target either.
func (b *binder) bindTargets() {
	inScope := false
	if on, ok := b.params.Interface().(interface{ onScope() bool }); ok {
		inScope = on.onScope()
	}
	inv := b.inv
	b.problems = append(b.problems, inv.bindEntities(inv.Request.Entities, inScope)...)
	inv.Warnings = append(inv.Warnings, ignoredWarnings(inv.ignoredEntities)...)
	for _, p := range inv.Action.Params {
		if p.users {
			inv.users = b.params.FieldByIndex(p.index).Interface().(Users)
		}
		bad := slices.ContainsFunc(b.problems, func(q Problem) bool { return q.Parameter == p.Name })
		empty := p.users && b.params.FieldByIndex(p.index).Len() == 0 && len(inv.scope) == 0
		if empty && !bad && !b.misspelled[p.Name] {
			b.problems = append(b.problems, noTarget(&inv.Action, p.Name, inScope, inv.ignoredEntities))
		}
	}
}

func (s ScopeOn) onScope() bool  { return s.AlsoRunOnScope }
func (s ScopeOff) onScope() bool { return s.AlsoRunOnScope }

// noTarget returns the problem of a request without a user in the parameter or in the entities.
func noTarget(a *Action, param string, inScope bool, ignored []ignoredEntity) Problem {
	text := "no user is named: give IDs, logins or e-mail addresses"
	switch {
	case len(a.RunsOn) == 0:
	case len(ignored) > 0:
		text += "; " + strings.Join(ignoredReasons(ignored), "; ")
	case inScope:
		text += ", or entities of the type " + strings.Join(entityTypes(a.RunsOn), " or ")
	default:
		text += ", or turn on " + ScopeParameter + " with user entities"
	}
	return Problem{Parameter: param, Message: text}
}

// match assigns the values to the parameters by their names. misspelled holds the parameters that
// an unknown name probably means: they are not reported as missing.
func match(a *Action, params map[string]any) (given map[string]any, misspelled map[string]bool, problems []Problem) {
	known := map[string]string{}
	for _, p := range a.Params {
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			known[fold(n)] = p.Name
		}
	}
	given, misspelled = map[string]any{}, map[string]bool{}
	spelled := map[string]string{}
	for _, name := range sortedKeys(params) {
		canonical, ok := known[fold(name)]
		switch {
		case !ok:
			near := nearest(fold(name), known)
			misspelled[near] = true
			problems = append(problems, Problem{Parameter: Shorten(name), Message: unknownName(a, near)})
		case spelled[canonical] != "":
			message := fmt.Sprintf("is given twice, as %q and %q", spelled[canonical], name)
			problems = append(problems, Problem{Parameter: canonical, Message: message})
		default:
			given[canonical], spelled[canonical] = params[name], name
		}
	}
	return given, misspelled, problems
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
