package okta

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

// ServiceApp is an OAuth 2.0 service app of the org. All fields are required.
type ServiceApp struct {
	Root      *url.URL
	ClientID  string
	KeyID     string // of the key, as registered at the app; a JWK's own goes before it
	Key       Credential[keys.Key]
	Transport http.RoundTripper
	Clock     Clock
}

const (
	tokenPath     = "/oauth2/v1/token" // of the org's own authorization server, which alone issues Okta's API scopes
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife = 5 * time.Minute
	maxRenewAhead = 5 * time.Minute // before a token ends, the next one is fetched
	fetchTime     = 2 * time.Minute // for all tries to get a token
	inFlightWait  = time.Second     // a longer wait for the rate limit of access tokens is each caller's own
	refusalLife   = 2 * time.Second // how long a refusal answers for all who ask: an action has many targets
)

// OAuth authenticates as a service app (client credentials with private_key_jwt, RFC 7523), with DPoP
// (RFC 9449) where Okta demands it. It fetches a token for each set of scopes when it is first needed.
// https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/
func OAuth(app ServiceApp) Auth {
	return &oauth{ServiceApp: app, endpoint: app.Root.JoinPath(tokenPath).String(), tokens: map[string]accessToken{}}
}

type oauth struct {
	ServiceApp
	endpoint string
	dpop     dpop
	flights  singleflight.Group // by scopes: one token request serves all who wait

	mu     sync.Mutex
	tokens map[string]accessToken // by scopes
}

// accessToken is an access token, or why there is none. The zero token is of no use.
type accessToken struct {
	value   secrets.Value
	bound   bool // to the DPoP key
	renewal time.Time
	end     time.Time
	refusal error // holds until renewal
}

