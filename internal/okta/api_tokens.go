package okta

import (
	"context"
	"time"
)

// APIToken is what Okta says of an API token: not its value.
type APIToken struct {
	Name      string    `json:"name"`
	UserID    string    `json:"userId"`    // of the owner, with whose roles the token acts
	ExpiresAt time.Time `json:"expiresAt"` // unless the token is used before; zero: Okta does not say
}

// ListAPITokens lists the active API tokens of the org.
//
//	GET /api/v1/api-tokens
func (c *Client) ListAPITokens(ctx context.Context) ([]APIToken, error) {
	list, err := c.list(ctx, c.sdk.listAPITokens(), 0)
	if err != nil {
		return nil, err
	}
	return decodeItems[APIToken](list)
}
