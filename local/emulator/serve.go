package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"
)

// maxBody is the largest request body read, in bytes.
const maxBody = 1 << 20

// handler answers one call of Okta's API. It runs with the state locked.
type handler func(*oktaCall) (oktaResponse, *oktaError)

// oktaCall is a request as a handler sees it.
type oktaCall struct {
	*http.Request
	id   string    // X-Okta-Request-Id
	at   time.Time // when it arrived
	base string    // the org URL under which it was called, without trailing slash
	body []byte

	byApp bool // its credentials are a service app's, which is no user
}

// oktaResponse is what a handler answers. A body is sent as JSON; without one the reply is empty.
type oktaResponse struct {
	status int // default 200
	body   any
	links  []string // values of the Link headers
}

// oktaExchange is the ResponseWriter that carries a call through the mux to its handler.
type oktaExchange struct {
	http.ResponseWriter
	emulator *Emulator
	call     oktaCall
	entry    *Request  // of the request log
	limits     []*activeLimit // limits whose concurrency counts this call
	faulty   bool      // a fault replies
}

// ServeHTTP answers Okta's API and the control under /_emulator/, to loopback only.
//
// A call meets, in this order: the limits, the faults, the credentials, its handler.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !peer.Addr().Unmap().IsLoopback() {
		writeControlError(w, http.StatusForbidden, "the emulator answers loopback only")
		return
	}
	if r.URL.Path == "/_emulator" || strings.HasPrefix(r.URL.Path, "/_emulator/") {
		e.serveControl(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeControlError(w, http.StatusRequestEntityTooLarge, "reading the request body failed")
		return
	}
	x := e.begin(w, r, body)
	if !x.admit() {
		x.fail(errTooManyRequests)
		return
	}
	if x.meetFault() {
		return
	}
	x.execute()
}

// execute has the route's handler answer the call.
func (x *oktaExchange) execute() {
	r := x.call.Request
	if path.Clean(r.URL.EscapedPath()) != strings.TrimSuffix(r.URL.EscapedPath(), "/") {
		// The mux would redirect an unclean path, which Okta does not.
		x.emulator.serve(x.emulator.unknownRoute).ServeHTTP(x, r)
		return
	}
	if !isValidPath(r.URL) {
		x.fail(errBadPath)
		return
	}
	x.emulator.api.ServeHTTP(x, r)
}

// begin logs the call and sets the headers that every reply has.
func (e *Emulator) begin(w http.ResponseWriter, r *http.Request, body []byte) *oktaExchange {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.calls++
	x := &oktaExchange{ResponseWriter: w, emulator: e, call: oktaCall{
		Request: r,
		id:      derive(27, "request", strconv.Itoa(e.org.calls)),
		at:      e.now(),
		base:    scheme + r.Host,
		body:    body,
	}}
	x.entry = logEntry(r, x.call.at, body)
	e.addToLog(x.entry)
	h := w.Header()
	h.Set("Date", x.call.at.UTC().Format(http.TimeFormat))
	h.Set("X-Okta-Request-Id", x.call.id)
	h.Set("Cache-Control", "no-cache, no-store")
	return x
}

