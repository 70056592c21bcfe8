package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// ping sends Ping to every group by GET, as SecOps tests a connection, and by POST, as a playbook
// does.
func ping(t *testing.T, o testkit.Options, arrange func(w *testkit.World), check func(t *testing.T, w *testkit.World, group string, got testkit.Reply)) {
	t.Helper()
	for _, g := range handlers.Groups {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(method+" "+g.Name, func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, o)
				if arrange != nil {
					arrange(w)
				}
				check(t, w, g.Name, w.Do(method, g.Name+"/ping", "", nil))
			})
		}
	}
}

// wantFailure compares the whole reply of a Ping that did not succeed.
func wantFailure(t *testing.T, got testkit.Reply, status int, code, say string) {
	t.Helper()
	got.Want(t, status, fmt.Sprintf(`{
		"action": "Ping", "status": "failure", "is_success": false,
		"output_message": %q, "script_result": {"name": "is_success", "value": false},
		"json_result": null, "entities": [], "targets": [], "warnings": [],
		"error": {"code": %q, "message": %q, "problems": []}
	}`, "Failed to connect to the Okta organization. Error is "+say, code, say))
}

func TestPing_ChecksCredentials(t *testing.T) {
	t.Parallel()
	ping(t, testkit.Options{}, nil, func(t *testing.T, w *testkit.World, group string, got testkit.Reply) {
		message := "Successfully connected to the Okta organization " + w.OktaURL + "."
		if group == "signals" {
			message += " The signing key is ready."
		}
		message += " The credentials are those of svc-secops@acme.test."
		got.Want(t, 200, fmt.Sprintf(`{
			"action": "Ping", "status": "success", "is_success": true,
			"output_message": %q, "script_result": {"name": "is_success", "value": true},
			"json_result": null, "entities": [], "targets": [], "warnings": []
		}`, message))
		want := []string{"GET /api/v1/users/me"}
		if group == "users" || group == "sessions" || group == "containment" || group == "groups" { // their guardrails need a scope that their actions do not
			want = append(want, "GET /api/v1/iam/assignees/users")
		}
		if diff := cmp.Diff(want, w.AskedAll()); diff != "" {
			t.Errorf("requests to Okta (-want +got):\n%s", diff)
		}
	})
}

// The incumbent's Ping crashes with a traceback after an HTTP error (its defect 11).
func TestPing_RejectedTokenIsAFailure(t *testing.T) {
	t.Parallel()
	ping(t, testkit.Options{Env: map[string]string{"OKTA_API_TOKEN_SECRET": "wrong-token"}}, nil, func(t *testing.T, w *testkit.World, _ string, got testkit.Reply) {
		wantFailure(t, got, 502, "E0000011", "Invalid token provided; check Okta's credentials (Api Token, OKTA_API_TOKEN_SECRET)")
		if strings.Contains(w.Log()+string(got.Body), "revoked-token-canary") {
			t.Error("the token is in the log or in the reply")
		}
	})
}

func TestPing_TokenWithoutPermissionIsAFailure(t *testing.T) {
	t.Parallel()
	ping(t, testkit.Options{}, func(w *testkit.World) { w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/me", Status: 403}) },
		func(t *testing.T, _ *testkit.World, _ string, got testkit.Reply) {
			wantFailure(t, got, 502, "E0000006", "You do not have permission to perform the requested action; the owner of the API token lacks the admin role for this")
		})
}

func TestPing_UnreachableOktaIsAFailure(t *testing.T) {
	t.Parallel()
	ping(t, testkit.Options{Env: map[string]string{"OKTA_API_ROOT": "http://127.0.0.1:1"}}, nil, func(t *testing.T, _ *testkit.World, _ string, got testkit.Reply) {
		wantFailure(t, got, 503, "okta_unreachable", "the connection to Okta failed: it was refused; try again")
		if got.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	})
}

// A server that is not Okta responds, such as a proxy with a page or a redirect to a sign-in.
func TestPing_ResponseOfAnotherServerIsAFailure(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]emulator.Fault{
		"with a page":     {Status: 200, Body: "<html>"},
		"with a redirect": {Status: 302, Headers: map[string]string{"Location": "/login"}},
		"with a 404":      {Status: 404, Body: "404 page not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.Path = "*"
			ping(t, testkit.Options{}, func(w *testkit.World) { w.Okta.AddFault(f) }, func(t *testing.T, _ *testkit.World, _ string, got testkit.Reply) {
				if got.HTTP != 502 || got.Get("error", "code") != "bad_reply" || !strings.HasPrefix(got.Get("output_message").(string), "Failed to connect to the Okta organization. Error is ") {
					t.Errorf("reply: %d %s", got.HTTP, got.Body)
				}
			})
		})
	}
}

// A missing setting crashes the incumbent's step (its defect 21). Signals need no credentials.
func TestPing_MissingCredentialsAreMisconfigured(t *testing.T) {
	t.Parallel()
	ping(t, testkit.Options{Env: map[string]string{"OKTA_API_TOKEN_SECRET": ""}}, nil, func(t *testing.T, w *testkit.World, group string, got testkit.Reply) {
		if group != "signals" {
			say, _ := got.Get("error", "message").(string)
			wantFailure(t, got, 500, "misconfigured", say)
			if !strings.Contains(say, "OKTA_API_TOKEN_SECRET (Api Token)") || len(w.AskedAll()) > 0 {
				t.Errorf("reply: %s; requests to Okta: %v", got.Body, w.AskedAll())
			}
			return
		}
		if got.HTTP != 200 || got.Get("output_message") != "Successfully connected to the Okta organization "+w.OktaURL+". The signing key is ready." {
			t.Errorf("reply: %d %s", got.HTTP, got.Body)
		}
		for _, r := range w.Okta.Requests() {
			if _, there := r.Headers["Authorization"]; there || r.Path != "/.well-known/okta-organization" {
				t.Errorf("requests to Okta: %s %s with %v", r.Method, r.Path, r.Headers)
			}
		}
	})
}

func TestPing_SignalsCheckSigningKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ref, say string }{
		"the deployment has none": {"", "the deployment has no signing key (ITP_SIGNING_KEY_SECRET)"},
		"the secret is not a key": {"token", "the secret of ITP_SIGNING_KEY_SECRET (Private Key String) cannot be used: this is neither a PEM nor a JWK; paste the whole key, from -----BEGIN to the end of the -----END line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{Env: map[string]string{"ITP_SIGNING_KEY_SECRET": c.ref}})
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				wantFailure(t, w.Do(method, "signals/ping", "", nil), 500, "misconfigured", c.say)
			}
			if got := w.Do(http.MethodGet, "users/ping/", "", nil); got.Get("status") != "success" {
				t.Errorf("the other groups do not sign: %s", got.Body)
			}
		})
	}
}

func TestPing_HasNoParameters(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/ping", testkit.Params(map[string]any{"Also Run On Scope": true}))
	if diff := cmp.Diff([]any{map[string]any{"parameter": "Also Run On Scope", "message": "Ping has no parameters"}}, got.Get("error", "problems")); got.HTTP != 400 || diff != "" {
		t.Errorf("%d, problems (-want +got):\n%s", got.HTTP, diff)
	}
	if asked := w.AskedAll(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}

func TestPing_DryRunIsAPing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/ping", map[string]any{"options": map[string]any{"dry_run": true, "verify": true}, "entities": []any{map[string]any{"identifier": "x", "entity_type": "USERUNIQNAME"}}})
	if got.HTTP != 200 || got.Get("is_success") != true {
		t.Errorf("reply: %d %s", got.HTTP, got.Body)
	}
}
