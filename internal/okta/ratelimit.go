package okta

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"example.com/okta-secops/internal/apierr"
)

// rateQuota is the content of the rate-limit headers, which describe one bucket.
// https://developer.okta.com/docs/reference/rl-best-practices/
type rateQuota struct {
	limit, remaining int
	window           int64         // X-Rate-Limit-Reset as sent, which identifies the window
	left             time.Duration // until the window ends, by Okta's clock: the response's Date
}

// quota reads the rate-limit headers. It returns false if there are none, and for the concurrency
// limit (limit and remaining 0), whose reset is only an estimate. A response without a Date is
// measured by the client's clock.
func (r *response) quota() (rateQuota, bool) {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(r.header.Get(name), 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	limit, remaining := number("X-Rate-Limit-Limit"), number("X-Rate-Limit-Remaining")
	reset := number("X-Rate-Limit-Reset")
	date, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		date = r.received
	}
	left := time.Unix(reset, 0).Sub(date)
	if limit <= 0 || remaining < 0 || reset <= 0 || left > longestWindow {
		return rateQuota{}, false
	}
	return rateQuota{int(limit), int(remaining), reset, left}, true
}

// longestWindow is longer than every window of Okta; a later reset is not in seconds.
const longestWindow = time.Hour

// slowest bounds the pause between two requests while the bucket has requests left.
const slowest = time.Second

// rateLimiter delays requests so that they stay within Okta's rate limits. It learns the limits
// from response headers. It is not a token bucket (golang.org/x/time/rate), because Okta's limits
// are fixed windows that the org's other clients use too.
type rateLimiter struct {
	share float64 // of a limit that is used at full speed; the rest is spread over the rest of the window
	clock Clock

	mu       sync.Mutex
	windows  map[windowKey]*rateWindow
	newest   map[bucket]*rateWindow // the last one of which a response reported
	byRoute  map[route]*rateWindow  // of which the last response to this route reported
	sent     int                    // requests so far
	inFlight int
	ended    chan struct{} // closed when the next request ends
}

// windowKey identifies a window. Routes of one bucket for which Okta reports different limits are
// counted apart, because the table of routes does not describe this org.
type windowKey struct {
	bucket bucket
	limit  int // 0: not reported yet
}

// rateWindow is the current window of one bucket, as far as responses have reported it.
type rateWindow struct {
	rateQuota // remaining is the lowest value that a response has reported
	reset     time.Time
	counted   int // remaining counts the requests up to this one, in the order of sending
	inFlight  int

	// While requests are spread: the next slot, the next slot for an urgent request, and the delay
	// that urgent requests have caused to the other slots so far.
	next, nextUrgent time.Time
	delayed          time.Duration
}

// permit is the permission to send one request.
type permit struct {
	window *rateWindow
	number int // of the request, in the order of sending
}

// slot is the time at which a request may be sent while requests are spread. The zero slot is not
// assigned.
type slot struct {
	window  *rateWindow
	at      time.Time
	delayed time.Duration // the window's when the slot was assigned
}

// assign returns the next slot, gap before the one after it. An urgent request waits for urgent
// requests only, and delays all others by one gap.
func (w *rateWindow) assign(urgent bool, now time.Time, gap time.Duration) slot {
	later := func(t time.Time) time.Time {
		if t.Before(now) {
			return now
		}
		return t
	}
	s := slot{window: w, at: later(w.next)}
	if urgent {
		s.at = later(w.nextUrgent)
		w.nextUrgent = s.at.Add(gap)
		w.delayed += gap
	}
	w.next, s.delayed = later(w.next).Add(gap), w.delayed
	return s
}

// due returns the time at which the request may be sent.
func (s slot) due(urgent bool) time.Time {
	if urgent {
		return s.at
	}
	return s.at.Add(s.window.delayed - s.delayed)
}

func newRateLimiter(share float64, clock Clock) *rateLimiter {
	return &rateLimiter{
		share: share, clock: clock, windows: map[windowKey]*rateWindow{}, newest: map[bucket]*rateWindow{},
		byRoute: map[route]*rateWindow{}, ended: make(chan struct{}),
	}
}

