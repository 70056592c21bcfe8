package contract_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

// victim is the user whom the requests of these tests concern.
const victim = "victim@acme.test"

// change is a request for an action that writes for the victim.
type change struct {
	group, slug string
	parameters  map[string]any
	seed        emulator.UserSeed // makes the victim such that the action has something to do
	secret      bool              // it sets or returns a credential, so that it is not possible over Pub/Sub
}

// changes has at least one request for every action that mutates.
var changes = []change{
	{"users", "disable-user", map[string]any{"User IDs": victim}, emulator.UserSeed{}, false},
	{"users", "disable-user", map[string]any{"User IDs": victim, "Is Deactivate": false}, emulator.UserSeed{}, false},
	{"users", "enable-user", map[string]any{"User IDs": victim}, emulator.UserSeed{Status: "SUSPENDED"}, false},
	{"users", "enable-user", map[string]any{"User IDs": victim, "Send Email If Activate": false}, emulator.UserSeed{Status: "STAGED"}, true},
	{"users", "reset-password", map[string]any{"User IDs": victim, "Send Email": true}, emulator.UserSeed{}, false},
	{"users", "reset-password", map[string]any{"User IDs": victim}, emulator.UserSeed{}, true},
	{"users", "set-password", map[string]any{"User IDs": victim, "New Password": "Correct-Horse-7"}, emulator.UserSeed{}, true},
	{"roles", "assign-role", map[string]any{"User IDs": victim, "Role Types": "READ_ONLY_ADMIN"}, emulator.UserSeed{}, false},
	{"roles", "unassign-role", map[string]any{"User IDs": victim, "Role IDs Or Names": "REPORT_ADMIN"}, emulator.UserSeed{Roles: []string{"REPORT_ADMIN"}}, false},
	{"sessions", "clear-okta-user-session", map[string]any{"User IDs": victim}, emulator.UserSeed{}, false},
	{"sessions", "revoke-all-access", map[string]any{"User IDs": victim}, emulator.UserSeed{}, false},
	{"containment", "contain-user", map[string]any{"User IDs": victim}, emulator.UserSeed{}, false},
	{"containment", "restore-user", map[string]any{"User IDs": victim, "Record": recordOf("victim")}, emulator.UserSeed{Status: "SUSPENDED"}, false},
	{"users", "reset-factors", map[string]any{"User IDs": victim}, emulator.UserSeed{Factors: []string{"push"}}, true},
	{"users", "expire-password", map[string]any{"User IDs": victim}, emulator.UserSeed{}, false},
	{"users", "expire-password", map[string]any{"User IDs": victim, "Temporary Password": true, "Return Temporary Password": true}, emulator.UserSeed{}, true},
	{"users", "unlock-user", map[string]any{"User IDs": victim}, emulator.UserSeed{Status: "LOCKED_OUT"}, false},
	{"users", "set-user-risk", map[string]any{"User IDs": victim, "Level": "HIGH"}, emulator.UserSeed{}, false},
	{"sessions", "revoke-grants", map[string]any{"User IDs": victim}, emulator.UserSeed{Clients: []string{"Mail"}}, false},
	{"groups", "add-user-to-group", map[string]any{"User IDs": victim, "Group IDs Or Names": "VPN Users"}, emulator.UserSeed{}, false},
	{"groups", "remove-user-from-group", map[string]any{"User IDs": victim, "Group IDs Or Names": "Engineering"}, emulator.UserSeed{}, false},
	{"groups", "add-group", map[string]any{"Group Name": "Quarantine"}, emulator.UserSeed{}, false},
	{"signals", "send-itp-signal", map[string]any{
		"User Email": victim, "Timestamp": "2026-03-02T09:59:00Z", "Reason": "Test", "Severity": "high",
	}, emulator.UserSeed{}, false},
	{"signals", "send-session-revoked-signal", map[string]any{"User Email": victim, "Timestamp": "2026-03-02T09:59:00Z"}, emulator.UserSeed{}, false},
	{"signals", "send-ip-change-signal", map[string]any{
		"User Email": victim, "Timestamp": "2026-03-02T09:59:00Z", "Current IP Address": "192.0.2.1", "Previous IP Address": "192.0.2.2",
	}, emulator.UserSeed{}, false},
	{"signals", "send-identifier-changed-signal", map[string]any{
		"User Email": victim, "Timestamp": "2026-03-02T09:59:00Z", "New Email": "new@acme.test",
	}, emulator.UserSeed{}, false},
	{"signals", "send-device-risk-signal", map[string]any{
		"Device ID": "guo1", "Timestamp": "2026-03-02T09:59:00Z", "Reason": "Test", "Severity": "high",
	}, emulator.UserSeed{}, false},
	{"signals", "send-device-compliance-signal", map[string]any{"Device ID": "guo1", "Timestamp": "2026-03-02T09:59:00Z"}, emulator.UserSeed{}, false},
}

