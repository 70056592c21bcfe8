package contract_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// inProgress is the state of a step whose script the platform runs again.
const inProgress = 1

// again returns the next run of a step, which gets the value of the run before.
func (s playbookStep) again(r stepResult) playbookStep {
	parameters := map[string]any{"additional_data": r.Value}
	for name, value := range s.Parameters {
		parameters[name] = value
	}
	s.Parameters, s.Later = parameters, true
	return s
}

// longList adds users to the org and returns their logins.
func longList(w *testkit.World, n int) []string {
	logins := make([]string, n)
	for i := range logins {
		logins[i] = fmt.Sprintf("long%d@acme.test", i)
		w.Okta.AddUser(emulator.UserSeed{Login: logins[i]})
	}
	return logins
}

// submitted runs the first run of a step, which submits a job, and returns the ID of the job.
func submitted(t *testing.T, p platform, s playbookStep) (stepResult, string) {
	t.Helper()
	r := p.run(t, s)
	var state map[string]string
	text, _ := r.Value.(string)
	if err := json.Unmarshal([]byte(text), &state); err != nil || r.State != inProgress || len(state["job"]) != 26 || len(state) != 1 {
		t.Fatalf("the first run: %v %+v", err, r)
	}
	return r, state["job"]
}

// TestIntegrationJobs_AsyncActionsAreThoseOfJobs sends each example as a job: an action is asynchronous in SecOps if the
// function makes jobs of it.
func TestIntegrationJobs_AsyncActionsAreThoseOfJobs(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, map[string]string{"MAX_TARGETS": "100"})
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			body, err := json.Marshal(map[string]any{"parameters": a.Example.Parameters, "entities": a.Example.Entities})
			if err != nil {
				t.Fatal(err)
			}
			r := async(w, g.Name+"/"+a.Slug, string(body))
			refused := r.Get("error", "code") == "secret_in_job"
			always := slices.ContainsFunc(a.Params, func(p action.Param) bool { return p.Secret && p.Required })
			if is := r.HTTP == 202 || refused && !always; is != a.CanBeJob() {
				t.Errorf("%s: CanBeJob is %v, the reply %d %s", a.Name, a.CanBeJob(), r.HTTP, r.Body)
			}
		}
	}
}

// TestIntegrationJobs_LongListOverSeveralRuns suspends 250 users, and compares the result with that of a call.
func TestIntegrationJobs_LongListOverSeveralRuns(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := jobWorld(t, map[string]string{"MAX_TARGETS": "100"})
	users := append(longList(w, 249), "zed")
	bob := action.Entity{Identifier: "BOB@ACME.TEST", Type: action.UserEntity}
	s := disableStep(instance(w), strings.Join(users, ", "), bob)
	r, id := submitted(t, p, s)
	if diff := cmp.Diff([]float64{5, 5, 5, 5}, r.Waits); diff != "" || !strings.HasPrefix(r.Message, "Disable User is running: 0 of 251 users are done") || r.Objects != "{}" {
		t.Errorf("%s %+v", diff, r)
	}
	for n, form := range []string{builtForm, sourceForm, builtForm} {
		deliver(t, w, "users", n)
		s := s.again(r)
		s.Form = form
		if r = p.run(t, s); n < 2 && (r.State != inProgress || r.Value != s.Parameters["additional_data"] || !strings.Contains(r.Message, fmt.Sprintf("%d of 251 users are done", 100*(n+1)))) {
			t.Errorf("after batch %d: %+v", n, r)
		}
	}
	want := "Disable User of 251 users: 250 changed, 1 not found.\nThe changes can be taken back: undo_requests of the JSON result holds the steps."
	if r.State != completed || r.Value != false || r.Message != want || len(r.Waits) > 0 {
		t.Errorf("%d %v %q %v", r.State, r.Value, r.Message, r.Waits)
	}
	reply := replyOf(t, r)
	checkStep(t, actionOf(t, "users/disable-user"), reply, r)
	writes := w.Writes()
	slices.Sort(writes)
	if len(slices.Compact(writes)) != 250 || len(w.Writes()) != 250 || len(w.Published(heldTopic)) != 3 {
		t.Errorf("%d writes, %d messages", len(w.Writes()), len(w.Published(heldTopic)))
	}
	if reply.Get("job", "id") != id || len(r.Updated) != 1 || r.Updated[0][0] != bob.Identifier {
		t.Errorf("the job %v, the entities %v", reply.Get("job"), r.Updated)
	}
	// A call has the same members, targets and enrichment.
	other := testkit.New(t, testkit.Options{Env: map[string]string{"MAX_TARGETS": "300"}})
	longList(other, 249)
	body, err := json.Marshal(map[string]any{"parameters": s.Parameters, "entities": s.Entities})
	if err != nil {
		t.Fatal(err)
	}
	call := other.Do(http.MethodPost, "users/disable-user", strings.NewReplacer(`"Dry Run":false,`, "", `,"Verify":"False"`, "").Replace(string(body)), nil)
	for _, member := range []string{"status", "is_success", "entities", "warnings", "script_result"} {
		if diff := cmp.Diff(call.Get(member), reply.Get(member)); diff != "" {
			t.Errorf("%s (-call +job):\n%s", member, diff)
		}
	}
	if targetsOf(call) != targetsOf(reply) || len(reply.JSON["json_result"].(map[string]any)) != len(call.JSON["json_result"].(map[string]any)) {
		t.Errorf("targets of the call:\n%s\nof the job:\n%s", targetsOf(call), targetsOf(reply))
	}
}

