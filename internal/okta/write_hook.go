package okta

import "example.com/okta-secops/internal/apierr"

// WriteEvent is one call that changes something in Okta. Its tries count as one.
type WriteEvent struct {
	Route     string // "POST /api/v1/users/{userId}/lifecycle/suspend"
	Once      bool   // it must not happen twice
	Notifies  bool   // the user gets a link by it, as by some that must not happen twice
	Ended     bool   // false: it is about to be sent
	Open      bool   // it has ended, and nobody knows whether it was made
	Code      string // once it has ended: Okta's errorCode, or ours, of what kept it; "" for a success
	RequestID string // Okta's X-Okta-Request-Id, where an answer came
}

// writeHook calls the client's hook for one write.
type writeHook struct {
	call  func(WriteEvent) error
	write WriteEvent
	begun bool
	kept  error // why the write was not sent
}

// newWriteHook returns nil if the client has no hook or the call is a read.
func newWriteHook(hook func(WriteEvent) error, k call) *writeHook {
	if hook == nil || k.reads() {
		return nil
	}
	return &writeHook{call: hook, write: WriteEvent{Route: k.op, Once: k.nonIdempotent, Notifies: k.sendsEmail}}
}

// begin is called when a try of the write is about to leave: not before, since it may wait long for its turn, and what was
// only meant to be sent when the process ends is in doubt from then on.
func (w *writeHook) begin() error {
	if w == nil || w.begun {
		return nil
	}
	w.kept = w.call(w.write)
	w.begun = w.kept == nil
	return w.kept
}

// open is called where the write may or may not have been made.
func (w *writeHook) open() {
	if w != nil {
		w.write.Open = true
	}
}

// end is called with what the write came to.
func (w *writeHook) end(re *response, err error) {
	if w == nil || !w.begun {
		return
	}
	w.write.Ended = true
	if failed := apierr.As(err); failed != nil {
		w.write.Code, w.write.RequestID = failed.Code, failed.RequestID
	} else {
		w.write.RequestID = re.requestID()
	}
	_ = w.call(w.write) // what is done is done
}
