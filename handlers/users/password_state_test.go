package users_test

import (
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestExpirePassword_InEveryStatus(t *testing.T) {
	t.Parallel()
	const disabled = "and Okta expires only passwords with which a user may sign in: enable the user first (Enable User)"
	rows := func(write string) []transition {
		return []transition{
			{user: "alice", status: "ACTIVE", outcome: "changed", becomes: "PASSWORD_EXPIRED", write: "{user}/lifecycle/" + write, words: "Expired the password of 1 user: alice@acme.test."},
			{user: "erin", status: "LOCKED_OUT", outcome: "changed", becomes: "PASSWORD_EXPIRED", write: "{user}/lifecycle/" + write, words: "Expired the password of 1 user: erin@acme.test."},
			{user: "ivan", status: "RECOVERY", outcome: "changed", becomes: "PASSWORD_EXPIRED", write: "{user}/lifecycle/" + write, words: "Expired the password of 1 user: ivan@acme.test."},
			{user: "grace", status: "PASSWORD_EXPIRED", outcome: "unchanged", words: "Already expired: grace@acme.test (PASSWORD_EXPIRED)."},
			{user: "carol", status: "SUSPENDED", outcome: "wrong_state", code: "wrong_state", words: "the user is SUSPENDED, " + disabled},
			{user: "dave", status: "DEPROVISIONED", outcome: "wrong_state", code: "wrong_state", words: "the user is DEPROVISIONED, " + disabled},
			{user: "frank", status: "STAGED", outcome: "wrong_state", code: "wrong_state", words: "the user is STAGED, " + disabled},
			{user: "heidi", status: "PROVISIONED", outcome: "wrong_state", code: "wrong_state", words: "the user is PROVISIONED, " + disabled},
		}
	}
	t.Run("only", func(t *testing.T) {
		t.Parallel()
		lifecycle{path: "users/expire-password", after: true, rows: rows("expire_password")}.run(t)
	})
	t.Run("temporary", func(t *testing.T) {
		t.Parallel()
		const write = "expire_password_with_temp_password?revokeSessions=false"
		all := rows(write)
		all[3] = transition{user: "grace", status: "PASSWORD_EXPIRED", outcome: "changed", write: "{user}/lifecycle/" + write, words: "Expired the password of 1 user: grace@acme.test."}
		lifecycle{path: "users/expire-password", after: true, params: map[string]any{"Temporary Password": true}, rows: all}.run(t)
	})
}

// TestExpirePassword_TemporaryPasswordIsReturnedOnlyIfAsked, and the old one is refused at once.
func TestExpirePassword_TemporaryPasswordIsReturnedOnlyIfAsked(t *testing.T) {
	t.Parallel()
	for _, returned := range []bool{false, true} {
		w := testkit.New(t, testkit.Options{})
		old := w.User("alice").Password
		got := w.Run("users/expire-password", testkit.Params(map[string]any{
			"User IDs": "alice", "Temporary Password": true, "Revoke Sessions": true, "Return Temporary Password": returned,
		}))
		u, secret := w.User("alice"), ""
		if returned {
			secret = `, "tempPassword": "` + u.Password + `"`
		}
		if u.Password == old || u.Sessions != 0 {
			t.Errorf("%+v", u)
		}
		w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/expire_password_with_temp_password?revokeSessions=true")
		got.Want(t, 200, w.Expand(`{
			"action": "Expire Password", "status": "success", "is_success": true,
			"output_message": "Expired the password of 1 user: alice@acme.test.",
			"script_result": {"name": "is_success", "value": true},
			"json_result": {"alice": {"status": "PASSWORD_EXPIRED"`+secret+`}}, "entities": [],
			"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "changed",
				"before": {"status": "ACTIVE"}, "after": {"status": "PASSWORD_EXPIRED"}, "verified": false}],
			"warnings": []
		}`))
	}
}

// TestExpirePassword_OptionsOfTheTemporaryPasswordNeedIt: nothing is sent.
func TestExpirePassword_OptionsOfTheTemporaryPasswordNeedIt(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, name := range []string{"Revoke Sessions", "Return Temporary Password"} {
		got := w.Run("users/expire-password", testkit.Params(map[string]any{"User IDs": "alice", name: true}))
		wantHTTP(t, got, 400)
		want(t, got, name, "error", "problems", 0, "parameter")
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("asked: %v", asked)
	}
}

func TestUnlockUser_InEveryStatus(t *testing.T) {
	t.Parallel()
	const others = ", and Okta unlocks only users who are LOCKED_OUT, or ACTIVE and blocked: use Enable User, Reset Password or Set Password"
	rows := []transition{
		{user: "erin", status: "LOCKED_OUT", outcome: "changed", becomes: "ACTIVE", write: "{user}/lifecycle/unlock", words: "Unlocked 1 user: erin@acme.test."},
		{user: "alice", status: "ACTIVE", outcome: "unchanged", words: "Already unlocked: alice@acme.test (ACTIVE)."},
	}
	for user, status := range map[string]string{
		"carol": "SUSPENDED", "dave": "DEPROVISIONED", "frank": "STAGED", "heidi": "PROVISIONED", "grace": "PASSWORD_EXPIRED", "ivan": "RECOVERY",
	} {
		rows = append(rows, transition{user: user, status: status, outcome: "wrong_state", code: "wrong_state", words: "the user is " + status + others})
	}
	lifecycle{path: "users/unlock-user", after: true, rows: rows}.run(t)
}

// TestUnlockUser_ActiveAndBlocked: the status stays, and the block ends.
func TestUnlockUser_ActiveAndBlocked(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "nora@acme.test", Blocked: true})
	w.Run("users/unlock-user", testkit.Params(map[string]any{"User IDs": "nora"})).Want(t, 200, w.Expand(`{
		"action": "Unlock User", "status": "success", "is_success": true,
		"output_message": "Unlocked 1 user: nora@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"nora": {"status": "ACTIVE"}}, "entities": [],
		"targets": [{"input": "nora", "source": "parameter", "user_id": "${id:nora}", "login": "nora@acme.test", "outcome": "changed",
			"before": {"status": "ACTIVE"}, "after": {"status": "ACTIVE"}, "verified": false}],
		"warnings": []
	}`))
	w.WantWrites("POST /api/v1/users/" + w.ID("nora") + "/lifecycle/unlock")
	if w.User("nora").Blocked {
		t.Error("nora is still blocked")
	}
}

// TestDirectoryMastered_UnlockAndExpireSayWhy: Okta refuses both for a user whom a directory masters.
func TestDirectoryMastered_UnlockAndExpireSayWhy(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct{ status, reason string }{
		"users/unlock-user":     {"LOCKED_OUT", "a user whom a directory masters is unlocked in the directory"},
		"users/expire-password": {"ACTIVE", "user profile is mastered under another system"},
	} {
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddDirectory(emulator.Directory{Name: "corp.acme.test", Users: []string{"nora@acme.test"}})
		w.Okta.SetStatus(w.ID("nora"), c.status)
		got := w.Run(path, testkit.Params(map[string]any{"User IDs": "nora"}))
		wantHTTP(t, got, 422)
		want(t, got, "wrong_state", "targets", 0, "outcome")
		wantText(t, got, c.reason, "output_message")
		if w.User("nora").Status != c.status {
			t.Errorf("%s: %+v", path, w.User("nora"))
		}
	}
}
