// Package idempotency makes a request that is sent twice take effect once. The execution of a
// request holds a lease on the idempotency record of its key. Other executions respect the lease
// until it expires, and then take it over. The record stores the reply of a finished execution,
// which answers later requests with the key, or the completed targets of an interrupted one, which
// the next execution skips. Records expire after 24 hours.
//
// Methods that use the store return its errors wrapped, besides the errors that they document.
package idempotency

import (
	"cmp"
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
	life = 24 * time.Hour // of a record
	// LeaseDuration is the time after which another execution takes over a lease that was not renewed.
	// The lease is renewed three times in that time. Cloud Storage limits the writes to one object to
	// one per second.
	LeaseDuration = time.Minute
	renewals      = 3

	abortTimeout = 5 * time.Second // for deleting an intent whose write failed
)

// Errors of a Store and of a Lease.
var (
	ErrOtherRequest = errors.New("the idempotency key was used for another request")
	ErrLost         = errors.New("another execution has taken over the lease")
)

// RunningError is the error of Begin if another execution holds the lease.
type RunningError struct {
	For time.Duration // until the lease expires
}

// Error implements error.
func (e *RunningError) Error() string {
	return "another execution of the request holds the lease, for at most " + e.For.String()
}

// Store stores idempotency records.
type Store struct {
	objects Objects
	now     func() time.Time
	lease   time.Duration
	ticks   func(every time.Duration) (ticks <-chan time.Time, stop func())
}

// New returns a Store that stores its records in objects and whose leases have the given duration.
func New(objects Objects, now func() time.Time, lease time.Duration) *Store {
	return &Store{objects, now, lease, func(every time.Duration) (<-chan time.Time, func()) {
		t := time.NewTicker(every)
		return t.C, t.Stop
	}}
}

// Now returns the time of the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// RequestKey identifies an idempotency record: the key that the caller sent, for one action.
type RequestKey struct {
	Caller, Action, Text string
	// Writes is the Text under which the non-idempotent writes are recorded, if requests share them; "": Text.
	Writes string
}

func (k RequestKey) name() string {
	h := sha256.New()
	for _, part := range []string{k.Caller, k.Action, k.Text} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hash identifies a request. It is an HMAC with the text of the key, which is not stored, so that a
// reader of the objects cannot test guesses of the request.
func (k RequestKey) hash(request []byte) string {
	h := hmac.New(sha256.New, []byte(k.Text))
	h.Write(request)
	return hex.EncodeToString(h.Sum(nil))
}

// leaseRecord is the object of the execution that holds the lease.
type leaseRecord struct {
	Request string    `json:"request"` // hash
	Attempt string    `json:"attempt"` // ID of the execution
	Until   time.Time `json:"until"`
	Expires time.Time `json:"expires"`
}

// resultRecord is the object of the result of an execution.
type resultRecord struct {
	Request string                     `json:"request"` // hash; empty: the key can be used for another request
	Attempt string                     `json:"attempt"` // ID of the execution, whose lease ends with the result
	Expires time.Time                  `json:"expires"`
	Final   bool                       `json:"final"`
	Reply   json.RawMessage            `json:"reply,omitempty"` // if Final
	Done    map[string]json.RawMessage `json:"done,omitempty"`  // the completed targets, if not Final
}

// Lease is the right of one execution to carry out a request.
type Lease struct {
	// Done are the targets that earlier executions completed, with the values given to Suspend.
	Done map[string]json.RawMessage

	store     *Store
	name      string
	writes    string // the record with the marks of the writes
	lease     leaseRecord
	leaseGen  int64 // the fencing token: it changes if another execution takes over the lease
	resultGen int64 // of the result of the execution before; 0: none
}

// record is the current state of an idempotency record. Expired objects are zero.
type record struct {
	result              resultRecord
	lease               leaseRecord
	resultGen, leaseGen int64
}

func (s *Store) readRecord(ctx context.Context, name string) (r record, err error) {
	if r.result, r.resultGen, err = read[resultRecord](ctx, s, name+"/result"); err != nil {
		return record{}, err
	}
	if r.result.Expires.Before(s.now()) {
		r.result = resultRecord{}
	}
	if r.lease, r.leaseGen, err = read[leaseRecord](ctx, s, name+"/lease"); err != nil {
		return record{}, err
	}
	if r.lease.Expires.Before(s.now()) {
		r.lease = leaseRecord{}
	}
	return r, nil
}

// running reports whether an execution has not written its result. It may have crashed.
func (r record) running() bool { return r.lease.Attempt != r.result.Attempt }

// isOf reports whether the record can be used for the request with that hash.
func (r record) isOf(sum string) bool {
	return (r.result.Request == "" || r.result.Request == sum) &&
		(!r.running() || r.lease.Request == "" || r.lease.Request == sum)
}

// Begin acquires the lease of a key for a request. It returns the lease, or the reply of the
// execution that has carried out the request. The error is a *RunningError, ErrOtherRequest, or an
// error of the store.
func (s *Store) Begin(ctx context.Context, key RequestKey, request []byte) (*Lease, json.RawMessage, error) {
	name, sum := key.name(), key.hash(request)
	const attempts = 5 // each fails only if another execution wrote the lease at the same time
	for range attempts {
		r, err := s.readRecord(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		left := r.lease.Until.Sub(s.now())
		switch {
		case !r.isOf(sum):
			return nil, nil, ErrOtherRequest
		case r.result.Final:
			return nil, r.result.Reply, nil
		case r.running() && left > 0:
			return nil, nil, &RunningError{left}
		}
		lease, reply, err := s.acquire(ctx, key, sum, r)
		if !errors.Is(err, ErrChanged) {
			return lease, reply, err
		}
	}
	return nil, nil, &RunningError{time.Second}
}

// acquire writes the lease if the record has not changed, or returns ErrChanged.
func (s *Store) acquire(ctx context.Context, key RequestKey, sum string, r record) (*Lease, json.RawMessage, error) {
	name, writes := key.name(), key
	writes.Text = cmp.Or(key.Writes, key.Text)
	l := &Lease{
		Done: r.result.Done, store: s, name: name, writes: writes.name(), resultGen: r.resultGen,
	}
	l.lease = leaseRecord{
		Request: sum, Attempt: rand.Text(), Until: s.now().Add(s.lease), Expires: s.now().Add(life),
	}
	var err error
	if l.leaseGen, err = l.writeLease(ctx, r.leaseGen); err != nil {
		return nil, nil, err
	}
	// The execution before may have written its result after readRecord.
	result, gen, err := read[resultRecord](ctx, s, name+"/result")
	switch {
	case err != nil:
		return nil, nil, err
	case gen == r.resultGen:
		return l, nil, nil
	case result.Final:
		return nil, result.Reply, nil
	}
	l.Done, l.resultGen = result.Done, gen
	return l, nil, nil
}

// Peek returns the reply of the execution that has carried out a request, nil if none has.
func (s *Store) Peek(ctx context.Context, key RequestKey) (json.RawMessage, error) {
	result, _, err := read[resultRecord](ctx, s, key.name()+"/result")
	if err != nil || !result.Final || result.Expires.Before(s.now()) {
		return nil, err
	}
	return result.Reply, nil
}

func (l *Lease) writeLease(ctx context.Context, instead int64) (int64, error) {
	label := ObjectLabel{LeaseObject, l.lease.Attempt, l.lease.Expires}
	return write(ctx, l.store, l.name+"/lease", l.lease, instead, label)
}

// Renew extends the lease. It returns ErrLost if another execution has taken it over.
func (l *Lease) Renew(ctx context.Context) error {
	l.lease.Until = l.store.now().Add(l.store.lease)
	for range 2 {
		gen, err := l.writeLease(ctx, l.leaseGen)
		if err == nil {
			l.leaseGen = gen
		}
		if !errors.Is(err, ErrChanged) {
			return err
		}
		// The response to an earlier renewal of this lease may have been lost.
		current, gen, err := read[leaseRecord](ctx, l.store, l.name+"/lease")
		if err != nil {
			return err
		}
		if current.Attempt != l.lease.Attempt {
			return ErrLost
		}
		l.leaseGen = gen
	}
	return ErrLost
}

// KeepAlive renews the lease until ctx ends. If another execution has taken it over, KeepAlive
// calls lost and returns.
func (l *Lease) KeepAlive(ctx context.Context, lost func()) {
	ticks, stop := l.store.ticks(l.store.lease / renewals)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if errors.Is(l.Renew(ctx), ErrLost) {
				lost()
				return
			}
		}
	}
}

