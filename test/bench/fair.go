package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"text/tabwriter"
	"time"

	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
)

// fairness has the measurements of Disable User under another load.
type fairness struct {
	readers, names int   // calls of Get User at once, and the names of each
	disabled       []int // users of one Disable User
	far            time.Duration
	turns          int           // measurements of each figure
	deadline       time.Duration // of the reads, which go on for as long
}

// The callers, by their keys.
const (
	responder = "the-long-key-of-the-responder"
	reader    = "the-long-key-of-the-bulk-reader"
)

type callerKey struct{}

// as returns a context for requests by the caller with this key.
func as(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, callerKey{}, key)
}

// fair measures Disable User alone, and with many reads by another and by the same caller.
func (p plan) fair(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "Disable User (suspend) alone and with %d Get User calls of %d names, Okta %s away, OKTA_CONCURRENCY=%d, median of %d\n\n",
		p.readers, p.names, p.far, p.concurrency, p.turns)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "reads by\tusers\talone\tbeside\t\tslowest\t\t")
	for _, load := range []struct {
		name, key string
		perMinute int
	}{{"another caller", reader, 0}, {"the same caller", responder, 0}, {"another caller, a limit of 600 calls a minute", reader, 600}} {
		for _, users := range p.disabled {
			if load.perMinute > 0 && users > 1 {
				continue // the limit alone takes longer than the window
			}
			alone, beside, err := p.contend(ctx, users, load.key, load.perMinute)
			if err != nil {
				return err
			}
			slowest := percentile(beside, 100)
			fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", load.name, users, short(median(alone)), short(median(beside)),
				ratio(median(beside), median(alone)), short(slowest), ratio(slowest, median(alone)))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return nil
}

// contend measures Disable User of so many users, alone and while a caller reads. With a limit, half of the window's
// calls, which are made at full speed, are used up before, so that calls are spread in both.
func (p plan) contend(ctx context.Context, users int, key string, perMinute int) (alone, beside []time.Duration, err error) {
	s, err := newStand(p.concurrency, 0.5, okta.SystemClock{}, map[string]string{
		"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers", "MAX_TARGETS": "490", "REQUEST_DEADLINE": p.deadline.String(),
	})
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	s.Replace("callers", secrets.New(`[{"id": "responder", "key": "`+responder+`", "actions": ["*"]}, {"id": "reader", "key": "`+reader+`", "actions": ["get-user"]}]`))
	if err := s.prepare(ctx, p.names+2*p.turns*users, p.far); err != nil {
		return nil, nil, err
	}
	if perMinute > 0 {
		s.limitTo(perMinute)
		if err := s.read(ctx, reader, perMinute/2); err != nil {
			return nil, nil, err
		}
	}
	next := p.names
	measure := func() (took []time.Duration, err error) {
		for range p.turns {
			begun := time.Now()
			lost, err := s.suspend(ctx, next, next+users)
			if err == nil && lost > 0 {
				err = fmt.Errorf("%d of %d users were lost", lost, users)
			}
			if err != nil {
				return nil, err
			}
			took = append(took, time.Since(begun))
			next += users
		}
		return took, nil
	}
	if alone, err = measure(); err != nil {
		return nil, nil, err
	}
	var reads sync.WaitGroup
	for range p.readers {
		reads.Go(func() { _ = s.read(ctx, key, p.names) }) // most end at their deadline
	}
	calls := s.calls.Load()
	begun := time.Now()
	for s.calls.Load() < calls+int64(p.concurrency) && time.Since(begun) < p.deadline/2 { // until the reads are under way
		time.Sleep(time.Millisecond)
	}
	beside, err = measure()
	reads.Wait()
	return alone, beside, err
}

// read has a caller get the first load users in one call.
func (s *stand) read(ctx context.Context, key string, users int) error {
	names := make([]string, users)
	for i := range names {
		names[i] = login(i)
	}
	body, err := json.Marshal(map[string]any{"parameters": map[string]any{"User IDs Or Logins": names}})
	if err != nil {
		return err
	}
	_, err = s.ask(as(ctx, key), http.MethodPost, s.URL+"/users/get-user", body)
	return err
}
