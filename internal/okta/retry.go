package okta

import (
	"net/http"
	"time"

	"example.com/okta-secops/internal/backoff"
)

// maxAttempts bounds the attempts of one call.
const maxAttempts = 4

// The pauses before the second attempt; each further pause is twice as long.
const (
	concurrencyPause = backoff.Exponential(200 * time.Millisecond) // other clients free places soon
	serverErrorPause = backoff.Exponential(500 * time.Millisecond) // and the pause after a lost connection
	activationPause  = backoff.Exponential(2 * time.Second)        // Okta has not completed the user's activation
)

// retryAfter is the pause before another attempt, or never.
type retryAfter time.Duration

// never is the pause after a failure that another attempt does not change.
const never retryAfter = -1

func (r retryAfter) wait() time.Duration { return time.Duration(r) }

// retryAfter returns the pause after a number of attempts of which this one is the last. It does
// not consider whether the call may be repeated.
func (x *attempt) retryAfter(attempts int) retryAfter {
	if attempts >= maxAttempts {
		return never
	}
	switch r := x.response; {
	case x.newCredentials && attempts == 1:
		return 0
	case x.newCredentials:
		return retryAfter(concurrencyPause.Jittered(attempts))
	case r == nil && x.connectionFailed():
		return retryAfter(serverErrorPause.Jittered(attempts))
	case r == nil:
		return never
	case r.status == http.StatusTooManyRequests:
		q, _ := r.quota() // zero for the concurrency limit, and if Okta sends no headers
		return retryAfter(max(0, q.left) + concurrencyPause.Jittered(attempts))
	case r.errorCode() == codeStillActivating:
		return retryAfter(activationPause.Jittered(attempts))
	case r.status == http.StatusInternalServerError, r.status == http.StatusBadGateway,
		r.status == http.StatusServiceUnavailable, r.status == http.StatusGatewayTimeout:
		return retryAfter(serverErrorPause.Jittered(attempts))
	default:
		return never
	}
}