// Finish ends the lease and stores the reply, which Begin returns for every later request with the
// key. It returns ErrLost if another execution has taken over the lease.
func (l *Lease) Finish(ctx context.Context, reply json.RawMessage) error {
	return l.end(ctx, resultRecord{Request: l.lease.Request, Final: true, Reply: reply})
}

// Suspend ends the lease and stores the completed targets, which the next lease has in Done. It
// returns ErrLost if another execution has taken over the lease.
func (l *Lease) Suspend(ctx context.Context, done map[string]json.RawMessage) error {
	return l.end(ctx, resultRecord{Request: l.lease.Request, Done: done})
}

// Forget ends the lease of a request that was rejected as a whole, so that the key can be used for
// another request. It returns ErrLost if another execution has taken over the lease.
func (l *Lease) Forget(ctx context.Context) error { return l.end(ctx, resultRecord{}) }

func (l *Lease) end(ctx context.Context, r resultRecord) error {
	r.Attempt, r.Expires = l.lease.Attempt, l.store.now().Add(life)
	_, err := write(ctx, l.store, l.name+"/result", r, l.resultGen, ObjectLabel{ResultObject, r.Attempt, r.Expires})
	if errors.Is(err, ErrChanged) {
		return ErrLost
	}
	return err
}

// read returns a decoded object, or the zero value and generation 0 if it does not exist.
func read[T any](ctx context.Context, s *Store, name string) (v T, generation int64, err error) {
	data, generation, err := s.objects.Read(ctx, name)
	if errors.Is(err, ErrNone) {
		return v, 0, nil
	}
	if err != nil {
		return v, 0, fmt.Errorf("reading an idempotency record: %w", err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, 0, fmt.Errorf("decoding an idempotency record, generation %d: %w", generation, err)
	}
	return v, generation, nil
}

// write replaces the given generation of an object, 0 for none, or returns ErrChanged. If the
// client retried a write whose response was lost, the object is already as written, and write
// succeeds.
func write(ctx context.Context, s *Store, name string, v any, instead int64, l ObjectLabel) (int64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("writing an idempotency record: %w", err)
	}
	gen, err := s.objects.Write(ctx, name, data, instead, l)
	switch {
	case errors.Is(err, ErrChanged):
		if there, gen, err := s.objects.Read(ctx, name); err == nil && string(there) == string(data) {
			return gen, nil
		}
		return 0, ErrChanged
	case err != nil:
		return 0, fmt.Errorf("writing an idempotency record: %w", err)
	}
	return gen, nil
}
