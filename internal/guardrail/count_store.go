package guardrail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"example.com/okta-secops/internal/bucket"
)

// Memory is a Store in the memory of one process. It keeps the objects of the last two hours that
// were used: a run that began before the end of an hour may create objects in it afterwards.
type Memory struct {
	mu      sync.Mutex
	hour    string // the latest
	order   int64
	objects map[string]Object
}

// Create implements Store.
func (m *Memory) Create(_ context.Context, name string, metadata map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	hour, _, _ := strings.Cut(name, "/")
	if hour > m.hour {
		maps.DeleteFunc(m.objects, func(name string, _ Object) bool { return name < m.hour })
		m.hour = hour
	}
	if m.objects == nil {
		m.objects = map[string]Object{}
	}
	m.order++
	m.objects[name] = Object{name, m.order, metadata}
	return nil
}

// List implements Store.
func (m *Memory) List(_ context.Context, prefix string) ([]Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Object
	for name, o := range m.objects {
		if strings.HasPrefix(name, prefix) {
			list = append(list, o)
		}
	}
	return list, nil
}

// BucketPrefix begins the names of the objects in a bucket. All functions of a deployment share it.
const BucketPrefix = "guardrails/"

// Bucket is a Store in a Cloud Storage bucket, whose lists are strongly consistent:
// https://cloud.google.com/storage/docs/consistency
// It needs the permissions to create and to list objects.
type Bucket struct{ bucket *bucket.Bucket }

// NewBucket returns a Bucket.
func NewBucket(b *bucket.Bucket) Bucket { return Bucket{b} }

// Create implements Store.
func (b Bucket) Create(ctx context.Context, name string, metadata map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, bucket.Timeout)
	defer cancel()
	handle, err := b.bucket.Handle(ctx)
	if err != nil {
		return err
	}
	w := handle.Object(BucketPrefix + name).If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	w.ChunkSize, w.ContentType, w.Metadata = 0, "text/plain", metadata
	err = w.Close()
	var status *googleapi.Error
	if errors.As(err, &status) && status.Code == http.StatusPreconditionFailed {
		return nil // an earlier attempt made the object: a name belongs to one run
	}
	return err
}

// List implements Store.
func (b Bucket) List(ctx context.Context, prefix string) ([]Object, error) {
	ctx, cancel := context.WithTimeout(ctx, bucket.Timeout)
	defer cancel()
	handle, err := b.bucket.Handle(ctx)
	if err != nil {
		return nil, err
	}
	query := &storage.Query{Prefix: BucketPrefix + prefix}
	if err := query.SetAttrSelection([]string{"Name", "Generation", "Metadata"}); err != nil {
		return nil, err
	}
	var list []Object
	for objects := handle.Objects(ctx, query); ; {
		o, err := objects.Next()
		switch {
		case errors.Is(err, iterator.Done):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("listing the changes of the hour: %w", err)
		}
		list = append(list, Object{strings.TrimPrefix(o.Name, BucketPrefix), o.Generation, o.Metadata})
	}
}
