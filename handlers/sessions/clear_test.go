package sessions_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestClearSession_ReportsEveryTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("sessions/clear-okta-user-session", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice, zed", "Also Run On Scope": true},
		"entities": []any{
			map[string]any{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME"},
			map[string]any{"identifier": "admin@acme.test", "entity_type": "HOSTNAME"},
			map[string]any{"identifier": "10.0.0.1", "entity_type": "ADDRESS"},
		},
	})
	got.Want(t, 200, w.Expand(`{
		"action": "Clear Okta User Session", "status": "partial", "is_success": false,
		"output_message": "Cleared the sessions of 2 users: alice@acme.test, bob@acme.test. Not found: zed.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"alice": {"sessions_cleared": true}, "BOB@ACME.TEST": {"sessions_cleared": true}},
		"entities": [{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {}}],
		"targets": [
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "changed", "verified": false},
			{"input": "zed", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}},
			{"input": "BOB@ACME.TEST", "source": "entity", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "changed", "verified": false}],
		"warnings": [
			"The entities admin@acme.test (HOSTNAME), 10.0.0.1 (ADDRESS) are ignored: Clear Okta User Session runs on USERUNIQNAME."]
	}`))
	w.WantWrites("DELETE /api/v1/users/"+w.ID("alice")+"/sessions?oauthTokens=true", "DELETE /api/v1/users/"+w.ID("bob")+"/sessions?oauthTokens=true")
	if w.User("alice").Sessions != 0 || w.User("bob").Sessions != 0 || w.User("admin").Sessions != 1 {
		t.Error("other sessions were cleared than those of alice and bob")
	}
}

// The incumbent does not revoke OAuth tokens, which stay valid after the session (its defect 12).
func TestClearSession_RevokesOAuthTokensByDefault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		params map[string]any
		query  string
		left   int
	}{
		"by default":    {map[string]any{"User IDs": "alice"}, "oauthTokens=true", 0},
		"on":            {map[string]any{"User IDs": "alice", "Revoke OAuth Tokens": "TRUE"}, "oauthTokens=true", 0},
		"off":           {map[string]any{"User IDs": "alice", "Revoke OAuth Tokens": false}, "oauthTokens=false", 3},
		"off as a word": {map[string]any{"User IDs": "alice", "revoke_oauth_tokens": "False"}, "oauthTokens=false", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			got := w.Run("sessions/clear-okta-user-session", testkit.Params(c.params))
			if got.Get("status") != "success" {
				t.Errorf("reply: %s", got.Body)
			}
			w.WantWrites("DELETE /api/v1/users/" + w.ID("alice") + "/sessions?" + c.query)
			if alice := w.User("alice"); alice.Sessions != 0 || alice.OAuthTokens != c.left {
				t.Errorf("alice has %d sessions and %d OAuth tokens, want 0 and %d", alice.Sessions, alice.OAuthTokens, c.left)
			}
		})
	}
}

