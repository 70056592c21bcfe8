package okta

import (
	"context"
	"net/http"

	"example.com/okta-secops/internal/fault"
	"example.com/okta-secops/secrets"
)

// Auth is the org's credentials: SSWS or OAuth makes them.
type Auth interface {
	// ready waits until there are credentials with these scopes, before a call takes up a place among those in flight.
	ready(ctx context.Context, scopes []string) error
	// authorize puts credentials with these scopes on a request that is about to leave.
	authorize(ctx context.Context, r *http.Request, scopes []string) error
	// answered is told Okta's reply to a request that authorize has been at. It tells whether Okta refused
	// the credentials and another try would carry others.
	answered(r *http.Request, reply *reply) (renewed bool)
	// explain adds to Okta's refusal of the credentials what the operator has to look at.
	explain(f *fault.Error, scopes []string)
	// isUser tells whether the credentials are a user's, who can be asked for by the name "me".
	isUser() bool
}

// SSWS authenticates with an API token.
func SSWS(token secrets.Value) Auth { return ssws{token} }

type ssws struct{ token secrets.Value }

func (ssws) ready(context.Context, []string) error { return nil }

func (a ssws) authorize(_ context.Context, r *http.Request, _ []string) error {
	r.Header.Set("Authorization", "SSWS "+a.token.Reveal())
	return nil
}

func (ssws) answered(*http.Request, *reply) bool { return false }

func (ssws) explain(f *fault.Error, _ []string) {
	if f.Code == codeNoPermission {
		f.Message += "; the owner of the API token lacks the admin role for this"
		return
	}
	f.Message += "; check Okta's credentials (Api Token, OKTA_API_TOKEN_SECRET)"
}

func (ssws) isUser() bool { return true }
