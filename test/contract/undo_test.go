package contract_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/testkit"
)

// undo sends the undo requests of a reply and returns their replies.
func undo(t *testing.T, w *testkit.World, r testkit.Reply) []testkit.Reply {
	t.Helper()
	var replies []testkit.Reply
	requests, _ := r.Get("undo_requests").([]any)
	for i := range requests {
		function, path := r.Get("undo_requests", i, "function"), r.Get("undo_requests", i, "path").(string)
		for _, g := range handlers.Groups {
			if g.Function == function {
				replies = append(replies, w.Run(g.Name+path, r.Get("undo_requests", i, "body")))
			}
		}
	}
	if len(replies) != len(requests) {
		t.Errorf("%d requests, %d replies", len(requests), len(replies))
	}
	return replies
}

// TestUndo_RestoresWhatTheReplyClaims suspends 50 users of mixed states, changes one of them meanwhile, and sends the undo
// requests.
func TestUndo_RestoresWhatTheReplyClaims(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	statuses := []string{"ACTIVE", "SUSPENDED", "ACTIVE", "LOCKED_OUT", "ACTIVE", "DEPROVISIONED", "ACTIVE", "STAGED", "ACTIVE", "PASSWORD_EXPIRED"}
	before, users := map[string]string{}, []any{}
	for i := range 50 {
		login := fmt.Sprintf("u%d@acme.test", i)
		w.Okta.AddUser(emulator.UserSeed{Login: login, Status: statuses[i%len(statuses)]})
		before[login] = statuses[i%len(statuses)]
		users = append(users, login)
	}
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": users, "Is Deactivate": false}))
	requests, _ := got.Get("undo_requests").([]any)
	if ids, _ := got.Get("undo_requests", 0, "body", "parameters", "User IDs Or Logins").([]any); len(requests) != 1 || len(ids) != 25 {
		t.Fatalf("undo_requests: %v", requests)
	}
	w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "u4"})) // by another caller
	w.Forget()
	replies := undo(t, w, got)
	again := replies[0]
	for i := range again.Outcomes() {
		login, code := again.Get("targets", i, "login"), again.Get("targets", i, "error", "code")
		if changed := login == "u4@acme.test"; changed != (code == "changed_since") {
			t.Errorf("%v: %v", login, again.Get("targets", i))
		}
	}
	if message, _ := again.Get("output_message").(string); !strings.Contains(message, "Changed since: u4@acme.test: status: SUSPENDED was expected (if_state), and it is DEPROVISIONED now, so the user has changed since: nothing was sent.") {
		t.Errorf("the message is %q", message)
	}
	if writes := w.Writes(); len(writes) != 24 {
		t.Errorf("%d writes", len(writes))
	}
	for login, status := range before {
		if login == "u4@acme.test" {
			status = "DEPROVISIONED"
		}
		if now := w.User(login).Status; now != status {
			t.Errorf("%s was %s and is %s", login, status, now)
		}
	}
}

func TestUndo_OfRolesIsByUser(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": "alice, bob, admin", "Role Types": "REPORT_ADMIN, READ_ONLY_ADMIN"}))
	w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": "bob", "Role Types": "ORG_ADMIN"})) // by another caller
	replies := undo(t, w, got)
	var outcomes []string
	for _, r := range replies {
		outcomes = append(outcomes, r.Outcomes()...)
	}
	if diff := cmp.Diff([]string{"changed", "wrong_state", "changed"}, outcomes); diff != "" {
		t.Error(diff)
	}
	for login, want := range map[string][]string{"alice": nil, "bob": {"ORG_ADMIN", "READ_ONLY_ADMIN", "REPORT_ADMIN"}, "admin": {"SUPER_ADMIN"}} {
		roles := w.User(login).Roles
		slices.Sort(roles)
		if diff := cmp.Diff(want, roles); diff != "" {
			t.Errorf("%s: %s", login, diff)
		}
	}
	if diff := cmp.Diff([]any{}, got.Get("not_undoable")); diff != "" {
		t.Error(diff)
	}
}

func TestUndo_PassesTheGuardrails(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"GUARDRAILS": `{"denied_actions": ["enable-user"]}`}})
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "alice", "Is Deactivate": false}))
	if replies := undo(t, w, got); replies[0].Get("error", "code") != "guardrail_denied_actions" {
		t.Errorf("%s", replies[0].Body)
	}
}

func TestUndo_IsInEveryReplyOfAChange(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	for path, body := range map[string]string{
		"users/disable-user": `{"parameters": {}}`, "users/enable-user": `{"parameters": {"User IDs": "zed"}}`,
		"groups/add-group": `{"parameters": {"Group Name": "New"}, "options": {"dry_run": true}}`,
	} {
		got := w.Run(path, body)
		if diff := cmp.Diff([]any{[]any{}, []any{}}, []any{got.Get("undo_requests"), got.Get("not_undoable")}); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if got := w.Run("users/get-user", `{"parameters": {"User IDs": "alice"}}`); strings.Contains(string(got.Body), "undo_requests") {
		t.Errorf("a read: %s", got.Body)
	}
	w.Push("users", testkit.Message{ID: "m1", Data: `{"action": "disable-user", "parameters": {"User IDs": "alice, bob", "Is Deactivate": false}}`})
	result := object(t, slices.MaxFunc(w.Published(pubsub.ResultsTopic), func(a, b pubsub.Message) int {
		return len(a.Attributes["message_id"]) - len(b.Attributes["message_id"]) // the HTTP calls have none
	}))
	want := fmt.Sprintf(`[{"function": "OktaUsers", "path": "/enable-user", "body": {
		"parameters": {"User IDs Or Logins": [%[1]q, %[2]q], "Is Activate": false, "Also Run On Scope": false},
		"options": {"if_state": {%[1]q: {"status": "SUSPENDED"}, %[2]q: {"status": "SUSPENDED"}}}}}]`, w.ID("alice"), w.ID("bob"))
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, result.Get("undo_requests")); diff != "" {
		t.Error(diff)
	}
}

