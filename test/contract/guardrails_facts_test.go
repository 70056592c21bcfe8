package contract_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// superAdmins are the ACTIVE holders of SUPER_ADMIN.
func superAdmins(w *testkit.World) []string {
	var logins []string
	for _, login := range []string{"admin", "breakglass", "svc-secops"} {
		if u := w.User(login); u.Status == "ACTIVE" && slices.Contains(u.Roles, "SUPER_ADMIN") {
			logins = append(logins, login)
		}
	}
	return logins
}

// TestLastSuperAdmin_OneIsLeft takes all super administrators away, in one call and in two at the same time, and by two
// actions at the same time.
func TestLastSuperAdmin_OneIsLeft(t *testing.T) {
	t.Parallel()
	disable := func(users string) func(w *testkit.World) {
		return func(w *testkit.World) {
			w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": users}))
		}
	}
	suspend := func(w *testkit.World) {
		w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "svc-secops, admin", "Is Deactivate": false}))
	}
	unassign := func(w *testkit.World) {
		w.Run("roles/unassign-role", testkit.Params(map[string]any{
			"User IDs": "admin, svc-secops, breakglass", "Role IDs Or Names": "SUPER_ADMIN",
		}))
	}
	all := "breakglass, admin, svc-secops"
	for name, runs := range map[string][]func(w *testkit.World){
		"one call":                 {disable(all)},
		"two calls":                {disable(all), disable("svc-secops, breakglass, admin")},
		"two halves":               {disable("admin, svc-secops"), disable("breakglass")},
		"Unassign Role":            {unassign},
		"two actions":              {disable("breakglass"), unassign},
		"suspension and two other": {suspend, unassign, disable(all)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			times := 34 // more than 200 in all
			if testing.Short() {
				times = 3
			}
			for range times {
				w := testkit.New(t, testkit.Options{App: &emulator.App{}})
				var calls sync.WaitGroup
				for _, run := range runs {
					calls.Go(func() { run(w) })
				}
				calls.Wait()
				if left := superAdmins(w); len(left) != 1 {
					t.Fatalf("super administrators that are left: %v", left)
				}
			}
		})
	}
}

func TestLastSuperAdmin_IsRefusedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{App: &emulator.App{}})
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "admin, alice, breakglass, svc-secops"}))
	if diff := cmp.Diff([]string{"changed", "changed", "changed", "refused"}, got.Outcomes()); diff != "" || got.HTTP != 200 ||
		got.Get("targets", 3, "error", "code") != "guardrail_last_super_admin" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	const message = "Refused: svc-secops@acme.test: no other ACTIVE user holds SUPER_ADMIN, so the org would have no " +
		"administrator any more: assign the role to another user first."
	if text, _ := got.Get("output_message").(string); !strings.HasSuffix(text, message) {
		t.Errorf("the message is %q", text)
	}
}

// TestLastSuperAdmin_FactsCostNothingForOthers: the list of administrators is read once in five minutes.
func TestLastSuperAdmin_FactsCostNothingForOthers(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, users := range []string{"alice", "bob"} {
		w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": users}))
	}
	facts := slices.DeleteFunc(w.AskedAll(), func(line string) bool {
		return strings.Contains(line, "/users/alice") || strings.Contains(line, "/users/bob") || strings.HasPrefix(line, "POST")
	})
	slices.Sort(facts)
	want := []string{"GET /api/v1/iam/assignees/users", "GET /api/v1/users/me"}
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	w.Clock.Advance(5 * time.Minute)
	w.Forget()
	w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "helpdesk"}))
	if asked := w.AskedAll(); !slices.Contains(asked, want[0]) || !slices.Contains(asked, want[1]) {
		t.Errorf("after five minutes: %v", asked)
	}
}

// TestLastSuperAdmin_ListIsReadAgainAfterOneMayHaveBecomeAdministrator, by a role or by a group.
func TestLastSuperAdmin_ListIsReadAgainAfterOneMayHaveBecomeAdministrator(t *testing.T) {
	t.Parallel()
	for path, parameters := range map[string]map[string]any{
		"roles/assign-role":        {"User IDs": "grace", "Role Types": "APP_ADMIN"},
		"groups/add-user-to-group": {"User IDs": "grace", "Group IDs Or Names": "Finance, Helpdesk"},
	} {
		w := testkit.New(t, testkit.Options{})
		w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "alice"}))
		got := w.Run(path, testkit.Params(parameters))
		w.Forget()
		w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "bob"}))
		if asked := w.AskedAll(); got.Get("status") != "success" || !slices.Contains(asked, "GET /api/v1/iam/assignees/users") {
			t.Errorf("%s: %s; then %v", path, got.Body, asked)
		}
	}
}

