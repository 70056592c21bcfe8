package users_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestEnableUser_ActivateInEveryStatus(t *testing.T) {
	t.Parallel()
	lifecycle{path: "users/enable-user", after: true, rows: []transition{
		{user: "alice", status: "ACTIVE", outcome: "unchanged", words: "Already enabled: alice@acme.test (ACTIVE)."},
		{user: "carol", status: "SUSPENDED", outcome: "changed", becomes: "ACTIVE", write: "{user}/lifecycle/unsuspend", words: "Enabled 1 user: carol@acme.test."},
		{user: "dave", status: "DEPROVISIONED", outcome: "changed", becomes: "PROVISIONED", write: "{user}/lifecycle/activate?sendEmail=true", words: "Sent an activation link to dave@acme.test, who stays PROVISIONED until the link is used."},
		{user: "frank", status: "STAGED", outcome: "changed", becomes: "PROVISIONED", write: "{user}/lifecycle/activate?sendEmail=true", words: "Sent an activation link to frank@acme.test, who stays PROVISIONED until the link is used."},
		{user: "heidi", status: "PROVISIONED", outcome: "changed", write: "{user}/lifecycle/reactivate?sendEmail=true", words: "Sent an activation link to heidi@acme.test, who stays PROVISIONED until the link is used."},
		{user: "erin", status: "LOCKED_OUT", outcome: "wrong_state", code: "wrong_state", words: "the user is LOCKED_OUT, and this action does not unlock users: unlock the user in Okta, or use Reset Password or Set Password"},
		{user: "grace", status: "PASSWORD_EXPIRED", outcome: "wrong_state", code: "wrong_state", words: "the user is PASSWORD_EXPIRED, not disabled, and must choose a new password at the next sign-in"},
		{user: "ivan", status: "RECOVERY", outcome: "wrong_state", code: "wrong_state", words: "the user is in RECOVERY, not disabled, because of a password reset: use Reset Password for a new link, or Set Password to end the reset"},
	}}.run(t)
}

func TestEnableUser_UnsuspendInEveryStatus(t *testing.T) {
	t.Parallel()
	const activate = ", not suspended: set Is Activate to true to activate the user"
	lifecycle{path: "users/enable-user", params: map[string]any{"Is Activate": false}, after: true, rows: []transition{
		{user: "alice", status: "ACTIVE", outcome: "unchanged", words: "Already enabled: alice@acme.test (ACTIVE)."},
		{user: "carol", status: "SUSPENDED", outcome: "changed", becomes: "ACTIVE", write: "{user}/lifecycle/unsuspend", words: "Enabled 1 user: carol@acme.test."},
		{user: "dave", status: "DEPROVISIONED", outcome: "wrong_state", code: "wrong_state", words: "the user is DEPROVISIONED" + activate},
		{user: "frank", status: "STAGED", outcome: "wrong_state", code: "wrong_state", words: "the user is STAGED" + activate},
		{user: "heidi", status: "PROVISIONED", outcome: "wrong_state", code: "wrong_state", words: "the user is PROVISIONED" + activate},
		{user: "erin", status: "LOCKED_OUT", outcome: "wrong_state", code: "wrong_state", words: "the user is LOCKED_OUT, and this action does not unlock users"},
		{user: "grace", status: "PASSWORD_EXPIRED", outcome: "wrong_state", code: "wrong_state", words: "the user is PASSWORD_EXPIRED, not disabled"},
		{user: "ivan", status: "RECOVERY", outcome: "wrong_state", code: "wrong_state", words: "the user is in RECOVERY, not disabled"},
	}}.run(t)
}

