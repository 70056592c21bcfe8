package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"example.com/okta-secops/test/functions"
)

const batch = 100 // users of a batch and of a call, which is MAX_TARGETS

// jobs compares a job with the same users in one call after another.
func (p plan) jobs(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, `One job of %d users, Disable User (suspend), in batches of %d, against calls of %d, one after another

  first   from the submission until a reply shows that users are done
  memory  the most of one process that was resident

`, p.jobUsers, batch, batch)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "Okta\tprocesses\tjob\tusers a second\tfirst\tmemory (MiB)\tcalls\tmemory (MiB)\tjob is faster by\t")
	for _, latency := range p.latencies[:min(2, len(p.latencies))] {
		for _, instances := range p.instances {
			job, err := p.runJob(ctx, latency, instances)
			if err != nil {
				return err
			}
			calls, err := p.runCalls(ctx, latency)
			if err != nil {
				return err
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t%.0f\t%s\t%.0f\t%s\t%.0f\t%.2f x\t\n", latency, instances, short(job.took),
				float64(p.jobUsers)/job.took.Seconds(), short(job.first), mib(job.memory), short(calls.took), mib(calls.memory),
				float64(calls.took)/float64(job.took))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return nil
}

// bulkRun has the measurements of a job, or of calls.
type bulkRun struct {
	took, first time.Duration
	memory      int // in KiB
}

// runJob runs one job and asks for its progress ten times a second.
func (p plan) runJob(ctx context.Context, latency time.Duration, instances int) (r bulkRun, err error) {
	f, err := functions.Start(functions.Options{Latency: latency, Instances: instances})
	if err != nil {
		return r, err
	}
	defer f.Close()
	names := addUsers(f.Okta, p.jobUsers)
	body, err := disableRequest(names)
	if err != nil {
		return r, err
	}
	begun := time.Now()
	state, err := askJob(ctx, http.MethodPost, f.Address+"/users/disable-user", body)
	for err == nil && state.Status == "running" {
		time.Sleep(100 * time.Millisecond) // it is another process
		state, err = askJob(ctx, http.MethodGet, f.Address+"/users/jobs/"+state.Job.ID, nil)
		if state.Progress.Done > 0 && r.first == 0 {
			r.first = time.Since(begun)
		}
		if time.Since(begun) > 10*time.Minute {
			err = fmt.Errorf("the job does not end: %+v", state)
		}
	}
	if err == nil && (state.Status != "success" || state.Progress.Done != p.jobUsers) {
		err = fmt.Errorf("the job ended as %+v", state)
	}
	r.took, r.memory = time.Since(begun), f.PeakMemory()
	return r, err
}

// jobState has the members of a job's reply that the measurement reads.
type jobState struct {
	Status   string
	Job      struct{ ID string }
	Progress struct{ Done, Failed, Remaining int }
}

func askJob(ctx context.Context, method, url string, body []byte) (s jobState, err error) {
	text, err := send(ctx, http.DefaultClient, method, url, http.Header{"Prefer": {"respond-async"}}, body)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// runCalls disables the same users by one call after another.
func (p plan) runCalls(ctx context.Context, latency time.Duration) (r bulkRun, err error) {
	f, err := functions.Start(functions.Options{Latency: latency})
	if err != nil {
		return r, err
	}
	defer f.Close()
	names := addUsers(f.Okta, p.jobUsers)
	begun := time.Now()
	for from := 0; from < len(names); from += batch {
		if err := disable(ctx, f.Address, names[from:min(from+batch, len(names))]); err != nil {
			return r, err
		}
	}
	r.took, r.memory = time.Since(begun), f.PeakMemory()
	return r, nil
}