// withoutRoles is a service app that is granted what the actions need but okta.roles.read.
func withoutRoles() *emulator.App {
	a := &emulator.App{}
	for _, g := range handlers.Groups {
		a.Scopes = append(a.Scopes, slices.DeleteFunc(g.Scopes(), func(s string) bool { return s == "okta.roles.read" })...)
	}
	return a
}

func TestGuardrails_WithoutRolesReadRefuseAdministratorsOnly(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{App: withoutRoles()})
	for path, params := range map[string]map[string]any{
		"users/disable-user":   {"User IDs": "alice, admin, bob"},
		"users/reset-password": {"User IDs": "ivan, helpdesk, grace"},
	} {
		got := w.Run(path, testkit.Params(params))
		if diff := cmp.Diff([]string{"changed", "refused", "changed"}, got.Outcomes()); diff != "" ||
			got.Get("targets", 1, "error", "code") != guardrail.CodeUnavailable ||
			!strings.Contains(fmt.Sprint(got.Get("targets", 1, "error", "message")), "okta.roles.read") {
			t.Errorf("%s: %d %s", path, got.HTTP, got.Body)
		}
		if got, want := fmt.Sprint(got.Get("warnings")), "[administrator rules are not active: grant okta.roles.read]"; got != want {
			t.Errorf("%s: the warnings are %s", path, got)
		}
	}
	if w.User("admin").Status != "ACTIVE" || len(w.User("helpdesk").Mails) > 0 {
		t.Error("an administrator was changed")
	}
}

func TestOwnIdentity_IsThatOfTheToken(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("sessions/clear-okta-user-session", testkit.Params(map[string]any{"User IDs": "alice, svc-secops"}))
	if diff := cmp.Diff([]string{"changed", "refused"}, got.Outcomes()); diff != "" || got.Get("targets", 1, "error", "code") != "guardrail_own_identity" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	w.WantWrites("DELETE /api/v1/users/" + w.ID("alice") + "/sessions?oauthTokens=true")
	w = testkit.New(t, testkit.Options{App: &emulator.App{}}) // a service app is not a user
	if got := w.Run("sessions/clear-okta-user-session", testkit.Params(map[string]any{"User IDs": "svc-secops"})); got.Get("status") != "success" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}

func TestAlwaysOn_CanBeDisabledByName(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"GUARDRAILS": `{"disabled_rules": ["own_identity", "admin_credentials"]}`}})
	for path, params := range map[string]map[string]any{
		"sessions/clear-okta-user-session": {"User IDs": "svc-secops"},
		"users/reset-password":             {"User IDs": "helpdesk"},
	} {
		if got := w.Run(path, testkit.Params(params)); got.Get("status") != "success" {
			t.Errorf("%d %s", got.HTTP, got.Body)
		}
	}
	if log := w.Log(); !strings.Contains(log, "guardrails that are always on are switched off") {
		t.Error("it is not in the log")
	}
	got := w.Do(http.MethodGet, "users/guardrails", "", nil)
	if diff := cmp.Diff([]any{
		map[string]any{"rule": "last_super_admin", "active": true}, map[string]any{"rule": "own_identity", "active": false},
		map[string]any{"rule": "admin_credentials", "active": false},
	}, got.Get("rules")); diff != "" {
		t.Error(diff)
	}
}

