package backoff_test

import (
	"testing"
	"time"

	"example.com/okta-secops/internal/backoff"
)

func TestExponential_DoublesWithEachAttempt(t *testing.T) {
	t.Parallel()
	const pause = backoff.Exponential(10 * time.Second)
	for attempts, want := range map[int]time.Duration{1: 10, 2: 20, 6: 320} {
		if got := pause.After(attempts); got != want*time.Second {
			t.Errorf("after %d attempts the pause is %s, want %ds", attempts, got, want)
		}
	}
}

func TestExponential_JitterKeepsHalf(t *testing.T) {
	t.Parallel()
	const pause = backoff.Exponential(time.Second)
	for range 100 {
		if got := pause.Jittered(2); got <= time.Second || got > 2*time.Second {
			t.Errorf("after 2 attempts the pause is %s, want more than 1s and at most 2s", got)
		}
	}
}
