package okta_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

func TestClient_SendsOnlyItsCredentials(t *testing.T) {
	t.Parallel()
	for name, m := range methods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				want := []string{"SSWS " + apiToken}
				if anonymous[name] {
					want = nil
				}
				if diff := cmp.Diff(want, r.Header["Authorization"]); diff != "" {
					t.Errorf("Authorization (-want +got):\n%s", diff)
				}
				if r.Header.Get("Cookie") != "" || r.Header.Get("Accept") != "application/json" {
					t.Errorf("headers %v", r.Header)
				}
				_, _ = io.WriteString(w, m.response)
			})
			if err := m.call(t.Context(), c, "00u1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClient_SendsOnlyAnonymousRequestsWithoutCredentials(t *testing.T) {
	t.Parallel()
	for name, m := range methods {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			_, _ = io.WriteString(w, m.response)
		}))
		t.Cleanup(server.Close)
		o := options(t, server.URL)
		o.Auth = nil
		err := m.call(t.Context(), okta.New(o), "00u1")
		if anonymous[name] {
			if err != nil || asked.Load() != 1 {
				t.Errorf("%s: %v after %d calls", name, err, asked.Load())
			}
			continue
		}
		wantError(t, err, apierr.Misconfigured, "misconfigured", "OKTA_API_TOKEN_SECRET")
		if asked.Load() != 0 {
			t.Errorf("%s: a request was sent", name)
		}
	}
}

func TestClient_SendsExactBodies(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"SetPassword":          `{"credentials":{"password":{"value":"Secret-1"}}}`,
		"CreateGroup":          `{"profile":{"description":"a description","name":"00u1"}}`,
		"AssignRole":           `{"type":"USER_ADMIN"}`,
		"PublishSecurityEvent": `header.claims.signature`,
		"SuspendUser":          ``,
		"DeactivateUser":       ``,
	} {
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || strings.TrimSpace(string(body)) != want {
				t.Errorf("%s: body %s %v, want %s", name, body, err, want)
			}
			kind := "application/json"
			if name == "PublishSecurityEvent" {
				kind = "application/secevent+jwt"
			}
			if got := r.Header.Get("Content-Type"); want != "" && got != kind {
				t.Errorf("%s: Content-Type %q, want %q", name, got, kind)
			}
			_, _ = io.WriteString(w, methods[name].response)
		})
		if err := methods[name].call(t.Context(), c, "00u1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPath_IDIsOneElement(t *testing.T) {
	t.Parallel()
	var rec record
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		rec.add(r)
		_, _ = io.WriteString(w, userJSON)
	})
	for _, id := range []string{"a b", "jörg@acme.test", "a+b@acme.test", "o'neil@acme.test", `"a"@b`, "a,b", "a=b", "a|b", "{a}", "a&b", "...", "a:b", "me@acme.test", "*"} {
		if _, err := c.GetUser(t.Context(), id); err != nil {
			t.Errorf("%q: %v", id, err)
			continue
		}
		lines := rec.all()
		last := strings.TrimPrefix(lines[len(lines)-1], "GET /api/v1/users/")
		if got, err := url.PathUnescape(last); err != nil || got != id || strings.ContainsAny(last, "/?") {
			t.Errorf("%q was sent as %q", id, last)
		}
	}
}

func TestPath_RefusesIDThatChangesRoute(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was sent", r.Method, r.URL) })
	for name, m := range methods {
		for _, id := range []string{"", ".", "..", "a/b", "../groups", "a?b=c", "a#b", "a[b", "a]b", `a\b`, "a;b", "a%2Fb", "a\x00b", "a\nb", "me", "ME"} {
			if m.byID && !((name == "GetGroup" || name == "ListAppScopes" || strings.HasSuffix(name, "EventProvider")) && strings.EqualFold(id, "me")) {
				wantError(t, m.call(t.Context(), c, id), apierr.BadRequest, "invalid_request", "")
			}
		}
	}
	for _, id := range []string{"", "..", "a/b"} {
		wantError(t, c.UnassignRole(t.Context(), "00u1", id), apierr.BadRequest, "invalid_request", "")
	}
}

func TestReadOnly_SendsNoWrite(t *testing.T) {
	t.Parallel()
	for name, m := range methods {
		var rec record
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			rec.add(r)
			_, _ = io.WriteString(w, m.response)
		})
		err := m.call(t.Context(), c.ReadOnly(), "00u1")
		if sent := rec.all(); len(sent) == 1 && strings.HasPrefix(sent[0], "GET ") {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		} else if len(sent) > 0 {
			t.Errorf("%s: %v was sent", name, sent)
		}
		wantError(t, err, apierr.Internal, "internal", "may only read from Okta")
	}
}

