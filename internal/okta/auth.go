package okta

import (
	"context"
	"net/http"

	"example.com/okta-secops/secrets"
)

// Auth puts the org's credentials on a request. It is called for every request that needs them, just
// before the request leaves, with the context of the call.
type Auth interface {
	Authorize(ctx context.Context, r *http.Request) error
}

// SSWS authenticates with an API token.
func SSWS(token secrets.Value) Auth { return ssws{token} }

type ssws struct{ token secrets.Value }

func (a ssws) Authorize(_ context.Context, r *http.Request) error {
	r.Header.Set("Authorization", "SSWS "+a.token.Reveal())
	return nil
}