// The incumbent stops at an error that is neither 400 nor 404, and loses the names of the users
// that are already done (its defect 12).
func TestClearSession_OneErrorDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path  string
		status        int
		outcome, code string
		retryable     bool
		aloneHTTP     int
	}{
		{"DELETE", "/api/v1/users/${id:alice}/sessions", 403, "failed", "E0000006", false, 502},
		{"DELETE", "/api/v1/users/${id:alice}/sessions", 404, "not_found", "E0000007", false, 422},
		{"DELETE", "/api/v1/users/${id:alice}/sessions", 500, "failed", "E0000009", true, 503},
		{"GET", "/api/v1/users/alice", 403, "failed", "E0000006", false, 502},
		{"GET", "/api/v1/users/alice", 404, "not_found", "E0000007", false, 422},
		{"GET", "/api/v1/users/alice", 500, "failed", "E0000009", true, 503},
	} {
		t.Run(fmt.Sprint(c.status, " ", c.method), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddFault(emulator.Fault{Method: c.method, Path: w.Expand(c.path), Status: c.status})
			got := w.Run("sessions/clear-okta-user-session", testkit.Params(map[string]any{"User IDs Or Logins": "bob, alice, helpdesk"}))
			if diff := cmp.Diff([]string{"changed", c.outcome, "changed"}, got.Outcomes()); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if got.HTTP != 200 || got.Get("status") != "partial" || got.Get("targets", 1, "error", "code") != c.code || got.Get("targets", 1, "error", "retryable") != c.retryable {
				t.Errorf("reply: %d %s", got.HTTP, got.Body)
			}
			if diff := cmp.Diff(map[string]any{"bob": map[string]any{"sessions_cleared": true}, "helpdesk": map[string]any{"sessions_cleared": true}}, got.Get("json_result")); diff != "" {
				t.Errorf("json_result (-want +got):\n%s", diff)
			}
			if w.User("bob").Sessions != 0 || w.User("alice").Sessions != 2 || w.User("helpdesk").Sessions != 0 {
				t.Error("the sessions in Okta are not what the reply says")
			}
			alone := w.Run("sessions/clear-okta-user-session", testkit.Params(map[string]any{"User IDs Or Logins": "alice"}))
			if alone.HTTP != c.aloneHTTP || alone.Get("status") != "failure" || alone.Get("is_success") != false || alone.Get("json_result") != nil {
				t.Errorf("alice alone: %d %s", alone.HTTP, alone.Body)
			}
		})
	}
}

// The incumbent's failed run begins with "Successfully executed action" (its defect 8).
func TestClearSession_NoUserFoundIsAFailure(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Run("sessions/clear-okta-user-session", testkit.Params(map[string]any{"User IDs Or Logins": "zed"})).Want(t, 422, `{
		"action": "Clear Okta User Session", "status": "failure", "is_success": false,
		"output_message": "Error executing action \"Clear Okta User Session\". Reason: Not found: zed.",
		"script_result": {"name": "is_success", "value": false}, "json_result": null, "entities": [],
		"targets": [{"input": "zed", "source": "parameter", "outcome": "not_found",
			"error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}}],
		"warnings": [], "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "problems": []}
	}`)
}

func TestClearSession_UserNamedSeveralTimesIsOneTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("sessions/clear-okta-user-session", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": []string{"Alice@Acme.Test", w.ID("alice"), "alice"}, "Also Run On Scope": true},
		"entities":   []any{map[string]any{"identifier": "ALICE", "entity_type": "USERUNIQNAME"}},
	})
	w.WantWrites("DELETE /api/v1/users/" + w.ID("alice") + "/sessions?oauthTokens=true")
	if diff := cmp.Diff([]any{
		map[string]any{"input": w.ID("alice"), "source": "parameter"},
		map[string]any{"input": "alice", "source": "parameter"},
		map[string]any{"input": "ALICE", "source": "entity"},
	}, got.Get("targets", 0, "also_named")); diff != "" || len(got.Outcomes()) != 1 {
		t.Errorf("also_named (-want +got):\n%s", diff)
	}
}

func TestClearSession_DryRunClearsNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Run("sessions/clear-okta-user-session", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice"}, "options": map[string]any{"dry_run": true},
	}).Want(t, 200, w.Expand(`{
		"action": "Clear Okta User Session", "status": "planned", "is_success": true,
		"output_message": "Would clear the sessions of 1 user: alice@acme.test.",
		"script_result": {"name": "is_success", "value": true}, "json_result": null, "entities": [],
		"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "planned"}],
		"warnings": []
	}`))
	w.WantWrites()
	if alice := w.User("alice"); alice.Sessions != 2 || alice.OAuthTokens != 3 {
		t.Error("the dry run cleared something")
	}
}

// Okta's API does not list the sessions of a user.
func TestClearSession_VerifyWarnsThatItCannotBeVerified(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("sessions/clear-okta-user-session", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice"}, "options": map[string]any{"verify": true},
	})
	if diff := cmp.Diff([]any{"alice@acme.test: the result cannot be read back from Okta, so it is not verified."}, got.Get("warnings")); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if got.Get("status") != "success" || got.Get("targets", 0, "verified") != false {
		t.Errorf("reply: %s", got.Body)
	}
}

