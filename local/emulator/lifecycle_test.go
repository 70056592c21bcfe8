package emulator_test

import (
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"github.com/google/go-cmp/cmp"
)

var allStatuses = []string{"ACTIVE", "SUSPENDED", "DEPROVISIONED", "LOCKED_OUT", "STAGED", "PASSWORD_EXPIRED",
	"PROVISIONED", "RECOVERY"}

func TestLifecycle_EveryOperationFromEveryStatus(t *testing.T) {
	t.Parallel()
	// The status after the operation or the error, in the order of allStatuses.
	for call, outcomes := range map[string][]string{
		"lifecycle/suspend": {"SUSPENDED", "E0000001", "E0000001", "E0000001", "E0000001",
			"E0000001", "E0000001", "E0000001"},
		"lifecycle/unsuspend": {"E0000001", "ACTIVE", "E0000001", "E0000001", "E0000001",
			"E0000001", "E0000001", "E0000001"},
		"lifecycle/deactivate": {"DEPROVISIONED", "DEPROVISIONED", "E0000038",
			"DEPROVISIONED", "DEPROVISIONED", "DEPROVISIONED", "DEPROVISIONED", "DEPROVISIONED"},
		"lifecycle/activate": {"E0000016", "E0000016", "PROVISIONED", "E0000016",
			"PROVISIONED", "E0000016", "E0000016", "E0000016"},
		"lifecycle/reactivate": {"E0000038", "E0000038", "E0000038", "E0000038", "E0000038",
			"E0000038", "PROVISIONED", "RECOVERY"},
		"lifecycle/reset_password?sendEmail=false": {"RECOVERY", "E0000017", "E0000038", "RECOVERY", "E0000017",
			"RECOVERY", "RECOVERY", "RECOVERY"},
		"lifecycle/unlock": {"E0000032", "E0000032", "E0000032", "ACTIVE", "E0000032",
			"E0000032", "E0000032", "E0000032"},
		"lifecycle/expire_password": {"PASSWORD_EXPIRED", "E0000038", "E0000038",
			"PASSWORD_EXPIRED", "E0000038", "PASSWORD_EXPIRED", "E0000038", "PASSWORD_EXPIRED"},
		`{"credentials":{"password":{"value":"N3w-Secret!"}}}`: {"ACTIVE", "SUSPENDED", "E0000038", "ACTIVE", "STAGED",
			"ACTIVE", "ACTIVE", "ACTIVE"},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			o := start(t)
			for i, status := range allStatuses {
				id := o.AddUser(emulator.UserSeed{Login: strings.ToLower(status) + "@acme.test", Status: status})
				path, body := "/api/v1/users/"+id, ""
				if call[0] == '{' {
					body = call
				} else {
					path += "/" + call
				}
				a := o.do("POST", path, body)
				got := a.code()
				if got == "" {
					got = o.user(id).Status
				} else if o.user(id).Status != status {
					t.Errorf("from %s: rejected, but the status became %s", status, o.user(id).Status)
				}
				if got != outcomes[i] {
					t.Errorf("from %s: %s, want %s (%d %s)", status, got, outcomes[i], a.status, a.body)
				}
			}
		})
	}
}

func TestSuspend_ReportsReasonAndEndsOnlySessions(t *testing.T) {
	t.Parallel()
	o := start(t)
	before := o.user("alice")
	o.expect(200, "POST", "/api/v1/users/alice/lifecycle/suspend", "")
	after := o.user("alice")
	if after.Sessions != 0 || after.OAuthTokens != before.OAuthTokens || !cmp.Equal(after.Groups, before.Groups) {
		t.Errorf("after suspend: %+v, before: %+v", after, before)
	}
	a := o.expect(400, "POST", "/api/v1/users/alice/lifecycle/suspend", "")
	if !strings.Contains(a.body, "Cannot suspend a user that is not active") ||
		!strings.Contains(a.body, `"errorCauses":[]`) {
		t.Error(a.body)
	}
}

func TestActivate_WithPasswordMakesActive(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.expect(200, "POST", "/api/v1/users/frank", `{"credentials":{"password":{"value":"N3w-Secret!"}}}`)
	o.expect(200, "POST", "/api/v1/users/frank/lifecycle/activate?sendEmail=true", "")
	if got := o.user("frank").Status; got != "ACTIVE" {
		t.Error(got)
	}
}

