package action_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
)

// deps returns the dependencies of an action for a test.
func deps() action.Deps {
	return action.Deps{
		MaxTargets: 100, Workers: 4, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Guardrails: action.NewGuardrails(nil, guardrail.NewCounter(&guardrail.Memory{}, time.Now)),
	}
}

// bound declares an action with the parameters P and returns their values for a request.
func bound[P any](t *testing.T, r action.Request) (P, *action.Result, []action.Problem) {
	t.Helper()
	var got P
	spec := action.Spec{Name: "Try It", Summary: "Try it."}
	if _, ok := any(got).(interface{ OnEntities() }); ok {
		spec.RunsOn = action.UserEntities
	}
	a := action.Define(spec, func(_ context.Context, _ *action.Execution, p P) (*action.Result, error) {
		got = p
		return nil, nil
	})
	inv, err := a.Bind(r)
	if err != nil {
		if inv != nil || !apierr.Is(err, apierr.BadRequest) {
			t.Errorf("a request with problems can be run, or its error is not a bad request: %v", err)
		}
		return got, nil, problemsOf(err)
	}
	result, err := inv.Run(t.Context(), deps(), action.Run{})
	if err != nil {
		t.Fatal(err)
	}
	return got, result, nil
}

// problemsOf returns the problems that an error of Bind lists.
func problemsOf(err error) []action.Problem {
	var invalid *action.InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	return invalid.Problems
}

// given returns a request with these parameters, decoded from JSON.
func given(t *testing.T, parameters string) action.Request {
	t.Helper()
	var r action.Request
	d := json.NewDecoder(strings.NewReader(parameters))
	d.UseNumber()
	if err := d.Decode(&r.Parameters); err != nil {
		t.Fatal(err)
	}
	return r
}

// wantProblem checks the only problem of a request.
func wantProblem(t *testing.T, problems []action.Problem, parameter, words string) {
	t.Helper()
	if len(problems) != 1 || problems[0].Parameter != parameter || !strings.Contains(problems[0].Message, words) {
		t.Errorf("problems are %q, want one of %q: %q", problems, parameter, words)
	}
}