// TestIntegrationJobs_PagesAreMerged: the function shows at most 1,000 targets in one reply.
func TestIntegrationJobs_PagesAreMerged(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short")
	}
	t.Parallel()
	p := newPlatform(t)
	w := jobWorld(t, map[string]string{"MAX_TARGETS": "2000", "OKTA_CONCURRENCY": "32"})
	users := longList(w, 1050)
	s := disableStep(instance(w), strings.Join(users, ", "))
	r, _ := submitted(t, p, s)
	deliver(t, w, "users", 0)
	r = p.run(t, s.again(r))
	reply := replyOf(t, r)
	var inputs []string
	for _, target := range reply.JSON["targets"].([]any) {
		inputs = append(inputs, target.(map[string]any)["input"].(string))
	}
	if diff := cmp.Diff(users, inputs); diff != "" || r.State != completed || r.Value != true || !strings.Contains(r.Message, "The table shows 500 of 1050 targets.") {
		t.Errorf("%d %v %s %s", r.State, r.Value, r.Message, diff)
	}
	undone := 0
	for i := range reply.JSON["undo_requests"].([]any) {
		list, _ := reply.Get("undo_requests", i, "body", "parameters", "User IDs Or Logins").([]any)
		text, _ := reply.Get("undo_requests", i, "body", "parameters", "User IDs Or Logins").(string)
		undone += len(list) + len(strings.FieldsFunc(text, func(r rune) bool { return r == ',' }))
	}
	if results := reply.JSON["json_result"].(map[string]any); len(results) != 1050 || undone != 1050 || reply.Get("job", "next") != nil {
		t.Errorf("%d results, %d users in undo_requests, next %v", len(results), undone, reply.Get("job", "next"))
	}
}