// authorize implements Auth.
func (o *oauth) authorize(ctx context.Context, r *http.Request, scopes []string) error {
	t, err := o.token(ctx, scopes)
	if err != nil {
		return err
	}
	if !t.bound {
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

// token gives the token for these scopes: the one there is, or a new one. Each caller waits for the rate limit of
// access tokens by itself, no longer than its own context allows.
func (o *oauth) token(ctx context.Context, scopes []string) (accessToken, error) {
	scope := scopeList(scopes)
	for try := 1; ; try++ {
		t, err := o.obtain(ctx, scope)
		if f := apierr.As(err); f == nil || f.RetryAfter <= inFlightWait || try == maxTries || o.Clock.Sleep(ctx, f.RetryAfter) != nil {
			return t, err
		}
	}
}

// obtain gives the token there is, or a new one. Of those who need a new one at the same time one asks for it. While
// the old one holds, nobody waits for it to be renewed.
func (o *oauth) obtain(ctx context.Context, scope string) (accessToken, error) {
	t, now := o.cached(scope), o.Clock.Now()
	if now.Before(t.renewal) {
		return t, t.refusal
	}
	flight := o.flights.DoChan(scope, func() (any, error) { return o.renew(ctx, scope) })
	if now.Before(t.end.Add(-CallTimeout)) {
		return t, nil
	}
	select {
	case result := <-flight:
		return result.Val.(accessToken), result.Err
	case <-ctx.Done():
		return accessToken{}, ctx.Err()
	}
}

// renew fetches a token and keeps it, or keeps the refusal for a moment. A token that still holds is not given up for
// either a refusal or a failure. ctx is that of the one who asked first, whose end ends nothing for the others.
func (o *oauth) renew(ctx context.Context, scope string) (accessToken, error) {
	old := o.cached(scope)
	if o.Clock.Now().Before(old.renewal) { // fetched since
		return old, old.refusal
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
	defer cancel()
	t, err := o.fetch(ctx, scope)
	switch now := o.Clock.Now(); {
	case err == nil:
	case now.Before(old.end):
		t, err = old, nil
		t.renewal = now.Add(refusalLife)
	case apierr.As(err).Retryable():
		return t, err
	default:
		t = accessToken{refusal: err, renewal: now.Add(refusalLife)}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokens[scope] = t
	return t, err
}

func (o *oauth) cached(scope string) accessToken {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tokens[scope]
}

// scopeList is scopes as a token request has them.
func scopeList(scopes []string) string {
	sorted := slices.Sorted(slices.Values(scopes))
	return strings.Join(slices.Compact(sorted), " ")
}

// answered implements Auth. A token that Okta refuses before its time has been revoked, or its key replaced; not every
// 401 is about the token.
func (o *oauth) answered(r *http.Request, re *response) (bool, error) {
	if nonce := re.header.Get("DPoP-Nonce"); nonce != "" {
		o.dpop.keep(nonceOfAPI, nonce)
	}
	scheme, refused, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch why := re.challenge(scheme).Error; {
	case why == useNonce:
		return re.header.Get("DPoP-Nonce") != "", nil
	case why == invalidProof: // another is signed for the next try
		return true, nil
	case re.status != http.StatusUnauthorized || why != "invalid_token" && re.errorCode() != codeInvalidToken:
		return false, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for scope, t := range o.tokens {
		if t.value.Reveal() == refused {
			delete(o.tokens, scope)
		}
	}
	return true, nil
}

// explain implements Auth.
func (o *oauth) explain(f *apierr.Error, scopes []string) {
	if f.Code == apierr.CodeNoPermission {
		f.Message += "; the service app needs the scopes " + strings.Join(scopes, ", ") + ", and an administrator role that covers this"
		return
	}
	if f.Code == invalidProof || f.Code == useNonce {
		f.Message += "; if it comes again, check this machine's clock"
		return
	}
	f.Message += "; Okta refused the access token of the service app (Client ID, OKTA_CLIENT_ID)"
}

// isUser implements Auth.
func (*oauth) isUser() bool { return false }

// fetch asks Okta for a token.
func (o *oauth) fetch(ctx context.Context, scope string) (accessToken, error) {
	t, err := o.ask(ctx, scope)
	if f := apierr.As(err); f != nil && f.Code == "invalid_scope" && strings.Contains(scope, " ") {
		return t, o.nameMissing(ctx, scope, f)
	}
	return t, err
}

// nameMissing finds out which scopes the app has not been granted. Okta refuses them all together and names
// none, so each is asked for by itself.
func (o *oauth) nameMissing(ctx context.Context, scope string, refusal *apierr.Error) error {
	var missing []string
	for s := range strings.FieldsSeq(scope) {
		if _, err := o.ask(ctx, s); err != nil {
			if apierr.As(err).Code != "invalid_scope" {
				return err
			}
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return refusal
	}
	f := notGranted(missing, refusal.Cause)
	f.RequestID = refusal.RequestID
	return f
}

// missingScopes is the cause of a refusal because of scopes that the app is not granted.
type missingScopes struct {
	scopes []string
	cause  error
}

func (m missingScopes) Error() string { return fmt.Sprint("not granted: ", m.scopes, ": ", m.cause) }
func (m missingScopes) Unwrap() error { return m.cause }

// NotGranted returns the scopes for lack of which Okta refused a service app, nil for any other
// error.
func NotGranted(err error) []string {
	var missing missingScopes
	_ = errors.As(err, &missing)
	return missing.scopes
}

func notGranted(scopes []string, cause error) *apierr.Error {
	return apierr.New(apierr.Credentials, "invalid_scope", "the service app is not granted "+strings.Join(scopes, ", ")+
		": grant it in Okta, under Okta API Scopes of the app", missingScopes{scopes, cause})
}

// ask makes token requests until one is answered with a token, or refused for good: in the place of a key that Okta does
// not know comes the one that has replaced it, DPoP is used once Okta demands it, and what a later try can cure is tried
// again. What Okta does not know may also be an assertion that has grown old in a process without CPU, so that there is a
// second one where the key is still the same.
func (o *oauth) ask(ctx context.Context, scope string) (accessToken, error) {
	key, err := o.Key.Get(ctx)
	if err != nil {
		return accessToken{}, err
	}
	for try, reread := 1, false; ; {
		t, refusal, x := o.request(ctx, scope, key)
		if x == nil {
			return t, nil
		}
		if refusal.Err == "invalid_client" && !reread {
			reread = true
			if key, err = o.Key.Refresh(ctx, key); err != nil {
				return accessToken{}, err
			}
			continue
		}
		if o.dpop.demanded(refusal.Err, refusal.proved, x.reply) && try < maxTries {
			try++
			continue
		}
		wait, again := x.again(try)
		tooMany := x.reply != nil && x.reply.status == http.StatusTooManyRequests && x.reply.resetAfter() > inFlightWait
		if !again || tooMany || o.Clock.Sleep(ctx, wait) != nil {
			f := o.refused(ctx, scope, refusal, x)
			if x.reply != nil {
				f.RequestID = x.reply.requestID()
			}
			return accessToken{}, f
		}
		try++
	}
}

// tokenResponse is what the token endpoint answers: a token, or an error of OAuth's (RFC 6749, section 5).
type tokenResponse struct {
	Type        string `json:"token_type"`
	Token       string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	Err         string `json:"error"`
	Description string `json:"error_description"`

	proved bool // the request carried a DPoP proof
}

// request makes one token request. The exchange is nil when it brought a token.
//
//	POST /oauth2/v1/token
func (o *oauth) request(ctx context.Context, scope string, key keys.Key) (accessToken, tokenResponse, *attempt) {
	x := &attempt{anonymous: true}
	asked := o.Clock.Now()
	r, err := o.build(ctx, x, scope, key, asked)
	if err == nil {
		if x.reply, err = send(o.Transport, r, nil); err == nil {
			x.reply.received, x.reply.hidden = o.Clock.Now(), x.hidden
		}
	}
	if err != nil {
		x.err = err
		return accessToken{}, tokenResponse{}, x
	}
	if nonce := x.reply.header.Get("DPoP-Nonce"); nonce != "" {
		o.dpop.keep(nonceOfTokens, nonce)
	}
	answer := tokenResponse{proved: r.Header.Get("DPoP") != ""}
	if err := json.Unmarshal(x.reply.body, &answer); err != nil || x.reply.status != http.StatusOK {
		return accessToken{}, answer, x
	}
	life := time.Duration(answer.ExpiresIn) * time.Second
	bound := strings.EqualFold(answer.Type, "DPoP")
	if answer.Token == "" || life <= 0 || !bound && !strings.EqualFold(answer.Type, "Bearer") {
		return accessToken{}, answer, x
	}
	return accessToken{
		value: secrets.New(answer.Token), bound: bound,
		end: asked.Add(life), renewal: asked.Add(life - min(maxRenewAhead, life/4)),
	}, answer, nil
}

// assertion is the claims of a client assertion. Its audience is one string, as Okta documents it, where the library
// would write a list.
type assertion struct {
	Audience string `json:"aud"`
	jwt.RegisteredClaims
}

// unsigned is the fault of a request that could not be signed.
func unsigned(err error) *apierr.Error {
	return apierr.New(apierr.Internal, "internal", "the request to Okta could not be signed", err)
}

// build makes a token request and notes in x the secrets that it carries.
func (o *oauth) build(ctx context.Context, x *attempt, scope string, key keys.Key, now time.Time) (*http.Request, error) {
	signed, err := key.Sign(map[string]any{"kid": cmp.Or(key.ID(), o.KeyID)}, assertion{o.endpoint, jwt.RegisteredClaims{
		Issuer: o.ClientID, Subject: o.ClientID, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(assertionLife)),
	}})
	if err != nil {
		return nil, unsigned(err)
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

// refused is the fault of a token request that brought none.
func (o *oauth) refused(ctx context.Context, scope string, refusal tokenResponse, x *attempt) *apierr.Error {
	if x.reply == nil {
		return x.apiError(context.WithoutCancel(ctx)) // the end of the fetch is not that of a request
	}
	if !errorToken.MatchString(refusal.Err) || x.reply.clean(refusal.Err) != refusal.Err {
		refusal.Err = "" // not an error of OAuth's
	}
	cause := fmt.Errorf("the token endpoint answered %d %s", x.reply.status, refusal.Err)
	said := x.reply.clean(strings.TrimSuffix(refusal.Err+": "+refusal.Description, ": "))
	switch {
	case x.reply.status == http.StatusTooManyRequests:
		return &apierr.Error{Kind: apierr.Unavailable, Code: codeRateLimited, RetryAfter: x.reply.resetAfter(), Cause: cause,
			Message: "Okta's rate limit for access tokens is reached"}
	case x.reply.status >= 500:
		return apierr.New(apierr.Unavailable, "okta_token_unavailable", fmt.Sprintf("Okta issues no access token at the moment (%d)", x.reply.status), cause)
	case refusal.Err == "invalid_scope":
		return notGranted(strings.Fields(scope), errors.Join(cause, errors.New(said)))
	case refusal.Err == "invalid_client":
		return apierr.New(apierr.Credentials, refusal.Err, "Okta does not accept the service app's key ("+said+
			"): check OKTA_CLIENT_ID (Client ID), OKTA_KEY_ID (Key ID) and OKTA_PRIVATE_KEY_SECRET (Private Key)", cause)
	case refusal.Err != "":
		return apierr.New(apierr.Credentials, refusal.Err, "Okta refused to issue an access token ("+said+")", cause)
	default:
		return apierr.New(apierr.InvalidResponse, "bad_reply", fmt.Sprintf("Okta's token endpoint answered %d and neither a token nor an error of OAuth's", x.reply.status), cause)
	}
}
