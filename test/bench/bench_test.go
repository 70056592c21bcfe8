package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/test/functions"
)

func start(b *testing.B, clock okta.Clock) *stand {
	b.Helper()
	s, err := newStand(everything.concurrency, 1, clock, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return s
}

// BenchmarkDisableUser suspends users, each time those of a fresh org: as the product does it, and, up to 100 users, by
// the same calls in sequence and by the incumbent's.
func BenchmarkDisableUser(b *testing.B) {
	for _, latency := range everything.latencies {
		for _, users := range everything.users {
			for _, way := range []string{"product", "sequence", "blind"} {
				if way != "product" && users > everything.measured {
					continue
				}
				b.Run(fmt.Sprintf("latency=%s/users=%d/%s", latency, users, way), func(b *testing.B) {
					s := start(b, okta.SystemClock{})
					b.ReportAllocs()
					for b.Loop() {
						b.StopTimer()
						if err := s.prepare(b.Context(), users, latency); err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
						var lost int
						var err error
						switch way {
						case "product":
							lost, err = s.suspend(b.Context(), 0, users)
						case "sequence":
							err = s.inSequence(b.Context(), users)
						case "blind":
							err = s.blindly(b.Context(), users)
						}
						if err != nil || lost > 0 {
							b.Fatalf("%d users were lost: %v", lost, err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkGetUser is one user through the function, and from Okta without it.
func BenchmarkGetUser(b *testing.B) {
	s := start(b, okta.SystemClock{})
	for way, get := range map[string]func(context.Context) error{"product": s.getUser, "bare": s.bareGet} {
		b.Run(way, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := get(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLimit suspends 2,000 users against 600 calls a minute on a clock that runs fast.
func BenchmarkLimit(b *testing.B) {
	for b.Loop() {
		clock := fastClock{time.Now(), time.Duration(everything.times)}
		s := start(b, clock)
		if err := s.prepare(b.Context(), everything.limited, 0); err != nil {
			b.Fatal(err)
		}
		s.limitTo(everything.perMinute)
		begun := clock.Now()
		lost, err := s.suspend(b.Context(), 0, everything.limited)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(clock.Now().Sub(begun).Seconds(), "scaled-s")
		b.ReportMetric(float64(s.refused.Load()), "429s")
		b.ReportMetric(float64(lost), "lost")
	}
}

func TestMain(m *testing.M) {
	functions.ServeIfAsked()
	directIfAsked()
	os.Exit(m.Run())
}

// TestTables_ArePrinted runs all of it, small.
func TestTables_ArePrinted(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: the measurements take seconds and want a quiet machine")
	}
	t.Parallel()
	small := plan{
		publicClients: 1, publicGets: 3,
		starts: 1, large: 30, jobUsers: 250, instances: []int{2},
		guardedReps: 1,
		concurrency: 4, users: []int{1, 9}, latencies: []time.Duration{0, time.Millisecond}, reps: 1, measured: 3, gets: 3,
		limited: 20, batch: 5, perMinute: 30, times: 600,
		fairness: fairness{readers: 2, names: 20, disabled: []int{1}, far: time.Millisecond, turns: 1, deadline: 5 * time.Second},
	}
	var out strings.Builder
	if err := small.run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Disable User (suspend)", "     9      1ms", "Get User, one user", "added", "against 30 calls a minute", "1 call(s) of 20", "4 call(s) of 5", "with 2 Get User calls of 20 names", "a limit of 600", "Contain User (contain), 100 users", "GET /jwks.json on one core",
		"deployed", "One call of 30 targets", "job of 250 users", "calls of 100"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	small.only = "sped"
	if err := small.run(t.Context(), &out); err == nil || err.Error() != `unknown table "sped": use `+tableNames {
		t.Errorf("an unknown table: %v", err)
	}
}
