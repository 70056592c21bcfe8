package testkit

import (
	"context"
	"sync"
	"time"

	"example.com/okta-secops/internal/okta"
)

// Clock is an okta.Clock that does not wait: Sleep advances the time and returns at once.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	naps []time.Duration
}

// NewClock returns a clock set to Now.
func NewClock() *Clock { return &Clock{now: Now} }

// Now implements okta.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep implements okta.Clock.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d || ctx.Err() != nil {
		return okta.ErrTooLate
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.naps = append(c.naps, d)
	return nil
}

// Advance advances the time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Naps returns the durations of all calls of Sleep.
func (c *Clock) Naps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.naps...)
}
