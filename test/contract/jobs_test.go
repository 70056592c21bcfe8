package contract_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// heldTopic is a topic whose messages are delivered by the test.
const heldTopic = "projects/local/topics/held"

// jobWorld is a world whose batches are delivered by the test.
func jobWorld(t *testing.T, env map[string]string) *testkit.World {
	t.Helper()
	settings := map[string]string{"JOBS_TOPIC": heldTopic, "MAX_TARGETS": "2"}
	for name, value := range env {
		settings[name] = value
	}
	w := testkit.New(t, testkit.Options{PubSub: true, Env: settings})
	if err := w.Broker.CreateTopic(heldTopic); err != nil {
		t.Fatal(err)
	}
	return w
}

// async sends a request as a job.
func async(w *testkit.World, path, body string, more ...string) testkit.Reply {
	header := http.Header{"Prefer": {"wait=5, respond-async"}}
	for i := 0; i < len(more); i += 2 {
		header[more[i]] = []string{more[i+1]}
	}
	return w.Do(http.MethodPost, path, body, header)
}

// deliver delivers the batch with this number, and returns the reply to the delivery.
func deliver(t *testing.T, w *testkit.World, group string, number int) testkit.Reply {
	t.Helper()
	for _, m := range w.Published(heldTopic) {
		if m.Attributes["batch"] == strconv.Itoa(number) {
			return w.Push(group, testkit.Message{ID: m.ID, Attributes: m.Attributes, Data: string(m.Data)})
		}
	}
	t.Fatalf("no batch %d", number)
	return testkit.Reply{}
}

func progressOf(r testkit.Reply) string {
	p, _ := json.Marshal(r.Get("progress"))
	return fmt.Sprint(r.HTTP, " ", r.Get("status"), " ", string(p))
}

func targetsOf(r testkit.Reply) string {
	var list []string
	targets, _ := r.Get("targets").([]any)
	for _, t := range targets {
		m := t.(map[string]any)
		list = append(list, fmt.Sprint(m["input"], ":", m["outcome"]))
	}
	return strings.Join(list, " ")
}

const sixUsers = `{"parameters": {"User IDs": "alice, zed, bob, erin, ALICE@acme.test", "Is Deactivate": false},
	"entities": [{"identifier": "CAROL@ACME.TEST, bob", "entity_type": "USERUNIQNAME"}, {"identifier": "WS-17", "entity_type": "FILEHASH"}],
	"context": {"case_id": "4711"}}`

