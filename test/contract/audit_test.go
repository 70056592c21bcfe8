package contract_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/buildinfo"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// records are the audit's records of a World, without what differs from run to run.
func records(t *testing.T, w *testkit.World) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(w.Log()) {
		var entry struct {
			Labels struct {
				Type string `json:"log_type"`
			}
			Audit map[string]any
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if entry.Labels.Type == "audit" {
			list = append(list, entry.Audit)
		}
	}
	return list
}

func TestAudit_RecordsEveryCallAndItsWrites(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"K_REVISION": "okta-users-00007", "OKTA_CONCURRENCY": "1"}})
	body := `{"parameters": {"User IDs": "alice, erin", "Is Deactivate": false}, "context": {"case_id": "4711", "playbook": "Containment", "requested_by": "analyst@acme.test"}}`
	r := w.Do(http.MethodPost, "users/disable-user", body, http.Header{"Idempotency-Key": {"case-4711"}})
	if r.HTTP != 200 || r.Get("status") != "partial" {
		t.Fatalf("%d %s", r.HTTP, r.Body)
	}
	occasion := map[string]any{
		"revision": "okta-users-00007", "version": buildinfo.Release(), "function": "OktaUsers", "action": "Disable User", "caller_auth": "none", "caller": "", "dry_run": false,
		"context": map[string]any{"case_id": "4711", "playbook": "Containment", "requested_by": "analyst@acme.test"}, "idempotency_key": "case-4711",
		"invocation_id": r.Get("invocation_id"), "org": strings.TrimPrefix(w.OktaURL, "http://"),
	}
	with := func(more map[string]any) map[string]any {
		all := map[string]any{}
		for _, m := range []map[string]any{occasion, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	active, suspended := map[string]any{"status": "ACTIVE"}, map[string]any{"status": "SUSPENDED"}
	alice := map[string]any{"input": "alice", "source": "parameter", "user_id": w.ID("alice"), "login": "alice@acme.test", "before": active, "after": suspended}
	aliceDone := map[string]any{"outcome": "changed"}
	for k, v := range alice {
		aliceDone[k] = v
	}
	const route = "POST /api/v1/users/{userId}/lifecycle/suspend"
	want := []map[string]any{
		with(map[string]any{"kind": "write_begun", "number": 1.0, "route": route, "target": alice}),
		with(map[string]any{"kind": "write_ended", "number": 2.0, "route": route, "target": alice, "okta_request_id": "some"}),
		with(map[string]any{"kind": "invocation", "number": 3.0, "status": "partial", "http_status": 200.0, "duration_ms": "some", "okta_remaining_percent": 99.0, "targets": []any{aliceDone, map[string]any{
			"input": "erin", "source": "parameter", "user_id": w.ID("erin"), "login": "erin@acme.test", "outcome": "wrong_state", "error_code": "wrong_state",
			"before": map[string]any{"status": "LOCKED_OUT"},
		}}}),
	}
	got := records(t, w)
	instance, _ := got[0]["instance"].(string)
	for _, record := range got {
		if instance == "" || record["instance"] != instance {
			t.Errorf("instance %v", record["instance"])
		}
		delete(record, "instance")
		for _, volatile := range []string{"okta_request_id", "duration_ms"} {
			if record[volatile] != nil {
				record[volatile] = "some"
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// TestAudit_NumbersHaveNoGap: each call has one record, each write two, and their numbers are 1, 2, 3, … for all callers together.
func TestAudit_NumbersHaveNoGap(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			w.Run("users/disable-user", request{Parameters: params{"User IDs": "alice, bob, carol", "Is Deactivate": i%2 == 0}})
			w.Run("users/no-such-action", request{})
			w.Run("users/disable-user", request{})
			w.Run("users/disable-user", "{")
			w.Do(http.MethodGet, "users/disable-user", "", nil)
			w.Do(http.MethodGet, "users/ping", "", nil)
		})
	}
	all.Wait()
	kinds, numbers := map[string]int{}, []int{}
	for _, record := range records(t, w) {
		kinds[record["kind"].(string)]++
		numbers = append(numbers, int(record["number"].(float64)))
	}
	writes := len(w.Writes())
	if diff := cmp.Diff(map[string]int{"invocation": 60, "write_begun": writes, "write_ended": writes}, kinds); diff != "" || writes == 0 {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != i+1 {
			t.Fatalf("record %d has the number %d", i+1, n)
		}
	}
}

func TestAudit_RecordsRefusedCalls(t *testing.T) {
	t.Parallel()
	w := byKey(t)
	w.Do(http.MethodPost, "users/disable-user", disableAlice, http.Header{"X-Api-Key": {"canary-key-of-nobody-0123456789"}})
	w.Do(http.MethodPost, "users/disable-user", disableAlice, http.Header{"X-Api-Key": {readerKey}})
	w.Do(http.MethodPost, "users/disable-user", disableAlice, http.Header{"X-Api-Key": {allKey}})
	var got []string
	for _, r := range records(t, w) {
		got = append(got, fmt.Sprint(r["kind"], " ", r["caller_auth"], " ", r["caller"], " ", r["error_code"]))
	}
	want := []string{
		"invocation   unauthenticated", "invocation apikey reader action_not_allowed",
		"write_begun apikey secops <nil>", "write_ended apikey secops <nil>", "invocation apikey secops <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if strings.Contains(w.Log(), "canary-key") {
		t.Error("a key is in the log")
	}
}

// TestAudit_RecordsEachWriteOfAnAction: what Okta was asked, route by route.
func TestAudit_RecordsEachWriteOfAnAction(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		s.Forget()
		s.run(t, s.example())
		var begun, ended []string
		for _, r := range records(t, s.World) {
			switch r["kind"] {
			case "write_begun":
				begun = append(begun, r["route"].(string))
			case "write_ended":
				ended = append(ended, r["route"].(string))
				if r["okta_request_id"] == nil {
					t.Errorf("no request id: %v", r)
				}
			}
		}
		if n := len(s.Writes()); len(begun) != n || len(ended) != n || s.action.Mutates != (n > 0) {
			t.Errorf("writes %v, begun %v, ended %v", s.Writes(), begun, ended)
		}
	})
}

