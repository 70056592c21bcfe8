// Package ssf builds and signs security event tokens (RFC 8417) for Okta's Identity Threat
// Protection. It does not send them.
//
// ParseTime and ParseLevel return sentences for the caller of an action. Sign returns an error that
// lists the missing fields, or an error of the key.
package ssf

import (
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

// Signal is one event for Okta, the payload of POST /security/api/v1/security-events. Okta ignores a
// signal whose ID it has received before.
type Signal struct {
	Event
	ID       string    // jti
	Issuer   string    // iss: the transmitter's URL as registered with Okta
	Audience string    // aud: the Okta organization's URL
	IssuedAt time.Time // iat
}

// Claims returns the claims of the security event token, with iat in seconds. exp and sub are absent:
// the profile forbids both, and Okta expects the subject inside the event.
func (s Signal) Claims() map[string]any {
	return map[string]any{
		"iss": s.Issuer, "aud": s.Audience, "iat": s.IssuedAt.Unix(), "jti": s.ID, "events": s.Event.Claims(),
	}
}

// Sign returns the signal as a signed security event token with typ secevent+jwt and kid in its
// header. It returns an error if a field is missing.
func Sign(k keys.Key, kid string, s Signal) (token secrets.Value, err error) {
	if err := s.check(kid); err != nil {
		return secrets.Value{}, fmt.Errorf("signing a security event token: %w", err)
	}
	signed, err := k.Sign(map[string]any{"typ": "secevent+jwt", "kid": kid}, jwt.MapClaims(s.Claims()))
	if err != nil {
		return secrets.Value{}, fmt.Errorf("signing a security event token: %w", err)
	}
	return secrets.New(signed), nil
}

func (s Signal) check(kid string) error {
	var missing []string
	for _, required := range []struct {
		name  string
		unset bool
	}{
		{"key id", kid == ""},
		{"id", s.ID == ""},
		{"issuer", s.Issuer == ""},
		{"audience", s.Audience == ""},
		{"event", s.kind == ""},
		{"user or device", s.Subject == Subject{}},
		{"time of the event", s.OccurredAt.IsZero()},
		{"time of issue", s.IssuedAt.IsZero()},
	} {
		if required.unset {
			missing = append(missing, required.name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing: %s", strings.Join(missing, ", "))
	}
	return nil
}