func TestJob_RunsInBatchesAndMerges(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	r := async(w, "users/disable-user", sixUsers)
	id, _ := r.Get("job", "id").(string)
	want := http.Header{"Location": {"/jobs/" + id}, "Retry-After": {"5"}, "Preference-Applied": {"respond-async"}}
	for name, value := range want {
		if diff := cmp.Diff(value, r.Header[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := progressOf(r); got != `202 running {"done":0,"failed":0,"remaining":6,"targets":6}` || len(id) != 26 || r.Get("is_success") != false {
		t.Errorf("%s %s", got, r.Body)
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("Okta was asked %v", asked)
	}
	messages := w.Published(heldTopic)
	var numbers []string
	for _, m := range messages {
		numbers = append(numbers, m.Attributes["batch"])
		if string(m.Data) != "{}" || len(m.Attributes) != 2 || m.Attributes["job"] != id {
			t.Errorf("the message is %s %v", m.Data, m.Attributes)
		}
	}
	if slices.Sort(numbers); strings.Join(numbers, " ") != "0 1 2" {
		t.Errorf("batches %v", numbers)
	}
	state := func() testkit.Reply { return w.Do(http.MethodGet, "users/jobs/"+id, "", nil) }
	for n, want := range []string{
		`202 running {"done":1,"failed":1,"remaining":4,"targets":6}`, `202 running {"done":2,"failed":2,"remaining":2,"targets":6}`,
		`200 partial {"done":4,"failed":2,"remaining":0,"targets":6}`,
	} {
		for range 2 { // the second delivery finds the outcome
			if r := deliver(t, w, "users", n); r.HTTP != 200 {
				t.Errorf("batch %d: %d %s", n, r.HTTP, r.Body)
			}
		}
		if got := progressOf(state()); got != want {
			t.Errorf("after batch %d: %s, want %s", n, got, want)
		}
		if n == 0 { // the targets so far are shown on request
			r, plain := w.Do(http.MethodGet, "users/jobs/"+id+"?after=0", "", nil), state()
			if targetsOf(r) != "alice:changed zed:not_found" || targetsOf(plain) != "" || r.Get("job_status") != "running" || r.Get("json_result") != nil {
				t.Errorf("%s\n%s", r.Body, plain.Body)
			}
		}
	}
	suspend := func(login string) string { return "POST /api/v1/users/" + w.ID(login) + "/lifecycle/suspend" }
	w.WantWrites(suspend("alice"), suspend("bob"))
	r = state()
	if got := targetsOf(r); got != "alice:changed zed:not_found bob:changed erin:wrong_state CAROL@ACME.TEST:unchanged" {
		t.Errorf("the targets are %s", got)
	}
	if r.Get("output_message") != "Disable User of 5 users: 2 changed, 1 unchanged, 1 not found, 1 wrong state." ||
		!strings.Contains(fmt.Sprint(r.Get("warnings")), "FILEHASH") || r.Get("job_status") != "ended" || r.Get("org") != strings.TrimPrefix(w.OktaURL, "http://") {
		t.Errorf("%s", r.Body)
	}
	results, _ := json.Marshal(r.Get("json_result"))
	if string(results) != `{"CAROL@ACME.TEST":{"status":"SUSPENDED"},"alice":{"status":"SUSPENDED"},"bob":{"status":"SUSPENDED"}}` {
		t.Errorf("json_result is %s", results)
	}
	if mentions, _ := json.Marshal(r.Get("targets")); !strings.Contains(string(mentions), `"also_named":[{"input":"ALICE@acme.test","source":"parameter"}]`) {
		t.Errorf("the targets are %s", mentions)
	}
	published := w.Published(pubsub.ResultsTopic)
	if len(published) != 1 || published[0].Attributes["job"] != id || published[0].Attributes["case_id"] != "4711" {
		t.Fatalf("%d results", len(published))
	}
	if result := object(t, published[0]); targetsOf(result) != targetsOf(r) || fmt.Sprint(result.Get("progress", "done")) != "4" {
		t.Errorf("the result is %s", result.Body)
	}
	if letters := w.Published(pubsub.DeadLetterTopic); len(letters) > 0 {
		t.Errorf("dead letters: %s", letters[0].Data)
	}
	ended := `"msg":"a job ended","job":"` + id + `","action":"Disable User","job_status":"partial","done":4,"failed":2}`
	if n := strings.Count(w.Log(), ended); n != 1 {
		t.Errorf("the log has the end of the job %d times", n)
	}
	undo, err := json.Marshal(r.JSON["undo_requests"].([]any)[0].(map[string]any)["body"])
	if err != nil {
		t.Fatal(err)
	}
	if r := async(w, "users/enable-user", string(undo)); r.HTTP != 202 {
		t.Errorf("the undo as a job: %s", r.Body)
	}
}

func TestJob_CancelDropsBatchesThatHaveNotBegun(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	for i := range 6 {
		w.Okta.AddUser(emulator.UserSeed{Login: fmt.Sprintf("u%d@acme.test", i)})
	}
	id, _ := async(w, "users/disable-user", `{"parameters": {"User IDs": "u0, u1, u2, u3, u4, u5", "Is Deactivate": false}}`).Get("job", "id").(string)
	deliver(t, w, "users", 0)
	// The second batch has begun, and half of it is done: it is carried out to its end.
	w.Okta.AddFault(emulator.Fault{Path: "*/" + w.ID("u3") + "/lifecycle/*", Status: 503, Times: 4})
	if r := deliver(t, w, "users", 1); r.HTTP != 503 {
		t.Errorf("batch 1: %d %s", r.HTTP, r.Body)
	}
	r := w.Do(http.MethodPost, "users/jobs/"+id+"/cancel", "", nil)
	if got := progressOf(r); got != `202 running {"done":2,"failed":2,"remaining":2,"targets":6}` || r.Get("job", "canceled") != true {
		t.Errorf("cancel: %s", r.Body)
	}
	for range 2 {
		if r := deliver(t, w, "users", 2); r.HTTP != 200 {
			t.Errorf("batch 2: %d %s", r.HTTP, r.Body)
		}
	}
	if r := deliver(t, w, "users", 1); r.HTTP != 200 {
		t.Errorf("batch 1 again: %d %s", r.HTTP, r.Body)
	}
	for _, r := range []testkit.Reply{w.Do(http.MethodGet, "users/jobs/"+id, "", nil), w.Do(http.MethodPost, "users/jobs/"+id+"/cancel", "", nil)} {
		if got := progressOf(r); got != `200 partial {"done":4,"failed":2,"remaining":0,"targets":6}` ||
			targetsOf(r) != "u0:changed u1:changed u2:changed u3:changed u4:failed u5:failed" || !strings.Contains(string(r.Body), "not started: the job was canceled") {
			t.Errorf("%s", r.Body)
		}
	}
	for i, want := range []string{"SUSPENDED", "SUSPENDED", "SUSPENDED", "SUSPENDED", "ACTIVE", "ACTIVE"} {
		if got := w.User(fmt.Sprintf("u%d", i)).Status; got != want {
			t.Errorf("u%d is %s, want %s", i, got, want)
		}
	}
	if n := len(w.Published(pubsub.ResultsTopic)); n != 1 {
		t.Errorf("%d results", n)
	}
}

func TestJob_IdempotencyKeyNamesTheJob(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	const body = `{"parameters": {"User IDs": "alice, bob, carol", "Is Deactivate": false}}`
	first := async(w, "users/disable-user", body, "Idempotency-Key", "k1")
	again := async(w, "users/disable-user", body, "Idempotency-Key", "k1")
	if again.Get("job", "id") != first.Get("job", "id") || len(w.Published(heldTopic)) != 2 {
		t.Errorf("%s\n%s", first.Body, again.Body)
	}
	deliver(t, w, "users", 0)
	deliver(t, w, "users", 1)
	if r := async(w, "users/disable-user", body, "Idempotency-Key", "k1"); r.HTTP != 200 || targetsOf(r) != "alice:changed bob:changed carol:unchanged" {
		t.Errorf("%s", r.Body)
	}
	other := async(w, "users/disable-user", `{"parameters": {"User IDs": "erin"}}`, "Idempotency-Key", "k1")
	if other.HTTP != 422 || other.Get("error", "code") != "idempotency_key_reused" {
		t.Errorf("%s", other.Body)
	}
}

// TestJob_IsShownAlthoughItUsedUpTheLimits: a repeat asks for the state of the job, and starts nothing.
func TestJob_IsShownAlthoughItUsedUpTheLimits(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, map[string]string{"GUARDRAILS": `{"max_users_per_hour": 2}`})
	const body = `{"parameters": {"User IDs": "alice, bob", "Is Deactivate": false}}`
	if r := async(w, "users/disable-user", body, "Idempotency-Key", "k1"); r.HTTP != 202 {
		t.Errorf("%s", r.Body)
	}
	deliver(t, w, "users", 0)
	if r := async(w, "users/disable-user", body, "Idempotency-Key", "k1"); r.HTTP != 200 || targetsOf(r) != "alice:changed bob:changed" {
		t.Errorf("%s", r.Body)
	}
	for range 2 { // the key of a refused request can be used again
		refused := async(w, "users/disable-user", `{"parameters": {"User IDs": "erin"}}`, "Idempotency-Key", "k2")
		if refused.HTTP != 429 || refused.Get("error", "code") != "guardrail_max_users_per_hour" {
			t.Errorf("%s", refused.Body)
		}
	}
}

func TestJob_WriteThatMustNotRepeatIsMadeOnceOverAllBatches(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, map[string]string{"MAX_TARGETS": "1"})
	id, _ := async(w, "users/reset-password", `{"parameters": {"User IDs": ["alice", "alice@acme.test", "`+w.ID("alice")+`"], "Send Email": true}}`).Get("job", "id").(string)
	for n := range 3 {
		deliver(t, w, "users", n)
	}
	if mails := w.User("alice").Mails; len(mails) != 1 {
		t.Errorf("alice got %v", mails)
	}
	if r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil); targetsOf(r) != "alice:changed" || r.Get("status") != "success" {
		t.Errorf("%s", r.Body)
	}
}

