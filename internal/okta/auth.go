package okta

import (
	"context"
	"net/http"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// Auth adds the org's credentials to requests. SSWS and OAuth return one. Its errors are of the
// type *apierr.Error.
type Auth interface {
	// ready waits until there are credentials with these scopes, before a request takes a place of
	// the concurrency limit.
	ready(ctx context.Context, scopes []string) error
	// authorize adds credentials with these scopes to a request that is about to be sent.
	authorize(ctx context.Context, r *http.Request, scopes []string) error
	// afterResponse takes in Okta's response to a request that authorize has prepared. It reports
	// whether Okta rejected the credentials and another attempt would carry others. It returns an
	// error if others could not be obtained.
	afterResponse(r *http.Request, re *response) (newCredentials bool, err error)
	// explain adds to Okta's rejection of the credentials what the operator has to check.
	explain(err *apierr.Error, scopes []string)
	// isUser reports whether the credentials are those of a user, whom the name "me" stands for.
	isUser() bool
}

// Credential is a secret with which the product authenticates. It may be replaced at any time. Its
// errors are of the type *apierr.Error.
type Credential[T any] interface {
	// Get returns the current value.
	Get(ctx context.Context) (T, error)
	// Refresh returns the value that replaced one that Okta rejected, or the rejected one if none
	// did.
	Refresh(ctx context.Context, rejected T) (T, error)
}

// SSWS authenticates with an API token.
func SSWS(token Credential[secrets.Value]) Auth { return ssws{token} }

type ssws struct{ token Credential[secrets.Value] }

const sswsScheme = "SSWS "

func (a ssws) ready(ctx context.Context, _ []string) error {
	_, err := a.token.Get(ctx)
	return err
}

func (a ssws) authorize(ctx context.Context, r *http.Request, _ []string) error {
	token, err := a.token.Get(ctx)
	if err == nil {
		r.Header.Set("Authorization", sswsScheme+token.Reveal())
	}
	return err
}

// afterResponse implements Auth: an API token that was revoked may have been replaced meanwhile.
func (a ssws) afterResponse(r *http.Request, re *response) (bool, error) {
	if re.status != http.StatusUnauthorized {
		return false, nil
	}
	rejected := secrets.New(strings.TrimPrefix(r.Header.Get("Authorization"), sswsScheme))
	token, err := a.token.Refresh(r.Context(), rejected)
	return err == nil && !token.Equal(rejected), err
}

func (ssws) explain(err *apierr.Error, _ []string) {
	switch err.Code {
	case CodeNoPermission:
		err.Message += "; the owner of the API token lacks the admin role for this"
	case invalidProof, useNonce:
		err.Message += "; DPoP needs OAuth: set OKTA_USE_OAUTH (Use Oauth Authentication) and its settings"
	default:
		err.Message += "; check Okta's credentials (Api Token, OKTA_API_TOKEN_SECRET)"
	}
}

func (ssws) isUser() bool { return true }
