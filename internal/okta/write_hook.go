package okta

import "example.com/okta-secops/internal/apierr"

// WriteEvent reports one write to Okta, all its attempts together, to the hook of WithWriteHook.
type WriteEvent struct {
	Step          string // of WithStep
	Route         string // "POST /api/v1/users/{userId}/lifecycle/suspend"
	NonIdempotent bool   // the write must not happen twice
	SendsEmail    bool   // the user may get a link by it, as by some non-idempotent writes
	Ended         bool   // false: the write is about to be sent
	InDoubt       bool   // the write has ended and may or may not have been made
	Code          string // of the error, once the write has ended: Okta's errorCode or the product's; "" for a success
	RequestID     string // Okta's X-Okta-Request-Id, once the write has ended, "" without a response
}

// writeHook calls the client's hook for one write. A nil writeHook does nothing.
type writeHook struct {
	call    func(WriteEvent) error
	event   WriteEvent
	sent    bool  // the hook allowed the write
	refusal error // of the hook
}

// newWriteHook returns nil if the client has no hook or the call is a read.
func newWriteHook(hook func(WriteEvent) error, step string, k call) *writeHook {
	if hook == nil || k.route.reads() {
		return nil
	}
	return &writeHook{call: hook, event: WriteEvent{
		Step: step, Route: k.route.name, NonIdempotent: k.nonIdempotent, SendsEmail: k.sendsEmail,
	}}
}

// begin is called when an attempt is about to be sent, and not before it waits for the rate limit:
// a write that was begun counts as in doubt if the process ends.
func (w *writeHook) begin() error {
	if w == nil || w.sent {
		return nil
	}
	w.refusal = w.call(w.event)
	w.sent = w.refusal == nil
	return w.refusal
}

// refused returns the error by which the hook prevented the write, nil if there is none.
func (w *writeHook) refused() error {
	if w == nil {
		return nil
	}
	return w.refusal
}

// inDoubt notes that the write may or may not have been made.
func (w *writeHook) inDoubt() {
	if w != nil {
		w.event.InDoubt = true
	}
}

// end reports the result of the write to the hook.
func (w *writeHook) end(re *response, err error) {
	if w == nil || !w.sent {
		return
	}
	w.event.Ended = true
	if failed := apierr.As(err); failed != nil {
		w.event.Code, w.event.RequestID = failed.Code, failed.RequestID
	} else {
		w.event.RequestID = re.requestID()
	}
	_ = w.call(w.event) // an error cannot undo the write
}