func TestJob_IsSeenByItsCallerOnly(t *testing.T) {
	t.Parallel()
	keys := `[{"id": "a", "key": "key-of-a-canary-0123456789", "actions": ["Disable User"]}, {"id": "b", "key": "key-of-b-canary-0123456789", "actions": ["Disable User"]},
		{"id": "all", "key": "key-of-all-canary-0123456789", "actions": ["*"]}]`
	w := jobWorld(t, map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "keys",
		"PUSH_AUDIENCE": "https://users.example", "PUSH_EMAILS": "push@acme.test"})
	w.Replace("keys", secrets.New(keys))
	id, _ := async(w, "users/disable-user", `{"parameters": {"User IDs": "alice"}}`, "X-Api-Key", "key-of-a-canary-0123456789").Get("job", "id").(string)
	for key, want := range map[string]int{"key-of-a-canary-0123456789": 202, "key-of-b-canary-0123456789": 404, "key-of-all-canary-0123456789": 202, "wrong": 401} {
		header := http.Header{"X-Api-Key": {key}}
		if r := w.Do(http.MethodGet, "users/jobs/"+id, "", header); r.HTTP != want {
			t.Errorf("%s: %d %s", key, r.HTTP, r.Body)
		}
		if r := w.Do(http.MethodGet, "groups/jobs/"+id, "", header); r.HTTP != max(404, want) && want != 401 {
			t.Errorf("another function, %s: %d %s", key, r.HTTP, r.Body)
		}
	}
	if r := w.Do(http.MethodPost, "users/jobs/"+id+"/cancel", "", http.Header{"X-Api-Key": {"key-of-b-canary-0123456789"}}); r.HTTP != 404 {
		t.Errorf("cancel: %d %s", r.HTTP, r.Body)
	}
	if r := w.Do(http.MethodGet, "users/jobs/"+id, "", http.Header{"X-Api-Key": {"key-of-a-canary-0123456789"}}); r.Get("job", "canceled") != false {
		t.Errorf("%s", r.Body)
	}
}

