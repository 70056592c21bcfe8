package emulator

import "net/http"

// errNoFeature is the error of an endpoint whose feature the org does not have.
// https://developer.okta.com/docs/reference/error-codes/#E0000015
var errNoFeature = apiError(http.StatusForbidden, "E0000015",
	"You do not have permission to access the feature you are requesting")

// UniversalLogout is the feature that POST /oauth2/v1/global-token-revocation needs, for SetFeature.
const UniversalLogout = "universal_logout"

// SetFeature adds a feature to the org or removes it. The seeded org has every feature.
func (e *Emulator) SetFeature(name string, on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.lacks[name] = !on
}

// universalLogout implements POST /oauth2/v1/global-token-revocation: it ends the sessions of a user
// in Okta and in the apps that support Universal Logout, and revokes the OAuth tokens. The subject is
// a user's ID in Okta.
// https://developer.okta.com/docs/api/openapi/okta-oauth/oauth/ (GlobalTokenRevocation)
func (e *Emulator) universalLogout(c *oktaCall) (oktaResponse, *oktaError) {
	var in struct {
		Subject struct {
			Format string `json:"format"`
			ID     string `json:"id"`
		} `json:"sub_id"`
	}
	if e.org.lacks[UniversalLogout] {
		return oktaResponse{}, errNoFeature
	}
	if failure := c.decode(&in); failure != nil {
		return oktaResponse{}, failure
	}
	u := e.org.userByID[in.Subject.ID]
	switch {
	case in.Subject.Format != "opaque":
		return oktaResponse{}, invalid("sub_id", "The format is not supported")
	case u == nil:
		return oktaResponse{}, notFound(in.Subject.ID, "User")
	}
	c.subject = u
	u.sessions, u.tokens, u.appSessions = 0, 0, 0
	return oktaResponse{status: http.StatusNoContent}, nil
}
