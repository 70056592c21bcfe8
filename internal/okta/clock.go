package okta

import (
	"context"
	"errors"
	"time"
)

// Clock is the time by which a Client paces, retries and renews.
type Clock interface {
	Now() time.Time
	// Sleep waits for d. Where ctx ends before that, it fails with ErrTooLate, and at once: who waits in
	// vain learns nothing by waiting.
	Sleep(ctx context.Context, d time.Duration) error
}

// ErrTooLate is a wait that the caller's deadline does not leave time for.
var ErrTooLate = errors.New("the deadline comes before the end of the wait")

// SystemClock is the time of the machine.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Sleep implements Clock.
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return ErrTooLate
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ErrTooLate
	}
}
