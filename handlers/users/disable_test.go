package users_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestDisableUser_ReportsEveryTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice@acme.test, zed", "Is Deactivate": false, "Also Run On Scope": true},
		"entities":   []any{map[string]any{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME"}},
	})
	got.Want(t, 200, w.Expand(`{
		"action": "Disable User", "status": "partial", "is_success": false,
		"output_message": "Suspended 2 users: alice@acme.test, bob@acme.test. Not found: zed.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"alice@acme.test": {"status": "SUSPENDED"}, "BOB@ACME.TEST": {"status": "SUSPENDED"}},
		"entities": [{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME",
			"enrichment": {"is_deactivate": "False", "is_send_email_deactivate": "True"}}],
		"targets": [
			{"input": "alice@acme.test", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "changed",
			 "before": {"status": "ACTIVE"}, "after": {"status": "SUSPENDED"}, "verified": false,
			 "undo": {"action": "Enable User", "parameters": {"User IDs Or Logins": "${id:alice}", "Is Activate": false, "Also Run On Scope": false}}},
			{"input": "zed", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}},
			{"input": "BOB@ACME.TEST", "source": "entity", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "changed",
			 "before": {"status": "ACTIVE"}, "after": {"status": "SUSPENDED"}, "verified": false,
			 "undo": {"action": "Enable User", "parameters": {"User IDs Or Logins": "${id:bob}", "Is Activate": false, "Also Run On Scope": false}}}
		],
		"warnings": []
	}`))
	if w.User("alice").Status != "SUSPENDED" || w.User("bob").Status != "SUSPENDED" {
		t.Error("a user was reported suspended but is not")
	}
	w.WantWrites("POST /api/v1/users/"+w.ID("alice")+"/lifecycle/suspend", "POST /api/v1/users/"+w.ID("bob")+"/lifecycle/suspend")
}

func TestDisableUser_SuspendInEveryStatus(t *testing.T) {
	t.Parallel()
	const not = "and Okta suspends only ACTIVE users: the user is not contained; set Is Deactivate to true to deactivate the user"
	// The incumbent reports success for each of these (defect 8); other tools report "already
	// disabled".
	lifecycle{path: "users/disable-user", params: map[string]any{"Is Deactivate": false}, after: true, rows: []transition{
		{user: "alice", status: "ACTIVE", outcome: "changed", becomes: "SUSPENDED", write: "{user}/lifecycle/suspend", words: "Suspended 1 user: alice@acme.test."},
		{user: "carol", status: "SUSPENDED", outcome: "unchanged", words: "Already disabled: carol@acme.test (SUSPENDED)."},
		{user: "dave", status: "DEPROVISIONED", outcome: "unchanged", words: "Already disabled: dave@acme.test (DEPROVISIONED)."},
		{user: "erin", status: "LOCKED_OUT", outcome: "wrong_state", code: "wrong_state", words: "Not done: erin@acme.test: the user's status is LOCKED_OUT, " + not},
		{user: "frank", status: "STAGED", outcome: "wrong_state", code: "wrong_state", words: "the user's status is STAGED, " + not},
		{user: "grace", status: "PASSWORD_EXPIRED", outcome: "wrong_state", code: "wrong_state", words: "the user's status is PASSWORD_EXPIRED, " + not},
		{user: "heidi", status: "PROVISIONED", outcome: "wrong_state", code: "wrong_state", words: "the user's status is PROVISIONED, " + not},
		{user: "ivan", status: "RECOVERY", outcome: "wrong_state", code: "wrong_state", words: "the user's status is RECOVERY, " + not},
	}}.run(t)
}

func TestDisableUser_DeactivateInEveryStatus(t *testing.T) {
	t.Parallel()
	var rows []transition
	for user, status := range map[string]string{"alice": "ACTIVE", "carol": "SUSPENDED", "erin": "LOCKED_OUT", "frank": "STAGED",
		"grace": "PASSWORD_EXPIRED", "heidi": "PROVISIONED", "ivan": "RECOVERY"} {
		rows = append(rows, transition{user: user, status: status, outcome: "changed", becomes: "DEPROVISIONED",
			write: "{user}/lifecycle/deactivate?sendEmail=true", words: "Deactivated 1 user: " + user + "@acme.test."})
	}
	rows = append(rows, transition{user: "dave", status: "DEPROVISIONED", outcome: "unchanged", words: "Already deactivated: dave@acme.test (DEPROVISIONED)."})
	lifecycle{path: "users/disable-user", after: true, rows: rows}.run(t)
}