func TestEnableUser_ReportsEveryTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/enable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "carol, erin"},
		"entities":   []any{entity("FRANK@ACME.TEST", "USERUNIQNAME"), entity("ALICE@ACME.TEST", "USERUNIQNAME"), entity("ERIN@ACME.TEST", "USERUNIQNAME")},
	})
	got.Want(t, 200, w.Expand(`{
		"action": "Enable User", "status": "partial", "is_success": false,
		"output_message": "Sent an activation link to frank@acme.test, who stays PROVISIONED until the link is used. Enabled 1 user: carol@acme.test. Already enabled: alice@acme.test (ACTIVE). Not done: erin@acme.test: the user is LOCKED_OUT, and this action does not unlock users: unlock the user in Okta, or use Reset Password or Set Password.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"carol": {"status": "ACTIVE"}, "FRANK@ACME.TEST": {"status": "PROVISIONED"}, "ALICE@ACME.TEST": {"status": "ACTIVE"}},
		"entities": [
			{"identifier": "FRANK@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {"is_reactivate": "True", "is_send_email_reactivate": "True"}},
			{"identifier": "ALICE@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {"is_reactivate": "True", "is_send_email_reactivate": "True"}},
			{"identifier": "ERIN@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {}}
		],
		"targets": [
			{"input": "carol", "source": "parameter", "user_id": "${id:carol}", "login": "carol@acme.test", "outcome": "changed",
			 "before": {"status": "SUSPENDED"}, "after": {"status": "ACTIVE"}, "verified": false,
			 "undo": {"action": "Disable User", "parameters": {"User IDs Or Logins": "${id:carol}", "Is Deactivate": false, "Also Run On Scope": false}}},
			{"input": "erin", "source": "parameter", "also_named": [{"input": "ERIN@ACME.TEST", "source": "entity"}],
			 "user_id": "${id:erin}", "login": "erin@acme.test", "outcome": "wrong_state", "before": {"status": "LOCKED_OUT"},
			 "error": {"code": "wrong_state", "message": "the user is LOCKED_OUT, and this action does not unlock users: unlock the user in Okta, or use Reset Password or Set Password", "retryable": false}},
			{"input": "FRANK@ACME.TEST", "source": "entity", "user_id": "${id:frank}", "login": "frank@acme.test", "outcome": "changed",
			 "before": {"status": "STAGED"}, "after": {"status": "PROVISIONED"}, "verified": false},
			{"input": "ALICE@ACME.TEST", "source": "entity", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "unchanged",
			 "before": {"status": "ACTIVE"}, "after": {"status": "ACTIVE"}, "verified": false}
		],
		"warnings": []
	}`))
}

// The incumbent ignores the flag, so that Okta sends an e-mail although the box is off, and drops
// the activation link (defect 3). A link is a secret: it is only in json_result (defect 7).
func TestEnableUser_SendsEmailOption(t *testing.T) {
	t.Parallel()
	for _, user := range []struct{ login, operation string }{{"frank", "activate"}, {"dave", "activate"}, {"heidi", "reactivate"}} {
		for _, test := range []struct {
			flag  any
			query string
			mails []string
		}{
			{nil, "sendEmail=true", []string{"activation"}},
			{true, "sendEmail=true", []string{"activation"}},
			{false, "sendEmail=false", nil},
			{"false", "sendEmail=false", nil},
		} {
			w := testkit.New(t, testkit.Options{})
			got := w.Run("users/enable-user", testkit.Params(given(map[string]any{"User IDs Or Logins": user.login, "Send Email If Activate": test.flag})))
			wantOutcomes(t, got, "changed")
			w.WantWrites("POST /api/v1/users/" + w.ID(user.login) + "/lifecycle/" + user.operation + "?" + test.query)
			if diff := cmp.Diff(test.mails, w.User(user.login).Mails); diff != "" {
				t.Errorf("%s, Send Email If Activate %v: e-mails (-want +got):\n%s", user.login, test.flag, diff)
			}
			want(t, got, "PROVISIONED", "json_result", user.login, "status")
			if test.query == "sendEmail=true" {
				want(t, got, map[string]any{"status": "PROVISIONED"}, "json_result", user.login)
				continue
			}
			token, _ := got.Get("json_result", user.login, "activationToken").(string)
			if token == "" {
				t.Fatalf("no activation token in %s", got.Body)
			}
			want(t, got, w.OktaURL+"/welcome/"+token, "json_result", user.login, "activationUrl")
			wantOnlyInResult(t, w, got, token)
		}
	}
}

