package httpapi

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// The time limits for the body of a request. The functions framework sets none.
const (
	callerTime = 5 * time.Second  // from the first line of the handler until the caller is authenticated
	bodyTime   = 30 * time.Second // after that
)

// replyTime is the time limit for the client to read a reply. Until then the request counts as in
// flight.
const replyTime = 30 * time.Second

// arrival bounds the time and the memory in which the body of a request arrives. It is the
// request's body and its http.ResponseWriter. A handler may reply without having read the body:
// net/http alone would wait for the rest of the body before it sends the reply or closes the
// connection.
type arrival struct {
	http.ResponseWriter
	body    io.ReadCloser
	length  int64 // of the body by its header; -1: unknown
	pending bool  // the end of the body has not been read
	replied bool
	expects bool // the client waits for "100 Continue" before it sends the body
	http1   bool

	admission *admission    // nil until enter
	bodyTime  time.Duration // once the caller is authenticated
}

// LimitArrival limits the bodies of requests to 5 s, unless h extends it, and closes the connection
// of a request to which h replied before its body had arrived.
func LimitArrival(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, r := limitArrival(w, r)
		h.ServeHTTP(in, r)
	})
}

// limitArrival sets the read deadline of a request that has a body. A request without one gets
// none: net/http reads ahead then, and a deadline that expires cancels the request's context.
func limitArrival(w http.ResponseWriter, r *http.Request) (*arrival, *http.Request) {
	a := &arrival{
		ResponseWriter: w, length: r.ContentLength, http1: r.ProtoMajor == 1, expects: r.Header.Get("Expect") != "",
	}
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

// cut makes a read that waits for the body fail immediately. It may be called while another
// goroutine reads.
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

// send writes and flushes a reply. The connection of a client that does not read it in time is
// closed.
func (a *arrival) send(res httpReply) {
	for name, value := range res.header {
		a.Header().Set(name, value)
	}
	a.Header().Set("Content-Type", "application/json")
	a.Header().Set("Content-Length", strconv.Itoa(len(res.body)))
	control := http.NewResponseController(a.ResponseWriter)
	_ = control.SetWriteDeadline(time.Now().Add(replyTime))
	a.WriteHeader(res.status)
	_, _ = a.Write(res.body) // an error means that the client has disconnected
	_ = control.Flush()      // the process may end as soon as no request is in flight
	_ = control.SetWriteDeadline(time.Time{})
}

// Close implements io.Closer.
func (a *arrival) Close() error { return a.body.Close() }

// Unwrap returns the http.ResponseWriter to http.ResponseController.
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

// maxDiscard is the most bytes of a body that are discarded to keep a connection. It is more than
// arrives with a header.
const maxDiscard = 64 << 10

// abandon gives up a body that has not been read when the reply begins. With a deadline in the past
// net/http waits for the body neither before nor after the reply. A short body that arrived with
// the header is discarded, and the connection kept.
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
