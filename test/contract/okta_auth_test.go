package contract_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/oktaspec"
	"example.com/okta-secops/test/testkit"
)

// params are the parameters of a request.
type params = map[string]any

// run is a request with its result on the seeded org: the outcomes of its targets in their order, or the status
// if the action has no targets; "" if it is not checked.
type run struct {
	path     string
	params   params
	dryRun   bool
	outcomes string

	entities []action.Entity
}

// allRuns are the examples of all actions, and runs, which bring actions to every outcome that they can have.
func allRuns() []run {
	all := slices.Clone(runs)
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			all = append(all, run{path: g.Name + "/" + a.Slug, params: a.Example.Parameters, entities: a.Example.Entities})
		}
	}
	return all
}

func (r run) body() request {
	return request{Parameters: r.params, Entities: r.entities, Options: map[string]bool{"dry_run": r.dryRun}}
}

// runs bring actions to every outcome that they can have.
var runs = []run{
	{"users/get-user", params{"User IDs Or Logins": "alice, erin@acme.test, zed, unknown@acme.test"}, false, "found found not_found not_found", nil},
	{"users/list-users", params{}, false, "success", nil},
	{"users/list-users", params{"Query": "al", "Limit": 3}, false, "success", nil},
	{"users/list-users", params{"Filter": `status eq "SUSPENDED"`}, false, "success", nil},
	{"users/list-users", params{"Search": `profile.login sw "a"`, "Limit": 5000}, false, "success", nil},
	{"users/list-users", params{"Search": "nonsense"}, false, "failure", nil},
	{"users/enable-user", params{"User IDs Or Logins": "carol, alice, erin, zed", "Is Activate": false}, false, "changed unchanged wrong_state not_found", nil},
	{"users/enable-user", params{"User IDs Or Logins": "frank, heidi, dave"}, false, "changed changed changed", nil},
	{"users/enable-user", params{"User IDs Or Logins": "frank, heidi, dave", "Send Email If Activate": false}, false, "changed changed changed", nil},
	{"users/enable-user", params{"User IDs Or Logins": "carol, frank"}, true, "planned planned", nil},
	{"users/disable-user", params{"User IDs Or Logins": "alice, carol, erin, zed", "Is Deactivate": false}, false, "changed unchanged wrong_state not_found", nil},
	{"users/disable-user", params{"User IDs Or Logins": "alice, carol, dave, erin", "Send Email If Deactivate": false}, false, "changed changed unchanged changed", nil},
	{"users/disable-user", params{"User IDs Or Logins": "alice, erin", "Is Deactivate": false}, true, "planned wrong_state", nil},
	{"users/reset-password", params{"User IDs Or Logins": "alice, bob, dave, frank, zed"}, false, "changed changed wrong_state wrong_state not_found", nil},
	{"users/reset-password", params{"User IDs Or Logins": "alice", "Send Email": true}, false, "changed", nil},
	{"users/reset-password", params{"User IDs Or Logins": "alice"}, true, "planned", nil},
	{"users/set-password", params{"User IDs Or Logins": "alice, dave, zed", "New Password": "Correct-Horse-7"}, false, "changed wrong_state not_found", nil},
	{"users/set-password", params{"User IDs Or Logins": "alice", "New Password": "weak"}, false, "failed", nil},
	{"users/set-password", params{"User IDs Or Logins": "alice", "New Password": "Correct-Horse-7"}, true, "planned", nil},
	{"groups/add-group", params{"Group Name": "Red Team", "Group Description": "Attacks"}, false, "changed", nil},
	{"groups/add-group", params{"Group Name": "Contractors"}, false, "changed", nil},
	{"groups/add-group", params{"Group Name": "Finance"}, false, "unchanged", nil},
	{"groups/add-group", params{"Group Name": "Red Team"}, true, "planned", nil},
	{"groups/add-group", params{"Group Name": strings.Repeat("x", 256)}, false, "failed", nil},
	{"groups/get-group", params{"Group IDs Or Names": "Finance, nothing", "Is Id": false}, false, "found not_found", nil},
	{"groups/get-group", params{"Group IDs Or Names": "00gnothing"}, false, "not_found", nil},
	{"groups/list-user-groups", params{"User IDs Or Logins": "alice, zed"}, false, "found not_found", nil},
	{"roles/list-roles", params{"User IDs": "admin, helpdesk, alice, zed"}, false, "found found found not_found", nil},
	{"roles/assign-role", params{"User IDs": "alice, admin, zed", "Role Types": "SUPER_ADMIN"}, false, "changed unchanged not_found", nil},
	{"roles/assign-role", params{"User IDs": "alice", "Role Types": "READ_ONLY_ADMIN, ORG_ADMIN"}, true, "planned", nil},
	{"roles/unassign-role", params{"User IDs": "admin, alice, helpdesk, zed", "Role IDs Or Names": "SUPER_ADMIN, HELP_DESK_ADMIN"}, false, "changed unchanged wrong_state not_found", nil},
	{"roles/unassign-role", params{"User IDs": "admin", "Role IDs Or Names": "SUPER_ADMIN"}, true, "planned", nil},
	{"containment/contain-user", params{"User IDs Or Logins": "alice", "Level": "evict", "Verify In System Log": true}, false, "changed", nil},
	{"containment/contain-user", params{"User IDs Or Logins": "alice"}, true, "planned", nil},
	{"containment/restore-user", params{"User IDs Or Logins": "carol", "Record": evicted}, false, "changed", nil},
	{"containment/contain-user", params{"User IDs Or Logins": "alice, dave, erin, zed"}, false, "changed changed failed not_found", nil},
	{"containment/restore-user", params{"User IDs Or Logins": "carol, zed", "Record": evicted}, true, "planned not_found", nil},
	{"containment/investigate-user", params{"User IDs Or Logins": "alice, admin, zed"}, false, "found found not_found", nil},
	{"users/list-factors", params{"User IDs Or Logins": "alice, bob, zed"}, false, "found found not_found", nil},
	{"users/reset-factors", params{"User IDs Or Logins": "alice, bob, zed"}, false, "changed unchanged not_found", nil},
	{"users/reset-factors", params{"User IDs Or Logins": "alice, bob", "Factors": "push"}, true, "planned unchanged", nil},
	{"users/expire-password", params{"User IDs Or Logins": "alice, grace, carol, zed"}, false, "changed unchanged wrong_state not_found", nil},
	{"users/expire-password", params{"User IDs Or Logins": "alice, frank", "Temporary Password": true}, true, "planned wrong_state", nil},
	{"users/unlock-user", params{"User IDs Or Logins": "erin, alice, dave, zed"}, false, "changed unchanged wrong_state not_found", nil},
	{"users/unlock-user", params{"User IDs Or Logins": "erin, alice"}, true, "planned unchanged", nil},
	{"users/get-user-risk", params{"User IDs Or Logins": "alice, zed"}, false, "found not_found", nil},
	{"users/set-user-risk", params{"User IDs Or Logins": "alice, zed", "Level": "HIGH"}, false, "changed not_found", nil},
	{"users/set-user-risk", params{"User IDs Or Logins": "alice", "Level": "HIGH"}, true, "planned", nil},
	{"sessions/revoke-all-access", params{"User IDs Or Logins": "alice, zed"}, false, "changed not_found", nil},
	{"sessions/revoke-all-access", params{"User IDs Or Logins": "alice"}, true, "planned", nil},
	{"sessions/revoke-grants", params{"User IDs Or Logins": "alice, bob, zed"}, false, "changed unchanged not_found", nil},
	{"sessions/revoke-grants", params{"User IDs Or Logins": "alice, bob"}, true, "planned unchanged", nil},
	{"groups/add-user-to-group", params{"User IDs Or Logins": "alice, carol, zed", "Group IDs Or Names": "Finance"}, false, "changed unchanged not_found", nil},
	{"groups/add-user-to-group", params{"User IDs Or Logins": "alice", "Group IDs Or Names": "Okta Administrators"}, false, "wrong_state", nil},
	{"groups/add-user-to-group", params{"User IDs Or Logins": "alice", "Group IDs Or Names": "Finance"}, true, "planned", nil},
	{"groups/remove-user-from-group", params{"User IDs Or Logins": "carol, bob, zed", "Group IDs Or Names": "Finance"}, false, "changed unchanged not_found", nil},
	{"groups/remove-user-from-group", params{"User IDs Or Logins": "alice", "Group IDs Or Names": "Everyone"}, false, "wrong_state", nil},
	{"logs/search-system-log", params{"Users": "alice", "Question": "failed sign-ins"}, false, "success", nil},
	{"groups/remove-user-from-group", params{"User IDs Or Logins": "alice", "Group IDs Or Names": "Engineering"}, false, "changed", nil},
	{"sessions/clear-okta-user-session", params{"User IDs Or Logins": "alice, zed"}, false, "changed not_found", nil},
	{"sessions/clear-okta-user-session", params{"User IDs Or Logins": "alice", "Revoke OAuth Tokens": false}, true, "planned", nil},
	{"providers/list-providers", params{"Limit": 3}, false, "success", nil},
	{"providers/list-providers", params{"Query": "Acme", "Type": "SAML2"}, false, "success", nil},
	{"signals/send-itp-signal", params{"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52Z", "Reason": "test", "Severity": "high"}, false, "accepted", nil},
	{"signals/send-itp-signal", params{"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52Z", "Reason": "test", "Severity": "high", "Key ID": "unknown"}, false, "failed", nil},
	{"signals/send-itp-signal", params{"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52Z", "Reason": "test", "Severity": "high"}, true, "planned", nil},
	{"users/ping", params{}, false, "success", nil}, {"groups/ping", params{}, false, "success", nil}, {"roles/ping", params{}, false, "success", nil},
	{"sessions/ping", params{}, false, "success", nil}, {"providers/ping", params{}, false, "success", nil}, {"signals/ping", params{}, false, "success", nil},
}

