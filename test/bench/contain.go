package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"example.com/okta-secops/internal/okta"
)

// contain compares Contain User of 100 users with the fewest waves of calls that its order allows.
func (p plan) contain(ctx context.Context, w io.Writer) error {
	const users, latency, steps = 100, 50 * time.Millisecond, 4
	s, err := newStand(p.concurrency, 1, okta.SystemClock{}, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	var took []time.Duration
	var calls int64
	for rep := range p.reps + 1 {
		if err := s.prepare(ctx, users, latency); err != nil {
			return err
		}
		begun := time.Now()
		lost, err := s.change(ctx, "/containment/contain-user", map[string]any{"Level": "contain"}, 0, users)
		if err != nil || lost > 0 {
			return fmt.Errorf("%d of %d users were lost: %w", lost, users, err)
		}
		if rep > 0 { // the first reads the facts of the guardrails
			took, calls = append(took, time.Since(begun)), s.calls.Load()
		}
	}
	least := waves(users, p.concurrency) + waves(steps*users, p.concurrency)
	fewest := time.Duration(least) * latency
	fmt.Fprintf(w, `Contain User (contain), %d users, Okta %s away, OKTA_CONCURRENCY=%d, median of %d

  every user is read before the first is changed; then suspend, Universal Logout, sessions and the status, one after another
  fewest waves  ceil(users / concurrency) + ceil(%d x users / concurrency) = %d, so %s

%d calls in %s, %.2f x the fewest waves

`, users, latency, p.concurrency, p.reps, steps, least, short(fewest), calls, short(median(took)), float64(median(took))/float64(fewest))
	return nil
}