// ruleCase is a rule with a policy by which it refuses a change.
type ruleCase struct {
	rule    guardrail.Rule
	policy  func(c change) map[string]any
	applies func(c change) bool
	// prepare makes Okta such that the rule refuses the change, for a rule without configuration.
	prepare func(w *testkit.World)
	app     bool   // the product is a service app, so that no user owns its token
	fact    string // the path of the fact that the rule needs; "": none
	code    string // of the refusal; "": that of the rule
	status  int    // 0: 422
}

func everything(change) bool { return true }

func concernsUser(c change) bool { return c.group != "groups" && c.parameters["Device ID"] == nil }

func fixed(policy map[string]any) func(change) map[string]any {
	return func(change) map[string]any { return policy }
}

func protects(entry map[string]any) func(change) map[string]any {
	return fixed(map[string]any{"protected": []any{merged(map[string]any{"id": "vip", "reason": "they run the plant"}, entry)}})
}

func merged(all ...map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

var ruleCases = map[string]ruleCase{
	"freeze":         {rule: guardrail.Freeze, policy: fixed(map[string]any{"freeze": "the year ends"}), applies: everything},
	"denied_actions": {rule: guardrail.DeniedActions, policy: func(c change) map[string]any { return map[string]any{"denied_actions": []any{c.slug}} }, applies: everything},
	"max_targets_per_call": {
		rule: guardrail.MaxTargetsPerCall, policy: func(c change) map[string]any {
			return map[string]any{"max_targets_per_call": map[string]any{"default": 50, c.slug: 0}}
		}, applies: everything,
	},
	"max_users_per_hour": {rule: guardrail.MaxUsersPerHour, policy: fixed(map[string]any{"max_users_per_hour": 1}), applies: everything, status: 429,
		prepare: func(w *testkit.World) { // the only one of the hour
			w.Run("sessions/clear-okta-user-session", testkit.Params(map[string]any{"User IDs": "bob"}))
			w.Forget()
		}},
	"deactivate": {
		rule: guardrail.Deactivate, policy: fixed(map[string]any{"deactivate": "deny"}),
		applies: func(c change) bool { return c.slug == "disable-user" && c.parameters["Is Deactivate"] == nil },
	},
	"assignable_roles": {
		rule: guardrail.AssignableRoles, policy: fixed(map[string]any{"assignable_roles": []any{"REPORT_ADMIN"}}),
		applies: func(c change) bool { return c.slug == "assign-role" },
	},
	"protected user": {
		rule: guardrail.Protection, policy: protects(map[string]any{"users": []any{"vic*@acme.test"}}),
		applies: concernsUser,
	},
	"protected group": {
		rule: guardrail.Protection, policy: protects(map[string]any{"groups": []any{"Engineering"}}),
		applies: concernsUser, fact: "/api/v1/users/*/groups",
	},
	"protected role": {
		rule: guardrail.Protection, policy: fixed(merged(map[string]any{"disabled_rules": []any{"admin_credentials"}},
			protects(map[string]any{"roles": []any{"any"}})(change{}))),
		applies: concernsUser, fact: "/api/v1/users/*/roles",
		prepare: func(w *testkit.World) { w.Okta.GrantRole("Engineering", "REPORT_ADMIN") },
	},
	"protected profile": {
		rule: guardrail.Protection, policy: protects(map[string]any{"profile": map[string]any{"userType": []any{"service"}}}),
		applies: concernsUser,
	},
	"own_identity": {
		rule: guardrail.OwnIdentity, policy: fixed(map[string]any{}), applies: concernsUser,
		prepare: func(w *testkit.World) { w.Okta.SetOwner(victim) }, fact: "/api/v1/users/me",
	},
	"admin_credentials": {
		rule: guardrail.AdminCredentials, policy: fixed(map[string]any{}), applies: func(c change) bool { return c.secret },
		prepare: func(w *testkit.World) { w.Okta.GrantRole("Engineering", "REPORT_ADMIN") }, fact: "/api/v1/users/*/roles",
	},
	"last_super_admin": {
		rule: guardrail.LastSuperAdmin, policy: fixed(map[string]any{}),
		applies: func(c change) bool { return c.slug == "disable-user" || c.slug == "unassign-role" },
		prepare: func(w *testkit.World) {
			for _, login := range []string{"admin", "breakglass", "svc-secops"} {
				w.Okta.SetStatus(w.ID(login), "SUSPENDED")
			}
		}, app: true, fact: "/api/v1/iam/assignees/users",
	},
}

// forRule returns the change as the rule needs it.
func (c change) forRule(rule guardrail.Rule) change {
	c.seed.Login, c.seed.Groups, c.seed.Profile = victim, []string{"Engineering"}, map[string]any{"userType": "service"}
	if rule == guardrail.LastSuperAdmin {
		c.seed.Roles = []string{"SUPER_ADMIN"}
		if c.slug == "unassign-role" {
			c.parameters = merged(c.parameters, map[string]any{"Role IDs Or Names": "SUPER_ADMIN"})
		}
	}
	return c
}

// world starts a product with a policy, and makes the victim.
func (c change) world(t *testing.T, r ruleCase, policy map[string]any, o testkit.Options) *testkit.World {
	t.Helper()
	text, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	o.Env = map[string]string{"GUARDRAILS": string(text)}
	if r.app {
		o.App = &emulator.App{}
	}
	w := testkit.New(t, o)
	w.Okta.AddUser(c.seed)
	if r.prepare != nil {
		r.prepare(w)
	}
	w.Forget()
	return w
}

// send sends the request over HTTP or, with PubSub, as a message.
func (c change) send(w *testkit.World, options map[string]any) testkit.Reply {
	return w.Run(c.group+"/"+c.slug, map[string]any{"parameters": c.parameters, "options": options})
}

func (c change) push(t *testing.T, w *testkit.World) testkit.Reply {
	t.Helper()
	data, err := json.Marshal(map[string]any{"action": c.slug, "parameters": c.parameters})
	if err != nil {
		t.Fatal(err)
	}
	return w.Push(c.group, testkit.Message{ID: "m1", Data: string(data)})
}

// state is what the change could alter in Okta.
func (c change) state(w *testkit.World) string {
	user := w.User(victim)
	_, made := w.Okta.Group("Quarantine")
	return fmt.Sprint(user.Status, user.Password, user.Roles, user.Sessions, user.Mails, made, len(w.Okta.Signals()))
}

// eachRule runs a test for every rule and every action that it concerns.
func eachRule(t *testing.T, test func(t *testing.T, r ruleCase, c change)) {
	t.Helper()
	for name, r := range ruleCases {
		for i, c := range changes {
			if r.applies(c) {
				t.Run(fmt.Sprintf("%s/%s %d", name, c.slug, i), func(t *testing.T) {
					t.Parallel()
					test(t, r, c.forRule(r.rule))
				})
			}
		}
	}
}

func TestGuardrails_EveryActionAndRuleIsTested(t *testing.T) {
	t.Parallel()
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			if a.Mutates && !slices.ContainsFunc(changes, func(c change) bool { return c.slug == a.Slug }) {
				t.Errorf("%s has no request", a.Name)
			}
		}
	}
	for _, rule := range guardrail.Rules {
		if !slices.ContainsFunc(slices.Collect(maps.Values(ruleCases)), func(r ruleCase) bool { return r.rule == rule }) {
			t.Errorf("%s has no case", rule)
		}
	}
}

