package contract_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// said is a request with the sentence that a caller must read.
type said struct {
	path   string
	body   string
	header http.Header
	fault  *emulator.Fault
	env    map[string]string
	http   int
	says   string // in the reply
	asked  bool   // Okta may have been asked
}

const aliceSuspend = `{"parameters": {"User IDs": "alice", "Is Deactivate": false}%s}`

var everyUser = emulator.Fault{Path: "/api/v1/users*", Status: 500}

// sentences are the messages of refused and failed requests.
var sentences = map[string]said{
	// placeholders
	"key with placeholders": {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), header: http.Header{"Idempotency-Key": {"[Case.Identifier]-[Alert.Identifier]-disable-user"}}, http: 400,
		says: `Idempotency-Key: is \"[Case.Identifier]-[Alert.Identifier]-disable-user\" and holds the placeholder [Case.Identifier], which SecOps did not fill in`},
	"key null":      {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), header: http.Header{"Idempotency-Key": {"null"}}, http: 400, says: `Idempotency-Key: is \"null\"`},
	"key None":      {path: "users/get-user", body: fmt.Sprintf(`{"parameters": {"User IDs": "alice"}%s}`, ""), header: http.Header{"Idempotency-Key": {"None"}}, http: 400, says: `is \"None\", an empty value`},
	"key undefined": {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), header: http.Header{"Idempotency-Key": {"UNDEFINED"}}, http: 400, says: "give a key of this step and this run"},
	"two keys":      {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), header: http.Header{"Idempotency-Key": {"a", "b"}}, http: 400, says: "Idempotency-Key: is given 2 times; send one header"},
	"suggested key": {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), header: http.Header{"Idempotency-Key": {"4711-1-set-password-fill_in_step_name"}}, http: 400, says: `Idempotency-Key: is \"4711-1-set-password-fill_in_step_name\" and holds FILL_IN, which marks a value to replace; give a key of this step and this run`},
	"context":       {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, `, "context": {"case_id": "case [Case.Identifier]"}`), http: 400, says: "context.case_id: holds the placeholder [Case.Identifier]"},
	"entity identifier, scope off": {path: "users/reset-password", body: `{"parameters": {"User IDs": "alice"}, "entities": [{"identifier": "[Entity.Identifier]", "entity_type": "USERUNIQNAME"}]}`, http: 400,
		says: "entities[0].identifier: holds the placeholder [Entity.Identifier]"},
	"entity type":               {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice"}, "entities": [{"identifier": "bob", "entity_type": "[Entity.Type]"}]}`, http: 400, says: "entities[0].entity_type: holds the placeholder [Entity.Type]"},
	"FILL_IN as a value":        {path: "groups/add-group", body: `{"parameters": {"Group Name": "SOC", "Group Description": "Cases of FILL_IN_TEAM"}}`, http: 400, says: "Group Description: holds FILL_IN, which marks a value to replace"},
	"FILL_IN as an item":        {path: "users/disable-user", body: `{"parameters": {"User IDs": ["alice", "Fill_In user"]}}`, http: 400, says: "User IDs Or Logins: holds FILL_IN"},
	"FILL_IN in a list":         {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice, FILL_IN"}}`, http: 400, says: "User IDs Or Logins: holds FILL_IN"},
	"FILL_IN as a boolean":      {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice", "Is Deactivate": "FILL_IN"}}`, http: 400, says: "Is Deactivate: holds FILL_IN"},
	"FILL_IN as a number":       {path: "users/list-users", body: `{"parameters": {"Limit": "FILL_IN Limit"}}`, http: 400, says: "Limit: holds FILL_IN"},
	"FILL_IN as a choice":       {path: "roles/assign-role", body: `{"parameters": {"User IDs": "alice", "Role Types": "FILL_IN Role Types"}}`, http: 400, says: "Role Types: holds FILL_IN"},
	"FILL_IN as a secret":       {path: "users/set-password", body: `{"parameters": {"User IDs": "alice", "New Password": "FILL_IN New Password"}}`, http: 400, says: "New Password: holds FILL_IN, which marks a value to replace"},
	"FILL_IN as an own type":    {path: "signals/send-itp-signal", body: `{"parameters": {"User Email": "alice@acme.test", "Timestamp": "FILL_IN Timestamp", "Reason": "r", "Severity": "low"}}`, http: 400, says: "Timestamp: holds FILL_IN"},
	"FILL_IN as an entity":      {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice"}, "entities": [{"identifier": "FILL_IN", "entity_type": "USERUNIQNAME"}]}`, http: 400, says: "entities[0].identifier: holds FILL_IN"},
	"FILL_IN as an entity type": {path: "users/reset-password", body: `{"parameters": {"User IDs": "alice"}, "entities": [{"identifier": "bob", "entity_type": "FILL_IN"}]}`, http: 400, says: "entities[0].entity_type: holds FILL_IN"},
	"FILL_IN in the context":    {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, `, "context": {"case_id": "case-FILL_IN_CASE_ID"}`), http: 400, says: "context.case_id: holds FILL_IN"},
	"name in brackets": {path: "groups/get-group", body: `{"parameters": {"Group IDs Or Names": "[High] alert", "Is Id": false}, "context": {"alert": "[High] alert"}}`, header: http.Header{"Idempotency-Key": {"[High] alert"}}, http: 200,
		says: "Not found: [High] alert", asked: true},

	// empty and wrong values
	"empty boolean": {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice", "Is Deactivate": ""}}`, http: 400,
		says: "Is Deactivate: is empty: give true (deactivate the user, which also removes the user's applications and cannot be fully reverted) or false (only suspends), or leave it out for true"},
	"blank boolean":           {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice", "Is Deactivate": " "}}`, http: 400, says: "Is Deactivate: is empty"},
	"null boolean":            {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice", "Is Deactivate": null}}`, http: 400, says: "Is Deactivate: is empty"},
	"empty scope":             {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice", "Also Run On Scope": ""}}`, http: 400, says: "Also Run On Scope: is empty: give true (run on the entities in scope as well as on the input) or false (runs on the input only), or leave it out for true"},
	"empty dry run":           {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, `, "options": {"dry_run": ""}`), http: 400, says: "options.dry_run: is empty: give true (write nothing) or false (make the changes), or leave it out for false"},
	"null verify":             {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, `, "options": {"verify": null}`), http: 400, says: "options.verify: is empty"},
	"empty boolean of a read": {path: "groups/get-group", body: `{"parameters": {"Group IDs Or Names": "Finance", "Is Id": ""}, "options": {"dry_run": ""}}`, http: 200, says: "set Is Id to false to find a group by its name", asked: true},
	"wrong boolean":           {path: "users/disable-user", body: `{"parameters": {"User IDs": "alice", "Is Deactivate": "maybe"}}`, http: 400, says: `Is Deactivate: must be true or false, not \"maybe\"`},
	"wrong option":            {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, `, "options": {"dry_run": 1}`), http: 400, says: "options.dry_run: must be true or false, not 1"},
	"wrong number":            {path: "users/list-users", body: `{"parameters": {"Limit": "many"}}`, http: 400, says: `Limit: must be a whole number from 1 to 5000, not \"many\"`},
	"boolean of an action with a secret": {path: "users/set-password", body: `{"parameters": {"User IDs": "alice", "New Password": "true", "Add 10 Random Chars": "Horse-canary-7"}}`, http: 400,
		says: `"message":"must be true or false"`},
	"malformed JSON list":    {path: "users/get-user", body: `{"parameters": {"User IDs": "[\"alice\", bob]"}}`, http: 400, says: "User IDs Or Logins: begins as a JSON array of strings but is not one"},
	"several problems":       {path: "groups/add-group", body: `{"parameters": {"Group Nam": "x", "Group Description": 1}}`, http: 400, says: "2 problems: "},
	"no action":              {path: "users/", body: `{}`, http: 400, says: "Error executing action (none named). Reason: "},
	"no user, entities left": {path: "users/disable-user", body: `{"entities": [{"identifier": "10.0.0.1", "entity_type": "ADDRESS"}, {"identifier": "evil.test", "entity_type": "DOMAIN"}]}`, http: 400, says: "no user is named: give IDs, logins or e-mail addresses; the entities 10.0.0.1 (ADDRESS), evil.test (DOMAIN) are ignored: Disable User runs on USERUNIQNAME and HOSTNAME"},
	"no user, hosts left":    {path: "users/disable-user", body: `{"entities": [{"identifier": "WS-17", "entity_type": "HOSTNAME"}]}`, http: 400, says: "no user is named: give IDs, logins or e-mail addresses; the entity WS-17 (HOSTNAME) is ignored: it is not the full login of a user", asked: true},

	// expressions
	"query and search": {path: "users/list-users", body: `{"parameters": {"Query": "al", "Search": "status pr"}}`, http: 400, says: "Search: cannot be used together with Query"},
	"bad filter":       {path: "users/list-users", body: `{"parameters": {"Filter": "nonsense"}}`, http: 400, says: "Filter: Okta does not accept the expression: ", asked: true},
	"bad search":       {path: "users/list-users", body: `{"parameters": {"Search": "nonsense"}}`, http: 400, says: "Search: Okta does not accept the expression: ", asked: true},

	// names that are not found
	"semicolon":       {path: "users/get-user", body: `{"parameters": {"User IDs": "alice;bob"}}`, http: 200, says: "Not found: alice;bob (separate several users with commas, not semicolons).", asked: true},
	"spaces":          {path: "users/get-user", body: `{"parameters": {"User IDs": "Alice Archer"}}`, http: 200, says: "Not found: Alice Archer (it has a space: separate several users with commas, and give logins, not display names).", asked: true},
	"brackets":        {path: "users/get-user", body: `{"parameters": {"User IDs": "(zed)"}}`, http: 200, says: "Not found: (zed) (it has brackets: give the login without them).", asked: true},
	"angle brackets":  {path: "users/get-user", body: `{"parameters": {"User IDs": "Zed <zed@acme.test>"}}`, http: 200, says: "(give the address without angle brackets: zed@acme.test).", asked: true},
	"group name":      {path: "groups/get-group", body: `{"parameters": {"Group IDs Or Names": "Finance"}}`, http: 200, says: "Not found: Finance (it does not look like the ID of a group: set Is Id to false to find a group by its name).", asked: true},
	"plain not found": {path: "users/get-user", body: `{"parameters": {"User IDs": "zed"}}`, http: 200, says: "Not found: zed.", asked: true},

	// Okta and the connection
	"server error at a look-up": {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), fault: &everyUser, http: 503, says: "Failed: alice: Okta returned status 500 (E0000009) in all 4 attempts; nothing was changed; try again.", asked: true},
	"server error of a read":    {path: "users/get-user", body: `{"parameters": {"User IDs": "alice, bob"}}`, fault: &everyUser, http: 503, says: "Failed: alice, bob: Okta returned status 500 (E0000009) in all 4 attempts; try again.", asked: true},
	"server error at a write": {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), fault: &emulator.Fault{Path: "*/lifecycle/suspend", Status: 500}, http: 503,
		says: "Okta returned status 500 (E0000009) in all 4 attempts; the change was not made; try again", asked: true},
	"rate limit at a write": {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), fault: &emulator.Fault{Path: "*/lifecycle/suspend", Status: 429}, http: 503, says: "; the change was not made; try again", asked: true},
	"connection refused":    {path: "users/disable-user", body: fmt.Sprintf(aliceSuspend, ""), env: map[string]string{"OKTA_API_ROOT": "http://127.0.0.1:1"}, http: 503, says: "the connection to Okta failed: it was refused; nothing was changed; try again"},
	"connection closed":     {path: "users/list-users", body: `{}`, fault: &emulator.Fault{Path: "/api/v1/users", Drop: true}, http: 503, says: "the connection to Okta failed: it was closed before Okta responded; try again", asked: true},
	"reply of another type": {path: "users/get-user", body: `{"parameters": {"User IDs": "alice"}}`, fault: &emulator.Fault{Path: "/api/v1/users/*", Status: 200, Body: `[]`}, http: 502, says: "the response is not a valid Okta response: a JSON array of the wrong type", asked: true},
	"summary with a full stop": {path: "groups/add-group", body: `{"parameters": {"Group Name": "x"}}`, http: 422, says: "Refused because: of a reason.", asked: true,
		fault: &emulator.Fault{Path: "/api/v1/groups", Method: "POST", Status: 400, Body: `{"errorCode": "E0000099", "errorSummary": "Refused because.", "errorCauses": [{"errorSummary": "of a reason."}]}`}},
	"refusal with a full stop": {path: "providers/list-providers", body: `{}`, http: 502, says: "No permission here; the owner of the API token", asked: true,
		fault: &emulator.Fault{Path: "/api/v1/idps", Status: 403, Body: `{"errorCode": "E0000006", "errorSummary": "No permission here."}`}},
}

