package okta

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

// origin says for which caller a request is made, and how urgent it is.
type origin struct {
	caller string // of the functions; callers that cannot be distinguished share one name
	urgent bool   // the request changes something, or is part of a change
}

// concurrencyLimiter bounds the requests in flight, over all invocations. It reduces the bound when
// Okta rejects requests because of their number, and raises it by one with every round of requests
// without a rejection.
//
// Urgent requests go first, except that every fourth place is offered to the other requests first,
// so that these proceed during any number of changes. A caller that holds half of the places gets
// another one only if no request of another caller could take it. golang.org/x/sync/semaphore
// admits in the order of arrival only.
type concurrencyLimiter struct {
	mu       sync.Mutex
	most     float64
	width    float64 // the current bound
	busy     int
	places   int                 // assigned so far
	accounts map[string]*account // of the callers that hold a place or wait
	waiting  [2][]*waiter        // urgent requests and others, each in the order of arrival
}

// account counts the places that one caller holds and its requests that wait.
type account struct{ held, waiting int }

// waiter is a request that waits for a place.
type waiter struct {
	*account
	turn chan struct{} // closed when the request has its place
}

// patience is the number of places of which one is offered first to requests that are not urgent.
const patience = 4

func newConcurrencyLimiter(most int) *concurrencyLimiter {
	return &concurrencyLimiter{most: float64(most), width: float64(most), accounts: map[string]*account{}}
}

// acquire waits for a place, after which release must follow. It returns the error of ctx if that
// ends before.
func (l *concurrencyLimiter) acquire(ctx context.Context, from origin) error {
	l.mu.Lock()
	a := l.accounts[from.caller]
	if a == nil {
		a = &account{}
		l.accounts[from.caller] = a
	}
	w, queue := &waiter{a, make(chan struct{})}, &l.waiting[1]
	if from.urgent {
		queue = &l.waiting[0]
	}
	*queue = append(*queue, w)
	a.waiting++
	l.admit()
	l.mu.Unlock()
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(*queue, w); i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
		a.waiting--
	} else { // the place was assigned meanwhile
		l.busy--
		a.held--
	}
	l.forget(from.caller)
	l.admit()
	return ctx.Err()
}

// release gives a place back. r is nil without a response.
func (l *concurrencyLimiter) release(from origin, r *response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	l.accounts[from.caller].held--
	l.forget(from.caller)
	switch {
	case r == nil:
	case r.status == http.StatusTooManyRequests:
		// Half of those in flight: several rejections at once do not reduce the bound to 1.
		l.width = max(1, min(l.width, float64(l.busy)/2))
	default:
		l.width = min(l.most, l.width+1/l.width)
	}
	l.admit()
}

// forget drops the account of a caller that neither holds a place nor waits.
func (l *concurrencyLimiter) forget(caller string) {
	if *l.accounts[caller] == (account{}) {
		delete(l.accounts, caller)
	}
}

// admit assigns the free places.
func (l *concurrencyLimiter) admit() {
	for l.busy < int(l.width) {
		w := l.next()
		if w == nil {
			return
		}
		close(w.turn)
		w.waiting--
		w.held++
		l.busy++
		l.places++
	}
}

// next removes the request that gets the next place from its queue and returns it, nil if none
// waits.
func (l *concurrencyLimiter) next() *waiter {
	order := [...]*[]*waiter{&l.waiting[0], &l.waiting[1]}
	if l.places%patience == patience-1 {
		slices.Reverse(order[:])
	}
	all := len(l.waiting[0]) + len(l.waiting[1])
	half := int(l.width) / 2
	for _, queue := range order {
		for i, w := range *queue {
			if w.held < half || w.waiting == all {
				*queue = slices.Delete(*queue, i, i+1)
				return w
			}
		}
	}
	for _, queue := range order { // each waiting caller holds half of the places
		if len(*queue) > 0 {
			w := (*queue)[0]
			*queue = slices.Delete(*queue, 0, 1)
			return w
		}
	}
	return nil
}
