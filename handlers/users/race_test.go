package users_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// TestTwoCallers_BothReachTheState: of two concurrent requests for one change, one changes the user
// and the other finds the user already changed.
func TestTwoCallers_BothReachTheState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path         string
		off          string // the parameter that is off
		from, to     string
		deactivation emulator.Deactivation
		transition   any // of the user that is unchanged
	}{
		"suspend":                      {path: "users/disable-user", off: "Is Deactivate", from: "ACTIVE", to: "SUSPENDED"},
		"unsuspend":                    {path: "users/enable-user", off: "Is Activate", from: "SUSPENDED", to: "ACTIVE"},
		"deactivate":                   {path: "users/disable-user", from: "ACTIVE", to: "DEPROVISIONED"},
		"deactivate, refused by 404":   {path: "users/disable-user", from: "SUSPENDED", to: "DEPROVISIONED", deactivation: emulator.Deactivation{Refusal: 404}},
		"deactivate, refused by 403":   {path: "users/disable-user", from: "ACTIVE", to: "DEPROVISIONED", deactivation: emulator.Deactivation{Refusal: 403}},
		"deactivate, which takes time": {path: "users/disable-user", from: "ACTIVE", to: "ACTIVE", transition: "DEPROVISIONED", deactivation: emulator.Deactivation{MS: 60_000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.SetDeactivation(c.deactivation)
			w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/*", LatencyMS: 10}) // so that both have read the user
			for round := range 20 {
				login := fmt.Sprintf("user%d@acme.test", round)
				w.Okta.AddUser(emulator.UserSeed{Login: login, Status: c.from})
				params := map[string]any{"User IDs Or Logins": login}
				if c.off != "" {
					params[c.off] = false
				}
				var outcomes []string
				for _, r := range w.AtOnce(c.path, testkit.Params(params), 2) {
					want(t, r, "success", "status")
					outcomes = append(outcomes, r.Outcomes()...)
					if r.Get("targets", 0, "outcome") != "unchanged" {
						continue
					}
					want(t, r, c.to, "targets", 0, "after", "status")
					want(t, r, c.transition, "targets", 0, "after", "transitioningToStatus")
					want(t, r, c.to, "json_result", login, "status")
					want(t, r, nil, "targets", 0, "undo")
					want(t, r, nil, "targets", 0, "error")
					state := c.to
					if c.transition != nil {
						state += ", changing to " + c.transition.(string)
					}
					wantText(t, r, "Already ", "output_message")
					wantText(t, r, login+" ("+state+")", "output_message")
				}
				slices.Sort(outcomes)
				if diff := cmp.Diff([]string{"changed", "unchanged"}, outcomes); diff != "" {
					t.Errorf("round %d (-want +got):\n%s", round, diff)
				}
				if is := w.User(login).Status; is != c.to {
					t.Errorf("%s is %s", login, is)
				}
			}
		})
	}
}

func refusalBody(code, text string) string {
	return `{"errorCode":"` + code + `","errorSummary":"` + text + `"}`
}

// TestRefusedWrite_ReadsTheStateOnce: a rejected write is a failure only if the user is not in the
// asked state.
func TestRefusedWrite_ReadsTheStateOnce(t *testing.T) {
	t.Parallel()
	refusals := map[string]struct {
		status  int
		body    string
		outcome string // if the asked state does not hold
	}{
		"the state's words": {400, refusalBody("E0000001", "Cannot suspend a user that is not active"), "wrong_state"},
		"E0000001":          {400, refusalBody("E0000001", "Api validation failed"), "failed"},
		"E0000016":          {403, refusalBody("E0000016", "Activation failed because the user is already active"), "wrong_state"},
		"E0000038":          {403, refusalBody("E0000038", "This operation is not allowed in the user's current status."), "wrong_state"},
		"E0000006":          {403, refusalBody("E0000006", "You do not have permission to perform the requested action"), "failed"},
		"E0000007":          {404, refusalBody("E0000007", "Not found: Resource not found: user (User)"), "not_found"},
	}
	for write, c := range map[string]struct {
		user, path, off, becomes string
	}{
		"suspend":    {"alice", "users/disable-user", "Is Deactivate", "SUSPENDED"},
		"deactivate": {"alice", "users/disable-user", "", "DEPROVISIONED"},
		"unsuspend":  {"carol", "users/enable-user", "Is Activate", "ACTIVE"},
		"activate":   {"frank", "users/enable-user", "", "PROVISIONED"},
	} {
		for name, r := range refusals {
			for _, carriedOut := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, by another caller: %v", write, name, carriedOut), func(t *testing.T) {
					t.Parallel()
					w := testkit.New(t, testkit.Options{})
					before := w.User(c.user).Status
					w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/" + write, Status: r.status, Body: r.body, CarriedOut: carriedOut})
					params := map[string]any{"User IDs Or Logins": c.user}
					if c.off != "" {
						params[c.off] = false
					}
					w.Forget()
					got := w.Run(c.path, map[string]any{"parameters": params, "options": map[string]any{"verify": true}})
					if asked := w.Asked(); len(asked) != 3 || asked[2] != "GET /api/v1/users/"+w.ID(c.user) {
						t.Errorf("asked %v", asked)
					}
					want(t, got, before, "targets", 0, "before", "status")
					want(t, got, nil, "targets", 0, "undo")
					if !carriedOut {
						wantOutcomes(t, got, r.outcome)
						want(t, got, nil, "targets", 0, "after")
						want(t, got, "failure", "status")
						return
					}
					wantHTTP(t, got, 200)
					want(t, got, "success", "status")
					wantOutcomes(t, got, "unchanged")
					want(t, got, c.becomes, "targets", 0, "after", "status")
					want(t, got, true, "targets", 0, "verified")
					want(t, got, map[string]any{c.user: map[string]any{"status": c.becomes}}, "json_result")
					want(t, got, []any{}, "warnings")
				})
			}
		}
	}
}

// TestRefusedWrite_WholeReply: the message, the outcome and the state after agree.
func TestRefusedWrite_WholeReply(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/suspend", Status: 400, CarriedOut: true, Body: refusalBody("E0000001", "Cannot suspend a user that is not active")})
	w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false})).Want(t, 200, w.Expand(`{
		"action": "Disable User", "status": "success", "is_success": true,
		"output_message": "Already disabled: alice@acme.test (SUSPENDED).",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"alice": {"status": "SUSPENDED"}}, "entities": [],
		"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "unchanged",
			"before": {"status": "ACTIVE"}, "after": {"status": "SUSPENDED"}, "verified": false}],
		"warnings": []
	}`))
	if !strings.Contains(w.Log(), "E0000001") {
		t.Error("the audit does not record that Okta rejected the write")
	}
}

// TestRefusedWrite_DeactivatedMeanwhile: a user who became DEPROVISIONED is contained and has no
// sessions, but is not enabled and has no password.
func TestRefusedWrite_DeactivatedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, refusal := range []int{403, 404} {
		for name, c := range map[string]struct {
			path    string
			params  map[string]any
			write   string
			user    string
			outcome string
			words   string
		}{
			"suspend":        {"users/disable-user", map[string]any{"Is Deactivate": false}, "lifecycle/suspend", "alice", "unchanged", "Already disabled: alice@acme.test (DEPROVISIONED)."},
			"clear sessions": {"sessions/clear-okta-user-session", nil, "sessions", "alice", "unchanged", "Without sessions: alice@acme.test (DEPROVISIONED)."},
			"unsuspend":      {"users/enable-user", map[string]any{"Is Activate": false}, "lifecycle/unsuspend", "carol", "", "carol@acme.test"},
			"reset password": {"users/reset-password", nil, "lifecycle/reset_password", "alice", "wrong_state", "the user is DEPROVISIONED and has no password"},
			"set password":   {"users/set-password", map[string]any{"New Password": "Canary-canary-7"}, "", "alice", "wrong_state", "the user is DEPROVISIONED and has no password"},
		} {
			t.Run(fmt.Sprint(name, " ", refusal), func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{})
				w.Okta.SetDeactivation(emulator.Deactivation{Refusal: refusal})
				id := w.ID(c.user)
				// Another caller deactivates the user between the read and the write.
				deactivateAfterRead(w, id)
				params := map[string]any{"User IDs Or Logins": c.user}
				for k, v := range c.params {
					params[k] = v
				}
				got := w.Run(c.path, testkit.Params(params))
				wantText(t, got, c.words, "output_message")
				if c.outcome != "" {
					wantOutcomes(t, got, c.outcome)
				} else if o := got.Outcomes()[0]; o != "wrong_state" && o != "not_found" {
					t.Errorf("outcome %s", o)
				}
				want(t, got, c.outcome == "unchanged", "is_success")
				if c.outcome == "unchanged" {
					want(t, got, "DEPROVISIONED", "targets", 0, "after", "status")
				}
			})
		}
	}
}

// deactivateAfterRead makes the first read of a user by login show the state before a deactivation.
func deactivateAfterRead(w *testkit.World, id string) {
	u := w.User(id)
	body := w.AsOktaHasIt("/api/v1/users/" + id)
	short, _, _ := strings.Cut(u.Login, "@")
	w.Okta.SetStatus(id, "DEPROVISIONED")
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + short, Method: "GET", Status: 200, Body: body})
}

// TestEnableUser_ActivatedByAnotherCaller: the reply warns if the request asked for a link and
// another caller made the activation.
func TestEnableUser_ActivatedByAnotherCaller(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/activate", Status: 403, CarriedOut: true, Body: refusalBody("E0000016", "Activation failed because the user is already active")})
	got := w.Run("users/enable-user", testkit.Params(map[string]any{"User IDs Or Logins": "frank", "Send Email If Activate": false}))
	wantOutcomes(t, got, "unchanged")
	want(t, got, map[string]any{"status": "PROVISIONED"}, "json_result", "frank")
	wantWarning(t, got, "frank@acme.test was activated by another caller, so this request did not create an activation link.")
}

// TestDeactivation_UnderWayIsNotRepeated: a user whom Okta is deactivating is not deactivated
// again, and not reported as enabled.
func TestDeactivation_UnderWayIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.SetDeactivation(emulator.Deactivation{MS: 2000})
	disable := testkit.Params(map[string]any{"User IDs Or Logins": "alice"})
	wantOutcomes(t, w.Run("users/disable-user", disable), "changed")
	w.Forget()
	for path, c := range map[string][2]string{
		"users/disable-user": {"unchanged", "Already deactivated: alice@acme.test (ACTIVE, changing to DEPROVISIONED)."},
		"users/enable-user":  {"wrong_state", "the user's status is ACTIVE and is changing to DEPROVISIONED: try again when Okta has finished"},
	} {
		got := w.Run(path, disable)
		wantOutcomes(t, got, c[0])
		wantText(t, got, c[1], "output_message")
	}
	w.WantWrites()
	w.Clock.Advance(2_000_000_000)
	got := w.Run("users/disable-user", disable)
	wantText(t, got, "Already deactivated: alice@acme.test (DEPROVISIONED).", "output_message")
	verify := w.Run("users/disable-user", map[string]any{"parameters": map[string]any{"User IDs Or Logins": "bob"}, "options": map[string]any{"verify": true}})
	want(t, verify, false, "targets", 0, "verified")
	wantWarning(t, verify, "bob@acme.test: Okta accepted the change, but the state reads back as ACTIVE, changing to DEPROVISIONED instead of DEPROVISIONED.")
}

// TestResetPassword_ErrorHasAdviceForStatus: the advice is for the user's status after the
// rejection.
func TestResetPassword_ErrorHasAdviceForStatus(t *testing.T) {
	t.Parallel()
	const directory = "the password is managed by a directory, or the password policy does not allow this: change it in the directory, or check the policy in Okta"
	for user, words := range map[string]string{
		"alice": "Password reset failed: the user's status is ACTIVE: " + directory,
		"grace": "Password reset failed: the user's status is PASSWORD_EXPIRED: " + directory,
		"carol": "Password reset failed: the user's status is SUSPENDED: enable the user first (Enable User)",
		"frank": "Password reset failed: the user's status is STAGED: enable the user first (Enable User)",
	} {
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddFault(emulator.Fault{Path: "*/reset_password", Status: 403, Body: refusalBody("E0000017", "Password reset failed")})
		got := w.Run("users/reset-password", testkit.Params(map[string]any{"User IDs Or Logins": user}))
		wantHTTP(t, got, 422)
		wantOutcomes(t, got, "wrong_state")
		want(t, got, words, "error", "message")
		want(t, got, "E0000017", "error", "code")
	}
}
