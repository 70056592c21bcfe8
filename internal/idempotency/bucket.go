package idempotency

import (
	"context"
	"errors"
	"io"
	"net/http"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

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

func (b *Bucket) object(ctx context.Context, name string) (*storage.ObjectHandle, error) {
	handle, err := b.bucket.Handle(ctx)
	if err != nil {
		return nil, err
	}
	return handle.Object(b.prefix + name), nil
}

// Read implements Objects.
func (b *Bucket) Read(ctx context.Context, name string) ([]byte, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, bucket.Timeout)
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
	ctx, cancel := context.WithTimeout(ctx, bucket.Timeout)
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
	ctx, cancel := context.WithTimeout(ctx, bucket.Timeout)
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
