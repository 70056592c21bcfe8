package console

import (
	"encoding/json"
	"sync"
	"time"
)

// The bounds of the stream of events.
const (
	maxRecent  = 500     // events of each kind that a new page shows
	maxWaiting = 256     // events that wait for one page; a page that reads slower misses some, and shows how many
	maxRecord  = 8 << 10 // bytes of an audit record; of a longer one the page shows some of its members
)

// The kinds of events.
const (
	kindCall    = "call"
	kindAudit   = "audit"
	kindMessage = "message"
)

// event is something that happened in the product. It has no header and no body of a request, and no secret.
type event struct {
	Kind   string    `json:"kind"`
	Time   time.Time `json:"time"`
	Run    string    `json:"run,omitempty"`    // of the request to the functions by which it happened; "" for none
	Action string    `json:"action,omitempty"` // of that request
	// One of these is set.
	Call    *call           `json:"call,omitempty"`
	Audit   json.RawMessage `json:"audit,omitempty"`
	Message *Message        `json:"message,omitempty"`
}

// call is a request to Okta.
type call struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query"`
	Status int    `json:"status"` // 0: no response arrived
	Millis int64  `json:"ms"`
}

// Message is a result or a dead letter of Pub/Sub, without its data.
type Message struct {
	DeadLetter   bool   `json:"dead_letter"`
	Action       string `json:"action"`
	Status       string `json:"status"` // of a result; of a dead letter the code of its reason
	Text         string `json:"text"`
	InvocationID string `json:"invocation_id"`
}

// Feed passes what happens in the product on to the pages that show it. The zero value is ready.
type Feed struct {
	mu     sync.Mutex
	recent map[string][]json.RawMessage // by kind
	pages  map[*reader]bool
	runs   int
	closed bool
}

// reader is a page that shows the events.
type reader struct {
	events chan json.RawMessage
	missed int
}

func (f *Feed) add(e event) {
	text, err := json.Marshal(e)
	if err != nil {
		return // an event can be encoded
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.recent == nil {
		f.recent = map[string][]json.RawMessage{}
	}
	kept := append(f.recent[e.Kind], text)
	if len(kept) > maxRecent {
		kept = append(kept[:0], kept[1:]...)
	}
	f.recent[e.Kind] = kept
	for p := range f.pages {
		select {
		case p.events <- text:
		default:
			p.missed++
		}
	}
}

// Published passes a message on.
func (f *Feed) Published(m Message, at time.Time) {
	f.add(event{Kind: kindMessage, Time: at, Message: &m})
}

// open returns the recent events, and the ones that follow.
func (f *Feed) open() ([]json.RawMessage, *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &reader{events: make(chan json.RawMessage, maxWaiting)}
	recent := []json.RawMessage{}
	if f.closed {
		close(p.events)
		return recent, p
	}
	for _, kind := range []string{kindCall, kindAudit, kindMessage} {
		recent = append(recent, f.recent[kind]...)
	}
	if f.pages == nil {
		f.pages = map[*reader]bool{}
	}
	f.pages[p] = true
	return recent, p
}

func (f *Feed) close(p *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pages, p)
}

// missed returns the number of events that a page missed since the last call.
func (f *Feed) missed(p *reader) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := p.missed
	p.missed = 0
	return n
}

// Close ends all streams, so that the server can end.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	for p := range f.pages {
		close(p.events)
	}
	f.pages = nil
}
