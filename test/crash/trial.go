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
	"sync"
	"time"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/functions"
)

const (
	users = 10 // of each message
	// lease is that of a claim here. An object is written once a second at most, and the lease is renewed three times.
	lease = 4 * time.Second
	// inFlight is how many calls to Okta the functions have under way at most.
	inFlight = 35
)

// kind is the action of a message.
type kind struct {
	group, request string // request with %s for the users
	seed           emulator.UserSeed
	write          string // "METHOD path", with %s for the user's id
	once           bool   // it must not happen twice
	asAsked        func(u emulator.UserState) bool
}

func status(s string) func(emulator.UserState) bool {
	return func(u emulator.UserState) bool { return u.Status == s }
}

var kinds = []kind{
	{
		group: "users", request: `{"action": "Disable User", "parameters": {"User IDs": %s, "Is Deactivate": false}}`,
		write: "POST /api/v1/users/%s/lifecycle/suspend", asAsked: status("SUSPENDED"),
	},
	{
		group: "users", request: `{"action": "Enable User", "parameters": {"User IDs": %s, "Is Activate": false}}`, seed: emulator.UserSeed{Status: "SUSPENDED"},
		write: "POST /api/v1/users/%s/lifecycle/unsuspend", asAsked: status("ACTIVE"),
	},
	{
		group: "users", request: `{"action": "Reset Password", "parameters": {"User IDs": %s, "Send Email": true}}`, once: true,
		write: "POST /api/v1/users/%s/lifecycle/reset_password", asAsked: status("RECOVERY"),
	},
	{
		group: "users", request: `{"action": "Enable User", "parameters": {"User IDs": %s}}`, seed: emulator.UserSeed{Status: "PROVISIONED"}, once: true,
		write: "POST /api/v1/users/%s/lifecycle/reactivate", asAsked: func(u emulator.UserState) bool { return len(u.Mails) == 1 },
	},
	{
		group: "users", request: `{"action": "Enable User", "parameters": {"User IDs": %s}}`, seed: emulator.UserSeed{Status: "STAGED"}, once: true,
		write: "POST /api/v1/users/%s/lifecycle/activate", asAsked: func(u emulator.UserState) bool { return u.Status == "PROVISIONED" && len(u.Mails) == 1 },
	},
	{
		group: "sessions", request: `{"action": "Clear Okta User Session", "parameters": {"User IDs": %s}}`, seed: emulator.UserSeed{Sessions: 2},
		write: "DELETE /api/v1/users/%s/sessions", asAsked: func(u emulator.UserState) bool { return u.Sessions == 0 },
	},
}

// task is one message and what came of it.
type task struct {
	kind
	logins []string
	ids    []string
	final  *result // nil until there is one
}

// result is a message that the functions published.
type result struct {
	InvocationID string `json:"invocation_id"`
	Replayed     *struct {
		InvocationID string `json:"invocation_id"`
	}
	Targets []target
}

type target struct {
	Input, Outcome string
	Error          *struct {
		Code      string
		Retryable bool
	}
}

// run is the execution that the result is from.
func (r result) run() string {
	if r.Replayed != nil {
		return r.Replayed.InvocationID
	}
	return r.InvocationID
}

// differs reports whether two results of one message contradict each other: they are of two runs that did something, or a
// replay does not confirm what was reached.
func (r result) differs(other result) bool {
	if r.run() != other.run() && r.reached() {
		return true
	}
	return !slices.EqualFunc(r.Targets, other.Targets, func(a, b target) bool { return a.reached() == b.reached() })
}

func (t target) reached() bool { return t.Outcome == "changed" || t.Outcome == "unchanged" }

// over reports whether no further delivery could change the result.
func (r result) over() bool {
	return !slices.ContainsFunc(r.Targets, func(t target) bool { return t.Error != nil && t.Error.Retryable })
}

// reached reports whether any user was reached.
func (r result) reached() bool {
	return slices.ContainsFunc(r.Targets, target.reached)
}

// trial is one run.
type trial struct {
	plan
	*functions.Process

	mu     sync.Mutex
	rng    *rand.Rand
	writes chan struct{} // receives a value when Okta gets a request
	twins  sync.WaitGroup
	counts figures
	tasks  map[string]*task // by message id
}

// try does one run.
func (p plan) try(w io.Writer, seed uint64) (figures, error) {
	begun := time.Now()
	t := &trial{plan: p, rng: rand.New(rand.NewPCG(seed, 0)), writes: make(chan struct{}), tasks: map[string]*task{}}
	var err error
	if t.Process, err = functions.Start(functions.Options{Latency: p.latency, Lease: lease, Transport: t, Log: p.log, Observe: t.observe}); err != nil {
		return t.counts, err
	}
	defer t.Close()
	stop := t.killer()
	if err = t.publish(); err == nil {
		err = t.await()
	}
	err = errors.Join(err, stop())
	t.twins.Wait()
	if err != nil {
		return t.counts, err
	}
	t.compare(w)
	t.compareTopics(w)
	if most := t.counts.kills * inFlight; t.counts.unknown > most {
		fmt.Fprintf(w, "not as asked: %d results are unknown, and %d kills can have cut off %d writes\n", t.counts.unknown, t.counts.kills, most)
		t.counts.notAsAsked += t.counts.unknown - most
	}
	t.counts.messages, t.counts.took = p.messages, time.Since(begun)
	return t.counts, nil
}

