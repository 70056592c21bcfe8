package okta

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

const (
	// tokenPath is the endpoint of the org authorization server, the only one that issues Okta API
	// scopes.
	tokenPath     = "/oauth2/v1/token"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife = 5 * time.Minute
)

// fetch requests an access token from Okta.
func (o *oauth) fetch(ctx context.Context, scope string) (accessToken, error) {
	t, err := o.request(ctx, scope)
	if failed := apierr.As(err); failed != nil && failed.Code == "invalid_scope" && strings.Contains(scope, " ") {
		return t, o.nameMissing(ctx, scope, failed)
	}
	return t, err
}

// nameMissing returns an error that names the scopes that the app is not granted. Okta rejects all
// scopes together and names none, so that each is requested separately.
func (o *oauth) nameMissing(ctx context.Context, scope string, rejection *apierr.Error) error {
	var missing []string
	for s := range strings.FieldsSeq(scope) {
		if _, err := o.request(ctx, s); err != nil {
			if apierr.As(err).Code != "invalid_scope" {
				return err
			}
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return rejection
	}
	err := notGranted(missing, rejection.Cause)
	err.RequestID = rejection.RequestID
	return err
}

// request makes token requests until one succeeds or another attempt cannot help. It uses DPoP once
// Okta requires it, and re-reads a key that Okta does not know once. It sends a second request even
// if the key is the same, because Okta may have rejected an assertion that expired in a process
// without CPU.
func (o *oauth) request(ctx context.Context, scope string) (accessToken, error) {
	key, err := o.Key.Get(ctx)
	if err != nil {
		return accessToken{}, err
	}
	for attempts, reread := 1, false; ; {
		t, body, x := o.send(ctx, scope, key)
		if x == nil {
			return t, nil
		}
		if body.Err == "invalid_client" && !reread {
			reread = true
			if key, err = o.Key.Refresh(ctx, key); err != nil {
				return accessToken{}, err
			}
			continue
		}
		if o.dpop.required(body.Err, body.hadProof, x.response) && attempts < maxAttempts {
			attempts++
			continue
		}
		pause, re := x.retryAfter(attempts), x.response
		if re != nil && re.status == http.StatusTooManyRequests && re.resetAfter() > inFlightWait {
			pause = never
		}
		if pause == never || o.Clock.Sleep(ctx, pause.wait()) != nil {
			return accessToken{}, o.rejection(ctx, scope, body, x)
		}
		attempts++
	}
}

// tokenResponse is the body of the token endpoint's response: a token, or an OAuth error (RFC 6749,
// section 5).
type tokenResponse struct {
	Type        string `json:"token_type"`
	Token       string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	Err         string `json:"error"`
	Description string `json:"error_description"`

	hadProof bool // the request carried a DPoP proof
}

// send makes one token request. The attempt is nil if it brought a token.
//
//	POST /oauth2/v1/token
func (o *oauth) send(ctx context.Context, scope string, key keys.Key) (accessToken, tokenResponse, *attempt) {
	x := &attempt{anonymous: true}
	sent := o.Clock.Now()
	r, err := o.build(ctx, x, scope, key, sent)
	if err == nil {
		x.response, err = send(o.Transport, r, nil)
	}
	if err != nil {
		x.err = err
		return accessToken{}, tokenResponse{}, x
	}
	x.response.received, x.response.hidden = o.Clock.Now(), x.hidden
	if nonce := x.response.header.Get("DPoP-Nonce"); nonce != "" {
		o.dpop.setNonce(tokenServer, nonce)
	}
	body := tokenResponse{hadProof: r.Header.Get("DPoP") != ""}
	if err := json.Unmarshal(x.response.body, &body); err != nil || x.response.status != http.StatusOK {
		return accessToken{}, body, x
	}
	life := time.Duration(body.ExpiresIn) * time.Second
	bound := strings.EqualFold(body.Type, "DPoP")
	if body.Token == "" || life <= 0 || !bound && !strings.EqualFold(body.Type, "Bearer") {
		return accessToken{}, body, x
	}
	return accessToken{
		value: secrets.New(body.Token), dpop: bound,
		end: sent.Add(life), renewal: sent.Add(life - min(maxRenewAhead, life/4)),
	}, body, nil
}

// assertion holds the claims of a client assertion. Its audience is one string, as Okta documents
// it; the library would write a list.
type assertion struct {
	Audience string `json:"aud"`
	jwt.RegisteredClaims
}

// build returns a token request and records in x the secrets that it carries.
func (o *oauth) build(
	ctx context.Context, x *attempt, scope string, key keys.Key, now time.Time,
) (*http.Request, error) {
	claims := assertion{o.endpoint, jwt.RegisteredClaims{
		Issuer: o.ClientID, Subject: o.ClientID, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(assertionLife)),
	}}
	signed, err := key.Sign(map[string]any{"kid": cmp.Or(key.ID(), o.KeyID)}, claims)
	if err != nil {
		return nil, notSigned(err)
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope},
		"client_assertion_type": {assertionType}, "client_assertion": {signed},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	err = o.dpop.proveToTokenEndpoint(r, now)
	x.hidden = []secrets.Value{secrets.New(signed), secrets.New(r.Header.Get("DPoP"))}
	return r, err
}
