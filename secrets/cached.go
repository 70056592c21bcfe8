package secrets

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

const (
	maxAge      = 5 * time.Minute  // after which a value in Secret Manager is read again
	maxLocalAge = time.Second      // after which another value is read again
	maxStaleAge = time.Hour        // up to which a value is used while it cannot be read
	retryPause  = 30 * time.Second // after a read that failed or returned a rejected value
)

// Cached caches the values of another Source, so that actions do not wait for it and continue while
// it is unavailable. It reads a value at the first Get, again after MaxAge or up to a fifth earlier,
// and immediately after it was rejected. Concurrent calls for one secret share one read. Cached is safe for
// concurrent use.
type Cached struct {
	source Source
	now    func() time.Time
	log    func() *slog.Logger

	mu      sync.Mutex
	entries map[string]*cachedSecret // by reference
}

// NewCached returns a Cached on top of source. The source must limit the duration of Get itself,
// because the read continues if the caller that started it gives up. Cached logs every new version
// and every use of a cached value after a failed read, never a value.
func NewCached(source Source, now func() time.Time, log func() *slog.Logger) *Cached {
	return &Cached{source: source, now: now, log: log, entries: map[string]*cachedSecret{}}
}

// cachedSecret is the cache entry of one secret. The zero cachedSecret has no value.
type cachedSecret struct {
	value   Value
	read    time.Time // when value was read
	due     time.Time // when to read it again
	forced  time.Time // when it was last read because it was rejected
	pending *sharedRead
}

// sharedRead is a read in progress, for which any number of callers wait.
type sharedRead struct {
	done  chan struct{} // closed when value and err are set
	value Value
	err   error
}

// Get returns the cached value, or reads the secret if there is none or it is due.
func (c *Cached) Get(ctx context.Context, ref string) (Value, error) {
	if err := ctx.Err(); err != nil {
		return Value{}, failed(ref, err)
	}
	c.mu.Lock()
	e := c.entry(ref)
	if c.now().Before(e.due) {
		defer c.mu.Unlock()
		return e.value, nil
	}
	r := c.startRead(ctx, ref, e)
	c.mu.Unlock()
	return r.wait(ctx, ref)
}

// Refresh returns the current value of a secret after a value was rejected. It returns the cached
// value if that is another one; otherwise it reads the secret, at most once in 30 seconds for each
// secret in Secret Manager. If no newer value exists, it returns the rejected one.
func (c *Cached) Refresh(ctx context.Context, ref string, rejected Value) (Value, error) {
	for {
		c.mu.Lock()
		e := c.entry(ref)
		r := e.pending // may have begun before the value was replaced
		if r == nil {
			now := c.now()
			newer := !e.value.IsZero() && !e.value.Equal(rejected)
			if newer || now.Before(e.forced.Add(retryPause)) && !isLocal(ref) {
				c.mu.Unlock()
				return c.Get(ctx, ref)
			}
			e.forced = now
			r = c.startRead(ctx, ref, e)
			c.mu.Unlock()
			return r.wait(ctx, ref)
		}
		c.mu.Unlock()
		if v, err := r.wait(ctx, ref); err != nil || !v.Equal(rejected) {
			return v, err
		}
	}
}

// Drop removes an unusable value from the cache, so that the next Get reads the secret. It does
// nothing if the cache contains another value.
func (c *Cached) Drop(ref string, unusable Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entry(ref); e.value.Equal(unusable) {
		e.drop()
	}
}

// MaxAge returns how long a Cached uses a value before it reads the secret again: 5 minutes, and one
// second for a file or an environment variable.
func MaxAge(ref string) time.Duration {
	if isLocal(ref) {
		return maxLocalAge
	}
	return maxAge
}

// isLocal reports whether reading the secret costs nothing, so that Refresh needs no pause.
func isLocal(ref string) bool {
	return strings.HasPrefix(ref, fileScheme) || strings.HasPrefix(ref, envScheme)
}

func (c *Cached) entry(ref string) *cachedSecret {
	e := c.entries[ref]
	if e == nil {
		e = &cachedSecret{}
		c.entries[ref] = e
	}
	return e
}

// startRead returns the read in progress, or starts one. The caller holds c.mu.
func (c *Cached) startRead(ctx context.Context, ref string, e *cachedSecret) *sharedRead {
	if e.pending != nil {
		return e.pending
	}
	r := &sharedRead{done: make(chan struct{})}
	e.pending = r
	go func() {
		ctx := context.WithoutCancel(ctx) // other callers may wait for the read
		v, err := c.source.Get(ctx, ref)
		c.mu.Lock()
		defer c.mu.Unlock()
		r.value, r.err = c.store(ctx, ref, e, v, err)
		e.pending = nil
		close(r.done)
	}()
	return r
}

// store stores the result of a read and returns the result for its callers: the cached value after
// a transient error. A terminal error removes the cached value, so that a version is no longer used
// after an operator disabled it.
func (c *Cached) store(ctx context.Context, ref string, e *cachedSecret, v Value, err error) (Value, error) {
	now := c.now()
	switch {
	case err == nil:
		if !v.Equal(e.value) || v.Version() != e.value.Version() {
			c.log().InfoContext(ctx, "a secret was read", "secret", ref, "version", v.Version())
		}
		age := MaxAge(ref)
		e.value, e.read, e.due = v, now, now.Add(age-rand.N(age/5))
	case !Terminal(err) && now.Before(e.read.Add(maxStaleAge)):
		age := now.Sub(e.read).Round(time.Second)
		c.log().WarnContext(ctx, "a secret cannot be read; its cached value is used",
			"secret", ref, "version", e.value.Version(), "age", age.String(), "error", err.Error())
		e.due = now.Add(retryPause)
	default:
		e.drop()
		return Value{}, err
	}
	return e.value, nil
}

func (e *cachedSecret) drop() { e.value, e.read, e.due = Value{}, time.Time{}, time.Time{} }

func (r *sharedRead) wait(ctx context.Context, ref string) (Value, error) {
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		return Value{}, failed(ref, ctx.Err())
	}
}