// signIns are the ways in which the product can sign in to Okta.
var signIns = map[string]*emulator.App{
	"an API token":                    nil,
	"a service app":                   {},
	"a service app with DPoP":         {DPoP: true},
	"a service app with DPoP, nonces": {DPoP: true, APINonce: true},
}

// TestOktaAuth_OutcomesDoNotDependOnCredentials compares whole replies, the requests to Okta, and the state that
// Okta is in. Every call is held against Okta's specification by its World.
func TestOktaAuth_OutcomesDoNotDependOnCredentials(t *testing.T) {
	t.Parallel()
	for _, run := range allRuns() {
		t.Run(run.path+" "+run.outcomes, func(t *testing.T) {
			t.Parallel()
			var first neutral
			for _, name := range slices.Sorted(maps.Keys(signIns)) {
				var mu sync.Mutex
				var nonces []string // the calls that were answered by a demand for a nonce
				w := testkit.New(t, testkit.Options{App: signIns[name], Observe: func(c emulator.Observed) {
					if c.Status == http.StatusBadRequest && len(c.Reply) == 0 {
						mu.Lock()
						defer mu.Unlock()
						nonces = append(nonces, fmt.Sprint(c.Request.Method, " ", c.Request.URL.Path, "?", c.Request.URL.RawQuery, " ", c.Status))
					}
				}})
				// The key makes the id of a signal the same each time.
				got := w.Do(http.MethodPost, run.path, run.body().String(), http.Header{"Idempotency-Key": {"run"}})
				outcomes := strings.Join(got.Outcomes(), " ")
				if outcomes == "" {
					outcomes, _ = got.Get("status").(string)
				}
				if run.outcomes != "" && outcomes != run.outcomes {
					t.Fatalf("with %s: %s, want %s: %s", name, outcomes, run.outcomes, got.Body)
				}
				if strings.HasSuffix(run.path, "/ping") {
					continue // it says whose the credentials are
				}
				this := neutralOf(w, got)
				this.asked = slices.DeleteFunc(this.asked, func(call string) bool {
					return strings.HasPrefix(call, "GET /api/v1/users/me?") // a service app is not a user
				})
				for _, call := range nonces {
					if i := slices.Index(this.asked, call); i >= 0 {
						this.asked = slices.Delete(this.asked, i, i+1)
					}
				}
				if first.reply == nil {
					first = this
				}
				if diff := cmp.Diff(first, this, cmp.AllowUnexported(neutral{}), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("with %s (-another sign-in +this):\n%s", name, diff)
				}
			}
		})
	}
}

