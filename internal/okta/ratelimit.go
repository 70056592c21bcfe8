package okta

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"example.com/okta-secops/internal/apierr"
)

// rateQuota is what Okta's rate-limit headers say of one bucket.
// https://developer.okta.com/docs/reference/rl-best-practices/
type rateQuota struct {
	limit, remaining int
	window           int64         // X-Rate-Limit-Reset as sent, which names the window
	left             time.Duration // until the window ends, by Okta's clock: the reply's Date, not ours
}

// quota reads a reply's headers. It is false where there are none, and for the limit on concurrent calls
// (limit and remaining 0), whose reset is only a guess. A reply without a Date is measured by our own clock.
func (r *response) quota() (rateQuota, bool) {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(r.header.Get(name), 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	limit, remaining, reset := number("X-Rate-Limit-Limit"), number("X-Rate-Limit-Remaining"), number("X-Rate-Limit-Reset")
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

// longestWindow is more than Okta's windows last; what names a later reset is not told in seconds.
const longestWindow = time.Hour

// slowest is the longest pause between two calls while Okta has any left to give.
const slowest = time.Second

// rateLimiter keeps calls within Okta's rate limits before they are hit.
type rateLimiter struct {
	share float64 // of a bucket that is ours at full speed; the rest is spread over the time that is left
	clock Clock

	mu       sync.Mutex
	routes   map[string]*route
	answered chan struct{} // closed at the next answer
}

// route is what Okta counts calls by: a method and a path template.
type route struct {
	bucket   *rateWindow
	inFlight int
	told     int   // what its own newest reply told to be left
	apart    int64 // the window in which it was found to share no bucket
}

// rateWindow is what is known of one of Okta's buckets, nothing where the limit is 0. The calls that it still has are the
// fewest that a reply of this window has told, less those on their way, which that reply may not have counted.
//
// Okta may count several routes in one bucket and says so nowhere: routes that are told much the same share one here,
// until a reply proves that they do not.
type rateWindow struct {
	rateQuota
	reset time.Time // by our clock

	// While calls are spread: the next slot, that of the next urgent call, and by how much urgent calls have
	// delayed the slots of the others so far.
	next, nextUrgent time.Time
	delayed          time.Duration
}

// slot is when a call may leave while calls are spread. The zero value is a call that has none yet.
type slot struct {
	bucket  *rateWindow
	at      time.Time
	delayed time.Duration // the bucket's, when the slot was given
}

// take gives a call the next slot, gap before the one after it. An urgent call waits for urgent calls only, and
// delays all others by one gap.
func (b *rateWindow) take(urgent bool, now time.Time, gap time.Duration) slot {
	later := func(t time.Time) time.Time {
		if t.Before(now) {
			return now
		}
		return t
	}
	s := slot{bucket: b, at: later(b.next)}
	if urgent {
		s.at = later(b.nextUrgent)
		b.nextUrgent = s.at.Add(gap)
		b.delayed += gap
	}
	b.next, s.delayed = later(b.next).Add(gap), b.delayed
	return s
}

// due is when the call may leave.
func (s slot) due(urgent bool) time.Time {
	if urgent {
		return s.at
	}
	return s.at.Add(s.bucket.delayed - s.delayed)
}

// near is how much the replies to two routes may differ in what they tell to be left of one bucket: calls are made side
// by side, and their replies come in any order.
const near = 40

// overlap is for how long two windows of one bucket may seem to run side by side: Okta's times are in whole seconds.
const overlap = 3 * time.Second

func newRateLimiter(share float64, clock Clock) *rateLimiter {
	return &rateLimiter{share: share, clock: clock, routes: map[string]*route{}, answered: make(chan struct{})}
}

// turn takes a call's turn and returns what is known of its bucket, with which leave must follow; or it returns what to
// wait for before asking again. s is the call's own: where calls are spread it is set to when this one may leave, so
// that they leave in the order in which they first asked, urgent calls before others.
func (p *rateLimiter) turn(op string, urgent bool, s *slot) (known rateQuota, wait func(ctx context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.routes[op]
	if r == nil {
		r = &route{bucket: &rateWindow{}}
		p.routes[op] = r
	}
	d, mayGo := p.may(r, p.clock.Now(), urgent, s)
	switch answered := p.answered; {
	case mayGo:
		r.inFlight++
		return r.bucket.rateQuota, nil
	case d > 0:
		return rateQuota{}, func(ctx context.Context) error { return p.sleep(ctx, d) }
	default:
		return rateQuota{}, func(ctx context.Context) error {
			select {
			case <-answered:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// may tells whether a call may leave now, or how long to wait before asking again; 0 means until an answer comes.
func (p *rateLimiter) may(r *route, now time.Time, urgent bool, s *slot) (wait time.Duration, mayGo bool) {
	b := r.bucket
	if b.limit > 0 && !now.Before(b.reset) {
		b.remaining = b.limit // a new window, of which no reply has told yet
	}
	left := b.remaining
	for _, o := range p.routes {
		if o.bucket == b {
			left -= o.inFlight
		}
	}
	switch {
	case b.limit == 0, float64(left) > (1-p.share)*float64(b.limit):
	case r.told > b.remaining+near && r.inFlight == 0:
		// Only replies to other routes say that so little is left: one call goes to see whether they share.
	case r.told > b.remaining+near:
		return 0, false // and the others wait for what it is told
	case b.remaining == 0:
		return b.reset.Sub(now), false
	case left <= 0:
		return 0, false
	default:
		if s.bucket == nil {
			*s = b.take(urgent, now, min(slowest, b.reset.Sub(now)/time.Duration(left)))
		}
		if d := min(s.due(urgent).Sub(now), b.reset.Sub(now)); d > 0 {
			return d, false
		}
	}
	return 0, true
}

func (p *rateLimiter) sleep(ctx context.Context, d time.Duration) error {
	err := p.clock.Sleep(ctx, d)
	if err == nil {
		return nil
	}
	return &apierr.Error{
		Kind: apierr.Unavailable, Code: codeRateLimited, RetryAfter: d, Cause: err,
		Message: "not sent: Okta's rate limit resets after this request's deadline",
	}
}

// leave ends a call. known is what turn returned; re is nil where there was no reply.
func (p *rateLimiter) leave(op string, known rateQuota, re *response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.routes[op]
	r.inFlight--
	close(p.answered)
	p.answered = make(chan struct{})
	if re == nil {
		return
	}
	if q, ok := re.quota(); ok && q.left > 0 {
		p.learn(r, known, q)
	}
}

// learn takes in what a reply tells. known is what was known before its call left.
func (p *rateLimiter) learn(r *route, known, q rateQuota) {
	if rest := r.bucket.reset.Sub(p.clock.Now()); r.bucket.limit > 0 && q.window != r.bucket.window && rest > 0 {
		other := rest + time.Duration(q.window-r.bucket.window)*time.Second
		switch {
		case p.shared(r) && min(rest, other) > overlap:
			r.bucket = &rateWindow{} // two windows that run at one time are two buckets'
		case q.window < r.bucket.window:
			return // a slow reply, of the window before
		}
	}
	r.told = q.remaining
	same := q.window == r.bucket.window && q.limit == r.bucket.limit
	// A bucket holds less after a call than was told of it before.
	if same && q.window == known.window && q.remaining >= known.remaining && p.shared(r) {
		r.bucket, r.apart, same = &rateWindow{}, q.window, false
	}
	if r.apart != q.window && !p.shared(r) {
		if twin := p.like(r, q); twin != nil {
			r.bucket, same = twin, true
		}
	}
	if same {
		r.bucket.remaining = min(r.bucket.remaining, q.remaining)
		return
	}
	r.bucket.rateQuota, r.bucket.reset = q, p.clock.Now().Add(q.left)
}

// like is another route's bucket that seems to be the one of which a reply tells, nil where there is none.
func (p *rateLimiter) like(r *route, q rateQuota) *rateWindow {
	for _, o := range p.routes {
		b := o.bucket
		if b != r.bucket && b.limit == q.limit && b.window == q.window && max(b.remaining-q.remaining, q.remaining-b.remaining) <= near {
			return b
		}
	}
	return nil
}

// shared tells whether another route has the same bucket.
func (p *rateLimiter) shared(r *route) bool {
	for _, o := range p.routes {
		if o != r && o.bucket == r.bucket {
			return true
		}
	}
	return false
}
