package okta

import (
	"context"

	"example.com/okta-secops/internal/apierr"
)

// ClearSessions ends every Okta session of a user. revokeOAuth also revokes the OAuth and OpenID
// Connect tokens of the user. A user who is DEPROVISIONED or deleted by then has no sessions: it
// returns an AlreadyAppliedError.
//
//	DELETE /api/v1/users/{userId}/sessions
func (c *Client) ClearSessions(ctx context.Context, id string, revokeOAuth bool) error {
	withoutSessions := func(ctx context.Context) (objectState, error) {
		state, err := c.userStatus(id, nil, Deprovisioned)(ctx)
		if failed := apierr.As(err); failed != nil && failed.Code == CodeNotFound {
			return objectState{obsolete: true}, nil
		}
		return state, err
	}
	return c.writeUser(ctx, id, call{
		request: c.sdk.revokeSessions(id, revokeOAuth), applied: withoutSessions, onlyAfterRejection: true,
	}, nil)
}

// UniversalLogout ends the sessions of a user in Okta and in the applications that support Universal
// Logout, and revokes the OAuth tokens. LacksFeature reports whether the org has no Universal Logout.
//
//	POST /oauth2/v1/global-token-revocation
//
// https://developer.okta.com/docs/api/openapi/okta-oauth/oauth/ (GlobalTokenRevocation)
func (c *Client) UniversalLogout(ctx context.Context, id string) error {
	return c.writeUser(ctx, id, call{request: c.sdk.universalLogout(id), idempotent: true}, nil)
}
