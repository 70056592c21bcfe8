package contract_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/test/testkit"
)

func TestRoutes_WrongMethodNamesTheAllowed(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		allow := "POST"
		if s.action.Slug == "ping" {
			allow = "GET, POST"
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "SUSPEND"} {
			if strings.Contains(allow, method) {
				continue
			}
			r := s.Do(method, s.path(), "", nil)
			checkReply(t, &s.action, r)
			if r.HTTP != 405 || r.Header.Get("Allow") != allow || r.Get("error", "code") != "method_not_allowed" {
				t.Errorf("%s: %d, Allow %q", method, r.HTTP, r.Header.Get("Allow"))
			}
		}
		if asked := s.Asked(); len(asked) > 0 {
			t.Errorf("Okta was asked %v", asked)
		}
	})
}

func TestRoutes_NamesOfAnActionAreEquivalent(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		named := func(name string) request {
			r := s.example()
			r.Action = name
			return r
		}
		want := s.run(t, s.example())
		for _, way := range []struct {
			path string
			body request
		}{
			{s.path() + "/", s.example()},
			{s.path(), named(s.action.Name)},
			{s.path(), named(s.action.Slug)},
			{s.group.Name, named(s.action.Name)},
			{s.group.Name + "/", named(s.action.Name)},
			{s.group.Name + "/", named(s.action.Slug)},
			{s.group.Name + "/", named(strings.ToUpper(s.action.Name))},
		} {
			s.Okta.Reset()
			r := s.Run(way.path, way.body)
			checkReply(t, &s.action, r)
			if r.HTTP != want.HTTP || r.Get("output_message") != want.Get("output_message") || !cmp.Equal(r.Outcomes(), want.Outcomes()) {
				t.Errorf("POST /%s %s: %d %s, want %d %s", way.path, way.body, r.HTTP, r.Get("output_message"), want.HTTP, want.Get("output_message"))
			}
		}
	})
}

func TestRoutes_PingAcceptsGet(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if s.action.Slug != "ping" {
			return
		}
		for _, path := range []string{s.path(), s.path() + "/"} {
			r := s.Do(http.MethodGet, path, "", nil)
			checkReply(t, &s.action, r)
			if r.HTTP != 200 || !strings.HasPrefix(r.Get("output_message").(string), "Successfully connected to the Okta organization") {
				t.Errorf("GET /%s: %d %s", path, r.HTTP, r.Get("output_message"))
			}
		}
	})
}

func TestRoutes_ActionOfAnotherGroupNamesItsFunction(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if s.action.Slug == "ping" { // every group has it
			return
		}
		for _, g := range handlers.Groups {
			if g.Name == s.group.Name {
				continue
			}
			r := s.example()
			r.Action = s.action.Name
			for _, reply := range []testkit.Reply{s.Run(g.Name+"/"+s.action.Slug, s.example()), s.Run(g.Name+"/", r)} {
				checkReply(t, nil, reply)
				if message, _ := reply.Get("error", "message").(string); reply.HTTP != 404 || !strings.Contains(message, s.group.Function) {
					t.Errorf("%s: %d %s, want 404 and %s", g.Name, reply.HTTP, message, s.group.Function)
				}
			}
			// The path decides; a body that says something else is in doubt.
			reply := s.Run(g.Name+"/ping", r)
			if reply.HTTP != 404 {
				t.Errorf("%s: the path says Ping, the body %s: %d", g.Name, s.action.Name, reply.HTTP)
			}
		}
		if asked := s.Asked(); len(asked) > 0 {
			t.Errorf("Okta was asked %v", asked)
		}
	})
}

func TestRoutes_PathAndBodyMustAgree(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		r := s.example()
		for _, other := range s.group.Actions {
			if r.Action = other.Name; other.Slug != s.action.Slug {
				s.refused(t, r, "action", s.action.Name, other.Name)
			}
		}
	})
}

func TestRoutes_UnknownActionListsTheKnown(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, g := range handlers.Groups {
		for _, r := range []testkit.Reply{
			w.Run(g.Name+"/do-magic", "{}"), w.Run(g.Name+"/ping/ping", "{}"), w.Do(http.MethodGet, g.Name+"/do-magic", "", nil),
			w.Run(g.Name, request{Action: "Do Magic"}),
		} {
			checkReply(t, nil, r)
			message, _ := r.Get("error", "message").(string)
			if r.HTTP != 404 || !strings.Contains(message, "ping") || !strings.Contains(message, g.Function) {
				t.Errorf("%s: %d %s", g.Name, r.HTTP, message)
			}
		}
		r := w.Run(g.Name, "{}")
		checkReply(t, nil, r)
		if r.HTTP != 400 || r.Get("error", "problems", 0, "parameter") != "action" {
			t.Errorf("%s without an action: %d %s", g.Name, r.HTTP, r.Body)
		}
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("Okta was asked %v", asked)
	}
}

func TestRoutes_ActionsListTheDeclarations(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, g := range handlers.Groups {
		actions := []any{}
		for _, a := range g.Actions {
			parameters := []any{}
			for _, p := range a.Params {
				member := map[string]any{
					"name": p.Name, "type": p.Type, "description": p.Description, "default": p.Default, "required": p.Required, "secret": p.Secret,
				}
				if p.Allowed != nil {
					member["allowed_values"] = p.Allowed
				}
				if p.Choices != nil {
					member["choices"] = p.Choices
				}
				if p.Aliases != nil {
					member["aliases"] = p.Aliases
				}
				if p.Min != nil {
					member["minimum"] = *p.Min
				}
				if p.Max != nil {
					member["maximum"] = *p.Max
				}
				parameters = append(parameters, member)
			}
			entry := map[string]any{
				"name": a.Name, "slug": a.Slug, "summary": a.Summary, "mutates": a.Mutates, "outcome_category": a.Category, "read_back": a.ReadBack, "parameters": parameters,
				"entity_types": append([]action.EntityType{}, a.RunsOn...), "oauth_scopes": append([]string{}, a.OktaScopes...),
				"guardrail_scopes": a.GuardrailScopes(), "optional_scopes": append([]string{}, a.OptionalScopes...),
			}
			if a.Aliases != nil {
				entry["aliases"] = a.Aliases
			}
			actions = append(actions, entry)
		}
		want := map[string]any{"group": g.Name, "function": g.Function, "summary": g.Summary, "actions": actions}
		for _, path := range []string{g.Name + "/actions", g.Name + "/actions/"} {
			got := w.Do(http.MethodGet, path, "", nil)
			if diff := cmp.Diff(normal(t, want), normal(t, got.JSON)); got.HTTP != 200 || diff != "" {
				t.Errorf("GET /%s: %d (-want +got):\n%s", path, got.HTTP, diff)
			}
		}
	}
}

// normal is v as encoding/json reads back what it writes.
func normal(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRoutes_ReadOnlyPathsRefusePost(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, g := range handlers.Groups {
		for _, path := range []string{"/actions", "/openapi.json", "/health"} {
			r := w.Run(g.Name+path, "{}")
			checkReply(t, nil, r)
			if r.HTTP != 405 || r.Header.Get("Allow") != "GET" {
				t.Errorf("POST /%s%s: %d, Allow %q", g.Name, path, r.HTTP, r.Header.Get("Allow"))
			}
		}
	}
}