// malformed matches what no sentence may hold: the seam of two clauses, or a clause without its object.
var malformed = regexp.MustCompile(`\.[:;]|action \\"\\"|unexpected type of ("|;|\.|$)`)

func TestMessages_NameTheErrorAndTheFix(t *testing.T) {
	t.Parallel()
	for name, c := range sentences {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{Env: c.env})
			if c.fault != nil {
				w.Okta.AddFault(*c.fault)
			}
			got := w.Do(http.MethodPost, c.path, c.body, c.header)
			text := strings.ReplaceAll(string(got.Body), `\u003c`, "<")
			if got.HTTP != c.http || !strings.Contains(text, c.says) {
				t.Errorf("%d, want %d with %s:\n%s", got.HTTP, c.http, c.says, text)
			}
			if bad := malformed.FindString(text); bad != "" {
				t.Errorf("the reply has %q: %s", bad, text)
			}
			if asked := w.Asked(); len(asked) > 0 && !c.asked {
				t.Errorf("Okta was asked %v", asked)
			}
			if is := w.User("alice").Status; is != "ACTIVE" {
				t.Errorf("alice is %s", is)
			}
		})
	}
}

func TestMessages_NameTheRequestAndTheWait(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users*", Status: 500})
	if r := w.Run("users/list-users", "{}"); r.Get("error", "okta_request_id") == nil || r.Get("error", "retry_after_s") != nil {
		t.Errorf("a server error: %s", r.Body)
	}
	w = testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users*", Status: 429})
	r := w.Run("users/disable-user", testkit.Params(params{"User IDs": "alice, bob"}))
	wait := fmt.Sprint(r.Get("error", "retry_after_s"))
	if wait != r.Header.Get("Retry-After") || fmt.Sprint(r.Get("targets", 0, "error", "retry_after_s")) != wait {
		t.Errorf("Retry-After %q: %s", r.Header.Get("Retry-After"), r.Body)
	}
}