func TestAudit_RecordsLostResponseAsUnknown(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "*/reset_password", Drop: true, CarriedOut: true})
	w.Run("users/reset-password", request{Parameters: params{"User IDs": "alice"}})
	var got []string
	for _, r := range records(t, w) {
		got = append(got, fmt.Sprint(r["kind"], " ", r["error_code"]))
	}
	if diff := cmp.Diff([]string{"write_begun <nil>", "write_ended unknown_result", "invocation unknown_result"}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestAudit_HashesLogins(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"AUDIT_LOGINS": "hashed"}})
	w.Run("users/disable-user", request{Parameters: params{"User IDs": "ALICE@acme.test, nobody@acme.test", "Is Deactivate": false}})
	if log := strings.ToLower(w.Log()); strings.Contains(log, "alice") || strings.Contains(log, "nobody") {
		t.Errorf("a login is in the log: %s", log)
	}
	const alice = "sha256:e383094d4770a80f73a6e0b2c9ce2e053e9f8ced6af1920e5bcc211b4ee643b1" // of alice@acme.test
	records := records(t, w)
	last := records[len(records)-1]["targets"].([]any)[0].(map[string]any)
	if last["input"] != alice || last["login"] != alice || last["user_id"] != w.ID("alice") {
		t.Errorf("%v, want %s", last, alice)
	}
}

// TestAudit_RecordsCallersThatDisconnect: the work goes on, and so does the record.
func TestAudit_RecordsCallersThatDisconnect(t *testing.T) {
	t.Parallel()
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan struct{})
	w := testkit.New(t, testkit.Options{Observe: func(c emulator.Observed) {
		if strings.HasSuffix(c.Request.URL.Path, "/suspend") {
			hangUp()
			<-gone
		}
	}})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+"/users/disable-user", strings.NewReader(disableAlice))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if res, err := http.DefaultClient.Do(r); err == nil {
		_ = res.Body.Close()
		t.Error("the caller got a reply")
	}
	close(gone)
	w.Close() // which waits for requests in flight
	var kinds []any
	for _, record := range records(t, w) {
		kinds = append(kinds, record["kind"], record["status"])
	}
	if diff := cmp.Diff([]any{"write_begun", nil, "write_ended", nil, "invocation", "success"}, kinds); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
