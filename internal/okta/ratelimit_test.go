package okta

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/local/emulator"
)

// latency is the time between a request and its response.
const latency = 20 * time.Millisecond

// org is the emulator as http.RoundTripper, for the time of synctest.
type org struct {
	*emulator.Emulator
	rejected atomic.Int32 // responses with status 429
}

func newOrg(limits ...emulator.Limit) *org {
	o := &org{Emulator: emulator.New(emulator.Options{Now: time.Now})}
	for _, l := range limits {
		o.AddLimit(l)
	}
	return o
}

func (o *org) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(latency / 2)
	r = r.Clone(r.Context())
	r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1"
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	time.Sleep(latency / 2)
	if w.Code == http.StatusTooManyRequests {
		o.rejected.Add(1)
	}
	return w.Result(), nil
}

// endpoint is a request of these tests.
type endpoint struct {
	route        route
	method, path string
}

var (
	readUser    = endpoint{routeGetUser, http.MethodGet, "/api/v1/users/alice"}
	suspendUser = endpoint{routeSuspendUser, http.MethodPost, "/api/v1/users/alice/lifecycle/suspend"}
)

// by sends the request for a caller. It must succeed.
func (e endpoint) by(t *testing.T, k *capturingTransport, from origin) {
	if x := e.send(t.Context(), t, k, from); x.err != nil {
		t.Error(x.err)
	}
}

func (e endpoint) call(ctx context.Context, t *testing.T, k *capturingTransport) *attempt {
	return e.send(ctx, t, k, origin{})
}

func (e endpoint) send(ctx context.Context, t *testing.T, k *capturingTransport, from origin) *attempt {
	x := &attempt{route: e.route, from: from, anonymous: true}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, attemptKey{}, x), e.method, "https://127.0.0.1"+e.path, nil)
	if err != nil {
		t.Error(err)
		return x
	}
	_, _ = k.RoundTrip(r)
	return x
}

// callInParallel makes the calls n times, one after the other, by a number of workers. It returns
// the time taken.
func callInParallel(t *testing.T, k *capturingTransport, workers, n int, calls ...endpoint) time.Duration {
	t.Helper()
	start := time.Now()
	work := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range work {
				for _, c := range calls {
					if x := c.call(t.Context(), t, k); x.err != nil {
						t.Error(x.err)
					}
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	return time.Since(start)
}

func newRatedTransport(base http.RoundTripper, concurrency int, share float64) *capturingTransport {
	return &capturingTransport{base: base, concurrency: newConcurrencyLimiter(concurrency), rate: newRateLimiter(share, SystemClock{})}
}

// TestRateLimit_TwoThousandUsersTakeMinimumTime makes two requests for each user, in the two
// buckets that Okta documents or in one bucket, which neither the table of routes nor a header
// shows to be one.
func TestRateLimit_TwoThousandUsersTakeMinimumTime(t *testing.T) {
	t.Parallel()
	one := []emulator.Limit{{Path: "/api/v1/users/*", PerMinute: 600}}
	two := []emulator.Limit{{Path: "/api/v1/users/*", Method: "GET", PerMinute: 600}, {Path: "/api/v1/users/*", Method: "POST", PerMinute: 600}}
	userByUser := func(t *testing.T, k *capturingTransport) time.Duration {
		return callInParallel(t, k, 16, 2000, readUser, suspendUser)
	}
	for name, c := range map[string]struct {
		limits   []emulator.Limit
		minimum  time.Duration
		rejected int32 // at most
		calls    func(t *testing.T, k *capturingTransport) time.Duration
	}{
		// The 4,000 requests need a seventh window. In each window, one request of each bucket may
		// find it used up.
		"one bucket, all reads first": {one, 6 * time.Minute, 7, func(t *testing.T, k *capturingTransport) time.Duration {
			return callInParallel(t, k, 16, 2000, readUser) + callInParallel(t, k, 16, 2000, suspendUser)
		}},
		"one bucket, user by user": {one, 6 * time.Minute, 20, userByUser},
		"one bucket, a hundred at a time": {one, 6 * time.Minute, 7, func(t *testing.T, k *capturingTransport) (took time.Duration) {
			for range 20 {
				took += callInParallel(t, k, 16, 100, readUser) + callInParallel(t, k, 16, 100, suspendUser)
			}
			return took
		}},
		"two buckets, user by user": {two, 3 * time.Minute, 0, userByUser},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				okta := newOrg(c.limits...)
				took := c.calls(t, newRatedTransport(okta, 16, 1))
				if ratio := took.Seconds() / c.minimum.Seconds(); ratio > 1.1 {
					t.Errorf("it took %s, %.2f times the minimum", took, ratio)
				}
				if n := okta.rejected.Load(); n > c.rejected {
					t.Errorf("%d requests were rejected", n)
				}
			})
		})
	}
}