func TestClearSession_RequiresTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	bob := []any{map[string]any{"identifier": "bob", "entity_type": "USERUNIQNAME"}}
	for name, request := range map[string]map[string]any{
		"nothing":                {},
		"entities out of scope":  {"entities": bob},
		"the owner of the token": {"parameters": map[string]any{"User IDs Or Logins": "bob, me"}},
		"hosts only": {
			"parameters": map[string]any{"Also Run On Scope": true},
			"entities":   []any{map[string]any{"identifier": "bob@acme.test", "entity_type": "HOSTNAME"}},
		},
	} {
		got := w.Run("sessions/clear-okta-user-session", request)
		if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != "User IDs Or Logins" {
			t.Errorf("%s: %d %s", name, got.HTTP, got.Body)
		}
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}

// TestClearSession_AfterARefusal: a user who became DEPROVISIONED or was deleted has no sessions;
// any other rejection is a failure.
func TestClearSession_AfterARefusal(t *testing.T) {
	t.Parallel()
	const notFound = `{"errorCode":"E0000007","errorSummary":"Not found: Resource not found: alice (User)"}`
	for name, c := range map[string]struct {
		now     string // the status after the refusal
		read    emulator.Fault
		outcome string
		after   any
		message string
	}{
		"deactivated": {"DEPROVISIONED", emulator.Fault{}, "unchanged", map[string]any{"status": "DEPROVISIONED"}, "Without sessions: alice@acme.test (DEPROVISIONED)."},
		"deleted":     {"ACTIVE", emulator.Fault{Status: 404, Body: notFound}, "unchanged", nil, "Without sessions: alice@acme.test."},
		"active":      {"ACTIVE", emulator.Fault{}, "not_found", nil, `Error executing action "Clear Okta User Session". Reason: Not found: alice@acme.test.`},
		"suspended":   {"SUSPENDED", emulator.Fault{}, "not_found", nil, `Error executing action "Clear Okta User Session". Reason: Not found: alice@acme.test.`},
		"not known":   {"DEPROVISIONED", emulator.Fault{Status: 403}, "not_found", nil, `Error executing action "Clear Okta User Session". Reason: Not found: alice@acme.test.`},
		"another user": {"ACTIVE", emulator.Fault{Status: 200, Body: `{"id": "00uOther", "status": "DEPROVISIONED"}`}, "not_found", nil,
			`Error executing action "Clear Okta User Session". Reason: Not found: alice@acme.test.`},
		"a page": {"ACTIVE", emulator.Fault{Status: 400, Body: "<html>"}, "not_found", nil, `Error executing action "Clear Okta User Session". Reason: Not found: alice@acme.test.`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{OffSpecification: true})
			id := w.ID("alice")
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/alice", Method: "GET", Status: 200, Body: w.AsOktaHasIt("/api/v1/users/alice")})
			w.Okta.SetStatus(id, c.now)
			w.Okta.AddFault(emulator.Fault{Path: "*/sessions", Status: 404, Body: notFound})
			if c.read.Status != 0 {
				c.read.Path, c.read.Method = "/api/v1/users/"+id, "GET"
				w.Okta.AddFault(c.read)
			}
			got := w.Run("sessions/clear-okta-user-session", testkit.Params(map[string]any{"User IDs Or Logins": "alice"}))
			if diff := cmp.Diff([]string{c.outcome}, got.Outcomes()); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]any{c.after, c.message, c.outcome == "unchanged"}, []any{got.Get("targets", 0, "after"), got.Get("output_message"), got.Get("is_success")}); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
			if c.outcome == "unchanged" && got.Get("json_result", "alice", "sessions_cleared") != true {
				t.Errorf("json_result: %v", got.Get("json_result"))
			}
		})
	}
}
