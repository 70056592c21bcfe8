package okta

import (
	"context"
	"net/http"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// Auth is the org's credentials: SSWS or OAuth makes them.
type Auth interface {
	// ready waits until there are credentials with these scopes, before a call takes up a place among those in flight.
	ready(ctx context.Context, scopes []string) error
	// authorize puts credentials with these scopes on a request that is about to leave.
	authorize(ctx context.Context, r *http.Request, scopes []string) error
	// answered is told Okta's reply to a request that authorize has been at. It tells whether Okta refused
	// the credentials and another try would carry others, or why there are no others.
	answered(r *http.Request, reply *response) (renewed bool, err error)
	// explain adds to Okta's refusal of the credentials what the operator has to look at.
	explain(f *apierr.Error, scopes []string)
	// isUser tells whether the credentials are a user's, who can be asked for by the name "me".
	isUser() bool
}

// Credential is a secret with which the product signs in. It may be replaced at any time. The errors are faults.
type Credential[T any] interface {
	// Get gives the one there is.
	Get(ctx context.Context) (T, error)
	// Refresh gives the one that has come in the place of one that Okta refused: the same one where none has come.
	Refresh(ctx context.Context, refused T) (T, error)
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

// answered implements Auth: a token that was revoked may have been replaced in the meantime.
func (a ssws) answered(r *http.Request, re *response) (bool, error) {
	if re.status != http.StatusUnauthorized {
		return false, nil
	}
	refused := secrets.New(strings.TrimPrefix(r.Header.Get("Authorization"), sswsScheme))
	token, err := a.token.Refresh(r.Context(), refused)
	return err == nil && !token.Equal(refused), err
}

func (ssws) explain(f *apierr.Error, _ []string) {
	switch f.Code {
	case apierr.CodeNoPermission:
		f.Message += "; the owner of the API token lacks the admin role for this"
	case invalidProof, useNonce:
		f.Message += "; DPoP needs OAuth: set OKTA_USE_OAUTH (Use Oauth Authentication) and what goes with it"
	default:
		f.Message += "; check Okta's credentials (Api Token, OKTA_API_TOKEN_SECRET)"
	}
}

func (ssws) isUser() bool { return true }
