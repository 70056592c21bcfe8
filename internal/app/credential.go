package app

import (
	"context"
	"sync"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// credential is a parsed secret, such as a key. It is read through the cache, and parsed once per
// value.
type credential[T interface{ Equal(T) bool }] struct {
	secrets   *secrets.Cached
	ref, name string
	parse     func(secrets.Value) (T, error)

	mu     sync.Mutex
	text   secrets.Value
	parsed T
}

// newCredential returns the credential of a secret reference, without reading it. name is its name
// in errors. The errors of parse are shown to the caller.
func newCredential[T interface{ Equal(T) bool }](
	cache *secrets.Cached, ref, name string, parse func(secrets.Value) (T, error),
) *credential[T] {
	return &credential[T]{secrets: cache, ref: ref, name: name, parse: parse}
}

// check returns an error if the credential cannot be used.
func (c *credential[T]) check(ctx context.Context) error {
	_, err := c.Get(ctx)
	return err
}

// Get implements okta.Credential.
func (c *credential[T]) Get(ctx context.Context) (T, error) {
	return c.use(c.secrets.Get(ctx, c.ref))
}

// Refresh implements okta.Credential.
func (c *credential[T]) Refresh(ctx context.Context, refused T) (T, error) {
	c.mu.Lock()
	text, current := c.text, c.parsed.Equal(refused)
	c.mu.Unlock()
	if !current {
		return c.Get(ctx)
	}
	return c.use(c.secrets.Refresh(ctx, c.ref, text))
}

// use parses a secret that was read. An error that the operator must fix is of the kind
// Misconfigured, one that may pass is Unavailable.
func (c *credential[T]) use(text secrets.Value, err error) (T, error) {
	var none T
	switch {
	case secrets.Terminal(err):
		return none, apierr.New(apierr.Misconfigured, "misconfigured", c.name+": "+err.Error(), err)
	case err != nil:
		return none, apierr.New(apierr.Unavailable, "secret_unavailable",
			"the secret of "+c.name+" cannot be read at the moment", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.text.IsZero() || !c.text.Equal(text) {
		parsed, err := c.parse(text)
		if err != nil {
			c.secrets.Drop(c.ref, text)
			return none, apierr.New(apierr.Misconfigured, "misconfigured",
				"the secret of "+c.name+" cannot be used: "+err.Error(), nil)
		}
		c.text, c.parsed = text, parsed
	}
	return c.parsed, nil
}