func TestTransport_DoesNotFollowRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed: %s %s", r.Method, r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL+"/?token=x")
			w.WriteHeader(status)
		})
		for name, m := range methods {
			kind, code := apierr.InvalidResponse, "bad_reply"
			if nonIdempotent[name] {
				kind, code = apierr.UnknownResult, "unknown_result"
			}
			wantError(t, m.call(t.Context(), c, "00u1"), kind, code, "")
		}
	}
}

func TestLostResponse_WriteIsNotRepeatedBlindly(t *testing.T) {
	t.Parallel()
	for name, m := range methods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var connected, reads, writes atomic.Int32
			// The first call leaves an open connection; the server closes it after the next
			// request.
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case connected.Add(1) == 1:
					_, _ = io.WriteString(w, `{"id":"00o1"}`)
					return
				case r.Method == http.MethodGet:
					reads.Add(1)
				default:
					writes.Add(1)
				}
				panic(http.ErrAbortHandler)
			}))
			t.Cleanup(server.Close)
			c := okta.New(options(t, server.URL))
			if err := c.Reach(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // the SDK would repeat the request without limit
			defer cancel()
			err := m.call(ctx, c, "00u1")
			if nonIdempotent[name] {
				wantError(t, err, apierr.UnknownResult, "unknown_result", "may or may not")
			} else {
				wantError(t, err, apierr.Unavailable, "okta_unreachable", "connection")
			}
			switch n := writes.Load(); {
			case slices.Contains([]string{"ClearSessions", "UniversalLogout", "RevokeGrants", "RevokeClientTokens", "SetUserRisk", "AddGroupMember", "RemoveGroupMember", "PublishSecurityEvent",
				"ReplaceEventProvider", "ActivateEventProvider", "DeactivateEventProvider", "DeleteEventProvider"}, name): // they are idempotent
				if n != 4 {
					t.Errorf("sent %d times, want 4", n)
				}
			case n > 1 || n == 0 && reads.Load() == 0:
				t.Errorf("%d writes and %d reads", n, reads.Load())
			}
		})
	}
}

func TestLostResponse_FailedConnectionIsCertain(t *testing.T) {
	t.Parallel()
	for _, m := range methods {
		wantError(t, m.call(t.Context(), okta.New(options(t, "http://127.0.0.1:1")), "00u1"), apierr.Unavailable, "okta_unreachable", "connection")
	}
}

// TestTransport_ReusesConnections: one connection serves all requests over HTTP/2. Over HTTP/1.1 a
// few more are dialed before a busy one is free again.
func TestTransport_ReusesConnections(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{true, false} {
		var connections, calls atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			if (r.ProtoMajor == 2) != http2 {
				t.Errorf("the protocol is %s, HTTP/2 is offered: %v", r.Proto, http2)
			}
			_, _ = io.WriteString(w, userJSON)
		}))
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs connections without a request
		server.EnableHTTP2 = http2
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		server.StartTLS()
		t.Cleanup(server.Close)
		o := options(t, server.URL)
		o.Concurrency, o.Transport = 4, okta.Transport(false)
		c := okta.New(o)
		get := func() {
			if _, err := c.GetUser(t.Context(), "00u1"); err != nil {
				t.Error(err)
			}
		}
		get()
		most, workers := int32(20), 1
		if http2 {
			most, workers = 1, 4
		}
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range 100 / workers {
					get()
				}
			})
		}
		all.Wait()
		if n := connections.Load(); n > most || calls.Load() != 101 {
			t.Errorf("HTTP/2 %v: %d connections for %d calls", http2, n, calls.Load())
		}
	}
}

func TestTransport_ChecksCertificateUnlessOff(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, userJSON) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs the failed handshake
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	for _, verify := range []bool{true, false} {
		o := options(t, server.URL)
		o.Transport = okta.Transport(verify)
		_, err := okta.New(o).GetUser(t.Context(), "00u1")
		if verify {
			wantError(t, err, apierr.InvalidResponse, "bad_certificate", "OKTA_API_ROOT (Api Root)")
			if n := connections.Load(); n != 1 { // a retry would fail alike
				t.Errorf("%d connections", n)
			}
		} else if err != nil {
			t.Error(err)
		}
	}
}