func TestSuspendInstead_IsASuspensionInEveryPart(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"GUARDRAILS": `{"deactivate": "suspend_instead"}`}})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs": "alice, erin"},
		"entities":   []any{map[string]any{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME"}},
	})
	message, _ := got.Get("output_message").(string)
	if diff := cmp.Diff([]string{"changed", "wrong_state", "changed"}, got.Outcomes()); diff != "" ||
		!strings.HasPrefix(message, "Suspended 2 users: alice@acme.test, bob@acme.test.") || strings.Contains(message, "Is Deactivate") {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	want := []any{"The policy does not allow users to be deactivated (guardrail deactivate): they are suspended instead."}
	for what, diff := range map[string]string{
		"warnings": cmp.Diff(want, got.Get("warnings")),
		"enrichment": cmp.Diff(map[string]any{"is_deactivate": "False", "is_send_email_deactivate": "True"},
			got.Get("entities", 0, "enrichment")),
		"result": cmp.Diff(map[string]any{"status": "SUSPENDED"}, got.Get("json_result", "alice")),
		"after":  cmp.Diff(map[string]any{"status": "SUSPENDED"}, got.Get("targets", 0, "after")),
		"undo":   cmp.Diff("Enable User", got.Get("targets", 0, "undo", "action")),
	} {
		if diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
}

// TestSuspendInstead_ReplayIsJudgedByThePolicyOfItsRun: the users are still as that run left them.
func TestSuspendInstead_ReplayIsJudgedByThePolicyOfItsRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "policy.json")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(`{"deactivate": "suspend_instead"}`)
	w := testkit.New(t, testkit.Options{
		Env:     map[string]string{"GUARDRAILS": "file:" + file, "OKTA_API_TOKEN_SECRET": "env:TOKEN"},
		Secrets: secrets.Default(func(string) string { return "api-token-canary" }),
	})
	send := func() testkit.Reply {
		return w.Do(http.MethodPost, "users/disable-user", `{"parameters": {"User IDs": "alice"}}`, keyed("case-1"))
	}
	send()
	for _, policy := range []string{`{"deactivate": "suspend_instead"}`, `{}`, `{"freeze": "audit"}`, `{`} {
		put(policy)
		w.Clock.Advance(time.Minute)
		w.Forget()
		got := send()
		if got.Get("status") != "success" || got.Get("targets", 0, "after", "status") != "SUSPENDED" {
			t.Errorf("%s: %d %s", policy, got.HTTP, got.Body)
		}
		w.WantWrites()
	}
}

func TestPolicy_IsReadAgainWithoutARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "policy.json")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(`{"freeze": "the year ends"}`)
	w := testkit.New(t, testkit.Options{
		Env:     map[string]string{"GUARDRAILS": "file:" + file, "OKTA_API_TOKEN_SECRET": "env:TOKEN"},
		Secrets: secrets.Default(func(string) string { return "api-token-canary" }),
	})
	disable := func() testkit.Reply {
		return w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "alice", "Is Deactivate": false}))
	}
	if got := disable(); got.Get("error", "code") != "guardrail_freeze" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	for _, broken := range []string{`{"freez": "x"}`, `{`, `{"denied_actions": ["disable-users"]}`} {
		put(broken)
		w.Clock.Advance(30 * time.Second)
		got := disable()
		if got.HTTP != 503 || got.Get("error", "code") != guardrail.CodeUnavailable || len(w.Writes()) > 0 {
			t.Errorf("%s: %d %s", broken, got.HTTP, got.Body)
		}
		if got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs": "alice"})); got.HTTP != 200 {
			t.Errorf("a read: %d %s", got.HTTP, got.Body)
		}
	}
	put(`{}`)
	w.Clock.Advance(30 * time.Second)
	if got := disable(); got.Get("status") != "success" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}

func TestPolicy_InvalidSettingIsMisconfigured(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"GUARDRAILS": `{"denied_actions": ["disable-users"], "mode": "off"}`}})
	got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs": "alice"}))
	message := fmt.Sprint(got.Get("error", "message"))
	if got.HTTP != 500 || got.Get("error", "code") != "misconfigured" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	if !strings.Contains(message, "GUARDRAILS: the policy has a mistake, which the log names") {
		t.Error(message)
	}
	for _, part := range []string{"disable-users", "mode"} {
		if !strings.Contains(w.Log(), part) || strings.Contains(message, part) {
			t.Errorf("the log names no %s, or the message does: %s", part, message)
		}
	}
}

// keys are those of two callers.
const twoCallers = `[{"id": "secops", "key": "secops-key-secops-key-01", "actions": ["*"]}, ` +
	`{"id": "reader", "key": "reader-key-reader-key-02", "actions": ["get-user"]}, ` +
	`{"id": "robot", "key": "robot-key-robot-key-0003", "actions": ["*"]}]`

