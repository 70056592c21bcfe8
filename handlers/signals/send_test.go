package signals_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const path = "/security/api/v1/security-events"

// params returns the parameters of a signal that Okta accepts, with changes: nil removes a
// parameter.
func params(changes map[string]any) map[string]any {
	p := map[string]any{
		"User Email": "Alice@Acme.Test", "Timestamp": "2025-05-25T14:47:52+02:00", "Reason": "Sign-in from an anonymizing network", "Severity": "High",
	}
	for name, value := range changes {
		p[name] = value
	}
	return testkit.Params(p)
}

const sentMessage = "Successfully sent the ITP signal to Okta. Okta accepted the signal for the user alice@acme.test, and decides later what follows from it."
const oldEvent = "Timestamp is more than 7 days ago: check whether the signal is still of use."

// sent is the one request that carried a signal to Okta.
func sent(t *testing.T, w *testkit.World) emulator.LoggedRequest {
	t.Helper()
	requests := slices.DeleteFunc(w.Okta.Requests(), func(r emulator.LoggedRequest) bool { return r.Method == "GET" })
	if len(requests) != 1 || requests[0].Method != "POST" || requests[0].Path != path {
		t.Fatalf("requests to Okta: %v, want one POST %s", w.Asked(), path)
	}
	return requests[0]
}

// received is the one signal that Okta has.
func received(t *testing.T, w *testkit.World) emulator.ReceivedSignal {
	t.Helper()
	signals := w.Okta.Signals()
	if len(signals) != 1 {
		t.Fatalf("Okta has %d signals, want 1", len(signals))
	}
	return signals[0]
}

// part returns a JSON part of a token: 0 is the header, 1 the claims.
func part(t *testing.T, token string, i int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a compact JWS: %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

// quiet checks that neither the reply nor the log contains the token, a secret, or a long part of
// one. The incumbent writes the signed token into its log (its defect 7).
func quiet(t *testing.T, w *testkit.World, got testkit.Reply, secrets ...string) {
	t.Helper()
	for _, r := range w.Okta.Requests() {
		secrets = append(secrets, r.Body)
	}
	for _, secret := range secrets {
		for chunk := range strings.FieldsFuncSeq(secret, func(r rune) bool { return strings.ContainsRune(" .\n\\\",:{}", r) }) {
			if len(chunk) < 12 || strings.HasPrefix(chunk, "-----") {
				continue // too short to identify a secret, or a marker
			}
			for place, text := range map[string]string{"reply": string(got.Body), "log": w.Log()} {
				if strings.Contains(text, chunk[:min(len(chunk), 30)]) {
					t.Errorf("the %s holds a part of the token or the key", place)
				}
			}
		}
	}
}

func TestSendSignal_SendsSignedToken(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("signals/send-itp-signal", params(nil))

	request := sent(t, w)
	jti, _ := got.Get("json_result", "payload", "jti").(string)
	payload := fmt.Sprintf(`{
		"iss": %q, "aud": %q, "iat": %d, "jti": %q,
		"events": {"https://schemas.okta.com/secevent/okta/event-type/user-risk-change": {
			"subject": {"user": {"format": "email", "email": "alice@acme.test"}},
			"current_level": "high", "previous_level": "medium",
			"reason_admin": {"en": "Sign-in from an anonymizing network"},
			"event_timestamp": 1748177272000}}
	}`, testkit.Issuer, w.OktaURL, testkit.Now.Unix(), jti)
	got.Want(t, 200, fmt.Sprintf(`{
		"action": "Send ITP Signal", "status": "success", "is_success": true,
		"output_message": %q,
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"status": 202, "payload": %s}, "entities": [],
		"targets": [{"input": "Alice@Acme.Test", "source": "parameter", "outcome": "accepted", "verified": false}],
		"warnings": [%q]
	}`, sentMessage, payload, oldEvent))

	if diff := cmp.Diff(map[string]any{"alg": "RS256", "kid": testkit.KeyID, "typ": "secevent+jwt"}, part(t, request.Body, 0)); diff != "" {
		t.Errorf("header of the token (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(got.Get("json_result", "payload"), any(part(t, request.Body, 1))); diff != "" {
		t.Errorf("claims of the token, and the payload in the reply (-reply +token):\n%s", diff)
	}
	if request.Headers["Content-Type"] != "application/secevent+jwt" {
		t.Errorf("Content-Type %q", request.Headers["Content-Type"])
	}
	// The incumbent also sends the org's API token (its defect 17).
	if _, there := request.Headers["Authorization"]; there || request.Query != "" {
		t.Errorf("the request has credentials or a query: %v ?%s", request.Headers, request.Query)
	}
	if signal := received(t, w); !signal.Verified || !signal.Accepted || signal.KeyID != testkit.KeyID {
		t.Errorf("Okta says of the signal: verified %v, accepted %v, %s", signal.Verified, signal.Accepted, signal.Error)
	}
	quiet(t, w, got, w.Key.PEM().Reveal())
}

// TestSendSignal_UnknownUserIsNotFound: Okta would accept the signal and ignore it.
func TestSendSignal_UnknownUserIsNotFound(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("signals/send-itp-signal", params(map[string]any{"User Email": "missing@acme.test"}))
	if got.HTTP != 422 || got.Get("targets", 0, "outcome") != "not_found" || len(w.Okta.Signals()) != 0 {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}

// TestSendSignal_WithoutLookupClaimsNoUser: Okta accepts a signal about an unknown e-mail address and
// ignores it, so the reply warns that the user was not looked up. Neither it nor the audit reports a
// risk level.
func TestSendSignal_WithoutLookupClaimsNoUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o      testkit.Options
		reason string
	}{
		"no credentials": {testkit.Options{Env: map[string]string{"OKTA_API_TOKEN_SECRET": ""}}, "the function has no credentials for Okta"},
		"no scope":       {testkit.Options{App: &emulator.App{Scopes: []string{"okta.logs.read"}}}, "the service app is not granted okta.users.read: grant it in Okta, under Okta API Scopes of the app"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, c.o)
			got := w.Run("signals/send-itp-signal", params(map[string]any{"User Email": "missing@acme.test"}))
			want := map[string]any{"input": "missing@acme.test", "source": "parameter", "outcome": "accepted", "verified": false, "not_undoable": "a signal that Okta accepted cannot be taken back"}
			if diff := cmp.Diff(want, got.Get("targets", 0)); diff != "" || got.HTTP != 200 || got.Get("is_success") != true {
				t.Errorf("target (-want +got):\n%s\nreply: %d %s", diff, got.HTTP, got.Body)
			}
			warnings := []any{oldEvent, "The user was not looked up: " + c.reason + ". Okta also accepts signals about users whom it does not know."}
			if diff := cmp.Diff(warnings, got.Get("warnings")); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if signal := received(t, w); !signal.Verified || signal.Accepted {
				t.Errorf("Okta took the signal as %+v, want verified and ignored", signal)
			}
			if log := w.Log(); !strings.Contains(log, `"outcome":"accepted"`) || strings.Contains(log, "current_level") {
				t.Errorf("the audit does not record accepted, or it reports a level: %s", log)
			}
		})
	}
}

