package httpapi

import (
	"io"
	"net/http"
	"time"
)

// How long a request's body may take to arrive. The functions framework sets no limit.
const (
	callerTime = 5 * time.Second  // from the first line of the handler until the caller is known
	bodyTime   = 30 * time.Second // after that
)

// replyTime is how long a client may take to read a reply: until then it holds a place and memory.
const replyTime = 30 * time.Second

// arrival bounds the time in which the body of a request arrives. It is the request's body and its
// http.ResponseWriter, so that a handler that replies without having read the body does not have to
// think of it: net/http would wait for the rest before it sends the reply, or before it closes the
// connection.
type arrival struct {
	http.ResponseWriter
	body    io.ReadCloser
	pending bool // the end of the body has not been read
	replied bool
	expects bool // the client waits for "100 Continue" before it sends the body
	http1   bool
}

// LimitArrival gives the bodies of requests 5 s to arrive, unless h gives them more, and closes the
// connection of a request that h replied to before its body has arrived.
func LimitArrival(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, r := limitArrival(w, r)
		h.ServeHTTP(in, r)
	})
}

// limitArrival sets the read deadline of a request that has a body. A request without one gets
// none: net/http reads ahead then, and a deadline that expires cancels the request's context.
func limitArrival(w http.ResponseWriter, r *http.Request) (*arrival, *http.Request) {
	a := &arrival{ResponseWriter: w, http1: r.ProtoMajor == 1, expects: r.Header.Get("Expect") != ""}
	if r.Body == nil || r.Body == http.NoBody {
		return a, r
	}
	a.body, a.pending = r.Body, true
	a.within(callerTime)
	r = r.WithContext(r.Context()) // a copy: the server keeps its own body
	r.Body = a
	return a, r
}

// within moves the read deadline while the body is pending.
func (a *arrival) within(d time.Duration) {
	if a.pending {
		_ = a.deadline(time.Now().Add(d))
	}
}

// cut makes a read that waits for the body fail at once. It may be called while another goroutine
// reads.
func (a *arrival) cut() { _ = a.deadline(time.Unix(1, 0)) }

func (a *arrival) deadline(t time.Time) error {
	return http.NewResponseController(a.ResponseWriter).SetReadDeadline(t)
}

// Read implements io.Reader. The end of the body ends the deadline.
func (a *arrival) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	if err == io.EOF {
		a.pending = false
		_ = a.deadline(time.Time{})
	}
	return n, err
}

// reply writes and flushes a body. A client that does not read it in time loses the connection.
func (a *arrival) reply(status int, body []byte) {
	control := http.NewResponseController(a.ResponseWriter)
	_ = control.SetWriteDeadline(time.Now().Add(replyTime))
	a.WriteHeader(status)
	_, _ = a.Write(body) // nothing is left to do about a client that has gone away
	_ = control.Flush()  // the process may end as soon as nothing is in flight
	_ = control.SetWriteDeadline(time.Time{})
}

// Close implements io.Closer.
func (a *arrival) Close() error { return a.body.Close() }

// Unwrap is for http.ResponseController.
func (a *arrival) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *arrival) WriteHeader(status int) {
	a.abandon()
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *arrival) Write(p []byte) (int, error) {
	a.abandon()
	return a.ResponseWriter.Write(p)
}

// maxDiscard is how much of a body is discarded to keep a connection, in bytes. It is more than
// arrives with a header.
const maxDiscard = 64 << 10

// abandon gives up a body that has not been read when the reply begins. With a deadline in the past
// net/http neither waits for the body before the reply nor after it. A short body that came
// together with the header is discarded, and the connection kept.
func (a *arrival) abandon() {
	if a.replied || !a.pending {
		return
	}
	a.replied = true
	if a.deadline(time.Unix(1, 0)) == nil && !a.expects {
		_, _ = io.CopyN(io.Discard, a, maxDiscard)
	}
	if a.pending && a.http1 {
		a.Header().Set("Connection", "close")
	}
}
