package okta

import (
	"context"
	"net/http"

	"example.com/okta-secops/secrets"
)

// PublishSecurityEvent delivers a signed security event token (RFC 8935, push). The token's
// signature authenticates it, so that the request carries no credentials. It returns the HTTP
// status, 202 from Okta, which means that Okta received the event and not that it acts on it. The
// error has the kind UnknownResult if Okta's response was lost.
//
//	POST /security/api/v1/security-events
func (c *Client) PublishSecurityEvent(ctx context.Context, token secrets.Value) (status int, err error) {
	r, err := c.do(ctx, call{
		request: c.sdk.publishEvent(token.Reveal()), nonIdempotent: true, anonymous: true,
		statuses: []int{http.StatusAccepted, http.StatusOK}, hidden: []secrets.Value{token},
	})
	if err != nil {
		return 0, err
	}
	return r.status, nil
}
