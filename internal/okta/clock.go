package okta

import (
	"context"
	"errors"
	"time"
)

// Clock is the clock of a Client, for rate limits, retries and the renewal of tokens.
type Clock interface {
	Now() time.Time
	// Sleep waits for d. If ctx ends before that, it returns ErrTooLate at once, without waiting.
	Sleep(ctx context.Context, d time.Duration) error
}

// ErrTooLate is the error of a wait that would end after the caller's deadline.
var ErrTooLate = errors.New("the deadline comes before the end of the wait")

// SystemClock is the machine's clock.
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