// TestTransport_ClosesSilentConnection: a connection whose other end has gone without closing it
// does not delay a request until its timeout.
func TestTransport_ClosesSilentConnection(t *testing.T) {
	t.Parallel()
	certificate := httptest.NewTLSServer(nil)
	t.Cleanup(certificate.Close)
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{TLSConfig: &tls.Config{Certificates: certificate.TLS.Certificates}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 {
				t.Errorf("the protocol is %s", r.Proto)
			}
			_, _ = io.WriteString(w, userJSON)
		})}
		go func() { _ = server.ServeTLS(listener, "", "") }()
		defer func() { _ = server.Close() }()
		transport := okta.Transport(false).(*http.Transport)
		defer transport.CloseIdleConnections()
		var first *silent
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			listener.dialed <- theirs
			if first == nil {
				first = &silent{Conn: ours}
				return first, nil
			}
			return ours, nil
		}
		client := &http.Client{Transport: transport, Timeout: okta.CallTimeout}
		get := func() error {
			res, err := client.Get("https://acme.test")
			if err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
			return err
		}
		if err := get(); err != nil {
			t.Fatal(err)
		}
		first.lost.Store(true)
		begun := time.Now()
		_ = get()
		if took := time.Since(begun); took > okta.CallTimeout*2/3 {
			t.Errorf("the request took %s", took)
		}
		if err := get(); err != nil {
			t.Errorf("the next request: %v", err)
		}
	})
}

// pipes is an in-memory net.Listener.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// silent is a connection that discards writes once it is lost.
type silent struct {
	net.Conn
	lost atomic.Bool
}

func (s *silent) Write(p []byte) (int, error) {
	if s.lost.Load() {
		return len(p), nil
	}
	return s.Conn.Write(p)
}

func TestMemory_RefusesEndlessResponse(t *testing.T) {
	t.Parallel()
	o := options(t, "https://acme.test")
	o.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
		return newResponse(r, 200, endless{}), nil
	})
	_, err := okta.New(o).GetUser(t.Context(), "00u1")
	wantError(t, err, apierr.InvalidResponse, "reply_too_large", "over 16 MB")
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestLostResponse_IncludesIncompleteBody(t *testing.T) {
	t.Parallel()
	o := options(t, "https://acme.test")
	o.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
		return newResponse(r, 200, io.MultiReader(strings.NewReader(`{"id":`), errorReader{})), nil
	})
	_, err := okta.New(o).GetUser(t.Context(), "00u1")
	wantError(t, err, apierr.Unavailable, "okta_unreachable", "")
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestSDK_IgnoresEnvironment sets every variable and file that the SDK would read to another
// server.
func TestSDK_IgnoresEnvironment(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the SDK sent %s %s to another server", r.Method, r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	proxy, err := url.Parse(elsewhere.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"OKTA_CLIENT_ORGURL": elsewhere.URL, "OKTA_CLIENT_TOKEN": "foreign-token", "OKTA_CLIENT_AUTHORIZATIONMODE": "PrivateKey",
		"OKTA_CLIENT_CLIENTID": "0oaX", "OKTA_CLIENT_SCOPES": "okta.users.manage", "OKTA_CLIENT_PRIVATEKEY": "none",
		"OKTA_CLIENT_CACHE_ENABLED": "true", "OKTA_CLIENT_RATE_LIMIT_MAX_RETRIES": "5", "OKTA_DEBUG": "true",
		"OKTA_CLIENT_PROXY_HOST": proxy.Hostname(), "OKTA_CLIENT_PROXY_PORT": proxy.Port(), "OKTA_TESTING_DISABLE_HTTPS_CHECK": "true",
	} {
		t.Setenv(name, value)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Mkdir(filepath.Join(home, ".okta"), 0o700); err != nil {
		t.Fatal(err)
	}
	yaml := "okta:\n  client:\n    orgUrl: " + elsewhere.URL + "\n    token: foreign-token\n    cache:\n      enabled: true\n"
	if err := os.WriteFile(filepath.Join(home, ".okta", "okta.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "SSWS "+apiToken {
			t.Errorf("Authorization %q", got)
		}
		calls.Add(1)
		_, _ = io.WriteString(w, userJSON)
	})
	for range 2 {
		if _, err := c.GetUser(t.Context(), "00u1"); err != nil {
			t.Error(err)
		}
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("two reads sent %d requests: a cache is on", n)
	}
}

func TestErrors_KeepCauseForLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cable is out")
	o := options(t, "https://acme.test")
	o.Transport = transportFunc(func(*http.Request) (*http.Response, error) { return nil, cause })
	if _, err := okta.New(o).GetUser(t.Context(), "00u1"); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}