func TestJob_Refused(t *testing.T) {
	t.Parallel()
	limits := `{"max_targets_per_call": 3, "denied_actions": ["unlock-user"]}`
	w := jobWorld(t, map[string]string{"GUARDRAILS": limits})
	without := testkit.New(t, testkit.Options{})
	for _, c := range []struct {
		w              *testkit.World
		path, body     string
		status         int
		code, contains string
	}{
		{without, "users/disable-user", `{"parameters": {"User IDs": "alice"}}`, 501, "jobs_not_configured", "JOBS_TOPIC"},
		{w, "users/set-password", `{"parameters": {"User IDs": "alice", "New Password": "Canary-Horse-77"}}`, 400, "secret_in_job", "New Password"},
		{w, "users/reset-password", `{"parameters": {"User IDs": "alice", "Send Email": false}}`, 400, "secret_in_job", "respond-async"},
		{w, "users/disable-user", `{"parameters": {"User IDs": ""}}`, 400, "invalid_request", "no user is named"},
		{w, "users/disable-user", `{"parameters": {"User IDs": "a, b, c, d"}}`, 422, "guardrail_max_targets_per_call", "4 targets"},
		{w, "users/unlock-user", `{"parameters": {"User IDs": "erin"}}`, 422, "guardrail_denied_actions", "unlock-user"},
		{w, "users/disable-user", `{"parameters": {"User IDs": "alice"}, "options": {"if_state": {"00ux": {"status": "ACTIVE"}}}}`, 400, "invalid_request", "00ux"},
	} {
		r := async(c.w, c.path, c.body)
		if r.HTTP != c.status || r.Get("error", "code") != c.code || !strings.Contains(string(r.Body), c.contains) {
			t.Errorf("%s %s: %d %s", c.path, c.body, r.HTTP, r.Body)
		}
	}
	for path, status := range map[string]int{
		"users/jobs/x": 404, "users/jobs/": 404, "users/jobs/AAAAAAAAAAAAAAAAAAAAAAAAAA": 404, "users/jobs/AAAAAAAAAAAAAAAAAAAAAAAAAA/x": 404,
		"users/jobs/..%2F..": 404,
	} {
		if r := w.Do(http.MethodGet, path, "", nil); r.HTTP != status {
			t.Errorf("%s: %d %s", path, r.HTTP, r.Body)
		}
	}
	if r := w.Do(http.MethodPost, "users/jobs/AAAAAAAAAAAAAAAAAAAAAAAAAA", "", nil); r.HTTP != 405 {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	// An action without a list of users is carried out at once: a server may ignore the preference.
	if r := async(w, "users/list-users", `{"parameters": {"Limit": 1}}`); r.HTTP != 200 || r.Get("status") != "success" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	if asked := w.Writes(); len(asked) > 0 || len(w.Published(heldTopic)) > 0 {
		t.Errorf("writes %v, messages %v", asked, w.Published(heldTopic))
	}
}

// TestJob_MessagesCannotWidenIt delivers messages that a publisher made.
func TestJob_MessagesCannotWidenIt(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	id, _ := async(w, "users/disable-user", `{"parameters": {"User IDs": "alice", "Is Deactivate": false}}`).Get("job", "id").(string)
	for i, m := range []testkit.Message{
		{Attributes: map[string]string{"job": "AAAAAAAAAAAAAAAAAAAAAAAAAA", "batch": "0"}}, {Attributes: map[string]string{"job": id, "batch": "1"}},
		{Attributes: map[string]string{"job": id, "batch": "-1"}}, {Attributes: map[string]string{"job": id}}, {Attributes: map[string]string{"job": "../" + id, "batch": "0"}},
	} {
		m.ID, m.Data = fmt.Sprint("forged", i), `{"action": "Disable User", "parameters": {"User IDs": "bob"}}`
		if r := w.Push("users", m); r.HTTP != 200 || r.Get("error", "code") != "unknown_job" {
			t.Errorf("%v: %d %s", m.Attributes, r.HTTP, r.Body)
		}
	}
	if r := w.Push("groups", testkit.Message{ID: "other", Attributes: map[string]string{"job": id, "batch": "0"}}); r.Get("error", "code") != "unknown_job" {
		t.Errorf("another function: %s", r.Body)
	}
	if n := len(w.Published(pubsub.DeadLetterTopic)); n != 6 {
		t.Errorf("%d dead letters", n)
	}
	m := testkit.Message{ID: "wide", Attributes: map[string]string{"job": id, "batch": "0", "action": "Unlock User", "idempotency_key": "x"},
		Data: `{"action": "Reset Factors", "parameters": {"User IDs": "bob"}}`}
	if r := w.Push("users", m); r.HTTP != 200 {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/suspend")
}

// TestJob_EndsAlthoughABatchCannotBeCarriedOut: a batch that fails as a whole, and one that is never delivered.
func TestJob_EndsAlthoughABatchCannotBeCarriedOut(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	id, _ := async(w, "users/disable-user", `{"parameters": {"User IDs": "alice, bob, carol, erin", "Is Deactivate": false}}`).Get("job", "id").(string)
	w.Okta.AddFault(emulator.Fault{Path: "*", Status: 403, Times: 2, Body: `{"errorCode": "E0000006", "errorSummary": "You do not have permission to perform the requested action"}`})
	if r := deliver(t, w, "users", 0); r.HTTP != 200 {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	if r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil); progressOf(r) != `202 running {"done":0,"failed":2,"remaining":2,"targets":4}` {
		t.Errorf("%s", r.Body)
	}
	w.Clock.Advance(21 * time.Hour)
	r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil)
	if r.HTTP != 200 && r.HTTP != 404 || strings.Contains(string(r.Body), "running") {
		t.Errorf("%s", r.Body)
	}
	if r := deliver(t, w, "users", 1); r.HTTP != 200 {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	w.WantWrites()
}

// TestJob_IsPagedAndDeliveredByPubSub runs a job of 2,300 users with a push subscription.
func TestJob_IsPagedAndDeliveredByPubSub(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short")
	}
	t.Parallel()
	s := storage(t)
	w := testkit.New(t, testkit.Options{PubSub: true, Storage: s.Options(), Env: map[string]string{"IDEMPOTENCY_BUCKET": "claims", "OKTA_CONCURRENCY": "32"}})
	const n = 2300
	var logins []string
	for i := range n {
		login := fmt.Sprintf("user%d@acme.test", i)
		w.Okta.AddUser(emulator.UserSeed{Login: login})
		logins = append(logins, login)
	}
	r := async(w, "users/disable-user", `{"parameters": {"User IDs": "`+strings.Join(logins, ",")+`", "Is Deactivate": false}}`)
	id, _ := r.Get("job", "id").(string)
	done := int64(0)
	for deadline := time.Now().Add(2 * time.Minute); r.HTTP == 202; {
		r = w.Do(http.MethodGet, "users/jobs/"+id, "", nil)
		now, _ := r.Get("progress", "done").(json.Number).Int64()
		if now < done || time.Now().After(deadline) {
			t.Fatalf("after %d: %s", done, progressOf(r))
		}
		done = now
	}
	var seen []string
	for next, pages := "0", 0; next != ""; pages++ {
		r := w.Do(http.MethodGet, "users/jobs/"+id+"?after="+next, "", nil)
		if progressOf(r) != `200 success {"done":2300,"failed":0,"remaining":0,"targets":2300}` || pages > 2 {
			t.Fatalf("%s", progressOf(r))
		}
		for _, target := range r.JSON["targets"].([]any) {
			seen = append(seen, target.(map[string]any)["input"].(string))
		}
		after, _ := r.Get("job", "next").(json.Number)
		next = string(after)
	}
	if diff := cmp.Diff(logins, seen); diff != "" {
		t.Error(diff)
	}
	if writes := len(w.Writes()); writes != n {
		t.Errorf("%d writes", writes)
	}
}

// TestJob_SubmissionThatWasInterruptedGoesOn: the batches cannot be published, and then they can.
func TestJob_SubmissionThatWasInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true, Env: map[string]string{"JOBS_TOPIC": heldTopic, "MAX_TARGETS": "2"}})
	const body = `{"parameters": {"User IDs": "alice, bob, carol", "Is Deactivate": false}}`
	without := async(w, "users/disable-user", body)
	with := async(w, "users/disable-user", body, "Idempotency-Key", "k1")
	for _, r := range []testkit.Reply{without, with} {
		if r.HTTP != 503 || r.Get("error", "code") != "job_not_started" || r.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}
	idOf := func(r testkit.Reply) string {
		return regexp.MustCompile(`[A-Z2-7]{26}`).FindString(fmt.Sprint(r.Get("error", "message")))
	}
	if r := w.Do(http.MethodGet, "users/jobs/"+idOf(without), "", nil); r.Get("job", "canceled") != true ||
		progressOf(r) != `200 failure {"done":0,"failed":3,"remaining":0,"targets":3}` {
		t.Errorf("without a key: %s", r.Body)
	}
	if err := w.Broker.CreateTopic(heldTopic); err != nil {
		t.Fatal(err)
	}
	if r := async(w, "users/disable-user", body, "Idempotency-Key", "k1"); r.HTTP != 202 || r.Get("job", "id") != idOf(with) {
		t.Errorf("with a key: %s", r.Body)
	}
	deliver(t, w, "users", 0)
	deliver(t, w, "users", 1)
	if r := async(w, "users/disable-user", body, "Idempotency-Key", "k1"); r.HTTP != 200 || targetsOf(r) != "alice:changed bob:changed carol:unchanged" {
		t.Errorf("%s", r.Body)
	}
}

