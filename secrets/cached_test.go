package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const tokenRef = "projects/acme/secrets/token/versions/latest"

// cache is a Cached over a store of which a test decides what it holds, and when it answers.
type cache struct {
	*Cached
	now time.Time
	log bytes.Buffer

	mu      sync.Mutex
	holds   string
	version int
	err     error
	reads   int
	gate    chan struct{} // nil: reads end at once
}

// newCache returns one whose store holds a first version.
func newCache() *cache {
	c := &cache{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	c.Cached = NewCached(storeOf{c}, func() time.Time { return c.now }, func() *slog.Logger { return slog.New(slog.NewTextHandler(&c.log, nil)) })
	c.add(hidden + "-1")
	return c
}

func (c *cache) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds, c.err = text, nil
	c.version++
}

func (c *cache) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// read is how often the store was read since it was last asked.
func (c *cache) read() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.reads
	c.reads = 0
	return n
}

// storeOf is the Source below a cache.
type storeOf struct{ *cache }

func (s storeOf) Get(_ context.Context, ref string) (Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	text, err, version, gate := s.holds, s.err, s.version, s.gate
	if gate != nil {
		s.mu.Unlock()
		<-gate
		s.mu.Lock()
	}
	if err != nil {
		return Value{}, failed(ref, err)
	}
	return value(ref, strings.Replace(ref, "latest", fmt.Sprint(version), 1), text)
}

// want asks for the token and wants it after so many reads.
func (c *cache) want(t *testing.T, text string, reads int) {
	t.Helper()
	got, err := c.Get(t.Context(), tokenRef)
	if n := c.read(); err != nil || got.Reveal() != text || n != reads {
		t.Errorf("%q, %v after %d reads; want %q after %d", got.Reveal(), err, n, text, reads)
	}
}

// wantRefresh refuses a value and wants another after so many reads.
func (c *cache) wantRefresh(t *testing.T, refused, text string, reads int) {
	t.Helper()
	got, err := c.Refresh(t.Context(), tokenRef, New(refused))
	if n := c.read(); err != nil || got.Reveal() != text || n != reads {
		t.Errorf("in the place of %q: %q, %v after %d reads; want %q after %d", refused, got.Reveal(), err, n, text, reads)
	}
}

var errDown = errors.New("the store is down")

func TestASecretIsReadAgainWithinFiveMinutes(t *testing.T) {
	t.Parallel()
	ages := map[time.Duration]bool{}
	for range 20 {
		c := newCache()
		c.want(t, hidden+"-1", 1)
		c.add(hidden + "-2")
		c.now = c.now.Add(4*time.Minute - 1)
		c.want(t, hidden+"-1", 0)
		age := 4*time.Minute - 1
		for c.reads == 0 && age < 6*time.Minute {
			age += time.Second
			c.now = c.now.Add(time.Second)
			if _, err := c.Get(t.Context(), tokenRef); err != nil {
				t.Fatal(err)
			}
		}
		c.read()
		c.want(t, hidden+"-2", 0)
		if age > 5*time.Minute {
			t.Errorf("read after %s", age)
		}
		ages[age] = true
	}
	if len(ages) < 3 {
		t.Errorf("20 instances that began together read together: %v", ages)
	}
}

