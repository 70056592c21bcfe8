package contract_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/testkit"
)

// maxEntry is the documented bound of a log entry in bytes: Cloud Logging drops entries above 256
// KiB.
const maxEntry = 200 << 10

// wantSmallEntries wants log entries since an offset, and all of them below maxEntry.
func wantSmallEntries(t *testing.T, w *testkit.World, name string, from int) {
	t.Helper()
	log := w.Log()[from:]
	if log == "" {
		t.Errorf("%s: no entry", name)
	}
	for line := range strings.Lines(log) {
		if len(line) > maxEntry {
			t.Errorf("%s: an entry has %d bytes: %.300s", name, len(line), line)
		}
	}
}

func TestAudit_RefusedRequestsAreNotLoggedWhole(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	long := strings.Repeat("\U0001f512", 225<<10) // 900 KiB
	escaped := strings.Repeat(`\u0001`, 150<<10)
	for name, c := range map[string]struct {
		path, body string
		header     http.Header
	}{
		"a context value":  {"users/disable-user", `{"context": {"case_id": "` + long + `"}}`, nil},
		"an escaped value": {"users/disable-user", `{"context": {"case_id": "` + escaped + `"}}`, nil},
		"a placeholder":    {"users/disable-user", `{"context": {"case_id": "[Event.` + long + `]"}}`, nil},
		"a context name":   {"users/disable-user", `{"context": {"` + long + `": "x"}}`, nil},
		"a parameter":      {"users/disable-user", `{"parameters": {"User IDs": "` + long + `"}}`, nil},
		"a parameter name": {"users/disable-user", `{"parameters": {"` + long + `": "x"}}`, nil},
		"a group name":     {"groups/add-group", `{"parameters": {"Group Name": "` + long + `"}}`, nil},
		"an entity": {"users/disable-user", `{"entities": [{"identifier": "` + long +
			`", "entity_type": "USERUNIQNAME"}]}`, nil},
		"an entity type": {"users/disable-user", `{"entities": [{"identifier": "x", "entity_type": "` + long +
			`"}]}`, nil},
		"an option":      {"users/disable-user", `{"options": {"dry_run": "` + long + `"}}`, nil},
		"an option name": {"users/disable-user", `{"options": {"` + long + `": true}}`, nil},
		"a member":       {"users/disable-user", `{"` + long + `": 1}`, nil},
		"an action":      {"users", `{"action": "` + long + `"}`, nil},
		"no JSON":        {"users/disable-user", long, nil},
		"a path":         {"users/" + strings.Repeat("x", 900<<10), `{}`, nil},
		"an Idempotency-Key": {"users/disable-user", `{}`, http.Header{"Idempotency-Key": {strings.Repeat("k",
			900<<10)}}},
		"a Content-Type": {"users/disable-user", `{}`, http.Header{"Content-Type": {strings.Repeat("k", 900<<10)}}},
		"a Content-Encoding": {"users/disable-user", `{}`, http.Header{"Content-Encoding": {strings.Repeat("k",
			900<<10)}}},
		"a message id": {"users/pubsub", testkit.Message{ID: long, Data: `{}`}.Delivery(), nil},
		"a message's key": {"users/pubsub", testkit.Message{ID: "1", Data: `{}`,
			Attributes: map[string]string{"idempotency_key": long}}.Delivery(), nil},
		"a message's action": {"users/pubsub", testkit.Message{ID: "1", Data: `{}`,
			Attributes: map[string]string{"action": long}}.Delivery(), nil},
		"a message's attribute": {"users/pubsub", testkit.Message{ID: "1", Data: `{}`,
			Attributes: map[string]string{"x": "[Event." + long + "]"}}.Delivery(), nil},
		"a message's placeholder": {"users/pubsub", testkit.Message{ID: "1", Data: `{}`,
			Attributes: map[string]string{long: "[Event.x]"}}.Delivery(), nil},
	} {
		before := len(w.Log())
		if r := w.Do(http.MethodPost, c.path, c.body, c.header); r.Get("status") != "failure" {
			t.Errorf("%s: %d %.300s", name, r.HTTP, r.Body)
		}
		wantSmallEntries(t, w, name, before)
	}
	w.WantWrites("POST /api/v1/groups") // Okta refuses the name
	for _, topic := range []string{pubsub.ResultsTopic, pubsub.DeadLetterTopic} {
		wantPublishable(t, w, topic)
	}
}

