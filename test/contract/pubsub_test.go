package contract_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

// object is the JSON of a message.
func object(t *testing.T, m pubsub.Message) testkit.Reply {
	t.Helper()
	r := testkit.Reply{Body: m.Data}
	if err := json.Unmarshal(m.Data, &r.JSON); err != nil {
		t.Fatalf("%s: %v", m.Data, err)
	}
	return r
}

func TestPubSub_MessageIsExecutedOnce(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	m := testkit.Message{ID: "m1", Data: `{"action": "Disable User", "parameters": {"User IDs": "alice", "Is Deactivate": false}, "context": {"case_id": "4711"}}`}
	for delivery := range 3 {
		if r := w.Push("users", m); r.HTTP != 200 {
			t.Errorf("delivery %d: %d %s", delivery, r.HTTP, r.Body)
		}
	}
	w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/suspend")
	if u := w.User("alice"); u.Status != "SUSPENDED" {
		t.Errorf("alice is %s", u.Status)
	}
	results := w.Published(pubsub.ResultsTopic)
	if len(results) != 3 { // it is unknown whether the first was published
		t.Fatalf("%d results", len(results))
	}
	first := object(t, results[0])
	first.Want(t, 0, w.Expand(`{
		"action": "Disable User", "status": "success", "is_success": true, "output_message": "Suspended 1 user: alice@acme.test.",
		"script_result": {"name": "is_success", "value": true}, "json_result": {"alice": {"status": "SUSPENDED"}}, "entities": [], "warnings": [],
		"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "changed",
			"before": {"status": "ACTIVE"}, "after": {"status": "SUSPENDED"}, "verified": false,
			"undo": {"action": "Enable User", "parameters": {"User IDs Or Logins": "${id:alice}", "Is Activate": false, "Also Run On Scope": false}}}]}`))
	for i, result := range results {
		it := object(t, result)
		if i > 0 {
			it.Want(t, 0, w.Expand(`{
				"action": "Disable User", "status": "success", "is_success": true,
				"output_message": "Replay of the request completed at 2026-03-02T10:00:00Z; nothing was done now. Still as asked: alice@acme.test (SUSPENDED).",
				"script_result": {"name": "is_success", "value": true}, "json_result": {"alice": {"status": "SUSPENDED"}}, "entities": [], "warnings": [],
				"replayed": {"at": "2026-03-02T10:00:00Z"},
				"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "unchanged",
					"before": {"status": "SUSPENDED"}, "after": {"status": "SUSPENDED"}, "verified": false,
					"undo": {"action": "Enable User", "parameters": {"User IDs Or Logins": "${id:alice}", "Is Activate": false, "Also Run On Scope": false}}}]}`))
			if it.Get("replayed", "invocation_id") != first.Get("invocation_id") {
				t.Errorf("a redelivery's result: %s", it.Body)
			}
		}
		want := map[string]string{"action": "Disable User", "status": "success", "case_id": "4711", "invocation_id": it.Get("invocation_id").(string), "message_id": "m1"}
		if diff := cmp.Diff(want, result.Attributes); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
	}
	if letters := w.Published(pubsub.DeadLetterTopic); len(letters) > 0 {
		t.Errorf("dead letters: %s", letters[0].Data)
	}
}

// TestPubSub_ProducerKeyHoldsAcrossMessageIDs: a publisher that tries again makes another message.
// TestPubSub_OutcomesAreThoseOfHTTP runs every action in each outcome as a message. A message may not ask
// for a secret.
func TestPubSub_OutcomesAreThoseOfHTTP(t *testing.T) {
	t.Parallel()
	for i, run := range allRuns() {
		if strings.HasSuffix(run.path, "/ping") {
			continue
		}
		t.Run(fmt.Sprint(run.path, " ", i), func(t *testing.T) {
			t.Parallel()
			body := run.body()
			group, slug, _ := strings.Cut(run.path, "/")
			message, err := json.Marshal(map[string]any{"action": slug, "parameters": body.Parameters, "entities": body.Entities, "options": body.Options})
			if err != nil {
				t.Fatal(err)
			}
			w, other := testkit.New(t, testkit.Options{}), testkit.New(t, testkit.Options{})
			got := w.Push(group, testkit.Message{ID: "1", Data: string(message)})
			if got.Get("error", "code") == "secret_needs_http" {
				w.WantWrites()
				return
			}
			want := other.Run(run.path, body)
			if diff := cmp.Diff(want.Outcomes(), got.Outcomes()); diff != "" || got.Get("status") != want.Get("status") {
				t.Errorf("outcomes (-HTTP +message):\n%s%s", diff, got.Body)
			}
			if n, m := len(w.Writes()), len(other.Writes()); n != m {
				t.Errorf("%d writes by message, %d by HTTP", n, m)
			}
		})
	}
}

