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

// cache is a Cached on top of a Source whose value, errors and timing the test controls.
type cache struct {
	*Cached
	now time.Time
	log bytes.Buffer

	mu      sync.Mutex
	current string
	version int
	err     error
	reads   int
	block   chan struct{} // if set, reads wait until it is closed
}

// newCache returns a cache whose source has a first version.
func newCache() *cache {
	c := &cache{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	log := func() *slog.Logger { return slog.New(slog.NewTextHandler(&c.log, nil)) }
	c.Cached = NewCached(cacheSource{c}, func() time.Time { return c.now }, log)
	c.add(hidden + "-1")
	return c
}

func (c *cache) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.err = text, nil
	c.version++
}

func (c *cache) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// read returns the number of reads of the source since the last call.
func (c *cache) read() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.reads
	c.reads = 0
	return n
}

// cacheSource is the Source of a cache.
type cacheSource struct{ *cache }

func (s cacheSource) Get(_ context.Context, ref string) (Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	text, err, version, block := s.current, s.err, s.version, s.block
	if block != nil {
		s.mu.Unlock()
		<-block
		s.mu.Lock()
	}
	if err != nil {
		return Value{}, failed(ref, err)
	}
	return value(ref, strings.Replace(ref, "latest", fmt.Sprint(version), 1), text)
}

// want checks that Get returns the text after so many reads.
func (c *cache) want(t *testing.T, text string, reads int) {
	t.Helper()
	got, err := c.Get(t.Context(), tokenRef)
	if n := c.read(); err != nil || got.Reveal() != text || n != reads {
		t.Errorf("%q, %v after %d reads; want %q after %d", got.Reveal(), err, n, text, reads)
	}
}

// wantRefresh checks that Refresh returns the text after so many reads.
func (c *cache) wantRefresh(t *testing.T, rejected, text string, reads int) {
	t.Helper()
	got, err := c.Refresh(t.Context(), tokenRef, New(rejected))
	if n := c.read(); err != nil || got.Reveal() != text || n != reads {
		t.Errorf("Refresh of %q: %q, %v after %d reads; want %q after %d", rejected, got.Reveal(), err, n, text, reads)
	}
}

var errDown = errors.New("the source is down")

func TestCached_ReadsAgainWithinFiveMinutes(t *testing.T) {
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
		t.Errorf("20 instances that start together read at only these ages: %v", ages)
	}
}

func TestCached_ConcurrentCallsShareOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache()
		c.block = make(chan struct{})
		first, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Get(first, tokenRef); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), tokenRef) {
				t.Errorf("error of the canceled caller: %v", err)
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
		cancel() // the other callers still wait for the read of the first one
		synctest.Wait()
		close(c.block)
		all.Wait()
		if n := c.read(); n != 1 {
			t.Errorf("%d reads", n)
		}
	})
}

func TestCached_UsesValueForAnHourWhileSourceIsDown(t *testing.T) {
	t.Parallel()
	c := newCache()
	c.want(t, hidden+"-1", 1)
	begun := c.now
	c.fail(errDown)
	c.now = begun.Add(10 * time.Minute)
	c.want(t, hidden+"-1", 1)
	c.want(t, hidden+"-1", 0) // no immediate retry
	for _, want := range []string{"WARN", "versions/1", "age=10m0s", errDown.Error()} {
		if log := c.log.String(); !strings.Contains(log, want) {
			t.Errorf("log: %s, want %s in it", log, want)
		}
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

// An operator who disables a version or removes a role intends the effect.
func TestCached_TerminalErrorDropsValue(t *testing.T) {
	t.Parallel()
	for _, certain := range []error{ErrNotFound, ErrEmpty, ErrDenied, ErrDisabled, ErrUnsupported} {
		c := newCache()
		c.want(t, hidden+"-1", 1)
		c.now = c.now.Add(5 * time.Minute)
		for _, err := range []error{certain, errDown} { // a dropped value is not used again
			c.fail(err)
			got, gotErr := c.Get(t.Context(), tokenRef)
			refused(t, got, gotErr, err, tokenRef)
		}
		c.read()
		c.add(hidden + "-2")
		c.want(t, hidden+"-2", 1)
	}
}

func TestCached_DoesNotCacheErrors(t *testing.T) {
	t.Parallel()
	c := newCache()
	for _, err := range []error{errDown, ErrDenied} {
		c.fail(err)
		got, gotErr := c.Get(t.Context(), tokenRef)
		refused(t, got, gotErr, err, tokenRef)
	}
	c.add(hidden)
	c.read()
	c.want(t, hidden, 1)
}

func TestRefresh_ReadsOnceInThirtySeconds(t *testing.T) {
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
	c.wantRefresh(t, third, third, 1) // no newer value exists
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

func TestRefresh_WhenSourceFails(t *testing.T) {
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

// A new value of a file is used without a pause.
func TestRefresh_ReadsLocalSecretWithoutPause(t *testing.T) {
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

// The value is replaced during a read, so Refresh must read again.
func TestRefresh_ReadsAgainAfterReadInProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache()
		c.want(t, hidden+"-1", 1)
		c.now = c.now.Add(5 * time.Minute)
		c.block = make(chan struct{})
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
		close(c.block)
		all.Wait()
		if n := c.read(); n != 2 {
			t.Errorf("%d reads", n)
		}
	})
}

func TestDrop_RemovesOnlyThatValue(t *testing.T) {
	t.Parallel()
	c := newCache()
	c.want(t, hidden+"-1", 1)
	c.Drop(tokenRef, New("another"))
	c.want(t, hidden+"-1", 0)
	c.add(hidden + "-2")
	c.Drop(tokenRef, New(hidden+"-1"))
	c.want(t, hidden+"-2", 1)
}

func TestCached_SeparatesReferences(t *testing.T) {
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