// TestSendSignal_SendsTheSignInAddress: the given address is the user's other one.
func TestSendSignal_SendsTheSignInAddress(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "nora@acme.test", Email: "nora.other@acme.test"})
	got := w.Run("signals/send-itp-signal", params(map[string]any{"User Email": "nora.other@acme.test"}))
	subject := got.Get("json_result", "payload", "events", "https://schemas.okta.com/secevent/okta/event-type/user-risk-change", "subject", "user", "email")
	if subject != "nora@acme.test" || w.User("nora").Risk != "HIGH" || !received(t, w).Accepted {
		t.Errorf("%v, risk %q: %s", subject, w.User("nora").Risk, got.Body)
	}
}

// The incumbent always sends previous_level low, so that a low signal is not a change.
func TestSendSignal_Levels(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for given, want := range map[string][2]string{
		"low": {"low", "none"}, "Low": {"low", "none"}, "medium": {"medium", "low"}, "MEDIUM": {"medium", "low"}, " high ": {"high", "medium"}, "High": {"high", "medium"},
		"Critical": {"high", "medium"}, "informational": {"low", "none"}, "none": {"low", "none"},
	} {
		got := w.Run("signals/send-itp-signal", params(map[string]any{"Severity": given}))
		event := got.Get("json_result", "payload", "events", "https://schemas.okta.com/secevent/okta/event-type/user-risk-change").(map[string]any)
		if event["current_level"] != want[0] || event["previous_level"] != want[1] {
			t.Errorf("Severity %q: %v from %v, want %v", given, event["current_level"], event["previous_level"], want)
		}
		if warned := strings.Contains(fmt.Sprint(got.Get("warnings")), "Severity: Okta has no severity"); warned != (len(given) > 6) && given != "none" {
			t.Errorf("Severity %q: warnings %v", given, got.Get("warnings"))
		}
	}
	got := w.Run("signals/send-itp-signal", params(map[string]any{"Previous Level": "NONE"}))
	if event := got.Get("json_result", "payload", "events", "https://schemas.okta.com/secevent/okta/event-type/user-risk-change").(map[string]any); event["previous_level"] != "none" {
		t.Errorf("Previous Level none: %v", event)
	}
}

