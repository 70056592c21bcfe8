// Package idempotency lets a request that is sent twice take effect once. Whoever runs a request holds a claim on its key: a
// lease that others respect while it lasts, and that another run takes over when its holder has died. What the run came to
// is kept, so that a repeat of a final one is answered with it, and a repeat of one that was cut short goes on where it
// ended. All of it expires after 24 hours, by what the objects say of themselves.
package idempotency

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	life = 24 * time.Hour // of a key
	// LeaseDuration is how long a run may be silent before it is taken for dead. It is renewed three times in that time; an object
	// is written at most once a second.
	LeaseDuration = time.Minute
	renewals      = 3

	cleanTime = 5 * time.Second // to take back what was not to be there
)

// Errors of a Store, besides those of what it keeps its objects in.
var (
	ErrOtherRequest = errors.New("the key was used for another request")
	ErrLost         = errors.New("another run has taken the claim over")
)

// RunningError says that another run holds the claim.
type RunningError struct{ For time.Duration } // until its lease ends

// Error says so.
func (e *RunningError) Error() string {
	return "the request is being carried out, for at most " + e.For.String()
}

// Store keeps claims.
type Store struct {
	objects Objects
	now     func() time.Time
	lease   time.Duration
	ticks   func(every time.Duration) (ticks <-chan time.Time, stop func())
}

// New makes a Store that keeps its objects there, with leases of so long.
func New(objects Objects, now func() time.Time, lease time.Duration) *Store {
	return &Store{objects, now, lease, func(every time.Duration) (<-chan time.Time, func()) {
		t := time.NewTicker(every)
		return t.C, t.Stop
	}}
}

// Now is the time by the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// RequestKey is what a claim is for. Callers and actions have keys of their own.
type RequestKey struct{ Caller, Action, Text string }