// neutral is the result of a run without the parts that differ between Worlds.
type neutral struct {
	status int
	reply  any
	asked  []string
	users  []emulator.UserState
}

func neutralOf(w *testkit.World, r testkit.Reply) neutral {
	n := neutral{status: r.HTTP}
	text := strings.ReplaceAll(string(r.Body), w.OktaURL, "https://org.test")
	text = perRun.ReplaceAllString(text, `"$1":""`)
	if err := json.Unmarshal([]byte(text), &n.reply); err != nil {
		n.reply = err.Error()
	}
	for _, q := range w.Okta.Requests() {
		if q.Path != "/oauth2/v1/token" && q.Status != http.StatusUnauthorized { // which asks for a nonce
			n.asked = append(n.asked, fmt.Sprint(q.Method, " ", q.Path, "?", q.Query, " ", q.Status))
		}
	}
	slices.Sort(n.asked)
	for _, login := range []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "admin", "helpdesk", "breakglass"} {
		n.users = append(n.users, w.User(login))
	}
	return n
}

// perRun is what differs from run to run in a reply.
var perRun = regexp.MustCompile(`"(org|invocation_id|okta_request_id|jti)":"[^"]*"`)

// evicted is a record of an eviction of carol, in whose org Finance is the quarantine group.
var evicted = fmt.Sprintf(`{"user_id": %q, "before": {"status": "ACTIVE", "risk": "LOW"}, "after": {"status": "SUSPENDED"},
	"quarantine_group": %q, "steps": [{"step": "suspend", "outcome": "changed"}, {"step": "quarantine", "outcome": "changed"},
	{"step": "set_risk", "outcome": "changed"}]}`, emulator.UserID("carol@acme.test"), emulator.GroupID("Finance"))

