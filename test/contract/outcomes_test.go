package contract_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// Situations without a fault.
const (
	plainly = "nothing in the way"
	rivalry = "another caller is faster"
)

// situations are the responses of Okta to the writes of a run. The first target alone meets them once, or
// every target always.
var situations = map[string]*emulator.Fault{
	plainly:                          nil,
	rivalry:                          nil, // see rival
	"the response is lost, done":     {Drop: true, CarriedOut: true},
	"the response is lost, not done": {Drop: true},
	"a server error, done":           {Status: 500, CarriedOut: true},
	"a proxy's page, not done":       {Status: 502, Body: errorPage},
	"Okta refuses it":                {Status: 403, Body: `{"errorCode": "E0000014", "errorSummary": "Update of credentials failed"}`},
	"Okta knows no such object":      {Status: 404},
	"no permission":                  {Status: 403},
}

// rival returns the address of a proxy in front of Okta that makes every write of the product
// itself, just before it forwards the product's own.
func rival(t *testing.T, okta func() string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, err := url.Parse(okta())
		if err != nil {
			t.Error(err)
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // Okta calls itself by the name it is called by
		}}
		if r.Method != http.MethodGet {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			first := r.Clone(r.Context())
			first.Body, r.Body = io.NopCloser(strings.NewReader(string(body))), io.NopCloser(strings.NewReader(string(body)))
			proxy.ServeHTTP(httptest.NewRecorder(), first)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestOutcomes_ReplyIsConsistentAndMatchesOkta: after, the message, the outcome, the audit and
// Okta's state agree for every target in every situation.
func TestOutcomes_ReplyIsConsistentAndMatchesOkta(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	planned, ran := 0, atomic.Int32{} // they differ if -run selects some situations
	t.Run("situations", func(t *testing.T) {
		for situation := range situations {
			for i, run := range outcomeRuns() {
				times := i % 2 // every write, or the first only
				writes := !run.dryRun && actionOf(t, run.path).Mutates
				if !writes && situation != plainly || situation == rivalry && strings.HasPrefix(run.path, "signals/") {
					continue // the situations concern writes; the signal of another caller is another signal
				}
				planned++
				t.Run(fmt.Sprintf("%s/%s %d", situation, run.path, i), func(t *testing.T) {
					t.Parallel()
					ran.Add(1)
					testOutcomes(t, situation, times, run, i/2%2 == 1, func(outcome string) { seen.Store(outcome, true) })
				})
			}
		}
	})
	for o := range words {
		if _, ok := seen.Load(o); !ok && int(ran.Load()) == planned {
			t.Errorf("no run has the outcome %s", o)
		}
	}
}

func testOutcomes(t *testing.T, situation string, times int, run run, verify bool, seen func(outcome string)) {
	var o testkit.Options
	var w *testkit.World
	if situation == rivalry {
		o.Env = map[string]string{"OKTA_API_ROOT": rival(t, func() string { return w.OktaURL })}
	}
	w = testkit.New(t, o)
	if fault := situations[situation]; fault != nil {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			f := *fault
			f.Path, f.Method, f.Times = "*", method, times
			w.Okta.AddFault(f)
		}
	}
	body := run.body()
	body.Options["verify"] = verify
	before := stateOf(w)
	got := w.Run(run.path, body)
	a := actionOf(t, run.path)
	checkReply(t, a, got)
	for i, outcome := range got.Outcomes() {
		seen(outcome)
		claim{t: t, w: w, run: run, action: a, reply: got, index: i, outcome: outcome, before: before}.check()
	}
	if t.Failed() {
		t.Logf("reply: %d %s", got.HTTP, got.Body)
	}
}

