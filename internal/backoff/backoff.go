// Package backoff calculates the pauses between attempts.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Exponential is the pause after the first attempt; the pause doubles with each further attempt.
type Exponential time.Duration

// After returns the pause after a number of attempts, at least 1.
func (e Exponential) After(attempts int) time.Duration { return time.Duration(e) << (attempts - 1) }

// Jittered returns the pause after a number of attempts, shortened at random by up to half, so that
// clients that failed together do not retry together.
func (e Exponential) Jittered(attempts int) time.Duration {
	pause := e.After(attempts)
	return pause - rand.N(pause/2)
}
