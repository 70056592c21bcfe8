// Package contract tests the rules that hold for every action. The tests loop over the catalog and take
// valid requests from each action's own example, so an action is covered by being declared.
package contract_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/test/testkit"
)

// subject is one action, served in a separate World.
type subject struct {
	*testkit.World
	group  action.Group
	action action.Action
}

// eachAction runs a test for every action of the catalog.
func eachAction(t *testing.T, o testkit.Options, test func(t *testing.T, s subject)) {
	t.Parallel()
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			t.Run(g.Name+"/"+a.Slug, func(t *testing.T) {
				t.Parallel()
				test(t, subject{testkit.New(t, o), g, a})
			})
		}
	}
}

func (s subject) path() string { return s.group.Name + "/" + s.action.Slug }

// run asks for the action, checks the reply's form, and that a refused request has not reached Okta.
func (s subject) run(t *testing.T, body any) testkit.Reply {
	t.Helper()
	before := len(s.Okta.Requests())
	r := s.Run(s.path(), body)
	checkReply(t, &s.action, r)
	if r.HTTP == 400 && len(s.Okta.Requests()) > before {
		t.Errorf("the request is refused, but Okta was asked: %v", s.Asked()[before:])
	}
	return r
}

// refused asks for the action and wants a 400 with a problem that names the parameter and says all of the words.
func (s subject) refused(t *testing.T, body any, parameter string, words ...string) testkit.Reply {
	t.Helper()
	r := s.run(t, body)
	if r.HTTP != 400 || r.Get("error", "code") != "invalid_request" {
		t.Errorf("%d %s for %v, want 400 invalid_request", r.HTTP, r.Get("output_message"), body)
		return r
	}
	problems, _ := r.Get("error", "problems").([]any)
	i := slices.IndexFunc(problems, func(p any) bool { return p.(map[string]any)["parameter"] == parameter })
	if i < 0 {
		t.Errorf("no problem names %q: %v", parameter, problems)
		return r
	}
	for _, word := range words {
		if message := problems[i].(map[string]any)["message"].(string); !strings.Contains(message, word) {
			t.Errorf("the problem of %q does not say %q: %s", parameter, word, message)
		}
	}
	return r
}

// request is the body of a call.
type request struct {
	Action     string          `json:"action,omitempty"`
	Parameters map[string]any  `json:"parameters,omitempty"`
	Entities   []action.Entity `json:"entities,omitempty"`
	Context    map[string]any  `json:"context,omitempty"`
	Options    map[string]bool `json:"options,omitempty"`
}

// example is the request that the action declares as its example.
func (s subject) example() request {
	return request{Parameters: maps.Clone(s.action.Example.Parameters), Entities: slices.Clone(s.action.Example.Entities)}
}

func (r request) with(parameter string, value any) request {
	r.Parameters = maps.Clone(r.Parameters)
	if r.Parameters == nil {
		r.Parameters = map[string]any{}
	}
	r.Parameters[parameter] = value
	return r
}

func (r request) without(parameter string) request {
	r.Parameters = maps.Clone(r.Parameters)
	delete(r.Parameters, parameter)
	return r
}

func (r request) String() string {
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// value is a valid value for a parameter: the example's, or one that its declaration allows.
func (s subject) value(p action.Param) any {
	if v, ok := s.action.Example.Parameters[p.Name]; ok {
		return v
	}
	switch {
	case s.action.Slug == "search-system-log" && p.Name == "Filter":
		return `outcome.result eq "SUCCESS"`
	case p.Secret:
		return s.Key.PEM().Reveal()
	case strings.Contains(p.Name, "URL"):
		return testkit.Issuer
	case p.Type == "boolean":
		return true
	case p.Type == "integer":
		return *p.Min
	}
	return "alice"
}

// users returns the parameter that names users, "" if the action has none.
func (s subject) users() string {
	if !s.action.TakesUsers() {
		return ""
	}
	i := slices.IndexFunc(s.action.Params, func(p action.Param) bool { return p.Type == "list" && strings.HasPrefix(p.Name, "User") })
	return s.action.Params[i].Name
}

// firstUser returns the first user that the example names.
func (s subject) firstUser() string {
	user, _, _ := strings.Cut(s.action.Example.Parameters[s.users()].(string), ",")
	return user
}

// respell returns an equivalent spelling of a name.
func respell(name string) string {
	return strings.ToUpper(name[:1]) + "-" + strings.ReplaceAll(strings.ToLower(name[1:]), " ", "_")
}

func TestExample_OfEveryActionWorks(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		r := s.run(t, s.example())
		if r.HTTP != 200 || r.Get("status") == "failure" {
			t.Errorf("the reply to the declared example is %d %s", r.HTTP, r.Get("output_message"))
		}
	})
}

func TestInvocationID_IsUnique(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	seen := map[any]bool{}
	for _, g := range handlers.Groups {
		for _, path := range []string{"/ping", "/ping", "/nothing", "/"} {
			id := w.Run(g.Name+path, "{}").Get("invocation_id")
			if seen[id] {
				t.Errorf("%s%s: the invocation_id %v was given before", g.Name, path, id)
			}
			seen[id] = true
		}
	}
}
