package okta

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// uncertain reports whether the request of a failed call may have taken effect: the request was
// sent, and the reply was lost, is a server error, or is a success that cannot be read. Okta's
// read-only mode is the one server error that proves that nothing was written.
//
// For a write that must not be repeated, only Okta can prove that it was not made: a proxy may
// send a redirect, 401, 403, 404, 408 or 429 after Okta has carried out the request.
func (x *attempt) uncertain() bool {
	switch r := x.reply; {
	case r == nil:
		return x.sent.Load()
	case r.errorCode() == codeReadOnly:
		return false
	case r.status >= 500 || r.status/100 == 2:
		return true
	default:
		return x.provable && !r.refusal(x.scheme)
	}
}

// refusal reports whether the reply is Okta's own refusal of a request with credentials of that
// scheme: an error with an Okta error code, or a challenge that refuses these credentials. A
// challenge counts only if the reply has no body and the challenge names the scheme of the request
// and an error of RFC 6750 or RFC 9449. Okta's API gateway answers so, and it checks credentials
// before it forwards a request. A proxy's login page or its challenge for another scheme does not
// count.
func (r *response) refusal(scheme string) bool {
	if r.status/100 != 4 {
		return false
	}
	return r.errorCode() != "" || len(strings.TrimSpace(string(r.body))) == 0 && r.challenge(scheme).Error != ""
}

// challenge is an error of a WWW-Authenticate header (RFC 6750, section 3; RFC 9449, section 7.1).
type challenge struct{ Error, Description string }

// credentialErrors are the errors by which a resource server refuses credentials.
var credentialErrors = []string{invalidProof, useNonce, "invalid_token", "insufficient_scope"}

var (
	challengeScheme = regexp.MustCompile(`(?i)(?:^|,\s*)(Bearer|DPoP|Basic|Digest|Negotiate|NTLM)(?:\s+|$)`)
	challengeError  = regexp.MustCompile(`(?i)\berror\s*=\s*"?([\w.-]+)`)
	challengeText   = regexp.MustCompile(`(?i)\berror_description\s*=\s*"([^"]*)"`)
)

// challenge returns why the reply refuses credentials of that scheme, nothing if it does not say.
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

// proofRefused reports whether the reply refuses the request's DPoP proof.
func (r *response) proofRefused() bool {
	c := r.challenge("DPoP")
	return c.Error == invalidProof || c.Error == useNonce
}

// errorBody is an error response of Okta. err and description are the members of the security
// events endpoint (RFC 8935).
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

// error returns Okta's error in the reply. It is empty if the reply is not from Okta: only the
// security events endpoint answers with err. An error under a success status proves nothing.
func (r *response) error() errorBody {
	var b errorBody
	switch {
	case r.status/100 == 2:
	case json.Unmarshal(r.body, &b) != nil:
	case r.op == publishEvent && errorToken.MatchString(b.Err):
		b.Code = ""
		return b
	case apiCode.MatchString(b.Code):
		b.Err = ""
		return b
	}
	return errorBody{}
}

// errorCode returns the code of Okta's error, "" if the reply is not from Okta.
func (r *response) errorCode() string {
	b := r.error()
	return b.Err + b.Code // one of them
}
