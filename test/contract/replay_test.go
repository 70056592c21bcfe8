package contract_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

const replayed = "Replay of the request completed at 2026-03-02T10:00:00Z; nothing was done now. "

// again is the sentence that explains how to repeat a request.
const again = "; send the request with a new Idempotency-Key to do it again"

// TestReplay_IsSuccessOnlyIfTheStateHolds carries a request out, changes the state in Okta, and sends the request again.
func TestReplay_IsSuccessOnlyIfTheStateHolds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, body, between, change string // between and change: path and body of a request; "" for none
		fault                       emulator.Fault
		http                        int
		outcome, code               string
		state, text                 string
		undo, enriched              bool
	}{
		"suspended, still": {path: "users/disable-user", body: `"Is Deactivate": false`, http: 200, outcome: "unchanged",
			state: "status SUSPENDED", text: "Still as asked: alice@acme.test (SUSPENDED).", undo: true, enriched: true},
		"suspended, active again": {path: "users/disable-user", body: `"Is Deactivate": false`, between: "users/enable-user", http: 422,
			outcome: "wrong_state", code: "changed_since", state: "status ACTIVE", text: "status: SUSPENDED when the request completed, ACTIVE now" + again},
		"suspended, deactivated since": {path: "users/disable-user", body: `"Is Deactivate": false`, between: "users/disable-user", http: 200,
			outcome: "unchanged", state: "status DEPROVISIONED", text: "Still as asked", enriched: true},
		"deactivated, activated since": {path: "users/disable-user", body: `"Is Deactivate": true`, between: "users/enable-user", http: 422,
			outcome: "wrong_state", code: "changed_since", text: "status: DEPROVISIONED when the request completed, "},
		"enabled already, suspended since": {path: "users/enable-user", body: `"Is Activate": false`, between: "users/disable-user",
			change: `"Is Deactivate": false`, http: 422, outcome: "wrong_state", code: "changed_since", state: "status SUSPENDED"},
		"assigned, still": {path: "roles/assign-role", body: `"Role Types": "APP_ADMIN"`, http: 200, outcome: "unchanged", state: "roles [APP_ADMIN]",
			undo: true, enriched: true},
		"assigned, taken since": {path: "roles/assign-role", body: `"Role Types": "APP_ADMIN"`, between: "roles/unassign-role",
			change: `"Role IDs Or Names": "APP_ADMIN"`, http: 422, outcome: "wrong_state", code: "changed_since", state: "roles []",
			text: "roles: APP_ADMIN when the request completed, none now" + again},
		"assigned, more since": {path: "roles/assign-role", body: `"Role Types": "APP_ADMIN"`, between: "roles/assign-role",
			change: `"Role Types": "ORG_ADMIN"`, http: 200, outcome: "unchanged", state: "roles [APP_ADMIN ORG_ADMIN]", enriched: true},
		"unassigned already, assigned since": {path: "roles/unassign-role", body: `"Role IDs Or Names": "APP_ADMIN", "Also Run On Scope": true`,
			between: "roles/assign-role", change: `"Role Types": "APP_ADMIN"`, http: 422, outcome: "wrong_state", code: "changed_since", state: "roles [APP_ADMIN]"},
		"Okta is down": {path: "users/disable-user", body: `"Is Deactivate": false`, fault: emulator.Fault{Path: "*", Status: 503, Times: 4}, http: 503,
			outcome: "failed", code: "E0000010"},
		"the user is gone": {path: "users/disable-user", body: `"Is Deactivate": false`, fault: emulator.Fault{Path: "*", Status: 404, Times: 1}, http: 422,
			outcome: "not_found", code: "E0000007"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			body := `{"parameters": {` + c.body + `}, "entities": [{"identifier": "alice", "entity_type": "USERUNIQNAME"}]}`
			first := w.Do(http.MethodPost, c.path, body, keyed("k"))
			if first.HTTP != 200 || first.Get("status") != "success" || first.Get("replayed") != nil {
				t.Fatalf("the first: %d %s", first.HTTP, first.Body)
			}
			if c.between != "" {
				change := `"User IDs": "alice"`
				if c.change != "" {
					change += ", " + c.change
				}
				if r := w.Run(c.between, `{"parameters": {`+change+`}}`); r.HTTP != 200 {
					t.Fatalf("%d %s", r.HTTP, r.Body)
				}
			}
			if c.fault.Path != "" {
				w.Okta.AddFault(c.fault)
			}
			w.Forget()
			r := w.Do(http.MethodPost, c.path, body, keyed("k"))
			w.WantWrites()
			for _, call := range w.Asked() {
				if !strings.Contains(call, w.ID("alice")) && !strings.Contains(call, "/iam/") {
					t.Errorf("the user is read by name: %s", call)
				}
			}
			success := c.http == 200
			if r.HTTP != c.http || r.Header.Get("Idempotency-Replayed") != "true" || r.Get("is_success") != success || r.Get("script_result", "value") != success {
				t.Errorf("%d %v %s", r.HTTP, r.Header, r.Body)
			}
			if r.Get("replayed", "invocation_id") != first.Get("invocation_id") || r.Get("replayed", "at") != "2026-03-02T10:00:00Z" ||
				r.Get("invocation_id") == first.Get("invocation_id") {
				t.Errorf("replayed: %s", r.Body)
			}
			text := r.Get("output_message").(string)
			if !strings.HasPrefix(text, replayed) || !strings.Contains(text, c.text) {
				t.Errorf("output_message %q, want %q", text, c.text)
			}
			code, _ := r.Get("targets", 0, "error", "code").(string)
			if r.Get("targets", 0, "outcome") != c.outcome || code != c.code || (r.Get("targets", 0, "undo") != nil) != c.undo {
				t.Errorf("target: %s", r.Body)
			}
			member, value, _ := strings.Cut(c.state, " ")
			if c.state != "" && fmt.Sprint(r.Get("targets", 0, "before", member)) != value {
				t.Errorf("before: %s, want %s", r.Body, c.state)
			}
			if held := r.Get("targets", 0, "after") != nil; held != success || (r.Get("json_result", "alice") != nil) != success {
				t.Errorf("after and json_result: %s", r.Body)
			}
			if entity := r.Get("entities", 0, "enrichment").(map[string]any); (len(entity) > 0) != c.enriched {
				t.Errorf("enrichment: %s", r.Body)
			}
			if c.http == 503 && (r.Header.Get("Retry-After") == "" || r.Get("targets", 0, "error", "retryable") != true) {
				t.Errorf("%v %s", r.Header, r.Body)
			}
			if !strings.Contains(w.Log(), `"replay_of":"`+first.Get("invocation_id").(string)) {
				t.Error("the audit does not name the first run")
			}
		})
	}
}

