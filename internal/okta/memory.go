package okta

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"example.com/okta-secops/internal/apierr"
)

// maxReply bounds one reply of Okta. It is more than a result may hold (MaxListBytes), so that the page that fills a
// list can be read, and leaves 80 KB for each of the 200 users of the largest page.
const maxReply = 16 << 20

// smallReply is the size up to which a reply is read at once. Nearly all replies are smaller.
const smallReply = 512 << 10

// The bounds of a process, in bytes.
const (
	maxSmall = 32 << 20     // small replies that are read and not yet decoded, besides one for each place of the gate
	maxLarge = 2 * maxReply // large replies that are being read or decoded
	maxKept  = 48 << 20     // objects of Okta's kept for results
)

// memory bounds the bytes of Okta's replies that a process holds.
//
// A reply draws on small or large from its reading to its decoding, while its call keeps its place of the gate only
// until it is read. A call that holds some of either waits for nothing but Okta, for at most CallTimeout, and the
// processor, so that calls that wait for some go on in the end. What is kept for a result is bounded by refusal: results
// that waited for each other's room would not end.
type memory struct {
	small, large *semaphore.Weighted

	mu   sync.Mutex
	kept int
}

func newMemory() *memory {
	return &memory{small: semaphore.NewWeighted(maxSmall), large: semaphore.NewWeighted(maxLarge)}
}

// read reads a body of this length, -1 if it is not known. release must be called when the body is no longer used. A nil
// memory has no bound but that of each reply.
func (m *memory) read(ctx context.Context, from io.Reader, length int64) (body []byte, release func(), err error) {
	if length > maxReply {
		return nil, nil, errTooLarge
	}
	none := func() {}
	first, err := readUpTo(from, smallReply, min(length, smallReply))
	switch {
	case err != nil:
		return nil, nil, err
	case len(first) < smallReply && m == nil:
		return first, none, nil
	case len(first) < smallReply:
		n := int64(len(first))
		if err := m.small.Acquire(ctx, n); err != nil {
			return nil, nil, err
		}
		return first, sync.OnceFunc(func() { m.small.Release(n) }), nil
	}
	release = none
	if m != nil {
		if err := m.large.Acquire(ctx, maxReply); err != nil {
			return nil, nil, err
		}
		release = sync.OnceFunc(func() { m.large.Release(maxReply) })
	}
	if length < 0 {
		length = maxReply + 1 // once, instead of ever larger buffers
	}
	body, err = readUpTo(io.MultiReader(bytes.NewReader(first), from), maxReply+1, length)
	if err == nil && len(body) > maxReply {
		err = errTooLarge
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return body, release, nil
}

// readUpTo reads to the end, or most bytes, into a buffer for as many as are expected.
func readUpTo(from io.Reader, most, expected int64) ([]byte, error) {
	var b bytes.Buffer
	if expected > 0 {
		b.Grow(int(expected) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(from, most))
	return b.Bytes(), err
}

var errTooLarge = apierr.Errorf(apierr.InvalidResponse, "reply_too_large", "Okta's reply is over %d MB", maxReply>>20)

// holding is what one invocation keeps for its result.
type holding struct {
	*memory
	bytes int
}

// Keep counts bytes of Okta's objects that are kept for the result of this invocation, and fails if the process holds
// as many as it may. Urgent calls never fail: MAX_TARGETS bounds them, and reads must not stop a change.
func (c *Client) Keep(n int) error {
	if c == nil || c.kept == nil {
		return nil
	}
	h := c.kept
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.memory.kept+n > maxKept && !c.from.urgent {
		return &apierr.Error{Kind: apierr.Unavailable, Code: "overloaded", RetryAfter: 5 * time.Second,
			Message: "this instance holds as much of Okta's replies as it may: try again, or ask for less at a time"}
	}
	h.memory.kept += n
	h.bytes += n
	return nil
}

// Drop takes back so much of what was kept.
func (c *Client) Drop(n int) {
	if c == nil || c.kept == nil {
		return
	}
	c.kept.mu.Lock()
	defer c.kept.mu.Unlock()
	c.kept.memory.kept -= n
	c.kept.bytes -= n
}

// Release takes back all that was kept for the invocation.
func (c *Client) Release() {
	if c != nil && c.kept != nil {
		c.Drop(c.kept.bytes)
	}
}
