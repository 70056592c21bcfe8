package users_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestResetPassword_InEveryStatus(t *testing.T) {
	t.Parallel()
	const reset = "{user}/lifecycle/reset_password?sendEmail=false"
	lifecycle{path: "users/reset-password", after: true, rows: []transition{
		{user: "alice", status: "ACTIVE", outcome: "changed", becomes: "RECOVERY", write: reset, words: "Reset the password of 1 user: alice@acme.test."},
		{user: "erin", status: "LOCKED_OUT", outcome: "changed", becomes: "RECOVERY", write: reset, words: "Reset the password of 1 user: erin@acme.test."},
		{user: "grace", status: "PASSWORD_EXPIRED", outcome: "changed", becomes: "RECOVERY", write: reset, words: "Reset the password of 1 user: grace@acme.test."},
		{user: "heidi", status: "PROVISIONED", outcome: "changed", becomes: "RECOVERY", write: reset, words: "Reset the password of 1 user: heidi@acme.test."},
		{user: "ivan", status: "RECOVERY", outcome: "changed", write: reset, words: "Reset the password of 1 user: ivan@acme.test."},
		// Okta decides whether a reset is allowed in these two.
		{user: "frank", status: "STAGED", outcome: "wrong_state", code: "E0000017", write: reset, dryRun: "planned", words: "Not done: frank@acme.test: Password reset failed: the user's status is STAGED: enable the user first (Enable User)."},
		{user: "carol", status: "SUSPENDED", outcome: "wrong_state", code: "E0000017", write: reset, dryRun: "planned", words: "Not done: carol@acme.test: Password reset failed: the user's status is SUSPENDED: enable the user first (Enable User)."},
		{user: "dave", status: "DEPROVISIONED", outcome: "wrong_state", code: "wrong_state", words: "the user is DEPROVISIONED and has no password: activate the user first (Enable User)"},
	}}.run(t)
}

// The incumbent writes the one-time link into its message and its script result (defect 7), and
// sends Python's True and an ID that Okta does not know (defect 16).
func TestResetPassword_LinkIsOnlyInResult(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/reset-password", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice", "Also Run On Scope": true},
		"entities":   []any{entity("BOB@ACME.TEST", "USERUNIQNAME")},
	})
	link := func(input string) string {
		link, _ := got.Get("json_result", input, "resetPasswordUrl").(string)
		if !strings.HasPrefix(link, w.OktaURL+"/reset_password/") {
			t.Fatalf("no link for %s in %s", input, got.Body)
		}
		return link
	}
	got.Want(t, 200, w.Expand(`{
		"action": "Reset Password", "status": "success", "is_success": true,
		"output_message": "Reset the password of 2 users: alice@acme.test, bob@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {
			"alice": {"send_email": false, "resetPasswordUrl": "`+link("alice")+`"},
			"BOB@ACME.TEST": {"send_email": false, "resetPasswordUrl": "`+link("BOB@ACME.TEST")+`"}},
		"entities": [{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {"send_email": "False"}}],
		"targets": [
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "changed",
			 "before": {"status": "ACTIVE"}, "after": {"status": "RECOVERY"}, "verified": false},
			{"input": "BOB@ACME.TEST", "source": "entity", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "changed",
			 "before": {"status": "ACTIVE"}, "after": {"status": "RECOVERY"}, "verified": false}
		],
		"warnings": []
	}`))
	for _, input := range []string{"alice", "BOB@ACME.TEST"} {
		wantOnlyInResult(t, w, got, link(input))
	}
	if link("alice") == link("BOB@ACME.TEST") {
		t.Error("two users got the same link")
	}
}

func TestResetPassword_SendsEmailOption(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flag  any
		query string
		mails []string
	}{
		{nil, "sendEmail=false", nil},
		{false, "sendEmail=false", nil},
		{"TRUE", "sendEmail=true", []string{"reset_password"}},
		{true, "sendEmail=true", []string{"reset_password"}},
	} {
		w := testkit.New(t, testkit.Options{})
		got := w.Run("users/reset-password", testkit.Params(given(map[string]any{"User IDs Or Logins": "alice", "Send Email": test.flag})))
		wantOutcomes(t, got, "changed")
		w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/reset_password?" + test.query)
		if diff := cmp.Diff(test.mails, w.User("alice").Mails); diff != "" {
			t.Errorf("Send Email %v: e-mails (-want +got):\n%s", test.flag, diff)
		}
		if test.mails != nil {
			want(t, got, map[string]any{"send_email": true}, "json_result", "alice") // only the user gets the link
		}
	}
}

func TestResetPassword_ScopeIsOffByDefault(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	entities := []any{entity("BOB@ACME.TEST", "USERUNIQNAME")}
	got := w.Run("users/reset-password", map[string]any{"parameters": map[string]any{"User IDs Or Logins": "alice"}, "entities": entities})
	wantOutcomes(t, got, "changed")
	want(t, got, []any{}, "entities")
	want(t, got, []any{}, "warnings")
	if is := w.User("bob").Status; is != "ACTIVE" {
		t.Errorf("bob, who is not a target, is %s", is)
	}
	got = w.Run("users/reset-password", map[string]any{"entities": entities})
	wantHTTP(t, got, 400)
	wantText(t, got, "turn on Also Run On Scope", "error", "problems", 0, "message")
}

func TestResetPassword_VerifyReadsUserAgain(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	ask := map[string]any{"parameters": map[string]any{"User IDs Or Logins": "alice"}, "options": map[string]any{"verify": true}}
	want(t, w.Run("users/reset-password", ask), true, "targets", 0, "verified")

	w = testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + w.ID("alice"), Method: "GET", Status: 200, Body: w.Expand(`{"id": "${id:alice}", "status": "ACTIVE"}`)})
	got := w.Run("users/reset-password", ask)
	wantOutcomes(t, got, "failed")
	want(t, got, "partial", "status")
	want(t, got, "not_verified", "targets", 0, "error", "code")
	want(t, got, nil, "json_result")
	want(t, got, false, "targets", 0, "verified")
	wantText(t, got, "reads back as ACTIVE instead of RECOVERY", "output_message")
}

// Another reset would invalidate the first link and send another e-mail.
func TestResetPassword_IsNotRetriedAfterLostResponse(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]emulator.Fault{
		"the connection drops": {Drop: true}, "Okta fails": {Status: 500}, "a gateway gives up": {Status: 504, Body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			f.Path = "/api/v1/users/*/lifecycle/reset_password"
			w.Okta.AddFault(f)
			got := w.Run("users/reset-password", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "Send Email": true}))
			wantHTTP(t, got, 502)
			wantOutcomes(t, got, "failed")
			want(t, got, "unknown_result", "targets", 0, "error", "code")
			want(t, got, false, "targets", 0, "error", "retryable")
			wantText(t, got, "the request may or may not have taken effect", "output_message")
			w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/reset_password?sendEmail=true")
		})
	}
}

// The response may arrive after the deadline, so it is unknown whether the link was made.
func TestResetPassword_DeadlineLeavesResultUnknown(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"REQUEST_DEADLINE": "1s"}})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*/lifecycle/reset_password", LatencyMS: 60_000})
	got := w.Run("users/reset-password", testkit.Params(map[string]any{"User IDs Or Logins": "alice"}))
	wantHTTP(t, got, 504)
	wantOutcomes(t, got, "failed")
	want(t, got, "unknown_result", "targets", 0, "error", "code")
	want(t, got, false, "targets", 0, "error", "retryable")
	w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/reset_password?sendEmail=false")
}
