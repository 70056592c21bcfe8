// Package ssf builds and signs security event tokens (RFC 8417) for Okta's Identity Threat
// Protection. It does not send them.
//
// ParseTime returns sentences for the caller of an action. Sign returns an error that lists the
// missing fields, or an error of the key.
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

// Signal is one change of a user's risk, the payload of POST /security/api/v1/security-events. Okta
// ignores a signal whose ID it has received before.
type Signal struct {
	ID         string    // jti
	Issuer     string    // iss: the transmitter's URL as registered with Okta
	Audience   string    // aud: the Okta organization's URL
	Email      string    // of the user, in upper or lower case
	Reason     string    // shown to Okta administrators
	Level      Level     // current_level; previous_level is one level lower
	OccurredAt time.Time // event_timestamp
	IssuedAt   time.Time // iat
}

// Claims returns the claims of the security event token, with iat in seconds and event_timestamp in
// milliseconds. exp and sub are absent: the profile forbids both, and Okta expects the subject
// inside the event.
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

// Sign returns the signal as a signed security event token with typ secevent+jwt and kid in its
// header. It returns an error if a field is missing or the level is not valid.
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
