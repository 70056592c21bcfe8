package okta

import (
	"context"

	"example.com/okta-secops/internal/apierr"
)

// ClearSessions ends every Okta session of a user; revokeOAuth also revokes the OAuth and OpenID Connect
// tokens that were issued to the user. A user who is DEPROVISIONED or deleted by then has no sessions:
// an AlreadySoError.
//
//	DELETE /api/v1/users/{userId}/sessions
func (c *Client) ClearSessions(ctx context.Context, id string, revokeOAuth bool) error {
	without := func(ctx context.Context) (objectState, error) {
		now, err := c.standing(id, nil, Deprovisioned)(ctx)
		if f := apierr.As(err); f != nil && f.Code == CodeNotFound {
			return objectState{moot: true}, nil
		}
		return now, err
	}
	return c.lifecycle(ctx, id, call{op: "DELETE /api/v1/users/{userId}/sessions",
		applied: without, mootOnly: true, send: func(ctx context.Context) error {
			_, err := c.api.UserAPI.RevokeUserSessions(ctx, id).OauthTokens(revokeOAuth).Execute()
			return err
		}}, nil)
}