// TestJob_StoreIsUnavailable: nothing is done, and a batch is delivered again.
func TestJob_StoreIsUnavailable(t *testing.T) {
	t.Parallel()
	s := storage(t)
	w := testkit.New(t, testkit.Options{PubSub: true, Storage: s.Options(), Env: map[string]string{"IDEMPOTENCY_BUCKET": "claims", "JOBS_TOPIC": heldTopic}})
	if err := w.Broker.CreateTopic(heldTopic); err != nil {
		t.Fatal(err)
	}
	const body = `{"parameters": {"User IDs": "alice", "Is Deactivate": false}}`
	id, _ := async(w, "users/disable-user", body).Get("job", "id").(string)
	s.SetDown(true)
	for name, r := range map[string]testkit.Reply{
		"submit": async(w, "users/disable-user", body), "submit with a key": async(w, "users/disable-user", body, "Idempotency-Key", "k1"),
		"look": w.Do(http.MethodGet, "users/jobs/"+id, "", nil), "cancel": w.Do(http.MethodPost, "users/jobs/"+id+"/cancel", "", nil),
		"deliver": deliver(t, w, "users", 0),
	} {
		if r.HTTP != 503 || !strings.Contains(string(r.Body), "unavailable") && name != "submit" {
			t.Errorf("%s: %d %s", name, r.HTTP, r.Body)
		}
	}
	w.WantWrites()
	s.SetDown(false)
	deliver(t, w, "users", 0)
	if r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil); progressOf(r) != `200 success {"done":1,"failed":0,"remaining":0,"targets":1}` {
		t.Errorf("%s", r.Body)
	}
}