func TestDisableUser_DeactivatesByDefault(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", map[string]any{"entities": []any{entity("alice@acme.test", "USERUNIQNAME")}})
	got.Want(t, 200, w.Expand(`{
		"action": "Disable User", "status": "success", "is_success": true,
		"output_message": "Deactivated 1 user: alice@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"alice@acme.test": {"status": "DEPROVISIONED"}},
		"entities": [{"identifier": "alice@acme.test", "entity_type": "USERUNIQNAME",
			"enrichment": {"is_deactivate": "True", "is_send_email_deactivate": "True"}}],
		"targets": [{"input": "alice@acme.test", "source": "entity", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "changed",
			"before": {"status": "ACTIVE"}, "after": {"status": "DEPROVISIONED"}, "verified": false}],
		"warnings": []
	}`))
}

// The incumbent computes the flag and does not use it (defect 3); it sends parameters that Okta
// does not know (defect 16).
func TestDisableUser_SendsEmailOption(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flag  any
		query string
		mails []string
	}{
		{nil, "sendEmail=true", []string{"deactivated"}},
		{true, "sendEmail=true", []string{"deactivated"}},
		{"False", "sendEmail=false", nil},
		{false, "sendEmail=false", nil},
	} {
		w := testkit.New(t, testkit.Options{})
		got := w.Run("users/disable-user", testkit.Params(given(map[string]any{"User IDs Or Logins": "alice", "Send Email If Deactivate": test.flag})))
		wantOutcomes(t, got, "changed")
		w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/deactivate?" + test.query)
		if diff := cmp.Diff(test.mails, w.User("alice").Mails); diff != "" {
			t.Errorf("Send Email If Deactivate %v: e-mails (-want +got):\n%s", test.flag, diff)
		}
	}
}

func TestDisableUser_DryRunPredictsSuspend(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice, carol", "Is Deactivate": false},
		"entities":   []any{entity("BOB@ACME.TEST", "USERUNIQNAME")},
		"options":    map[string]any{"dry_run": true, "verify": true},
	})
	got.Want(t, 200, w.Expand(`{
		"action": "Disable User", "status": "planned", "is_success": true,
		"output_message": "Already disabled: carol@acme.test (SUSPENDED). Would suspend 2 users: alice@acme.test, bob@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"carol": {"status": "SUSPENDED"}},
		"entities": [{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {}}],
		"targets": [
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "planned",
			 "before": {"status": "ACTIVE"}, "after": {"status": "SUSPENDED"}},
			{"input": "carol", "source": "parameter", "user_id": "${id:carol}", "login": "carol@acme.test", "outcome": "unchanged",
			 "before": {"status": "SUSPENDED"}, "after": {"status": "SUSPENDED"}},
			{"input": "BOB@ACME.TEST", "source": "entity", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "planned",
			 "before": {"status": "ACTIVE"}, "after": {"status": "SUSPENDED"}}
		],
		"warnings": []
	}`))
	w.WantWrites()
	if w.User("alice").Status != "ACTIVE" || w.User("bob").Status != "ACTIVE" {
		t.Error("a dry run suspended a user")
	}
}

func TestDisableUser_DryRunWithMissingUserIsPartial(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice, zed, erin", "Is Deactivate": false},
		"options":    map[string]any{"dry_run": true},
	})
	wantHTTP(t, got, 200)
	want(t, got, "partial", "status")
	want(t, got, false, "is_success")
	wantOutcomes(t, got, "planned", "not_found", "wrong_state")
	w.WantWrites()
}

