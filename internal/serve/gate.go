package serve

import (
	"context"
	"sync"
	"time"

	"example.com/okta-secops/internal/fault"
)

// Gate bounds the invocations in flight in a process, and lets the process end once they have.
type Gate struct {
	most int

	mu       sync.Mutex
	inFlight int
	idle     chan struct{} // closed once the gate is and nothing is in flight; nil while it is open
}

// NewGate makes a Gate for so many invocations.
func NewGate(most int) *Gate { return &Gate{most: most} }

// enter lets an invocation in, or refuses it at once: who is told soon can go elsewhere, and what is in flight ends in time.
func (g *Gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.idle != nil:
		return fault.New(fault.Unavailable, "shutting_down", "this instance is shutting down", nil)
	case g.inFlight >= g.most:
		return &fault.Error{Kind: fault.Overloaded, Code: "overloaded", RetryAfter: time.Second,
			Message: "this instance has as many invocations in flight as it may (MAX_INVOCATIONS); nothing was done"}
	}
	g.inFlight++
	return nil
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inFlight--; g.inFlight == 0 && g.idle != nil {
		close(g.idle)
	}
}

// Close lets nobody in any more, and waits until nothing is in flight, or ctx ends.
func (g *Gate) Close(ctx context.Context) error {
	g.mu.Lock()
	if g.idle == nil {
		g.idle = make(chan struct{})
		if g.inFlight == 0 {
			close(g.idle)
		}
	}
	idle := g.idle
	g.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
