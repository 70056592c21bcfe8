package guardrail_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"example.com/okta-secops/internal/bucket"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

// stores are the two implementations of Store, each empty.
func stores(t *testing.T) map[string]guardrail.Store {
	t.Helper()
	storage, err := fakegcp.NewStorage("changes")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(storage.Close)
	connection := bucket.New("changes", storage.Options()...)
	return map[string]guardrail.Store{"memory": &guardrail.Memory{}, "bucket": guardrail.NewBucket(connection)}
}

func everyChange(string, string) bool { return true }

func limit(most int) []guardrail.HourLimit {
	return []guardrail.HourLimit{{Most: most, Counts: everyChange}}
}

// names returns n users from first on.
func names(first, n int) []string {
	var users []string
	for i := range n {
		users = append(users, fmt.Sprintf("00u%d", first+i))
	}
	return users
}

func TestCounter_CountsDifferentUsersOfTheHour(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		clock := testkit.NewClock()
		c := guardrail.NewCounter(store, clock.Now)
		for i, step := range []struct {
			users   []string
			exceeds bool
		}{
			{names(0, 3), false}, {names(0, 3), false}, // the same users again
			{names(2, 2), false}, {names(3, 2), true}, {names(3, 1), false}, {names(4, 1), true},
		} {
			use := guardrail.Use{ID: fmt.Sprint("run", i), Caller: "soar", Action: "disable-user", Users: step.users}
			checked, err := c.Check(t.Context(), use, limit(4))
			if err != nil || (checked != nil) != step.exceeds {
				t.Errorf("%s: step %d, check: %+v %v", name, i, checked, err)
			}
			got, err := c.Claim(t.Context(), use, limit(4))
			if err != nil || (got != nil) != step.exceeds {
				t.Errorf("%s: step %d: %+v %v", name, i, got, err)
			}
			if got != nil && (got.Counted != 4 || got.Most != 4 || !got.Until.Equal(testkit.Now.Add(time.Hour))) {
				t.Errorf("%s: step %d: %+v", name, i, got)
			}
		}
		clock.Advance(time.Hour)
		if got, err := c.Claim(t.Context(), guardrail.Use{ID: "next", Users: names(4, 4)}, limit(4)); got != nil || err != nil {
			t.Errorf("%s: in the next hour: %+v %v", name, got, err)
		}
	}
}

func TestCounter_LimitsCountTheirCallersAndActions(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		c := guardrail.NewCounter(store, testkit.NewClock().Now)
		robot := []guardrail.HourLimit{{Most: 2, Counts: func(caller, action string) bool {
			return caller == "robot" && action == "disable-user"
		}}}
		for i, step := range []struct {
			caller, action string
			exceeds        bool
		}{
			{"soar", "disable-user", false}, {"robot", "enable-user", false}, {"robot", "disable-user", false},
			{"robot", "disable-user", false}, {"robot", "disable-user", true},
		} {
			use := guardrail.Use{ID: fmt.Sprint("run", i), Caller: step.caller, Action: step.action, Users: names(i, 1)}
			limits := robot
			if step.caller != "robot" || step.action != "disable-user" {
				limits = nil
			}
			if got, err := c.Claim(t.Context(), use, limits); err != nil || (got != nil) != step.exceeds {
				t.Errorf("%s: step %d: %+v %v", name, i, got, err)
			}
		}
	}
}

func TestCounter_ManyUsersNeedSeveralObjects(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		c := guardrail.NewCounter(store, testkit.NewClock().Now)
		for i, exceeds := range []bool{false, true} {
			use := guardrail.Use{ID: fmt.Sprint("run", i), Users: names(1200*i, 1200)}
			if got, err := c.Claim(t.Context(), use, limit(1200)); err != nil || (got != nil) != exceeds {
				t.Errorf("%s: %+v %v", name, got, err)
			}
		}
	}
}

// raced is a Store in which another run claims users between the two lists of a Claim.
type raced struct {
	guardrail.Store
	before func()
}

func (r *raced) Create(ctx context.Context, name string, metadata map[string]string) error {
	if before := r.before; before != nil {
		r.before = nil
		before()
	}
	return r.Store.Create(ctx, name, metadata)
}

// TestCounter_LaterOfTwoIsRefusedAndNotCounted: of two runs at the same time, only the one whose claim was complete first
// changes its users, and the users of the other do not count.
func TestCounter_LaterOfTwoIsRefusedAndNotCounted(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		now := testkit.NewClock().Now
		other := guardrail.NewCounter(store, now)
		claim := func(c *guardrail.Counter, id string, users []string) *guardrail.HourExceeded {
			got, err := c.Claim(t.Context(), guardrail.Use{ID: id, Users: users}, limit(100))
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return got
		}
		late := guardrail.NewCounter(&raced{store, func() {
			if got := claim(other, "first", names(0, 60)); got != nil {
				t.Errorf("%s: the first: %+v", name, got)
			}
		}}, now)
		if got := claim(late, "second", names(100, 60)); got == nil {
			t.Errorf("%s: both were allowed", name)
		}
		if got := claim(other, "third", names(200, 40)); got != nil {
			t.Errorf("%s: the refused users count: %+v", name, got)
		}
	}
}

func TestCounter_StoreFailureIsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	connection := bucket.New("missing", fakegcp.StorageOptions("http://127.0.0.1:1")...)
	c := guardrail.NewCounter(guardrail.NewBucket(connection), testkit.NewClock().Now)
	if _, err := c.Claim(ctx, guardrail.Use{ID: "run", Users: names(0, 1)}, limit(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// unlisted is a store whose list fails once a claim is stored.
type unlisted struct {
	guardrail.Store
	created bool
}

func (u *unlisted) Create(ctx context.Context, name string, metadata map[string]string) error {
	u.created = true
	return u.Store.Create(ctx, name, metadata)
}

func (u *unlisted) List(ctx context.Context, prefix string) ([]guardrail.Object, error) {
	if u.created {
		return nil, errors.New("503")
	}
	return u.Store.List(ctx, prefix)
}

// TestCounter_ClaimOfAFailedRunDoesNotCount: nothing is changed after the failure.
func TestCounter_ClaimOfAFailedRunDoesNotCount(t *testing.T) {
	t.Parallel()
	memory := &guardrail.Memory{}
	broken := guardrail.NewCounter(&unlisted{Store: memory}, time.Now)
	if _, err := broken.Claim(t.Context(), guardrail.Use{ID: "first", Users: names(0, 5)}, limit(5)); err == nil {
		t.Fatal("the claim succeeds")
	}
	exceeded, err := guardrail.NewCounter(memory, time.Now).Claim(t.Context(), guardrail.Use{ID: "second", Users: names(5, 5)}, limit(5))
	if exceeded != nil || err != nil {
		t.Errorf("%+v %v", exceeded, err)
	}
}
