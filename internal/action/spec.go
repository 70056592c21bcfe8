// Package action declares and runs actions: their parameters, targets, plans and results. It does
// not depend on HTTP.
//
// An action is one Go value, which Define makes from a Spec and a typed function. Routing,
// decoding, the catalog, OpenAPI and the documentation derive from that value, so each name is
// written once.
//
// Unless a function documents its errors, it returns those of the Okta client and errors of the
// kind BadRequest, which list the problems of a request.
package action

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// EntityType is SecOps' name of a type of entity.
type EntityType string

// The entity types that actions run on.
const (
	UserEntity EntityType = "USERUNIQNAME"
	HostEntity EntityType = "HOSTNAME"
)

// UserEntities are the types of an action that runs on User and Hostname in the product document.
var UserEntities = []EntityType{UserEntity, HostEntity}

// Spec is the declaration of an action, except for its parameters.
type Spec struct {
	Name       string       // "Disable User"
	Summary    string       // one sentence
	RunsOn     []EntityType // the entities that become targets if Also Run On Scope is on
	OktaScopes []string     // the OAuth scopes that its requests need, and no others
	// OptionalScopes are the OAuth scopes of requests without which the action works: each has an
	// access token with its own scopes.
	OptionalScopes []string
	Mutates        bool // it changes something in Okta, or sends something to it
	// Category is the purpose of the action in SecOps. An action that mutates must have one.
	Category Category
	// NonIdempotent declares that a second write has another effect and that Okta's state does not
	// show the first. After a lost response such a write is not sent again, and the outcome is
	// unknown_result.
	NonIdempotent bool
	// ReadBack declares that the result can be read from Okta later, so that a replay of the stored
	// reply can check it.
	ReadBack bool
	// Failure begins the output message of a failure; empty: `Error executing action "<Name>".
	// Reason: `.
	Failure string
	Beyond  bool     // the product document does not have it
	Aliases []string // other names that callers may use
	Example Example
	// SecretResults are the members of json_result that are secret: they are returned once and not
	// stored. If there are any, the parameters must implement SecretReturner.
	SecretResults []string
}

// SecretReturner is implemented by the parameters of actions that may return a secret.
type SecretReturner interface {
	ReturnsSecret() bool // the action returns one with these parameters
}

// Example is a request for the documentation. Its targets exist in the seeded org of the emulator.
type Example struct {
	Entities   []Entity       `json:"entities,omitzero"`
	Parameters map[string]any `json:"parameters,omitzero"`
}

// Action is a declared action, made by Define.
type Action struct {
	Spec
	Slug   string // "disable-user"
	Params []Param

	bind func(a *Action, r Request) (*Invocation, []Problem)
}

// Group is a set of actions that are deployed as one function, with its own identity and secrets.
type Group struct {
	Name     string // "users": the path prefix
	Function string // "OktaUsers": the function target
	Summary  string
	Signs    bool // its actions sign security event tokens, so it reads the signing key
	Actions  []Action
}

// EventFunction returns the function target that receives the group's Pub/Sub messages as events.
func (g Group) EventFunction() string { return g.Function + "Event" }

// Names returns the action's name and its aliases.
func (a Action) Names() []string { return append([]string{a.Name}, a.Aliases...) }

// Slugs returns the slugs of the action's name and of its aliases.
func (a Action) Slugs() []string {
	slugs := a.Names()
	for i, name := range slugs {
		slugs[i] = slugOf(name)
	}
	return slugs
}