func (k RequestKey) name() string {
	h := sha256.New()
	for _, part := range []string{k.Caller, k.Action, k.Text} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// leaseRecord is the object that says who runs.
type leaseRecord struct {
	Request string    `json:"request"` // hash of the request
	Attempt string    `json:"attempt"` // of the run that holds it
	Until   time.Time `json:"until"`
	Expires time.Time `json:"expires"`
}

// endRecord is the object that says what a run came to.
type endRecord struct {
	Request string                     `json:"request"` // empty: nothing was begun, and the key is free again
	Attempt string                     `json:"attempt"` // whose it is: its lease has ended with it
	Expires time.Time                  `json:"expires"`
	Final   bool                       `json:"final"`
	Reply   json.RawMessage            `json:"reply,omitempty"` // of a final one
	Done    map[string]json.RawMessage `json:"done,omitempty"`  // of one that is not: the targets that were reached
}

// Lease is a run's right to carry a request out.
type Lease struct {
	// Done are the targets that earlier runs have reached, as they were kept.
	Done map[string]json.RawMessage

	store    *Store
	name     string
	lease    leaseRecord
	leaseGen int64 // the fencing token: whoever writes the lease after us has another
	ended    int64 // generation of the result that we go on from; 0: there is none
}

// hash is how a request is told from another: with the text of the key, which is kept nowhere, so that nobody who reads
// the objects can try what the request may have held.
func (k RequestKey) hash(request []byte) string {
	h := hmac.New(sha256.New, []byte(k.Text))
	h.Write(request)
	return hex.EncodeToString(h.Sum(nil))
}

// Begin claims a key for a request. It returns a claim, or the reply of the run that has carried the request out, or why
// there is neither: a RunningError, ErrOtherRequest, or a failure of the store.
func (s *Store) Begin(ctx context.Context, key RequestKey, request []byte) (*Lease, json.RawMessage, error) {
	name, sum := key.name(), key.hash(request)
	const tries = 5 // others who begin at the same time
	for range tries {
		ended, endedGen, err := read[endRecord](ctx, s, name+"/result")
		if err != nil {
			return nil, nil, err
		}
		if ended.Expires.Before(s.now()) {
			ended = endRecord{}
		}
		held, heldGen, err := read[leaseRecord](ctx, s, name+"/lease")
		if err != nil {
			return nil, nil, err
		}
		if held.Expires.Before(s.now()) {
			held = leaseRecord{}
		}
		over := held.Attempt == ended.Attempt // the lease has ended with the result
		left := held.Until.Sub(s.now())
		switch {
		case ended.Request != "" && ended.Request != sum, !over && held.Request != "" && held.Request != sum:
			return nil, nil, ErrOtherRequest
		case ended.Final:
			return nil, ended.Reply, nil
		case !over && left > 0:
			return nil, nil, &RunningError{left}
		}
		c := &Lease{Done: ended.Done, store: s, name: name, ended: endedGen}
		c.lease = leaseRecord{Request: sum, Attempt: rand.Text(), Until: s.now().Add(s.lease), Expires: s.now().Add(life)}
		c.leaseGen, err = c.writeLease(ctx, heldGen)
		if errors.Is(err, ErrChanged) {
			continue // somebody else was faster
		}
		if err != nil {
			return nil, nil, err
		}
		// The run before may have ended between our two looks.
		again, gen, err := read[endRecord](ctx, s, name+"/result")
		if err != nil {
			return nil, nil, err
		}
		if gen != endedGen {
			if again.Final {
				return nil, again.Reply, nil
			}
			c.Done, c.ended = again.Done, gen
		}
		return c, nil, nil
	}
	return nil, nil, &RunningError{time.Second}
}

func (c *Lease) writeLease(ctx context.Context, instead int64) (int64, error) {
	return write(ctx, c.store, c.name+"/lease", c.lease, instead, ObjectLabel{LeaseObject, c.lease.Attempt, c.lease.Expires})
}

// Renew makes the lease last longer. The error is ErrLost where another run has taken it over.
func (c *Lease) Renew(ctx context.Context) error {
	c.lease.Until = c.store.now().Add(c.store.lease)
	for range 2 {
		gen, err := c.writeLease(ctx, c.leaseGen)
		if err == nil {
			c.leaseGen = gen
		}
		if !errors.Is(err, ErrChanged) {
			return err
		}
		// The answer to an earlier renewal of ours may have been lost.
		held, gen, err := read[leaseRecord](ctx, c.store, c.name+"/lease")
		if err != nil {
			return err
		}
		if held.Attempt != c.lease.Attempt {
			return ErrLost
		}
		c.leaseGen = gen
	}
	return ErrLost
}

// KeepAlive renews the lease until ctx ends, and calls lost once another run has it.
func (c *Lease) KeepAlive(ctx context.Context, lost func()) {
	ticks, stop := c.store.ticks(c.store.lease / renewals)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if errors.Is(c.Renew(ctx), ErrLost) {
				lost()
				return
			}
		}
	}
}

// Finish keeps the reply of a final run: it is the answer to every repeat. The lease has ended with it.
func (c *Lease) Finish(ctx context.Context, reply json.RawMessage) error {
	return c.end(ctx, endRecord{Request: c.lease.Request, Final: true, Reply: reply})
}

// Suspend keeps which targets a run has reached that did not reach them all. A repeat goes on with the others, at once.
func (c *Lease) Suspend(ctx context.Context, done map[string]json.RawMessage) error {
	return c.end(ctx, endRecord{Request: c.lease.Request, Done: done})
}

// Forget gives the key back: the request was refused as a whole, and another may come under it.
func (c *Lease) Forget(ctx context.Context) error { return c.end(ctx, endRecord{}) }

func (c *Lease) end(ctx context.Context, r endRecord) error {
	r.Attempt, r.Expires = c.lease.Attempt, c.store.now().Add(life)
	_, err := write(ctx, c.store, c.name+"/result", r, c.ended, ObjectLabel{ResultObject, r.Attempt, r.Expires})
	if errors.Is(err, ErrChanged) {
		return ErrLost
	}
	return err
}

// WriteIntent is what is known of a write that must not happen twice.
type WriteIntent int