// publish publishes all messages.
func (t *trial) publish() error {
	for n := range t.messages {
		k := &task{kind: kinds[t.below(len(kinds))]}
		for i := range users {
			seed := k.seed
			seed.Login = fmt.Sprintf("user%d-%d@acme.test", n, i)
			k.logins, k.ids = append(k.logins, seed.Login), append(k.ids, t.Okta.AddUser(seed))
		}
		names, err := json.Marshal(k.logins)
		if err != nil {
			return err
		}
		t.mu.Lock() // its result may come before its id is known
		id, err := pubsub.Publish(context.Background(), t.Broker.Addr, k.group, fmt.Appendf(nil, k.request, names), nil)
		t.tasks[id] = k
		t.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) below(n int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rng.IntN(n)
}

func (t *trial) randomTime(below time.Duration) time.Duration {
	return time.Duration(t.below(int(below)))
}

func (t *trial) observe(o emulator.Observed) {
	if o.Request.Method != http.MethodGet {
		select {
		case t.writes <- struct{}{}:
		default: // no receiver is waiting
		}
	}
}

// killer kills the functions, and starts them again, until it has done so often enough or stop is called.
func (t *trial) killer() (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		for t.counts.kills < t.kills {
			select {
			case <-ctx.Done():
				ended <- nil
				return
			case <-time.After(t.randomTime(t.every)):
			}
			select { // in the middle of the work: others are under way with this one
			case <-ctx.Done():
				ended <- nil
				return
			case <-t.writes:
			}
			t.counts.kills++
			if err := t.Crash(); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	return func() error { cancel(); return <-ended }
}

// await takes results until there is one of every message, or none comes any more.
func (t *trial) await() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	patience := time.AfterFunc(t.patience, cancel)
	left := t.messages
	return pubsub.Follow(ctx, t.Broker.Addr, pubsub.ResultsSubscription, func(m pubsub.Message) bool {
		var r result
		if json.Unmarshal(m.Data, &r) != nil || !r.over() {
			return true
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if k := t.tasks[m.Attributes["message_id"]]; k != nil && k.final == nil {
			k.final = &r
			left--
			patience.Reset(t.patience)
		}
		return left > 0
	})
}

// compareTopics looks for messages of which two things were told.
func (t *trial) compareTopics(w io.Writer) {
	for _, m := range t.Broker.Published(pubsub.ResultsTopic) {
		var r result
		k := t.tasks[m.Attributes["message_id"]]
		if k != nil && k.final != nil && json.Unmarshal(m.Data, &r) == nil && r.over() && r.differs(*k.final) {
			t.counts.differing++
		}
	}
	letters := map[string]bool{}
	for _, m := range t.Broker.Published(pubsub.DeadLetterTopic) {
		id := m.Attributes["message_id"] // none where Pub/Sub has given it up
		k := t.tasks[id]
		if k == nil || letters[id] || k.final == nil || k.final.reached() {
			fmt.Fprintf(w, "differing: the dead letter %v of message %q\n", m.Attributes, id)
			t.counts.differing++
		}
		letters[id] = true
	}
}

// compare compares Okta's state and its requests with the messages and their results.
func (t *trial) compare(w io.Writer) {
	made := map[string]int{}
	for _, r := range t.Okta.Requests() {
		if r.Method != http.MethodGet && r.Status/100 == 2 {
			made[r.Method+" "+r.Path]++
			t.counts.writes++
		}
	}
	for id, k := range t.tasks {
		if k.final == nil || len(k.final.Targets) != users {
			fmt.Fprintf(w, "lost: the result of message %s: %s\n", id, fmt.Sprintf(k.request, k.logins))
			t.counts.lost++
			continue
		}
		for i, login := range k.logins {
			u, _ := t.Okta.User(login)
			target, writes := k.final.Targets[i], made[fmt.Sprintf(k.write, k.ids[i])]
			unknown := k.once && target.Outcome == "failed" && target.Error != nil && target.Error.Code == "unknown_result"
			if writes > 1 {
				t.counts.repeated += writes - 1
			}
			if k.once && max(writes, len(u.Mails)) > 1 { // by whichever write
				t.counts.repeatedOnce++
			}
			if unknown {
				t.counts.unknown++
			}
			if !unknown && (!target.reached() || !k.asAsked(u) || k.once && writes != 1) || target.Input != login {
				fmt.Fprintf(w, "not as asked: %s, %s: told %+v, in Okta %s, written %d times\n", k.write, login, target, u.Status, writes)
				t.counts.notAsAsked++
			}
		}
	}
}

// RoundTrip implements http.RoundTripper: it delivers late, and now and then twice.
func (t *trial) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	send := func(ctx context.Context) (*http.Response, error) {
		copied := r.Clone(ctx)
		copied.Body = io.NopCloser(bytes.NewReader(body))
		time.Sleep(t.randomTime(50 * time.Millisecond))
		return http.DefaultTransport.RoundTrip(copied)
	}
	if t.below(4) == 0 {
		t.mu.Lock()
		t.counts.duplicates++
		t.mu.Unlock()
		t.twins.Go(func() {
			time.Sleep(t.randomTime(500 * time.Millisecond))
			if res, err := send(context.WithoutCancel(r.Context())); err == nil {
				_ = res.Body.Close()
			}
		})
	}
	return send(r.Context())
}