// each runs an action that mutates or reads on the names.
func each(t *testing.T, ctx context.Context, d action.Deps, o action.Options, mutates bool, names []string, plan func(ctx context.Context, name string) (action.Plan, error)) (*action.Result, error) {
	t.Helper()
	words := action.Words{Noun: "group", Changed: "Changed", Unchanged: "Left alone", Planned: "Would change"}
	a := action.Define(action.Spec{Name: "Try It", Summary: "Try it.", Mutates: mutates, Category: action.UpdatesIdentity}, func(ctx context.Context, x *action.Execution, _ struct{}) (*action.Result, error) {
		return x.Each(ctx, names, words, plan)
	})
	inv, err := a.Bind(action.Request{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	return inv.Run(ctx, d, action.Run{})
}

// byName plans the outcome or the panic that a name begins with; a number makes names distinct.
func byName(_ context.Context, name string) (action.Plan, error) {
	write := func(done action.WriteResult, err error) (action.Plan, error) {
		return action.Plan{Before: action.State{"is": "old"}, After: action.State{"is": "new"}, Write: func(context.Context, *okta.Client) (action.WriteResult, error) { return done, err }}, nil
	}
	switch strings.TrimRight(name, "0123456789") {
	case "changed":
		return write(action.WriteResult{Value: name}, nil)
	case "unchanged":
		return action.Plan{Before: action.State{"is": "new"}, Value: name}, nil
	case "found":
		return action.Plan{Value: name}, nil
	case "half": // a part is changed, and the rest fails
		return write(action.WriteResult{Touched: true}, apierr.New(apierr.Rejected, "E1", "Okta refused the rest", nil))
	case "not_found":
		return action.Plan{}, apierr.New(apierr.NotFound, "E0000007", "no such group", nil)
	case "wrong_state":
		return action.Plan{Before: action.State{"is": "odd"}}, apierr.New(apierr.WrongState, "wrong_state", "it is odd.", nil)
	case "refused":
		return action.Plan{}, apierr.New(apierr.Refused, "protected", "it is protected", nil)
	case "failed":
		return write(action.WriteResult{}, apierr.New(apierr.Rejected, "E1", "Okta refused it", nil))
	case "panic":
		panic("canary-of-the-panic")
	}
	panic("no plan for " + name)
}

func outcomes(r *action.Result) []string {
	var out []string
	for _, t := range r.Targets {
		out = append(out, string(t.Outcome))
	}
	return out
}

func TestGroup_FindsNameAndSlugInAnySpelling(t *testing.T) {
	t.Parallel()
	define := func(name string) action.Action {
		return action.Define(action.Spec{Name: name, Summary: "Do."}, func(context.Context, *action.Execution, struct{}) (*action.Result, error) { return nil, nil })
	}
	g := action.Group{Actions: []action.Action{define("Clear Okta User Session"), define("Ping")}}
	for _, name := range []string{"Clear Okta User Session", "clear-okta-user-session", "CLEAR_OKTA_USER_SESSION", "clearoktausersession"} {
		if a, ok := g.Find(name); !ok || a.Slug != "clear-okta-user-session" {
			t.Errorf("%q finds %q", name, a.Slug)
		}
	}
	for _, name := range []string{"", "clear", "pingg"} {
		if a, ok := g.Find(name); ok {
			t.Errorf("%q finds %q", name, a.Name)
		}
	}
}

func TestCatalog_IsComplete(t *testing.T) {
	t.Parallel()
	type params struct {
		Users  action.Users  `param:"User IDs" alias:"User IDs Or Logins" help:"Users."`
		Secret secrets.Value `param:"New Password" required:"true" secret:"true" help:"A password."`
		Level  level         `param:"Level" help:"How much."`
		Limit  int           `param:"Limit" default:"20" min:"1" max:"50" help:"The most."`
		action.ScopeOff
	}
	a := action.Define(action.Spec{Name: "Try It", Summary: "Try it.", RunsOn: []action.EntityType{action.UserEntity}, OktaScopes: []string{"okta.users.read"}, Mutates: true, Category: action.UpdatesIdentity},
		func(context.Context, *action.Execution, params) (*action.Result, error) { return nil, nil })
	bare := action.Define(action.Spec{Name: "Ping", Summary: "Ping."}, func(context.Context, *action.Execution, struct{}) (*action.Result, error) { return nil, nil })
	g := action.Group{Name: "users", Function: "OktaUsers", Summary: "Users.", Actions: []action.Action{a, bare}}
	got, err := json.Marshal(g.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Compact(&want, []byte(`{
		"group": "users", "function": "OktaUsers", "summary": "Users.",
		"actions": [
			{"name": "Try It", "slug": "try-it", "summary": "Try it.", "mutates": true, "outcome_category": "update_identity", "read_back": false, "parameters": [
				{"name": "User IDs", "type": "list", "description": "Users.", "default": null, "required": false, "secret": false, "aliases": ["User IDs Or Logins"]},
				{"name": "New Password", "type": "string", "description": "A password.", "default": null, "required": true, "secret": true},
				{"name": "Level", "type": "string", "description": "How much.", "default": null, "required": false, "secret": false, "allowed_values": ["Low", "High"]},
				{"name": "Limit", "type": "integer", "description": "The most.", "default": 20, "required": false, "secret": false, "minimum": 1, "maximum": 50},
				{"name": "Also Run On Scope", "type": "boolean", "description": "Run on the entities in scope as well as on the input; off runs on the input only.", "default": false, "required": false, "secret": false}
			], "entity_types": ["USERUNIQNAME"], "oauth_scopes": ["okta.users.read"], "optional_scopes": [], "guardrail_scopes": ["okta.roles.read"]},
			{"name": "Ping", "slug": "ping", "summary": "Ping.", "mutates": false, "outcome_category": "enrich_asset", "read_back": false, "parameters": [], "entity_types": [], "oauth_scopes": [], "optional_scopes": [], "guardrail_scopes": []}
		]}`)); err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("the catalog is\n%s\nwant\n%s", got, want.String())
	}
	if !a.TakesUsers() || bare.TakesUsers() || !g.NeedsOkta() || (action.Group{Actions: []action.Action{bare}}).NeedsOkta() {
		t.Error("TakesUsers or NeedsOkta is wrong")
	}
}

func TestDefine_PanicsOnMalformedDeclaration(t *testing.T) {
	t.Parallel()
	spec := action.Spec{Name: "Try It", Summary: "Try it."}
	runs := action.Spec{Name: "Try It", Summary: "Try it.", RunsOn: action.UserEntities}
	for name, define := range map[string]func(){
		"no name":                  func() { declare[struct{}](action.Spec{Summary: "Try it."}) },
		"no summary":               func() { declare[struct{}](action.Spec{Name: "Try It"}) },
		"entities without a scope": func() { declare[struct{}](runs) },
		"a scope without entities": func() { declare[struct{ action.ScopeOn }](spec) },
		"a read that is not idempotent": func() {
			declare[struct{}](action.Spec{Name: "Try It", Summary: "Try it.", NonIdempotent: true})
		},
		"a read that is read back": func() { declare[struct{}](action.Spec{Name: "Try It", Summary: "Try it.", ReadBack: true}) },
		"no struct":                func() { declare[int](spec) },
		"a field without a name":   func() { declare[struct{ Users string }](spec) },
		"a field that cannot be set": func() {
			declare[struct {
				users string `param:"Users" help:"Users."`
			}](spec)
		},
		"no help": func() {
			declare[struct {
				Users string `param:"Users"`
			}](spec)
		},
		"a type that no parameter has": func() {
			declare[struct {
				F float64 `param:"F" help:"F."`
			}](spec)
		},
		"a default that is not a boolean": func() {
			declare[struct {
				B bool `param:"B" default:"on" help:"B."`
			}](spec)
		},
		"a default that is not a number": func() {
			declare[struct {
				I int `param:"I" default:"ten" help:"I."`
			}](spec)
		},
		"a default of a string": func() {
			declare[struct {
				S string `param:"S" default:"x" help:"S."`
			}](spec)
		},
		"a bound that is not a number": func() {
			declare[struct {
				I int `param:"I" min:"few" help:"I."`
			}](spec)
		},
		"one name twice": func() {
			declare[struct {
				A string `param:"User ID" help:"A."`
				B string `param:"user_id" help:"B."`
			}](spec)
		},
		"an alias that is another's name": func() {
			declare[struct {
				A string `param:"A" help:"A."`
				B string `param:"B" alias:"C,a" help:"B."`
			}](spec)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the declaration was accepted")
				}
			}()
			define()
		})
	}
}

func declare[P any](s action.Spec) {
	action.Define(s, func(context.Context, *action.Execution, P) (*action.Result, error) { return nil, nil })
}

// level is a parameter with a fixed set of values.
type level string

func (level) Allowed() []string { return []string{"Low", "High"} }

// switched is a parameter type that decodes its value.
type switched struct{ on bool }

func (s *switched) UnmarshalParam(text string) (string, error) {
	if !slices.Contains([]string{"up", "down", "true"}, text) {
		return "", apierr.New(apierr.BadRequest, "", "must be up or down", nil)
	}
	s.on = text == "up"
	if text == "true" {
		return "is ignored: say up or down", nil
	}
	return "", nil
}
