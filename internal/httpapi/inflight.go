package httpapi

import (
	"context"
	"sync"
	"time"

	"example.com/okta-secops/internal/apierr"
)

// maxBodies bounds the bytes of the bodies that the requests in flight of one process hold. One
// caller gets half of it, which is enough for one delivery of the largest size.
const maxBodies = 2 * (maxDelivery + 1)

// InFlightLimiter bounds the requests in flight in a process and the bodies that they hold. Its
// Close waits for them.
type InFlightLimiter struct {
	most    int
	closing context.Context // done once Close was called
	cut     context.CancelFunc

	mu         sync.Mutex
	inFlight   int
	arriving   int            // requests whose bodies have not arrived
	arrivingOf map[string]int // by caller
	held       int            // bytes
	heldBy     map[string]int // by caller
	idle       chan struct{}  // closed once Close was called and nothing is in flight
}

// NewInFlightLimiter returns a limiter for this number of requests.
func NewInFlightLimiter(most int) *InFlightLimiter {
	l := &InFlightLimiter{most: most, arrivingOf: map[string]int{}, heldBy: map[string]int{}, idle: make(chan struct{})}
	l.closing, l.cut = context.WithCancel(context.Background())
	return l
}

// arrivals is the number of requests whose bodies may arrive, for each that may be in flight. They
// need little memory. One caller gets half of them, so that a caller whose bodies do not arrive
// does not block the others.
const arrivals = 4

// admission is the place of one request: first among those whose bodies arrive, after start among
// those in flight.
type admission struct {
	limiter *InFlightLimiter
	caller  string
	held    int
	started bool
}

var errClosing = apierr.New(apierr.Unavailable, "shutting_down", "this instance is shutting down", nil)

func overloaded(message string) error {
	return &apierr.Error{Kind: apierr.Overloaded, Code: "overloaded", RetryAfter: time.Second, Message: message}
}

// acquire admits a request of a caller or fails immediately, so that the caller can retry on
// another instance.
func (l *InFlightLimiter) acquire(caller string) (*admission, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closing.Err() != nil:
		return nil, errClosing
	case l.inFlight >= l.most:
		return nil, errFull()
	case l.arriving >= arrivals*l.most || l.arrivingOf[caller] >= arrivals*l.most/2:
		return nil, overloaded("too many requests to this instance wait for their bodies; nothing was done")
	}
	l.arriving++
	l.arrivingOf[caller]++
	return &admission{limiter: l, caller: caller}, nil
}

func errFull() error {
	return overloaded("this instance has MAX_INVOCATIONS invocations in flight; nothing was done")
}

// start counts the request among those in flight, once its body has arrived, or fails immediately.
func (p *admission) start() error {
	l := p.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inFlight >= l.most {
		return errFull()
	}
	p.arrived()
	p.started = true
	l.inFlight++
	return nil
}

// arrived removes the request from those whose bodies arrive. The limiter is locked.
func (p *admission) arrived() {
	l := p.limiter
	l.arriving--
	if l.arrivingOf[p.caller]--; l.arrivingOf[p.caller] == 0 {
		delete(l.arrivingOf, p.caller)
	}
}

// reserve sets the bytes that the body of the request needs, or fails immediately if they are not
// available.
func (p *admission) reserve(bytes int) error {
	l := p.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	more := bytes - p.held
	if more > 0 && (l.held+more > maxBodies || l.heldBy[p.caller]+more > maxBodies/2) {
		return overloaded("the requests in flight in this instance use all the memory for bodies; nothing was done")
	}
	p.change(more)
	return nil
}

// change adds to the bytes of the request. The limiter is locked.
func (p *admission) change(bytes int) {
	p.held += bytes
	p.limiter.held += bytes
	if p.limiter.heldBy[p.caller] += bytes; p.limiter.heldBy[p.caller] == 0 {
		delete(p.limiter.heldBy, p.caller)
	}
}

// release ends the request.
func (p *admission) release() {
	l := p.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	p.change(-p.held)
	if p.started {
		l.inFlight--
	} else {
		p.arrived()
	}
	l.endIfIdle()
}

// endIfIdle signals to Close that nothing is in flight. The limiter is locked.
func (l *InFlightLimiter) endIfIdle() {
	if l.closing.Err() == nil || l.inFlight+l.arriving > 0 {
		return
	}
	select {
	case <-l.idle:
	default:
		close(l.idle)
	}
}

// Close refuses all further requests, cuts those whose bodies have not arrived, and waits until the
// others have ended. If ctx ends first, it returns ctx's error.
func (l *InFlightLimiter) Close(ctx context.Context) error {
	l.mu.Lock()
	l.cut()
	l.endIfIdle()
	l.mu.Unlock()
	select {
	case <-l.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
