// Package transmitter operates the transmitter of signals: its keys, their publication, and its registration in Okta.
// It is for operators and for the local product; the deployed functions do not use it.
package transmitter

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

// Keys are the keys of a transmitter, in two secrets.
type Keys struct {
	Store     secrets.Store
	Signing   string // reference to the private key, a JWK
	Published string // reference to the set of public keys, an ssf.KeySet
	Kind      string // of new keys: one of KeyKinds; "": the first
	Clock     okta.Clock
}

// KeyKinds are the kinds of keys. Okta's guide signs with the first.
var KeyKinds = []string{"rsa-2048", "rsa-3072", "ec-p256"}

// retireAfter is how long a key is published after another has replaced it: tokens that it has signed are retried for
// minutes, and instances use a cached key for secrets.MaxAge.
const retireAfter = 24 * time.Hour

func newKey(kind string) (keys.Key, error) {
	switch cmp.Or(kind, KeyKinds[0]) {
	case "rsa-2048":
		return keys.GenerateRSA(2048)
	case "rsa-3072":
		return keys.GenerateRSA(3072)
	case "ec-p256":
		return keys.GenerateEC()
	}
	return keys.Key{}, fmt.Errorf("%q is not a kind of key; use %s", kind, strings.Join(KeyKinds, ", "))
}

// Generate makes the first key: it adds its public half to the published set, and then stores its private half. It
// returns the key ID, which is the thumbprint of the key. If there is a key already, it changes nothing and returns
// an error.
func (k Keys) Generate(ctx context.Context) (kid string, err error) {
	switch exists, err := k.Store.Has(ctx, k.Signing); {
	case err != nil:
		return "", err
	case exists:
		return "", fmt.Errorf("%s has a key already: use rotate, which publishes a new key before it signs", k.Signing)
	}
	key, err := k.publish(ctx)
	if err != nil {
		return "", err
	}
	return key.Thumbprint(), k.use(ctx, key)
}

// publish makes a key and adds it to the published set.
func (k Keys) publish(ctx context.Context) (keys.Key, error) {
	key, err := newKey(k.Kind)
	if err != nil {
		return key, err
	}
	set, err := k.set(ctx)
	if err != nil {
		return key, err
	}
	if set, err = set.At(k.Clock.Now()).With(key, key.Thumbprint()); err != nil {
		return key, err
	}
	return key, k.Store.Add(ctx, k.Published, set.Text())
}

// set returns the published set, the empty one if the secret has no value yet. A set that cannot be read is an error:
// writing another would remove keys.
func (k Keys) set(ctx context.Context) (ssf.KeySet, error) {
	switch exists, err := k.Store.Has(ctx, k.Published); {
	case err != nil:
		return ssf.KeySet{}, err
	case !exists:
		return ssf.KeySet{}, nil
	}
	text, err := k.Store.Get(ctx, k.Published)
	if err != nil {
		return ssf.KeySet{}, err
	}
	set, err := ssf.ParseKeySet(text)
	if err != nil {
		return set, fmt.Errorf("%s: %w", k.Published, err)
	}
	return set, nil
}

// use stores the private half of a published key.
func (k Keys) use(ctx context.Context, key keys.Key) error {
	kid := key.Thumbprint()
	if err := k.Store.Add(ctx, k.Signing, key.PrivateJWK(kid)); err != nil {
		return fmt.Errorf("the key %s is published, but storing it failed; repeat the command: %w", kid, err)
	}
	return nil
}

// Rotation are the options of Rotate.
type Rotation struct {
	HTTP    *http.Client
	JWKSURL string        // where the keys are published
	Settle  time.Duration // after the new key is published until it signs; 0: twice the max-age of the JWKS
	Timeout time.Duration // for the new key to be published
	Report  func(string)  // receives what happens, in sentences
}

// pollPause is the time between two requests for the published keys.
const pollPause = 5 * time.Second

// Rotate replaces the key that signs: it publishes the new key, waits until all copies of the JWKS have it, stores it,
// and lets the other keys end after a day. It returns the key ID. If it is interrupted before the new key is stored,
// the old key signs on, and Rotate can be repeated.
func (k Keys) Rotate(ctx context.Context, r Rotation) (kid string, err error) {
	switch exists, err := k.Store.Has(ctx, k.Signing); {
	case err != nil:
		return "", err
	case !exists:
		return "", fmt.Errorf("%s has no key yet: use keygen", k.Signing)
	}
	if _, _, err := fetchKeys(ctx, r.HTTP, r.JWKSURL); err != nil {
		return "", fmt.Errorf("nothing was changed: %w", err)
	}
	key, err := k.publish(ctx)
	if err != nil {
		return "", err
	}
	kid = key.Thumbprint()
	r.Report(fmt.Sprintf("The new key %s was added to %s.", kid, k.Published))
	if err := r.settle(ctx, k.Clock, key); err != nil {
		return "", fmt.Errorf("the new key %s does not sign, and the old one does; repeat rotate: %w", kid, err)
	}
	if err := k.use(ctx, key); err != nil {
		return "", err
	}
	r.Report(fmt.Sprintf("It was stored in %s; within %s it signs.", k.Signing, secrets.MaxAge(k.Signing)))
	end := k.Clock.Now().Add(retireAfter)
	set, err := k.set(ctx)
	if err == nil {
		err = k.Store.Add(ctx, k.Published, set.Retire(kid, end).Text())
	}
	if err != nil {
		return kid, fmt.Errorf("the new key signs, but the other keys stay published without an end: %w", err)
	}
	r.Report(fmt.Sprintf("The other keys are published until %s.", end.UTC().Format(time.RFC3339)))
	return kid, nil
}

// settle waits until the key is published, and then until copies of the JWKS without it have expired.
func (r Rotation) settle(ctx context.Context, clock okta.Clock, key keys.Key) error {
	kid := key.Thumbprint()
	for waited := time.Duration(0); ; waited += pollPause {
		set, age, err := fetchKeys(ctx, r.HTTP, r.JWKSURL)
		if err == nil && set.Holds(key, kid) {
			wait := cmp.Or(r.Settle, 2*age)
			r.Report(fmt.Sprintf("%s has it. Waiting %s until no copy of the old keys is in use.", r.JWKSURL, wait))
			return clock.Sleep(ctx, wait)
		}
		if waited >= r.Timeout {
			return cmp.Or(err, fmt.Errorf("%s did not have it within %s; it has %s", r.JWKSURL, r.Timeout, list(set.IDs())))
		}
		if err := clock.Sleep(ctx, pollPause); err != nil {
			return err
		}
	}
}

func list(kids []string) string {
	if len(kids) == 0 {
		return "no keys"
	}
	return strings.Join(slices.Sorted(slices.Values(kids)), ", ")
}