// TestIntegrationJobs_FailuresBetweenTheRuns: whatever happens to a request for the state, the next run goes on.
func TestIntegrationJobs_FailuresBetweenTheRuns(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := storage(t)
	options := testkit.Options{PubSub: true, Storage: s.Options(), Env: map[string]string{"IDEMPOTENCY_BUCKET": "claims", "JOBS_TOPIC": heldTopic, "MAX_TARGETS": "20"}}
	w := testkit.New(t, options)
	if err := w.Broker.CreateTopic(heldTopic); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	var failing atomic.Pointer[http.HandlerFunc]
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if fail := failing.Load(); fail != nil {
			(*fail)(rw, r)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	users := longList(w, 40)
	step := disableStep(map[string]any{"API Root": server.URL + "/{group}"}, strings.Join(users, ","))
	r, _ := submitted(t, p, step)
	state := r.Value
	deliver(t, w, "users", 0)
	status := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, fail := range map[string]http.HandlerFunc{
		"a panic":      status(500, replyText("failure", `, "error": {"code": "internal", "message": "the function failed"}`)),
		"busy":         status(429, replyText("failure", `, "error": {"code": "busy", "message": "busy"}`)),
		"no instance":  status(503, "no available instance"),
		"a login page": status(200, "<html>Sign in</html>"),
		"IAM refuses":  status(403, "<html>Forbidden</html>"),
		"a connection ends": func(w http.ResponseWriter, _ *http.Request) {
			c, _, _ := http.NewResponseController(w).Hijack()
			_ = c.Close()
		},
	} {
		failing.Store(&fail)
		if r := p.run(t, step.again(r)); r.State != inProgress || r.Value != state || strings.Contains(r.Message, "Nothing was changed") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	failing.Store(nil)
	s.SetDown(true)
	if r := p.run(t, step.again(r)); r.State != inProgress || r.Value != state || !strings.Contains(r.Message, "the store of the jobs is unavailable") {
		t.Errorf("the store is down: %+v", r)
	}
	s.SetDown(false)
	restarted := testkit.New(t, options) // another instance, which reads the same store
	other := step.again(r)
	other.Configuration = instance(restarted)
	if r := p.run(t, other); r.State != inProgress || !strings.Contains(r.Message, "20 of 40 users are done") {
		t.Errorf("another instance: %+v", r)
	}
	broken := step.again(r)
	broken.Context = map[string]any{"broken_entities": true}
	if r := p.run(t, broken); r.State != inProgress || r.Value != state {
		t.Errorf("the case cannot be loaded: %+v", r)
	}
	deliver(t, w, "users", 1)
	if r := p.run(t, step.again(r)); r.State != completed || r.Value != true || len(replyOf(t, r).Outcomes()) != 40 {
		t.Errorf("in the end: %+v", r)
	}
	if n := len(w.Published(heldTopic)); n != 2 || len(w.Writes()) != 40 {
		t.Errorf("%d messages, %d writes", n, len(w.Writes()))
	}
}

// TestIntegrationJobs_ListsThatAreSentAsACall covers short lists, functions without jobs, and results with secrets.
func TestIntegrationJobs_ListsThatAreSentAsACall(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	t.Run("by length", func(t *testing.T) {
		t.Parallel()
		for list, want := range map[string]string{
			strings.Join(names(20), ", "): "", strings.Join(names(21), ", "): "respond-async", "": "",
			`["` + strings.Join(names(21), `", "`) + `"]`: "respond-async",
		} {
			var f function
			s := disableStep(f.serve(t, func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, replyText("success", "")) }), list)
			if r := p.run(t, s); r.State != completed {
				t.Errorf("%+v", r)
			}
			if requests, _ := f.received(); len(requests) != 1 || requests[0].Header.Get("Prefer") != want {
				t.Errorf("%s: %d requests, %v", list, len(requests), requests[0].Header)
			}
		}
	})
	t.Run("no jobs", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		r := p.run(t, disableStep(instance(w), strings.Join(longList(w, 25), ",")))
		if r.State != completed || r.Value != true || !strings.Contains(r.Message, "Warning: The function has no jobs (JOBS_TOPIC is not set): the list was sent as one call.") ||
			len(w.Writes()) != 25 {
			t.Errorf("%d %v %s, %d writes", r.State, r.Value, r.Message, len(w.Writes()))
		}
	})
	t.Run("a secret in the result", func(t *testing.T) {
		t.Parallel()
		w := jobWorld(t, map[string]string{"MAX_TARGETS": "100"})
		r := p.run(t, playbookStep{Action: "Reset Password", Configuration: instance(w), Parameters: map[string]any{
			"User IDs Or Logins": strings.Join(longList(w, 25), ","), "Send Email": false, "Also Run On Scope": false, "Dry Run": false, "Verify": false,
		}})
		if r.State != completed || r.Value != true || !strings.Contains(r.Message, "Warning: The result has secrets") || len(w.Writes()) != 25 || len(w.Published(heldTopic)) > 0 {
			t.Errorf("%d %v %s, %d writes", r.State, r.Value, r.Message, len(w.Writes()))
		}
	})
	t.Run("no jobs after a lost response", func(t *testing.T) {
		t.Parallel()
		var f function
		s := disableStep(f.serve(t, func(w http.ResponseWriter, n int) {
			if n == 1 {
				c, _, _ := http.NewResponseController(w).Hijack()
				_ = c.Close()
				return
			}
			w.WriteHeader(http.StatusNotImplemented)
			_, _ = io.WriteString(w, replyText("failure", `, "error": {"code": "jobs_not_configured", "message": "no jobs"}`))
		}), strings.Join(names(30), ","))
		r := p.run(t, s)
		requests, _ := f.received()
		if r.State != failed || !strings.Contains(r.Message, "It is not known whether the action was carried out") || len(requests) != 2 || requests[1].Header.Get("Prefer") == "" {
			t.Errorf("%d requests, %+v", len(requests), r)
		}
	})
}

