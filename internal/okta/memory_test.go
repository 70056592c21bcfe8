package okta

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"net/url"

	"example.com/okta-secops/internal/apierr"
)

// user returns a user as Okta sends it, of at least size bytes.
func user(size int) string {
	return `{"id":"00u1","status":"ACTIVE","profile":{"login":"a@acme.test","description":"` + strings.Repeat("x", size) + `"}}`
}

// client returns a client that sends its requests to base.
func client(t *testing.T, base roundTrip) *Client {
	t.Helper()
	root, err := url.Parse("https://acme.test")
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Root: root, Auth: noAuth{}, Transport: base, Concurrency: 20})
}

// noAuth is an Auth that adds no credentials.
type noAuth struct{ Auth }

func (noAuth) ready(context.Context, []string) error                    { return nil }
func (noAuth) authorize(context.Context, *http.Request, []string) error { return nil }
func (noAuth) afterResponse(*http.Request, *response) (bool, error)     { return false, nil }
func (noAuth) explain(*apierr.Error, []string)                          {}

// TestMemory_IsReleased: each call gives its memory back, whether it succeeds or fails.
func TestMemory_IsReleased(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		call   func(ctx context.Context, c *Client) error
	}{
		"small":       {200, user(100 << 10), func(ctx context.Context, c *Client) error { _, err := c.GetUser(ctx, "00u1"); return err }},
		"large":       {200, user(2 << 20), func(ctx context.Context, c *Client) error { _, err := c.GetUser(ctx, "00u1"); return err }},
		"too large":   {200, user(maxResponse), func(ctx context.Context, c *Client) error { _, err := c.GetUser(ctx, "00u1"); return err }},
		"not JSON":    {200, strings.Repeat("<", 1<<20), func(ctx context.Context, c *Client) error { _, err := c.GetUser(ctx, "00u1"); return err }},
		"not a user":  {200, `["` + strings.Repeat("x", 1<<20) + `"]`, func(ctx context.Context, c *Client) error { _, err := c.GetUser(ctx, "00u1"); return err }},
		"rejected":    {403, `{"errorCode":"E0000006","errorSummary":"` + strings.Repeat("x", 1<<20) + `"}`, func(ctx context.Context, c *Client) error { _, err := c.GetUser(ctx, "00u1"); return err }},
		"list":        {200, "[" + user(1<<20) + "]", func(ctx context.Context, c *Client) error { _, err := c.ListUsers(ctx, UserQuery{}, 5); return err }},
		"bad list":    {200, `[4711, "` + strings.Repeat("x", 1<<20) + `"]`, func(ctx context.Context, c *Client) error { _, err := c.ListUsers(ctx, UserQuery{}, 5); return err }},
		"list inside": {200, "[" + user(1<<20) + "]", func(ctx context.Context, c *Client) error { _, err := c.FindUsers(ctx, "a"); return err }},
		"write":       {200, user(1 << 20), func(ctx context.Context, c *Client) error { return c.SuspendUser(ctx, "00u1") }},
		"role":        {201, user(1 << 20), func(ctx context.Context, c *Client) error { _, err := c.AssignRole(ctx, "00u1", "X"); return err }},
		"group":       {200, user(1 << 20), func(ctx context.Context, c *Client) error { _, err := c.GetGroup(ctx, "00g1"); return err }},
		"me":          {200, user(1 << 20), func(ctx context.Context, c *Client) error { _, err := c.Me(ctx); return err }},
		"org":         {200, user(1 << 20), func(ctx context.Context, c *Client) error { return c.Reach(ctx) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c2 := client(t, func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: c.status, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(strings.NewReader(c.body)), Request: r}, nil
			})
			mine := c2.For("a", false)
			_ = c.call(t.Context(), mine)
			if !c2.memory.small.TryAcquire(maxSmall) || !c2.memory.large.TryAcquire(maxLarge) {
				t.Error("the memory of a response is not given back")
			}
			mine.Release()
			if c2.memory.retained != 0 {
				t.Errorf("%d bytes are still retained", c2.memory.retained)
			}
		})
	}
}

