package ssf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

func signal(t *testing.T) Signal {
	t.Helper()
	at, err := ParseTime("2025-05-25T14:47:52+02:00")
	if err != nil {
		t.Fatal(err)
	}
	return Signal{
		ID:       "signal-1",
		Issuer:   "https://transmitter.test",
		Audience: "https://acme.test",
		Event:    occurred(RiskChange(Subject{Email: "Alice@Acme.TEST"}, "high", "medium", "Impossible travel <case 7>"), at),
		IssuedAt: at.Add(1500 * time.Millisecond),
	}
}

// occurred returns the event at a time.
func occurred(e Event, at time.Time) Event {
	e.OccurredAt = at
	return e
}

// claims is the payload that Okta documents.
const claims = `{
	"iss": "https://transmitter.test",
	"aud": "https://acme.test",
	"iat": 1748177273,
	"jti": "signal-1",
	"events": {
		"https://schemas.okta.com/secevent/okta/event-type/user-risk-change": {
			"subject": {"user": {"format": "email", "email": "alice@acme.test"}},
			"current_level": "high",
			"previous_level": "medium",
			"reason_admin": {"en": "Impossible travel <case 7>"},
			"event_timestamp": 1748177272000
		}
	}
}`

// decode keeps numbers as they are written, because some parsers do not accept 1.748e12 as an
// integer.
func decode(t *testing.T, raw string) map[string]any {
	t.Helper()
	var decoded map[string]any
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func TestClaims_AreExactlyOktas(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(signal(t).Claims())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decode(t, claims), decode(t, string(raw))); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

// TestClaims_OfEachEvent has the whole events claim of each type, as Okta's reference defines it.
func TestClaims_OfEachEvent(t *testing.T) {
	t.Parallel()
	alice, laptop := Subject{Email: "Alice@Acme.TEST"}, Subject{DeviceID: "guo1"}
	const user, device = `"subject": {"user": {"format": "email", "email": "alice@acme.test"}}`, `"subject": {"device": {"format": "opaque", "id": "guo1"}}`
	for want, e := range map[string]Event{
		`"https://schemas.okta.com/secevent/okta/event-type/user-risk-change": {` + user + `, "current_level": "low", "previous_level": "none", "reason_admin": {"en": "why"}`:         RiskChange(alice, "low", "none", "why"),
		`"https://schemas.okta.com/secevent/okta/event-type/device-risk-change": {` + device + `, "current_level": "high", "previous_level": "low", "reason_admin": {"en": "why"}`:     RiskChange(laptop, "high", "low", "why"),
		`"https://schemas.okta.com/secevent/okta/event-type/ip-change": {` + user + `, "current_ip_address": "192.0.2.1", "previous_ip_address": "192.0.2.2"`:                          IPChange(alice, "192.0.2.1", "192.0.2.2", ""),
		`"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {` + user:                                                                                              SessionRevoked(alice, "", "", ""),
		`"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {` + user + `, "current_ip": "192.0.2.1", "current_user_agent": "curl", "reason_admin": {"en": "why"}`: SessionRevoked(alice, "192.0.2.1", "curl", "why"),
		`"https://schemas.openid.net/secevent/caep/event-type/device-compliance-change": {` + device + `, "current_status": "not-compliant", "previous_status": "compliant"`:           DeviceCompliance(laptop, false, ""),
		`"https://schemas.openid.net/secevent/caep/event-type/device-compliance-change": {` + device + `, "current_status": "compliant", "previous_status": "not-compliant"`:           DeviceCompliance(laptop, true, ""),
		`"https://schemas.openid.net/secevent/risc/event-type/identifier-changed": {` + user + `, "new-value": "new@acme.test"`:                                                        IdentifierChanged(alice, "new@acme.test"),
	} {
		for _, seconds := range []bool{false, true} {
			e.InSeconds, e.OccurredAt = seconds, time.UnixMilli(1748177272345)
			stamp := map[bool]string{false: "1748177272345", true: "1748177272"}[seconds]
			raw, err := json.Marshal(e.Claims())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, `{`+want+`, "event_timestamp": `+stamp+`}}`), decode(t, string(raw))); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		}
	}
}

func TestSign_TokenVerifiesWithPublicKey(t *testing.T) {
	t.Parallel()
	private := map[string]crypto.Signer{}
	var err error
	if private["RS256"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	for alg, curve := range map[string]elliptic.Curve{
		"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521(),
	} {
		if private[alg], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	for alg, signer := range private {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			token, err := Sign(parse(t, signer), "key-1", signal(t))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := jwt.Parse(token.Reveal(), func(*jwt.Token) (any, error) { return signer.Public(), nil },
				jwt.WithValidMethods([]string{alg}))
			if err != nil {
				t.Fatalf("the signature is not valid: %v", err)
			}
			want := map[string]any{"alg": alg, "typ": "secevent+jwt", "kid": "key-1"}
			if diff := cmp.Diff(want, parsed.Header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token.Reveal(), ".")[1])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, claims), decode(t, string(payload))); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func parse(t *testing.T, private any) keys.Key {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Parse(secrets.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSign_RejectsIncompleteSignal(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := parse(t, private)
	for want, change := range map[string]func(*Signal){
		"missing: id":                func(s *Signal) { s.ID = "" },
		"missing: issuer, audience":  func(s *Signal) { s.Issuer, s.Audience = "", "" },
		"missing: user or device":    func(s *Signal) { s.Email = "" },
		"missing: event":             func(s *Signal) { s.kind = "" },
		"missing: time of the event": func(s *Signal) { s.OccurredAt = time.Time{} },
		"missing: time of issue":     func(s *Signal) { s.IssuedAt = time.Time{} },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s := signal(t)
			change(&s)
			token, err := Sign(k, "key-1", s)
			if err == nil || !strings.Contains(err.Error(), want) || !token.IsZero() {
				t.Errorf("error = %v, want %q in it", err, want)
			}
		})
	}
	t.Run("no key id", func(t *testing.T) {
		t.Parallel()
		if _, err := Sign(k, "", signal(t)); err == nil || !strings.Contains(err.Error(), "missing: key id") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("no key", func(t *testing.T) {
		t.Parallel()
		if _, err := Sign(keys.Key{}, "key-1", signal(t)); err == nil {
			t.Error("Sign accepts the zero Key")
		}
	})
}
