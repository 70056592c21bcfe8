package idempotency

import (
	"cmp"
	"container/list"
	"context"
	"strings"
	"sync"
	"time"
)

const (
	// defaultRoom is the default of Memory.Room, in bytes.
	defaultRoom = 64 << 20
	// maxShare limits one object to 1/16 of the room, so that one reply cannot displace many others.
	maxShare = 16
	// objectOverhead is the approximate memory of an object besides its name and data, in bytes.
	objectOverhead = 300
)

// Memory implements Objects in the memory of the process, for local use and for deployments with a
// single instance. Its memory is limited and it never drops the record of an execution that has not
// ended. If it needs room it drops, in this order and oldest first:
//
//  1. the replies of ended executions; leases and write marks stay, so that a later execution still
//     does not repeat a non-idempotent write
//  2. whole records of ended executions
//
// If that is not enough, Write returns ErrFull.
type Memory struct {
	Now  func() time.Time // nil: time.Now
	Room int              // for all objects, in bytes; 0: 64 MiB

	mu      sync.Mutex
	records map[string]*memoryRecord // by the text before the first slash of the objects' names
	stages  [stages]memoryStage
	lastGen int64
}

// stage is the state of a record.
type stage int

const (
	live    stage = iota // an execution has not ended
	ended                // the result is stored
	dropped              // the result was dropped; lease and marks are stored
	stages
)

// memoryStage contains the records of one stage in the order in which they entered it.
type memoryStage struct {
	records list.List // of *memoryRecord
	size    int       // in bytes
}

type memoryRecord struct {
	name    string
	objects map[string]memoryObject // by the rest of their names
	holder  string                  // the attempt of the lease
	result  string                  // the rest of the result's name
	size    int                     // in bytes
	expires time.Time
	stage   stage
	element *list.Element // in the list of the stage
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
	r, rest := m.find(name)
	o, ok := r.objects[rest]
	if !ok {
		return nil, 0, ErrNone
	}
	return append([]byte(nil), o.data...), o.generation, nil
}

// Write implements Objects.
func (m *Memory) Write(ctx context.Context, name string, data []byte, instead int64, l ObjectLabel) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(data) > m.room()/maxShare {
		return 0, ErrTooLarge
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExpired()
	r, rest := m.find(name)
	was, there := r.objects[rest]
	if was.generation != instead {
		return 0, ErrChanged
	}
	more := len(name) + len(data) + objectOverhead
	if there {
		more = len(data) - len(was.data)
	}
	if !m.makeRoom(more, r) {
		return 0, ErrFull
	}
	if r.element == nil {
		m.add(r)
	}
	m.lastGen++
	r.objects[rest] = memoryObject{append([]byte(nil), data...), m.lastGen}
	m.grow(r, more)
	if l.Expires.After(r.expires) {
		r.expires = l.Expires
	}
	switch {
	case l.Kind == LeaseObject:
		r.holder = l.Attempt
		m.move(r, live)
	case l.Kind == ResultObject && l.Attempt == r.holder:
		r.result = rest
		m.move(r, ended)
	}
	return m.lastGen, nil
}

// Delete implements Objects.
func (m *Memory) Delete(ctx context.Context, name string, generation int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, rest := m.find(name)
	if r.objects[rest].generation != generation || generation == 0 {
		return ErrChanged
	}
	m.dropObject(r, rest)
	if len(r.objects) == 0 {
		m.drop(r)
	}
	return nil
}

// find returns the record of an object, or a new one that is not yet stored, and the rest of the
// object's name.
func (m *Memory) find(name string) (r *memoryRecord, rest string) {
	group, rest, _ := strings.Cut(name, "/")
	if r := m.records[group]; r != nil {
		return r, rest
	}
	return &memoryRecord{name: group}, rest
}

func (m *Memory) add(r *memoryRecord) {
	if m.records == nil {
		m.records = map[string]*memoryRecord{}
	}
	m.records[r.name] = r
	r.objects = map[string]memoryObject{}
	r.element = m.stages[r.stage].records.PushBack(r)
}

func (m *Memory) grow(r *memoryRecord, more int) {
	r.size += more
	m.stages[r.stage].size += more
}

// move appends a record to a stage.
func (m *Memory) move(r *memoryRecord, to stage) {
	from := &m.stages[r.stage]
	from.records.Remove(r.element)
	from.size -= r.size
	r.stage = to
	r.element = m.stages[to].records.PushBack(r)
	m.stages[to].size += r.size
}

func (m *Memory) dropObject(r *memoryRecord, rest string) {
	if o, ok := r.objects[rest]; ok {
		m.grow(r, -(len(r.name) + 1 + len(rest) + len(o.data) + objectOverhead))
		delete(r.objects, rest)
	}
}

func (m *Memory) drop(r *memoryRecord) {
	m.stages[r.stage].records.Remove(r.element)
	m.stages[r.stage].size -= r.size
	delete(m.records, r.name)
}

// makeRoom drops replies and records, oldest first and never of r, until r can grow by more bytes.
// It reports whether r can; if not, it drops nothing.
func (m *Memory) makeRoom(more int, r *memoryRecord) bool {
	over := more - m.room()
	for i := range m.stages {
		over += m.stages[i].size
	}
	spare := m.stages[ended].size + m.stages[dropped].size
	if r.stage != live {
		spare -= r.size
	}
	if over > spare {
		return false
	}
	for e := m.stages[ended].records.Front(); e != nil && over > 0; {
		old := e.Value.(*memoryRecord)
		if e = e.Next(); old != r {
			before := old.size
			m.dropObject(old, old.result)
			over -= before - old.size
			m.move(old, dropped)
		}
	}
	for e := m.stages[dropped].records.Front(); e != nil && over > 0; {
		old := e.Value.(*memoryRecord)
		if e = e.Next(); old != r {
			over -= old.size
			m.drop(old)
		}
	}
	return true
}

// dropExpired drops expired records. The records of a stage are approximately in the order of their
// expiry, so it stops at the first that has not expired.
func (m *Memory) dropExpired() {
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	at := now()
	for i := range m.stages {
		for {
			e := m.stages[i].records.Front()
			if e == nil || e.Value.(*memoryRecord).expires.After(at) {
				break
			}
			m.drop(e.Value.(*memoryRecord))
		}
	}
}

// room returns the limit for all objects, in bytes.
func (m *Memory) room() int { return cmp.Or(m.Room, defaultRoom) }
