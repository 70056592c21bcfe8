// Package bucket connects to a Cloud Storage bucket at its first use.
package bucket

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
)

// Timeout limits one read or write of an object, retries included.
const Timeout = 5 * time.Second

// backoff is short because Timeout is short, and because Cloud Storage accepts the next write to an
// object after one second.
var backoff = gax.Backoff{Initial: 300 * time.Millisecond, Max: time.Second, Multiplier: 2}

// Bucket is a bucket. Its client retries transient errors and rate limits.
type Bucket struct {
	name    string
	options []option.ClientOption

	mu     sync.Mutex
	client *storage.Client
}

// New returns a Bucket. It does no I/O.
func New(name string, options ...option.ClientOption) *Bucket {
	return &Bucket{name: name, options: options}
}

// Handle returns the handle of the bucket. It connects if it has not done so yet, and returns the
// error of that.
func (b *Bucket) Handle(ctx context.Context) (*storage.BucketHandle, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client == nil {
		options := append([]option.ClientOption{storage.WithJSONReads()}, b.options...)
		client, err := storage.NewClient(context.WithoutCancel(ctx), options...) // the client outlives ctx
		if err != nil {
			return nil, fmt.Errorf("connecting to Cloud Storage: %w", err)
		}
		b.client = client
	}
	return b.client.Bucket(b.name).Retryer(storage.WithBackoff(backoff)), nil
}

// Close closes the connections and returns the error of the client.
func (b *Bucket) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client == nil {
		return nil
	}
	err := b.client.Close()
	b.client = nil
	return err
}