// A message that is wrong for good is acknowledged, and becomes one dead letter.
func TestDeadLetter_MessageWithPlaceholders(t *testing.T) {
	t.Parallel()
	const data = `{"action": "Disable User", "parameters": {"User IDs": "alice"}}`
	for name, c := range map[string]struct {
		attributes map[string]string
		data, says string
	}{
		"key":            {map[string]string{"idempotency_key": "[Case.Identifier]-1"}, data, "attribute idempotency_key: is"},
		"no key":         {map[string]string{"idempotency_key": "null"}, data, "attribute idempotency_key: is"},
		"action":         {map[string]string{"action": "[Step.JsonResult| \"action\"]"}, `{"parameters": {"User IDs": "alice"}}`, "attribute action: holds the placeholder"},
		"other":          {map[string]string{"case": "for [Case.Identifier]"}, data, "attribute case: holds the placeholder [Case.Identifier]"},
		"FILL_IN":        {map[string]string{"team": "FILL_IN_TEAM"}, data, "attribute team: holds FILL_IN"},
		"FILL_IN key":    {map[string]string{"idempotency_key": "4711-FILL_IN_STEP_NAME"}, data, "and holds FILL_IN"},
		"FILL_IN action": {map[string]string{"action": "FILL_IN"}, `{"parameters": {"User IDs": "alice"}}`, "attribute action: holds FILL_IN"},
		"context":        {nil, `{"action": "Disable User", "parameters": {"User IDs": "alice"}, "context": {"case_id": "[Case.Identifier]"}}`, "context.case_id: holds the placeholder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{PubSub: true})
			for range 2 {
				if got := w.Push("users", testkit.Message{ID: "m1", Attributes: c.attributes, Data: c.data}); got.HTTP != 200 {
					t.Errorf("%d %s", got.HTTP, got.Body)
				}
			}
			letters := w.Published(pubsub.DeadLetterTopic)
			if len(letters) != 1 || !strings.Contains(string(letters[0].Data), c.says) {
				t.Errorf("dead letters %v, want one with %q", letters, c.says)
			}
			if asked := w.Asked(); len(asked) > 0 {
				t.Errorf("Okta was asked %v", asked)
			}
		})
	}
}

