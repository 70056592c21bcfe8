package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/audit"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/secrets"
)

type fuzzParams struct {
	Users  action.Users  `param:"User IDs" help:"Users."`
	Name   string        `param:"Name" help:"A name."`
	Limit  int           `param:"Limit" min:"1" max:"5" default:"2" help:"A number."`
	On     bool          `param:"On" default:"true" help:"A switch."`
	Secret secrets.Value `param:"New Password" secret:"true" help:"A secret."`
	action.ScopeOn
}

// FuzzRequest checks that the reply to any body is one JSON object that agrees with the status, and
// is never a 5xx and never contains the secret.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", `"x"`, "{", `{"parameters": {"User IDs": "alice, bob", "Limit": 3, "On": "true"}}`,
		`{"parameters": {"User IDs": ["a", "b"], "New Password": "a-secret-canary"}, "entities": [{"identifier": "BOB", "entity_type": "USERUNIQNAME"}]}`,
		`{"action": "do something", "context": {"case_id": "1"}, "options": {"dry_run": true, "verify": "false"}}`,
		`{"parameters": {"name": "x", "Name": "y"}}`, `{"parameters": {"Limit": 1e3}}`, `{"parameters": {"Limit": 999999999999999999999}}`,
		`{"a": {"a": {"a": {"a": {"a": 1}}}}}`, `{"parameters": {"User IDs": "[Event.x]"}}`, "{}{}", `{"parameters": {}, "parameters": {}}`, "\xff", `{"\u0000": "\ud800"}`,
	} {
		f.Add([]byte(body), "application/json")
	}
	f.Add([]byte("{}"), "text/plain")
	f.Add([]byte("{}"), `application/json; charset="utf-8"`)
	log := slog.New(slog.DiscardHandler)
	a := action.Define(action.Spec{Name: "Do Something", Summary: "Does.", RunsOn: []action.EntityType{action.UserEntity}, Mutates: true, Category: action.UpdatesIdentity},
		func(context.Context, *action.Execution, fuzzParams) (*action.Result, error) {
			return &action.Result{Message: "Done."}, nil
		})
	g := action.Group{Name: "things", Function: "OktaThings", Actions: []action.Action{a}}
	h := Handler(g, []action.Group{g}, keep(Setup{
		Caller: callerFunc(allowAny), Deadline: time.Minute, Log: log, InFlight: NewInFlightLimiter(1), Audit: audit.New(func() *slog.Logger { return log }, "", false),
		Deps: func(context.Context) (action.Deps, error) {
			return action.Deps{MaxTargets: 3, Workers: 1, Log: log, Now: time.Now, Guardrails: action.NewGuardrails(nil, guardrail.NewCounter(&guardrail.Memory{}, time.Now))}, nil
		},
	}))
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/do-something", strings.NewReader(string(body)))
		r.Header["Content-Type"] = []string{contentType}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var reply Reply
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil || !utf8.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %q: %v", w.Code, w.Body, err)
		}
		switch w.Code {
		case http.StatusOK:
			if !reply.IsSuccess || reply.Error != nil {
				t.Errorf("200 %s", w.Body)
			}
		case http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			if reply.IsSuccess || reply.Error == nil || reply.Error.Message == "" || len(w.Body.Bytes()) > 64<<10 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
		const secret = "a-secret-canary"
		asSecret := bytes.Contains(body, []byte(`"New Password": "`+secret+`"`)) && bytes.Count(body, []byte(secret)) == 1
		if asSecret && strings.Contains(w.Body.String(), secret) {
			t.Errorf("the secret is in the reply: %s", w.Body)
		}
	})
}