// TestOktaAuth_DeclaredScopesMatchTheSpecification: no fewer, or the action fails, and no more, or the app
// holds permissions that no action needs.
func TestOktaAuth_DeclaredScopesMatchTheSpecification(t *testing.T) {
	t.Parallel()
	spec, err := oktaspec.Load()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	used := map[string]map[string]bool{} // by path
	var worlds sync.WaitGroup
	for _, run := range allRuns() {
		worlds.Go(func() {
			env := map[string]string{"QUARANTINE_GROUP": "Finance"}
			w := testkit.New(t, testkit.Options{Env: env, Observe: func(c emulator.Observed) {
				if c.Request.URL.Path == "/api/v1/users/me" {
					return // the owner of an API token, which a service app does not have
				}
				scopes, err := spec.Scopes(c)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if used[run.path] == nil {
					used[run.path] = map[string]bool{}
				}
				for _, s := range scopes {
					used[run.path][s] = true
				}
			}})
			body := run.body()
			body.Options["verify"] = true // signals are read back from the System Log
			w.Run(run.path, body)
		})
	}
	worlds.Wait()
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			if a.Slug == "ping" {
				continue // it proves what the others need
			}
			want := slices.Sorted(maps.Keys(used[g.Name+"/"+a.Slug]))
			declared := append(slices.DeleteFunc(a.GuardrailScopes(), func(s string) bool {
				return !slices.Contains(want, s) // it needs the scope if a policy protects the holders of roles
			}), append(slices.Clone(a.OktaScopes), a.OptionalScopes...)...)
			if diff := cmp.Diff(want, slices.Sorted(slices.Values(declared)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-Okta's specification +declared):\n%s", a.Name, diff)
			}
		}
	}
}

func TestOktaAuth_NamesMissingScope(t *testing.T) {
	t.Parallel()
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			for i, scope := range a.OktaScopes {
				t.Run(g.Name+"/"+a.Slug+" without "+scope, func(t *testing.T) {
					t.Parallel()
					others := slices.Delete(slices.Clone(everyScope()), slices.Index(everyScope(), scope), slices.Index(everyScope(), scope)+1)
					if a.Slug == "ping" && slices.ContainsFunc(g.Actions, func(b action.Action) bool { return b.Slug != "ping" && !slices.Contains(b.OktaScopes, scope) }) {
						return // another action can work: TestPing_WarnsOfActionsThatLackAScope
					}
					s := subject{testkit.New(t, testkit.Options{App: &emulator.App{Scopes: others, DPoP: i%2 == 0}}), g, a}
					r := s.run(t, s.example())
					message, _ := r.Get("error", "message").(string)
					if r.HTTP != 502 || r.Get("error", "code") != "invalid_scope" || !strings.Contains(message, "not granted "+scope+":") {
						t.Errorf("%d %s", r.HTTP, r.Body)
					}
					for _, o := range r.Outcomes() {
						if o != "failed" {
							t.Errorf("outcomes %v", r.Outcomes())
						}
					}
					if asked := s.Asked(); len(asked) > 0 {
						t.Errorf("Okta was asked %v", asked)
					}
				})
			}
		}
	}
}

// everyScope is all that the actions need.
func everyScope() []string {
	var all []string
	for _, g := range handlers.Groups {
		all = append(all, g.Scopes()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestOktaAuth_NamesMissingAdministratorRole has the scopes, and Okta refuses all the same.
func TestOktaAuth_NamesMissingAdministratorRole(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{App: &emulator.App{}})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*/lifecycle/*", Status: 403})
	r := w.Run("users/disable-user", request{Parameters: params{"User IDs Or Logins": "alice", "Is Deactivate": false}})
	message, _ := r.Get("error", "message").(string)
	if r.HTTP != 502 || !strings.Contains(message, "needs the scopes okta.users.read, okta.users.manage, and an administrator role that covers this") {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
}
