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

// maxResponse bounds one response, in bytes. It is more than a result may hold (MaxListBytes), so
// that the page that fills a list can be read, and allows 80 KB for each of the 200 users of the
// largest page.
const maxResponse = 16 << 20

// smallResponse is the size up to which a response is read at once, in bytes. Nearly all responses
// are smaller.
const smallResponse = 512 << 10

// The bounds of a process, in bytes.
const (
	maxSmall    = 32 << 20        // small responses that are read and not decoded, besides one per request in flight
	maxLarge    = 2 * maxResponse // large responses that are being read or decoded
	maxRetained = 48 << 20        // Okta's objects that are retained for results
)

// memory bounds the response bytes that a process holds.
//
// A response takes from small or large until it is decoded, while its request holds its place of
// the concurrency limit only until the response is read. A call that has taken some of either waits
// for nothing but Okta, for at most CallTimeout, and the processor, so that calls that wait for
// memory proceed. Memory for results is refused instead of waited for: results that waited for each
// other's memory would never end.
type memory struct {
	small, large *semaphore.Weighted

	mu       sync.Mutex
	retained int
}

func newMemory() *memory {
	return &memory{small: semaphore.NewWeighted(maxSmall), large: semaphore.NewWeighted(maxLarge)}
}

// read reads a body of this length, -1 if it is unknown. release must be called when the body is no
// longer used. A nil memory bounds only the single response.
func (m *memory) read(ctx context.Context, from io.Reader, length int64) (body []byte, release func(), err error) {
	if length > maxResponse {
		return nil, nil, errTooLarge
	}
	none := func() {}
	first, err := readUpTo(from, smallResponse, min(length, smallResponse))
	switch {
	case err != nil:
		return nil, nil, err
	case len(first) < smallResponse && m == nil:
		return first, none, nil
	case len(first) < smallResponse:
		n := int64(len(first))
		if err := m.small.Acquire(ctx, n); err != nil {
			return nil, nil, err
		}
		return first, sync.OnceFunc(func() { m.small.Release(n) }), nil
	}
	release = none
	if m != nil {
		if err := m.large.Acquire(ctx, maxResponse); err != nil {
			return nil, nil, err
		}
		release = sync.OnceFunc(func() { m.large.Release(maxResponse) })
	}
	if length < 0 {
		length = maxResponse + 1 // one buffer instead of several growing ones
	}
	body, err = readUpTo(io.MultiReader(bytes.NewReader(first), from), maxResponse+1, length)
	if err == nil && len(body) > maxResponse {
		err = errTooLarge
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return body, release, nil
}

// readUpTo reads to the end or to a number of bytes, into a buffer for the expected number.
func readUpTo(from io.Reader, most, expected int64) ([]byte, error) {
	var b bytes.Buffer
	if expected > 0 {
		b.Grow(int(expected) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(from, most))
	return b.Bytes(), err
}

var errTooLarge = apierr.Errorf(
	apierr.InvalidResponse, "reply_too_large", "Okta's response is over %d MB", maxResponse>>20)

// holding counts the bytes that one invocation retains for its result.
type holding struct {
	*memory
	bytes int
}

// Keep counts object bytes that are retained for the result of this invocation. It returns an error
// of the kind Unavailable if the process retains the maximum. It never fails for urgent calls:
// MAX_TARGETS bounds them, and reads must not stop a change.
func (c *Client) Keep(n int) error {
	if c == nil || c.holding == nil {
		return nil
	}
	h := c.holding
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.retained+n > maxRetained && !c.from.urgent {
		return &apierr.Error{Kind: apierr.Unavailable, Code: "overloaded", RetryAfter: 5 * time.Second,
			Message: "this instance has no memory left for Okta's responses: try again, or request fewer objects"}
	}
	h.retained += n
	h.bytes += n
	return nil
}

// Drop gives back a number of the bytes that Keep has counted.
func (c *Client) Drop(n int) {
	if c == nil || c.holding == nil {
		return
	}
	c.holding.mu.Lock()
	defer c.holding.mu.Unlock()
	c.holding.retained -= n
	c.holding.bytes -= n
}

// Release gives back all bytes that Keep has counted for the invocation.
func (c *Client) Release() {
	if c != nil && c.holding != nil {
		c.Drop(c.holding.bytes)
	}
}
