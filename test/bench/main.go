// Bench measures the product on this machine and prints tables. Compared variants are measured in turns in the same run.
// Times are medians unless the table says otherwise.
//
//	go run ./test/bench               everything, some minutes
//	go run ./test/bench -only limit   one table: -help lists them
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/test/functions"
)

// plan lists the measurements.
type plan struct {
	only        string
	concurrency int
	users       []int
	latencies   []time.Duration
	reps        int // measurements of each figure
	measured    int // the most users for which calls in sequence are measured, not extrapolated
	guardedReps int // of each policy
	gets        int // calls of which the overhead is measured
	limited     int // users suspended against the rate limit, all in one call
	batch       int // and so many a call
	perMinute   int
	times       int // how fast the clock runs then
	fairness

	publicClients, publicGets int // of the transmitter

	starts    int   // of each program
	large     int   // targets of one call whose memory is measured
	jobUsers  int   // of a job
	instances []int // processes that carry out a job
}

var everything = plan{
	concurrency: 16, users: []int{1, 10, 100, 1000}, latencies: []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond},
	reps: 3, guardedReps: 9, measured: 100, gets: 3000, limited: 2000, batch: 100, perMinute: 600, times: 30,
	fairness:      fairness{readers: 30, names: 4900, disabled: []int{1, 100}, far: 50 * time.Millisecond, turns: 5, deadline: 30 * time.Second},
	publicClients: 4, publicGets: 5000,
	starts: 9, large: 5000, jobUsers: 2000, instances: []int{1, 2},
}

const tableNames = "speed, overhead, limit, fair, guardrails, contain, transmitter, start, memory or jobs"

