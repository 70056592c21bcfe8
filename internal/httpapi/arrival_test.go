package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/secrets"
)

// doNothing is an action that must not run.
func doNothing(t *testing.T) func(context.Context, *action.Execution) (*action.Result, error) {
	return func(context.Context, *action.Execution) (*action.Result, error) {
		t.Error("the action ran")
		return &action.Result{}, nil
	}
}

// deadlined is a connection that keeps the read deadlines, as the time until each; 0: none.
type deadlined struct {
	*httptest.ResponseRecorder
	deadlines []time.Duration
}

func (d *deadlined) SetReadDeadline(t time.Time) error {
	var left time.Duration
	if !t.IsZero() {
		left = time.Until(t).Round(5 * time.Second)
	}
	d.deadlines = append(d.deadlines, left)
	return nil
}

// writing keeps the write deadlines that a handler sets, and those in force while it writes.
type writing struct {
	*httptest.ResponseRecorder
	left, during []time.Duration
}

func (w *writing) SetWriteDeadline(t time.Time) error {
	w.left = append(w.left, 0)
	if !t.IsZero() {
		w.left[len(w.left)-1] = time.Until(t).Round(5 * time.Second)
	}
	return nil
}

func (w *writing) Write(p []byte) (int, error) {
	w.during = append(w.during, w.left[len(w.left)-1])
	return w.ResponseRecorder.Write(p)
}

func TestReply_IsWrittenWithADeadline(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, func(context.Context, *action.Execution) (*action.Result, error) {
		return &action.Result{Message: "Done."}, nil
	})
	for _, path := range []string{"/do-something", "/nope"} {
		w := &writing{ResponseRecorder: httptest.NewRecorder()}
		Handler(g, nil, keep(setup)).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil))
		if fmt.Sprint(w.during, w.left) != fmt.Sprint([]time.Duration{replyTime}, []time.Duration{replyTime, 0}) {
			t.Errorf("%s: deadlines %v, while writing %v", path, w.left, w.during)
		}
	}
}

func TestArrival_DeadlineUntilTheBodyIsRead(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, func(context.Context, *action.Execution) (*action.Result, error) {
		return &action.Result{Message: "Done."}, nil
	})
	for body, want := range map[string][]time.Duration{"{}": {callerTime, bodyTime, 0}, "": nil} {
		w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/do-something", nil)
		if body != "" {
			r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/do-something", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
		}
		Handler(g, nil, keep(setup)).ServeHTTP(w, r)
		if fmt.Sprint(w.deadlines) != fmt.Sprint(want) || w.Code != 200 {
			t.Errorf("body %q: %d, deadlines %v, want %v", body, w.Code, w.deadlines, want)
		}
	}
}

// dial sends the beginning of a request and returns the connection.
func dial(t *testing.T, server *httptest.Server, text string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	return connection
}

// head is the header of a request whose body is longer than what follows.
func head(line, header string) string {
	return line + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + header + "Content-Length: 1000\r\n\r\n"
}

const testKey = "a-key-of-a-caller-canary-0123456789"

// ring is the keys of callers, which never change.
type ring struct{ keys caller.Keys }

func (r ring) Get(context.Context) (caller.Keys, error) { return r.keys, nil }

func (r ring) Refresh(context.Context, caller.Keys) (caller.Keys, error) { return r.keys, nil }

// oneKey returns a key that allows one action.
func oneKey(slug string) ring {
	keys, err := caller.ParseKeys(secrets.New(`[{"id": "one", "key": "`+testKey+`", "actions": ["`+slug+`"]}]`), nil)
	if err != nil {
		panic(err)
	}
	return ring{keys}
}

// refusals are errors that are returned before the body is read.
var refusals = map[string]struct {
	line, header string
	status       int
	change       func(s *Setup)
}{
	"not authenticated": {line: "POST /do-something", status: 401, change: func(s *Setup) {
		s.Caller = callerFunc(func(*http.Request) error { return apierr.New(apierr.Unauthenticated, "no", "no", nil) })
	}},
	"delivery not authenticated": {line: "POST /pubsub", status: 401, change: func(s *Setup) {
		s.Push = callerFunc(func(*http.Request) error { return apierr.New(apierr.Unauthenticated, "no", "no", nil) })
	}},
	"not allowed":        {line: "POST /do-something", status: 403, change: func(s *Setup) { s.Caller = caller.ByKey("X-Key", oneKey("ping")) }, header: "X-Key: " + testKey + "\r\n"},
	"unknown action":     {line: "POST /nothing", status: 404},
	"wrong method":       {line: "PUT /do-something", status: 405},
	"health":             {line: "POST /health", status: 405},
	"health with a body": {line: "GET /health", status: 200},
	"catalog":            {line: "GET /actions", status: 200},
	"delivery by GET":    {line: "GET /pubsub", status: 405},
	"content type":       {line: "POST /do-something", status: 415, header: "Content-Type: text/plain\r\n"},
	"content coding":     {line: "POST /do-something", status: 415, header: "Content-Encoding: gzip\r\n"},
	"overloaded":         {line: "POST /do-something", status: 429, change: func(s *Setup) { s.InFlight = NewInFlightLimiter(0) }},
	"expects continue":   {line: "POST /nothing", status: 404, header: "Expect: 100-continue\r\n"},
	"misconfigured":      {line: "POST /do-something", status: 500, change: func(s *Setup) { s.Deadline = -1 }},
	"panic": {line: "POST /do-something", status: 500, change: func(s *Setup) {
		s.Caller = callerFunc(func(*http.Request) error { panic("surprise") })
	}},
}

