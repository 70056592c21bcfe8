package users_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const newPassword = "Canary-Pass-4711"

func TestSetPassword_InEveryStatus(t *testing.T) {
	t.Parallel()
	changed := func(user, status, becomes string) transition {
		return transition{user: user, status: status, outcome: "changed", becomes: becomes, write: "{user}", words: "Set the password of 1 user: " + user + "@acme.test."}
	}
	rows := []transition{
		changed("alice", "ACTIVE", ""), changed("erin", "LOCKED_OUT", "ACTIVE"), changed("grace", "PASSWORD_EXPIRED", "ACTIVE"),
		changed("heidi", "PROVISIONED", "ACTIVE"), changed("ivan", "RECOVERY", "ACTIVE"), changed("frank", "STAGED", ""), changed("carol", "SUSPENDED", ""),
		{user: "dave", status: "DEPROVISIONED", outcome: "wrong_state", code: "wrong_state", words: "the user is DEPROVISIONED and has no password: activate the user first (Enable User)"},
	}
	lifecycle{path: "users/set-password", params: map[string]any{"New Password": newPassword}, rows: rows}.run(t)
}

// The incumbent writes the password into its message and its result, so the case wall shows it
// (defect 7).
func TestSetPassword_DoesNotReturnGivenPassword(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/set-password", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice", "New Password": newPassword, "Also Run On Scope": true},
		"entities":   []any{entity("BOB@ACME.TEST", "USERUNIQNAME")},
	})
	got.Want(t, 200, w.Expand(`{
		"action": "Set Password", "status": "success", "is_success": true,
		"output_message": "Set the password of 2 users: alice@acme.test, bob@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"alice": {"set_password": true}, "BOB@ACME.TEST": {"set_password": true}},
		"entities": [{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {"set_password": "True"}}],
		"targets": [
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "changed",
			 "before": {"status": "ACTIVE"}, "verified": false},
			{"input": "BOB@ACME.TEST", "source": "entity", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "changed",
			 "before": {"status": "ACTIVE"}, "verified": false}
		],
		"warnings": []
	}`))
	wantNoSecret(t, w, got, newPassword)
	for _, login := range []string{"alice", "bob"} {
		if is := w.User(login).Password; is != newPassword {
			t.Errorf("the password of %s is %q", login, is)
		}
	}
}

// The incumbent appends to the same password for each user, so that the second user's password
// contains the whole password of the first (defect 1).
func TestSetPassword_RandomCharactersDifferPerUser(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	logins := []string{"alice", "bob", "erin", "grace", "heidi", "ivan", "carol", "frank"}
	got := w.Run("users/set-password", testkit.Params(map[string]any{
		"User IDs Or Logins": strings.Join(logins, ","), "New Password": newPassword, "Add 10 Random Chars": true,
	}))
	want(t, got, "success", "status")
	seen := map[string]string{}
	for _, login := range logins {
		want(t, got, true, "json_result", login, "set_password")
		password, _ := got.Get("json_result", login, "password").(string)
		if is := w.User(login).Password; is != password {
			t.Errorf("the reply says %q, but the password of %s is %q", password, login, is)
		}
		random, ok := strings.CutPrefix(password, newPassword)
		if !ok || len(random) != 10 {
			t.Errorf("%q is not the new password and 10 characters", password)
		}
		for _, kind := range []string{"[A-Z]", "[a-z]", "[0-9]", "[^A-Za-z0-9]"} {
			if !regexp.MustCompile(kind).MatchString(random) {
				t.Errorf("%q has none of %s", random, kind)
			}
		}
		if regexp.MustCompile(`[^!-~]|["',<>&\\0O1lI]`).MatchString(random) {
			t.Errorf("%q has a character that is easily lost or confused", random)
		}
		if other, taken := seen[random]; taken {
			t.Errorf("%s and %s have the same password", other, login)
		}
		seen[random] = login
		wantOnlyInResult(t, w, got, password)
		if message := got.Get("output_message").(string); strings.Contains(message, newPassword) {
			t.Errorf("the new password is in the message: %s", message)
		}
	}
	wantNotLogged(t, w, newPassword)
}

func TestSetPassword_SendsPasswordUnchanged(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"  Blanks Around 7 ", "Comma,Quote\"7,x", "Ünï-Pässwörd-7", `[High] <&>\u0041 Aa7`, "true-False-7"} {
		w := testkit.New(t, testkit.Options{})
		got := w.Run("users/set-password", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "New Password": password}))
		wantOutcomes(t, got, "changed")
		if is := w.User("alice").Password; is != password {
			t.Errorf("the password is %q, want %q", is, password)
		}
		wantNoSecret(t, w, got, password)
	}
}