func TestSendSignal_Timestamps(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for given, want := range map[string]json.Number{
		"2025-05-25T14:47:52Z":               "1748184472000",
		"2025-05-25T16:47:52+02:00":          "1748184472000",
		"2025-05-25T10:17:52.5-0430":         "1748184472500",
		"2025-05-25T14:47:52.123456789Z":     "1748184472123",
		" 2025-05-25t14:47z ":                "1748184420000",
		"1748184472":                         "1748184472000",
		"1748184472123":                      "1748184472123",
		"2025-05-25T14:47:52.1234567+00:00 ": "1748184472123",
	} {
		got := w.Run("signals/send-itp-signal", params(map[string]any{"Timestamp": given}))
		if ms := got.Get("json_result", "payload", "events", "https://schemas.okta.com/secevent/okta/event-type/user-risk-change", "event_timestamp"); ms != want {
			t.Errorf("Timestamp %q: event_timestamp %v, want %s", given, ms, want)
		}
	}
}

func TestSendSignal_RejectsInvalidRequest(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for parameter, values := range map[string][]any{
		"User Email": {"alice", "alice@", "@acme.test", "a@b@c", "alice@acme.test, bob@acme.test", "Alice <alice@acme.test>", "", nil, "[Event.email]", 7, []string{"alice@acme.test"}, strings.Repeat("x", 250) + "@acme.test"},
		"Timestamp":  {"yesterday", "2025-05-25", "2025-05-25T14:47:52", "2025-02-30T00:00:00Z", "174818447", "1999-01-01T00:00:00Z", "", nil, "[Event.time]", json.Number("1748184472")},
		"Reason":     {"", "  ", nil, "[Event.reason]", true},
		"Severity":   {"severe", "", nil, "[Event.severity]", 3},
		"Issuer URL": {"soc.example.com", "ftp://soc.example.com", "https://", "[Event.issuer]"},
		"Key ID":     {"[Event.kid]", 7},
	} {
		for _, value := range values {
			got := w.Run("signals/send-itp-signal", params(map[string]any{parameter: value}))
			if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != parameter || !strings.HasPrefix(got.Get("output_message").(string), "Failed to send the ITP signal to Okta. Error is ") {
				t.Errorf("%s %v: %d %s", parameter, value, got.HTTP, got.Body)
			}
		}
	}
	var missing []string
	got := w.Run("signals/send-itp-signal", "")
	for i := range got.Get("error", "problems").([]any) {
		missing = append(missing, got.Get("error", "problems", i, "parameter").(string))
	}
	if diff := cmp.Diff([]string{"User Email", "Timestamp", "Reason", "Severity"}, missing); diff != "" {
		t.Errorf("an empty request: problems (-want +got):\n%s", diff)
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}

func TestSendSignal_DryRunSendsNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	request := params(map[string]any{"User Email": "alice@acme.test"})
	request["options"] = map[string]any{"dry_run": true}
	w.Run("signals/send-itp-signal", request).Want(t, 200, `{
		"action": "Send ITP Signal", "status": "planned", "is_success": true, "output_message": "Would send 1 signal: alice@acme.test.",
		"script_result": {"name": "is_success", "value": true}, "json_result": null, "entities": [],
		"targets": [{"input": "alice@acme.test", "source": "parameter", "outcome": "planned"}],
		"warnings": ["`+oldEvent+`"]
	}`)
	w.WantWrites()
	if len(w.Okta.Signals()) != 0 {
		t.Errorf("requests to Okta: %v", w.Asked())
	}
}