// TestArrival_ErrorDoesNotWaitForTheBody sends one byte of a body of 1,000: the reply comes, and
// the connection is closed.
func TestArrival_ErrorDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, setup, _ := served(t, doNothing(t))
			setup.Push = setup.Caller
			if c.change != nil {
				c.change(&setup)
			}
			server := httptest.NewServer(Handler(g, []action.Group{g}, func(context.Context) (Setup, error) {
				if setup.Deadline < 0 {
					return setup, apierr.New(apierr.Misconfigured, "misconfigured", "no", nil)
				}
				return setup, nil
			}))
			t.Cleanup(server.Close)
			text := head(c.line, c.header)
			if strings.HasPrefix(c.header, "Content-Type") {
				text = strings.Replace(text, "Content-Type: application/json\r\n", "", 1)
			}
			if !strings.HasPrefix(c.header, "Expect") {
				text += "{"
			}
			begun := time.Now()
			reply, err := io.ReadAll(dial(t, server, text))
			if want := fmt.Sprintf("HTTP/1.1 %d ", c.status); err != nil || !strings.HasPrefix(string(reply), want) || !strings.Contains(string(reply), "Connection: close") {
				t.Errorf("%v %s, want %s", err, reply, want)
			}
			if took := time.Since(begun); took > callerTime-time.Second {
				t.Errorf("the connection was held for %s", took)
			}
		})
	}
}

// TestArrival_ShortBodyKeepsTheConnection: a client whose request has arrived as a whole keeps its
// connection.
func TestArrival_ShortBodyKeepsTheConnection(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, doNothing(t))
	server := httptest.NewServer(Handler(g, nil, keep(setup)))
	t.Cleanup(server.Close)
	body := strings.Repeat(" ", 1000)
	replies := bufio.NewReader(dial(t, server, head("POST /nothing", "")+body+head("POST /health", "")+body))
	for _, want := range []int{404, 405} {
		res, err := http.ReadResponse(replies, nil)
		if err != nil || res.StatusCode != want || res.Close {
			t.Fatalf("%v %+v, want %d", err, res, want)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}

// TestArrival_ErrorOverHTTP2 checks the same for a stream; the connection stays open.
func TestArrival_ErrorOverHTTP2(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, doNothing(t))
	server := httptest.NewUnstartedServer(Handler(g, nil, keep(setup)))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	for range 2 {
		body, end := io.Pipe()
		t.Cleanup(func() { _ = end.Close() })
		go func() { _, _ = end.Write([]byte("{")) }()
		res, err := server.Client().Post(server.URL+"/nothing", "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 404 || res.ProtoMajor != 2 || res.Close {
			t.Errorf("%s %d", res.Proto, res.StatusCode)
		}
	}
}

func TestArrival_SlowBodyIsGivenUp(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, doNothing(t))
	setup.BodyTime = 20 * time.Millisecond
	server := httptest.NewServer(LimitArrival(Handler(g, nil, keep(setup))))
	t.Cleanup(server.Close)
	for _, body := range []string{"", `{"par`, strings.Repeat(" ", 999)} {
		reply, err := io.ReadAll(dial(t, server, head("POST /do-something", "")+body))
		if err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 400 ") || !strings.Contains(string(reply), "the body could not be read") {
			t.Errorf("%d bytes of a body: %v %s", len(body), err, reply)
		}
	}
}

func TestArrival_TruncatedBodyIsABadRequest(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, doNothing(t))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/do-something", brokenBody{})
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if Handler(g, nil, keep(setup)).ServeHTTP(w, r); w.Code != 400 || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, apierr.New(apierr.Internal, "", "canary", nil) }

// watched is a body that signals each read.
type watched struct {
	io.Reader
	begun chan struct{}
}

func (r watched) Read(p []byte) (int, error) {
	r.begun <- struct{}{}
	return r.Reader.Read(p)
}