func TestPubSub_ProducerKeyHoldsAcrossMessageIDs(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	for _, id := range []string{"m1", "m2"} {
		m := testkit.Message{ID: id, Data: `{"parameters": {"User IDs": "alice", "Send Email": true}}`, Attributes: map[string]string{"action": "reset-password", "idempotency_key": "case-4711", "other": "x"}}
		if r := w.Push("users", m); r.HTTP != 200 || r.Get("status") != "success" {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}
	w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/lifecycle/reset_password?sendEmail=true")
	r := w.Push("users", testkit.Message{ID: "m3", Data: `{"parameters": {"User IDs": "bob", "Send Email": true}}`, Attributes: map[string]string{"action": "reset-password", "idempotency_key": "case-4711"}})
	letters := w.Published(pubsub.DeadLetterTopic)
	if r.HTTP != 200 || len(letters) != 1 || object(t, letters[0]).Get("reason", "code") != "idempotency_key_reused" {
		t.Errorf("another request: %d %s %v", r.HTTP, r.Body, letters)
	}
}

// events are the ways in which a message arrives, by headers and body.
func events(m testkit.Message) map[string]func() (http.Header, string) {
	const source = "//pubsub.googleapis.com/projects/acme/topics/okta-users"
	structured := func(data string) string {
		return fmt.Sprintf(`{"specversion": "1.0", "id": %q, "source": %q, "type": "google.cloud.pubsub.topic.v1.messagePublished", "datacontenttype": "application/json", %s}`, m.ID, source, data)
	}
	return map[string]func() (http.Header, string){
		"push": func() (http.Header, string) { return http.Header{}, m.Delivery() },
		"push without a content type": func() (http.Header, string) {
			return http.Header{"Content-Type": {""}}, m.Delivery()
		},
		"binary event": func() (http.Header, string) {
			return http.Header{"Ce-Id": {m.ID}, "Ce-Source": {source}, "Ce-Specversion": {"1.0"}, "Ce-Type": {"google.cloud.pubsub.topic.v1.messagePublished"}, "Content-Type": {"application/json"}}, m.Delivery()
		},
		"structured event": func() (http.Header, string) {
			return http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}, structured(`"data": ` + m.Delivery())
		},
		"structured event in base64": func() (http.Header, string) {
			return http.Header{"Content-Type": {"application/cloudevents+json"}}, structured(`"data_base64": "` + base64.StdEncoding.EncodeToString([]byte(m.Delivery())) + `"`)
		},
	}
}

func TestPubSub_AcceptsPushAndEvent(t *testing.T) {
	t.Parallel()
	m := testkit.Message{ID: "m1", Data: `{"parameters": {"User IDs": "alice", "Is Deactivate": false}}`, Attributes: map[string]string{"action": "Disable User"}}
	for name, arrive := range events(m) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{PubSub: true})
			header, body := arrive()
			r := w.Do(http.MethodPost, "users/pubsub", body, header)
			if results := w.Published(pubsub.ResultsTopic); r.HTTP != 200 || len(results) != 1 || results[0].Attributes["message_id"] != "m1" || results[0].Attributes["status"] != "success" {
				t.Errorf("%d %s %v", r.HTTP, r.Body, results)
			}
			if u := w.User("alice"); u.Status != "SUSPENDED" {
				t.Errorf("alice is %s", u.Status)
			}
		})
	}
}

