package guardrail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

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
	_, err := b.bucket.Write(ctx, BucketPrefix+name, "text/plain", nil, metadata, 0)
	if errors.Is(err, bucket.ErrChanged) {
		return nil // an earlier attempt made the object: a name belongs to one run
	}
	return err
}

// List implements Store.
func (b Bucket) List(ctx context.Context, prefix string) ([]Object, error) {
	objects, err := b.bucket.List(ctx, BucketPrefix+prefix)
	if err != nil {
		return nil, fmt.Errorf("listing the changes of the hour: %w", err)
	}
	list := make([]Object, len(objects))
	for i, o := range objects {
		list[i] = Object{strings.TrimPrefix(o.Name, BucketPrefix), o.Generation, o.Metadata}
	}
	return list, nil
}