// outcomeRuns are the runs with targets, and some that bring the roles of one target to several
// outcomes.
func outcomeRuns() []run {
	more := []run{
		{"roles/assign-role", params{"User IDs": "admin, bob", "Role Types": "SUPER_ADMIN, ORG_ADMIN, APP_ADMIN"}, false, "", nil},
		{"roles/assign-role", params{"User IDs": "admin, bob", "Role Types": "SUPER_ADMIN, ORG_ADMIN"}, true, "", nil},
		{"roles/unassign-role", params{"User IDs": "admin, breakglass, alice", "Role IDs Or Names": "SUPER_ADMIN, ORG_ADMIN, SUPER_ADMN"}, false, "", nil},
		{"roles/unassign-role", params{"User IDs": "admin, alice", "Role IDs Or Names": "SUPER_ADMIN, ORG_ADMIN, SUPER_ADMN"}, true, "", nil},
		{"roles/unassign-role", params{"User IDs": "helpdesk, admin", "Role IDs Or Names": "HELP_DESK_ADMIN, SUPER_ADMIN"}, true, "", nil},
		{"users/disable-user", params{"User IDs Or Logins": "alice, carol, dave, zed", "Is Deactivate": false}, true, "", nil},
		{"users/enable-user", params{"User IDs Or Logins": "alice, carol, erin, zed", "Is Activate": false}, true, "", nil},
		{"groups/add-group", params{"Group Name": "Finance"}, true, "", nil},
	}
	return slices.DeleteFunc(append(more, allRuns()...), func(r run) bool {
		return strings.HasSuffix(r.path, "/ping") || strings.HasPrefix(r.path, "providers/") || r.path == "users/list-users"
	})
}

func actionOf(t *testing.T, path string) *action.Action {
	t.Helper()
	group, slug, _ := strings.Cut(path, "/")
	for _, g := range handlers.Groups {
		if a, ok := g.Find(slug); ok && g.Name == group {
			return &a
		}
	}
	t.Fatalf("no action has the path %s", path)
	return nil
}

// stateOf is the state of all seeded users in Okta, by id.
func stateOf(w *testkit.World) map[string]emulator.UserState {
	states := map[string]emulator.UserState{}
	for _, login := range []string{"admin", "alice", "bob", "breakglass", "carol", "dave", "erin", "frank", "grace", "heidi", "helpdesk", "ivan"} {
		u := w.User(login)
		states[u.ID] = u
	}
	return states
}

// claim is the part of a reply about one target.
type claim struct {
	t       *testing.T
	w       *testkit.World
	run     run
	action  *action.Action
	reply   testkit.Reply
	index   int
	outcome string
	before  map[string]emulator.UserState // in Okta
}

func (c claim) get(path ...any) any {
	return c.reply.Get(append([]any{"targets", c.index}, path...)...)
}

func (c claim) errorf(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("target %d, %s: %s", c.index, c.outcome, fmt.Sprintf(format, args...))
}

// reached reports whether the outcome says that Okta has the requested state.
func (c claim) reached() bool {
	return slices.Contains([]string{"changed", "unchanged", "accepted"}, c.outcome)
}

// touched reports whether the reply says that a write took effect, of a target that was reached or
// not.
func (c claim) touched() bool {
	roles, _ := c.get("roles").([]any)
	steps, _ := c.get("steps").([]any)
	roles = append(roles, steps...)
	return c.outcome == "changed" || c.outcome == "accepted" ||
		slices.ContainsFunc(roles, func(r any) bool { return r.(map[string]any)["outcome"] == "changed" })
}

