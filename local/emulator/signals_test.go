package emulator_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer   = "https://secops.acme.test"
	riskType = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change"
)

// transmitter is a registered signer of security event tokens.
type transmitter struct {
	rsa   *rsa.PrivateKey
	ec    *ecdsa.PrivateKey
	other *rsa.PrivateKey // not registered
	jwks  []byte          // of the first two
}

// newTransmitter registers an RSA key with the kid "rsa" and an EC key with the kid "ec".
func newTransmitter(t *testing.T, o *org) transmitter {
	t.Helper()
	var s transmitter
	var errs [3]error
	s.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	s.other, errs[1] = rsa.GenerateKey(rand.Reader, 2048)
	s.ec, errs[2] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	point, err := s.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	jwks, err := json.Marshal(map[string]any{"keys": []map[string]string{
		{"kty": "RSA", "kid": "rsa", "n": b64(s.rsa.N.Bytes()), "e": b64(big.NewInt(int64(s.rsa.E)).Bytes())},
		{"kty": "EC", "kid": "ec", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.jwks = jwks
	o.RegisterTransmitter(issuer, jwks)
	return s
}

// signal is an unsigned token.
type signal struct {
	kid, typ string
	method   jwt.SigningMethod
	key      crypto.PrivateKey
	claims   jwt.MapClaims
	event    map[string]any // the event in claims
}

// valid returns a token with a higher risk of alice.
func (s transmitter) valid(o *org) *signal {
	event := map[string]any{
		"subject":       map[string]any{"user": map[string]any{"format": "email", "email": "Alice@acme.test"}},
		"current_level": "high", "previous_level": "medium",
		"reason_admin": map[string]any{"en": "Credentials found in a dump"}, "event_timestamp": 1742199770057,
	}
	return &signal{kid: "rsa", typ: "secevent+jwt", method: jwt.SigningMethodRS256, key: s.rsa, event: event,
		claims: jwt.MapClaims{
			"iss": issuer, "aud": o.url, "iat": 1742199770, "jti": "jti-1", "events": map[string]any{riskType: event},
		}}
}

func (o *org) postSignal(s *signal, header ...string) (response, string) {
	o.t.Helper()
	token := jwt.NewWithClaims(s.method, s.claims)
	token.Header["kid"], token.Header["typ"] = s.kid, s.typ
	jws, err := token.SignedString(s.key)
	if err != nil {
		o.t.Fatal(err)
	}
	a, err := o.send("POST", o.url+"/security/api/v1/security-events", jws,
		append([]string{"Content-Type", "application/secevent+jwt"}, header...)...)
	if err != nil {
		o.t.Fatal(err)
	}
	return a, jws
}

func TestSignal_Accepted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*org, transmitter, *signal){
		"as it is": func(*org, transmitter, *signal) {},
		"signed with an EC key": func(_ *org, s transmitter, v *signal) {
			v.kid, v.key, v.method = "ec", s.ec,
				jwt.SigningMethodES256
		},
		"with a slash after the aud": func(o *org, _ transmitter, v *signal) { v.claims["aud"] = o.url + "/" },
		"with an aud that is a list": func(o *org, _ transmitter, v *signal) { v.claims["aud"] = []string{o.url} },
		"with a reason for users": func(_ *org, _ transmitter, v *signal) {
			v.event["reason_user"] = v.event["reason_admin"]
			delete(v.event, "reason_admin")
		},
		"about a device": func(_ *org, _ transmitter, v *signal) {
			v.event["subject"] = map[string]any{"device": map[string]any{"format": "opaque", "id": "guo1"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := start(t)
			s := newTransmitter(t, o)
			v := s.valid(o)
			change(o, s, v)
			if a, _ := o.postSignal(v); a.status != 202 || a.body != "" {
				t.Errorf("%d %s", a.status, a.body)
			}
			got := o.Signals()
			if len(got) != 1 || !got[0].Verified || !got[0].Accepted || got[0].Error != "" || got[0].KeyID != v.kid ||
				got[0].Claims["jti"] != "jti-1" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestSignal_Rejected(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(transmitter, *signal)
		err    string
	}{
		"another key": {func(s transmitter, v *signal) { v.key = s.other }, "authentication_failed"},
		"a symmetric key": {func(_ transmitter, v *signal) { v.method, v.key = jwt.SigningMethodHS256, []byte("secret") },
			"authentication_failed"},
		"no signature": {func(_ transmitter, v *signal) {
			v.method, v.key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
		}, "authentication_failed"},
		"the kid of a key of another type": {func(_ transmitter, v *signal) { v.kid = "ec" }, "authentication_failed"},
		"an unknown kid":                   {func(_ transmitter, v *signal) { v.kid = "none" }, "invalid_key"},
		"no kid":                           {func(_ transmitter, v *signal) { v.kid = "" }, "invalid_request"},
		"another typ":                      {func(_ transmitter, v *signal) { v.typ = "JWT" }, "invalid_request"},
		"another issuer": {func(_ transmitter, v *signal) { v.claims["iss"] = "https://elsewhere.test" },
			"invalid_issuer"},
		"another audience": {func(_ transmitter, v *signal) { v.claims["aud"] = "https://acme.okta.com" },
			"invalid_audience"},
		"no audience": {func(_ transmitter, v *signal) { delete(v.claims, "aud") }, "invalid_audience"},
		"no jti":      {func(_ transmitter, v *signal) { delete(v.claims, "jti") }, "invalid_request"},
		"no iat":      {func(_ transmitter, v *signal) { delete(v.claims, "iat") }, "invalid_request"},
		"an exp": {func(_ transmitter, v *signal) { v.claims["exp"] = 4102444800 },
			"invalid_request"},
		"no events": {func(_ transmitter, v *signal) { v.claims["events"] = map[string]any{} },
			"invalid_request"},
		"an unknown event": {func(_ transmitter, v *signal) {
			v.claims["events"] = map[string]any{"https://x.test/credential-change": v.event}
		}, "invalid_request"},
		"no subject":            {func(_ transmitter, v *signal) { delete(v.event, "subject") }, "invalid_request"},
		"no event_timestamp":    {func(_ transmitter, v *signal) { delete(v.event, "event_timestamp") }, "invalid_request"},
		"no previous_level":     {func(_ transmitter, v *signal) { delete(v.event, "previous_level") }, "invalid_request"},
		"a level in upper case": {func(_ transmitter, v *signal) { v.event["current_level"] = "HIGH" }, "invalid_request"},
		"a reason without en": {func(_ transmitter, v *signal) { v.event["reason_admin"] = map[string]any{"de": "Fund"} },
			"invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := start(t)
			s := newTransmitter(t, o)
			v := s.valid(o)
			tc.change(s, v)
			a, _ := o.postSignal(v)
			var body map[string]string
			if a.into(t, &body); a.status != 400 || body["err"] != tc.err || body["description"] == "" {
				t.Errorf("%d %s, want %s", a.status, a.body, tc.err)
			}
			if got := o.Signals(); len(got) != 1 || got[0].Verified || got[0].Accepted || got[0].Error == "" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestSignal_ErrorNamesMemberInCamelCase(t *testing.T) {
	t.Parallel()
	o := start(t)
	s := newTransmitter(t, o)
	v := s.valid(o)
	delete(v.event, "previous_level")
	a, _ := o.postSignal(v)
	const want = `{"description":"Failed claim validation in security event token. ` +
		`'events.userRiskChangeEvent.previousLevel': The field cannot be left blank","err":"invalid_request"}`
	if a.body != want {
		t.Error(a.body)
	}
}

func TestSignal_RejectsOtherContentType(t *testing.T) {
	t.Parallel()
	o := start(t)
	s := newTransmitter(t, o)
	if a, _ := o.postSignal(s.valid(o), "Content-Type", "application/jwt"); a.status != 400 {
		t.Error(a)
	}
	if a, err := o.send("POST", o.url+"/security/api/v1/security-events", "nonsense", "Content-Type",
		"application/secevent+jwt"); err != nil || a.status != 400 {
		t.Error(a, err)
	}
	if got := o.Signals(); len(got) != 2 || got[1].Claims != nil {
		t.Errorf("%+v", got)
	}
}

func TestSignal_SilentlyIgnored(t *testing.T) {
	t.Parallel()
	o := start(t)
	s := newTransmitter(t, o)
	post := func(change func(*signal)) emulator.ReceivedSignal {
		v := s.valid(o)
		v.claims = maps.Clone(v.claims)
		change(v)
		if a, _ := o.postSignal(v); a.status != 202 || a.body != "" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		all := o.Signals()
		return all[len(all)-1]
	}
	if got := post(func(*signal) {}); !got.Accepted {
		t.Errorf("%+v", got)
	}
	if got := post(func(*signal) {}); !got.Verified || got.Accepted || got.Error == "" {
		t.Errorf("a repeated jti: %+v", got)
	}
	got := post(func(v *signal) {
		v.claims["jti"] = "jti-2"
		v.event["subject"] = map[string]any{"user": map[string]any{"format": "email", "email": "zed@acme.test"}}
	})
	if !got.Verified || got.Accepted || got.Error == "" {
		t.Errorf("an unknown e-mail address: %+v", got)
	}
	o.Reset()
	if got := post(func(*signal) {}); !got.Accepted || len(o.Signals()) != 1 {
		t.Errorf("after Reset the transmitter must stay and the received signals must not: %+v", got)
	}
}

func TestSignal_IsInRequestLog(t *testing.T) {
	t.Parallel()
	o := start(t)
	s := newTransmitter(t, o)
	a, jws := o.postSignal(s.valid(o), "Authorization", "SSWS wrong")
	log := o.Requests()
	if a.status != 202 || len(log) != 1 || log[0].Body != jws || log[0].Headers["Authorization"] != "[redacted]" {
		t.Errorf("%d %+v", a.status, log)
	}
}

// The URL of the org is the address on which the emulator listens. Callers cannot change it with
// the Host header.
func TestSignal_AudienceIsTheOrgNotTheHostHeader(t *testing.T) {
	t.Parallel()
	o := start(t)
	s := newTransmitter(t, o)
	port := o.url[strings.LastIndex(o.url, ":"):]
	for i, c := range []struct {
		aud, host string
		status    int
	}{
		{"http://okta.example.com", "okta.example.com", 400},
		{"http://okta.example.com" + port, "okta.example.com" + port, 400},
		{o.url + "/oauth2", "", 400},
		{"https" + strings.TrimPrefix(o.url, "http"), "", 400},
		{"http://user@127.0.0.1" + port, "", 400},
		{o.url, "okta.example.com", 202},
		{"http://localhost" + port, "", 202},
	} {
		v := s.valid(o)
		v.claims["aud"], v.claims["jti"] = c.aud, fmt.Sprint("audience-", i)
		var header []string
		if c.host != "" {
			header = []string{"Host", c.host}
		}
		if a, _ := o.postSignal(v, header...); a.status != c.status {
			t.Errorf("aud %s, Host %q: %d %s, want %d", c.aud, c.host, a.status, a.body, c.status)
		}
	}
}