func TestSetPassword_RequiresPassword(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, test := range []struct {
		password any
		words    string
	}{
		{nil, "is required: the new password"},
		{"", "is required: the new password"},
		{47110815, "must be a string"},
		{`[Vault.JsonResult| "canary"]`, "holds a placeholder that SecOps did not fill in"},
	} {
		got := w.Run("users/set-password", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "New Password": test.password}))
		wantHTTP(t, got, 400)
		want(t, got, "New Password", "error", "problems", 0, "parameter")
		wantText(t, got, test.words, "error", "problems", 0, "message")
		wantNoSecret(t, w, got, "canary")
		wantNoSecret(t, w, got, "47110815")
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}

func TestSetPassword_ReportsOktaErrorOfWeakPassword(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/set-password", testkit.Params(map[string]any{"User IDs Or Logins": "alice, bob", "New Password": "cat"}))
	wantHTTP(t, got, 422)
	wantOutcomes(t, got, "failed", "failed")
	for i := range 2 {
		want(t, got, "E0000080", "targets", i, "error", "code")
		want(t, got, false, "targets", i, "error", "retryable")
	}
	wantText(t, got, "Failed: alice@acme.test, bob@acme.test: The password does not meet the complexity requirements", "output_message")
	wantText(t, got, "at least 8 characters", "output_message")
	if is := w.User("alice").Password; is != "Seed-Passw0rd" {
		t.Errorf("the password is %q", is)
	}
}

// In the incumbent, an error for one user crashes the step with a TypeError: it skips the other
// users and does not report the passwords that it has set (defect 2).
func TestSetPassword_OneErrorDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + w.ID("bob"), Method: "POST", Status: 400,
		Body: `{"errorCode": "E0000001", "errorSummary": "Api validation failed: password", "errorCauses": [{"errorSummary": "Password has been used too recently"}]}`})
	got := w.Run("users/set-password", testkit.Params(map[string]any{
		"User IDs Or Logins": "alice, bob, zed, dave, ivan", "New Password": newPassword, "Add 10 Random Chars": true,
	}))
	wantHTTP(t, got, 200)
	want(t, got, "partial", "status")
	want(t, got, false, "is_success")
	wantOutcomes(t, got, "changed", "failed", "not_found", "wrong_state", "changed")
	want(t, got, "Set the password of 2 users: alice@acme.test, ivan@acme.test. "+
		"Not done: dave@acme.test: the user is DEPROVISIONED and has no password: activate the user first (Enable User). "+
		"Failed: bob@acme.test: Api validation failed: password: Password has been used too recently. Not found: zed.", "output_message")
	for _, login := range []string{"alice", "ivan"} {
		want(t, got, w.User(login).Password, "json_result", login, "password")
	}
	want(t, got, nil, "json_result", "bob")
	want(t, got, nil, "json_result", "dave")
}

func TestSetPassword_VerifyReadsUserAgain(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/set-password", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "erin", "New Password": newPassword}, "options": map[string]any{"verify": true},
	})
	want(t, got, map[string]any{"status": "LOCKED_OUT"}, "targets", 0, "before")
	want(t, got, map[string]any{"status": "ACTIVE"}, "targets", 0, "after")
	want(t, got, true, "targets", 0, "verified")
}

// A second write would set other random characters than the first reply reports.
func TestSetPassword_IsNotRetriedAfterLostResponse(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]emulator.Fault{
		"the connection drops": {Drop: true}, "Okta fails": {Status: 500}, "a gateway gives up": {Status: 502, Body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			f.Path, f.Method = "/api/v1/users/*", "POST"
			w.Okta.AddFault(f)
			got := w.Run("users/set-password", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "New Password": newPassword, "Add 10 Random Chars": true}))
			wantHTTP(t, got, 502)
			wantOutcomes(t, got, "failed")
			want(t, got, "unknown_result", "targets", 0, "error", "code")
			want(t, got, false, "targets", 0, "error", "retryable")
			want(t, got, nil, "json_result")
			w.WantWrites("POST /api/v1/users/" + w.ID("alice"))
			wantNoSecret(t, w, got, newPassword)
		})
	}
}

// wantNoSecret checks that a secret is neither in the reply nor in the log.
func wantNoSecret(t *testing.T, w *testkit.World, got testkit.Reply, secret string) {
	t.Helper()
	escaped, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	if body := string(got.Body); strings.Contains(body, secret) || strings.Contains(body, strings.Trim(string(escaped), `"`)) {
		t.Errorf("a secret is in the reply: %s", got.Body)
	}
	wantNotLogged(t, w, secret)
}