func TestDisableUser_VerifyReadsSuspendedUserAgain(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	ask := map[string]any{"parameters": map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false}, "options": map[string]any{"verify": true}}
	got := w.Run("users/disable-user", ask)
	want(t, got, "success", "status")
	want(t, got, true, "targets", 0, "verified")
	want(t, got, []any{}, "warnings")
	id := w.ID("alice")
	if diff := cmp.Diff([]string{"GET /api/v1/users/alice", "POST /api/v1/users/" + id + "/lifecycle/suspend", "GET /api/v1/users/" + id}, w.Asked()); diff != "" {
		t.Errorf("requests to Okta (-want +got):\n%s", diff)
	}
	got = w.Run("users/disable-user", ask) // it is already done
	wantOutcomes(t, got, "unchanged")
	want(t, got, true, "targets", 0, "verified")
}

func TestDisableUser_VerifyReportsStateAsRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		fault   emulator.Fault
		after   string
		warning string
	}{
		{"changing to it", emulator.Fault{Status: 200, Body: `{"id": "${id:alice}", "status": "ACTIVE", "transitioningToStatus": "SUSPENDED"}`}, "ACTIVE",
			"alice@acme.test: Okta accepted the change, but the state reads back as ACTIVE, changing to SUSPENDED instead of SUSPENDED."},
		{"suspended, changing to another", emulator.Fault{Status: 200, Body: `{"id": "${id:alice}", "status": "SUSPENDED", "transitioningToStatus": "DEPROVISIONED"}`}, "SUSPENDED",
			"alice@acme.test: Okta accepted the change, but the state reads back as SUSPENDED, changing to DEPROVISIONED instead of SUSPENDED."},
		{"another user", emulator.Fault{Status: 200, Body: `{"id": "${id:bob}", "status": "SUSPENDED"}`}, "SUSPENDED",
			"alice@acme.test: Okta accepted the change, but it could not be read back: Okta returned another user than the requested one"},
		{"no answer", emulator.Fault{Status: 403}, "SUSPENDED",
			"alice@acme.test: Okta accepted the change, but it could not be read back: You do not have permission"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			test.fault.Path, test.fault.Method = "/api/v1/users/"+w.ID("alice"), "GET"
			test.fault.Body = w.Expand(test.fault.Body)
			w.Okta.AddFault(test.fault)
			got := w.Run("users/disable-user", map[string]any{
				"parameters": map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false},
				"options":    map[string]any{"verify": true},
			})
			wantHTTP(t, got, 200)
			wantOutcomes(t, got, "changed")
			want(t, got, false, "targets", 0, "verified")
			want(t, got, test.after, "targets", 0, "after", "status")
			wantWarning(t, got, test.warning)
		})
	}
}

