package okta

import (
	"net/http"
	"sync"
)

// Usage describes Okta's rate limits as one invocation met them. Requests for access tokens are not part of it.
type Usage struct {
	RateLimited int // responses with the status 429, also those after which the request was sent again
	// Remaining is the lowest percentage of a rate limit that a response reported as left; nil without such a report.
	Remaining *int
}

// usage is the Usage of an invocation that runs. A nil usage counts nothing.
type usage struct {
	mu  sync.Mutex
	sum Usage
}

// add counts a response.
func (u *usage) add(r *response) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if r.status == http.StatusTooManyRequests {
		u.sum.RateLimited++
	}
	if q, ok := r.quota(); ok {
		if left := 100 * q.remaining / q.limit; u.sum.Remaining == nil || left < *u.sum.Remaining {
			u.sum.Remaining = &left
		}
	}
}

// Usage returns the rate limits as this invocation has met them so far. For begins an invocation.
func (c *Client) Usage() Usage {
	if c == nil || c.usage == nil {
		return Usage{}
	}
	c.usage.mu.Lock()
	defer c.usage.mu.Unlock()
	return c.usage.sum
}