// TestSecrets_AreMaskedInOtherParameters: a World checks every log and reply for the password.
func TestSecrets_AreMaskedInOtherParameters(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"context":        `{"parameters": {"User IDs": "alice", "New Password": "%s"}, "context": {"note": "new password %s", "case_id": "4711"}}`,
		"context name":   `{"parameters": {"User IDs": "alice", "New Password": "%s"}, "context": {"%s": "x"}}`,
		"parameter name": `{"parameters": {"User IDs": "alice", "New Password": "%s", "%s": true}}`,
		"action":         `{"parameters": {"User IDs": "alice", "New Password": "%s"}, "action": "%s"}`,
		"member":         `{"parameters": {"User IDs": "alice", "New Password": "%s"}, "%s": 1}`,
	} {
		w := testkit.New(t, testkit.Options{})
		body = strings.ReplaceAll(body, "%s", newPassword)
		got := w.Do("POST", "users/set-password", body, http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {"k-" + newPassword}})
		if strings.HasPrefix(name, "context") {
			if got.HTTP != 200 || w.User("alice").Password != newPassword {
				t.Errorf("%s: %d %s", name, got.HTTP, got.Body)
			}
			if again := w.Do("POST", "users/set-password", body, http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {"k-" + newPassword}}); again.Header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("%s: the repeat: %d %s", name, again.HTTP, again.Body)
			}
		} else if got.HTTP < 400 || len(w.Writes()) > 0 {
			t.Errorf("%s: %d %s", name, got.HTTP, got.Body)
		}
		wantNoSecret(t, w, got, newPassword)
		if !strings.Contains(w.Log(), `"idempotency_key":"k-[redacted]"`) {
			t.Errorf("%s: no record of the key: %s", name, w.Log())
		}
	}
}

// TestSecrets_AreNotRepeatedFromOkta: neither the given password nor that with its random
// characters.
func TestSecrets_AreNotRepeatedFromOkta(t *testing.T) {
	t.Parallel()
	for _, random := range []bool{false, true} {
		var sent string
		w := testkit.New(t, testkit.Options{Observe: func(o emulator.Observed) { sent += string(o.Body) }})
		w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*", Method: "POST", Status: 403, Headers: map[string]string{"X-Okta-Request-Id": "req-" + newPassword},
			Body: `{"errorCode": "E0000080", "errorSummary": "The password ` + newPassword + ` does not meet the policy", "errorCauses": [{"errorSummary": "too weak: ` + newPassword + `"}]}`})
		got := w.Run("users/set-password", map[string]any{"parameters": map[string]any{"User IDs": "alice", "New Password": newPassword, "Add 10 Random Chars": random}})
		const said = "The password [redacted] does not meet the policy: too weak: [redacted]"
		if got.HTTP != 422 || got.Get("error", "message") != said || got.Get("targets", 0, "error", "okta_request_id") != "req-[redacted]" {
			t.Errorf("%d %s", got.HTTP, got.Body)
		}
		if !strings.Contains(sent, newPassword) {
			t.Error("Okta was not sent the password")
		}
		wantNoSecret(t, w, got, newPassword)
	}
}

func TestIdempotencyKey_IsCountedInCharacters(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for n, status := range map[int]int{255: 200, 256: 400} {
		got := w.Do("POST", "users/get-user", `{"parameters": {"User IDs": "alice"}}`, http.Header{
			"Content-Type": {"application/json"}, "Idempotency-Key": {strings.Repeat("ü", n)}})
		if got.HTTP != status {
			t.Errorf("%d characters: %d %s", n, got.HTTP, got.Body)
		}
	}
}

// TestSetPassword_OnlyThisUserIsSuccess: Okta returns the user whose password it set. After any
// other 2xx the write is in doubt.
func TestSetPassword_OnlyThisUserIsSuccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, outcome string }{
		"the user":           {`{"id": "${id:alice}"}`, "changed"},
		"another user":       {`{"id": "${id:bob}"}`, "failed"},
		"an empty object":    {`{}`, "failed"},
		"a list":             {`[]`, "failed"},
		"null":               {`null`, "failed"},
		"no body":            {``, "failed"},
		"an error of Okta":   {`{"id": "${id:alice}", "errorCode": "E0000009"}`, "failed"},
		"the id is a number": {`{"id": 4711}`, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{OffSpecification: true})
			id := w.ID("alice")
			w.Okta.AddFault(emulator.Fault{Method: "POST", Path: "/api/v1/users/" + id, Status: 200, Body: w.Expand(c.body)})
			got := w.Run("users/set-password", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "New Password": newPassword}))
			w.WantWrites("POST /api/v1/users/" + id)
			wantOutcomes(t, got, c.outcome)
			if c.outcome == "changed" {
				want(t, got, "success", "status")
				return
			}
			wantHTTP(t, got, 502)
			want(t, got, "failure", "status")
			want(t, got, "unknown_result", "targets", 0, "error", "code")
			want(t, got, false, "targets", 0, "error", "retryable")
			want(t, got, nil, "json_result")
			wantNoSecret(t, w, got, newPassword)
		})
	}
}
