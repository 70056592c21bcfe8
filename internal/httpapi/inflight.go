package httpapi

import (
	"context"
	"sync"
	"time"

	"example.com/okta-secops/internal/apierr"
)

// maxBodies bounds the bytes of the bodies that the invocations in flight of one process hold. One
// caller gets half of it, which is room for one delivery of the largest size.
const maxBodies = 2 * (maxDelivery + 1)

// InFlightLimiter bounds the invocations in flight in a process and the bodies that they hold, and lets the
// process end once they have ended.
type InFlightLimiter struct {
	most    int
	closing context.Context // done once the gate closes
	cut     context.CancelFunc

	mu         sync.Mutex
	inFlight   int
	arriving   int            // invocations whose bodies have not arrived
	arrivingOf map[string]int // by caller
	held       int            // bytes
	heldBy     map[string]int // by caller
	idle       chan struct{}  // closed once the gate is and nothing is in flight
}

// NewInFlightLimiter returns a Gate for this many invocations.
func NewInFlightLimiter(most int) *InFlightLimiter {
	g := &InFlightLimiter{most: most, arrivingOf: map[string]int{}, heldBy: map[string]int{}, idle: make(chan struct{})}
	g.closing, g.cut = context.WithCancel(context.Background())
	return g
}

// arrivals is how many invocations may wait for their bodies, for each that may be in flight. They take little, and
// one caller gets half of them, so that a caller whose bodies do not arrive keeps no other caller out.
const arrivals = 4

// admission is an invocation's place: among those whose bodies arrive, and after begin among those in flight.
type admission struct {
	gate    *InFlightLimiter
	caller  string
	held    int
	started bool
}

var errClosing = apierr.New(apierr.Unavailable, "shutting_down", "this instance is shutting down", nil)

func overloaded(message string) error {
	return &apierr.Error{Kind: apierr.Overloaded, Code: "overloaded", RetryAfter: time.Second, Message: message}
}

// acquire admits an invocation of a caller or fails immediately, so that the caller can retry
// elsewhere.
func (g *InFlightLimiter) acquire(caller string) (*admission, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closing.Err() != nil:
		return nil, errClosing
	case g.inFlight >= g.most:
		return nil, errFull()
	case g.arriving >= arrivals*g.most || g.arrivingOf[caller] >= arrivals*g.most/2:
		return nil, overloaded("too many requests to this instance wait for their bodies; nothing was done")
	}
	g.arriving++
	g.arrivingOf[caller]++
	return &admission{gate: g, caller: caller}, nil
}

func errFull() error {
	return overloaded("this instance has MAX_INVOCATIONS invocations in flight; nothing was done")
}

// start takes a place among the invocations in flight, once the body has arrived, or fails immediately.
func (p *admission) start() error {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inFlight >= g.most {
		return errFull()
	}
	p.arrived()
	p.started = true
	g.inFlight++
	return nil
}

// arrived ends the invocation's place among those whose bodies arrive. The gate is locked.
func (p *admission) arrived() {
	g := p.gate
	g.arriving--
	if g.arrivingOf[p.caller]--; g.arrivingOf[p.caller] == 0 {
		delete(g.arrivingOf, p.caller)
	}
}

// reserve sets the bytes that the invocation's body takes, or fails immediately if there is no room
// for them.
func (p *admission) reserve(bytes int) error {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	more := bytes - p.held
	if more > 0 && (g.held+more > maxBodies || g.heldBy[p.caller]+more > maxBodies/2) {
		return overloaded("the requests in flight in this instance take as much memory as they may; nothing was done")
	}
	p.change(more)
	return nil
}

// change adds to what the invocation holds. The gate is locked.
func (p *admission) change(bytes int) {
	p.held += bytes
	p.gate.held += bytes
	if p.gate.heldBy[p.caller] += bytes; p.gate.heldBy[p.caller] == 0 {
		delete(p.gate.heldBy, p.caller)
	}
}

// release ends the invocation.
func (p *admission) release() {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	p.change(-p.held)
	if p.started {
		g.inFlight--
	} else {
		p.arrived()
	}
	g.endIfIdle()
}

// endIfIdle reports to Close that nothing is in flight. The gate is locked.
func (g *InFlightLimiter) endIfIdle() {
	if g.closing.Err() == nil || g.inFlight+g.arriving > 0 {
		return
	}
	select {
	case <-g.idle:
	default:
		close(g.idle)
	}
}

// Close refuses all further invocations, cuts those whose bodies have not arrived, and waits until
// the others have ended, or ctx ends.
func (g *InFlightLimiter) Close(ctx context.Context) error {
	g.mu.Lock()
	g.cut()
	g.endIfIdle()
	g.mu.Unlock()
	select {
	case <-g.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
