package okta

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// effect returns the effect that a failed attempt may have. A request that was sent may have taken
// effect if the response was lost, is a server error, or is a success that cannot be read. Okta's
// read-only mode is the one server error that proves that nothing was written.
//
// For a write that must not be repeated, only Okta can prove that it was not made: a proxy may send
// a redirect, 401, 403, 404, 408 or 429 after Okta has processed the request.
func (x *attempt) effect() effect {
	r := x.response
	if r == nil {
		if x.sent.Load() {
			return pendingEffect
		}
		return noEffect
	}
	switch code := r.errorCode(); {
	case code == codeReadOnly:
		return noEffect
	case r.status < 500 && r.status/100 != 2 && (!x.needsProof || r.isRejection(x.scheme)):
		return noEffect
	case code == "":
		return pendingEffect
	default:
		return possibleEffect
	}
}

// isRejection reports whether the response is Okta's own rejection of a request with credentials of
// that scheme: an error with an Okta error code, or a challenge that rejects these credentials. A
// challenge counts only if the response has no body and the challenge names the scheme of the
// request and an error of RFC 6750 or RFC 9449. Okta's API gateway responds so, and it checks
// credentials before it forwards a request. A proxy's login page or its challenge for another
// scheme does not count.
func (r *response) isRejection(scheme string) bool {
	if r.status/100 != 4 {
		return false
	}
	return r.errorCode() != "" || len(strings.TrimSpace(string(r.body))) == 0 && r.challenge(scheme).Error != ""
}

// challenge is an error of a WWW-Authenticate header (RFC 6750, section 3; RFC 9449, section 7.1).
type challenge struct{ Error, Description string }

// credentialErrors are the errors by which a resource server rejects credentials.
var credentialErrors = []string{invalidProof, useNonce, "invalid_token", "insufficient_scope"}

var (
	challengeScheme = regexp.MustCompile(`(?i)(?:^|,\s*)(Bearer|DPoP|Basic|Digest|Negotiate|NTLM)(?:\s+|$)`)
	challengeError  = regexp.MustCompile(`(?i)\berror\s*=\s*"?([\w.-]+)`)
	challengeText   = regexp.MustCompile(`(?i)\berror_description\s*=\s*"([^"]*)"`)
)

// challenge returns the error by which the response rejects credentials of that scheme, a zero
// challenge if there is none.
func (r *response) challenge(scheme string) challenge {
	if r.status != http.StatusBadRequest && r.status != http.StatusUnauthorized && r.status != http.StatusForbidden {
		return challenge{}
	}
	for _, header := range r.header.Values("WWW-Authenticate") {
		found := challengeScheme.FindAllStringSubmatchIndex(header, -1)
		for i, at := range found {
			end := len(header)
			if i+1 < len(found) {
				end = found[i+1][0]
			}
			params := header[at[1]:end]
			name := challengeError.FindStringSubmatch(params)
			if !strings.EqualFold(header[at[2]:at[3]], scheme) || name == nil || !slices.Contains(credentialErrors, name[1]) {
				continue
			}
			c := challenge{Error: name[1]}
			if text := challengeText.FindStringSubmatch(params); text != nil {
				c.Description = text[1]
			}
			return c
		}
	}
	return challenge{}
}

// proofRejected reports whether the response rejects the request's DPoP proof.
func (r *response) proofRejected() bool {
	c := r.challenge("DPoP")
	return c.Error == invalidProof || c.Error == useNonce
}

// errorBody is the body of an error response. err and description are the members that the security
// events endpoint sends (RFC 8935).
type errorBody struct {
	Code    string `json:"errorCode"`
	Summary string `json:"errorSummary"`
	Causes  []struct {
		Summary string `json:"errorSummary"`
	} `json:"errorCauses"`
	Err         string `json:"err"`
	Description string `json:"description"`
}

var (
	apiCode    = regexp.MustCompile(`^E\d{7}$`)
	errorToken = regexp.MustCompile(`^[a-z_]{1,64}$`) // RFC 8935, section 2.4; RFC 6749, section 5.2
)

// error returns the Okta error in the response, an empty one if the response is not Okta's: only
// the security events endpoint sends err, and an error with a success status proves nothing.
func (r *response) error() errorBody {
	var b errorBody
	switch {
	case r.status/100 == 2:
	case json.Unmarshal(r.body, &b) != nil:
	case r.route == routePublishEvent && errorToken.MatchString(b.Err):
		b.Code = ""
		return b
	case apiCode.MatchString(b.Code):
		b.Err = ""
		return b
	}
	return errorBody{}
}

// errorCode returns the code of the Okta error, "" if the response is not Okta's.
func (r *response) errorCode() string {
	b := r.error()
	return b.Err + b.Code // one of them
}
