package emulator

import "net/http"

// clearSessions implements DELETE /api/v1/users/{userId}/sessions: it ends the sessions and, with
// oauthTokens=true, revokes the OAuth tokens. forgetDevices has no effect, because the emulator
// has no devices.
func clearSessions(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	oauthTokens, failure := c.flag("oauthTokens", false)
	if failure != nil {
		return oktaResponse{}, failure
	}
	if _, failure := c.flag("forgetDevices", true); failure != nil {
		return oktaResponse{}, failure
	}
	u.sessions = 0
	if oauthTokens {
		u.tokens = 0
	}
	return oktaResponse{status: http.StatusNoContent}, nil
}