func TestLists_TakeAStringThatHoldsAJSONArray(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for users, outcomes := range map[string]string{`["alice","bob"]`: "found found", ` [ "alice" , "zed" ] `: "found not_found", `[High] alert`: "not_found", `["Doe, Jane"]`: "not_found"} {
		if got := w.Run("users/get-user", testkit.Params(params{"User IDs": users})); strings.Join(got.Outcomes(), " ") != outcomes {
			t.Errorf("%s: %s", users, got.Body)
		}
	}
	if got := w.Run("users/get-user", testkit.Params(params{"User IDs": "[]"})); got.HTTP != 400 {
		t.Errorf("an empty list: %s", got.Body)
	}
}

func TestEntities_AnIdentifierMayListSeveral(t *testing.T) {
	t.Parallel()
	run := func(identifier, kind string) (*testkit.World, testkit.Reply) {
		w := testkit.New(t, testkit.Options{})
		return w, w.Run("users/disable-user", request{Parameters: params{"Is Deactivate": false}, Entities: []action.Entity{{Identifier: identifier, Type: action.EntityType(kind)}}})
	}
	w, got := run("ALICE, bob@acme.test", "USERUNIQNAME")
	if w.User("alice").Status != "SUSPENDED" || w.User("bob").Status != "SUSPENDED" || got.Get("status") != "success" {
		t.Errorf("both: %s", got.Body)
	}
	want := []any{map[string]any{"identifier": "ALICE, bob@acme.test", "entity_type": "USERUNIQNAME",
		"enrichment": map[string]any{"is_deactivate": "False", "is_send_email_deactivate": "True"}}}
	if diff := cmp.Diff(want, got.Get("entities")); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
	if r, ok := got.Get("json_result").(map[string]any); !ok || r["ALICE"] == nil || r["bob@acme.test"] == nil {
		t.Errorf("json_result %v", got.Get("json_result"))
	}
	_, got = run("alice,zed", "USERUNIQNAME") // an entity that says is_deactivate would claim that zed was reached
	if got.Get("status") != "partial" || len(got.Get("entities", 0, "enrichment").(map[string]any)) > 0 ||
		!strings.Contains(string(got.Body), "The entity alice,zed (USERUNIQNAME) is not enriched: it lists users that were not reached: zed.") {
		t.Errorf("one of two: %s", got.Body)
	}
	w, got = run("WS-17,alice@acme.test", "HOSTNAME")
	if w.User("alice").Status != "SUSPENDED" || got.Get("status") != "success" || !strings.Contains(string(got.Body), "The entity WS-17 (HOSTNAME) is ignored") {
		t.Errorf("hosts: %s", got.Body)
	}
	for identifier, says := range map[string]string{"alice,me": `\"me\" is the owner of the Okta credentials: give the ID or the login of a user`, "alice,[Event.x]": "holds the placeholder [Event.x]", " , ": "is empty"} {
		if w, got = run(identifier, "USERUNIQNAME"); got.HTTP != 400 || !strings.Contains(string(got.Body), "entities[0].identifier: "+says) || len(w.Asked()) > 0 {
			t.Errorf("%s: %d %s", identifier, got.HTTP, got.Body)
		}
	}
	w = testkit.New(t, testkit.Options{})
	got = w.Run("groups/list-user-groups", request{Entities: []action.Entity{{Identifier: "alice,helpdesk", Type: action.UserEntity}}})
	if !strings.Contains(string(got.Body), "it is enriched only with the values that all of them share") || got.Get("status") != "success" {
		t.Errorf("values that differ: %s", got.Body)
	}
}

