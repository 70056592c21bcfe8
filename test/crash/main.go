// Crash kills the functions at random moments while messages are delivered to them, some twice and out of order, and then
// compares the requests to Okta with the messages. Okta, Pub/Sub and Cloud Storage are in this process; the functions are
// in another, which is killed (SIGKILL) and started again. Every message has ten users and is a lifecycle change, a
// non-idempotent write, or the end of their sessions.
//
//	go run ./test/crash -seeds 20 -messages 500
//	go run ./test/crash -seeds 20 -messages 100 -job    # jobs of 1,000 users
//
// It exits with 1 if a result is lost, a user does not have the requested state, a non-idempotent write was repeated, or
// two results of one message differ.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"example.com/okta-secops/test/functions"
)

// plan is the work for each seed.
type plan struct {
	messages int
	kills    int
	every    time.Duration // at most, between one and the next
	latency  time.Duration // of Okta
	patience time.Duration // without any result, before the rest is given up as lost
	log      io.Writer     // of the functions
	job      bool          // one job in place of the messages
}

func main() {
	functions.ServeIfAsked()
	seeds := flag.Int("seeds", 20, "how many runs")
	first := flag.Uint64("seed", 1, "the `seed` of the first")
	p := plan{every: 1500 * time.Millisecond, patience: time.Minute, log: io.Discard}
	flag.IntVar(&p.messages, "messages", 500, "messages of each run, with ten users each")
	flag.IntVar(&p.kills, "kills", 10, "how often the functions are killed in each")
	flag.DurationVar(&p.latency, "latency", 5*time.Millisecond, "how long Okta takes for a call")
	flag.BoolVar(&p.job, "job", false, "one job of all users in place of the messages; every second seed cancels it")
	verbose := flag.Bool("v", false, "print the log of the functions")
	flag.Parse()
	if *verbose {
		p.log = os.Stderr
	}
	if ok, err := p.run(os.Stdout, *first, *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	} else if !ok {
		os.Exit(1)
	}
}

// figures are counted in each run.
type figures struct {
	messages, kills, duplicates, writes, repeated, unknown int
	// Violations.
	lost, notAsAsked, repeatedOnce, differing int
	took                                      time.Duration
}

func (f figures) good() bool { return f.lost+f.notAsAsked+f.repeatedOnce+f.differing == 0 }

func (f *figures) add(g figures) {
	f.messages += g.messages
	f.kills += g.kills
	f.duplicates += g.duplicates
	f.writes += g.writes
	f.repeated += g.repeated
	f.unknown += g.unknown
	f.lost += g.lost
	f.notAsAsked += g.notAsAsked
	f.repeatedOnce += g.repeatedOnce
	f.differing += g.differing
	f.took += g.took
}

const row = "%-6v %9v %6v %11v %8v %16v %15v %6v %13v %18v %10v %8v\n"

func (f figures) print(w io.Writer, name any) {
	fmt.Fprintf(w, row, name, f.messages, f.kills, f.duplicates, f.writes, f.repeated, f.unknown, f.lost, f.notAsAsked, f.repeatedOnce, f.differing, f.took.Round(100*time.Millisecond))
}

// run runs the seeds and reports whether no result was lost and no non-idempotent write repeated.
func (p plan) run(w io.Writer, first uint64, seeds int) (bool, error) {
	fmt.Fprintf(w, row, "seed", "messages", "kills", "duplicates", "writes", "repeated writes", "unknown result", "lost", "not as asked", "repeated in error", "differing", "time")
	var sum figures
	for i := range seeds {
		try := p.try
		if p.job {
			try = p.tryJob
		}
		f, err := try(w, first+uint64(i))
		if err != nil {
			return false, err
		}
		f.print(w, first+uint64(i))
		sum.add(f)
	}
	sum.print(w, "all")
	return sum.good(), nil
}
