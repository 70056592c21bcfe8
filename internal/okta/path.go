package okta

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"example.com/okta-secops/internal/apierr"
)

// userID refuses what would change the route or name the owner of the credentials.
func userID(s string) error {
	if strings.EqualFold(s, "me") {
		return apierr.New(apierr.BadRequest, "invalid_request", `"me" would be the owner of the credentials`, nil)
	}
	return pathElement(s)
}

// FitsPath reports whether Okta finds a name by path. A name with one of / ? # [ ] \ ; % or a control character
// does not fit, even escaped: Okta answers 400 with an HTML page, or cuts the name there and finds another object.
func FitsPath(name string) bool {
	refused := func(r rune) bool { return strings.ContainsRune(`/?#[]\;%`, r) || unicode.IsControl(r) }
	return name != "" && name != "." && name != ".." && !strings.ContainsFunc(name, refused)
}

// isPlain reports whether a name has only characters that every front end takes in a path.
func isPlain(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("@._-+", r)
	})
}

// ErrPathRefused is in the chain of the error of a plain name for which a front end answered 400 in Okta's place.
var ErrPathRefused = errors.New("the path was refused")

// notByPath returns the error of a read by name whose path was refused, as f says. A name that may upset a path is not
// found by path; for a plain name the response is not what Okta sends.
func notByPath(name string, f *apierr.Error) *apierr.Error {
	told := *f
	if isPlain(name) {
		told.Cause = errors.Join(ErrPathRefused, f.Cause)
		return &told
	}
	return &apierr.Error{
		Kind: apierr.NotFound, Code: "not_by_path", RequestID: f.RequestID, Cause: f,
		Message: "Okta does not find this name by path",
	}
}

// pathElement refuses a name that does not fit into a path.
func pathElement(s string) error {
	if !FitsPath(s) {
		return apierr.New(apierr.BadRequest, "invalid_request", "this name cannot be looked up by path", nil)
	}
	return nil
}

// refusesPath reports whether Okta's front end refused the path before any endpoint saw it: 400 without JSON, and
// without a challenge, by which Okta refuses credentials.
func (x *attempt) refusesPath() bool {
	r := x.reply
	return r != nil && r.status == http.StatusBadRequest && !json.Valid(r.body) && r.header.Get("WWW-Authenticate") == ""
}
