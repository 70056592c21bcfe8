package okta

import (
	"context"
	"net/http"
	"strings"

	"example.com/okta-secops/internal/fault"
)

// Write is one call that changes something in Okta. Its tries count as one.
type Write struct {
	Route     string // "POST /api/v1/users/{userId}/lifecycle/suspend"
	Ended     bool   // false: it is about to be sent
	Code      string // once it has ended: Okta's errorCode, or ours, of what kept it; "" for a success
	RequestID string // Okta's X-Okta-Request-Id, where an answer came
}

type watchKey struct{}

// Watch returns a context under which every write is told to f: before it is sent, and once it has ended.
func Watch(ctx context.Context, f func(Write)) context.Context {
	return context.WithValue(ctx, watchKey{}, f)
}

// watched makes a call and tells of it where it is a write.
func watched(ctx context.Context, k call, do func() (*reply, error)) (*reply, error) {
	f, _ := ctx.Value(watchKey{}).(func(Write))
	if f == nil || strings.HasPrefix(k.op, http.MethodGet+" ") {
		return do()
	}
	f(Write{Route: k.op})
	re, err := do()
	w := Write{Route: k.op, Ended: true}
	if failed := fault.As(err); failed != nil {
		w.Code, w.RequestID = failed.Code, failed.RequestID
	} else {
		w.RequestID = re.requestID()
	}
	f(w)
	return re, err
}