// TestDeadLetter_InvalidMessageIsPublishedOnce has each message delivered three times.
func TestDeadLetter_InvalidMessageIsPublishedOnce(t *testing.T) {
	t.Parallel()
	const password = "canary-Passw0rd!"
	w := testkit.New(t, testkit.Options{PubSub: true})
	for name, c := range map[string]struct {
		group, data string
		attributes  map[string]string
		delivery    string // in place of the message's
		header      http.Header
		code, say   string
		request     string // of the dead letter; "" if it has size and hash only
	}{
		"broken JSON":            {data: `{"action": "Set Password", "parameters": {"New Password": "` + password, code: "invalid_request", say: "data: is not JSON"},
		"no object":              {data: `["` + password + `"]`, code: "invalid_request", say: "data: must be a JSON object"},
		"invalid UTF-8":          {data: "{\"action\": \"\xff\"}", code: "invalid_request", say: "UTF-8"},
		"parameters twice":       {data: `{"parameters": {"New Password": "` + password + `"}, "context": {"note": "` + password + `"}, "parameters": {}}`, attributes: map[string]string{"action": password, "idempotency_key": password}, code: "invalid_request", say: "twice"},
		"a secret as a key":      {data: `{"parameters": {"New Password": "` + password + `", "` + password + `": 1, "` + password + `": 2}}`, code: "invalid_request", say: "[redacted]"},
		"a key twice":            {data: `{"action": "Get User", "action": "Disable User"}`, code: "invalid_request", say: "twice"},
		"nothing":                {code: "invalid_request", say: "name the action, in the attribute action", request: `{"options": {"dry_run": false, "verify": false}}`},
		"another group's action": {data: `{"action": "add-group", "parameters": {"Group Name": "x"}}`, code: "unknown_action", say: "OktaGroups", request: `{"action": "add-group", "parameters": {"Group Name": "x"}, "options": {"dry_run": false, "verify": false}}`},
		"another group's action as an attribute": {
			data: `{"parameters": {"New Password": "` + password + `"}}`, attributes: map[string]string{"action": "Add Group"}, code: "unknown_action", say: "OktaGroups",
			request: `{"parameters": {"New Password": "[masked]"}, "options": {"dry_run": false, "verify": false}}`},
		"an unknown action": {data: `{"action": "Ban User", "parameters": {"Sekret": "` + password + `"}}`, code: "unknown_action", say: "Ban User", request: `{"action": "Ban User", "parameters": {"Sekret": "[masked]"}, "options": {"dry_run": false, "verify": false}}`},
		"two actions": {
			data: `{"action": "Get User", "parameters": {"User IDs": "alice"}}`, attributes: map[string]string{"action": "Disable User"}, code: "invalid_request",
			say: "the attribute action says Disable User and the body says Get User", request: `{"action": "Get User", "parameters": {"User IDs": "alice"}, "options": {"dry_run": false, "verify": false}}`},
		"a misspelled secret": {
			data: `{"action": "Set Password", "parameters": {"User IDs": "alice", "New Pasword": "` + password + `"}}`, code: "invalid_request", say: "did you mean",
			request: `{"action": "Set Password", "parameters": {"User IDs": "alice", "New Pasword": "[masked]"}, "options": {"dry_run": false, "verify": false}}`},
		"an unknown member": {data: `{"action": "Get User", "password": "` + password + `", "parameters": "` + password + `"}`, code: "invalid_request", say: "is not a member", request: `{"action": "Get User", "options": {"dry_run": false, "verify": false}}`},
		"a long key": {
			data: `{"action": "Get User", "parameters": {"User IDs": "alice"}}`, attributes: map[string]string{"idempotency_key": strings.Repeat("ü", 256)}, code: "invalid_request", say: "attribute idempotency_key: is over 255",
			request: `{"action": "Get User", "parameters": {"User IDs": "alice"}, "options": {"dry_run": false, "verify": false}}`},
		"Set Password": {
			data: `{"action": "Set Password", "parameters": {"User IDs": "alice", "new_password": "` + password + `"}, "context": {"case_id": "4711"}}`, code: "secret_needs_http", say: "New Password is a secret: send the request over HTTP",
			request: `{"action": "Set Password", "parameters": {"User IDs": "alice", "new_password": "[masked]"}, "context": {"case_id": "4711"}, "options": {"dry_run": false, "verify": false}}`},
		"Set Password with a mistake": {
			data: `{"action": "Set Password", "parameters": {"New Password": "` + password + `"}}`, code: "secret_needs_http",
			request: `{"action": "Set Password", "parameters": {"New Password": "[masked]"}, "options": {"dry_run": false, "verify": false}}`},
		"Expire Password with its result": {
			data: `{"action": "Expire Password", "parameters": {"User IDs": "alice", "Temporary Password": true, "Return Temporary Password": true}}`, code: "secret_needs_http",
			request: `{"action": "Expire Password", "parameters": {"User IDs": "alice", "Temporary Password": true, "Return Temporary Password": true}, "options": {"dry_run": false, "verify": false}}`},
		"Reset Password without e-mail": {data: `{"action": "Reset Password", "parameters": {"User IDs": "alice"}}`, code: "secret_needs_http", request: `{"action": "Reset Password", "parameters": {"User IDs": "alice"}, "options": {"dry_run": false, "verify": false}}`},
		"Enable User without e-mail": {
			data: `{"action": "Enable User", "parameters": {"User IDs": "frank", "Send Email If Activate": "false"}}`, code: "secret_needs_http",
			request: `{"action": "Enable User", "parameters": {"User IDs": "frank", "Send Email If Activate": "false"}, "options": {"dry_run": false, "verify": false}}`},
		"a signing key": {
			group: "signals", data: `{"action": "Send ITP Signal", "parameters": {"Private Key String": "` + password + `"}}`, code: "secret_needs_http",
			request: `{"action": "Send ITP Signal", "parameters": {"Private Key String": "[masked]"}, "options": {"dry_run": false, "verify": false}}`},
		"secrets in the wrong fields": {
			data: `{"action": "` + password + `", "parameters": {"New Password": "` + password + `", "` + password + `": "x", "User IDs": ["alice", "a ` + password + `"]},
				"entities": [{"identifier": "` + password + `", "entity_type": "USERUNIQNAME"}], "context": {"note": "pw ` + password + `", "` + password + `": "", "case_id": "4711"}}`,
			attributes: map[string]string{"idempotency_key": "k-" + password}, code: "unknown_action", say: `has no action "[redacted]"`,
			request: `{"action": "[redacted]", "parameters": {"New Password": "[masked]", "[redacted]": "[masked]", "User IDs": ["alice", "a [redacted]"]},
				"entities": [{"identifier": "[redacted]", "entity_type": "USERUNIQNAME"}], "context": {"note": "pw [redacted]", "[redacted]": "", "case_id": "4711"}, "options": {"dry_run": false, "verify": false}}`},
		"a secret as the attribute": {
			data: `{"parameters": {"New Password": "` + password + `"}}`, attributes: map[string]string{"action": password}, code: "unknown_action", say: "[redacted]",
			request: `{"parameters": {"New Password": "[masked]"}, "options": {"dry_run": false, "verify": false}}`},
		"a secret as a member": {
			data: `{"action": "Get User", "` + password + `": 1, "options": {"` + password + `": true}, "parameters": {"User IDs": "alice", "Pasword": "` + password + `"}}`, code: "invalid_request", say: "[redacted]",
			request: `{"action": "Get User", "parameters": {"User IDs": "alice", "Pasword": "[masked]"}, "options": {"dry_run": false, "verify": false}}`},
		"a short secret": {
			data: `{"action": "Set Password", "parameters": {"User IDs": "alice", "New Password": "abc"}, "context": {"case_id": "4711", "note": "it is abc"}}`, code: "secret_needs_http",
			request: `{"action": "Set Password", "parameters": {"User IDs": "alice", "New Password": "[masked]"}, "context": {"case_id": "4711", "note": "[withheld: contains a secret of the request]"}, "options": {"dry_run": false, "verify": false}}`},
		"a key as the Key ID": {
			group: "signals", data: `{"action": "Send ITP Signal", "parameters": {"Key ID": "{\"kty\":\"EC\",\"d\":\"` + password + `\"}", "Reason": "x"}}`, code: "invalid_request", say: "Key ID: holds a private key",
			request: `{"action": "Send ITP Signal", "parameters": {"Key ID": "[masked]", "Reason": "x"}, "options": {"dry_run": false, "verify": false}}`},
		"a key as the Severity": {
			group: "signals", data: `{"action": "Send ITP Signal", "parameters": {"Severity": "` + password + `", "Reason": "x"}}`, code: "invalid_request", say: "Severity: must be low, medium or high",
			request: `{"action": "Send ITP Signal", "parameters": {"Severity": "[masked]", "Reason": "x"}, "options": {"dry_run": false, "verify": false}}`},
		"a secret as a number": {
			data: `{"action": "Disable User", "parameters": {"User IDs": "alice", "Is Deactivate": 1}}`, code: "invalid_request", say: "Is Deactivate: must be true or false",
			request: `{"action": "Disable User", "parameters": {"User IDs": "alice", "Is Deactivate": "[masked]"}, "options": {"dry_run": false, "verify": false}}`},
		"not found":         {data: `{"action": "Disable User", "parameters": {"User IDs": "zed"}}`, code: "E0000007", say: "zed", request: `{"action": "Disable User", "parameters": {"User IDs": "zed"}, "options": {"dry_run": false, "verify": false}}`},
		"a read, not found": {data: `{"action": "Get User", "parameters": {"User IDs": "zed"}}`, code: "E0000007", request: `{"action": "Get User", "parameters": {"User IDs": "zed"}, "options": {"dry_run": false, "verify": false}}`},
		"a wrong state": {
			data: `{"action": "Disable User", "parameters": {"User IDs": "erin", "Is Deactivate": false}, "options": {"verify": true}}`, code: "wrong_state",
			request: `{"action": "Disable User", "parameters": {"User IDs": "erin", "Is Deactivate": false}, "options": {"dry_run": false, "verify": true}}`},
		"too large":                 {data: `{"action": "Get User", "context": {"x": "` + strings.Repeat("x", 1<<20) + `"}}`, code: "body_too_large"},
		"as large as they come":     {data: strings.Repeat("x", 10_000_000), code: "body_too_large"},
		"larger than they come":     {delivery: strings.Repeat("x", 17<<20), code: "body_too_large"},
		"a bare request":            {delivery: disableAlice, code: "invalid_message", say: "push subscription"},
		"no JSON":                   {delivery: `{"message": ` + password, code: "invalid_message"},
		"an empty body":             {delivery: " ", code: "invalid_message"},
		"data that is not base64":   {delivery: `{"message": {"messageId": "m", "data": "` + password + `"}}`, code: "invalid_message"},
		"an event of another type":  {delivery: "{}", header: http.Header{"Ce-Id": {"m"}, "Ce-Source": {"x"}, "Ce-Specversion": {"1.0"}, "Ce-Type": {"google.cloud.storage.object.v1.finalized"}}, code: "invalid_message", say: "messagePublished"},
		"an event without a source": {delivery: "{ }", header: http.Header{"Ce-Id": {"m"}, "Ce-Specversion": {"1.0"}, "Ce-Type": {"google.cloud.pubsub.topic.v1.messagePublished"}}, code: "invalid_message"},
		"an event that is not JSON": {delivery: "{", header: http.Header{"Content-Type": {"application/cloudevents+json"}}, code: "invalid_message"},
	} {
		group := c.group
		if group == "" {
			group = "users"
		}
		before := len(w.Published(pubsub.DeadLetterTopic))
		message := testkit.Message{ID: name, Data: c.data, Attributes: c.attributes}
		if c.delivery == "" {
			c.delivery = message.Delivery()
		}
		for attempt := range 3 { // Pub/Sub numbers them
			body := strings.Replace(c.delivery, `"subscription"`, fmt.Sprintf(`"deliveryAttempt": %d, "subscription"`, attempt+1), 1)
			if r := w.Do(http.MethodPost, group+"/pubsub", body, c.header); r.HTTP != 200 || r.Get("status") != "failure" {
				t.Errorf("%s: %d %s", name, r.HTTP, r.Body)
			}
		}
		letters := w.Published(pubsub.DeadLetterTopic)[before:]
		if len(letters) != 1 {
			t.Errorf("%s: %d dead letters", name, len(letters))
			continue
		}
		letter := object(t, letters[0])
		if message, _ := letter.Get("reason", "message").(string); letter.Get("reason", "code") != c.code || !strings.Contains(message, c.say) {
			t.Errorf("%s: %s", name, letters[0].Data)
		}
		if letters[0].Attributes["reason"] != c.code || letters[0].Attributes["invocation_id"] != letter.Get("invocation_id") || letters[0].Attributes["message_id"] != letter.Get("message_id") {
			t.Errorf("%s: attributes %v", name, letters[0].Attributes)
		}
		if c.request == "" {
			digest, _ := letter.Get("data").(map[string]any)
			if size, _ := digest["size"].(float64); int(size) != len(c.data) && int(size) != len(c.delivery) || len(fmt.Sprint(digest["sha256"])) != 64 || letter.Get("request") != nil {
				t.Errorf("%s: %s", name, letters[0].Data)
			}
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(c.request), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, letter.Get("request")); diff != "" || letter.Get("data") != nil {
			t.Errorf("%s: the request (-want +got):\n%s", name, diff)
		}
		if letter.Get("message_id") != name || letter.Get("function") == "" {
			t.Errorf("%s: %s", name, letters[0].Data)
		}
	}
	w.WantWrites()
	for _, topic := range []string{pubsub.ResultsTopic, pubsub.DeadLetterTopic} {
		for _, m := range w.Published(topic) {
			if strings.Contains(string(m.Data)+fmt.Sprint(m.Attributes), password) {
				t.Errorf("%s holds the password: %s", topic, m.Data)
			}
		}
	}
	if strings.Contains(w.Log(), password) {
		t.Errorf("the log holds the password: %s", w.Log())
	}
}

