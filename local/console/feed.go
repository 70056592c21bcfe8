package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The bounds of the stream of requests.
const (
	maxRecent  = 500 // requests that a new page shows
	maxWaiting = 256 // requests that wait for one page; a page that reads slower misses some, and shows how many
)

// Call is a request to the emulator's Okta API. It has no header and no body.
type Call struct {
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Query  string    `json:"query"`
	Status int       `json:"status"` // 0: the connection was closed without a response
	Millis int64     `json:"ms"`
}

// Feed passes the requests to Okta on to the pages that show them. The zero value is ready.
type Feed struct {
	mu     sync.Mutex
	recent []Call
	pages  map[*reader]bool
	closed bool
}

// reader is a page that shows the requests.
type reader struct {
	calls  chan Call
	missed int
}

// Watch records the requests to h, except to the control API.
func (f *Feed) Watch(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_emulator/") {
			h.ServeHTTP(w, r)
			return
		}
		c := Call{Time: time.Now(), Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery}
		s := &statusWriter{ResponseWriter: w}
		defer func() { // also if h closes the connection
			c.Status, c.Millis = s.status, time.Since(c.Time).Milliseconds()
			f.add(c)
		}()
		h.ServeHTTP(s, r)
	})
}

// statusWriter keeps the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	if s.status == 0 && status >= 200 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (f *Feed) add(c Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.recent = append(f.recent, c); len(f.recent) > maxRecent {
		f.recent = append(f.recent[:0], f.recent[1:]...)
	}
	for p := range f.pages {
		select {
		case p.calls <- c:
		default:
			p.missed++
		}
	}
}

// open returns the recent requests, and the ones that follow.
func (f *Feed) open() ([]Call, *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &reader{calls: make(chan Call, maxWaiting)}
	if f.closed {
		close(p.calls)
		return []Call{}, p
	}
	if f.pages == nil {
		f.pages = map[*reader]bool{}
	}
	f.pages[p] = true
	return append([]Call{}, f.recent...), p
}

func (f *Feed) close(p *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pages, p)
}

// missed returns the number of requests that a page missed since the last call.
func (f *Feed) missed(p *reader) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := p.missed
	p.missed = 0
	return n
}

// Clear forgets the requests so far.
func (f *Feed) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recent = nil
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
		close(p.calls)
	}
	f.pages = nil
}

// events sends the requests as server-sent events (https://html.spec.whatwg.org/#server-sent-events): a message is a
// JSON list of requests, an event "missed" the number of those that this page missed.
func (c *console) events(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	recent, p := c.Feed.open()
	defer c.Feed.close(p)
	for calls := recent; ; {
		text, err := json.Marshal(calls)
		if err == nil {
			_, err = fmt.Fprintf(w, "data: %s\n\n", text)
		}
		if n := c.Feed.missed(p); err == nil && n > 0 {
			_, err = fmt.Fprintf(w, "event: missed\ndata: %d\n\n", n)
		}
		if err != nil || out.Flush() != nil {
			return
		}
		select {
		case call, ok := <-p.calls:
			if !ok {
				return
			}
			calls = []Call{call}
			for more := len(p.calls); more > 0; more-- { // those that wait are one message
				if call, ok := <-p.calls; ok {
					calls = append(calls, call)
				}
			}
		case <-r.Context().Done():
			return
		}
	}
}