func (c claim) check() {
	c.t.Helper()
	id, _ := c.get("user_id").(string)
	now, _ := c.w.Okta.User(id)
	if id != "" {
		c.checkState("before", c.before[id])
		if !c.run.dryRun {
			c.checkState("after", now)
		} else if diff := cmp.Diff(c.before[id], now); diff != "" {
			c.errorf("a dry run changed the user: %s", diff)
		}
	}
	_, verified := c.get("verified").(bool)
	if want := !c.run.dryRun && c.action.Mutates && (c.reached() || c.touched()); verified != want {
		c.errorf("has verified: %v, want %v", verified, want)
	}
	if after := c.get("after"); after != nil && !c.reached() && !c.touched() && c.outcome != "planned" && !c.run.dryRun {
		c.errorf("has after %v", after)
	}
	if c.action.Mutates && c.reached() && !c.run.dryRun {
		holds, ok := asked[c.action.Slug]
		switch {
		case !ok && c.get("after") == nil: // otherwise checkState has compared it with Okta
			c.errorf("the reply has no state after: add %s to asked", c.action.Name)
		case ok && !holds(c, now):
			c.errorf("the asked state does not hold in Okta: %+v", now)
		}
	}
	c.checkRoles()
	c.checkMessage()
	c.checkAudit()
}

// checkState compares before or after with a user's state in Okta.
func (c claim) checkState(member string, u emulator.UserState) {
	c.t.Helper()
	if status, ok := c.get(member, "status").(string); ok && status != u.Status {
		c.errorf("%s is %s, in Okta %s", member, status, u.Status)
	}
	if roles, ok := c.get(member, "roles").([]any); ok {
		if held := typesOf(u); fmt.Sprint(roles) != fmt.Sprint(held) {
			c.errorf("%s is %v, in Okta %v", member, roles, held)
		}
	}
}

func typesOf(u emulator.UserState) []string {
	types := []string{}
	for _, r := range u.RoleAssignments {
		types = append(types, r.Type)
	}
	slices.Sort(types)
	return types
}

// asked reports, by action, whether Okta's state is as a request asks. Other actions are checked by
// the state in their reply.
var asked = map[string]func(c claim, u emulator.UserState) bool{
	"disable-user": func(c claim, u emulator.UserState) bool {
		return u.Status == "DEPROVISIONED" || u.Status == "SUSPENDED" && c.run.params["Is Deactivate"] == false
	},
	"enable-user":    func(_ claim, u emulator.UserState) bool { return u.Status == "ACTIVE" || u.Status == "PROVISIONED" },
	"reset-password": func(_ claim, u emulator.UserState) bool { return u.Status == "RECOVERY" },
	"set-password":   func(c claim, u emulator.UserState) bool { return u.Password == c.run.params["New Password"] },
	"add-group": func(c claim, _ emulator.UserState) bool {
		_, there := c.w.Okta.Group(c.run.params["Group Name"].(string))
		return there
	},
	"clear-okta-user-session": func(_ claim, u emulator.UserState) bool { return u.Sessions == 0 },
	"reset-factors":           func(_ claim, u emulator.UserState) bool { return !slices.Contains(u.Factors, "push") },
	"set-user-risk":           func(_ claim, u emulator.UserState) bool { return u.Risk == "HIGH" },
	"revoke-grants":           func(_ claim, u emulator.UserState) bool { return u.Grants+u.RefreshTokens == 0 },
	"add-user-to-group":       func(_ claim, u emulator.UserState) bool { return slices.Contains(u.Groups, "Finance") },
	"remove-user-from-group": func(c claim, u emulator.UserState) bool {
		return !slices.Contains(u.Groups, c.run.params["Group IDs Or Names"].(string))
	},
	"revoke-all-access": func(_ claim, u emulator.UserState) bool { return u.Sessions+u.OAuthTokens == 0 },
	"assign-role":       func(claim, emulator.UserState) bool { return true }, // see checkRoles
	"unassign-role":     func(claim, emulator.UserState) bool { return true },
	"send-itp-signal":   received, "send-device-risk-signal": received, "send-session-revoked-signal": received,
	"send-ip-change-signal": received, "send-device-compliance-signal": received, "send-identifier-changed-signal": received,
}

// received reports whether Okta has a signal.
func received(c claim, _ emulator.UserState) bool {
	return slices.ContainsFunc(c.w.Okta.Signals(), func(s emulator.ReceivedSignal) bool { return s.Verified })
}

