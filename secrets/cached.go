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
	freshFor    = 5 * time.Minute  // a value is used at most this long before it is read again
	staleFor    = time.Hour        // and this long while it cannot be read
	pauseBefore = 30 * time.Second // another try, where the last one failed or brought what the caller already had
)

// Cached keeps the values of another Source, so that an action does not wait for it, and goes on while it is down. A
// value is read when it is first asked for, again after 4 to 5 minutes, and at once when it was refused. Of those who
// ask at the same time one reads. It is safe for concurrent use.
type Cached struct {
	source Source
	now    func() time.Time
	log    func() *slog.Logger

	mu   sync.Mutex
	kept map[string]*cachedSecret // by reference
}

// NewCached makes a Cached on top of source, which must bound the time of a Get by itself: the one who asked first may
// be gone before it ends. log gets a line for every version that comes into use, and for every failure that is bridged;
// never a value.
func NewCached(source Source, now func() time.Time, log func() *slog.Logger) *Cached {
	return &Cached{source: source, now: now, log: log, kept: map[string]*cachedSecret{}}
}

// cachedSecret is what is known of one secret. The zero kept knows nothing.
type cachedSecret struct {
	value   Value
	read    time.Time // when the value was
	due     time.Time // when it is to be read again
	forced  time.Time // when it was last read because it was refused
	reading *reading  // under way
}

// reading is one read, which serves all who wait for it.
type reading struct {
	done  chan struct{} // closed when value and err are set
	value Value
	err   error
}

// Get returns the secret as it is kept, or reads it.
func (c *Cached) Get(ctx context.Context, ref string) (Value, error) {
	if err := ctx.Err(); err != nil {
		return Value{}, failed(ref, err)
	}
	c.mu.Lock()
	k := c.of(ref)
	if c.now().Before(k.due) {
		defer c.mu.Unlock()
		return k.value, nil
	}
	r := c.join(ctx, ref, k)
	c.mu.Unlock()
	return r.wait(ctx, ref)
}

// Refresh returns what has come in the place of a value that was refused: what another caller has read since, or what a
// read past the cache brings. Secret Manager is read so at most once in 30 seconds for each secret; in the meantime, and
// where nothing has come, the refused value comes again.
func (c *Cached) Refresh(ctx context.Context, ref string, refused Value) (Value, error) {
	for {
		c.mu.Lock()
		k := c.of(ref)
		r := k.reading // may have begun before the value was replaced
		if r == nil {
			now := c.now()
			if !k.value.IsZero() && !k.value.Equal(refused) || now.Before(k.forced.Add(pauseBefore)) && !isLocal(ref) {
				c.mu.Unlock()
				return c.Get(ctx, ref)
			}
			k.forced = now
			r = c.join(ctx, ref, k)
			c.mu.Unlock()
			return r.wait(ctx, ref)
		}
		c.mu.Unlock()
		if v, err := r.wait(ctx, ref); err != nil || !v.Equal(refused) {
			return v, err
		}
	}
}

// Drop gives up a value that is of no use, so that the next Get reads the secret.
func (c *Cached) Drop(ref string, useless Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.of(ref); k.value.Equal(useless) {
		k.drop()
	}
}

// isLocal tells whether reading the secret anew is free, so that a mended file counts at once.
func isLocal(ref string) bool {
	return strings.HasPrefix(ref, fileScheme) || strings.HasPrefix(ref, envScheme)
}

func (c *Cached) of(ref string) *cachedSecret {
	k := c.kept[ref]
	if k == nil {
		k = &cachedSecret{}
		c.kept[ref] = k
	}
	return k
}

// join is the read that is under way, or a new one. c.mu is held.
func (c *Cached) join(ctx context.Context, ref string, k *cachedSecret) *reading {
	if k.reading != nil {
		return k.reading
	}
	r := &reading{done: make(chan struct{})}
	k.reading = r
	go func() {
		ctx := context.WithoutCancel(ctx) // the others still wait
		v, err := c.source.Get(ctx, ref)
		c.mu.Lock()
		defer c.mu.Unlock()
		r.value, r.err = c.store(ctx, ref, k, v, err)
		k.reading = nil
		close(r.done)
	}()
	return r
}

// store keeps what a read brought and returns what its callers get. What Secret Manager says for certain is obeyed: a
// version that somebody has disabled is not used any longer.
func (c *Cached) store(ctx context.Context, ref string, k *cachedSecret, v Value, err error) (Value, error) {
	now := c.now()
	switch {
	case err == nil:
		if !v.Equal(k.value) || v.Version() != k.value.Version() {
			c.log().InfoContext(ctx, "a secret was read", "secret", ref, "version", v.Version())
		}
		k.value, k.read, k.due = v, now, now.Add(freshFor-rand.N(freshFor/5))
	case !Terminal(err) && now.Before(k.read.Add(staleFor)):
		c.log().WarnContext(ctx, "a secret cannot be read: the value that was read before goes on being used",
			"secret", ref, "version", k.value.Version(), "age", now.Sub(k.read).Round(time.Second).String(), "error", err.Error())
		k.due = now.Add(pauseBefore)
	default:
		k.drop()
		return Value{}, err
	}
	return k.value, nil
}

func (k *cachedSecret) drop() { k.value, k.read, k.due = Value{}, time.Time{}, time.Time{} }

func (r *reading) wait(ctx context.Context, ref string) (Value, error) {
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		return Value{}, failed(ref, ctx.Err())
	}
}
