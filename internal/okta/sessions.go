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