func TestAliases_NameAnAction(t *testing.T) {
	t.Parallel()
	const key = "a-key-of-24-characters-canary"
	w := testkit.New(t, testkit.Options{PubSub: true, Env: map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers"}})
	w.Replace("callers", secrets.New(`[{"id": "soc", "key": "`+key+`", "actions": ["Send ITP Signal To Okta"]}]`))
	signal := `"parameters": {"User Email": "alice@acme.test", "Timestamp": "2026-03-02T09:00:00Z", "Reason": "test", "Severity": "high"}`
	for _, c := range []struct{ path, body string }{
		{"signals/send-itp-signal-to-okta", "{" + signal + "}"},
		{"signals/", `{"action": "Send ITP Signal To Okta", ` + signal + "}"},
		{"signals/send-itp-signal", `{"action": "send-itp-signal-to-okta", ` + signal + "}"},
	} {
		got := w.Do(http.MethodPost, c.path, c.body, http.Header{"X-Api-Key": {key}})
		if got.HTTP != 200 || got.Get("action") != "Send ITP Signal" || got.Get("is_success") != true {
			t.Errorf("%s: %d %s", c.path, got.HTTP, got.Body)
		}
	}
	w = testkit.New(t, testkit.Options{PubSub: true})
	if got := w.Push("signals", testkit.Message{ID: "m", Attributes: map[string]string{"action": "Send ITP Signal To Okta"}, Data: "{" + signal + "}"}); got.Get("is_success") != true {
		t.Errorf("by attribute: %s", got.Body)
	}
}

// TestPing_WarnsOfActionsThatLackAScope takes scopes away until no action can work.
func TestPing_WarnsOfActionsThatLackAScope(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		group   string
		granted []string
		http    int
		denied  string // the scope that the actions with a warning lack
		tokens  int    // requests for an access token
	}{
		"all granted": {"users", everyScope(), 200, "", 2},
		"read alone":  {"users", []string{"okta.users.read"}, 200, "okta.users.manage", 7},
		"roles read":  {"roles", []string{"okta.users.read", "okta.roles.read"}, 200, "okta.roles.manage", 5},
		"none":        {"users", []string{"okta.idps.read"}, 502, "", 5},
		"one needed":  {"providers", []string{"okta.users.read"}, 502, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{App: &emulator.App{Scopes: c.granted}})
			got := w.Do(http.MethodGet, c.group+"/ping", "", nil)
			warnings := []any{}
			for _, g := range handlers.Groups {
				for _, a := range g.Actions {
					without := slices.DeleteFunc(slices.Clone(a.OktaScopes), func(s string) bool { return slices.Contains(c.granted, s) })
					if c.http == 200 && g.Name == c.group && a.Name != "Ping" && len(without) > 0 {
						warnings = append(warnings, fmt.Sprintf("Not permitted: %s (%s)", a.Name, strings.Join(without, ", ")))
					}
				}
			}
			if name == "read alone" {
				warnings = append(warnings, "administrator rules are not active: grant okta.roles.read")
			}
			if diff := cmp.Diff(warnings, got.Get("warnings")); got.HTTP != c.http || diff != "" {
				t.Errorf("%d %s (-want +got):\n%s", got.HTTP, got.Body, diff)
			}
			tokens := 0
			for _, r := range w.Okta.Requests() {
				if r.Path == "/oauth2/v1/token" {
					tokens++
				}
			}
			if tokens != c.tokens {
				t.Errorf("%d requests for a token, want %d", tokens, c.tokens)
			}
		})
	}
}

// TestBooleans_OfAChangeDescribeBothChoices: the error of an empty value names both.
func TestBooleans_OfAChangeDescribeBothChoices(t *testing.T) {
	t.Parallel()
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			for _, p := range a.Params {
				if a.Mutates && p.Type == "boolean" && !strings.Contains(p.Description, "; off ") {
					t.Errorf("%s: %s: %s", a.Name, p.Name, p.Description)
				}
			}
			if !slices.Contains(a.Slugs(), a.Slug) {
				t.Errorf("%s has the slugs %v", a.Name, a.Slugs())
			}
		}
	}
}
