package emulator

import "net/http"

// clearSessions implements DELETE /api/v1/users/{userId}/sessions: ends the sessions and, with oauthTokens=true, revokes
// the OAuth tokens. forgetDevices is accepted and has no effect, for there are no devices.
func clearSessions(c *call, u *user) (reply, *oktaError) {
	oauthTokens, failure := c.flag("oauthTokens", false)
	if failure != nil {
		return reply{}, failure
	}
	if _, failure := c.flag("forgetDevices", true); failure != nil {
		return reply{}, failure
	}
	u.sessions = 0
	if oauthTokens {
		u.tokens = 0
	}
	return reply{status: http.StatusNoContent}, nil
}