// names returns n names of users.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("user", i)
	}
	return list
}

// TestIntegrationJobs_TimeOfTheStepEnds: the result has what is known, and that the job goes on.
func TestIntegrationJobs_TimeOfTheStepEnds(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := jobWorld(t, map[string]string{"MAX_TARGETS": "20"})
	s := disableStep(instance(w), strings.Join(longList(w, 50), ","))
	s.Context = map[string]any{"total_ms": 4_000_000, "polling_s": 3600}
	r, id := submitted(t, p, s)
	deliver(t, w, "users", 1)
	last := s.again(r)
	last.Context = map[string]any{"total_ms": 3_600_000, "polling_s": 3600}
	ended := p.run(t, last)
	for _, want := range []string{
		"Disable User is running: 20 of 50 users are done, 0 failed, 30 remain.", "The table has the users that are done so far. The job goes on",
		"GET /jobs/" + id + " of the function of users shows its state", "POST /jobs/" + id + "/cancel cancels it",
	} {
		if !strings.Contains(ended.Message, want) {
			t.Errorf("%q is missing in %s", want, ended.Message)
		}
	}
	lines := strings.Split(ended.table(t, "Disable User"), "\n")
	reply := replyOf(t, ended)
	if ended.State != timedOut || ended.Value != false || len(lines) != 21 || !strings.HasPrefix(lines[1], "long20@acme.test,changed,") || reply.Get("status") != "running" {
		t.Errorf("%d %v, %d lines, %v", ended.State, ended.Value, len(lines), lines[1])
	}
	unreachable := last
	unreachable.Configuration = map[string]any{"API Root": "http://127.0.0.1:1/{group}"}
	if r := p.run(t, unreachable); r.State != timedOut || r.Value != false || !strings.Contains(r.Message, "How many users are done is not known. The job may go on after") {
		t.Errorf("%+v", r)
	}
	older := s.again(r) // a platform that gives one deadline only
	older.Context = map[string]any{"time_ms": 50_000}
	if r := p.run(t, older); r.State != timedOut || !strings.Contains(r.Message, "20 of 50 users are done") {
		t.Errorf("%+v", r)
	}
	deliver(t, w, "users", 0)
	deliver(t, w, "users", 2)
	if r := p.run(t, last); r.State != completed || r.Value != true {
		t.Errorf("%+v", r)
	}
}

