// Package jobs stores long requests that are carried out in batches: a record when the job is submitted, a decision
// about each batch when it begins or is dropped, and a mark when the job is canceled. Each object is written once. The
// outcome of a batch is an idempotency record.
//
// Methods return the errors of the store wrapped, besides ErrUnknown.
package jobs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/okta-secops/internal/idempotency"
)

// The times of a job. The outcomes of its batches are kept for 24 hours.
const (
	Life = 20 * time.Hour // until batches that have not ended are given up
	kept = 23 * time.Hour // while its outcomes are known
)

// ErrUnknown is the error for an ID of no job.
var ErrUnknown = errors.New("there is no such job")

// Job is a job as it was submitted. It is stored once and not changed.
type Job struct {
	ID           string            `json:"id"`
	Group        string            `json:"group"`
	Action       string            `json:"action"` // slug
	InvocationID string            `json:"invocation_id"`
	CallerAuth   string            `json:"caller_auth"`
	Caller       string            `json:"caller"`
	ShownKey     string            `json:"idempotency_key,omitempty"` // as records show it
	Org          string            `json:"org"`
	Names        int               `json:"names"` // of users
	Warnings     []string          `json:"warnings"`
	Batches      []json.RawMessage `json:"batches"` // requests
	Submitted    time.Time         `json:"submitted"`
	Ends         time.Time         `json:"ends"` // batches that have not ended by then are given up
}

// Store stores jobs.
type Store struct {
	objects idempotency.Objects
	now     func() time.Time
}

// NewStore returns a Store that stores jobs in objects.
func NewStore(objects idempotency.Objects, now func() time.Time) *Store { return &Store{objects, now} }

// Now returns the time of the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// id matches the IDs of jobs, which cannot be guessed.
var id = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// NewID returns an ID.
func NewID() string { return rand.Text() }

// reservation is the ID of the job of a request that may be submitted again.
type reservation struct {
	ID   string    `json:"id"`
	Ends time.Time `json:"ends"`
}

// Reserve returns the ID of the job of a request with a key. The first call stores the given one, before anything of
// the job is done, so that a submission that was interrupted goes on with the same job. request distinguishes requests;
// the object does not hold it.
func (s *Store) Reserve(ctx context.Context, request, newID string) (string, error) {
	sum := sha256.Sum256([]byte(request))
	where := "job-of-" + hex.EncodeToString(sum[:]) + "/id"
	for range 2 {
		var r reservation
		data, generation, err := s.objects.Read(ctx, where)
		switch {
		case err != nil && !errors.Is(err, idempotency.ErrNone):
			return "", fmt.Errorf("reading the ID of a job: %w", err)
		case err == nil && json.Unmarshal(data, &r) == nil && s.now().Before(r.Ends):
			return r.ID, nil
		}
		r = reservation{newID, s.now().Add(Life)}
		if data, err = json.Marshal(r); err != nil {
			return "", err
		}
		label := idempotency.ObjectLabel{Kind: idempotency.MarkObject, Attempt: newID, Expires: r.Ends}
		if _, err = s.objects.Write(ctx, where, data, generation, label); err == nil {
			return newID, nil
		}
		if !errors.Is(err, idempotency.ErrChanged) {
			return "", fmt.Errorf("storing the ID of a job: %w", err)
		}
	}
	return "", errors.New("storing the ID of a job: it was stored by another request")
}

// Create stores a job, unless it is stored already. It sets the times of the job.
func (s *Store) Create(ctx context.Context, j Job) error {
	j.Submitted = s.now().UTC()
	j.Ends = j.Submitted.Add(Life)
	data, err := json.Marshal(j)
	if err == nil {
		err = s.put(ctx, j.ID, "job", data, j.Ends, idempotency.LeaseObject)
	}
	return err
}

// Read returns a job, or ErrUnknown.
func (s *Store) Read(ctx context.Context, jobID string) (Job, error) {
	var j Job
	if !id.MatchString(jobID) {
		return j, ErrUnknown
	}
	data, _, err := s.objects.Read(ctx, name(jobID, "job"))
	switch {
	case errors.Is(err, idempotency.ErrNone):
		return j, ErrUnknown
	case err != nil:
		return j, fmt.Errorf("reading a job: %w", err)
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return j, fmt.Errorf("decoding a job: %w", err)
	}
	if s.now().After(j.Submitted.Add(kept)) {
		return Job{}, ErrUnknown
	}
	return j, nil
}

// The decisions about a batch.
const (
	begun    = "begun"
	canceled = "canceled"
)

// Begin reports whether a batch is to be carried out. The first of Begin and Cancel decides, for good.
func (s *Store) Begin(ctx context.Context, j Job, batch int) (bool, error) {
	is, err := s.Canceled(ctx, j)
	if err != nil {
		return false, err
	}
	want := begun
	if is {
		want = canceled
	}
	decided, err := s.decide(ctx, j, batch, want)
	return decided == begun, err
}

// End notes that the result of a job was published: a store with limited memory may drop the job then.
func (s *Store) End(ctx context.Context, j Job) error {
	return s.put(ctx, j.ID, "ended", []byte("true"), j.Ends, idempotency.ResultObject)
}

// Cancel marks the job, and drops the batches that have not begun.
func (s *Store) Cancel(ctx context.Context, j Job) error {
	if err := s.put(ctx, j.ID, canceled, []byte("true"), j.Ends, idempotency.MarkObject); err != nil {
		return err
	}
	var dropping errgroup.Group
	dropping.SetLimit(16)
	for n := range j.Batches {
		dropping.Go(func() error {
			_, err := s.decide(ctx, j, n, canceled)
			return err
		})
	}
	return dropping.Wait()
}

// Canceled reports whether Cancel has marked the job.
func (s *Store) Canceled(ctx context.Context, j Job) (bool, error) {
	mark, err := s.get(ctx, j, canceled)
	return mark != "", err
}

// Dropped reports whether a batch is not carried out because the job was canceled before it began.
func (s *Store) Dropped(ctx context.Context, j Job, batch int) (bool, error) {
	decided, err := s.get(ctx, j, batchName(batch))
	return decided == canceled, err
}

// decide stores a decision about a batch unless there is one, and returns the one that is stored.
func (s *Store) decide(ctx context.Context, j Job, batch int, decision string) (string, error) {
	if err := s.put(ctx, j.ID, batchName(batch), []byte(decision), j.Ends, idempotency.MarkObject); err != nil {
		return "", err
	}
	return s.get(ctx, j, batchName(batch))
}

func batchName(batch int) string { return "batch-" + strconv.Itoa(batch) }

// get returns an object of a job, "" if there is none.
func (s *Store) get(ctx context.Context, j Job, kind string) (string, error) {
	data, _, err := s.objects.Read(ctx, name(j.ID, kind))
	switch {
	case errors.Is(err, idempotency.ErrNone):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("reading a job: %w", err)
	}
	return string(data), nil
}

// put creates an object. An object that exists is as it should be: each is written once.
func (s *Store) put(
	ctx context.Context, jobID, kind string, data []byte, expires time.Time, object idempotency.ObjectKind,
) error {
	label := idempotency.ObjectLabel{Kind: object, Attempt: jobID, Expires: expires}
	_, err := s.objects.Write(ctx, name(jobID, kind), data, 0, label)
	if err != nil && !errors.Is(err, idempotency.ErrChanged) {
		return fmt.Errorf("storing a job: %w", err)
	}
	return nil
}

func name(jobID, kind string) string { return "job-" + jobID + "/" + kind }
