package okta

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"example.com/okta-secops/internal/apierr"
)

// checkUserID returns an error for a user id that would change the route or name the owner of the
// credentials.
func checkUserID(id string) error {
	if strings.EqualFold(id, "me") {
		return apierr.New(apierr.BadRequest, "invalid_request",
			`"me" names the owner of the credentials: name the user by id or login`, nil)
	}
	return checkPathElement(id)
}

// userID and groupID match the IDs of users and of groups.
var (
	userID  = regexp.MustCompile(`^00u[0-9A-Za-z]{17}$`)
	groupID = regexp.MustCompile(`^00g[0-9A-Za-z]{17}$`)
)

// IsUserID reports whether a text has the form of a user's ID.
func IsUserID(text string) bool { return userID.MatchString(text) }

// IsGroupID reports whether a text has the form of a group's ID.
func IsGroupID(text string) bool { return groupID.MatchString(text) }

// FitsPath reports whether Okta finds a name by path. A name with one of / ? # [ ] \ ; % or a
// control character does not fit, even escaped: Okta returns 400 with an HTML page, or cuts the
// name there and finds another object.
func FitsPath(name string) bool {
	refused := func(r rune) bool { return strings.ContainsRune(`/?#[]\;%`, r) || unicode.IsControl(r) }
	return name != "" && name != "." && name != ".." && !strings.ContainsFunc(name, refused)
}

// isPlain reports whether a name has only characters that every proxy and load balancer accepts in
// a path.
func isPlain(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("@._-+", r)
	})
}

// ErrPathRefused is in the chain of the error of a plain name for which a server before Okta
// returned 400.
var ErrPathRefused = errors.New("the path was refused")

// notByPath returns the error of a read by name whose path was refused with err. A name with
// special characters counts as not found by path; for a plain name the response is not a valid Okta
// response.
func notByPath(name string, err *apierr.Error) *apierr.Error {
	if isPlain(name) {
		refused := *err
		refused.Cause = errors.Join(ErrPathRefused, err.Cause)
		return &refused
	}
	return &apierr.Error{
		Kind: apierr.NotFound, Code: "not_by_path", RequestID: err.RequestID, Cause: err,
		Message: "Okta cannot look up this name by path",
	}
}

// checkPathElement returns an error for a name that does not fit into a path.
func checkPathElement(s string) error {
	if !FitsPath(s) {
		return apierr.New(apierr.BadRequest, "invalid_request", "Okta cannot look up this name by path", nil)
	}
	return nil
}

// pathRejected reports whether a server before Okta's API rejected the path: a 400 without JSON,
// and without the challenge by which Okta rejects credentials.
func (x *attempt) pathRejected() bool {
	r := x.response
	return r != nil && r.status == http.StatusBadRequest && !json.Valid(r.body) &&
		r.header.Get("WWW-Authenticate") == ""
}