// The intents.
const (
	Fresh   WriteIntent = iota // it is ours to make
	Made                       // an earlier run has made it
	Unknown                    // an earlier run has meant to make it, and nobody knows whether it did
)

// writeMark is the object of an intent, or of its end. Each is written once.
type writeMark struct {
	Attempt string    `json:"attempt"`
	Expires time.Time `json:"expires"`
}

// putMark writes a mark unless there is one.
func (c *Lease) putMark(ctx context.Context, name string) error {
	m := writeMark{c.lease.Attempt, c.store.now().Add(life)}
	_, err := write(ctx, c.store, name, m, 0, ObjectLabel{MarkObject, m.Attempt, m.Expires})
	return err
}

// BeginWrite records that a write to a target is about to be sent that must not happen twice, unless one was before.
func (c *Lease) BeginWrite(ctx context.Context, target string) (WriteIntent, error) {
	name := c.target(target)
	for range 2 {
		switch err := c.putMark(ctx, name+"/intent"); {
		case err == nil:
			return Fresh, nil
		case !errors.Is(err, ErrChanged): // it may be there all the same, and would bar every repeat
			cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
			defer cancel()
			_ = c.AbortWrite(cleaning, target)
			return Fresh, err
		}
		made, _, err := read[writeMark](ctx, c.store, name+"/made")
		if err != nil {
			return Unknown, err
		}
		if made.Attempt != "" && made.Expires.After(c.store.now()) {
			return Made, nil
		}
		meant, gen, err := read[writeMark](ctx, c.store, name+"/intent")
		if err != nil || meant.Attempt != "" && meant.Expires.After(c.store.now()) {
			return Unknown, err
		}
		if err := c.store.objects.Delete(ctx, name+"/intent", gen); err != nil && !errors.Is(err, ErrChanged) {
			return Unknown, err
		}
	}
	return Unknown, nil
}

// CommitWrite records that an intended write was made.
func (c *Lease) CommitWrite(ctx context.Context, target string) error {
	if err := c.putMark(ctx, c.target(target)+"/made"); !errors.Is(err, ErrChanged) {
		return err
	}
	return nil
}

// AbortWrite records that an intended write was certainly not made, so that a repeat may make it.
func (c *Lease) AbortWrite(ctx context.Context, target string) error {
	name := c.target(target) + "/intent"
	m, gen, err := read[writeMark](ctx, c.store, name)
	if err != nil || gen == 0 || m.Attempt != c.lease.Attempt {
		return err
	}
	if err := c.store.objects.Delete(ctx, name, gen); !errors.Is(err, ErrChanged) {
		return err
	}
	return nil
}

func (c *Lease) target(text string) string {
	sum := sha256.Sum256([]byte(text))
	return c.name + "/targets/" + hex.EncodeToString(sum[:16])
}

// read reads an object; the zero value and generation 0 where there is none.
func read[T any](ctx context.Context, s *Store, name string) (v T, generation int64, err error) {
	data, generation, err := s.objects.Read(ctx, name)
	if errors.Is(err, ErrNone) {
		return v, 0, nil
	}
	if err != nil {
		return v, 0, fmt.Errorf("reading a claim: %w", err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, 0, fmt.Errorf("reading a claim: generation %d is not one: %w", generation, err)
	}
	return v, generation, nil
}

// write writes an object in the place of a generation, 0 for none. A write whose answer was lost, and that was made again,
// finds itself.
func write(ctx context.Context, s *Store, name string, v any, instead int64, l ObjectLabel) (int64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("writing a claim: %w", err)
	}
	gen, err := s.objects.Write(ctx, name, data, instead, l)
	switch {
	case errors.Is(err, ErrChanged):
		if there, gen, err := s.objects.Read(ctx, name); err == nil && string(there) == string(data) {
			return gen, nil
		}
		return 0, ErrChanged
	case err != nil:
		return 0, fmt.Errorf("writing a claim: %w", err)
	}
	return gen, nil
}