// wantRefused checks a refused reply: no write reached Okta, and nothing changed there.
func wantRefused(t *testing.T, w *testkit.World, c change, got testkit.Reply, code string, status int, before string) {
	t.Helper()
	if got.HTTP != status || got.Get("error", "code") != code || got.Get("targets", 0, "error", "code") != code ||
		!slices.Equal(got.Outcomes(), []string{"refused"}) || got.Get("is_success") != false {
		t.Errorf("%d %s, want %d and %s", got.HTTP, got.Body, status, code)
	}
	if writes := w.Writes(); len(writes) > 0 {
		t.Errorf("writes in Okta: %v", writes)
	}
	if after := c.state(w); after != before {
		t.Errorf("Okta's state was %s and is %s", before, after)
	}
	if retry := got.Header.Get("Retry-After"); (retry != "") != (status == 429 || status == 503) {
		t.Errorf("Retry-After %q", retry)
	}
}

func TestGuardrails_RefuseOverHTTP(t *testing.T) {
	t.Parallel()
	eachRule(t, func(t *testing.T, r ruleCase, c change) {
		w := c.world(t, r, r.policy(c), testkit.Options{})
		before := c.state(w)
		for _, options := range []map[string]any{nil, {"dry_run": true}} {
			wantRefused(t, w, c, c.send(w, options), r.rule.Code(), cmp.Or(r.status, 422), before)
		}
		if log := w.Log(); !strings.Contains(log, r.rule.Code()) {
			t.Error("the audit does not name the rule")
		}
	})
}

