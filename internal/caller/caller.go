// Package caller decides who may call the functions, and with which actions.
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
	IAM    = "iam"    // by the platform
	OIDC   = "oidc"   // here, by an ID token of Google's
	APIKey = "apikey" // here, by a key
	None   = "none"   // not at all, on loopback
)

// Authenticator tells who sends a request. The error is a fault: Unauthenticated or Forbidden, or what keeps the caller
// from being checked.
type Authenticator interface {
	Authenticate(r *http.Request) (Identity, error)
}

// Identity is who called.
type Identity struct {
	Mode string // iam, oidc, apikey or none
	Name string // the service account's e-mail address, or the id of the key; "" where nobody is told apart

	actions []string // the slugs of those that may be called; nil: all
}

// May checks that an action, by its slug, may be called. The error is a fault: Forbidden.
func (i Identity) May(slug string) error {
	if i.actions == nil || slices.Contains(i.actions, slug) {
		return nil
	}
	return apierr.Errorf(apierr.Forbidden, "action_not_allowed", "the key %s may not call %s; it may call %s", i.Name, slug, strings.Join(i.actions, ", "))
}

// Nobody serves nobody: why is for the log.
func Nobody(why string) Authenticator { return nobody{why} }

type nobody struct{ why string }

// Authenticate implements Authenticator.
func (n nobody) Authenticate(*http.Request) (Identity, error) {
	return Identity{}, unauthenticated(errors.New(n.why))
}

// unauthenticated is the one answer to whoever is not known: it does not tell what is wrong with what was sent. cause is
// for the log.
func unauthenticated(cause error) error {
	return apierr.New(apierr.Unauthenticated, "unauthenticated", "the caller is not authenticated", cause)
}

// only is the value of a header that must come once.
func only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}
