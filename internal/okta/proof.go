package okta

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// uncertain reports, of a failed call, whether the request may have taken effect: it left, and the reply was lost, is
// a server error, or is a success that cannot be read. Okta's read-only mode is the one server error that says that
// nothing was written.
//
// Of a write that must not be repeated only Okta itself can say that it was not made: a redirect, 401, 403, 404, 408
// or 429 of a proxy may come after Okta has carried the request out.
func (x *exchange) uncertain() bool {
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

// refusal reports whether the reply is Okta's own refusal of a request with credentials of that scheme: an error with
// a code of Okta's form, or a challenge that refuses these credentials. The challenge counts only if it has no body
// and names the scheme that the request used and an error of RFC 6750 or RFC 9449: so does Okta's API gateway, which
// checks credentials before it hands a request on. A proxy's login page or its challenge for another scheme does not.
func (r *reply) refusal(scheme string) bool {
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
func (r *reply) challenge(scheme string) challenge {
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
func (r *reply) proofRefused() bool {
	c := r.challenge("DPoP")
	return c.Error == invalidProof || c.Error == useNonce
}

// errorBody is the body of Okta's errors; err and description are those of the security events endpoint,
// which speaks RFC 8935.
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

// error returns the error of Okta's that the reply holds. It is empty in a reply of anyone else: only the security
// events endpoint answers with err.
func (r *reply) error() errorBody {
	var b errorBody
	switch {
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

// errorCode returns the code of Okta's own error, "" in what is not Okta's.
func (r *reply) errorCode() string {
	b := r.error()
	return b.Err + b.Code // one of them
}
