package okta

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

const (
	maxRenewAhead = 5 * time.Minute // a token is renewed at most this long before its end
	fetchTimeout  = 2 * time.Minute // for all attempts to get a token
	inFlightWait  = time.Second     // each caller waits by its own deadline for a longer reset of the rate limit
	rejectionLife = 2 * time.Second // how long a rejection is returned to all callers: an action has many targets
)

// accessToken is an access token, or the error by which Okta refused one. The zero accessToken is
// neither.
type accessToken struct {
	value     secrets.Value
	dpop      bool // the token is bound to the DPoP key
	renewal   time.Time
	end       time.Time
	rejection error // valid until renewal
}

// token returns an access token for these scopes, from the cache or a new one. Each caller waits
// for the rate limit of access tokens for as long as its own context allows.
func (o *oauth) token(ctx context.Context, scopes []string) (accessToken, error) {
	scope := scopeList(scopes)
	for attempts := 1; ; attempts++ {
		t, err := o.obtain(ctx, scope)
		failed := apierr.As(err)
		if failed == nil || failed.RetryAfter <= inFlightWait || attempts == maxAttempts {
			return t, err
		}
		if o.Clock.Sleep(ctx, failed.RetryAfter) != nil {
			return t, err
		}
	}
}

// obtain returns the cached access token, or a new one, which one of the waiting calls requests for
// all. A token that is still valid is returned while it is renewed.
func (o *oauth) obtain(ctx context.Context, scope string) (accessToken, error) {
	t, now := o.cached(scope), o.Clock.Now()
	if now.Before(t.renewal) {
		return t, t.rejection
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

// renew requests an access token and caches it, or caches the rejection for rejectionLife. A token
// that is still valid stays in use after a rejection or failure. ctx belongs to the first of the
// waiting calls; its end does not end the request of the others.
func (o *oauth) renew(ctx context.Context, scope string) (accessToken, error) {
	old := o.cached(scope)
	if o.Clock.Now().Before(old.renewal) { // another call has renewed it
		return old, old.rejection
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	t, err := o.fetch(ctx, scope)
	switch now := o.Clock.Now(); {
	case err == nil:
	case now.Before(old.end):
		t, err = old, nil
		t.renewal = now.Add(rejectionLife)
	case apierr.As(err).Retryable():
		return t, err
	default:
		t = accessToken{rejection: err, renewal: now.Add(rejectionLife)}
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

// forget removes an access token that Okta rejected from the cache.
func (o *oauth) forget(rejected string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for scope, t := range o.tokens {
		if t.value.Reveal() == rejected {
			delete(o.tokens, scope)
		}
	}
}

// scopeList returns scopes in the format of a token request.
func scopeList(scopes []string) string {
	sorted := slices.Sorted(slices.Values(scopes))
	return strings.Join(slices.Compact(sorted), " ")
}