func TestEnableUser_ReportsStatusAfterActivation(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "niaj@acme.test", Status: "STAGED", Password: "Seed-Passw0rd"})
	got := w.Run("users/enable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "niaj"}, "options": map[string]any{"verify": true},
	})
	wantOutcomes(t, got, "changed")
	want(t, got, map[string]any{"status": "ACTIVE"}, "json_result", "niaj") // the user has a password, so the activation is complete
	want(t, got, map[string]any{"status": "ACTIVE"}, "targets", 0, "after")
	want(t, got, true, "targets", 0, "verified")
	want(t, got, nil, "targets", 0, "undo")
}

func TestEnableUser_StatusUnreadableAfterActivation(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + w.ID("frank"), Method: "GET", Status: 403})
	got := w.Run("users/enable-user", testkit.Params(map[string]any{"User IDs Or Logins": "frank", "Send Email If Activate": false}))
	wantHTTP(t, got, 200)
	wantOutcomes(t, got, "changed")
	want(t, got, "PROVISIONED", "targets", 0, "after", "status")
	wantWarning(t, got, "frank@acme.test was activated, but the status could not be read again: You do not have permission")
	if link, _ := got.Get("json_result", "frank", "activationUrl").(string); link == "" {
		t.Error("the activation link is lost")
	}
}

func TestEnableUser_VerifyReportsLostUnsuspend(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + w.ID("carol"), Method: "GET", Status: 200, Body: w.Expand(`{"id": "${id:carol}", "status": "SUSPENDED"}`)})
	got := w.Run("users/enable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "carol"}, "options": map[string]any{"verify": true},
	})
	wantOutcomes(t, got, "failed")
	want(t, got, false, "targets", 0, "verified")
	want(t, got, "SUSPENDED", "targets", 0, "after", "status")
	want(t, got, "not_verified", "targets", 0, "error", "code")
}

func TestEnableUser_UndoOfUnsuspendSuspends(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/enable-user", testkit.Params(map[string]any{"User IDs Or Logins": "carol"}))
	wantOutcomes(t, got, "changed")
	w.Forget()
	wantOutcomes(t, undo(t, w, got), "changed")
	if is := w.User("carol").Status; is != "SUSPENDED" {
		t.Errorf("after the undo carol is %s", is)
	}
	w.WantWrites("POST /api/v1/users/" + w.ID("carol") + "/lifecycle/suspend")
}

// Every reactivation makes another link and another e-mail, so it is not retried; the other two
// transitions are.
func TestEnableUser_DroppedConnection(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		user, operation, code string
		retryable             bool
		http                  int
	}{
		{"heidi", "reactivate", "unknown_result", false, 502},
		{"frank", "activate", "okta_unreachable", true, 503},
		{"carol", "unsuspend", "okta_unreachable", true, 503},
	} {
		t.Run(test.operation, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*/lifecycle/*", Drop: true})
			got := w.Run("users/enable-user", testkit.Params(map[string]any{"User IDs Or Logins": test.user}))
			wantHTTP(t, got, test.http)
			wantOutcomes(t, got, "failed")
			want(t, got, test.code, "targets", 0, "error", "code")
			want(t, got, test.retryable, "targets", 0, "error", "retryable")
			if !test.retryable {
				w.WantWrites("POST /api/v1/users/" + w.ID(test.user) + "/lifecycle/" + test.operation + "?sendEmail=true")
			}
		})
	}
}

// TestEnableUser_ActivationWithoutEffectIsAnError: Okta responds 200, and the user is still STAGED.
func TestEnableUser_ActivationWithoutEffectIsAnError(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/activate", Times: 1, Status: 200, Body: "{}"})
	r := w.Run("users/enable-user", testkit.Params(map[string]any{"User IDs": "frank", "Send Email If Activate": false}))
	if r.Get("is_success") != false || r.Get("targets", 0, "outcome") != "failed" ||
		r.Get("targets", 0, "error", "code") != "not_verified" || r.Get("targets", 0, "after", "status") != "STAGED" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
}