func TestIfState_RefusesWhatItCannotCheck(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	alice := w.ID("alice")
	for options, want := range map[string]string{
		`{"if_state": []}`:                               "must be an object of states by user ID",
		`{"if_state": {"00u1": "SUSPENDED"}}`:            `must be an object, such as {"status": "SUSPENDED"}`,
		`{"if_state": {"00u1": {"state": "SUSPENDED"}}}`: "is not a part of a state, which has status and roles",
		`{"if_state": {"00u1": {"status": 3}}}`:          "must be a text, or a list of texts for roles",
		`{"if_state": {"00u1": {"roles": [3]}}}`:         "must be a text, or a list of texts for roles",
		`{"if_state": {"00u1": {"status": "ACTIVE"}}}`:   "00u1 is not the ID of a user whom this request names",
		`{"if_state": {"` + alice + `": {"roles": []}}}`: "Disable User does not read roles, so it cannot check it: leave it out",
	} {
		got := w.Run("users/disable-user", `{"parameters": {"User IDs": "alice"}, "options": `+options+`}`)
		if message := fmt.Sprint(got.Get("error", "message")); got.HTTP != 400 || !strings.Contains(message, "options.if_state") || !strings.Contains(message, want) {
			t.Errorf("%s: %d %s", options, got.HTTP, message)
		}
	}
	for _, path := range []string{"users/get-user", "groups/add-group"} {
		got := w.Run(path, `{"parameters": {"User IDs": "alice", "Group Name": "x"}, "options": {"if_state": {"00u1": {"status": "ACTIVE"}}}}`)
		if got.HTTP != 400 || !strings.Contains(string(got.Body), "options.if_state") {
			t.Errorf("%s: %d %s", path, got.HTTP, got.Body)
		}
	}
	w.WantWrites()
	if got := w.Run("users/disable-user", `{"parameters": {"User IDs": "alice"}, "options": {"if_state": {"`+alice+`": {"status": "ACTIVE"}}}}`); got.Get("status") != "success" {
		t.Errorf("as expected: %s", got.Body)
	}
}

// TestIfState_UncheckedMemberChangesNothing: the request is refused as a whole, and not after some
// users were changed.
func TestIfState_UncheckedMemberChangesNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", `{"parameters": {"User IDs": "bob, alice"}, "options": {"if_state": {"`+w.ID("alice")+`": {"roles": []}}}}`)
	if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != "options.if_state" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	w.WantWrites()
}

// TestIfState_UnreadableUserDoesNotHideTheOthers: the user's ID is that of the request, although Okta
// does not return the user.
func TestIfState_UnreadableUserDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	for _, status := range []int{404, 403} {
		w := testkit.New(t, testkit.Options{})
		alice, bob := w.ID("alice"), w.ID("bob")
		w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + alice, Status: status})
		got := w.Run("users/disable-user", fmt.Sprintf(
			`{"parameters": {"User IDs": [%[1]q, %[2]q]}, "options": {"if_state": {%[1]q: {"status": "ACTIVE"}, %[2]q: {"status": "ACTIVE"}}}}`, alice, bob))
		if outcomes := got.Outcomes(); len(outcomes) != 2 || outcomes[0] == "changed" || outcomes[1] != "changed" {
			t.Errorf("%d: %d %s", status, got.HTTP, got.Body)
		}
	}
}

// TestUndo_NeedsAKnownState: an undo without a state would overwrite the changes of others.
func TestUndo_NeedsAKnownState(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	roles := "/api/v1/users/" + w.ID("bob") + "/roles"
	w.Okta.AddFault(emulator.Fault{Method: "POST", Path: roles, Status: 200, Times: 1, CarriedOut: true, Body: `{"id": "ra1x", "type": "ORG_ADMIN", "label": "x"}`})
	w.Okta.AddFault(emulator.Fault{Method: "POST", Path: roles, Status: 403})
	w.Okta.AddFault(emulator.Fault{Method: "GET", Path: roles, Status: 200, Times: 1, Body: "[]"})
	w.Okta.AddFault(emulator.Fault{Method: "GET", Path: roles, Status: 403})
	got := w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": "bob", "Role Types": "ORG_ADMIN, APP_ADMIN"}))
	requests, _ := got.Get("undo").([]any)
	if len(requests) != 0 || got.Get("not_undoable", 0, "reason") != "the state after the change is unknown: check it in Okta" {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}
