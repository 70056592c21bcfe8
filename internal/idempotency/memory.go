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
	// mostInMemory bounds all objects, in bytes.
	mostInMemory = 64 << 20
	// shareOfOne is the part of the room that one object may take, so that no single reply displaces many others.
	shareOfOne = 16
	// objectSize is about what an object takes besides its name and data, in bytes.
	objectSize = 300
)

// Memory keeps objects in the process: for local work, and for one instance that nothing else runs beside. Its room is
// bounded. It never drops what belongs to a run that has not ended. If it needs room, it first drops the replies of the runs
// that ended first: the leases and write intents of these stay, so that a repeat still does not make a write twice that
// must happen once. Only then it drops whole claims. If that is not enough, Write returns ErrFull.
type Memory struct {
	Now  func() time.Time // nil: time.Now
	Room int              // for all objects, in bytes; 0: 64 MiB

	mu      sync.Mutex
	records map[string]*memoryRecord // by the text before the first slash of the objects' names
	stages  [stages]memoryStage
	last    int64 // the newest generation
}

// stage is how far a claim is.
type stage int

const (
	live    stage = iota // a run has not ended
	ended                // its result is kept
	dropped              // its result was dropped; lease and marks are kept
	stages
)

// memoryStage is the claims in one stage, in the order in which they got there.
type memoryStage struct {
	records list.List // of *memoryClaim
	size    int       // in bytes
}

type memoryRecord struct {
	name    string
	objects map[string]memoryObject // by the rest of their names
	holder  string                  // the attempt of the lease
	result  string                  // name of the result
	size    int
	expires time.Time
	stage   stage
	place   *list.Element
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
	c, rest := m.find(name)
	o, ok := c.objects[rest]
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
	if len(data) > m.room()/shareOfOne {
		return 0, ErrTooLarge
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExpired()
	c, rest := m.find(name)
	was, there := c.objects[rest]
	if was.generation != instead {
		return 0, ErrChanged
	}
	more := len(name) + len(data) + objectSize
	if there {
		more = len(data) - len(was.data)
	}
	if !m.makeRoom(more, c) {
		return 0, ErrFull
	}
	if c.place == nil {
		m.add(c)
	}
	m.last++
	c.objects[rest] = memoryObject{append([]byte(nil), data...), m.last}
	m.grow(c, more)
	if l.Expires.After(c.expires) {
		c.expires = l.Expires
	}
	switch {
	case l.Kind == LeaseObject:
		c.holder = l.Attempt
		m.move(c, live)
	case l.Kind == ResultObject && l.Attempt == c.holder:
		c.result = rest
		m.move(c, ended)
	}
	return m.last, nil
}

// Delete implements Objects.
func (m *Memory) Delete(ctx context.Context, name string, generation int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c, rest := m.find(name)
	if c.objects[rest].generation != generation || generation == 0 {
		return ErrChanged
	}
	m.dropObject(c, rest)
	if len(c.objects) == 0 {
		m.drop(c)
	}
	return nil
}

// find returns the claim that an object belongs to, a new one if there is none yet, and the rest of the object's name.
func (m *Memory) find(name string) (c *memoryRecord, rest string) {
	group, rest, _ := strings.Cut(name, "/")
	if c := m.records[group]; c != nil {
		return c, rest
	}
	return &memoryRecord{name: group}, rest
}

func (m *Memory) add(c *memoryRecord) {
	if m.records == nil {
		m.records = map[string]*memoryRecord{}
	}
	m.records[c.name] = c
	c.objects = map[string]memoryObject{}
	c.place = m.stages[c.stage].records.PushBack(c)
}

func (m *Memory) grow(c *memoryRecord, more int) {
	c.size += more
	m.stages[c.stage].size += more
}

// move puts a claim at the end of a stage.
func (m *Memory) move(c *memoryRecord, to stage) {
	from := &m.stages[c.stage]
	from.records.Remove(c.place)
	from.size -= c.size
	c.stage = to
	c.place = m.stages[to].records.PushBack(c)
	m.stages[to].size += c.size
}

func (m *Memory) dropObject(c *memoryRecord, rest string) {
	if o, ok := c.objects[rest]; ok {
		m.grow(c, -(len(c.name) + 1 + len(rest) + len(o.data) + objectSize))
		delete(c.objects, rest)
	}
}

func (m *Memory) drop(c *memoryRecord) {
	m.stages[c.stage].records.Remove(c.place)
	m.stages[c.stage].size -= c.size
	delete(m.records, c.name)
}

// makeRoom drops what it may, oldest first, until so many bytes more fit. It reports whether they do; if they cannot, it
// drops nothing. c, for which the room is, stays.
func (m *Memory) makeRoom(more int, c *memoryRecord) bool {
	over := more - m.room()
	for i := range m.stages {
		over += m.stages[i].size
	}
	spare := m.stages[ended].size + m.stages[dropped].size
	if c.stage != live {
		spare -= c.size
	}
	if over > spare {
		return false
	}
	for e := m.stages[ended].records.Front(); e != nil && over > 0; {
		old := e.Value.(*memoryRecord)
		if e = e.Next(); old != c {
			before := old.size
			m.dropObject(old, old.result)
			over -= before - old.size
			m.move(old, dropped)
		}
	}
	for e := m.stages[dropped].records.Front(); e != nil && over > 0; {
		old := e.Value.(*memoryRecord)
		if e = e.Next(); old != c {
			over -= old.size
			m.drop(old)
		}
	}
	return true
}

// dropExpired drops the claims that have expired. Each stage is about in the order in which its claims expire.
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

// room returns the bound on all objects, in bytes.
func (m *Memory) room() int { return cmp.Or(m.Room, mostInMemory) }