// TestRateLimit_BucketsDoNotWaitForEachOther: two buckets have equal limits and resets. If one is
// used up, requests of the other are sent.
func TestRateLimit_BucketsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ reads, suspensions int }{
		"one is nearly used up": {280, 280},
		"one is used up":        {290, 250},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newRatedTransport(newOrg(emulator.Limit{Path: readUser.path, PerMinute: 300}, emulator.Limit{Path: suspendUser.path, PerMinute: 300}), 8, 1)
				callInParallel(t, k, 8, 10, readUser, suspendUser)
				callInParallel(t, k, 8, c.reads, readUser)
				if took := callInParallel(t, k, 8, c.suspensions, suspendUser); took > 2*time.Second {
					t.Errorf("the calls took %s", took)
				}
			})
		})
	}
}

// TestRateLimit_RoutesWithDifferentLimitsStayApart: Okta reports different limits for two routes of
// one bucket, so that the table of routes does not describe the org.
func TestRateLimit_RoutesWithDifferentLimitsStayApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listRoles := endpoint{routeListUserRoles, http.MethodGet, "/api/v1/users/alice/roles"}
		k := newRatedTransport(newOrg(emulator.Limit{Path: suspendUser.path, PerMinute: 1}), 1, 1)
		if took := callInParallel(t, k, 1, 1, listRoles, suspendUser, listRoles); took > time.Second {
			t.Errorf("the calls took %s", took)
		}
	})
}

func TestRateLimit_LeavesShareToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newRatedTransport(newOrg(emulator.Limit{Path: "*", PerMinute: 600}), 8, 0.5)
		if fast := callInParallel(t, k, 8, 290, readUser); fast > 2*time.Second {
			t.Errorf("the first half took %s, want full speed", fast)
		}
		if rest := callInParallel(t, k, 8, 300, readUser); rest < 50*time.Second || rest > 60*time.Second {
			t.Errorf("the second half took %s, want the rest of the minute", rest)
		}
	})
}

// TestRateLimit_BucketsWithEqualLimitsStayApart: the limits and the first windows are equal, later
// windows differ.
func TestRateLimit_BucketsWithEqualLimitsStayApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		okta := newOrg(emulator.Limit{Path: readUser.path, PerMinute: 100}, emulator.Limit{Path: suspendUser.path, PerMinute: 100})
		k := newRatedTransport(okta, 4, 1)
		callInParallel(t, k, 4, 1, readUser, suspendUser)
		time.Sleep(2 * time.Minute)
		callInParallel(t, k, 4, 62, readUser)
		time.Sleep(10 * time.Second)
		begun := time.Now()
		callInParallel(t, k, 4, 100, suspendUser) // all requests of a new window
		callInParallel(t, k, 4, 35, readUser)     // and the rest of the first window
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the calls took %s", took)
		}
		callInParallel(t, k, 4, 50, suspendUser, readUser)
		if n := okta.rejected.Load(); n > 0 {
			t.Errorf("%d requests were rejected", n)
		}
	})
}

// TestRateLimit_SpreadRequestsKeepOrder: no request waits behind later ones.
func TestRateLimit_SpreadRequestsKeepOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newRatedTransport(newOrg(emulator.Limit{Path: "*", PerMinute: 60}), 4, 0.1)
		callInParallel(t, k, 4, 10, readUser) // from here on, requests are spread
		var order []int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if x := readUser.call(t.Context(), t, k); x.err != nil {
					t.Error(x.err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait()
		}
		wg.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("the order was %v", order)
		}
	})
}

// TestRateLimit_IgnoresSlowResponses: a slow response reports more remaining requests than there
// are.
func TestRateLimit_IgnoresSlowResponses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		okta := newOrg(emulator.Limit{Path: "/api/v1/users/*", PerMinute: 600})
		var calls atomic.Int32
		k := newRatedTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			res, err := okta.RoundTrip(r)
			if calls.Add(1)%50 == 0 {
				time.Sleep(2 * time.Second)
			}
			return res, err
		}), 16, 1)
		for range 10 {
			callInParallel(t, k, 16, 100, readUser)
			callInParallel(t, k, 16, 100, suspendUser)
		}
		if n := okta.rejected.Load(); n > 4 {
			t.Errorf("%d requests were rejected", n)
		}
	})
}

func TestRateLimit_SpreadsAtLeastOnePerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newRatedTransport(newOrg(emulator.Limit{Path: "*", PerMinute: 10}), 1, 0.1)
		if took := callInParallel(t, k, 1, 10, readUser); took > 10*time.Second {
			t.Errorf("10 calls took %s", took)
		}
	})
}

func TestRateLimit_BurstStaysWithinSmallLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		okta := newOrg(emulator.Limit{Path: "*", PerMinute: 40})
		callInParallel(t, newRatedTransport(okta, 4, 1), 64, 120, readUser)
		if n := okta.rejected.Load(); n > 0 {
			t.Errorf("%d requests were rejected", n)
		}
	})
}

