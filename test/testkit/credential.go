package testkit

import (
	"context"
	"sync"
)

// Credential is an okta.Credential that a test replaces. Like a cached one, Get returns the old value until Okta rejects it.
type Credential[T interface{ Equal(T) bool }] struct {
	mu       sync.Mutex
	is, next T
	err      error
	reads    int
}

// NewCredential returns a credential with a first value.
func NewCredential[T interface{ Equal(T) bool }](is T) *Credential[T] {
	return &Credential[T]{is: is, next: is}
}

// Replace sets the value that Refresh returns after the first was rejected.
func (c *Credential[T]) Replace(next T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = next
}

// Lose makes Refresh fail with err.
func (c *Credential[T]) Lose(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// Reads returns how often Refresh read it.
func (c *Credential[T]) Reads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

// Get implements okta.Credential.
func (c *Credential[T]) Get(context.Context) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.is, nil
}

// Refresh implements okta.Credential.
func (c *Credential[T]) Refresh(_ context.Context, refused T) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.is.Equal(refused) {
		c.reads++
		if c.err != nil {
			return c.is, c.err
		}
		c.is = c.next
	}
	return c.is, nil
}