func slugOf(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

// Find returns the action with this name, alias or slug, compared as by SameName.
func (g Group) Find(nameOrSlug string) (Action, bool) {
	if len(nameOrSlug) > maxName {
		return Action{}, false
	}
	folded := fold(nameOrSlug)
	i := slices.IndexFunc(g.Actions, func(a Action) bool {
		return slices.ContainsFunc(a.Names(), func(name string) bool { return fold(name) == folded })
	})
	if i < 0 {
		return Action{}, false
	}
	return g.Actions[i], true
}

// NeedsOkta reports whether any action of the group calls Okta's API with credentials.
func (g Group) NeedsOkta() bool {
	return slices.ContainsFunc(g.Actions, func(a Action) bool { return len(a.OktaScopes) > 0 })
}

// Scopes returns the OAuth scopes of all actions of the group, sorted and without duplicates.
func (g Group) Scopes() []string {
	var all []string
	for _, a := range g.Actions {
		all = append(all, a.OktaScopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// OptionalScopes returns the optional OAuth scopes of the actions of the group that are not in
// Scopes, sorted and without duplicates.
func (g Group) OptionalScopes() []string {
	var all []string
	for _, a := range g.Actions {
		all = append(all, a.OptionalScopes...)
	}
	slices.Sort(all)
	needed := g.Scopes()
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return slices.Contains(needed, s) })
}

// FailureText returns the output message of a failure.
func (a Action) FailureText(reason string) string {
	if a.Failure != "" {
		return a.Failure + reason
	}
	return FailureText(a.Name, reason)
}

// FailureText returns the output message of a failure of an action without Spec.Failure. An empty
// name stands for a request without an action.
func FailureText(name, reason string) string {
	if name == "" {
		return "Error executing action (none named). Reason: " + reason
	}
	return fmt.Sprintf("Error executing action %q. Reason: %s", name, reason)
}

// TakesUsers reports whether the action's targets are users.
func (a Action) TakesUsers() bool {
	return slices.ContainsFunc(a.Params, func(p Param) bool { return p.users })
}

// ChangesUsers reports whether the action changes users: a request with a list of them can be a job, unless it holds or
// returns a secret.
func (a Action) ChangesUsers() bool { return a.Mutates && a.TakesUsers() }

// CanBeJob reports whether requests of the action can be jobs: it changes users, and does not always need a secret.
func (a Action) CanBeJob() bool {
	return a.ChangesUsers() && !slices.ContainsFunc(a.Params, func(p Param) bool { return p.Secret && p.Required })
}

// Define returns the action with this declaration. P is a struct whose fields are the parameters,
// with these tags:
//
//	param    the name in the product document
//	alias    other names, separated by commas
//	help     the description for the catalog
//	default  the value if the parameter is not given
//	required "true": it must be given
//	secret   "true": it is never logged or returned
//	min, max bounds of an integer, inclusive
//
// A field's type is string, bool, int, []string, Users, or secrets.Value for a secret; other types
// implement Allower or ParamUnmarshaler. An action on users embeds NamedUsers or NamedUserIDs, and
// ScopeOn or ScopeOff if it runs on entities. Define panics if the declaration is malformed: every
// test that imports the catalog then fails.
func Define[P any](spec Spec, run func(ctx context.Context, x *Execution, p P) (*Result, error)) Action {
	a := Action{Spec: spec, Slug: slugOf(spec.Name), Params: paramsOf(reflect.TypeFor[P]())}
	secret := slices.ContainsFunc(a.Params, func(p Param) bool { return p.Secret })
	for i := range a.Params {
		a.Params[i].mutates, a.Params[i].hideValue = spec.Mutates, secret
	}
	if spec.Name == "" || spec.Summary == "" {
		panic(fmt.Sprintf("action %q: a name and a summary are required", spec.Name))
	}
	if (len(spec.RunsOn) > 0) != slices.ContainsFunc(a.Params, func(p Param) bool { return p.Name == ScopeParameter }) {
		panic(fmt.Sprintf("action %q: RunsOn and %s go together", spec.Name, ScopeParameter))
	}
	if _, is := any(*new(P)).(SecretReturner); is != (len(spec.SecretResults) > 0) {
		panic(fmt.Sprintf("action %q: SecretResults and parameters with ReturnsSecret go together", spec.Name))
	}
	a.Category = categoryOf(spec)
	if (spec.ReadBack || spec.NonIdempotent) && !spec.Mutates {
		panic(fmt.Sprintf("action %q: ReadBack and NonIdempotent need Mutates", spec.Name))
	}
	a.bind = func(a *Action, r Request) (*Invocation, []Problem) {
		var p P
		inv, problems := bind(a, r, reflect.ValueOf(&p).Elem())
		inv.run = func(ctx context.Context, x *Execution) (*Result, error) { return run(ctx, x, p) }
		return inv, problems
	}
	return a
}