// TestMemory_RefusesTooLargeResponse: before reading it if the response has a Content-Length.
func TestMemory_RefusesTooLargeResponse(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int64{"with Content-Length": maxResponse + 1, "without Content-Length": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var read atomic.Int64
			c := client(t, func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: length, Body: io.NopCloser(counted{&read}), Request: r}, nil
			})
			_, err := c.GetUser(t.Context(), "00u1")
			wantCode(t, apierr.As(err), apierr.InvalidResponse, "reply_too_large")
			most := int64(maxResponse + 1<<20)
			if length > 0 {
				most = 0
			}
			if n := read.Load(); n > most {
				t.Errorf("%d bytes were read", n)
			}
		})
	}
}

// counted is a body that never ends.
type counted struct{ bytes *atomic.Int64 }

func (c counted) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	c.bytes.Add(int64(len(p)))
	return len(p), nil
}

// TestMemory_LargeResponsesWaitForEachOther: 20 responses arrive at once, and each call ends.
func TestMemory_LargeResponsesWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var reading, most atomic.Int64
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				body, release, err := m.read(t.Context(), io.MultiReader(strings.NewReader(strings.Repeat("x", smallResponse)), &slowly{&reading, &most, false}), -1)
				if err != nil || len(body) != smallResponse+1 {
					t.Errorf("%d bytes, %v", len(body), err)
					return
				}
				time.Sleep(time.Second) // the decoding
				reading.Add(-1)
				release()
			})
		}
		start := time.Now()
		calls.Wait()
		if most.Load() > maxLarge/maxResponse {
			t.Errorf("%d large responses were held at once", most.Load())
		}
		if took := time.Since(start); took > 25*time.Second {
			t.Errorf("the calls took %s", took)
		}
	})
}

// slowly is the end of a large body, which takes a second.
type slowly struct {
	reading, most *atomic.Int64
	done          bool
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.done {
		return 0, io.EOF
	}
	s.done = true
	for n := s.reading.Add(1); ; {
		if was := s.most.Load(); n <= was || s.most.CompareAndSwap(was, n) {
			break
		}
	}
	time.Sleep(time.Second)
	p[0] = 'x'
	return 1, nil
}

// TestMemory_BoundsRetainedBytesOfAllInvocations: reads over the bound get an error that allows a
// retry; changes do not.
func TestMemory_BoundsRetainedBytesOfAllInvocations(t *testing.T) {
	t.Parallel()
	c := client(t, func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(strings.NewReader("[" + user(1<<20) + "]")), Request: r}, nil
	})
	var all []*Client
	for i := range maxRetained >> 20 {
		all = append(all, c.For(fmt.Sprint("caller ", i), false))
		_, err := all[i].ListUsers(t.Context(), UserQuery{}, 1)
		if f := apierr.As(err); f != nil {
			wantCode(t, f, apierr.Unavailable, "overloaded")
			if i < maxRetained>>20-2 {
				t.Errorf("list %d is refused", i)
			}
		}
	}
	late := c.For("late", false)
	_, err := late.ListUsers(t.Context(), UserQuery{}, 1)
	wantCode(t, apierr.As(err), apierr.Unavailable, "overloaded")
	if _, err := late.GetUser(t.Context(), "00u1"); err == nil {
		t.Error("a list is accepted as a user")
	}
	if _, err := c.For("late", true).FindUsers(t.Context(), "a@acme.test"); err != nil {
		t.Errorf("the read of a change is refused: %v", err)
	}
	all[0].Release()
	all[1].Release()
	if _, err := late.ListUsers(t.Context(), UserQuery{}, 1); err != nil {
		t.Errorf("after the end of other calls: %v", err)
	}
}
