package contract_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

func keyed(key string) http.Header { return http.Header{"Idempotency-Key": {key}} }

const resetAlice = `{"parameters": {"User IDs Or Logins": "alice"}}`

func TestIdempotency_DuplicatesAreExecutedOnce(t *testing.T) {
	t.Parallel()
	arrived, on := make(chan struct{}), make(chan struct{})
	w := testkit.New(t, testkit.Options{Observe: func(c emulator.Observed) {
		if strings.HasSuffix(c.Request.URL.Path, "/reset_password") {
			close(arrived)
			<-on
		}
	}})
	var first testkit.Reply
	var all sync.WaitGroup
	all.Go(func() { first = w.Do(http.MethodPost, "users/reset-password", resetAlice, keyed("case-4711")) })
	<-arrived
	for range 2 {
		r := w.Do(http.MethodPost, "users/reset-password", resetAlice, keyed("case-4711"))
		if r.HTTP != 409 || r.Get("error", "code") != "request_running" || r.Header.Get("Retry-After") == "" {
			t.Errorf("a duplicate: %d %v %s", r.HTTP, r.Header, r.Body)
		}
	}
	close(on)
	all.Wait()
	link, _ := first.Get("json_result", "alice", "resetPasswordUrl").(string)
	if first.HTTP != 200 || !strings.Contains(link, "/reset_password/") || first.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the first: %d %s", first.HTTP, first.Body)
	}
	for range 2 {
		r := w.Do(http.MethodPost, "users/reset-password", resetAlice, keyed("case-4711"))
		if r.HTTP != 200 || r.Header.Get("Idempotency-Replayed") != "true" || r.Get("invocation_id") == first.Get("invocation_id") || strings.Contains(string(r.Body), link) {
			t.Errorf("a repeat: %d %v %s", r.HTTP, r.Header, r.Body)
		}
		want := maps.Clone(first.JSON)
		want["json_result"] = map[string]any{"alice": map[string]any{"resetPasswordUrl": "[shown once, in the first reply]", "send_email": false}}
		want["warnings"] = []any{"This is the reply of an earlier request with the same Idempotency-Key; its passwords, links and tokens were shown once and are not stored.",
			"The result of this action cannot be read back from Okta: it may have changed since the request completed."}
		want["invocation_id"] = r.Get("invocation_id")
		want["replayed"] = map[string]any{"invocation_id": first.Get("invocation_id"), "at": "2026-03-02T10:00:00Z"}
		want["output_message"] = "Replay of the request completed at 2026-03-02T10:00:00Z; nothing was done now. " + first.Get("output_message").(string)
		if diff := cmp.Diff(want, r.JSON); diff != "" {
			t.Errorf("a repeat (-want +got):\n%s", diff)
		}
	}
	if writes := w.Writes(); len(writes) != 1 {
		t.Errorf("Okta was asked for %v", writes)
	}
	r := w.Do(http.MethodPost, "users/reset-password", `{"parameters": {"User IDs Or Logins": "bob"}}`, keyed("case-4711"))
	if r.HTTP != 422 || r.Get("error", "code") != "idempotency_key_reused" {
		t.Errorf("another request: %d %s", r.HTTP, r.Body)
	}
}

// TestIdempotency_RepeatCompletesTheRest: of ten users four are disabled before Okta fails.
func TestIdempotency_RepeatCompletesTheRest(t *testing.T) {
	t.Parallel()
	t.Run("of a call", func(t *testing.T) {
		t.Parallel()
		testRepeat(t, 200, func(w *testkit.World, body string) testkit.Reply {
			return w.Do(http.MethodPost, "users/disable-user", body, keyed("case-4711"))
		})
	})
	t.Run("of a message", func(t *testing.T) {
		t.Parallel()
		testRepeat(t, 503, func(w *testkit.World, body string) testkit.Reply {
			return w.Push("users", testkit.Message{ID: "m1", Data: body, Attributes: map[string]string{"action": "Disable User"}})
		})
	})
}

