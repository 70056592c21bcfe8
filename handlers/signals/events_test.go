package signals_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/test/testkit"
)

// others are the signals besides Send ITP Signal: their parameters, their subject, and the event that
// Okta gets.
var others = map[string]struct {
	slug, about  string
	params       map[string]any
	kind, events string
}{
	"Send Device Risk Signal": {
		"send-device-risk-signal", "the device guo1", map[string]any{"Device ID": "guo1", "Reason": "Malware", "Severity": "high", "Previous Level": "low"},
		"https://schemas.okta.com/secevent/okta/event-type/device-risk-change",
		`"current_level": "high", "previous_level": "low", "reason_admin": {"en": "Malware"}`,
	},
	"Send Session Revoked Signal": {
		"send-session-revoked-signal", "the user alice@acme.test", map[string]any{"User Email": "Alice@acme.test", "IP Address": "198.51.100.7", "User Agent": "curl"},
		"https://schemas.openid.net/secevent/caep/event-type/session-revoked",
		`"current_ip": "198.51.100.7", "current_user_agent": "curl"`,
	},
	"Send IP Change Signal": {
		"send-ip-change-signal", "the user alice@acme.test", map[string]any{"User Email": "Alice@acme.test", "Current IP Address": "198.51.100.7", "Previous IP Address": "192.0.2.10"},
		"https://schemas.okta.com/secevent/okta/event-type/ip-change",
		`"current_ip_address": "198.51.100.7", "previous_ip_address": "192.0.2.10"`,
	},
	"Send Device Compliance Signal": {
		"send-device-compliance-signal", "the device guo1", map[string]any{"Device ID": "guo1", "Is Compliant": false, "Reason": "No disk encryption"},
		"https://schemas.openid.net/secevent/caep/event-type/device-compliance-change",
		`"current_status": "not-compliant", "previous_status": "compliant", "reason_admin": {"en": "No disk encryption"}`,
	},
	"Send Identifier Changed Signal": {
		"send-identifier-changed-signal", "the user alice@acme.test", map[string]any{"User Email": "Alice@acme.test", "New Email": "a.anderson@acme.test"},
		"https://schemas.openid.net/secevent/risc/event-type/identifier-changed",
		`"new-value": "a.anderson@acme.test"`,
	},
}

func TestOtherSignals_WholeReply(t *testing.T) {
	t.Parallel()
	for name, c := range others {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			parameters := maps.Clone(c.params)
			parameters["Timestamp"] = "2026-03-02T09:59:00Z"
			got := w.Run("signals/"+c.slug, testkit.Params(parameters))
			subject, input := `"device": {"format": "opaque", "id": "guo1"}`, "guo1"
			if strings.HasPrefix(c.about, "the user") {
				subject, input = `"user": {"format": "email", "email": "alice@acme.test"}`, "Alice@acme.test"
			}
			got.Want(t, 200, fmt.Sprintf(`{
				"action": %q, "status": "success", "is_success": true,
				"output_message": "Successfully sent the signal to Okta. Okta accepted the signal for %s, and decides later what follows from it.",
				"script_result": {"name": "is_success", "value": true},
				"json_result": {"status": 202, "payload": {"iss": %q, "aud": %q, "iat": %d, "jti": %q,
					"events": {%q: {"subject": {%s}, "event_timestamp": 1772445540000, %s}}}},
				"entities": [], "targets": [{"input": %q, "source": "parameter", "outcome": "accepted", "verified": false}],
				"warnings": []
			}`, name, c.about, testkit.Issuer, w.OktaURL, testkit.Now.Unix(), got.Get("json_result", "payload", "jti"), c.kind, subject, c.events, input))
			if diff := cmp.Diff(got.Get("json_result", "payload"), any(part(t, sent(t, w).Body, 1))); diff != "" {
				t.Errorf("claims of the token, and the payload in the reply (-reply +token):\n%s", diff)
			}
			if signal := received(t, w); !signal.Accepted {
				t.Errorf("Okta: %s", signal.Error)
			}
		})
	}
}

// TestOtherSignals_BadInputSendsNothing: a missing parameter, a value of another form, and a change to
// the same value.
func TestOtherSignals_BadInputSendsNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, bad := range []struct {
		name, parameter string
		value           any
		problem         string
	}{
		{"Send Device Risk Signal", "Device ID", "guo 1", "must be the ID of a device in Okta"},
		{"Send Device Risk Signal", "Device ID", "", "is required"},
		{"Send Device Risk Signal", "Reason", "", "is required"},
		{"Send Device Risk Signal", "Severity", "severe", "must be low, medium or high"},
		{"Send Device Risk Signal", "Previous Level", "secure", "is not one of none, low, medium, high"},
		{"Send Session Revoked Signal", "IP Address", "localhost", "must be an IP address"},
		{"Send IP Change Signal", "Previous IP Address", "198.51.100.7", "must differ from Previous IP Address"},
		{"Send IP Change Signal", "Current IP Address", nil, "is required"},
		{"Send Identifier Changed Signal", "New Email", "ALICE@ACME.TEST", "must differ from User Email"},
		{"Send Identifier Changed Signal", "New Email", "alice", "must be one e-mail address"},
	} {
		parameters := maps.Clone(others[bad.name].params)
		parameters["Timestamp"], parameters[bad.parameter] = "2026-03-02T09:59:00Z", bad.value
		got := w.Run("signals/"+others[bad.name].slug, testkit.Params(parameters))
		if got.HTTP != 400 || !strings.Contains(fmt.Sprint(got.Get("error", "message")), bad.problem) {
			t.Errorf("%s, %s %v: %d %s", bad.name, bad.parameter, bad.value, got.HTTP, got.Body)
		}
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("asked: %v", asked)
	}
}

// TestSignals_TimestampIsCheckedAndMayBeInSeconds: a time in the future, or of long ago, is a warning.
func TestSignals_TimestampIsCheckedAndMayBeInSeconds(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"ITP_TIMESTAMP_UNIT": "s"}})
	for at, warning := range map[string]string{
		"2026-03-02T10:04:00Z": "[]", "2026-02-24T00:00:00Z": "[]",
		"2026-03-02T10:06:00Z": "[Timestamp is 6m0s ahead: check the time and its zone.]",
		"2026-02-23T09:00:00Z": "[" + oldEvent + "]",
	} {
		got := w.Run("signals/send-itp-signal", params(map[string]any{"Timestamp": at}))
		stamp := got.Get("json_result", "payload", "events", "https://schemas.okta.com/secevent/okta/event-type/user-risk-change", "event_timestamp")
		if warnings := fmt.Sprint(got.Get("warnings")); warnings != warning || len(fmt.Sprint(stamp)) != 10 {
			t.Errorf("%s: %s, %v", at, warnings, stamp)
		}
	}
}
