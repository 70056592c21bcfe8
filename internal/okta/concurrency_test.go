package okta

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/okta-secops/local/emulator"
)

// TestConcurrency_OrderOfRequests: requests arrive while all places are held; then the places
// become free one by one. A letter is one request by the caller of that name, in upper case if it
// is urgent.
func TestConcurrency_OrderOfRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		places        int
		holds, arrive string
		order         string
	}{
		"order of arrival":                     {1, "a", "abab", "abab"},
		"urgent requests go first":             {1, "a", "bbbA", "Abbb"},
		"the same caller's urgent requests":    {2, "aa", "aaaA", "Aaaa"},
		"one place in four for the others":     {1, "a", "aaaAAAAAA", "AAAaAAAaa"},
		"another caller gets places":           {4, "aaaa", "aaaabb", "bbaaaa"},
		"up to half":                           {4, "aaaa", "aaaabbbb", "bbaabbaa"},
		"all if no other caller waits":         {4, "aaaa", "aaaaaa", "aaaaaa"},
		"half for urgent requests of a caller": {4, "aaaa", "aaaaBBBB", "BBaaBBaa"},
		"each keeps its half":                  {2, "ab", "abba", "abab"},
		"a single place: urgency decides":      {1, "a", "aaB", "Baa"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newConcurrencyLimiter(c.places)
				from := func(call rune) origin { return origin{strings.ToLower(string(call)), call < 'a'} }
				var held []rune
				for _, call := range c.holds {
					if err := g.acquire(t.Context(), from(call)); err != nil {
						t.Fatal(err)
					}
					held = append(held, call)
				}
				g.places = 0
				var wg sync.WaitGroup
				order := ""
				for _, call := range c.arrive {
					wg.Go(func() {
						if err := g.acquire(t.Context(), from(call)); err != nil {
							t.Error(err)
						}
						order += string(call)
						held = append(held, call)
					})
					synctest.Wait()
				}
				for len(held) > 0 { // the oldest request ends
					first := held[0]
					held = held[1:]
					g.release(from(first), nil)
					synctest.Wait()
				}
				wg.Wait()
				if order != c.order {
					t.Errorf("the order is %s, want %s", order, c.order)
				}
				if len(g.accounts) > 0 || g.busy != 0 {
					t.Errorf("%d places are held, accounts %v", g.busy, g.accounts)
				}
			})
		})
	}
}

// TestRateLimit_UrgentRequestsPassWaitingOnes: while requests are spread and 30 reads wait for
// their slots, the reads of a change take the next slots.
func TestRateLimit_UrgentRequestsPassWaitingOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		okta := newOrg(emulator.Limit{Path: "*", PerMinute: 60})
		k := newRatedTransport(okta, 8, 0.1)
		callInParallel(t, k, 4, 10, readUser) // from here on, requests are spread
		start := time.Now()
		var reads, changes sync.WaitGroup
		for range 30 {
			reads.Go(func() { readUser.by(t, k, origin{caller: "reader"}) })
		}
		synctest.Wait()
		for range 5 {
			changes.Go(func() { readUser.by(t, k, origin{"responder", true}) })
		}
		changes.Wait()
		// Five slots of a second or more.
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("the changes took %s", took)
		}
		reads.Wait()
		// The window had 49 requests left and 35 were sent: no read is lost, and some end within
		// the window.
		if took := time.Since(start); took < 30*time.Second || took > time.Minute {
			t.Errorf("the reads took %s", took)
		}
		if n := okta.rejected.Load(); n > 0 {
			t.Errorf("%d requests were rejected", n)
		}
	})
}