// acquire returns a permit, after which release must follow, or a function that waits until the
// caller can ask again. s belongs to the request: while requests are spread, acquire assigns it, so
// that they are sent in the order in which they first asked, urgent requests before others.
func (l *rateLimiter) acquire(r route, urgent bool, s *slot) (p permit, wait func(ctx context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windowOf(r)
	d, ok := l.check(w, l.clock.Now(), urgent, s)
	switch ended := l.ended; {
	case ok:
		l.sent++
		l.inFlight++
		w.inFlight++
		return permit{w, l.sent}, nil
	case d > 0:
		return permit{}, func(ctx context.Context) error { return l.sleep(ctx, d) }
	default:
		return permit{}, func(ctx context.Context) error {
			select {
			case <-ended:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// windowOf returns the window that counts a route: as reported for the route, or else for its
// bucket.
func (l *rateLimiter) windowOf(r route) *rateWindow {
	if w := l.byRoute[r]; w != nil {
		return w
	}
	if w := l.newest[r.bucket]; w != nil {
		return w
	}
	return l.windowFor(windowKey{bucket: r.bucket})
}

func (l *rateLimiter) windowFor(key windowKey) *rateWindow {
	if l.windows[key] == nil {
		l.windows[key] = &rateWindow{}
	}
	return l.windows[key]
}

// check reports whether a request may be sent now. If not, it returns the pause before asking
// again, 0 to wait until a request ends.
func (l *rateLimiter) check(w *rateWindow, now time.Time, urgent bool, s *slot) (pause time.Duration, ok bool) {
	if w.limit == 0 {
		return 0, true
	}
	if !now.Before(w.reset) {
		w.remaining, w.counted = w.limit, l.sent // a new window, of which no response has reported yet
	}
	if w.remaining == 0 {
		return w.reset.Sub(now), false
	}
	// An org may count several buckets as one, so that the requests of all buckets since the last
	// report count as made. If none may be left, one request asks for the next report, and the
	// others wait for it.
	if w.inFlight > 0 && w.remaining <= max(l.inFlight, l.sent-w.counted) {
		return 0, false
	}
	left := w.remaining - w.inFlight
	if float64(left) > (1-l.share)*float64(w.limit) {
		return 0, true
	}
	if s.window == nil {
		*s = w.assign(urgent, now, min(slowest, w.reset.Sub(now)/time.Duration(left)))
	}
	pause = min(s.due(urgent).Sub(now), w.reset.Sub(now))
	return pause, pause <= 0
}

// sleep waits for d. It returns an error of the kind Unavailable if ctx ends before.
func (l *rateLimiter) sleep(ctx context.Context, d time.Duration) error {
	err := l.clock.Sleep(ctx, d)
	if err == nil {
		return nil
	}
	return &apierr.Error{
		Kind: apierr.Unavailable, Code: codeRateLimited, RetryAfter: d, Cause: err,
		Message: "not sent: Okta's rate limit resets after this request's deadline",
	}
}

// release ends a request. re is nil without a response.
func (l *rateLimiter) release(r route, p permit, re *response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	p.window.inFlight--
	close(l.ended)
	l.ended = make(chan struct{})
	if re == nil {
		return
	}
	if q, ok := re.quota(); ok && q.left > 0 {
		w := l.windowFor(windowKey{r.bucket, q.limit})
		l.newest[r.bucket], l.byRoute[r] = w, w
		w.learn(q, p.number, l.clock.Now())
	}
}

// learn takes in the report of a response to the request with this number.
func (w *rateWindow) learn(q rateQuota, number int, now time.Time) {
	switch {
	case q.window == w.window:
		w.remaining = min(w.remaining, q.remaining)
	case q.window < w.window && now.Before(w.reset):
		return // a slow response, of the window before
	default:
		w.rateQuota, w.reset = q, now.Add(q.left)
	}
	w.counted = max(w.counted, number)
}