// TestInFlight_CloseCutsBodiesThatHaveNotArrived: they do not delay the end of the process.
func TestInFlight_CloseCutsBodiesThatHaveNotArrived(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, doNothing(t))
	setup.Push = setup.Caller
	begun := make(chan struct{}, 100) // more than there are reads
	inner := Handler(g, nil, keep(setup))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = io.NopCloser(watched{r.Body, begun})
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	var connections []net.Conn
	for _, path := range []string{"/do-something", "/pubsub"} {
		connections = append(connections, dial(t, server, head("POST "+path, "")))
	}
	for range connections {
		<-begun
	}
	ctx, cancel := context.WithTimeout(t.Context(), bodyTime/2)
	defer cancel()
	if err := setup.InFlight.Close(ctx); err != nil {
		t.Error(err)
	}
	for _, connection := range connections {
		if reply, err := io.ReadAll(connection); err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 503 ") || !strings.Contains(string(reply), "shutting_down") {
			t.Errorf("%v %s", err, reply)
		}
	}
}

// drained is a body that signals that its reader waits for more than was sent.
type drained struct {
	io.ReadCloser
	sent    int
	waiting chan struct{}
}

func (r *drained) Read(p []byte) (int, error) {
	if r.sent == 0 {
		r.sent = -1 // once
		close(r.waiting)
	}
	n, err := r.ReadCloser.Read(p)
	r.sent -= n
	return n, err
}

// TestInFlight_CloseCutsDeliveriesThatAreTooLarge: their digest is of all of the body.
func TestInFlight_CloseCutsDeliveriesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, doNothing(t))
	setup.Push = setup.Caller
	const sent = maxDelivery + 1000
	waiting := make(chan struct{})
	inner := Handler(g, nil, keep(setup))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &drained{r.Body, sent, waiting}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	head := fmt.Sprintf("POST /pubsub HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 2*maxDelivery)
	connection := dial(t, server, head+strings.Repeat("x", sent))
	<-waiting
	ctx, cancel := context.WithTimeout(t.Context(), bodyTime/3)
	defer cancel()
	if err := setup.InFlight.Close(ctx); err != nil {
		t.Error(err)
	}
	reply, err := io.ReadAll(connection)
	if err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 503 ") || !strings.Contains(string(reply), "shutting_down") {
		t.Errorf("%v %s", err, reply)
	}
}

func TestInFlight_BoundsTheBytesOfBodies(t *testing.T) {
	t.Parallel()
	limiter := NewInFlightLimiter(10)
	enter := func(caller string) *admission {
		p, err := limiter.acquire(caller)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b, c := enter("one"), enter("one"), enter("another")
	for _, step := range []struct {
		place *admission
		bytes int
		full  bool
	}{
		{a, maxBodies / 2, false}, {b, 1, true}, {c, maxBodies / 2, false}, {a, maxBodies/2 - 1, false}, {b, 1, false}, {c, 0, false}, {b, 2, true},
	} {
		err := step.place.reserve(step.bytes)
		if f := apierr.As(err); step.full != (f != nil) || f != nil && (f.Kind != apierr.Overloaded || f.RetryAfter == 0) {
			t.Errorf("%+v: %v", step, err)
		}
	}
	for _, p := range []*admission{a, b, c} {
		p.release()
	}
	if limiter.held != 0 || len(limiter.heldBy) > 0 || limiter.inFlight != 0 {
		t.Errorf("%d bytes by %v, %d in flight", limiter.held, limiter.heldBy, limiter.inFlight)
	}
}

// TestInFlight_ArrivingBodiesOfOneCallerDoNotBlockOthers: a caller fills all that it may with
// bodies that do not arrive.
func TestInFlight_ArrivingBodiesOfOneCallerDoNotBlockOthers(t *testing.T) {
	t.Parallel()
	limiter := NewInFlightLimiter(2)
	var waiting []*admission
	for {
		p, err := limiter.acquire("slow")
		if err != nil {
			if !apierr.Is(err, apierr.Overloaded) {
				t.Error(err)
			}
			break
		}
		waiting = append(waiting, p)
	}
	if len(waiting) != arrivals {
		t.Errorf("%d bodies of one caller may arrive", len(waiting))
	}
	var others []*admission
	for range 2 {
		p, err := limiter.acquire("other")
		if err == nil {
			err = p.start()
		}
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, p)
	}
	if err := waiting[0].start(); !apierr.Is(err, apierr.Overloaded) {
		t.Errorf("a third in flight: %v", err)
	}
	for _, p := range append(waiting, others...) {
		p.release()
	}
	if limiter.inFlight != 0 || limiter.arriving != 0 || len(limiter.arrivingOf) > 0 {
		t.Errorf("%d in flight, %d arriving of %v", limiter.inFlight, limiter.arriving, limiter.arrivingOf)
	}
}

// TestInFlight_RefusesBodiesWithoutRoom checks a call and a delivery.
func TestInFlight_RefusesBodiesWithoutRoom(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, doNothing(t))
	setup.Push = setup.Caller
	full, err := setup.InFlight.acquire(":")
	if err = errors.Join(err, full.reserve(maxBodies/2)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/do-something", "/pubsub"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if Handler(g, nil, keep(setup)).ServeHTTP(w, r); w.Code != 429 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
