package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/functions"
)

// jobReply has the members of the reply of a job that a trial compares.
type jobReply struct {
	Status string
	Job    struct {
		ID   string
		Next int
	}
	Progress struct{ Targets, Done, Failed, Remaining int }
	Targets  []target
}

// tryJob runs one job of messages times ten users, and kills the functions. The second half of the seeds cancels it.
func (p plan) tryJob(w io.Writer, seed uint64) (figures, error) {
	begun := time.Now()
	t := &trial{plan: p, rng: rand.New(rand.NewPCG(seed, 0)), writes: make(chan struct{}), tasks: map[string]*task{}}
	var err error
	if t.Process, err = functions.Start(functions.Options{MaxTargets: users, Latency: p.latency, Lease: lease, Transport: t, Log: p.log, Observe: t.observe}); err != nil {
		return t.counts, err
	}
	defer t.Close()
	k := &task{kind: kinds[t.below(len(kinds))]}
	for i := range p.messages * users {
		s := k.seed
		s.Login = fmt.Sprintf("user%d@acme.test", i)
		k.logins, k.ids = append(k.logins, s.Login), append(k.ids, t.Okta.AddUser(s))
	}
	names, err := json.Marshal(k.logins)
	if err != nil {
		return t.counts, err
	}
	stop := t.killer()
	last, err := t.watchJob(w, k.group, fmt.Appendf(nil, k.request, names), seed%2 == 0)
	err = errors.Join(err, stop())
	t.twins.Wait()
	if err != nil {
		return t.counts, err
	}
	t.compareJob(w, k, last, seed%2 == 0)
	t.compareResults(w, last)
	t.counts.messages, t.counts.took = p.messages, time.Since(begun)
	return t.counts, nil
}

// compareResults compares what was published with the reply of the job. The last batch publishes it after the job has
// ended, or another delivery of it does, and both do if the function is killed in between.
func (t *trial) compareResults(w io.Writer, told []target) {
	var results []pubsub.Message
	for deadline := time.Now().Add(t.patience); len(results) == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		results = t.Broker.Published(pubsub.ResultsTopic)
	}
	same := func(a, b target) bool {
		return a.Input == b.Input && a.Outcome == b.Outcome && (a.Error == nil) == (b.Error == nil) &&
			(a.Error == nil || *a.Error == *b.Error)
	}
	run := ""
	for _, m := range results {
		var r result
		if err := json.Unmarshal(m.Data, &r); err != nil || !slices.EqualFunc(r.Targets, told, same) || run != "" && r.run() != run {
			fmt.Fprintf(w, "differing: a published result of %d targets from the reply of %d: %v\n", len(r.Targets), len(told), err)
			t.counts.differing++
		}
		run = r.run()
	}
	if len(results) == 0 {
		fmt.Fprintln(w, "lost: the result of the job")
		t.counts.lost++
	}
}

// watchJob submits a job until it is accepted, and asks for its state until it has ended. Progress must not go back.
func (t *trial) watchJob(w io.Writer, group string, body []byte, cancels bool) (all []target, err error) {
	var r jobReply
	done, canceled := 0, false
	for deadline := time.Now().Add(t.patience); r.Job.ID == ""; {
		if r, err = t.call(http.MethodPost, "/"+group, body); err != nil && time.Now().After(deadline) {
			return nil, err
		}
	}
	path := "/" + group + "/jobs/" + r.Job.ID
	submitted, after := time.Now(), t.randomTime(time.Second)
	for deadline := time.Now().Add(t.patience); ; {
		next, err := t.call(http.MethodGet, path, nil)
		switch {
		case time.Now().After(deadline):
			return nil, fmt.Errorf("the job does not end: %+v, %w", next.Progress, err)
		case err != nil: // the functions are being started
			continue
		case next.Progress.Done+next.Progress.Failed < done || next.Progress.Targets != t.messages*users:
			fmt.Fprintf(w, "differing: progress %+v after %d\n", next.Progress, done)
			t.counts.differing++
		case next.Progress.Done+next.Progress.Failed > done:
			deadline = time.Now().Add(t.patience)
		}
		done = max(done, next.Progress.Done+next.Progress.Failed)
		if cancels && !canceled && time.Since(submitted) > after {
			_, failed := t.call(http.MethodPost, path+"/cancel", nil)
			canceled = failed == nil
		}
		if next.Status != "running" {
			break
		}
	}
	for from := 0; ; {
		page, err := t.call(http.MethodGet, fmt.Sprintf("%s?after=%d", path, from), nil)
		if err != nil {
			continue
		}
		all = append(all, page.Targets...)
		if from = page.Job.Next; from == 0 {
			return all, nil
		}
	}
}

// call sends one request; an error is also a reply that is not of a job.
func (t *trial) call(method, path string, body []byte) (r jobReply, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, t.Address+path, bytes.NewReader(body))
	if err != nil {
		return r, err
	}
	request.Header = http.Header{"Prefer": {"respond-async"}, "Content-Type": {"application/json"}, "Idempotency-Key": {"the-job"}}
	res, err := http.DefaultClient.Do(request)
	if err != nil {
		time.Sleep(20 * time.Millisecond)
		return r, err
	}
	defer res.Body.Close()
	if err = json.NewDecoder(res.Body).Decode(&r); err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("HTTP %d", res.StatusCode)
		time.Sleep(20 * time.Millisecond)
	}
	return r, err
}

// compareJob compares Okta's state and its requests with the outcome of each user.
func (t *trial) compareJob(w io.Writer, k *task, all []target, cancels bool) {
	made := map[string]int{}
	for _, r := range t.Okta.Requests() {
		if r.Method != http.MethodGet && r.Status/100 == 2 {
			made[r.Method+" "+r.Path]++
			t.counts.writes++
		}
	}
	for i, login := range k.logins {
		at := slices.IndexFunc(all, func(x target) bool { return x.Input == login })
		if at < 0 {
			fmt.Fprintf(w, "lost: %s\n", login)
			t.counts.lost++
			continue
		}
		u, _ := t.Okta.User(login)
		told, writes := all[at], made[fmt.Sprintf(k.write, k.ids[i])]
		code := ""
		if told.Error != nil {
			code = told.Error.Code
		}
		t.counts.repeated += max(0, writes-1)
		if k.once && max(writes, len(u.Mails)) > 1 {
			t.counts.repeatedOnce++
		}
		switch {
		case cancels && code == "canceled":
			if writes > 0 || k.asAsked(u) && k.seed.Status != "" {
				fmt.Fprintf(w, "not as asked: %s is reported as canceled and was written %d times\n", login, writes)
				t.counts.notAsAsked++
			}
		case k.once && code == "unknown_result":
			t.counts.unknown++
		case !told.reached() || !k.asAsked(u) || k.once && writes != 1:
			fmt.Fprintf(w, "not as asked: %s, %s: told %+v %s, in Okta %s, written %d times\n", k.write, login, told, code, u.Status, writes)
			t.counts.notAsAsked++
		}
	}
	if len(all) != len(k.logins) {
		fmt.Fprintf(w, "differing: %d targets of %d users\n", len(all), len(k.logins))
		t.counts.differing++
	}
}
