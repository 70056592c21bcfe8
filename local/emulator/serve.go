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

// maxBody is the maximum size of a request body in bytes.
const maxBody = 1 << 20

// oktaHandler handles one request to Okta's API. It runs with the state locked.
type oktaHandler func(*oktaCall) (oktaResponse, *oktaError)

// oktaCall is a request to Okta's API.
type oktaCall struct {
	*http.Request
	id   string    // X-Okta-Request-Id
	at   time.Time // of arrival
	base string    // the org URL of the request, without a trailing slash
	body []byte

	byApp    bool   // the credentials belong to a service app, which is not a user
	clientID string // of the service app
	subject  *user  // whom the request concerns, if the path does not name the user
	fetched  fetched
}

// oktaResponse is the response of a handler. A body is sent as JSON; nil is an empty response.
type oktaResponse struct {
	status int // default 200
	body   any
	links  []string // values of the Link headers
	idle   bool     // nothing changed, so the System Log has no event
}

// oktaExchange is the ResponseWriter of a request. It carries the oktaCall through the mux to the
// handler.
type oktaExchange struct {
	http.ResponseWriter
	emulator *Emulator
	call     oktaCall
	entry    *LoggedRequest // of the request log
	limits   []*activeLimit // limits whose concurrency includes this request
	faulty   bool           // the response is that of a fault
}

// ServeHTTP serves Okta's API and the control API under /_emulator/, only to loopback addresses. It
// applies the limits, the faults, the credentials and the handler, in this order.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !peer.Addr().Unmap().IsLoopback() {
		writeControlError(w, http.StatusForbidden, "the emulator serves only loopback addresses")
		return
	}
	if r.URL.Path == "/_emulator" || strings.HasPrefix(r.URL.Path, "/_emulator/") {
		e.serveControl(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeControlError(w, http.StatusRequestEntityTooLarge, "the request body is too large or incomplete")
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

// execute calls the handler of the route.
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

// begin logs the request and sets the headers of every response.
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

// end logs the status (0: none was sent), calls Options.Observe and releases the concurrency
// limits. It runs before the first byte of the response, so that a client that has the response
// finds the log complete and the limits released.
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
func (e *Emulator) serve(h oktaHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := w.(*oktaExchange)
		c := x.call
		c.Request = r // this one has the path values
		e.mu.Lock()
		e.org.completeChanges(c.at)
		rep, failure := h(&c)
		var body []byte
		if failure == nil && rep.body != nil {
			body = encode(rep.body) // while the state that it refers to is locked
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

// unknownRoute responds to a route that the emulator does not have, and records it.
func (e *Emulator) unknownRoute(c *oktaCall) (oktaResponse, *oktaError) {
	if e.keep == 0 || len(e.unknown) < e.keep {
		e.unknown = append(e.unknown, c.Method+" "+c.URL.EscapedPath())
	}
	return oktaResponse{}, errPathNotFound
}

// UnknownRoutes returns "METHOD /path" of every request to a route that the emulator does not have,
// at most Options.Keep. Reset and ClearRequests do not clear the list.
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

// decode decodes the JSON body into v.
func (c *oktaCall) decode(v any) *oktaError {
	if !strings.HasPrefix(c.Header.Get("Content-Type"), "application/json") {
		return errMediaType
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return errMalformed
	}
	return nil
}

// flag returns a boolean query parameter, in upper or lower case.
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

// encode returns JSON without escapes for <, > and &, like Okta.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // all bodies can be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// isOwnHost reports whether the Host of a request is the loopback address of its connection.
func isOwnHost(r *http.Request) bool { return isAddressOf(r, r.Host) }

// isAddressOf reports whether a host with its port is the loopback address at which the connection
// of a request arrived.
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

// link returns a link object with additional members.
func link(href string, extra ...map[string]any) map[string]any {
	l := map[string]any{"href": href}
	for _, m := range extra {
		maps.Copy(l, m)
	}
	return l
}
