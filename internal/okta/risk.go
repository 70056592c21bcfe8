package okta

import (
	"context"
	"encoding/json"
	"slices"
)

// Risk is the risk level of a user. Raw is the whole object as Okta sent it.
type Risk struct {
	Level string // NONE, LOW, MEDIUM or HIGH
	Raw   json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Risk) UnmarshalJSON(b []byte) error {
	var object struct {
		Level string `json:"riskLevel"`
	}
	err := json.Unmarshal(b, &object)
	*r = Risk{Level: object.Level, Raw: slices.Clone(b)}
	return err
}

// MarshalJSON returns the object as Okta sent it.
func (r Risk) MarshalJSON() ([]byte, error) { return r.Raw, nil }

// GetUserRisk reads the risk level of a user. LacksFeature reports whether the org has no user risk.
//
//	GET /api/v1/users/{userId}/risk
//
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserRisk/
func (c *Client) GetUserRisk(ctx context.Context, id string) (Risk, error) {
	var risk Risk
	if err := checkUserID(id); err != nil {
		return risk, err
	}
	r, err := c.do(ctx, call{request: c.sdk.getUserRisk(id)})
	if err != nil {
		return risk, err
	}
	return risk, r.decode(&risk)
}

// SetUserRisk sets the risk level of a user: LOW, MEDIUM or HIGH. The reason is at most 500 characters
// of a-z, A-Z, 0-9, spaces, "-", "," and "."; "" gives none.
//
//	PUT /api/v1/users/{userId}/risk
func (c *Client) SetUserRisk(ctx context.Context, id, level, reason string) error {
	return c.writeUser(ctx, id, call{request: c.sdk.setUserRisk(id, level, reason)}, nil)
}