func TestGuardrails_RefuseOverPubSub(t *testing.T) {
	t.Parallel()
	eachRule(t, func(t *testing.T, r ruleCase, c change) {
		if c.secret {
			return // refused over Pub/Sub in any case
		}
		w := c.world(t, r, r.policy(c), testkit.Options{PubSub: true})
		before := c.state(w)
		got := c.push(t, w)
		letters := w.Published(pubsub.DeadLetterTopic)
		switch later := r.rule == guardrail.MaxUsersPerHour; {
		case later && (got.HTTP != 503 || len(letters) > 0):
			t.Errorf("%d %s, %d dead letters; want it to be delivered again", got.HTTP, got.Body, len(letters))
		case !later && (got.HTTP != 200 || len(letters) != 1 || object(t, letters[0]).Get("reason", "code") != r.rule.Code()):
			t.Errorf("%d %s, dead letters %v; want it acknowledged, with one", got.HTTP, got.Body, letters)
		}
		if writes := w.Writes(); len(writes) > 0 || c.state(w) != before {
			t.Errorf("writes in Okta: %v", writes)
		}
	})
}

// TestGuardrails_AllowOthers: the same requests with the same rules for other users, roles and limits.
func TestGuardrails_AllowOthers(t *testing.T) {
	t.Parallel()
	policy := map[string]any{
		"protected": []any{map[string]any{
			"id": "vip", "reason": "they run the plant", "users": []any{"other*@acme.test"}, "groups": []any{"Finance"},
			"roles": []any{"ORG_ADMIN"}, "profile": map[string]any{"userType": []any{"director"}},
		}},
		"assignable_roles": []any{"READ_ONLY_ADMIN"}, "denied_actions": []any{}, "deactivate": "allow",
		"max_targets_per_call": 1, "max_users_per_hour": 1,
	}
	for i, c := range changes {
		t.Run(fmt.Sprintf("%s %d", c.slug, i), func(t *testing.T) {
			t.Parallel()
			c := c.forRule("")
			w := c.world(t, ruleCase{}, policy, testkit.Options{})
			for range 2 { // the same user is counted once
				got := c.send(w, nil)
				if got.HTTP != 200 && got.Get("targets", 0, "error", "code") != action.CodeChangedSince || len(w.Writes()) == 0 {
					t.Errorf("%d %s", got.HTTP, got.Body)
				}
			}
		})
	}
}