// TestVerify_OtherStatusIsAnError: Okta responds 200 to the change, but the user has another
// status.
func TestVerify_OtherStatusIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, user, query string
		params            map[string]any
		status            string // as read back from the emulator, which did not make the change
		asked             string
		undo              bool
	}{
		"suspend":    {"users/disable-user", "alice", "suspend", map[string]any{"Is Deactivate": false}, "ACTIVE", "SUSPENDED", true},
		"deactivate": {"users/disable-user", "alice", "deactivate?sendEmail=true", nil, "ACTIVE", "DEPROVISIONED", false},
		"unsuspend":  {"users/enable-user", "carol", "unsuspend", nil, "SUSPENDED", "ACTIVE", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/*", Status: 200, Body: "{}"})
			params := map[string]any{"User IDs Or Logins": c.user}
			for k, v := range c.params {
				params[k] = v
			}
			id := w.ID(c.user)
			w.Forget()
			got := w.Run(c.path, map[string]any{"parameters": params, "options": map[string]any{"verify": true}})
			w.WantWrites("POST /api/v1/users/" + id + "/lifecycle/" + c.query)
			reason := "Okta accepted the change, but the user's status reads back as " + c.status + " instead of " + c.asked + "; check the user in Okta before you try again"
			target := map[string]any{
				"input": c.user, "source": "parameter", "user_id": id, "login": c.user + "@acme.test", "outcome": "failed",
				"before": map[string]any{"status": c.status}, "after": map[string]any{"status": c.status}, "verified": false,
				"error": map[string]any{"code": "not_verified", "message": reason, "retryable": false},
			}
			if c.undo {
				target["undo"] = got.Get("targets", 0, "undo")
				if target["undo"] == nil {
					t.Error("no undo")
				}
			} else if target["not_undoable"] = got.Get("targets", 0, "not_undoable"); target["not_undoable"] == nil {
				t.Error("no reason why it has no undo")
			}
			wantHTTP(t, got, 200)
			want(t, got, "partial", "status")
			want(t, got, false, "is_success")
			want(t, got, "Failed: "+c.user+"@acme.test: "+reason+".", "output_message")
			want(t, got, nil, "json_result")
			want(t, got, []any{target}, "targets")
			want(t, got, []any{}, "warnings")
		})
	}
}

// TestVerify_ActivationMayBeComplete: between the two reads the user may have used the link.
// Another status is an error, and the reply does not report a link.
func TestVerify_ActivationMayBeComplete(t *testing.T) {
	t.Parallel()
	for status, outcome := range map[string]string{"ACTIVE": "changed", "DEPROVISIONED": "failed"} {
		w := testkit.New(t, testkit.Options{})
		get := emulator.Fault{Path: "/api/v1/users/" + w.ID("frank"), Method: "GET", Status: 200, Times: 1}
		for _, s := range []string{"PROVISIONED", status} {
			get.Body = w.Expand(`{"id": "${id:frank}", "status": "` + s + `", "profile": {"login": "frank@acme.test"}}`)
			w.Okta.AddFault(get)
		}
		got := w.Run("users/enable-user", map[string]any{
			"parameters": map[string]any{"User IDs Or Logins": "frank"}, "options": map[string]any{"verify": true},
		})
		wantOutcomes(t, got, outcome)
		want(t, got, status, "targets", 0, "after", "status")
		want(t, got, false, "targets", 0, "verified")
		if outcome == "failed" {
			want(t, got, "not_verified", "targets", 0, "error", "code")
			wantText(t, got, "Failed: frank@acme.test: Okta accepted the change", "output_message")
		}
	}
}

func TestDisableUser_UndoOfSuspendUnsuspends(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false},
	})
	wantOutcomes(t, got, "changed")
	w.Forget()
	wantOutcomes(t, undo(t, w, got), "changed")
	if is := w.User("alice").Status; is != "ACTIVE" {
		t.Errorf("after the undo alice is %s", is)
	}
	w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/unsuspend")
	if mails := w.User("alice").Mails; len(mails) > 0 {
		t.Errorf("the undo sent e-mails: %v", mails)
	}
}

// If the user changed between the read and the write, Okta's error about the state decides.
func TestDisableUser_StateChangedBeforeWrite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status        int
		body, outcome string
		code          string
	}{
		{400, `{"errorCode": "E0000001", "errorSummary": "Cannot suspend a user that is not active"}`, "wrong_state", "E0000001"},
		{400, `{"errorCode": "E0000001", "errorSummary": "Api validation failed: x"}`, "failed", "E0000001"},
		{403, `{"errorCode": "E0000038", "errorSummary": "This operation is not allowed in the user's current status."}`, "wrong_state", "E0000038"},
		{404, `{"errorCode": "E0000007", "errorSummary": "Not found: Resource not found: alice (User)"}`, "not_found", "E0000007"},
	} {
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*/suspend", Status: test.status, Body: test.body})
		got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false}))
		wantHTTP(t, got, 422)
		wantOutcomes(t, got, test.outcome)
		want(t, got, test.code, "targets", 0, "error", "code")
		want(t, got, nil, "targets", 0, "undo")
		want(t, got, nil, "json_result")
	}
}

// A suspend is retried: a second one has no other effect.
func TestDisableUser_SuspendIsRetriedAfterDroppedConnection(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*/suspend", Method: "POST", Drop: true})
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false}))
	wantHTTP(t, got, 503)
	wantOutcomes(t, got, "failed")
	want(t, got, "okta_unreachable", "targets", 0, "error", "code")
	want(t, got, true, "targets", 0, "error", "retryable")
	if got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
