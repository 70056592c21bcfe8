package okta

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

// origin tells on whose behalf a call is made.
type origin struct {
	caller string // of the functions; callers that cannot be told apart share one name
	urgent bool   // the call changes something, or is part of a change
}

// concurrencyLimiter bounds the calls in flight, over all invocations. It narrows when Okta refuses calls for their number,
// and widens again by one with every round of calls that goes through.
//
// Urgent calls go first, except that every fourth place is offered to the other calls first, so that these
// continue beside any number of changes. A caller that holds half of the places gets another one only if no
// call of another caller could take it.
type concurrencyLimiter struct {
	mu       sync.Mutex
	most     float64
	width    float64
	busy     int
	places   int                 // given so far
	accounts map[string]*account // of the callers that hold a place or wait
	waiting  [2][]*waiter        // urgent calls and others, each in the order of arrival
}

// account counts the places that one caller holds and its calls that wait.
type account struct{ held, waiting int }

// waiter is a call that waits for a place.
type waiter struct {
	*account
	turn chan struct{} // closed when the call has its place
}

// patience is how many places are given for each that is offered to calls that are not urgent first.
const patience = 4

func newConcurrencyLimiter(most int) *concurrencyLimiter {
	return &concurrencyLimiter{most: float64(most), width: float64(most), accounts: map[string]*account{}}
}

// acquire waits for a place. leave must follow.
func (g *concurrencyLimiter) acquire(ctx context.Context, from origin) error {
	g.mu.Lock()
	a := g.accounts[from.caller]
	if a == nil {
		a = &account{}
		g.accounts[from.caller] = a
	}
	w, queue := &waiter{a, make(chan struct{})}, &g.waiting[1]
	if from.urgent {
		queue = &g.waiting[0]
	}
	*queue = append(*queue, w)
	a.waiting++
	g.admit()
	g.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	default:
	}
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(*queue, w); i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
		a.waiting--
	} else { // the turn came just now
		g.busy--
		a.held--
	}
	g.forget(from.caller)
	g.admit()
	return ctx.Err()
}

// release ends a call; r is nil if there was no reply.
func (g *concurrencyLimiter) release(from origin, r *response) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.accounts[from.caller].held--
	g.forget(from.caller)
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

// forget drops the account of a caller that neither holds a place nor waits.
func (g *concurrencyLimiter) forget(caller string) {
	if *g.accounts[caller] == (account{}) {
		delete(g.accounts, caller)
	}
}

// admit gives the free places away.
func (g *concurrencyLimiter) admit() {
	for g.busy < int(g.width) {
		w := g.next()
		if w == nil {
			return
		}
		close(w.turn)
		w.waiting--
		w.held++
		g.busy++
		g.places++
	}
}

// next removes the call that gets the next place from its queue; nil if none waits.
func (g *concurrencyLimiter) next() *waiter {
	order := [...]*[]*waiter{&g.waiting[0], &g.waiting[1]}
	if g.places%patience == patience-1 {
		slices.Reverse(order[:])
	}
	all := len(g.waiting[0]) + len(g.waiting[1])
	half := int(g.width) / 2
	for _, queue := range order {
		for i, w := range *queue {
			if w.held < half || w.waiting == all {
				*queue = slices.Delete(*queue, i, i+1)
				return w
			}
		}
	}
	for _, queue := range order { // each caller that waits holds its half
		if len(*queue) > 0 {
			w := (*queue)[0]
			*queue = slices.Delete(*queue, 0, 1)
			return w
		}
	}
	return nil
}
