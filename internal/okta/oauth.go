package okta

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/keys"
)

// ServiceApp is an OAuth 2.0 service app of the org. All fields are required.
type ServiceApp struct {
	Root      *url.URL
	ClientID  string
	KeyID     string // of the key, as registered at the app; the id in a JWK takes precedence
	Key       Credential[keys.Key]
	Transport http.RoundTripper
	Clock     Clock
}

// OAuth authenticates as a service app (client credentials with private_key_jwt, RFC 7523), with
// DPoP (RFC 9449) if Okta requires it. It requests an access token for each set of scopes when it
// is first needed.
// https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/
func OAuth(app ServiceApp) Auth {
	return &oauth{ServiceApp: app, endpoint: app.Root.JoinPath(tokenPath).String(), tokens: map[string]accessToken{}}
}

// clientID returns the ID of the service app.
func (o *oauth) clientID() string { return o.ClientID }

type oauth struct {
	ServiceApp
	endpoint string
	dpop     dpop
	flights  singleflight.Group // by scopes: one token request serves all calls that wait for it

	mu     sync.Mutex
	tokens map[string]accessToken // by scopes
}

// authorize implements Auth.
func (o *oauth) authorize(ctx context.Context, r *http.Request, scopes []string) error {
	t, err := o.token(ctx, scopes)
	if err != nil {
		return err
	}
	if !t.dpop {
		r.Header.Set("Authorization", "Bearer "+t.value.Reveal())
		return nil
	}
	r.Header.Set("Authorization", "DPoP "+t.value.Reveal())
	return o.dpop.prove(r, t.value, o.Clock.Now())
}

// ready implements Auth.
func (o *oauth) ready(ctx context.Context, scopes []string) error {
	_, err := o.token(ctx, scopes)
	return err
}

// afterResponse implements Auth. A token that Okta rejects before its end has been revoked, or its
// key was replaced. Not every 401 is about the token.
func (o *oauth) afterResponse(r *http.Request, re *response) (bool, error) {
	if nonce := re.header.Get("DPoP-Nonce"); nonce != "" {
		o.dpop.setNonce(apiServer, nonce)
	}
	scheme, rejected, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch reason := re.challenge(scheme).Error; {
	case reason == useNonce:
		return re.header.Get("DPoP-Nonce") != "", nil
	case reason == invalidProof: // the next attempt has another proof
		return true, nil
	case re.status != http.StatusUnauthorized || reason != "invalid_token" && re.errorCode() != codeInvalidToken:
		return false, nil
	}
	o.forget(rejected)
	return true, nil
}

// explain implements Auth.
func (o *oauth) explain(err *apierr.Error, scopes []string) {
	switch err.Code {
	case CodeNoPermission:
		err.Message += "; the service app needs the scopes " + strings.Join(scopes, ", ") +
			", and an administrator role that covers this"
	case invalidProof, useNonce:
		err.Message += "; if this error repeats, check this machine's clock"
	default:
		err.Message += "; Okta rejected the access token of the service app (Client ID, OKTA_CLIENT_ID)"
	}
}

// isUser implements Auth.
func (*oauth) isUser() bool { return false }

// notSigned returns the error of a request that could not be signed.
func notSigned(err error) *apierr.Error {
	return apierr.New(apierr.Internal, "internal", "the request to Okta could not be signed", err)
}
