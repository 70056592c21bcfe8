package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/internal/jobs"
)

func TestStore_KeepsAJobAsItWasSubmitted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	s := jobs.NewStore(&idempotency.Memory{Now: func() time.Time { return now }}, func() time.Time { return now })
	j := jobs.Job{ID: jobs.NewID(), Group: "users", Action: "disable-user", Caller: "soar", Names: 2, Batches: []json.RawMessage{[]byte(`{"a":1}`)}}
	if err := s.Create(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	changed := j
	changed.Caller = "another"
	if err := s.Create(t.Context(), changed); err != nil { // as a retry of the first does
		t.Fatal(err)
	}
	got, err := s.Read(t.Context(), j.ID)
	j.Submitted, j.Ends = now, now.Add(jobs.Life)
	if diff := cmp.Diff(j, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for range 2 {
		if was, err := s.Canceled(t.Context(), j); err != nil || was {
			t.Errorf("canceled: %v, %v", was, err)
		}
	}
	for range 2 {
		if err := s.Cancel(t.Context(), j); err != nil {
			t.Error(err)
		}
		if is, err := s.Canceled(t.Context(), j); err != nil || !is {
			t.Errorf("canceled: %v, %v", is, err)
		}
	}
	now = now.Add(jobs.Life + time.Hour)
	if err := s.Create(t.Context(), jobs.Job{ID: jobs.NewID()}); err != nil { // the store drops what has expired
		t.Error(err)
	}
	if _, err := s.Read(t.Context(), j.ID); !errors.Is(err, jobs.ErrUnknown) {
		t.Errorf("after its life: %v", err)
	}
}

func TestStore_ReportsFailures(t *testing.T) {
	t.Parallel()
	s := jobs.NewStore(&idempotency.Memory{}, time.Now)
	for _, id := range []string{"", "x", "../AAAAAAAAAAAAAAAAAAAAAAAA", jobs.NewID()} {
		if _, err := s.Read(t.Context(), id); !errors.Is(err, jobs.ErrUnknown) {
			t.Errorf("%q: %v", id, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Create(ended, jobs.Job{ID: jobs.NewID()}); err == nil {
		t.Error("no error")
	}
	if _, err := s.Read(ended, jobs.NewID()); err == nil || errors.Is(err, jobs.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if is, err := s.Canceled(ended, jobs.Job{ID: jobs.NewID()}); err == nil || is {
		t.Errorf("%v %v", is, err)
	}
}

func TestReserve_KeepsTheFirstIDOfARequest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	s := jobs.NewStore(&idempotency.Memory{Now: func() time.Time { return now }}, func() time.Time { return now })
	for _, c := range []struct{ request, id, want string }{{"r1", "A", "A"}, {"r1", "B", "A"}, {"r2", "C", "C"}, {"r1", "D", "A"}} {
		if got, err := s.Reserve(t.Context(), c.request, c.id); err != nil || got != c.want {
			t.Errorf("%+v: %s %v", c, got, err)
		}
	}
	now = now.Add(jobs.Life)
	if got, err := s.Reserve(t.Context(), "r1", "E"); err != nil || got != "E" { // the key may be used again
		t.Errorf("%s %v", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Reserve(ended, "r3", "F"); err == nil {
		t.Error("no error")
	}
}
