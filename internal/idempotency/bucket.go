package idempotency

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

// storeTimeout limits one read or write, retries included.
const storeTimeout = 5 * time.Second

// backoff is short because storeTimeout is short, and because Cloud Storage accepts the next write
// to an object after one second.
var backoff = gax.Backoff{Initial: 300 * time.Millisecond, Max: time.Second, Multiplier: 2}

// Bucket implements Objects with a Cloud Storage bucket. Generation preconditions make each write a
// compare-and-swap: https://cloud.google.com/storage/docs/request-preconditions
// A Bucket connects at the first use. Its client retries transient errors and rate limits.
type Bucket struct {
	name, prefix string
	options      []option.ClientOption

	mu     sync.Mutex
	client *storage.Client
}

// NewBucket returns a Bucket that puts prefix before the names of all objects.
func NewBucket(name, prefix string, options ...option.ClientOption) *Bucket {
	return &Bucket{name: name, prefix: prefix, options: options}
}

func (b *Bucket) object(ctx context.Context, name string) (*storage.ObjectHandle, error) {
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
	return b.client.Bucket(b.name).Object(b.prefix + name).Retryer(storage.WithBackoff(backoff)), nil
}

// Read implements Objects.
func (b *Bucket) Read(ctx context.Context, name string) ([]byte, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	o, err := b.object(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	r, err := o.NewReader(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil, 0, ErrNone
	}
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return data, r.Attrs.Generation, err
}

// Write implements Objects.
func (b *Bucket) Write(ctx context.Context, name string, data []byte, instead int64, _ ObjectLabel) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	o, err := b.object(ctx, name)
	if err != nil {
		return 0, err
	}
	w := o.If(condition(instead)).NewWriter(ctx)
	// A chunk larger than the data makes the upload one request. The client allocates it per write.
	w.ContentType, w.ChunkSize = "application/json", max(googleapi.MinUploadChunkSize, len(data)+1)
	if _, err := w.Write(data); err != nil {
		_ = w.Close()
		return 0, changed(err)
	}
	if err := w.Close(); err != nil {
		return 0, changed(err)
	}
	return w.Attrs().Generation, nil
}

// Delete implements Objects.
func (b *Bucket) Delete(ctx context.Context, name string, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	o, err := b.object(ctx, name)
	if err != nil {
		return err
	}
	err = o.If(condition(generation)).Delete(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return ErrChanged
	}
	return changed(err)
}

func condition(generation int64) storage.Conditions {
	if generation == 0 {
		return storage.Conditions{DoesNotExist: true}
	}
	return storage.Conditions{GenerationMatch: generation}
}

// changed returns ErrChanged for a failed precondition, and any other error unchanged.
func changed(err error) error {
	var status *googleapi.Error
	if errors.As(err, &status) && status.Code == http.StatusPreconditionFailed {
		return ErrChanged
	}
	return err
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
