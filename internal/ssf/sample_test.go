package ssf

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestSign_IsTheSampleOfTheProductDocument: the token has the members of the sample and no others, is
// the same byte for byte each time, and another library verifies it.
func TestSign_IsTheSampleOfTheProductDocument(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signal := Signal{
		ID: "3c5fbf0c-3977-11f0-a195-7e498c84a3dd", Issuer: "https://www.google.com/", Audience: "https://acme.oktapreview.com",
		IssuedAt: time.Unix(1748184472, 0),
		Event:    occurred(RiskChange(Subject{Email: "user@domain.net"}, "medium", "", "BadNavigationEvent"), time.UnixMilli(1742199770057)),
	}
	token, err := Sign(parse(t, key), "key-1", signal)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Sign(parse(t, key), "key-1", signal); err != nil || again.Reveal() != token.Reveal() {
		t.Errorf("signed again, the token differs: %v", err)
	}
	signed, err := jose.ParseSigned(token.Reveal(), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	header := signed.Signatures[0].Protected
	if header.KeyID != "key-1" || header.ExtraHeaders["typ"] != "secevent+jwt" || len(header.ExtraHeaders) != 1 {
		t.Errorf("header: %+v", header)
	}
	want := strings.Join(strings.Fields(`{
		"aud":"https://acme.oktapreview.com",
		"events":{"https://schemas.okta.com/secevent/okta/event-type/user-risk-change":{
			"current_level":"medium",
			"event_timestamp":1742199770057,
			"previous_level":"low",
			"reason_admin":{"en":"BadNavigationEvent"},
			"subject":{"user":{"email":"user@domain.net","format":"email"}}}},
		"iat":1748184472,
		"iss":"https://www.google.com/",
		"jti":"3c5fbf0c-3977-11f0-a195-7e498c84a3dd"}`), "")
	if string(payload) != want {
		t.Errorf("payload:\n%s\nwant\n%s", payload, want)
	}
}
