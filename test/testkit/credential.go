package testkit

import (
	"context"
	"sync"
)

// Credential is an okta.Credential that a test replaces. Like one that is kept in memory, it goes on being given out
// until it has been refused.
type Credential[T interface{ Equal(T) bool }] struct {
	mu       sync.Mutex
	is, next T
	err      error
	reads    int
}

// NewCredential returns one that is not replaced yet.
func NewCredential[T interface{ Equal(T) bool }](is T) *Credential[T] {
	return &Credential[T]{is: is, next: is}
}

// Replace puts another in its place, which counts once the first has been refused.
func (c *Credential[T]) Replace(next T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = next
}

// Lose has it not be read again: it fails with err.
func (c *Credential[T]) Lose(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// Reads is how often it was read again.
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