// TestPubSub_TransientErrorIsRedelivered: no dead letter is published, and the last delivery succeeds.
func TestPubSub_TransientErrorIsRedelivered(t *testing.T) {
	t.Parallel()
	s := storage(t)
	w := testkit.New(t, testkit.Options{PubSub: true, Storage: s.Options(), Env: map[string]string{"IDEMPOTENCY_BUCKET": "claims"}})
	m := testkit.Message{ID: "m1", Data: `{"action": "Disable User", "parameters": {"User IDs": "alice, bob", "Is Deactivate": false}}`}
	again := func(why, code string) {
		t.Helper()
		r := w.Push("users", m)
		if r.HTTP < 500 || code != "" && r.Get("error", "code") != code {
			t.Errorf("%s: %d %s", why, r.HTTP, r.Body)
		}
	}
	s.SetDown(true)
	again("the claims are down", "idempotency_unavailable")
	s.SetDown(false)
	w.Okta.SetToken("canary-of-the-next-token", false)
	again("Okta refuses the token", "E0000011")
	w.Replace("token", secrets.New(w.Okta.Token()))
	w.Clock.Advance(time.Minute) // a rejected secret is read again at most every 30 s
	w.Okta.AddFault(emulator.Fault{Path: "*", Status: 503, Times: 8})
	again("Okta is down", "")
	w.Okta.AddFault(emulator.Fault{Path: "*/" + w.ID("bob") + "/lifecycle/*", Status: 503, Times: 4})
	again("Okta is down for one of two", "")
	if statuses := fmt.Sprint(w.User("alice").Status, w.User("bob").Status); statuses != "SUSPENDEDACTIVE" {
		t.Errorf("after the half of it: %s", statuses)
	}
	w.Forget()
	if r := w.Push("users", m); r.HTTP != 200 || r.Get("status") != "success" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	w.WantWrites("POST /api/v1/users/" + w.ID("bob") + "/lifecycle/suspend")
	if letters := w.Published(pubsub.DeadLetterTopic); len(letters) > 0 {
		t.Errorf("dead letters: %s", letters[0].Data)
	}
	var statuses []string
	for _, result := range w.Published(pubsub.ResultsTopic) {
		statuses = append(statuses, result.Attributes["status"])
	}
	if diff := cmp.Diff([]string{"failure", "failure", "partial", "success"}, statuses); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// TestPubSub_RejectedTokenIsRedeliveredAfterPartialSuccess, and a user whom the app's role does not cover is not.
func TestPubSub_RejectedTokenIsRedeliveredAfterPartialSuccess(t *testing.T) {
	t.Parallel()
	refuse := func(status int, code string, times int) emulator.Fault {
		return emulator.Fault{Path: "*/lifecycle/suspend", Status: status, Times: times, Body: `{"errorCode": "` + code + `", "errorSummary": "Refused."}`}
	}
	m := testkit.Message{ID: "m1", Data: `{"action": "Disable User", "parameters": {"User IDs": "alice, bob", "Is Deactivate": false}}`}
	for code, want := range map[string]int{"E0000011": 503, "E0000006": 200} {
		w := testkit.New(t, testkit.Options{PubSub: true})
		f := refuse(map[string]int{"E0000011": 401, "E0000006": 403}[code], code, 0)
		f.Path = "*/" + w.ID("bob") + "/lifecycle/suspend"
		if code == "E0000011" {
			f.Times = 2 // the client reads the secret again and retries
		}
		w.Okta.AddFault(f)
		r := w.Push("users", m)
		if r.HTTP != want || r.Get("status") != "partial" || r.Get("targets", 1, "error", "code") != code {
			t.Errorf("%s: %d %s", code, r.HTTP, r.Body)
		}
	}
	w := testkit.New(t, testkit.Options{PubSub: true})
	w.Okta.AddFault(refuse(403, "E0000006", 0))
	if r := w.Push("users", m); r.HTTP != 200 || len(w.Published(pubsub.DeadLetterTopic)) != 1 {
		t.Errorf("none is covered: %d %s", r.HTTP, r.Body)
	}
}

// TestPubSub_UnpublishedResultIsRedelivered: and a call is answered all the same.
func TestPubSub_UnpublishedResultIsRedelivered(t *testing.T) {
	t.Parallel()
	const missing = "projects/local/topics/missing"
	w := testkit.New(t, testkit.Options{PubSub: true, Env: map[string]string{"RESULTS_TOPIC": missing, "DEAD_LETTER_TOPIC": missing}})
	r := w.Run("users/disable-user", disableAlice)
	if r.HTTP != 200 || r.Get("status") != "success" || r.Get("json_result", "alice", "status") != "SUSPENDED" {
		t.Errorf("a call: %d %s", r.HTTP, r.Body)
	}
	if !strings.Contains(w.Log(), "the result of a call could not be published") {
		t.Error("the log has no message")
	}
	done := testkit.Message{ID: "m1", Data: `{"action": "Clear Okta User Session", "parameters": {"User IDs": "alice"}}`}
	dead := testkit.Message{ID: "m2", Data: `{"action": "Ban User"}`}
	for range 2 {
		for _, m := range []testkit.Message{done, dead} {
			if r := w.Push("sessions", m); r.HTTP != 503 {
				t.Errorf("%s: %d %s", m.ID, r.HTTP, r.Body)
			}
		}
	}
	if err := w.Broker.CreateTopic(missing); err != nil {
		t.Fatal(err)
	}
	for _, m := range []testkit.Message{done, dead} {
		if r := w.Push("sessions", m); r.HTTP != 200 {
			t.Errorf("%s: %d %s", m.ID, r.HTTP, r.Body)
		}
	}
	if published := w.Published(missing); len(published) != 3 { // two results and a dead letter
		t.Errorf("%d messages", len(published))
	}
	w.WantWrites("POST /api/v1/users/"+w.ID("alice")+"/lifecycle/suspend", "DELETE /api/v1/users/"+w.ID("alice")+"/sessions?oauthTokens=true")
}

func TestPubSub_ResultsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	reset := w.Do(http.MethodPost, "users/reset-password", `{"parameters": {"User IDs": "alice"}, "context": {"case_id": "4711"}}`, keyed("one"))
	w.Do(http.MethodPost, "users/reset-password", `{"parameters": {"User IDs": "alice"}, "context": {"case_id": "4711"}}`, keyed("one"))
	w.Run("users/set-password", `{"parameters": {"User IDs": "alice", "New Password": "canary-Passw0rd!", "Add 10 Random Chars": true}}`)
	w.Run("users/enable-user", `{"parameters": {"User IDs": "frank", "Send Email If Activate": false}}`)
	w.Run("users/get-user", `{"parameters": {}}`) // no run
	results := w.Published(pubsub.ResultsTopic)
	if len(results) != 3 {
		t.Fatalf("%d results", len(results))
	}
	want := maps.Clone(reset.JSON)
	want["json_result"] = map[string]any{"alice": map[string]any{"resetPasswordUrl": "[shown once, in the first reply]", "send_email": false}}
	if diff := cmp.Diff(want, object(t, results[0]).JSON); diff != "" {
		t.Errorf("the result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"action": "Reset Password", "status": "success", "case_id": "4711", "invocation_id": want["invocation_id"].(string)}, results[0].Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if password := object(t, results[1]).Get("json_result", "alice", "password"); password != "[shown once, in the first reply]" {
		t.Errorf("the password in the result is %v", password)
	}
}

// TestPubSub_OnlyThePushSubscriptionDelivers: callers may not deliver, and the push account may not call.
func TestPubSub_OnlyThePushSubscriptionDelivers(t *testing.T) {
	t.Parallel()
	const pusher = "okta-users-push@acme.iam.gserviceaccount.com"
	accounts := &fakegcp.Accounts{}
	push := map[string]string{"PUSH_AUDIENCE": audience, "PUSH_EMAILS": pusher}
	m := testkit.Message{ID: "m1", Data: `{"action": "Disable User", "parameters": {"User IDs": "alice"}}`}
	token := func(audience, email string) http.Header {
		return authorization("Bearer " + accounts.Token(fakegcp.Claims(audience, email, nil)))
	}
	for name, env := range map[string]map[string]string{
		"apikey": {"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers"},
		"oidc":   {"CALLER_AUTH": "oidc", "CALLER_AUDIENCE": audience, "CALLER_EMAILS": soar},
		"none":   {"CALLER_AUTH": "none"},
	} {
		maps.Copy(env, push)
		w := testkit.New(t, testkit.Options{PubSub: true, Google: accounts, Env: env})
		w.Replace("callers", secrets.New(`[{"id": "secops", "key": "`+allKey+`", "actions": ["*"]}]`))
		for who, h := range map[string]http.Header{
			"no credentials": {}, "a key": {"X-Api-Key": {allKey}}, "a caller": token(audience, soar), "another audience": token("https://other.run.app", pusher),
			"a forged one": authorization("Bearer " + jws(`{"alg":"none"}`, fakegcp.Claims(audience, pusher, nil), nil)),
		} {
			if r := w.Do(http.MethodPost, "users/pubsub", m.Delivery(), h); r.HTTP != 401 || r.Get("error", "code") != "unauthenticated" {
				t.Errorf("%s: %s: %d %s", name, who, r.HTTP, r.Body)
			}
		}
		if asked, published := w.Asked(), len(w.Published(pubsub.ResultsTopic))+len(w.Published(pubsub.DeadLetterTopic)); len(asked)+published > 0 {
			t.Errorf("%s: for strangers, Okta was asked %v, and %d messages were published", name, asked, published)
		}
		if r := w.Do(http.MethodPost, "users/pubsub", m.Delivery(), token(audience, pusher)); r.HTTP != 200 {
			t.Errorf("%s: %d %s", name, r.HTTP, r.Body)
		}
		if name == "none" {
			continue
		}
		if r := w.Do(http.MethodPost, "users/disable-user", disableAlice, token(audience, pusher)); r.HTTP != 401 {
			t.Errorf("%s: the push subscription calls: %d %s", name, r.HTTP, r.Body)
		}
	}
}

// TestPubSub_DeliversThroughTopics: published, delivered until they are done, or given up.
func TestPubSub_DeliversThroughTopics(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	w.Okta.AddFault(emulator.Fault{Path: "*/" + w.ID("alice") + "/*", Status: 503, Times: 9})
	w.Okta.AddFault(emulator.Fault{Path: "*/" + w.ID("bob") + "/*", Status: 503})
	for _, login := range []string{"alice", "bob"} {
		data := `{"action": "Disable User", "parameters": {"User IDs": "` + login + `", "Is Deactivate": false}}`
		if _, err := pubsub.Publish(t.Context(), w.Broker.Addr, "users", []byte(data), nil); err != nil {
			t.Fatal(err)
		}
	}
	err := pubsub.Follow(t.Context(), w.Broker.Addr, pubsub.ResultsSubscription, func(m pubsub.Message) bool { return m.Attributes["status"] != "success" })
	if err != nil {
		t.Fatal(err)
	}
	if u := w.User("alice"); u.Status != "SUSPENDED" {
		t.Errorf("alice is %s", u.Status)
	}
	var letter pubsub.Message
	if err := pubsub.Follow(t.Context(), w.Broker.Addr, pubsub.DeadLetterSubscription, func(m pubsub.Message) bool { letter = m; return false }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(letter.Data), `"bob"`) || letter.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"] != fmt.Sprint(pubsub.MaxDeliveries) {
		t.Errorf("given up: %s %v", letter.Data, letter.Attributes)
	}
}