func TestRateLimit_CountsRequestsOfOtherClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		okta := newOrg(emulator.Limit{Path: "*", PerMinute: 600})
		var other sync.WaitGroup
		other.Go(func() { callInParallel(t, newRatedTransport(okta, 1, 1), 1, 300, readUser) })
		callInParallel(t, newRatedTransport(okta, 8, 1), 8, 1200, readUser)
		other.Wait()
		if n := okta.rejected.Load(); n > 15 { // 1 % of the requests
			t.Errorf("%d requests were rejected", n)
		}
	})
}

func TestRateLimit_WaitForOneBucketDoesNotDelayAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newRatedTransport(newOrg(emulator.Limit{Path: readUser.path, PerMinute: 1}), 2, 1)
		callInParallel(t, k, 1, 1, readUser)
		var waiting sync.WaitGroup
		waiting.Go(func() { callInParallel(t, k, 2, 2, readUser) })
		synctest.Wait()
		if took := callInParallel(t, k, 1, 5, suspendUser); took > time.Second {
			t.Errorf("calls of another bucket took %s", took)
		}
		waiting.Wait()
	})
}

func TestRateLimit_ReportsWaitBeyondDeadlineAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newRatedTransport(newOrg(emulator.Limit{Path: "*", PerMinute: 1}), 1, 1)
		callInParallel(t, k, 1, 1, readUser)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		f := readUser.call(ctx, t, k).apiError(ctx)
		wantCode(t, f, apierr.Unavailable, "rate_limited")
		if f != nil && (f.RetryAfter < 55*time.Second || f.RetryAfter > time.Minute+time.Second) {
			t.Errorf("retry after %s", f.RetryAfter)
		}
		if time.Since(start) > 0 {
			t.Errorf("the error took %s", time.Since(start))
		}
	})
}

func TestRateLimit_IgnoresUnusableHeaders(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]map[string]string{
		"no headers":              {},
		"no date":                 {"X-Rate-Limit-Limit": "1", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "9999999999"},
		"text":                    {"X-Rate-Limit-Limit": "many", "X-Rate-Limit-Remaining": "some", "X-Rate-Limit-Reset": "soon", "Date": "today"},
		"the concurrency limit":   {"X-Rate-Limit-Limit": "0", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "946684860", "Date": "Sat, 01 Jan 2000 00:00:00 GMT"},
		"a reset in milliseconds": {"X-Rate-Limit-Limit": "1", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "946684860000", "Date": "Sat, 01 Jan 2000 00:00:00 GMT"},
		"a past window":           {"X-Rate-Limit-Limit": "1", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "946684799", "Date": "Sat, 01 Jan 2000 00:00:00 GMT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newRatedTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
					res := ok(r)
					res.Header = http.Header{}
					for h, v := range headers {
						res.Header.Set(h, v)
					}
					return res, nil
				}), 1, 0.5)
				if took := callInParallel(t, k, 1, 5, readUser); took > 0 {
					t.Errorf("the calls took %s", took)
				}
			})
		})
	}
}

// TestConcurrency_AdaptsToOktasLimit: Okta allows 4 concurrent requests, later 100.
func TestConcurrency_AdaptsToOktasLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		okta := newOrg(emulator.Limit{Path: "*", Concurrent: 4})
		k := newRatedTransport(crowd{okta, new(atomic.Int32)}, 16, 1)
		callInParallel(t, k, 16, 16, readUser)
		if k.concurrency.width > 8 {
			t.Errorf("the bound is %.1f after %d rejections", k.concurrency.width, okta.rejected.Load())
		}
		before := okta.rejected.Load()
		callInParallel(t, k, 16, 200, readUser)
		if n := okta.rejected.Load() - before; n > 40 {
			t.Errorf("of 200 requests %d were rejected: the bound does not stay low", n)
		}
		okta.AddLimit(emulator.Limit{Path: "*", Concurrent: 100})
		callInParallel(t, k, 16, 300, readUser)
		if k.concurrency.width != 16 {
			t.Errorf("the bound is %.1f, want 16 again", k.concurrency.width)
		}
	})
}

// crowd delays a response after the emulator has counted the request, as processing does.
type crowd struct {
	*org
	calls *atomic.Int32
}

func (c crowd) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.calls.Add(1) == 1 {
		c.AddFault(emulator.Fault{Path: "*", LatencyMS: int(latency.Milliseconds())})
	}
	return c.org.RoundTrip(r)
}

func TestConcurrency_AdmitsInOrderOfArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newConcurrencyLimiter(1)
		if err := g.acquire(t.Context(), origin{}); err != nil {
			t.Fatal(err)
		}
		var order []string
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if err := g.acquire(t.Context(), origin{}); err != nil {
					t.Error(err)
				}
				order = append(order, strconv.Itoa(i))
				g.release(origin{}, nil)
			})
			synctest.Wait()
		}
		g.release(origin{}, nil)
		wg.Wait()
		for i, s := range order {
			if s != strconv.Itoa(i) {
				t.Fatalf("the order was %v", order)
			}
		}
	})
}