func TestMails_OrLinksInResponse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, user, call, mail string
		keys                   []string // of the response
	}{
		{"Deactivate sends none by default", "bob", "deactivate", "", nil},
		{"Deactivate sends one when asked", "bob", "deactivate?sendEmail=true", "deactivated", nil},
		{"Activate sends one by default", "frank", "activate", "activation", nil},
		{"Activate without e-mail returns the link", "frank", "activate?sendEmail=false", "",
			[]string{"activationToken", "activationUrl"}},
		{"Reactivate returns the link by default", "heidi", "reactivate", "", []string{"activationToken", "activationUrl"}},
		{"Reactivate sends one when asked", "heidi", "reactivate?sendEmail=true", "activation", nil},
		{"Reset password without e-mail returns the link", "bob", "reset_password?sendEmail=false", "",
			[]string{"resetPasswordUrl"}},
		{"Reset password sends one when asked", "bob", "reset_password?sendEmail=true", "reset_password", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := start(t)
			var got map[string]string
			o.expect(200, "POST", "/api/v1/users/"+tc.user+"/lifecycle/"+tc.call, "").into(t, &got)
			if len(got) != len(tc.keys) {
				t.Errorf("reply %v, want the keys %v", got, tc.keys)
			}
			for _, k := range tc.keys {
				if got[k] == "" {
					t.Errorf("reply %v lacks %s", got, k)
				}
			}
			if mails := strings.Join(o.user(tc.user).Mails, " "); mails != tc.mail {
				t.Errorf("mails %q, want %q", mails, tc.mail)
			}
		})
	}
}

func TestLinks_NeverRepeat(t *testing.T) {
	t.Parallel()
	o := start(t)
	a := o.expect(200, "POST", "/api/v1/users/bob/lifecycle/reset_password?sendEmail=false", "")
	b := o.expect(200, "POST", "/api/v1/users/bob/lifecycle/reset_password?sendEmail=false", "")
	if a.body == b.body || !strings.HasPrefix(a.body, `{"resetPasswordUrl":"`+o.url+"/reset_password/") {
		t.Error(a.body, b.body)
	}
}

func TestQueryBooleans_RejectOtherValues(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, path := range []string{
		"/alice/lifecycle/reset_password", // Okta has no default for sendEmail
		"/alice/lifecycle/reset_password?sendEmail=yes",
		"/alice/lifecycle/reset_password?sendEmail=true&revokeSessions=1",
		"/alice/lifecycle/deactivate?sendEmail=Truth",
		"/frank/lifecycle/activate?sendEmail=",
		"/heidi/lifecycle/reactivate?sendEmail=0",
	} {
		if a := o.expect(400, "POST", "/api/v1/users"+path, ""); a.code() != "E0000001" {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if got := o.user("alice"); got.Status != "ACTIVE" {
		t.Error(got)
	}
}

func TestQueryBooleans_AcceptUpperAndLowerCase(t *testing.T) {
	t.Parallel()
	o := start(t)
	for path, mails := range map[string]string{
		"alice/lifecycle/deactivate?sendEmail=True":     "deactivated",
		"bob/lifecycle/deactivate?sendEmail=False":      "",
		"frank/lifecycle/activate?sendEmail=TRUE":       "activation",
		"grace/lifecycle/reset_password?sendEmail=tRuE": "reset_password",
	} {
		o.expect(200, "POST", "/api/v1/users/"+path, "")
		name, _, _ := strings.Cut(path, "/")
		if got := strings.Join(o.user(name).Mails, " "); got != mails {
			t.Errorf("%s: mails %q, want %q", path, got, mails)
		}
	}
}

func TestResetPassword_RevokesSessionsOnRequest(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.expect(200, "POST", "/api/v1/users/alice/lifecycle/reset_password?sendEmail=true", "")
	if o.user("alice").Sessions == 0 {
		t.Error("the sessions ended without revokeSessions")
	}
	o.expect(200, "POST", "/api/v1/users/alice/lifecycle/reset_password?sendEmail=true&revokeSessions=true", "")
	if o.user("alice").Sessions != 0 {
		t.Error("the sessions did not end with revokeSessions")
	}
}

func TestClearSessions_RevokesTokensOnRequest(t *testing.T) {
	t.Parallel()
	o := start(t)
	alice, bob := o.user("alice"), o.user("bob")
	o.expect(204, "DELETE", "/api/v1/users/"+alice.ID+"/sessions", "")
	o.expect(204, "DELETE", "/api/v1/users/"+bob.ID+"/sessions?oauthTokens=true&forgetDevices=false", "")
	if got := o.user("alice"); got.Sessions != 0 || got.OAuthTokens != alice.OAuthTokens {
		t.Errorf("without oauthTokens: %+v", got)
	}
	if got := o.user("bob"); got.Sessions != 0 || got.OAuthTokens != 0 {
		t.Errorf("with oauthTokens: %+v", got)
	}
	o.expect(404, "DELETE", "/api/v1/users/alice@acme.test/sessions", "")
	o.expect(400, "DELETE", "/api/v1/users/"+bob.ID+"/sessions?oauthTokens=maybe", "")
}
