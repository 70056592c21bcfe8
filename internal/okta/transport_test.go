package okta

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/okta-secops/internal/apierr"
)

// These tests use the transport without the SDK, because the SDK's client keeps a goroutine for its
// lifetime, which synctest does not allow.

type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func ok(r *http.Request) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Request: r}
}

// hang returns when the request's context ends.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// ask sends one request and returns its error.
func ask(ctx context.Context, t *testing.T, k *capturingTransport) *apierr.Error {
	x := &attempt{anonymous: true}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, attemptKey{}, x), http.MethodGet, "https://acme.test/", nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	_, _ = k.RoundTrip(r)
	return x.apiError(ctx)
}

func wantCode(t *testing.T, f *apierr.Error, kind apierr.Kind, code string) {
	t.Helper()
	if f == nil || f.Kind != kind || f.Code != code {
		t.Errorf("error %v, want %s", f, code)
	}
}

func newTransport(concurrency int, base roundTrip) *capturingTransport {
	return &capturingTransport{base: base, concurrency: newConcurrencyLimiter(concurrency), rate: newRateLimiter(1, SystemClock{})}
}

func TestTransport_DistinguishesDeadlineFromTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		wantCode(t, ask(t.Context(), t, newTransport(1, hang)), apierr.Unavailable, "okta_timeout")
		if took := time.Since(start); took != CallTimeout {
			t.Errorf("the timeout is %s, want %s", took, CallTimeout)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start = time.Now()
		wantCode(t, ask(ctx, t, newTransport(1, hang)), apierr.Deadline, "deadline_exceeded")
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the caller's deadline took %s", took)
		}
	})
}

func TestConcurrency_BoundsAllCallersTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inFlight atomic.Int32
		release := make(chan struct{})
		k := newTransport(3, func(r *http.Request) (*http.Response, error) {
			inFlight.Add(1)
			<-release
			inFlight.Add(-1)
			return ok(r), nil
		})
		var callers sync.WaitGroup
		for range 2 {
			callers.Go(func() {
				var calls sync.WaitGroup
				for range 5 {
					calls.Go(func() {
						if f := ask(t.Context(), t, k); f != nil {
							t.Error(f)
						}
					})
				}
				calls.Wait()
			})
		}
		for left := 10; left > 0; left-- {
			synctest.Wait()
			if n := inFlight.Load(); int(n) != min(3, left) {
				t.Errorf("%d requests are in flight of %d, want %d", n, left, min(3, left))
			}
			release <- struct{}{}
		}
		callers.Wait()
	})
}

func TestTransport_TimeoutExcludesWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTransport(1, func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(20 * time.Second):
				return ok(r), nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})
		var calls sync.WaitGroup
		for range 4 {
			calls.Go(func() {
				if f := ask(t.Context(), t, k); f != nil {
					t.Error(f)
				}
			})
		}
		calls.Wait()
	})
}

func TestConcurrency_WaitEndsAtDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTransport(1, hang)
		var first sync.WaitGroup
		first.Go(func() { ask(t.Context(), t, k) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f := ask(ctx, t, k)
		wantCode(t, f, apierr.Deadline, "deadline_exceeded")
		if f != nil && !strings.Contains(f.Message, "the request's deadline passed before a call to Okta was sent") {
			t.Errorf("the message is %q", f.Message)
		}
		first.Wait()
	})
}