func TestCallers_HaveTheirOwnLimits(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{
		"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers",
		"GUARDRAILS": `{"max_users_per_hour": 4, "deactivate": "suspend_instead", "protected": [{"id": "p", "reason": "r", "users": ["breakglass"]}],
			"callers": {"Robot": {"max_users_per_hour": 1, "denied_actions": ["reset-password"], "deactivate": "allow"}, "other": {"max_targets_per_call": 3}}}`,
	}})
	w.Replace("callers", secrets.New(twoCallers))
	as := func(key, method, path, body string) testkit.Reply {
		return w.Do(method, path, body, http.Header{"X-Api-Key": {key}})
	}
	robot, secops, reader := "robot-key-robot-key-0003", "secops-key-secops-key-01", "reader-key-reader-key-02"
	clearSessions := func(key, user string) testkit.Reply {
		return as(key, "POST", "sessions/clear-okta-user-session", `{"parameters": {"User IDs": "`+user+`"}}`)
	}
	for _, step := range []struct{ key, user, code string }{
		{robot, "alice", ""}, {robot, "alice", ""}, {robot, "bob", "guardrail_max_users_per_hour"},
		{secops, "bob", ""}, {secops, "grace", ""}, {secops, "erin, ivan", "guardrail_max_users_per_hour"}, {secops, "erin", ""}, {secops, "ivan", "guardrail_max_users_per_hour"},
	} {
		got := clearSessions(step.key, step.user)
		code, _ := got.Get("error", "code").(string)
		if code != step.code {
			t.Errorf("%s: %d %s", step.user, got.HTTP, got.Body)
		}
		if retry := got.Header.Get("Retry-After"); code != "" && (got.HTTP != 429 || retry != "3600") {
			t.Errorf("%s: %d, Retry-After %s", step.user, got.HTTP, retry)
		}
	}
	w.Clock.Advance(time.Hour)
	if got := clearSessions(robot, "bob"); got.HTTP != 200 {
		t.Errorf("in the next hour: %d %s", got.HTTP, got.Body)
	}
	if got := as(robot, "POST", "users/reset-password", `{"parameters": {"User IDs": "alice"}}`); got.Get("error", "code") != "guardrail_denied_actions" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	view := as(robot, "GET", "users/guardrails", "")
	want := map[string]any{"max_users_per_hour": 1, "deactivate": "suspend_instead", "denied_actions": []any{"reset-password"}}
	limits, _ := view.Get("limits").(map[string]any)
	limits = maps.Clone(limits)
	limits["max_users_per_hour"] = 1
	if diff := cmp.Diff(want, limits); diff != "" || view.HTTP != 200 || strings.Contains(string(view.Body), "breakglass") ||
		fmt.Sprint(view.Get("limits", "max_users_per_hour")) != "1" {
		t.Errorf("%s: %s", view.Body, diff)
	}
	if got := as(secops, "GET", "users/guardrails", ""); fmt.Sprint(got.Get("limits", "max_users_per_hour")) != "4" || strings.Contains(string(got.Body), "reset-password") {
		t.Errorf("%s", got.Body)
	}
	if got := as(reader, "GET", "users/guardrails", ""); got.HTTP != 403 {
		t.Errorf("a caller who may only read: %d %s", got.HTTP, got.Body)
	}
	if got := as(secops, "POST", "users/guardrails", "{}"); got.HTTP != 405 {
		t.Errorf("POST: %d %s", got.HTTP, got.Body)
	}
}

// TestMaxUsersPerHour_RefusesTheWholeCall: the call that would exceed the limit changes no user, and the others change all of theirs.
func TestMaxUsersPerHour_RefusesTheWholeCall(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"GUARDRAILS": `{"max_users_per_hour": 100}`}})
	for i := range 1000 {
		w.Okta.AddUser(emulator.UserSeed{Login: fmt.Sprintf("load%d@acme.test", i)})
	}
	var mu sync.Mutex
	refused := 0
	var callers sync.WaitGroup
	for n := range 8 {
		callers.Go(func() {
			for call := n; call < 100; call += 8 {
				var users []string
				for u := range 10 {
					users = append(users, fmt.Sprintf("load%d", 10*call+u))
				}
				got := w.Run("sessions/clear-okta-user-session", testkit.Params(map[string]any{"User IDs": users}))
				if got.HTTP == 429 {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			}
		})
	}
	callers.Wait()
	if writes := len(w.Writes()); writes != 100 || refused != 90 {
		t.Errorf("%d users were changed and %d calls refused, want 100 and 90", writes, refused)
	}
}
