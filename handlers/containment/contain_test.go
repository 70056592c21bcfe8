package containment_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const (
	containUser = "containment/contain-user"
	restoreUser = "containment/restore-user"
	victim      = "victim@acme.test"
)

var (
	levels   = []string{"revoke", "contain", "evict"}
	statuses = []string{
		"ACTIVE", "LOCKED_OUT", "PASSWORD_EXPIRED", "RECOVERY", "PROVISIONED", "STAGED", "SUSPENDED", "DEPROVISIONED",
	}
)

// world has a victim with everything that a containment ends, and a quarantine group. A setting is a
// name and a value.
func world(t *testing.T, status string, setting ...string) *testkit.World {
	t.Helper()
	env := map[string]string{"QUARANTINE_GROUP": "Quarantine"}
	for i := 0; i+1 < len(setting); i += 2 {
		env[setting[i]] = setting[i+1]
	}
	w := testkit.New(t, testkit.Options{Env: env})
	w.Okta.AddGroup("Quarantine", "")
	factors := []string{"push"}
	if status == "DEPROVISIONED" {
		factors = nil // a deactivation removes them
	}
	w.Okta.AddUser(emulator.UserSeed{
		Login: victim, Status: status, Sessions: 2, OAuthTokens: 2, AppSessions: 2, Risk: "LOW",
		Factors: factors, Clients: []string{"Mail"}, Groups: []string{"Engineering"},
	})
	return w
}

func send(w *testkit.World, path string, parameters map[string]any) testkit.Reply {
	parameters["User IDs"] = victim
	return w.Run(path, testkit.Params(parameters))
}

// steps returns the steps of the target: "suspend changed".
func steps(t *testing.T, r testkit.Reply) []string {
	t.Helper()
	var list []string
	all, _ := r.Get("targets", 0, "steps").([]any)
	for i := range all {
		name, _, _ := strings.Cut(r.Get("targets", 0, "steps", i, "step").(string), " ")
		list = append(list, fmt.Sprintf("%s %s", name, r.Get("targets", 0, "steps", i, "outcome")))
	}
	return list
}

// table is the part of the page that TestContain_TableOfLevelsAndStatuses writes.
const (
	page  = "../../docs/containment.md"
	begin = "<!-- The table is written by UPDATE_DOCS=1 go test ./handlers/containment; do not edit. -->\n"
	end   = "<!-- end of the table -->\n"
)

