package idempotency

import (
	"context"
	"errors"

	"example.com/okta-secops/internal/bucket"
)

// Bucket implements Objects with a Cloud Storage bucket. Generation preconditions make each write a
// compare-and-swap: https://cloud.google.com/storage/docs/request-preconditions
type Bucket struct {
	bucket *bucket.Bucket
	prefix string
}

// NewBucket returns a Bucket that puts prefix before the names of all objects.
func NewBucket(b *bucket.Bucket, prefix string) *Bucket { return &Bucket{b, prefix} }

// Read implements Objects.
func (b *Bucket) Read(ctx context.Context, name string) ([]byte, int64, error) {
	data, generation, err := b.bucket.Read(ctx, b.prefix+name)
	if errors.Is(err, bucket.ErrNone) {
		return nil, 0, ErrNone
	}
	return data, generation, err
}

// Write implements Objects.
func (b *Bucket) Write(ctx context.Context, name string, data []byte, instead int64, _ ObjectLabel) (int64, error) {
	generation, err := b.bucket.Write(ctx, b.prefix+name, "application/json", data, nil, instead)
	return generation, changed(err)
}

// Delete implements Objects.
func (b *Bucket) Delete(ctx context.Context, name string, generation int64) error {
	return changed(b.bucket.Delete(ctx, b.prefix+name, generation))
}

func changed(err error) error {
	if errors.Is(err, bucket.ErrChanged) {
		return ErrChanged
	}
	return err
}