func main() {
	functions.ServeIfAsked() // the functions' process is this program too
	directIfAsked()
	p := everything
	flag.StringVar(&p.only, "only", "", "the one `table` to print: "+tableNames)
	flag.IntVar(&p.concurrency, "concurrency", p.concurrency, "OKTA_CONCURRENCY")
	flag.IntVar(&p.reps, "reps", p.reps, "measurements of each figure, whose median is printed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func (p plan) run(ctx context.Context, w io.Writer) error {
	tables := []struct {
		name  string
		print func(context.Context, io.Writer) error
	}{{"speed", p.speed}, {"overhead", p.overhead}, {"limit", p.limit}, {"fair", p.fair}, {"guardrails", p.guardrails}, {"contain", p.contain},
		{"transmitter", p.transmitter}, {"start", p.start}, {"memory", p.memory}, {"jobs", p.jobs}}
	found := false
	for _, t := range tables {
		if p.only != "" && p.only != t.name {
			continue
		}
		found = true
		if err := t.print(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	if !found {
		return fmt.Errorf("unknown table %q: use %s", p.only, tableNames)
	}
	return nil
}

// speed compares Disable User (suspend) with the same calls one after another, with the incumbent's, and with the
// minimum for any client.
func (p plan) speed(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, `Disable User (suspend), OKTA_CONCURRENCY=%d, median of %d

  sequence  the same calls, GET and POST, one after another over one connection
  blind     the incumbent's: the POST alone, one after another
  limit     ceil(2 x users / concurrency) x latency: no client is faster
  waves     2 x ceil(users / concurrency) x latency: the least where every user is read before the first is changed
  ~         extrapolated from %d users

`, p.concurrency, p.reps, p.measured)
	const columns = "%6s  %7s  %9s  %10s %8s  %10s %8s  %8s %7s  %8s %7s\n" // each row as soon as it is measured
	fmt.Fprintf(w, columns, "users", "latency", "product", "sequence", "", "blind", "", "limit", "", "waves", "")
	for _, latency := range p.latencies {
		var slow []way // as last measured
		for _, users := range p.users {
			took, err := p.measure(ctx, users, latency, len(slow) == 0 || users <= p.measured)
			if err != nil {
				return err
			}
			if len(took) > 1 {
				slow = took[1:]
			}
			product := took[0].took
			row := []any{strconv.Itoa(users), latency.String(), short(product)}
			for _, way := range slow {
				mark, took := "", way.took
				if way.users < users {
					mark, took = "~", took*time.Duration(users)/time.Duration(way.users)
				}
				row = append(row, mark+short(took), fmt.Sprintf("%.1f x", float64(took)/float64(product)))
			}
			for _, calls := range []int{waves(2*users, p.concurrency), 2 * waves(users, p.concurrency)} {
				least, times := time.Duration(calls)*latency, "-"
				if least > 0 {
					times = fmt.Sprintf("%.2f x", float64(product)/float64(least))
				}
				row = append(row, short(least), times)
			}
			fmt.Fprintf(w, columns, row...)
		}
	}
	fmt.Fprintln(w)
	return nil
}

// way is one way to suspend so many users.
type way struct {
	users int
	do    func() error
	took  time.Duration // the median
}

// measure measures the product and, on request, the calls in sequence and the incumbent's with it, in
// turns.
func (p plan) measure(ctx context.Context, users int, latency time.Duration, slow bool) ([]way, error) {
	s, err := newStand(p.concurrency, 1, okta.SystemClock{}, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ways := []way{{users: users, do: func() error {
		lost, err := s.suspend(ctx, 0, users)
		if err == nil && lost > 0 {
			err = fmt.Errorf("%d of %d users were lost", lost, users)
		}
		return err
	}}}
	if slow {
		fewer := min(users, p.measured)
		ways = append(ways,
			way{users: fewer, do: func() error { return s.inSequence(ctx, fewer) }},
			way{users: fewer, do: func() error { return s.blindly(ctx, fewer) }})
	}
	took := make([][]time.Duration, len(ways))
	for range p.reps {
		for i, way := range ways {
			if err := s.prepare(ctx, way.users, latency); err != nil {
				return nil, err
			}
			begun := time.Now()
			if err := way.do(); err != nil {
				return nil, err
			}
			took[i] = append(took[i], time.Since(begun))
		}
	}
	for i := range ways {
		ways[i].took = median(took[i])
	}
	return ways, nil
}

// waves is how often so many calls at a time must be made for n.
func waves(n, atOnce int) int { return (n + atOnce - 1) / atOnce }

// overhead compares Get User through the function with a bare call to Okta, in turns.
func (p plan) overhead(ctx context.Context, w io.Writer) error {
	s, err := newStand(p.concurrency, 1, okta.SystemClock{}, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.prepare(ctx, 0, 0); err != nil {
		return err
	}
	var through, bare []time.Duration
	for i := range p.gets {
		if i%500 == 0 {
			s.Okta.ClearRequests()
		}
		begun := time.Now()
		if err := s.bareGet(ctx); err != nil {
			return err
		}
		between := time.Now()
		if err := s.getUser(ctx); err != nil {
			return err
		}
		bare, through = append(bare, between.Sub(begun)), append(through, time.Since(between))
	}
	added := median(through) - median(bare)
	fmt.Fprintf(w, "Get User, one user, on loopback, %d calls of each in turns; the emulator's share is in both\n\n", p.gets)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tp50\tp99\tallocations\t")
	bareAllocs, err := allocations(func() error { return s.bareGet(ctx) })
	if err != nil {
		return err
	}
	throughAllocs, err := allocations(func() error { return s.getUser(ctx) })
	if err != nil {
		return err
	}
	fmt.Fprintf(table, "net/http to Okta\t%s\t%s\t%d\t\n", short(median(bare)), short(percentile(bare, 99)), bareAllocs)
	fmt.Fprintf(table, "through the function\t%s\t%s\t%d\t\n", short(median(through)), short(percentile(through, 99)), throughAllocs)
	fmt.Fprintf(table, "added\t%s\t%s\t%d\t\n", short(added), short(percentile(through, 99)-percentile(bare, 99)), throughAllocs-bareAllocs)
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe median added time is %.2f x the bare median.\n\n", float64(added)/float64(median(bare)))
	return nil
}

// allocations is how many one call makes, in the whole process.
func allocations(call func() error) (uint64, error) {
	const calls = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		if err := call(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / calls, nil
}

// limit suspends users against a rate limit that is far below what the product could do, on a clock that runs fast.
func (p plan) limit(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "Disable User (suspend) of %d users against %d calls a minute, OKTA_LIMIT_SHARE=1, OKTA_CONCURRENCY=%d, on a clock %d x as fast\n\n",
		p.limited, p.perMinute, p.concurrency, p.times)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tcalls\ttime\tleast\t\t429s\t\tlost\t")
	for _, batch := range []int{p.limited, p.batch} {
		clock := fastClock{time.Now(), time.Duration(p.times)}
		s, err := newStand(p.concurrency, 1, clock, nil)
		if err != nil {
			return err
		}
		err = func() error {
			defer s.Close()
			if err := s.prepare(ctx, p.limited, 0); err != nil {
				return err
			}
			s.limitTo(p.perMinute)
			begun, lost := clock.Now(), 0
			for from := 0; from < p.limited; from += batch {
				n, err := s.suspend(ctx, from, min(from+batch, p.limited))
				if err != nil {
					return err
				}
				lost += n
			}
			if lost > 0 {
				return fmt.Errorf("%d of %d users were lost", lost, p.limited)
			}
			took := clock.Now().Sub(begun)
			calls := int(s.calls.Load())
			// The calls of the last window come at its beginning.
			least := time.Duration((2*p.limited-1)/p.perMinute) * time.Minute
			fmt.Fprintf(table, "%d call(s) of %d\t%d\t%s\t%s\t%s\t%d\t%.2f %%\t%d\t\n", waves(p.limited, batch), batch, calls, short(took), short(least),
				ratio(took, least), s.refused.Load(), 100*float64(s.refused.Load())/float64(calls), lost)
			return nil
		}()
		if err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return nil
}

func ratio(a, b time.Duration) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f x", float64(a)/float64(b))
}

func median[T cmp.Ordered](d []T) T { return percentile(d, 50) }

func percentile[T cmp.Ordered](d []T, p int) T {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[(len(sorted)-1)*p/100]
}

// short is a duration in four digits or so.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}
