package emulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/oktaspec"
)

// clock is a clock that the test advances.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// org is an emulator with its own server.
type org struct {
	*emulator.Emulator
	t     *testing.T
	url   string
	clock *clock
}

func start(t *testing.T) *org { return startWith(t, emulator.Options{}) }

// client has its own connections: the end of a test's server closes idle ones of http.DefaultClient.
var client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// startWith starts an emulator and checks its responses against the OpenAPI specification of Okta.
func startWith(t *testing.T, o emulator.Options) *org {
	t.Helper()
	spec, err := oktaspec.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	o.Now = c.Now
	o.Observe = func(c emulator.Observed) {
		if c.Fault {
			return
		}
		for _, problem := range spec.CheckReply(c) {
			t.Error(problem)
		}
	}
	e := emulator.New(o)
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return &org{Emulator: e, t: t, url: s.URL, clock: c}
}

// response is a complete response.
type response struct {
	status int
	header http.Header
	body   string
}

// into decodes the body into v.
func (a response) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("decoding %q: %v", a.body, err)
	}
}

// code returns the errorCode in the body, or "".
func (a response) code() string {
	var e struct{ ErrorCode string }
	_ = json.Unmarshal([]byte(a.body), &e)
	return e.ErrorCode
}

// send sends any request. header alternates names and values.
func (o *org) send(method, url, body string, header ...string) (response, error) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), method, url, bytes.NewBufferString(body))
	if err != nil {
		return response{}, err
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(raw)}, err
}

// do sends a request to the Okta API with the API token.
func (o *org) do(method, path, body string) response {
	o.t.Helper()
	a, err := o.send(method, o.url+path, body, "Authorization", "SSWS "+emulator.DefaultToken, "Content-Type",
		"application/json")
	if err != nil {
		o.t.Errorf("%s %s: %v", method, path, err) // not Fatal: tests call it from goroutines
	}
	return a
}

// expect is do, and fails the test for another status.
func (o *org) expect(status int, method, path, body string) response {
	o.t.Helper()
	a := o.do(method, path, body)
	if a.status != status {
		o.t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

// steer sends a request to the control API and fails the test if it does not succeed.
func (o *org) steer(method, path, body string) response {
	o.t.Helper()
	a, err := o.send(method, o.url+"/_emulator"+path, body)
	if err != nil || a.status/100 != 2 {
		o.t.Fatalf("%s %s: status %d: %s %v", method, path, a.status, a.body, err)
	}
	return a
}

func (o *org) user(idOrLogin string) emulator.UserState {
	o.t.Helper()
	u, ok := o.User(idOrLogin)
	if !ok {
		o.t.Fatalf("no user %q", idOrLogin)
	}
	return u
}

// logins returns the logins in a list of users.
func (a response) logins(t *testing.T) []string {
	t.Helper()
	var users []struct{ Profile struct{ Login string } }
	a.into(t, &users)
	logins := []string{}
	for _, u := range users {
		name, _, _ := strings.Cut(u.Profile.Login, "@")
		logins = append(logins, name)
	}
	return logins
}

// next returns the URL of the next page, or "" for the last page.
func (a response) next() string {
	for _, l := range a.header.Values("Link") {
		if href, ok := strings.CutSuffix(l, `>; rel="next"`); ok {
			return strings.TrimPrefix(href, "<")
		}
	}
	return ""
}