// TestSendSignal_VerifyLooksIntoTheSystemLog: the event is there at once, later, or not in time.
func TestSendSignal_VerifyLooksIntoTheSystemLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		delay    time.Duration
		o        testkit.Options
		verified bool
		warning  string
	}{
		"at once":        {verified: true},
		"later":          {delay: 9 * time.Second, verified: true},
		"too late":       {delay: time.Minute, warning: "alice@acme.test: Okta accepted the change, but it could not be read back: the System Log has no event security.events.provider.receive_event about the user after 20s; it may be late"},
		"no scope":       {o: testkit.Options{App: &emulator.App{Scopes: []string{"okta.users.read"}}}, warning: "alice@acme.test: Okta accepted the change, but it could not be read back: the service app is not granted okta.logs.read: grant it in Okta, under Okta API Scopes of the app"},
		"no credentials": {o: testkit.Options{Env: map[string]string{"OKTA_API_TOKEN_SECRET": ""}}, warning: "alice@acme.test: the result cannot be read back from Okta, so it is not verified."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, c.o)
			w.Okta.SetLogDelay(c.delay)
			request := params(map[string]any{"User Email": "alice@acme.test"})
			request["options"] = map[string]any{"verify": true}
			got := w.Run("signals/send-itp-signal", request)
			if got.Get("status") != "success" || got.Get("targets", 0, "verified") != c.verified {
				t.Errorf("%d %s", got.HTTP, got.Body)
			}
			if warnings, _ := got.Get("warnings").([]any); c.warning != "" && !slices.Contains(warnings, any(c.warning)) {
				t.Errorf("warnings: %q", warnings)
			}
		})
	}
}

// The incumbent accepts only 202; the product document shows 200.
func TestSendSignal_Status200IsSuccess(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: path, Status: 200})
	got := w.Run("signals/send-itp-signal", params(nil))
	if got.HTTP != 200 || got.Get("json_result", "status") != json.Number("200") || got.Get("output_message") != sentMessage {
		t.Errorf("reply: %d %s", got.HTTP, got.Body)
	}
}

func TestSendSignal_Failures(t *testing.T) {
	t.Parallel()
	const maybe = ": the change may or may not have been made"
	for name, c := range map[string]struct {
		fault     emulator.Fault
		http      int
		code, say string
		retryable bool
		tokens    int
	}{
		"Okta has an error":         {emulator.Fault{Status: 500}, 503, "E0000009", "Okta returned status 500 (E0000009) in all 4 attempts" + maybe, true, 4},
		"the reply is lost":         {emulator.Fault{Drop: true}, 503, "okta_unreachable", "the connection to Okta failed: it was closed before Okta responded" + maybe, true, 4},
		"Okta is read only":         {emulator.Fault{Status: 503}, 503, "E0000010", "Service is in read only mode; the change was not made; try again", true, 4},
		"Okta refuses the license":  {emulator.Fault{Status: 403, Body: `{"errorCode": "E0000015", "errorSummary": "You do not have permission to access the feature you are requesting"}`}, 422, "E0000015", "You do not have permission to access the feature you are requesting", false, 1},
		"neither yes nor no":        {emulator.Fault{Status: 204}, 502, "bad_reply", "Okta returned status 204, which neither accepts nor rejects the request" + maybe, false, 1},
		"a page of a proxy instead": {emulator.Fault{Status: 404, Body: "<html>"}, 502, "bad_reply", "Okta returned 404 Not Found without an Okta error code", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			c.fault.Path = path
			w.Okta.AddFault(c.fault)
			got := w.Run("signals/send-itp-signal", params(map[string]any{"User Email": "alice@acme.test"}))
			got.Want(t, c.http, fmt.Sprintf(`{
				"action": "Send ITP Signal", "status": "failure", "is_success": false,
				"output_message": %q,
				"script_result": {"name": "is_success", "value": false}, "json_result": null, "entities": [],
				"targets": [{"input": "alice@acme.test", "source": "parameter", "outcome": "failed", "error": {"code": %q, "message": %q, "retryable": %v}}],
				"warnings": [%[5]q], "error": {"code": %[2]q, "message": %[3]q, "problems": []}
			}`, "Failed to send the ITP signal to Okta. Error is "+c.say, c.code, c.say, c.retryable, oldEvent))
			if tokens := w.Writes(); len(tokens) != c.tokens {
				t.Errorf("tokens sent: %v", tokens)
			}
			quiet(t, w, got, w.Key.PEM().Reveal())
		})
	}
}