// TestJob_LastDeliveryIsFinal: a user whom Okta keeps refusing to show does not hide those who were changed.
func TestJob_LastDeliveryIsFinal(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	id, _ := async(w, "users/disable-user", `{"parameters": {"User IDs": "alice, bob", "Is Deactivate": false}}`).Get("job", "id").(string)
	w.Okta.AddFault(emulator.Fault{Path: "*/" + w.ID("bob") + "/lifecycle/*", Status: 503})
	m := w.Published(heldTopic)[0]
	for i, want := range []int{503, 200} {
		if r := deliverAttempt(w, m, 17+i); r.HTTP != want {
			t.Errorf("delivery %d: %d %s", 17+i, r.HTTP, r.Body)
		}
	}
	r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil)
	if targetsOf(r) != "alice:changed bob:failed" || len(w.Published(pubsub.ResultsTopic)) != 1 {
		t.Errorf("%s", r.Body)
	}
}

// deliverAttempt delivers a message with the number of the delivery.
func deliverAttempt(w *testkit.World, m pubsub.Message, attempt int) testkit.Reply {
	body := testkit.Message{ID: m.ID, Attributes: m.Attributes, Data: string(m.Data)}.Delivery()
	return w.Do(http.MethodPost, "users/pubsub", strings.Replace(body, "{", fmt.Sprintf(`{"deliveryAttempt": %d, `, attempt), 1), nil)
}

