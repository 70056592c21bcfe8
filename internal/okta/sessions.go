package okta

import "context"

// ClearSessions ends every Okta session of a user; revokeOAuth also revokes the OAuth and OpenID Connect
// tokens that were issued to the user.
//
//	DELETE /api/v1/users/{userId}/sessions
func (c *Client) ClearSessions(ctx context.Context, id string, revokeOAuth bool) error {
	return c.lifecycle(ctx, id, call{op: "DELETE /api/v1/users/{userId}/sessions", send: func(ctx context.Context) error {
		_, err := c.api.UserAPI.RevokeUserSessions(ctx, id).OauthTokens(revokeOAuth).Execute()
		return err
	}}, nil)
}
