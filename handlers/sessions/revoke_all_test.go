package sessions_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const revokeAll = "sessions/revoke-all-access"

var alice = testkit.Params(map[string]any{"User IDs": "alice"})

func TestRevokeAll_EndsSessionsTokensAndApplications(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Run(revokeAll, alice).Want(t, 200, w.Expand(`{
		"action": "Revoke All Access", "status": "success", "is_success": true,
		"output_message": "Revoked all access of 1 user: alice@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"alice": {"survives": [
			"sessions in applications that do not support Universal Logout",
			"access tokens that an application validates itself, until they expire", "API tokens that the user owns"]}},
		"entities": [],
		"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test",
			"outcome": "changed", "verified": false,
			"steps": [{"step": "universal_logout", "outcome": "changed"}, {"step": "clear_sessions", "outcome": "changed"}]}],
		"warnings": []
	}`))
	w.WantWrites("POST /oauth2/v1/global-token-revocation", "DELETE /api/v1/users/"+w.ID("alice")+"/sessions?oauthTokens=true")
	if u := w.User("alice"); u.Sessions+u.OAuthTokens+u.AppSessions != 0 {
		t.Errorf("alice has %+v", u)
	}
}

// TestRevokeAll_SaysWhichStepTookEffect has a failure of each step: the other one is made all the same.
func TestRevokeAll_SaysWhichStepTookEffect(t *testing.T) {
	t.Parallel()
	const logout, sessions = "/oauth2/v1/global-token-revocation", "*/sessions"
	for name, c := range map[string]struct {
		fault         emulator.Fault
		http          int
		status        string
		steps         []string
		survives      string
		left          [3]int // sessions, OAuth tokens, sessions in applications
		message, code string
	}{
		"the org has no Universal Logout": {
			emulator.Fault{Path: logout, Status: 403, Body: `{"errorCode":"E0000015","errorSummary":"No such feature"}`},
			200, "success", []string{"not_available", "changed"}, "sessions in applications: ", [3]int{0, 0, 2},
			"sessions in applications continue", "",
		},
		"the path does not exist": {
			emulator.Fault{Path: logout, Status: 404, Body: `{"errorCode":"E0000008","errorSummary":"The requested path was not found"}`},
			200, "success", []string{"not_available", "changed"}, "sessions in applications: ", [3]int{0, 0, 2},
			"sessions in applications continue", "",
		},
		"no permission for Universal Logout": {
			emulator.Fault{Path: logout, Status: 403},
			200, "partial", []string{"failed", "changed"}, "sessions in applications: ", [3]int{0, 0, 2}, "okta.universalLogout.manage", "E0000006",
		},
		"the app lacks the scope of Universal Logout": {
			emulator.Fault{},
			200, "partial", []string{"failed", "changed"}, "sessions in applications: ", [3]int{0, 0, 2},
			"alice@acme.test: done: clear_sessions; not done: universal_logout (the service app is not granted " +
				"okta.universalLogout.manage: grant it in Okta, under Okta API Scopes of the app).", "invalid_scope",
		},
		"Universal Logout fails": {
			emulator.Fault{Path: logout, Status: 500},
			200, "partial", []string{"failed", "changed"}, "sessions in applications: ", [3]int{0, 0, 2}, "alice@acme.test", "E0000009",
		},
		"the response of Universal Logout is lost": {
			emulator.Fault{Path: logout, Drop: true, CarriedOut: true, Times: 1},
			200, "success", []string{"changed", "changed"}, "do not support", [3]int{0, 0, 0}, "Revoked all access", "",
		},
		"the sessions cannot be ended": {
			emulator.Fault{Path: sessions, Status: 403},
			200, "partial", []string{"changed", "failed"}, "do not support", [3]int{0, 0, 0}, "alice@acme.test", "E0000006",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := &emulator.App{}
			if c.code == "invalid_scope" {
				app.Scopes = []string{"okta.users.read", "okta.users.manage"}
			}
			w := testkit.New(t, testkit.Options{OffSpecification: true, App: app})
			if c.fault.Path != "" {
				w.Okta.AddFault(c.fault)
			}
			got := w.Run(revokeAll, alice)
			message, _ := got.Get("output_message").(string)
			if got.HTTP != c.http || got.Get("status") != c.status || !strings.Contains(message, c.message) {
				t.Errorf("%d %s", got.HTTP, got.Body)
			}
			var steps []string
			for i := range 2 {
				steps = append(steps, got.Get("targets", 0, "steps", i, "outcome").(string))
			}
			survives, _ := got.Get("json_result", "alice", "survives", 0).(string)
			if !slices.Equal(steps, c.steps) || !strings.Contains(survives, c.survives) {
				t.Errorf("steps %v, survives %q", steps, survives)
			}
			if code, _ := got.Get("targets", 0, "error", "code").(string); code != c.code {
				t.Errorf("code %q", code)
			}
			u := w.User("alice")
			if left := [3]int{u.Sessions, u.OAuthTokens, u.AppSessions}; left != c.left {
				t.Errorf("alice has %v, want %v", left, c.left)
			}
		})
	}
}