// TestJob_KeysOfCallsAreNotThoseOfBatches sends calls with the keys of a batch and of a result.
func TestJob_KeysOfCallsAreNotThoseOfBatches(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	id, _ := async(w, "users/disable-user", `{"parameters": {"User IDs": "alice, bob", "Is Deactivate": false}}`).Get("job", "id").(string)
	for _, key := range []string{"job:" + id + ":0", "job:" + id + ":result", "job:" + id} {
		if r := w.Do(http.MethodPost, "users/disable-user", `{"parameters": {"User IDs": "carol", "Is Deactivate": false}}`, http.Header{"Idempotency-Key": {key}}); r.HTTP != 200 {
			t.Errorf("%s: %d %s", key, r.HTTP, r.Body)
		}
	}
	deliver(t, w, "users", 0)
	if r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil); targetsOf(r) != "alice:changed bob:changed" {
		t.Errorf("%s", r.Body)
	}
	if n := len(w.Published(pubsub.ResultsTopic)); n != 4 {
		t.Errorf("%d results", n)
	}
}

// TestJob_NamesAreExact: a name with a comma is not two users, and a host does not hide the user of the same name.
func TestJob_NamesAreExact(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	w.Okta.AddUser(emulator.UserSeed{Login: "jane@acme.test"})
	id, _ := async(w, "users/disable-user", `{"parameters": {"Is Deactivate": false}, "entities": [
		{"identifier": "\"Doe, Jane\",bob", "entity_type": "USERUNIQNAME"}, {"identifier": "WS-1", "entity_type": "HOSTNAME"},
		{"identifier": "alice", "entity_type": "HOSTNAME"}, {"identifier": "ALICE", "entity_type": "USERUNIQNAME"}]}`).Get("job", "id").(string)
	deliver(t, w, "users", 0)
	deliver(t, w, "users", 1)
	r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil)
	if targetsOf(r) != `["Doe, Jane"]:not_found bob:changed ALICE:changed` || w.User("jane").Status != "ACTIVE" {
		t.Errorf("%s", r.Body)
	}
}