// testRepeat has a request sent three times; cutShort is how the first is answered.
func testRepeat(t *testing.T, cutShort int, send func(w *testkit.World, body string) testkit.Reply) {
	w := testkit.New(t, testkit.Options{})
	var users, left []string
	for i := range 10 {
		login := fmt.Sprintf("user%d@acme.test", i)
		id := w.Okta.AddUser(emulator.UserSeed{Login: login})
		users = append(users, login)
		if i >= 4 {
			left = append(left, "POST /api/v1/users/"+id+"/lifecycle/suspend")
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + id + "/lifecycle/suspend", Status: 503, Times: 4})
		}
	}
	body := request{Parameters: params{"User IDs": strings.Join(users, ","), "Is Deactivate": false}}.String()
	r := send(w, body)
	if r.HTTP != cutShort || r.Get("status") != "partial" || strings.Count(fmt.Sprint(r.Outcomes()), "changed") != 4 {
		t.Fatalf("%d %s", r.HTTP, r.Body)
	}
	w.Forget()
	first := r.Get("invocation_id")
	r = send(w, body)
	if r.HTTP != 200 || r.Get("status") != "success" || r.Get("invocation_id") == first {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	outcomes := append(slices.Repeat([]string{"unchanged"}, 4), slices.Repeat([]string{"changed"}, 6)...)
	if diff := cmp.Diff(outcomes, r.Outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if want := "Done by an earlier run of this request, not now: " + strings.Join(users[:4], ", ") + "."; r.Get("warnings", 0) != want {
		t.Errorf("warnings %v lack %q", r.Get("warnings"), want)
	}
	for i, login := range users {
		if r.Get("json_result", login, "status") != "SUSPENDED" || r.Get("targets", i, "after", "status") != "SUSPENDED" || r.Get("targets", i, "undo") == nil {
			t.Errorf("%s: %s", login, r.Body)
		}
	}
	w.WantWrites(left...)
	w.Forget()
	second := r.Get("invocation_id")
	if r := send(w, body); r.HTTP != 200 || r.Get("replayed", "invocation_id") != second || r.Get("status") != "success" {
		t.Errorf("a repeat of the whole: %s", r.Body)
	}
	w.WantWrites()
}

// TestIdempotency_FailedRunKeepsItsRecord: of three runs, the second fails before it looks up a user.
func TestIdempotency_FailedRunKeepsItsRecord(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	send := func() testkit.Reply {
		return w.Do(http.MethodPost, "sessions/clear-okta-user-session", `{"parameters": {"User IDs": "alice, bob"}}`, keyed("case-4711"))
	}
	w.Okta.AddFault(emulator.Fault{Path: "*/" + w.ID("bob") + "/sessions", Status: 503, Times: 4})
	if r := send(); r.Get("status") != "partial" {
		t.Fatalf("%d %s", r.HTTP, r.Body)
	}
	w.Okta.AddFault(emulator.Fault{Path: "*", Status: 503, Times: 8})
	if r := send(); r.HTTP != 503 {
		t.Fatalf("%d %s", r.HTTP, r.Body)
	}
	w.Forget()
	if r := send(); r.HTTP != 200 || r.Get("status") != "success" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	w.WantWrites("DELETE /api/v1/users/" + w.ID("bob") + "/sessions?oauthTokens=true")
}

// TestIdempotency_LostActivationIsNotMailedAgain: the repeat finds the user PROVISIONED, which would need a reactivation.
func TestIdempotency_LostActivationIsNotMailedAgain(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	send := func() testkit.Reply {
		return w.Do(http.MethodPost, "users/enable-user", `{"parameters": {"User IDs": "frank"}}`, keyed("case-4711"))
	}
	id := w.ID("frank")
	w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/activate", CarriedOut: true, Drop: true, Times: 1})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + id, Method: "GET", Status: 503, Times: 4})
	if r := send(); r.HTTP != 503 {
		t.Fatalf("%d %s", r.HTTP, r.Body)
	}
	if r := send(); r.Get("targets", 0, "error", "code") != "unknown_result" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	if mails := w.User("frank").Mails; len(mails) != 1 {
		t.Errorf("mails: %v", mails)
	}
	w.WantWrites("POST /api/v1/users/" + id + "/lifecycle/activate?sendEmail=true")
}

func TestIdempotency_KeepsFinalRepliesOnly(t *testing.T) {
	t.Parallel()
	w := byKey(t)
	call := func(path, body, key string) testkit.Reply {
		t.Helper()
		return w.Do(http.MethodPost, path, body, http.Header{"Idempotency-Key": {"one"}, "X-Api-Key": {key}})
	}
	crowd := make([]string, 101)
	for i := range crowd {
		crowd[i] = fmt.Sprintf("user%d", i)
	}
	for range 2 { // 401, 403 and 400 leave no trace
		if r := call("users/disable-user", request{Parameters: params{"User IDs": strings.Join(crowd, ",")}}.String(), allKey); r.HTTP != 400 || r.Header.Get("Idempotency-Replayed") != "" {
			t.Errorf("too many: %d %s", r.HTTP, r.Body)
		}
		call("users/disable-user", disableAlice, "canary-key-of-nobody-0123456789")
		call("users/disable-user", disableAlice, readerKey)
		call("users/disable-user", `{"parameters": {}}`, allKey)
	}
	w.Okta.AddFault(emulator.Fault{Path: "*", Status: 503, Times: 4})
	if r := call("users/disable-user", disableAlice, allKey); r.HTTP != 503 {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	if r := call("users/disable-user", strings.Replace(disableAlice, "{", `{"options": {"dry_run": true}, `, 1), allKey); r.HTTP != 200 || r.Get("status") != "planned" {
		t.Errorf("a dry run: %d %s", r.HTTP, r.Body)
	}
	if r := call("users/disable-user", disableAlice, allKey); r.HTTP != 200 || r.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	for range 2 { // a read is made again
		if r := call("users/get-user", `{"parameters": {"User IDs": "alice"}}`, allKey); r.HTTP != 200 || r.Header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}
	if r := call("users/enable-user", `{"parameters": {"User IDs": "alice"}}`, allKey); r.HTTP != 200 || r.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the key of another action: %d %s", r.HTTP, r.Body)
	}
}

func storage(t *testing.T) *fakegcp.Storage {
	t.Helper()
	s, err := fakegcp.NewStorage("claims")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestIdempotency_UnavailableStoreChangesNothing(t *testing.T) {
	t.Parallel()
	s := storage(t)
	w := testkit.New(t, testkit.Options{Storage: s.Options(), Env: map[string]string{"IDEMPOTENCY_BUCKET": "claims", "IDEMPOTENCY_PREFIX": "okta/"}})
	s.SetDown(true)
	r := w.Do(http.MethodPost, "users/disable-user", disableAlice, keyed("one"))
	if r.HTTP != 503 || r.Header.Get("Retry-After") == "" || r.Get("error", "code") != "idempotency_unavailable" || !strings.Contains(r.Get("error", "message").(string), "nothing was changed") {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	if r := w.Do(http.MethodPost, "users/get-user", `{"parameters": {"User IDs": "alice"}}`, keyed("one")); r.HTTP != 200 {
		t.Errorf("a read: %d %s", r.HTTP, r.Body)
	}
	w.WantWrites()
	s.SetDown(false)
	for _, replayed := range []string{"", "true"} {
		if r := w.Do(http.MethodPost, "users/disable-user", disableAlice, keyed("one")); r.HTTP != 200 || r.Header.Get("Idempotency-Replayed") != replayed {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}
}

// TestIdempotency_NonIdempotentWriteIsNotRepeatedAfterACrash: another instance gets the repeat, in three states.
func TestIdempotency_NonIdempotentWriteIsNotRepeatedAfterACrash(t *testing.T) {
	t.Parallel()
	s := storage(t)
	env := map[string]string{"IDEMPOTENCY_BUCKET": "claims"}
	arrived, never := make(chan struct{}), make(chan struct{})
	dead := testkit.New(t, testkit.Options{Storage: s.Options(), Env: env, Observe: func(c emulator.Observed) {
		if strings.HasSuffix(c.Request.URL.Path, "/reset_password") {
			close(arrived)
			<-never
		}
	}})
	var abandoned sync.WaitGroup
	t.Cleanup(func() { close(never); abandoned.Wait() }) // before its servers are closed
	abandoned.Go(func() {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, dead.URL+"/users/reset-password", strings.NewReader(resetAlice))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header = http.Header{"Idempotency-Key": {"case-4711"}, "Content-Type": {"application/json"}}
		if res, err := http.DefaultClient.Do(r); err == nil {
			_ = res.Body.Close()
		}
	})
	<-arrived
	env = map[string]string{"IDEMPOTENCY_BUCKET": "claims", "OKTA_API_ROOT": dead.OktaURL}
	heir := testkit.New(t, testkit.Options{Storage: s.Options(), Env: env})
	heir.Replace("token", secrets.New(dead.Okta.Token()))
	if r := heir.Do(http.MethodPost, "users/reset-password", resetAlice, keyed("case-4711")); r.HTTP != 409 {
		t.Errorf("while the lease lasts: %d %s", r.HTTP, r.Body)
	}
	heir.Clock.Advance(61 * time.Second)
	r := heir.Do(http.MethodPost, "users/reset-password", resetAlice, keyed("case-4711"))
	if r.HTTP != 502 || r.Get("targets", 0, "error", "code") != "unknown_result" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	if writes := dead.Writes(); len(writes) != 1 {
		t.Errorf("Okta was asked for %v", writes)
	}
}