// wantPublishable wants messages within the limits of Pub/Sub.
// https://cloud.google.com/pubsub/quotas#resource_limits
func wantPublishable(t *testing.T, w *testkit.World, topic string) {
	t.Helper()
	messages := w.Published(topic)
	if len(messages) == 0 {
		t.Errorf("%s has no messages", topic)
	}
	for _, m := range messages {
		size := len(m.Data)
		for name, value := range m.Attributes {
			if size += len(name) + len(value); len(value) > 1024 {
				t.Errorf("%s: the attribute %s has %d bytes", topic, name, len(value))
			}
		}
		if size > 10_000_000 {
			t.Errorf("%s: a message has %d bytes", topic, size)
		}
	}
}

// TestAudit_EveryTargetOfALargeRequestIsRecorded: the targets have the longest names, and the
// context its maximum size.
func TestAudit_EveryTargetOfALargeRequestIsRecorded(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true, Env: map[string]string{"MAX_TARGETS": "200"}})
	var users []string
	for i := range 200 {
		users = append(users, fmt.Sprintf("%03d", i)+strings.Repeat("\U0001f512", 253))
	}
	context := map[string]any{}
	for i := range 32 {
		context[string(rune('A'+i))+strings.Repeat("\U0001f512", 255)] = strings.Repeat("\x01", 1024)
	}
	body := request{Parameters: params{"User IDs": users, "Is Deactivate": false}, Context: context}.String()
	if r := w.Do(http.MethodPost, "users/disable-user", body, nil); len(r.Get("targets").([]any)) != 200 {
		t.Fatalf("%d %.300s", r.HTTP, r.Body)
	}
	wantSmallEntries(t, w, "200 names", 0)
	n := 0
	for i, r := range records(t, w) {
		if r["part"] != float64(i+1) || r["context_cut"] != 32.0 {
			t.Errorf("part %v, %v members of context cut", r["part"], r["context_cut"])
		}
		for _, target := range r["targets"].([]any) {
			if got := target.(map[string]any); got["input"] != users[n] || got["outcome"] != "not_found" {
				t.Errorf("target %d is %.9s, %s", n, got["input"], got["outcome"])
			}
			n++
		}
	}
	if n != 200 {
		t.Errorf("%d targets are recorded", n)
	}
	wantPublishable(t, w, pubsub.ResultsTopic)
}

// TestDeadLetter_StaysWithinPubSubLimits: a mask is eight times as long as the single character
// that it hides.
func TestDeadLetter_StaysWithinPubSubLimits(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	for _, data := range []string{
		`{"action": "Set Password", "parameters": {"User IDs": "alice", "New Password": "x"}, "entities": [` +
			strings.Repeat(`{"identifier": "`+strings.Repeat("x", 250)+`", "entity_type": "X"},`, 3600) +
			`{"identifier": "x", "entity_type": "X"}]}`,
		`{"action": "Set Password", "parameters": {"User IDs": "alice", "New Password": "x"}, "context": {"case_id": "` +
			strings.Repeat("x", 1024) + `"}}`,
	} {
		m := testkit.Message{ID: strings.Repeat("m", 2000), Data: data}
		if r := w.Push("users", m); r.HTTP != 200 || r.Get("error", "code") != "secret_needs_http" {
			t.Errorf("%d %.300s", r.HTTP, r.Body)
		}
	}
	wantPublishable(t, w, pubsub.DeadLetterTopic)
	wantPublishable(t, w, pubsub.ResultsTopic)
	wantSmallEntries(t, w, "masked", 0)
}
