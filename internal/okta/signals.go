package okta

import (
	"context"
	"net/http"

	"example.com/okta-secops/secrets"
)

const publishEvent = "POST /security/api/v1/security-events"

// PublishSecurityEvent delivers a signed security event token (RFC 8935, push). The signature is all the
// authentication there is: no credentials go with it. It returns the HTTP status, 202 at Okta; that means
// received, not believed.
//
//	POST /security/api/v1/security-events
func (c *Client) PublishSecurityEvent(ctx context.Context, token secrets.Value) (status int, err error) {
	k := call{op: publishEvent, nonIdempotent: true, anonymous: true, statuses: []int{http.StatusAccepted, http.StatusOK}, hidden: []secrets.Value{token}}
	k.send = func(ctx context.Context) error {
		_, err := c.api.SSFSecurityEventTokenAPI.PublishSecurityEventTokens(ctx).SecurityEventToken(token.Reveal()).Execute()
		return err
	}
	r, err := c.do(ctx, k)
	if err != nil {
		return 0, err
	}
	return r.status, nil
}