// inOkta sends a request to the emulator, as an administrator of the org does, and returns the response's body.
func inOkta(t *testing.T, w *testkit.World, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.OktaURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"SSWS " + w.Okta.Token()}, "Content-Type": {"application/json"}}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 {
		t.Fatalf("%s %s: %d %s, %v", method, path, res.StatusCode, text, err)
	}
	return string(text)
}

// customRole assigns a custom role to bob in Okta. It returns the ID of the assignment.
func customRole(t *testing.T, w *testkit.World, role string) string {
	t.Helper()
	path := "/api/v1/users/" + w.ID("bob") + "/roles"
	var assigned struct{ ID string }
	body := inOkta(t, w, "POST", path, `{"type": "CUSTOM", "role": "`+role+`", "resource-set": "`+emulator.ResourceSetID+`"}`)
	if err := json.Unmarshal([]byte(body), &assigned); err != nil || assigned.ID == "" {
		t.Fatalf("%s: %v", body, err)
	}
	return assigned.ID
}

// TestReplay_PlanDecidesWhetherTheStateIsAsAsked: the kept state may not have been as asked, and is
// the same for all custom roles.
func TestReplay_PlanDecidesWhetherTheStateIsAsAsked(t *testing.T) {
	t.Parallel()
	const disable, notAsked = `"parameters": {"User IDs": "bob", "Is Deactivate": false}`, "now, which is not as asked" + again
	unassign := func(roles string) string {
		return `"parameters": {"User IDs": "bob", "Role IDs Or Names": "` + roles + `"}`
	}
	assignApp := func(t *testing.T, w *testkit.World, _, _ string) {
		inOkta(t, w, "POST", "/api/v1/users/"+w.ID("bob")+"/roles", `{"type": "APP_ADMIN"}`)
	}
	for name, c := range map[string]struct {
		path, body    string // IDs: ${id} of the assignment of Alpha
		verify        bool
		fault         emulator.Fault
		between       func(t *testing.T, w *testkit.World, alpha, id string)
		outcome, text string
		roles         []string
	}{
		"verify read back another state, which is left": {path: "users/disable-user", body: disable, verify: true,
			fault:   emulator.Fault{Path: "*/lifecycle/suspend", Status: 200, Times: 1},
			outcome: "failed", text: "the user's status reads back as ACTIVE instead of SUSPENDED"},
		"verify read back another state, which is as asked by now": {path: "users/disable-user", body: disable, verify: true,
			fault: emulator.Fault{Path: "*/lifecycle/suspend", Status: 200, Times: 1},
			between: func(t *testing.T, w *testkit.World, _, _ string) {
				inOkta(t, w, "POST", "/api/v1/users/"+w.ID("bob")+"/lifecycle/suspend", "")
			}, outcome: "unchanged", text: "Still as asked: bob@acme.test (SUSPENDED)."},
		"a user who has not followed the link": {path: "users/enable-user", body: `"parameters": {"User IDs": "frank"}`,
			outcome: "unchanged", text: "Still as asked: frank@acme.test (PROVISIONED)."},
		"another custom role was removed, and this one assigned": {path: "roles/unassign-role", body: unassign("Alpha"),
			between: func(t *testing.T, w *testkit.World, alpha, _ string) {
				for _, r := range w.User("bob@acme.test").RoleAssignments {
					inOkta(t, w, "DELETE", "/api/v1/users/"+w.ID("bob")+"/roles/"+r.ID, "")
				}
				customRole(t, w, alpha)
			}, outcome: "wrong_state", text: "roles: CUSTOM " + notAsked, roles: []string{"Alpha wrong_state"}},
		"unassigned by ID, and another role assigned since": {path: "roles/unassign-role", body: unassign("${id}"),
			between: assignApp, outcome: "unchanged", text: "Still as asked: bob@acme.test.", roles: []string{"${id} unchanged"}},
		"unassigned by ID and name": {path: "roles/unassign-role", body: unassign("${id}, Beta"),
			outcome: "unchanged", text: "Still as asked: bob@acme.test.", roles: []string{"${id} unchanged", "Beta unchanged"}},
		"unassigned by ID and name, one assigned since": {path: "roles/unassign-role", body: unassign("${id}, APP_ADMIN"),
			between: assignApp, outcome: "wrong_state", text: "roles: CUSTOM when the request completed, APP_ADMIN, CUSTOM now" + again,
			roles: []string{"${id} unchanged", "APP_ADMIN wrong_state"}},
		"one of two unassigned, and assigned since": {path: "roles/unassign-role", body: unassign("Alpha, Gamma"),
			between: func(t *testing.T, w *testkit.World, alpha, _ string) {
				inOkta(t, w, "DELETE", "/api/v1/users/"+w.ID("bob")+"/roles/"+w.User("bob@acme.test").RoleAssignments[0].ID, "")
				customRole(t, w, alpha)
			}, outcome: "wrong_state", text: "roles: CUSTOM " + notAsked, roles: []string{"Alpha wrong_state", "Gamma not_found"}},
		"one of two unassigned by ID": {path: "roles/unassign-role", body: unassign("${id}, Gamma"),
			outcome: "not_found", text: "Not found: bob@acme.test.", roles: []string{"${id} changed", "Gamma not_found"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			alpha, beta := w.Okta.AddOrgRole("Alpha"), w.Okta.AddOrgRole("Beta")
			id := customRole(t, w, alpha)
			customRole(t, w, beta)
			if c.fault.Path != "" {
				w.Okta.AddFault(c.fault)
			}
			body := fmt.Sprintf(`{%s, "options": {"verify": %v}}`, strings.ReplaceAll(c.body, "${id}", id), c.verify)
			if r := w.Do(http.MethodPost, c.path, body, keyed("k")); r.HTTP != 200 || r.Get("replayed") != nil {
				t.Fatalf("the first: %d %s", r.HTTP, r.Body)
			}
			if c.between != nil {
				c.between(t, w, alpha, id)
			}
			w.Forget()
			r := w.Do(http.MethodPost, c.path, body, keyed("k"))
			w.WantWrites()
			code, _ := r.Get("targets", 0, "error", "code").(string)
			text, _ := r.Get("output_message").(string)
			if r.Get("targets", 0, "outcome") != c.outcome || (code == "changed_since") != (c.outcome == "wrong_state") ||
				r.Get("is_success") != (c.outcome == "unchanged") || !strings.Contains(text, c.text) {
				t.Errorf("want %s and %q: %d %s", c.outcome, c.text, r.HTTP, r.Body)
			}
			var roles []string
			list, _ := r.Get("targets", 0, "roles").([]any)
			for i := range list {
				role := strings.ReplaceAll(r.Get("targets", 0, "roles", i, "role").(string), id, "${id}")
				roles = append(roles, fmt.Sprint(role, " ", r.Get("targets", 0, "roles", i, "outcome")))
			}
			if diff := cmp.Diff(c.roles, roles); diff != "" {
				t.Errorf("roles (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReplay_ResumedRunConfirmsARoleUnassignedByID: the assignment is not found by its ID any more.
func TestReplay_ResumedRunConfirmsARoleUnassignedByID(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	id := customRole(t, w, w.Okta.AddOrgRole("Alpha"))
	w.Forget()
	w.Okta.AddFault(emulator.Fault{Method: "GET", Path: "*/" + w.ID("alice") + "/roles", Status: 503, Times: 4})
	send := func() testkit.Reply {
		return w.Do(http.MethodPost, "roles/unassign-role", `{"parameters": {"User IDs": "bob, alice", "Role IDs Or Names": "`+id+`"}}`, keyed("k"))
	}
	for i, want := range [][]string{{"changed", "failed"}, {"unchanged", "not_found"}} {
		r := send()
		w.WantWrites([]string{"DELETE /api/v1/users/" + w.ID("bob") + "/roles/" + id}[i:]...)
		if diff := cmp.Diff(want, r.Outcomes()); diff != "" {
			t.Errorf("run %d: %d %s (-want +got):\n%s", i+1, r.HTTP, r.Body, diff)
		}
		if i == 0 {
			inOkta(t, w, "POST", "/api/v1/users/"+w.ID("bob")+"/roles", `{"type": "APP_ADMIN"}`)
			w.Forget()
		}
	}
}

// TestReplay_EnrichesAnEntityIfAllNamesItListsHold: SecOps joins several names with commas.
func TestReplay_EnrichesAnEntityIfAllNamesItListsHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ entity, kind, enabled string }{
		"all hold":              {"alice, bob", "USERUNIQNAME", ""},
		"one has changed since": {"alice, bob", "USERUNIQNAME", "bob"},
		"one listed name":       {" alice,", "USERUNIQNAME", ""},
		"a host is not a user":  {"alice@acme.test, ws-17", "HOSTNAME", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			body := fmt.Sprintf(`{"parameters": {"Is Deactivate": false}, "entities": [{"identifier": %q, "entity_type": %q}]}`, c.entity, c.kind)
			for _, held := range []bool{true, c.enabled == ""} {
				r := w.Do(http.MethodPost, "users/disable-user", body, keyed("k"))
				entity, _ := r.Get("entities", 0, "enrichment").(map[string]any)
				if r.HTTP != 200 || (entity["is_deactivate"] == "False") != held {
					t.Errorf("enriched %v, want %v: %d %s", entity, held, r.HTTP, r.Body)
				}
				if c.enabled != "" {
					w.Run("users/enable-user", `{"parameters": {"User IDs": "`+c.enabled+`"}}`)
				}
			}
		})
	}
}

// TestReplay_KeepsFailedTargets: of three users one was not found, and one has changed since.
func TestReplay_KeepsFailedTargets(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	const body = `{"parameters": {"User IDs": "alice, zed, bob", "Is Deactivate": false}}`
	if r := w.Do(http.MethodPost, "users/disable-user", body, keyed("k")); r.HTTP != 200 || r.Get("status") != "partial" {
		t.Fatalf("%d %s", r.HTTP, r.Body)
	}
	w.Run("users/enable-user", `{"parameters": {"User IDs": "bob"}}`)
	w.Forget()
	r := w.Do(http.MethodPost, "users/disable-user", body, keyed("k"))
	if diff := cmp.Diff([]string{"unchanged", "not_found", "wrong_state"}, r.Outcomes()); diff != "" || r.HTTP != 200 || r.Get("status") != "partial" {
		t.Errorf("%d %s (-want +got):\n%s", r.HTTP, r.Body, diff)
	}
	want := replayed + "Still as asked: alice@acme.test (SUSPENDED). Changed since: bob@acme.test: status: SUSPENDED when the request completed, ACTIVE now" +
		again + ". Not found: zed."
	if diff := cmp.Diff(want, r.Get("output_message")); diff != "" {
		t.Errorf("output_message (-want +got):\n%s", diff)
	}
	asked := w.Asked()
	slices.Sort(asked)
	reads := []string{"GET /api/v1/users/" + w.ID("alice"), "GET /api/v1/users/" + w.ID("bob")}
	slices.Sort(reads)
	if diff := cmp.Diff(reads, asked); diff != "" {
		t.Errorf("Okta was asked (-want +got):\n%s", diff)
	}
}

// TestReplay_ResumedRunDoesNotConfirmChangedState: between two runs of a request what the first did is taken back.
func TestReplay_ResumedRunDoesNotConfirmChangedState(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	send := func() testkit.Reply {
		return w.Do(http.MethodPost, "users/disable-user", `{"parameters": {"User IDs": "alice, bob", "Is Deactivate": false}}`, keyed("k"))
	}
	suspendBob := "/api/v1/users/" + w.ID("bob") + "/lifecycle/suspend"
	w.Okta.AddFault(emulator.Fault{Path: suspendBob, Status: 503, Times: 4})
	if r := send(); r.Get("status") != "partial" {
		t.Fatalf("%d %s", r.HTTP, r.Body)
	}
	w.Run("users/enable-user", `{"parameters": {"User IDs": "alice"}}`)
	w.Forget()
	r := send()
	if diff := cmp.Diff([]string{"wrong_state", "changed"}, r.Outcomes()); diff != "" || r.Get("status") != "partial" ||
		r.Get("targets", 0, "error", "code") != "changed_since" || r.Get("targets", 0, "undo") != nil {
		t.Errorf("%d %s (-want +got):\n%s", r.HTTP, r.Body, diff)
	}
	w.WantWrites("POST " + suspendBob)
}

// TestReplay_RedeliveryIsAcknowledgedIfTheStateIsUnreadable: and none is a dead letter.
func TestReplay_RedeliveryIsAcknowledgedIfTheStateIsUnreadable(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	m := testkit.Message{ID: "m1", Data: `{"action": "Disable User", "parameters": {"User IDs": "alice", "Is Deactivate": false}}`}
	var statuses []string
	for i, before := range []func(){
		func() {},
		func() { w.Okta.AddFault(emulator.Fault{Path: "*", Status: 503, Times: 4}) },
		func() { w.Run("users/enable-user", `{"parameters": {"User IDs": "alice"}}`) },
	} {
		before()
		r := w.Push("users", m)
		if r.HTTP != 200 || (r.Get("replayed") != nil) != (i > 0) {
			t.Errorf("delivery %d: %d %s", i+1, r.HTTP, r.Body)
		}
	}
	for _, result := range w.Published(pubsub.ResultsTopic) {
		if result.Attributes["message_id"] == "m1" {
			code, _ := object(t, result).Get("targets", 0, "error", "code").(string)
			statuses = append(statuses, result.Attributes["status"]+" "+code)
		}
	}
	if diff := cmp.Diff([]string{"success ", "failure E0000010", "failure changed_since"}, statuses); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if letters := w.Published(pubsub.DeadLetterTopic); len(letters) > 0 {
		t.Errorf("dead letters: %s", letters[0].Data)
	}
}

// TestIdempotency_OthersCannotDisplaceARunningRequest: another caller sends many large requests while a reset is under way.
func TestIdempotency_OthersCannotDisplaceARunningRequest(t *testing.T) {
	// Not parallel: the first request must not wait for 30 s, after which its call ends.
	arrived, on := make(chan struct{}), make(chan struct{})
	var one sync.Once
	w := testkit.New(t, testkit.Options{Records: 1 << 20, Env: map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers"}, Observe: func(c emulator.Observed) {
		if strings.HasSuffix(c.Request.URL.Path, "/reset_password") {
			one.Do(func() { close(arrived); <-on })
		}
	}})
	const other = "canary-key-of-another-0123456789"
	w.Replace("callers", secrets.New(`[{"id": "secops", "key": "`+allKey+`", "actions": ["*"]}, {"id": "other", "key": "`+other+`", "actions": ["*"]}]`))
	reset := func() testkit.Reply {
		return w.Do(http.MethodPost, "users/reset-password", resetAlice, http.Header{"Idempotency-Key": {"k"}, "X-Api-Key": {allKey}})
	}
	var first testkit.Reply
	var all sync.WaitGroup
	all.Go(func() { first = reset() })
	<-arrived
	entity := `{"identifier": "bob", "entity_type": "USERUNIQNAME"}`
	large := `{"parameters": {"User IDs": "bob", "Is Deactivate": false}, "entities": [` + strings.Repeat(entity+",", 249) + entity + `]}`
	for i, kept := 0, 0; kept < 2<<20; i++ {
		r := w.Do(http.MethodPost, "users/disable-user", large, http.Header{"Idempotency-Key": {fmt.Sprint(i)}, "X-Api-Key": {other}})
		if kept += len(r.Body); r.HTTP != 200 || len(r.Body) < 20_000 {
			t.Errorf("%d, %d bytes %.300s", r.HTTP, len(r.Body), r.Body)
			break
		}
	}
	w.Clock.Advance(59 * time.Second)
	if r := reset(); r.HTTP != 409 {
		t.Errorf("while the first runs: %d %s", r.HTTP, r.Body)
	}
	close(on)
	all.Wait()
	if first.HTTP != 200 {
		t.Errorf("the first: %d %s", first.HTTP, first.Body)
	}
	if r := reset(); r.HTTP != 200 || r.Get("replayed", "invocation_id") != first.Get("invocation_id") {
		t.Errorf("a repeat: %d %s", r.HTTP, r.Body)
	}
	resets := 0
	for _, line := range w.Writes() {
		if strings.Contains(line, "reset_password") {
			resets++
		}
	}
	if resets != 1 {
		t.Errorf("%d resets", resets)
	}
}