// TestJob_ReportsMentionsAsACallDoes compares a job with the same call: what else a user is named, and the entities.
func TestJob_ReportsMentionsAsACallDoes(t *testing.T) {
	t.Parallel()
	const body = `{"parameters": {"User IDs": "alice, bob, zed", "Is Deactivate": false}, "entities": [
		{"identifier": "BOB", "entity_type": "USERUNIQNAME"}, {"identifier": "bob@acme.test", "entity_type": "USERUNIQNAME"},
		{"identifier": "alice@acme.test", "entity_type": "HOSTNAME"}, {"identifier": "ZED", "entity_type": "USERUNIQNAME"}]}`
	mentions := func(r testkit.Reply) string {
		var list []any
		targets, _ := r.Get("targets").([]any)
		for _, target := range targets {
			m := target.(map[string]any)
			list = append(list, m["input"], m["source"], m["outcome"], m["also_named"])
		}
		entities, _ := r.Get("entities").([]any) // in a job in the order of the batches
		slices.SortFunc(entities, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		text, _ := json.MarshalIndent(append(list, entities, r.Get("json_result")), "", " ")
		return string(text)
	}
	call := testkit.New(t, testkit.Options{}).Do(http.MethodPost, "users/disable-user", body, nil)
	w := jobWorld(t, nil)
	submitted := async(w, "users/disable-user", body)
	id, _ := submitted.Get("job", "id").(string)
	for n := range 3 {
		deliver(t, w, "users", n)
	}
	r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil)
	if diff := cmp.Diff(mentions(call), mentions(r)); diff != "" {
		t.Error(diff)
	}
	if got := progressOf(submitted) + " " + progressOf(r); got != `202 running {"done":0,"failed":0,"remaining":5,"targets":5} 200 partial {"done":4,"failed":1,"remaining":0,"targets":5}` {
		t.Error(got)
	}
}

// TestJob_IsForgottenBeforeItsOutcomes: a job whose outcomes are no longer known is not reported as failed.
func TestJob_IsForgottenBeforeItsOutcomes(t *testing.T) {
	t.Parallel()
	s := storage(t)
	w := testkit.New(t, testkit.Options{PubSub: true, Storage: s.Options(), Env: map[string]string{"IDEMPOTENCY_BUCKET": "claims", "JOBS_TOPIC": heldTopic}})
	if err := w.Broker.CreateTopic(heldTopic); err != nil {
		t.Fatal(err)
	}
	id, _ := async(w, "users/disable-user", `{"parameters": {"User IDs": "alice", "Is Deactivate": false}}`).Get("job", "id").(string)
	deliver(t, w, "users", 0)
	w.Clock.Advance(22 * time.Hour)
	if r := w.Do(http.MethodGet, "users/jobs/"+id, "", nil); r.HTTP != 200 || targetsOf(r) != "alice:changed" {
		t.Errorf("after 22 hours: %s", r.Body)
	}
	w.Clock.Advance(2 * time.Hour)
	for _, r := range []testkit.Reply{w.Do(http.MethodGet, "users/jobs/"+id, "", nil), w.Do(http.MethodPost, "users/jobs/"+id+"/cancel", "", nil)} {
		if r.HTTP != 404 {
			t.Errorf("after 24 hours: %s", r.Body)
		}
	}
	if n := len(w.Published(pubsub.ResultsTopic)); n != 1 {
		t.Errorf("%d results", n)
	}
}
