// Package caller authenticates callers and reports which actions they may call.
package caller

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// The ways in which callers are authenticated (CALLER_AUTH).
const (
	IAM    = "iam"    // by Cloud Run
	OIDC   = "oidc"   // by the function: a Google ID token
	APIKey = "apikey" // by the function: an API key
	None   = "none"   // unauthenticated; loopback connections only
)

// Authenticator identifies the caller of a request. The error is of the type apierr.Error:
// Unauthenticated or Forbidden, or the reason why the caller cannot be checked.
type Authenticator interface {
	Authenticate(r *http.Request) (Identity, error)
}

// Identity is an authenticated caller.
type Identity struct {
	Mode string // iam, oidc, apikey or none
	Name string // the service account's e-mail address, or the id of the key; "" if unknown

	actions []string // slugs of the actions that it may call; nil: all
}

// May returns an error of the kind Forbidden unless the identity may call the action with this
// slug.
func (i Identity) May(slug string) error {
	if i.actions == nil || slices.Contains(i.actions, slug) {
		return nil
	}
	return apierr.Errorf(apierr.Forbidden, "action_not_allowed", "the key %s may not call %s; it may call %s",
		i.Name, slug, strings.Join(i.actions, ", "))
}

// MayAll reports whether the identity may call every action.
func (i Identity) MayAll() bool { return i.actions == nil }

// RefuseAll returns an Authenticator that refuses every request. The reason is for the log.
func RefuseAll(reason string) Authenticator { return refuseAll{reason} }

type refuseAll struct{ reason string }

// Authenticate implements Authenticator.
func (a refuseAll) Authenticate(*http.Request) (Identity, error) {
	return Identity{}, unauthenticated(errors.New(a.reason))
}

// unauthenticated returns the error of every unauthenticated request. The caller does not learn the
// cause, which is for the log.
func unauthenticated(cause error) error {
	return apierr.New(apierr.Unauthenticated, "unauthenticated", "the caller is not authenticated", cause)
}

// only returns the value of a header that must occur exactly once.
func only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}
