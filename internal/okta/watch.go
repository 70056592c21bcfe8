package okta

import (
	"context"

	"example.com/okta-secops/internal/fault"
)

// Write is one call that changes something in Okta. Its tries count as one.
type Write struct {
	Route     string // "POST /api/v1/users/{userId}/lifecycle/suspend"
	Once      bool   // it must not happen twice
	Ended     bool   // false: it is about to be sent
	Code      string // once it has ended: Okta's errorCode, or ours, of what kept it; "" for a success
	RequestID string // Okta's X-Okta-Request-Id, where an answer came
}

type watchKey struct{}

// Watch returns a context under which every write is told to f: before it is sent, which an error of f's prevents, and once
// it has ended.
func Watch(ctx context.Context, f func(Write) error) context.Context {
	return context.WithValue(ctx, watchKey{}, f)
}

// watched makes a call and tells of it where it is a write.
func watched(ctx context.Context, k call, do func() (*reply, error)) (*reply, error) {
	f, _ := ctx.Value(watchKey{}).(func(Write) error)
	if f == nil || k.reads() {
		return do()
	}
	w := Write{Route: k.op, Once: k.once}
	if err := f(w); err != nil {
		return nil, err
	}
	re, err := do()
	w.Ended = true
	if failed := fault.As(err); failed != nil {
		w.Code, w.RequestID = failed.Code, failed.RequestID
	} else {
		w.RequestID = re.requestID()
	}
	_ = f(w) // what is done is done
	return re, err
}