// TestSendSignal_IsSentAgainWithOneID has each fault, once and always, with and without an idempotency
// key: how many tokens leave, that all of them have one jti, and the outcome.
func TestSendSignal_IsSentAgainWithOneID(t *testing.T) {
	t.Parallel()
	invalid := `{"err": "invalid_request", "description": "Failed claim validation"}`
	for name, c := range map[string]struct {
		fault        emulator.Fault
		once, always int // tokens
		http, code   any // if the fault stays
	}{
		"lost request":  {emulator.Fault{Drop: true}, 2, 4, 503, "okta_unreachable"},
		"lost response": {emulator.Fault{Drop: true, CarriedOut: true}, 2, 4, 503, "okta_unreachable"},
		"429":           {emulator.Fault{Status: 429}, 2, 4, 503, "E0000047"},
		"500":           {emulator.Fault{Status: 500}, 2, 4, 503, "E0000009"},
		"503":           {emulator.Fault{Status: 503}, 2, 4, 503, "E0000010"},
		"400":           {emulator.Fault{Status: 400, Body: invalid}, 1, 1, 422, "invalid_request"},
	} {
		for _, key := range []string{"", "case-4711"} {
			for _, times := range []int{1, 0} {
				t.Run(fmt.Sprint(name, " ", key, " ", times), func(t *testing.T) {
					t.Parallel()
					w := testkit.New(t, testkit.Options{})
					f := c.fault
					f.Path, f.Times = path, times
					w.Okta.AddFault(f)
					got := w.Do(http.MethodPost, "signals/send-itp-signal", body(t, "alice@acme.test"), http.Header{"Idempotency-Key": {key}})
					var ids []string
					for _, r := range w.Okta.Requests() {
						if r.Method == http.MethodPost {
							ids = append(ids, part(t, r.Body, 1)["jti"].(string))
						}
					}
					wanted, ends := c.always, times == 0 || c.once == 1
					if times == 1 {
						wanted = c.once
					}
					if len(ids) != wanted || len(slices.Compact(slices.Clone(ids))) != 1 {
						t.Errorf("tokens: %v, want %d", ids, wanted)
					}
					if ends && (got.HTTP != c.http || got.Get("error", "code") != c.code) || !ends && got.Get("targets", 0, "outcome") != "accepted" {
						t.Errorf("%d %s", got.HTTP, got.Body)
					}
				})
			}
		}
	}
}

// TestSendSignal_TimeoutIsInDoubt: Okta does not respond before the deadline.
func TestSendSignal_TimeoutIsInDoubt(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"REQUEST_DEADLINE": "1s"}})
	w.Okta.AddFault(emulator.Fault{Path: path, LatencyMS: 60_000})
	got := w.Run("signals/send-itp-signal", params(nil))
	if got.HTTP != 504 || got.Get("targets", 0, "error", "retryable") != true || !strings.Contains(string(got.Body), "may or may not have been made") {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}

func TestSendSignal_SameKeySendsSameID(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	body, err := json.Marshal(params(nil))
	if err != nil {
		t.Fatal(err)
	}
	jti := func(key string) string {
		header := http.Header{}
		if key != "" {
			header.Set("Idempotency-Key", key)
		}
		got := w.Do("POST", "signals/send-itp-signal", string(body), header)
		id, _ := got.Get("json_result", "payload", "jti").(string)
		if id == "" {
			t.Fatalf("no jti: %s", got.Body)
		}
		return id
	}
	if first, again := jti("case-4711"), jti("case-4711"); first != again {
		t.Errorf("one key, two signals: %s, %s", first, again)
	} else if accepted := w.Okta.Signals()[0]; !accepted.Accepted {
		t.Errorf("the first was not accepted: %s", accepted.Error)
	}
	if jti("case-4711") == jti("case-4712") {
		t.Error("two keys, one signal: Okta ignores the second")
	}
	if first, second := jti(""), jti(""); first == second {
		t.Error("without a key, two signals have one jti: Okta ignores the second")
	}
}

// The incumbent requires the org's API credentials although Okta checks only the signature (its
// defect 17).
func TestSendSignal_NeedsNoOktaCredentials(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"OKTA_API_TOKEN_SECRET": ""}})
	got := w.Run("signals/send-itp-signal", params(nil))
	if got.Get("status") != "success" || !received(t, w).Accepted {
		t.Errorf("reply: %s", got.Body)
	}
}

// Okta ignores a duplicate jti, so another signal with the same idempotency key, such as a case ID,
// needs another jti.
func TestSendSignal_AnotherSignalHasAnotherID(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, c := range []struct {
		user string
		http int
		code any
	}{{"alice@acme.test", 200, nil}, {"bob@acme.test", 422, "idempotency_key_reused"}, {"alice@acme.test", 200, nil}} {
		got := w.Do(http.MethodPost, "signals/send-itp-signal", body(t, c.user), http.Header{"Idempotency-Key": {"case-4711"}})
		if got.HTTP != c.http || got.Get("error", "code") != c.code {
			t.Errorf("%s: %d %s", c.user, got.HTTP, got.Body)
		}
	}
	if signals := w.Okta.Signals(); len(signals) != 1 || !signals[0].Accepted {
		t.Errorf("Okta got %v", signals)
	}
}

func body(t *testing.T, user string) string {
	t.Helper()
	b, err := json.Marshal(params(map[string]any{"User Email": user}))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