func TestGuardrails_RefuseWithoutTheirFacts(t *testing.T) {
	t.Parallel()
	eachRule(t, func(t *testing.T, r ruleCase, c change) {
		fact := r.fact
		if r.rule == guardrail.LastSuperAdmin && c.slug == "unassign-role" {
			fact = "/api/v1/users/*/roles" // which the action reads too: Okta's error is that of the action
		}
		if fact == "" {
			return
		}
		policy := r.policy(c)
		r.prepare = nil // Okta would not refuse the change
		w := c.world(t, r, policy, testkit.Options{})
		before := c.state(w)
		w.Okta.AddFault(emulator.Fault{Path: fact, Method: "GET", Status: 500})
		got := c.send(w, nil)
		if writes := w.Writes(); len(writes) > 0 || got.HTTP != 503 || c.state(w) != before {
			t.Errorf("%d %s; writes %v", got.HTTP, got.Body, writes)
		}
		own := c.group == "roles" && fact == "/api/v1/users/*/roles"
		if !own && (got.Get("error", "code") != guardrail.CodeUnavailable || !strings.Contains(string(got.Body), string(r.rule)) ||
			!slices.Equal(got.Outcomes(), []string{"refused"})) {
			t.Errorf("%s", got.Body)
		}
	})
}

func TestGuardrails_CountIsAFact(t *testing.T) {
	t.Parallel()
	storage, err := fakegcp.NewStorage("idempotency")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(storage.Close)
	for _, c := range changes {
		c := c.forRule("")
		w := testkit.New(t, testkit.Options{Storage: storage.Options(), Env: map[string]string{
			"GUARDRAILS": `{"max_users_per_hour": 100}`, "IDEMPOTENCY_BUCKET": "no-such-bucket",
		}})
		w.Okta.AddUser(c.seed)
		wantRefused(t, w, c, c.send(w, nil), guardrail.CodeUnavailable, 503, c.state(w))
	}
}

// TestGuardrails_ObserveAndOverride: the change is made, and the reply, the log and the audit name the rule.
func TestGuardrails_ObserveAndOverride(t *testing.T) {
	t.Parallel()
	eachRule(t, func(t *testing.T, r ruleCase, c change) {
		override := map[string]any{"until": testkit.Now.Add(30 * time.Minute), "rules": []any{r.rule}, "reason": "case 4711"}
		for name, change := range map[string]map[string]any{"observed": {"mode": "observe"}, "overridden": {"override": override}} {
			if name == "observed" && r.rule == guardrail.Freeze {
				continue // contradicts the mode
			}
			w := c.world(t, r, merged(r.policy(c), change), testkit.Options{})
			got := c.send(w, nil)
			warnings := fmt.Sprint(got.Get("warnings"))
			if got.HTTP != 200 || len(w.Writes()) == 0 || !strings.Contains(warnings, string(r.rule)) {
				t.Errorf("%s: %d %s", name, got.HTTP, got.Body)
			}
			if log := w.Log(); !strings.Contains(log, name+" "+r.rule.Code()) ||
				name == "overridden" && !strings.Contains(log, "an override lifted a guardrail") {
				t.Errorf("%s: the log is %s", name, log)
			}
			if name == "overridden" { // an expired one is ignored
				w := c.world(t, r, merged(r.policy(c), change), testkit.Options{})
				before := c.state(w)
				w.Clock.Advance(30 * time.Minute) // of the same hour
				wantRefused(t, w, c, c.send(w, nil), r.rule.Code(), cmp.Or(r.status, 422), before)
			}
		}
	})
}