// TestIntegrationJobs_EndsOfAJob covers jobs that do not end with all users done.
func TestIntegrationJobs_EndsOfAJob(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	const unknown = "It is not known whether the action was carried out: check the state in Okta before you run it again."
	begin := func(t *testing.T) (*testkit.World, playbookStep, string) {
		t.Helper()
		w := jobWorld(t, map[string]string{"MAX_TARGETS": "20"})
		s := disableStep(instance(w), strings.Join(longList(w, 30), ","))
		r, id := submitted(t, p, s)
		deliver(t, w, "users", 0)
		return w, s.again(r), id
	}
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		w, s, id := begin(t)
		w.Do(http.MethodPost, "users/jobs/"+id+"/cancel", "", nil)
		r := p.run(t, s)
		if r.State != completed || r.Value != false || !strings.Contains(r.Message, "20 changed, 10 failed") || !strings.Contains(r.Message, "The job was canceled: users with the error \"not started\" were not changed by it.") ||
			strings.Count(r.table(t, "Disable User"), "not started: the job was canceled") != 10 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		w, s, _ := begin(t)
		w.Clock.Advance(21 * time.Hour)
		r := p.run(t, s)
		if r.State != completed || r.Value != false || strings.Count(r.table(t, "Disable User"), "check the user in Okta") != 10 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("forgotten", func(t *testing.T) {
		t.Parallel()
		w, s, id := begin(t)
		w.Clock.Advance(24 * time.Hour)
		r := p.run(t, s)
		if r.State != failed || r.Value != false || !strings.Contains(r.Message, "the job "+id+" cannot be followed: this caller has no job with this ID") || !strings.HasSuffix(r.Message, unknown) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("the platform loses the ID", func(t *testing.T) {
		t.Parallel()
		w, s, _ := begin(t)
		for _, lost := range []any{nil, "", "false", "[]", "{}", `"job"`} {
			if s.Parameters["additional_data"] = lost; lost == nil {
				delete(s.Parameters, "additional_data")
			}
			if r := p.run(t, s); r.State != failed || !strings.Contains(r.Message, "SecOps did not return the ID of the job") || !strings.HasSuffix(r.Message, unknown) {
				t.Errorf("%v: %+v", lost, r)
			}
		}
		if n := len(w.Published(heldTopic)); n != 2 {
			t.Errorf("%d messages", n)
		}
	})
}

// TestIntegrationJobs_InterruptedSubmissionGoesOn: a later run sends the same request, and it is the same job.
func TestIntegrationJobs_InterruptedSubmissionGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := testkit.New(t, testkit.Options{PubSub: true, Env: map[string]string{"JOBS_TOPIC": heldTopic, "MAX_TARGETS": "20"}})
	s := disableStep(instance(w), strings.Join(longList(w, 30), ","))
	r := p.run(t, s)
	id := regexp.MustCompile(`[A-Z2-7]{26}`).FindString(r.Message)
	for range 2 {
		if value, _ := r.Value.(string); r.State != inProgress || !strings.HasPrefix(value, `{"key": "`) || !strings.Contains(r.Message, "could not be started completely") {
			t.Fatalf("%+v", r)
		}
		r = p.run(t, s.again(r))
	}
	ended := s.again(r)
	ended.Context = map[string]any{"total_ms": 50_000}
	if r := p.run(t, ended); r.State != timedOut || !strings.Contains(r.Message, "It is not known whether the action was carried out") {
		t.Errorf("%+v", r)
	}
	if err := w.Broker.CreateTopic(heldTopic); err != nil {
		t.Fatal(err)
	}
	if r = p.run(t, s.again(r)); r.State != inProgress || r.Value != `{"job": "`+id+`"}` {
		t.Fatalf("%+v", r)
	}
	deliver(t, w, "users", 0)
	deliver(t, w, "users", 1)
	if r := p.run(t, s.again(r)); r.State != completed || r.Value != true || len(w.Writes()) != 30 {
		t.Errorf("%+v", r)
	}
}

// TestIntegrationJobs_SecondDeliveryOfAStep: the job of an action that must run once is the same one, which the message
// explains.
func TestIntegrationJobs_SecondDeliveryOfAStep(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := jobWorld(t, map[string]string{"MAX_TARGETS": "50"})
	s := playbookStep{Action: "Reset Password", Configuration: instance(w), Parameters: map[string]any{
		"User IDs Or Logins": strings.Join(longList(w, 30), ","), "Send Email": true, "Also Run On Scope": false, "Dry Run": false, "Verify": false,
	}}
	first, id := submitted(t, p, s)
	if _, second := submitted(t, p, s); second != id {
		t.Errorf("the jobs are %s and %s", id, second)
	}
	deliver(t, w, "users", 0)
	if r := p.run(t, s.again(first)); r.State != completed || r.Value != true || strings.Contains(r.Message, "submitted before") {
		t.Errorf("%+v", r)
	}
	if r := p.run(t, s); r.State != completed || !strings.Contains(r.Message, "Warning: The job "+id+" was submitted before with the same Idempotency-Key: nothing was begun now.") {
		t.Errorf("%+v", r)
	}
	if mails := w.User("long0").Mails; len(mails) != 1 || len(w.Published(heldTopic)) != 1 {
		t.Errorf("mails %v, %d messages", mails, len(w.Published(heldTopic)))
	}
}

// TestIntegrationJobs_Authentication: every run sends the credentials, and a job is its caller's.
func TestIntegrationJobs_Authentication(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	t.Run("API key", func(t *testing.T) {
		t.Parallel()
		w := jobWorld(t, map[string]string{"MAX_TARGETS": "50", "CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers",
			"PUSH_AUDIENCE": "https://users.example", "PUSH_EMAILS": "push@acme.test"})
		w.Replace("callers", secrets.New(`[{"id": "secops", "key": "key-of-secops-canary-0123456789", "actions": ["Disable User"]},
			{"id": "other", "key": "key-of-other-canary-0123456789", "actions": ["Disable User"]}]`))
		s := disableStep(instance(w), strings.Join(longList(w, 30), ","))
		s.Configuration["API Key"] = "key-of-secops-canary-0123456789"
		r, id := submitted(t, p, s)
		if r := p.run(t, s.again(r)); r.State != inProgress {
			t.Errorf("%+v", r)
		}
		for _, key := range []string{"key-of-other-canary-0123456789", ""} {
			other := s.again(r)
			other.Configuration = instance(w)
			other.Configuration["API Key"] = key
			if r := p.run(t, other); r.State != failed || !strings.Contains(r.Message, "the job "+id+" cannot be followed: ") || strings.Contains(r.Message, "canary") {
				t.Errorf("%q: %+v", key, r)
			}
		}
	})
	t.Run("ID token", func(t *testing.T) {
		t.Parallel()
		modules := t.TempDir()
		for name, text := range googleModules {
			unpack(t, modules, map[string][]byte{name: []byte(text)})
		}
		var f function
		const running = `, "job_status": "running", "job": {"id": "J", "path": "/jobs/J", "canceled": false}`
		s := disableStep(f.serve(t, func(w http.ResponseWriter, n int) {
			if n < 3 {
				w.WriteHeader(http.StatusAccepted)
				_, _ = io.WriteString(w, replyText("running", running))
				return
			}
			_, _ = io.WriteString(w, replyText("success", strings.ReplaceAll(running, "running", "ended")))
		}), strings.Join(names(30), ","))
		s.Configuration["Authentication"], s.Configuration["Service Account JSON"] = "Service account JSON", `{"client_email": "soar@acme.test"}`
		s.Modules = modules
		if r := p.run(t, s); r.State != completed || r.Value != true || !slices.Equal(r.Waits, []float64{5, 5}) {
			t.Errorf("%+v", r)
		}
		requests, bodies := f.received()
		audience := strings.Replace(s.Configuration["API Root"].(string), "{group}", "users", 1)
		var seen []string
		for i, q := range requests {
			if q.Header.Get("Authorization") != "Bearer soar@acme.test-"+audience {
				t.Errorf("request %d: %v", i, q.Header)
			}
			seen = append(seen, fmt.Sprint(q.Method, " ", q.URL.Path, " ", q.Header.Get("Prefer"), " ", len(bodies[i]) > 0))
		}
		if diff := cmp.Diff([]string{"POST /users/disable-user respond-async true", "GET /users/jobs/J  false", "GET /users/jobs/J  false"}, seen); diff != "" {
			t.Error(diff)
		}
	})
}

// TestIntegrationJobs_HTTPV2PollsWithTheSameRequest: HTTP V2 sends a request again until a member has a value.
func TestIntegrationJobs_HTTPV2PollsWithTheSameRequest(t *testing.T) {
	t.Parallel()
	w := jobWorld(t, nil)
	const body = `{"parameters": {"User IDs": "alice, bob, zed", "Is Deactivate": false}}`
	poll := func() testkit.Reply {
		return async(w, "users/disable-user", body, "Idempotency-Key", "4711-a-1-disable-user-contain")
	}
	for n := range 2 {
		if r := poll(); r.HTTP != 202 || r.Get("job_status") != "running" || r.Get("status") != "running" {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
		deliver(t, w, "users", n)
	}
	for range 2 {
		if r := poll(); r.HTTP != 200 || r.Get("job_status") != "ended" || r.Get("status") != "partial" || targetsOf(r) != "alice:changed bob:changed zed:not_found" {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}
	if n := len(w.Published(heldTopic)); n != 2 || len(w.Writes()) != 2 {
		t.Errorf("%d messages, writes %v", n, w.Writes())
	}
}
