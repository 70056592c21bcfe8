// Package ssf builds and signs security event tokens (RFC 8417) as Okta's
// Identity Threat Protection takes them. It sends nothing.
package ssf

import (
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

const userRiskChange = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change"

// Signal is one change of a user's risk, the payload of
// POST /security/api/v1/security-events. Okta ignores a signal whose ID it has
// seen before.
type Signal struct {
	ID         string    // jti
	Issuer     string    // iss: the transmitter's URL as registered with Okta
	Audience   string    // aud: the Okta organization's URL
	Email      string    // of the user, in any case
	Reason     string    // shown to Okta administrators
	Level      Level     // current_level; previous_level is one level lower
	OccurredAt time.Time // event_timestamp
	IssuedAt   time.Time // iat
}

// Claims returns the claims of the security event token: iat in seconds,
// event_timestamp in milliseconds. There is no exp and no sub: the profile
// forbids both, and Okta takes the subject inside the event.
func (s Signal) Claims() map[string]any {
	return map[string]any{
		"iss": s.Issuer,
		"aud": s.Audience,
		"iat": s.IssuedAt.Unix(),
		"jti": s.ID,
		"events": map[string]any{
			userRiskChange: map[string]any{
				"subject": map[string]any{
					"user": map[string]any{"format": "email", "email": strings.ToLower(s.Email)},
				},
				"current_level":   string(s.Level),
				"previous_level":  string(s.Level.Previous()),
				"reason_admin":    map[string]any{"en": s.Reason},
				"event_timestamp": s.OccurredAt.UnixMilli(),
			},
		},
	}
}

// Sign returns the signal as a signed security event token: typ secevent+jwt
// and kid in the header. A signal that Okta could only refuse or misread is an
// error.
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
		{"e-mail address", s.Email == ""},
		{"reason", s.Reason == ""},
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
	if s.Level != low && s.Level != medium && s.Level != high {
		return errLevel
	}
	return nil
}
