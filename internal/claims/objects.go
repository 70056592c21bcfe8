package claims

import (
	"context"
	"errors"
	"sync"
)

// Errors of Objects.
var (
	ErrNone    = errors.New("there is no such object")
	ErrChanged = errors.New("the object is another by now")
)

// Objects is what claims are kept in: named objects, each of which has a generation that changes with every write.
type Objects interface {
	// Read returns an object and its generation, or ErrNone.
	Read(ctx context.Context, name string) (data []byte, generation int64, err error)
	// Write writes an object in the place of a generation, 0 where there must be none, and returns the new one, or
	// ErrChanged.
	Write(ctx context.Context, name string, data []byte, instead int64) (generation int64, err error)
	// Delete deletes a generation of an object, or returns ErrChanged.
	Delete(ctx context.Context, name string, generation int64) error
}

// mostInMemory objects are kept; of more, those that were written first are given up.
const mostInMemory = 100_000

// Memory keeps objects in the process: for local work, and for one instance that nothing else runs beside.
type Memory struct {
	mu      sync.Mutex
	objects map[string]memoryObject
	order   []string // names as they were first written
	last    int64
}

type memoryObject struct {
	data       []byte
	generation int64
}

// Read implements Objects.
func (m *Memory) Read(ctx context.Context, name string) ([]byte, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[name]
	if !ok {
		return nil, 0, ErrNone
	}
	return append([]byte(nil), o.data...), o.generation, nil
}

// Write implements Objects.
func (m *Memory) Write(ctx context.Context, name string, data []byte, instead int64) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects[name].generation != instead {
		return 0, ErrChanged
	}
	if m.objects == nil {
		m.objects = map[string]memoryObject{}
	}
	if instead == 0 {
		m.order = append(m.order, name)
	}
	for len(m.objects) >= mostInMemory && len(m.order) > 0 {
		delete(m.objects, m.order[0])
		m.order = m.order[1:]
	}
	m.last++
	m.objects[name] = memoryObject{append([]byte(nil), data...), m.last}
	return m.last, nil
}

// Delete implements Objects.
func (m *Memory) Delete(ctx context.Context, name string, generation int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects[name].generation != generation || generation == 0 {
		return ErrChanged
	}
	delete(m.objects, name)
	return nil
}