// checkRoles compares the reply's roles with Okta's.
func (c claim) checkRoles() {
	c.t.Helper()
	roles, _ := c.get("roles").([]any)
	id, _ := c.get("user_id").(string)
	for i := range roles {
		role, outcome := c.get("roles", i, "role").(string), c.get("roles", i, "outcome").(string)
		kind := strings.ToUpper(strings.ReplaceAll(role, " ", "_"))
		u, ok := c.w.Okta.User(id)
		if kind == "SUPER_ADMINISTRATOR" {
			kind = "SUPER_ADMIN"
		}
		held := slices.Contains(u.Roles, kind)
		if reached := outcome == "changed" || outcome == "unchanged"; ok && reached && held != (c.action.Slug == "assign-role") {
			c.errorf("the role %s is %s, and held: %v", role, outcome, held)
		}
		if outcome == "planned" && held != (c.action.Slug == "unassign-role") {
			c.errorf("the role %s is planned, and held: %v", role, held)
		}
	}
}

// words are how a sentence about a target of that outcome begins, or what it says of a role.
var words = map[string][]string{
	"changed":     {"Suspended", "Deactivated", "Enabled", "Reset", "Set", "Added", "Cleared", "Revoked", "Ended", "Contained", "Evicted", "Restored", "Unlocked", "Removed", "Expired", "Sent an activation link", "Created an activation link", ": assigned", ": unassigned"},
	"unchanged":   {"Already", "The group exists already", ": already"},
	"accepted":    {"Successfully sent the"},
	"found":       {"Found", " belongs to ", " has "},
	"planned":     {"Would", ": would"},
	"not_found":   {"Not found", "; not ", ": not "},
	"wrong_state": {"Not done", "; not ", ": not "},
	"failed":      {"Failed", "; not ", ": not ", ": in doubt: ", "; in doubt: "},
}

// checkMessage finds the sentence about the target and compares it with the outcome.
func (c claim) checkMessage() {
	c.t.Helper()
	message := c.reply.Get("output_message").(string)
	if _, reason, failed := strings.Cut(message, "Reason: "); failed {
		message = reason
	}
	sentences, begins := []string{message}, words[c.outcome]
	if strings.HasPrefix(c.run.path, "signals/") { // the only target needs no name
		switch {
		case c.action.Slug != "send-itp-signal" && c.outcome == "failed":
			return
		case c.action.Slug != "send-itp-signal":
		case c.outcome != "accepted" && c.outcome != "planned":
			begins = []string{"Failed to send the ITP signal to Okta"}
		}
	} else {
		name, _ := c.get("login").(string)
		if name == "" {
			name = action.Shorten(c.get("input").(string))
		}
		sentences = slices.DeleteFunc(strings.Split(message, ". "), func(s string) bool { return !strings.Contains(s, name) })
	}
	if len(sentences) == 0 {
		c.errorf("the message does not name the target: %s", message)
		return
	}
	if !slices.ContainsFunc(begins, func(w string) bool {
		return strings.HasPrefix(sentences[0], w) || (strings.HasPrefix(w, ":") || strings.HasPrefix(w, ";") || strings.HasPrefix(w, " ")) && strings.Contains(sentences[0], w)
	}) {
		c.errorf("the message says %q", sentences[0])
	}
}

// checkAudit compares the record of the run with the reply.
func (c claim) checkAudit() {
	c.t.Helper()
	all := records(c.t, c.w)
	last := all[len(all)-1]
	targets, _ := last["targets"].([]any)
	if last["kind"] != "invocation" || c.index >= len(targets) {
		c.errorf("the last record is %v", last)
		return
	}
	record := targets[c.index].(map[string]any)
	for _, member := range []string{"outcome", "before", "after"} {
		if diff := cmp.Diff(c.get(member), record[member]); diff != "" {
			c.errorf("%s in the audit (-reply +audit):\n%s", member, diff)
		}
	}
}
