// Package action says what an action is: its declaration, the decoding of its parameters, its targets,
// and the result. It knows no HTTP.
//
// An action is one Go value, made by Define from a Spec and a typed function. Routing, decoding, the
// catalog, OpenAPI and the documentation all derive from that value, so a name is written once.
package action

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// EntityType is a type of SecOps entity, in SecOps' own words.
type EntityType string

// The entity types that actions run on.
const (
	UserEntity EntityType = "USERUNIQNAME"
	HostEntity EntityType = "HOSTNAME"
)

// UserEntities is what the product document calls running on User and Hostname.
var UserEntities = []EntityType{UserEntity, HostEntity}

// Spec is what an action declares of itself besides its parameters.
type Spec struct {
	Name       string       // "Disable User"
	Summary    string       // one sentence
	RunsOn     []EntityType // entities that become targets while Also Run On Scope is on
	OktaScopes []string     // the least OAuth scopes it needs
	Mutates    bool         // it changes something in Okta
	// ReadBack says that the result of the action can be read back from Okta later, so that a
	// replay of a kept reply can tell whether it still holds.
	ReadBack bool
	// Failure begins the output message when nothing was achieved;
	// empty: `Error executing action "<Name>". Reason: `.
	Failure string
	Aliases []string // other names under which callers may ask for it
	Example Example
	// SecretResults are the members of json_result that are secret: they are shown once and kept nowhere. The parameters
	// of an action that has any are a SecretReturner.
	SecretResults []string
}

// SecretReturner is implemented by the parameters of actions that may return a secret.
type SecretReturner interface {
	ReturnsSecret() bool // with these parameters
}

// Example is a request that shows the action at work on the seeded org of the local product.
type Example struct {
	Parameters map[string]any
	Entities   []Entity
}

// Action is a declared action. The zero value is of no use; make one with Define.
type Action struct {
	Spec
	Slug   string // "disable-user"
	Params []Param

	bind func(a *Action, r Request) (*Invocation, []Problem)
}

// Group is a set of actions that is deployed as one function, with one identity and its own secrets.
type Group struct {
	Name     string // "users": the path prefix
	Function string // "OktaUsers": the function target
	Summary  string
	Signs    bool // its actions sign security event tokens: this group alone reads the signing key
	Actions  []Action
}

// EventFunction is the function target that takes the group's Pub/Sub messages as events.
func (g Group) EventFunction() string { return g.Function + "Event" }

// Names are the action's name and its aliases.
func (a Action) Names() []string { return append([]string{a.Name}, a.Aliases...) }

// Slugs are the action's slug and those of its aliases.
func (a Action) Slugs() []string {
	slugs := a.Names()
	for i, name := range slugs {
		slugs[i] = slugOf(name)
	}
	return slugs
}

func slugOf(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

// Find returns the action of this name, alias or slug, in any spelling that parameters allow too.
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

// NeedsOkta tells whether any action of the group calls Okta's API with credentials.
func (g Group) NeedsOkta() bool {
	return slices.ContainsFunc(g.Actions, func(a Action) bool { return len(a.OktaScopes) > 0 })
}

// Scopes are the OAuth scopes of all actions of the group, each once, in order.
func (g Group) Scopes() []string {
	var all []string
	for _, a := range g.Actions {
		all = append(all, a.OktaScopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// FailureText is the output message of a run that achieved nothing.
func (a Action) FailureText(reason string) string {
	if a.Failure != "" {
		return a.Failure + reason
	}
	return FailureText(a.Name, reason)
}

// FailureText is the output message of a failed action that has no words of its own.
func FailureText(name, reason string) string {
	if name == "" {
		return "Error executing action (none named). Reason: " + reason
	}
	return fmt.Sprintf("Error executing action %q. Reason: %s", name, reason)
}

// TakesUsers tells whether the action's targets are users.
func (a Action) TakesUsers() bool {
	return slices.ContainsFunc(a.Params, func(p Param) bool { return p.users })
}

// Define makes an action of its declaration. P is a struct whose fields are the parameters, by tags:
//
//	param    the name in the product document
//	alias    other names for it, separated by commas
//	help     what it is, for the catalog
//	default  the value when it is not given
//	required "true": it must be given
//	secret   "true": it is never logged or echoed
//	min, max bounds of an integer, inclusive
//
// A field's type is string, bool, int, []string, Users, or secrets.Value for a secret. NamedUsers, and
// ScopeOn or ScopeOff where the action runs on entities, are embedded. A type of one's own may implement Allower or
// ParamUnmarshaler. Define panics on a malformed declaration: importing the catalog finds it, so it cannot be deployed.
func Define[P any](spec Spec, run func(ctx context.Context, c *Execution, p P) (*Result, error)) Action {
	a := Action{Spec: spec, Slug: slugOf(spec.Name), Params: paramsOf(reflect.TypeFor[P]())}
	secret := slices.ContainsFunc(a.Params, func(p Param) bool { return p.Secret })
	for i := range a.Params {
		a.Params[i].mutates, a.Params[i].hideValue = spec.Mutates, secret
	}
	if spec.Name == "" || spec.Summary == "" {
		panic(fmt.Sprintf("action %q: a name and a summary are required", spec.Name))
	}
	if (len(spec.RunsOn) > 0) != slices.ContainsFunc(a.Params, func(p Param) bool { return p.Name == scopeName }) {
		panic(fmt.Sprintf("action %q: RunsOn and %s go together", spec.Name, scopeName))
	}
	if _, is := any(*new(P)).(SecretReturner); is != (len(spec.SecretResults) > 0) {
		panic(fmt.Sprintf("action %q: SecretResults and parameters with ReturnsSecret go together", spec.Name))
	}
	if spec.ReadBack && !spec.Mutates {
		panic(fmt.Sprintf("action %q: ReadBack needs Mutates", spec.Name))
	}
	a.bind = func(a *Action, r Request) (*Invocation, []Problem) {
		var p P
		inv, problems := bind(a, r, reflect.ValueOf(&p).Elem())
		inv.run = func(ctx context.Context, c *Execution) (*Result, error) { return run(ctx, c, p) }
		return inv, problems
	}
	return a
}