func TestThoseWhoNeedASecretAtTheSameTimeReadItOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache()
		c.gate = make(chan struct{})
		first, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Get(first, tokenRef); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), tokenRef) {
				t.Errorf("who gave up is told %v", err)
			}
		})
		synctest.Wait()
		for range 50 {
			all.Go(func() {
				if got, err := c.Get(t.Context(), tokenRef); err != nil || got.Reveal() != hidden+"-1" {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		cancel() // the others still wait for what the first one began
		synctest.Wait()
		close(c.gate)
		all.Wait()
		if n := c.read(); n != 1 {
			t.Errorf("%d reads", n)
		}
	})
}

func TestASecretThatCannotBeReadGoesOnBeingUsedForAnHour(t *testing.T) {
	t.Parallel()
	c := newCache()
	c.want(t, hidden+"-1", 1)
	begun := c.now
	c.fail(errDown)
	c.now = begun.Add(10 * time.Minute)
	c.want(t, hidden+"-1", 1)
	c.want(t, hidden+"-1", 0) // not tried again at once
	if log := c.log.String(); !strings.Contains(log, "WARN") || !strings.Contains(log, "versions/1") || !strings.Contains(log, "age=10m0s") || !strings.Contains(log, errDown.Error()) {
		t.Errorf("log: %s", log)
	}
	c.now = c.now.Add(30 * time.Second)
	c.want(t, hidden+"-1", 1)
	c.now = begun.Add(time.Hour - 1)
	c.want(t, hidden+"-1", 1)
	c.now = begun.Add(time.Hour - 1 + 30*time.Second)
	for range 2 {
		if got, err := c.Get(t.Context(), tokenRef); !errors.Is(err, errDown) || !got.IsZero() || c.read() != 1 {
			t.Errorf("after an hour: %v", err)
		}
	}
	c.add(hidden + "-2")
	c.want(t, hidden+"-2", 1)
}

// TestWhatIsSaidForCertainIsObeyed: whoever disables a version, or takes the role away, means it.
func TestWhatIsSaidForCertainIsObeyed(t *testing.T) {
	t.Parallel()
	for _, certain := range []error{ErrNotFound, ErrEmpty, ErrDenied, ErrDisabled, ErrUnsupported} {
		c := newCache()
		c.want(t, hidden+"-1", 1)
		c.now = c.now.Add(5 * time.Minute)
		for _, err := range []error{certain, errDown} { // what was given up does not come back
			c.fail(err)
			got, told := c.Get(t.Context(), tokenRef)
			refused(t, got, told, err, tokenRef)
		}
		c.read()
		c.add(hidden + "-2")
		c.want(t, hidden+"-2", 1)
	}
}

func TestAFailureIsNotKept(t *testing.T) {
	t.Parallel()
	c := newCache()
	for _, err := range []error{errDown, ErrDenied} {
		c.fail(err)
		got, told := c.Get(t.Context(), tokenRef)
		refused(t, got, told, err, tokenRef)
	}
	c.add(hidden)
	c.read()
	c.want(t, hidden, 1)
}

func TestARefusedSecretIsReadPastTheCacheOnceInThirtySeconds(t *testing.T) {
	t.Parallel()
	c := newCache()
	a, b, third := hidden+"-1", hidden+"-2", hidden+"-3"
	c.want(t, a, 1)
	c.add(b)
	c.wantRefresh(t, a, b, 1)
	c.want(t, b, 0)
	c.wantRefresh(t, a, b, 0) // another caller has read it
	c.add(third)
	c.now = c.now.Add(30*time.Second - 1)
	c.wantRefresh(t, a, b, 0)
	c.wantRefresh(t, b, b, 0)
	c.now = c.now.Add(1)
	c.wantRefresh(t, b, third, 1)
	c.now = c.now.Add(30 * time.Second)
	c.wantRefresh(t, third, third, 1) // nothing has come
	c.wantRefresh(t, third, third, 0)
	if log := c.log.String(); strings.Contains(log, hidden) || strings.Count(log, "\n") != 3 {
		t.Errorf("log: %s", log)
	}
	for _, version := range []string{"versions/1", "versions/2", "versions/3"} {
		if !strings.Contains(c.log.String(), version) {
			t.Errorf("%s is not in the log: %s", version, c.log.String())
		}
	}
}

func TestARefusedSecretThatCannotBeReadIsAnotherMatter(t *testing.T) {
	t.Parallel()
	c := newCache()
	c.want(t, hidden+"-1", 1)
	c.fail(errDown)
	c.wantRefresh(t, hidden+"-1", hidden+"-1", 1)
	c.now = c.now.Add(30 * time.Second)
	c.fail(ErrDisabled)
	if got, err := c.Refresh(t.Context(), tokenRef, New(hidden+"-1")); !errors.Is(err, ErrDisabled) || !got.IsZero() {
		t.Errorf("error %v", err)
	}
}

// TestAMendedFileCountsAtOnce: whoever has just written it is not told to wait.
func TestAMendedFileCountsAtOnce(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"file:/etc/token", "env:TOKEN"} {
		c := newCache()
		was := "none"
		for _, text := range []string{"first", "first", "second", "third"} {
			c.add(text)
			got, err := c.Refresh(t.Context(), ref, New(was))
			if err != nil || got.Reveal() != text {
				t.Errorf("%s: %q, %v; want %q", ref, got.Reveal(), err, text)
			}
			was = text
		}
	}
}

// TestAReadThatBeganBeforeTheChangeIsNotTheLast: the value was replaced while it was under way.
func TestAReadThatBeganBeforeTheChangeIsNotTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache()
		c.want(t, hidden+"-1", 1)
		c.now = c.now.Add(5 * time.Minute)
		c.gate = make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { _, _ = c.Get(t.Context(), tokenRef) })
		synctest.Wait()
		c.add(hidden + "-2")
		for range 5 {
			all.Go(func() {
				if got, err := c.Refresh(t.Context(), tokenRef, New(hidden+"-1")); err != nil || got.Reveal() != hidden+"-2" {
					t.Errorf("%q, %v", got.Reveal(), err)
				}
			})
		}
		synctest.Wait()
		close(c.gate)
		all.Wait()
		if n := c.read(); n != 2 {
			t.Errorf("%d reads", n)
		}
	})
}

func TestAValueThatIsOfNoUseIsNotKept(t *testing.T) {
	t.Parallel()
	c := newCache()
	c.want(t, hidden+"-1", 1)
	c.Drop(tokenRef, New("another"))
	c.want(t, hidden+"-1", 0)
	c.add(hidden + "-2")
	c.Drop(tokenRef, New(hidden+"-1"))
	c.want(t, hidden+"-2", 1)
}

func TestSecretsAreKeptEachByItself(t *testing.T) {
	t.Parallel()
	c := NewCached(Memory{"a": "1", "b": "2"}, time.Now, func() *slog.Logger { return slog.New(slog.DiscardHandler) })
	var got []string
	for _, ref := range []string{"a", "b", "a", "b"} {
		v, err := c.Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v.Reveal())
	}
	if !slices.Equal(got, []string{"1", "2", "1", "2"}) {
		t.Errorf("values %v", got)
	}
}
