package okta

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

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
