package okta

import (
	"context"
	"net/http"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// signalAdvice is the advice for each error of the receiver (RFC 8935, section 2.4).
var signalAdvice = map[string]string{
	"invalid_key": "publish the key with this ID at the issuer's JWKS URL, which Okta must reach, or sign with a " +
		"published key",
	"invalid_issuer":        "register the issuer in Okta as a security events provider, and activate it",
	"invalid_audience":      "OKTA_API_ROOT must be the URL of the org, without -admin",
	"authentication_failed": "the private key does not belong to the public key that is published with this key ID",
	"invalid_request":       "correct the parameter that Okta names",
}

// PublishSecurityEvent delivers a signed security event token (RFC 8935, push). The token's
// signature authenticates it, so that the request carries no credentials. It returns the HTTP
// status, 202 from Okta, which means that Okta received the event and not that it acts on it.
//
// The same token may be sent again, because Okta ignores a jti that it has received: the client
// repeats it after a network error, a 429 or a 5xx, and not after a 400.
//
//	POST /security/api/v1/security-events
func (c *Client) PublishSecurityEvent(ctx context.Context, token secrets.Value) (status int, err error) {
	r, err := c.do(ctx, call{
		request: c.sdk.publishEvent(token.Reveal()), idempotent: true, anonymous: true,
		statuses: []int{http.StatusAccepted, http.StatusOK}, hidden: []secrets.Value{token},
	})
	if err != nil {
		refused := *apierr.As(err)
		if advice := signalAdvice[refused.Code]; advice != "" {
			refused.Message = apierr.Sentence(": ", refused.Message, advice)
		}
		return 0, &refused
	}
	return r.status, nil
}