// end notes the status (0: none was sent) and gives back what the call holds; the body is for who observes. It comes before the first byte of the
// reply, so that whoever has the reply finds the log complete and the concurrency slot free.
func (x *oktaExchange) end(status int, body []byte) {
	e := x.emulator
	if e.observe != nil {
		e.observe(Observed{x.call.Request, x.call.body, status, x.Header().Clone(), body, x.faulty})
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	x.entry.Status = status
	for _, b := range x.limits {
		b.inFlight--
	}
	x.limits = nil
}

// send ends the exchange with a reply. A nil body sends none.
func (x *oktaExchange) send(status int, body []byte) {
	if body != nil && x.Header()["Content-Type"] == nil {
		x.Header().Set("Content-Type", "application/json")
	}
	x.end(status, body)
	x.WriteHeader(status)
	_, _ = x.Write(body)
}

// fail ends the exchange with Okta's error.
func (x *oktaExchange) fail(o *oktaError) {
	for name, value := range o.header {
		x.Header().Set(name, value)
	}
	if o.empty {
		x.send(o.status, nil)
		return
	}
	if o.html != "" {
		x.Header().Set("Content-Type", "text/html")
		x.send(o.status, []byte(o.html))
		return
	}
	x.send(o.status, encode(o.body(x.call.id)))
}

// serve adapts a handler to the mux.
func (e *Emulator) serve(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := w.(*oktaExchange)
		c := x.call
		c.Request = r // the mux has set the path values on this one
		e.mu.Lock()
		e.org.completeChanges(c.at)
		rep, failure := h(&c)
		var body []byte
		if failure == nil && rep.body != nil {
			body = encode(rep.body) // while the state it points into is locked
		}
		e.mu.Unlock()
		if failure != nil {
			x.fail(failure)
			return
		}
		for _, l := range rep.links {
			x.Header().Add("Link", l)
		}
		if rep.status == 0 {
			rep.status = http.StatusOK
		}
		x.send(rep.status, body)
	})
}

// unknownRoute answers what the emulator does not have, and remembers it.
func (e *Emulator) unknownRoute(c *oktaCall) (oktaResponse, *oktaError) {
	if e.keep == 0 || len(e.unknown) < e.keep {
		e.unknown = append(e.unknown, c.Method+" "+c.URL.EscapedPath())
	}
	return oktaResponse{}, errPathNotFound
}

// UnknownRoutes returns "METHOD /path" of every call to a route the emulator does not have, with Options.Keep of the
// first so many. Neither Reset nor ClearRequests forgets them.
func (e *Emulator) UnknownRoutes() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.unknown...)
}

// getOrganization implements GET /.well-known/okta-organization, which needs no token.
func getOrganization(c *oktaCall) (oktaResponse, *oktaError) {
	return oktaResponse{body: map[string]any{
		"id":       newID("00o", "acme.test"),
		"_links":   map[string]any{"organization": link(c.base)},
		"pipeline": "idx",
		"settings": map[string]bool{"analyticsCollectionEnabled": false, "bugReportingEnabled": true, "omEnabled": false},
	}}, nil
}

// decode reads the JSON body into v.
func (c *oktaCall) decode(v any) *oktaError {
	if !strings.HasPrefix(c.Header.Get("Content-Type"), "application/json") {
		return errMediaType
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return errMalformed
	}
	return nil
}

// flag reads a boolean of the query, in any case.
func (c *oktaCall) flag(name string, byDefault bool) (bool, *oktaError) {
	q := c.URL.Query()
	if !q.Has(name) {
		return byDefault, nil
	}
	switch strings.ToLower(q.Get(name)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, invalid(name, "The value must be true or false")
}

// encode renders JSON as Okta does, without escaping <, > and &.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // bodies hold nothing that cannot be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// isOwnHost tells whether the Host of a request is the address that its connection arrived at, which is on loopback.
func isOwnHost(r *http.Request) bool { return isAddressOf(r, r.Host) }

// isAddressOf reports whether a host, with its port, is the address that the connection of a
// request arrived at, which is on loopback.
func isAddressOf(r *http.Request, hostport string) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	own, err := netip.ParseAddrPort(local.String())
	host, port, noPort := net.SplitHostPort(hostport)
	if noPort != nil {
		host, port = strings.Trim(hostport, "[]"), "80"
	}
	addr, _ := netip.ParseAddr(host)
	return err == nil && own.Addr().Unmap().IsLoopback() && port == strconv.Itoa(int(own.Port())) &&
		(host == "localhost" || addr.Unmap() == own.Addr().Unmap())
}

// link is a link object of a body, with the extra members that some have.
func link(href string, extra ...map[string]any) map[string]any {
	l := map[string]any{"href": href}
	for _, m := range extra {
		maps.Copy(l, m)
	}
	return l
}
