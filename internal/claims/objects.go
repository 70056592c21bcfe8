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

// mostInMemory is in bytes; of more, the objects that were written first are given up.
const mostInMemory = 64 << 20

// Memory keeps objects in the process: for local work, and for one instance that nothing else runs beside.
type Memory struct {
	mu      sync.Mutex
	objects map[string]memoryObject
	order   []string // names as they were first written
	size    int      // of all, in bytes
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
	m.last++
	m.put(name, memoryObject{append([]byte(nil), data...), m.last})
	for m.size > mostInMemory && m.order[0] != name {
		m.drop(m.order[0])
		m.order = m.order[1:]
	}
	return m.last, nil
}

// objectSize is about what an object takes besides its data.
const objectSize = 300

func (m *Memory) put(name string, o memoryObject) {
	m.drop(name)
	m.size += len(o.data) + objectSize
	m.objects[name] = o
}

func (m *Memory) drop(name string) {
	if o, ok := m.objects[name]; ok {
		m.size -= len(o.data) + objectSize
		delete(m.objects, name)
	}
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
	m.drop(name)
	return nil
}
