package okta

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// maxTries is how often one call is sent at most.
const maxTries = 4

// The pauses before a second try; each further one is twice as long. A pause is cut short at random by up
// to half, so that those who failed together do not come back together.
const (
	crowded    = 200 * time.Millisecond // the limit on concurrent calls, which others free in an instant
	stumbled   = 500 * time.Millisecond // a server error, or a lost connection
	activating = 2 * time.Second        // a user whose activation Okta has not finished
)

func pause(first time.Duration, try int) time.Duration {
	d := first << (try - 1)
	return d - rand.N(d/2)
}

// again tells whether another try can help, and how long to wait before it. Whether the call may be made
// once more is another question.
func (x *attempt) again(try int) (wait time.Duration, ok bool) {
	if try >= maxTries {
		return 0, false
	}
	switch r := x.reply; {
	case x.renewed && try == 1:
		return 0, true
	case x.renewed:
		return pause(crowded, try), true
	case r == nil:
		return pause(stumbled, try), x.lost()
	case r.status == http.StatusTooManyRequests:
		q, _ := r.quota() // where the limit on concurrent calls is met, or Okta does not say, nothing is left of the window
		return max(0, q.left) + pause(crowded, try), true
	case r.errorCode() == codeStillActivating:
		return pause(activating, try), true
	case r.status == http.StatusInternalServerError, r.status == http.StatusBadGateway,
		r.status == http.StatusServiceUnavailable, r.status == http.StatusGatewayTimeout:
		return pause(stumbled, try), true
	default:
		return 0, false
	}
}