// TestContain_TableOfLevelsAndStatuses contains a user of every status at each level, and compares the
// results with Okta and with the table in the documentation.
func TestContain_TableOfLevelsAndStatuses(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	fmt.Fprint(&rows, "| Level | Status | Steps that end access | Status afterwards | `contained` |\n|---|---|---|---|---|\n")
	for _, level := range levels {
		for _, status := range statuses {
			w := world(t, status)
			got := send(w, containUser, map[string]any{"Level": level})
			u := w.User(victim)
			contained := got.Get("json_result", victim, "contained")
			var words []string
			for _, s := range steps(t, got) {
				name, outcome, _ := strings.Cut(s, " ")
				words = append(words, strings.ReplaceAll(name, "_", " ")+": "+strings.ReplaceAll(outcome, "_", " "))
			}
			fmt.Fprintf(&rows, "| %s | %s | %s | %s | %v |\n", level, status, strings.Join(words, ", "), u.Status, contained)

			blocked := u.Status == "SUSPENDED" || u.Status == "DEPROVISIONED"
			if want := level == "revoke" || blocked; (contained == true) != want || contained == false {
				t.Errorf("%s, %s: contained %v, Okta has %s", level, status, contained, u.Status)
			}
			if outcome := got.Get("targets", 0, "outcome"); (outcome == "failed") != (contained == "partly") {
				t.Errorf("%s, %s: contained %v, and the outcome is %v", level, status, contained, outcome)
			}
			if got.Get("json_result", victim, "evidence", "status") != u.Status || (got.Get("status") == "success") != (contained == true) {
				t.Errorf("%s, %s: %s", level, status, got.Body)
			}
			if u.Sessions+u.OAuthTokens+u.AppSessions != 0 {
				t.Errorf("%s, %s: access is left: %+v", level, status, u)
			}
			if evicted := len(u.Factors)+u.Grants+u.RefreshTokens == 0 && u.Risk == "HIGH" && slices.Contains(u.Groups, "Quarantine"); evicted != (level == "evict") {
				t.Errorf("%s, %s: %+v", level, status, u)
			}
			survives := fmt.Sprint(got.Get("json_result", victim, "survives"))
			if strings.Contains(survives, "new sign-ins") == blocked {
				t.Errorf("%s, %s: %s", level, status, survives)
			}
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), begin)
	now, after, _ := strings.Cut(rest, end)
	if want := "\n" + rows.String() + "\n"; now != want {
		if os.Getenv("UPDATE_DOCS") == "" {
			t.Fatalf("%s has another table; run UPDATE_DOCS=1 go test ./handlers/containment:\n%s", page, cmp.Diff(want, now))
		}
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestContain_AllowDeactivateEndsTheAccessOfOthers: Okta suspends only ACTIVE users.
func TestContain_AllowDeactivateEndsTheAccessOfOthers(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"LOCKED_OUT", "PASSWORD_EXPIRED", "RECOVERY", "PROVISIONED", "STAGED"} {
		w := world(t, status)
		got := send(w, containUser, map[string]any{"Allow Deactivate": true})
		if got.Get("json_result", victim, "contained") != true || w.User(victim).Status != "DEPROVISIONED" {
			t.Errorf("%s: %d %s", status, got.HTTP, got.Body)
		}
	}
}

// blocks are the requests of the steps, in order.
var blocks = []struct{ step, path string }{
	{"suspend", "*/lifecycle/suspend"},
	{"universal_logout", "/oauth2/v1/global-token-revocation"},
	{"clear_sessions", "*/sessions"},
	{"reset_factors", "*/lifecycle/reset_factors"},
	{"revoke_grants", "*/grants"},
	{"revoke_tokens", "*/tokens"},
	{"quarantine", "/api/v1/groups/*/users/*"},
	{"set_risk", "*/risk"},
}

// effect reports whether a step has its effect in Okta.
func effect(step string, u emulator.UserState) bool {
	return map[string]bool{
		"suspend": u.Status == "SUSPENDED", "universal_logout": u.AppSessions == 0, "clear_sessions": u.Sessions == 0,
		"reset_factors": len(u.Factors) == 0, "revoke_grants": u.Grants == 0, "revoke_tokens": u.RefreshTokens == 0,
		"quarantine": slices.Contains(u.Groups, "Quarantine"), "set_risk": u.Risk == "HIGH",
	}[step]
}

// TestContain_FaultAtEachStepIsReportedTruly has each fault at each step of an eviction: the other
// steps are made, and the reply claims the effects that Okta has.
func TestContain_FaultAtEachStepIsReportedTruly(t *testing.T) {
	t.Parallel()
	faults := map[string]emulator.Fault{
		"a rate limit":             {Status: 429, Times: 1},
		"a server error":           {Status: 500},
		"a lost response":          {Drop: true, CarriedOut: true},
		"a lost request":           {Drop: true},
		"no permission":            {Status: 403},
		"a lost response, once":    {Drop: true, CarriedOut: true, Times: 1},
		"the feature is not there": {Status: 403, Body: `{"errorCode": "E0000015", "errorSummary": "No such feature"}`},
	}
	for name, f := range faults {
		for _, b := range blocks {
			t.Run(name+" at "+b.step, func(t *testing.T) {
				t.Parallel()
				w := world(t, "ACTIVE")
				f := f // the cases run in parallel
				for _, method := range []string{"POST", "PUT", "DELETE"} {
					f.Path, f.Method = b.path, method
					w.Okta.AddFault(f)
				}
				got := send(w, containUser, map[string]any{"Level": "evict"})
				u := w.User(victim)
				all := steps(t, got)
				if len(all) != len(blocks)+1 {
					t.Fatalf("steps %v: %s", all, got.Body)
				}
				for _, s := range all {
					step, outcome, _ := strings.Cut(s, " ")
					switch has := effect(step, u); {
					case step == "verify":
					case outcome == "changed" && !has:
						t.Errorf("%s is changed, and Okta has %+v", step, u)
					case step != b.step && outcome != "changed":
						t.Errorf("%s is %s", step, outcome)
					}
				}
				for member, now := range map[string]any{"status": u.Status, "risk": u.Risk, "factors": u.Factors} {
					if after, known := got.Get("json_result", victim, "after").(map[string]any)[member]; known && fmt.Sprint(after) != fmt.Sprint(now) {
						t.Errorf("%s after: %v, and Okta has %v", member, after, now)
					}
				}
				failed := slices.ContainsFunc(all, func(s string) bool { return strings.HasSuffix(s, " failed") })
				if want := map[bool]any{true: "partly", false: true}[failed]; got.Get("json_result", victim, "contained") != want {
					t.Errorf("contained %v with %v", got.Get("json_result", victim, "contained"), all)
				}
				if failed != (got.Get("status") != "success") {
					t.Errorf("%v: %s", all, got.Body)
				}
			})
		}
	}
}

// TestContain_TimeoutAtEachStepIsReportedTruly: Okta does not respond to one step before the deadline.
// The steps before it are made, the next ones are not started, and the reply claims no more.
func TestContain_TimeoutAtEachStepIsReportedTruly(t *testing.T) {
	t.Parallel()
	var cases sync.WaitGroup // all at once: each waits for its deadline
	for _, b := range blocks {
		for _, carriedOut := range []bool{false, true} {
			w := world(t, "ACTIVE", "REQUEST_DEADLINE", "5s")
			for _, method := range []string{"POST", "PUT", "DELETE"} {
				w.Okta.AddFault(emulator.Fault{Path: b.path, Method: method, Hang: true, CarriedOut: carriedOut})
			}
			cases.Go(func() {
				got := send(w, containUser, map[string]any{"Level": "evict"})
				u, hung := w.User(victim), false
				for _, s := range steps(t, got) {
					step, outcome, _ := strings.Cut(s, " ")
					hung = hung || step == b.step
					switch has := effect(step, u); {
					case step == "verify":
					case outcome == "changed" && !has:
						t.Errorf("%s is changed, and Okta has %+v", step, u)
					case (outcome == "changed") == hung:
						t.Errorf("%s: %s: %s", s, b.step, got.Body)
					}
				}
				if got.Get("json_result", victim, "contained") == true || got.Get("status") == "success" || !strings.Contains(string(got.Body), "in doubt: "+b.step) {
					t.Errorf("%d %s", got.HTTP, got.Body)
				}
			})
		}
	}
	cases.Wait()
}

// TestContain_StatusThatReadsBackAsBeforeIsNotContained: Okta accepts the suspension, and the user
// stays ACTIVE.
func TestContain_StatusThatReadsBackAsBeforeIsNotContained(t *testing.T) {
	t.Parallel()
	w := world(t, "ACTIVE")
	w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/suspend", Status: 200, Body: "{}"})
	got := send(w, containUser, map[string]any{})
	if got.Get("json_result", victim, "contained") != "partly" || got.Get("targets", 0, "error", "code") != "not_verified" ||
		!strings.Contains(fmt.Sprint(got.Get("json_result", victim, "survives")), "new sign-ins: the user's status is ACTIVE") || steps(t, got)[0] != "suspend failed" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}

// TestRestore_TakesBackWhatTheContainmentChanged: status, quarantine group and risk are as before, and
// the reply names the rest.
func TestRestore_TakesBackWhatTheContainmentChanged(t *testing.T) {
	t.Parallel()
	for _, level := range levels {
		w := world(t, "ACTIVE")
		before := w.User(victim)
		contained := send(w, containUser, map[string]any{"Level": level})
		got := send(w, restoreUser, map[string]any{"Record": testkit.JSON(t, contained.Get("json_result"))})
		u := w.User(victim)
		if got.Get("status") != "success" || u.Status != before.Status || u.Risk != before.Risk || !slices.Equal(u.Groups, before.Groups) {
			t.Errorf("%s: %+v: %s", level, u, got.Body)
		}
		not := fmt.Sprint(got.Get("json_result", victim, "not_restorable"))
		for _, step := range []string{"universal_logout", "clear_sessions", "reset_factors", "revoke_grants", "revoke_tokens"} {
			if made := strings.Contains(fmt.Sprint(steps(t, contained)), step+" changed"); made != strings.Contains(not, step) {
				t.Errorf("%s: %s: %s", level, step, not)
			}
		}
	}
}

// TestRestore_RecordChoosesOnlyAmongWhatTheRunChanged: the record comes from the caller.
func TestRestore_RecordChoosesOnlyAmongWhatTheRunChanged(t *testing.T) {
	t.Parallel()
	w := world(t, "SUSPENDED")
	id, other := w.ID(victim), w.Okta.AddGroup("Blocked", "")
	record := func(step, group string) string {
		return fmt.Sprintf(`{"user_id": %q, "before": {"status": "ACTIVE", "risk": "NONE"}, "after": {"status": "SUSPENDED"},
			"quarantine_group": %q, "steps": [{"step": %q, "outcome": "changed"}]}`, id, group, step)
	}
	for _, r := range []string{
		record("quarantine", other), record("quarantine", "Engineering"), record("set_risk", ""), record("deactivate", ""), record("reset_factors", ""),
		strings.Replace(record("set_risk", ""), "NONE", "CRITICAL", 1),
	} {
		w.Forget()
		got := send(w, restoreUser, map[string]any{"Record": r})
		if got.Get("targets", 0, "outcome") != "unchanged" || len(got.Get("json_result", victim, "not_restorable").([]any)) != 1 {
			t.Errorf("%s: %d %s", r, got.HTTP, got.Body)
		}
		w.WantWrites()
	}
	for r, problem := range map[string]string{
		"": "Record", "{}": "Record", "[]": "Record", "null": "Record", `{"a": {"user_id": "x"}}`: "Record", "{": "Record",
	} {
		if got := send(w, restoreUser, map[string]any{"Record": r}); got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != problem {
			t.Errorf("%q: %d %s", r, got.HTTP, got.Body)
		}
	}
}

// TestRestore_RefusesAUserWhoHasChangedSince: another caller deactivated the user.
func TestRestore_RefusesAUserWhoHasChangedSince(t *testing.T) {
	t.Parallel()
	w := world(t, "ACTIVE")
	contained := send(w, containUser, map[string]any{})
	w.Okta.SetStatus(w.ID(victim), "DEPROVISIONED")
	w.Forget()
	got := send(w, restoreUser, map[string]any{"Record": testkit.JSON(t, contained.Get("json_result", victim))})
	if got.HTTP != 422 || got.Get("targets", 0, "error", "code") != "changed_since" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	w.WantWrites()

	w = world(t, "ACTIVE")
	contained = send(w, containUser, map[string]any{"Level": "evict"})
	w.Run("users/set-user-risk", testkit.Params(map[string]any{"User IDs": victim, "Level": "MEDIUM"}))
	w.Forget()
	got = send(w, restoreUser, map[string]any{"Record": testkit.JSON(t, contained.Get("json_result"))})
	if got.HTTP != 422 || got.Get("targets", 0, "error", "code") != "changed_since" || !strings.Contains(string(got.Body), "left the risk HIGH, and it is MEDIUM now") {
		t.Errorf("another risk level: %d %s", got.HTTP, got.Body)
	}
	w.WantWrites()
	if got := w.Run(restoreUser, testkit.Params(map[string]any{"User IDs": "carol", "Record": testkit.JSON(t, contained.Get("json_result"))})); got.Get("targets", 0, "error", "code") != "not_in_record" {
		t.Errorf("another user: %s", got.Body)
	}
}

// TestContain_VerifiesInTheSystemLog: the events are in the log at once, later, or not in time.
func TestContain_VerifiesInTheSystemLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		delay time.Duration
		seen  bool
	}{"at once": {0, true}, "later": {9 * time.Second, true}, "too late": {time.Minute, false}} {
		w := world(t, "ACTIVE")
		w.Okta.SetLogDelay(c.delay)
		got := send(w, containUser, map[string]any{"Verify In System Log": true})
		want := map[string]any{"user.authentication.universal_logout": c.seen, "user.session.clear": c.seen}
		if diff := cmp.Diff(want, got.Get("json_result", victim, "evidence", "events")); diff != "" || got.Get("status") != "success" {
			t.Errorf("%s: %s%s", name, diff, got.Body)
		}
		if warned := strings.Contains(fmt.Sprint(got.Get("warnings")), "the System Log has no event"); warned == c.seen {
			t.Errorf("%s: %s", name, got.Get("warnings"))
		}
	}
	w := world(t, "ACTIVE")
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/logs", Status: 403})
	got := send(w, containUser, map[string]any{"Verify In System Log": true})
	if got.Get("json_result", victim, "contained") != true || !strings.Contains(fmt.Sprint(got.Get("warnings")), "the System Log cannot be read") {
		t.Errorf("without permission: %s", got.Body)
	}
}
