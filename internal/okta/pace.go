package okta

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"example.com/okta-secops/internal/fault"
)

// quota is what Okta's rate-limit headers say of one bucket.
// https://developer.okta.com/docs/reference/rl-best-practices/
type quota struct {
	limit, remaining int
	window           int64         // X-Rate-Limit-Reset as sent, which names the window
	left             time.Duration // until the window ends, by Okta's clock: the reply's Date, not ours
}

// quota reads a reply's headers. It is false where there are none, and for the limit on concurrent calls
// (limit and remaining 0), whose reset is only a guess.
func (r *reply) quota() (quota, bool) {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(r.header.Get(name), 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	limit, remaining, reset := number("X-Rate-Limit-Limit"), number("X-Rate-Limit-Remaining"), number("X-Rate-Limit-Reset")
	date, err := http.ParseTime(r.header.Get("Date"))
	if err != nil || limit <= 0 || remaining < 0 || reset <= 0 {
		return quota{}, false
	}
	return quota{int(limit), int(remaining), reset, time.Unix(reset, 0).Sub(date)}, true
}

// slowest is the longest pause between two calls while Okta has any left to give.
const slowest = time.Second

// pacer keeps calls within Okta's rate limits before they are hit. Okta counts per endpoint, so there is a
// bucket for each method and path template.
type pacer struct {
	share float64 // of a bucket that is ours at full speed; the rest is spread over the time that is left
	clock Clock

	mu       sync.Mutex
	buckets  map[string]*bucket
	answered chan struct{} // closed at the next answer
}

// bucket is what is known of one of Okta's buckets. The number of calls that it still has is the lowest
// that a reply of this window has told, less the calls on their way, which that reply may not have counted.
type bucket struct {
	quota
	known    bool
	reset    time.Time // by our clock
	next     time.Time // when the next call may leave while calls are spread
	inFlight int
}

func newPacer(share float64, clock Clock) *pacer {
	return &pacer{share: share, clock: clock, buckets: map[string]*bucket{}, answered: make(chan struct{})}
}

// turn takes a call's turn, after which leave must follow; or it returns what to wait for before asking again.
func (p *pacer) turn(op string) (wait func(ctx context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.buckets[op]
	if b == nil {
		b = &bucket{}
		p.buckets[op] = b
	}
	now := p.clock.Now()
	if b.known && !now.Before(b.reset) {
		b.remaining = b.limit // a new window, of which no reply has told yet
	}
	remaining, inFlight := p.count(b)
	d, mayGo := b.turn(now, p.share, remaining, inFlight)
	switch answered := p.answered; {
	case mayGo:
		return nil
	case d > 0:
		return func(ctx context.Context) error { return p.sleep(ctx, d) }
	default:
		return func(ctx context.Context) error {
			select {
			case <-answered:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func (p *pacer) sleep(ctx context.Context, d time.Duration) error {
	err := p.clock.Sleep(ctx, d)
	if err == nil {
		return nil
	}
	return &fault.Error{
		Kind: fault.Unavailable, Code: "rate_limited", RetryAfter: d, Cause: err,
		Message: fmt.Sprintf("not sent: Okta's rate limit leaves no call for %s, and the request has less time than that", max(time.Second, d.Round(time.Second))),
	}
}

// near is how far apart two endpoints may be told what is left of one bucket: the replies to calls made side by
// side, whose number is bounded too, come in any order.
const near = 40

// count is how many calls a bucket still has, and how many are on their way. Okta may count several endpoints in
// one bucket and says so nowhere; where the same is told of two, they are taken for one.
func (p *pacer) count(b *bucket) (remaining, inFlight int) {
	remaining, inFlight = b.remaining, b.inFlight
	for _, o := range p.buckets {
		if o != b && o.limit == b.limit && o.window == b.window && max(o.remaining-b.remaining, b.remaining-o.remaining) <= near {
			remaining, inFlight = min(remaining, o.remaining), inFlight+o.inFlight
		}
	}
	return remaining, inFlight
}

// turn takes a turn at this time, or tells how long to wait before asking again; 0 means until an answer comes.
func (b *bucket) turn(now time.Time, share float64, remaining, inFlight int) (wait time.Duration, mayGo bool) {
	left := remaining - inFlight
	switch {
	case !b.known || float64(left) > (1-share)*float64(b.limit):
	case remaining == 0:
		return b.reset.Sub(now), false
	case left <= 0:
		return 0, false
	case now.Before(b.next):
		return b.next.Sub(now), false
	default:
		b.next = now.Add(min(slowest, b.reset.Sub(now)/time.Duration(left)))
	}
	b.inFlight++
	return 0, true
}

// leave ends a call. r is nil where there was no reply.
func (p *pacer) leave(op string, r *reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.buckets[op]
	b.inFlight--
	close(p.answered)
	p.answered = make(chan struct{})
	if r == nil {
		return
	}
	q, ok := r.quota()
	switch {
	case !ok || b.known && q.window < b.window || q.left <= 0: // an older window's
	case b.known && q.window == b.window:
		b.remaining = min(b.remaining, q.remaining)
	default:
		b.known, b.quota, b.reset = true, q, p.clock.Now().Add(q.left)
	}
}

// gate bounds the calls in flight, over all who call. It narrows when Okta refuses calls for their number,
// and widens again by one with every round of calls that goes through.
type gate struct {
	mu    sync.Mutex
	most  float64
	width float64
	busy  int
	queue []chan struct{} // who waits, first come first
}

func newGate(most int) *gate {
	return &gate{most: float64(most), width: float64(most)}
}

// enter waits for a place. leave must follow.
func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	turn := make(chan struct{})
	g.queue = append(g.queue, turn)
	g.admit()
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	default:
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.queue, turn); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
		return ctx.Err()
	}
	g.busy-- // the turn came just now
	g.admit()
	return ctx.Err()
}

// leave ends a call; r is nil where there was no reply.
func (g *gate) leave(r *reply) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	switch {
	case r == nil:
	case r.status == http.StatusTooManyRequests:
		// Half of those that are on their way: several refusals at once do not close the gate.
		g.width = max(1, min(g.width, float64(g.busy)/2))
	default:
		g.width = min(g.most, g.width+1/g.width)
	}
	g.admit()
}

func (g *gate) admit() {
	for len(g.queue) > 0 && g.busy < int(g.width) {
		close(g.queue[0])
		g.queue = g.queue[1:]
		g.busy++
	}
}
