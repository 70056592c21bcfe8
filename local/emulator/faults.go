package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxLatency is the longest wait of a fault.
const maxLatency = 10 * time.Minute

// fault is a Fault that stands.
type fault struct {
	Fault
	left int // calls it still meets, where Times is above 0
}

// AddFault plays a fault from now on (POST /_emulator/faults). It panics where the control would answer 400.
func (e *Emulator) AddFault(f Fault) {
	if problem := f.check(); problem != "" {
		panic("emulator: " + problem)
	}
	f.Method = strings.ToUpper(f.Method)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.faults = append(e.org.faults, &fault{Fault: f, left: f.Times})
}

// check says what is wrong with a fault, naming the field.
func (f Fault) check() string {
	switch {
	case f.Path == "":
		return "path: is required"
	case f.Times < 0:
		return "times: must not be negative"
	case f.LatencyMS < 0 || time.Duration(f.LatencyMS)*time.Millisecond > maxLatency:
		return "latency_ms: must be 0 to 600000"
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return "status: must be 200 to 599"
	case f.Hang && (f.Drop || f.Status != 0):
		return "hang: what never replies has no status and is not dropped"
	case f.Status == 0 && (f.Body != "" || len(f.Headers) > 0):
		return "status: is required where there is a body or headers"
	case f.CarriedOut && !f.ends():
		return "carried_out: is for a fault with status, drop or hang"
	case !f.ends() && f.LatencyMS == 0:
		return "status: one of status, drop, hang and latency_ms is required"
	}
	return ""
}

// ends tells whether the fault ends a call; else it only delays it.
func (f Fault) ends() bool { return f.Drop || f.Hang || f.Status != 0 }

// meetFault plays the faults that match the call and tells whether they ended it.
func (x *exchange) meetFault() bool {
	f, wait := x.emulator.takeFault(x.call.Request)
	if wait > 0 {
		// A caller that gives up does not undo the call: it is carried out, as it would be at Okta.
		select {
		case <-time.After(wait):
		case <-x.call.Context().Done():
		}
	}
	if f == nil {
		return false
	}
	x.faulty = true
	if f.CarriedOut {
		unheard := *x
		unheard.ResponseWriter, unheard.entry, unheard.held, unheard.faulty = &nobody{http.Header{}}, &Request{}, nil, false
		unheard.carryOut()
	}
	if f.Hang {
		<-x.call.Context().Done()
	}
	if f.Status == 0 {
		x.end(0, nil)
		panic(http.ErrAbortHandler) // net/http closes the connection without a reply
	}
	if f.Status == http.StatusTooManyRequests {
		x.setConcurrencyHeaders()
	}
	for name, value := range f.Headers {
		if value == "" {
			x.Header()[http.CanonicalHeaderKey(name)] = nil // nil, and not absent, also silences Date
		} else {
			x.Header().Set(name, value)
		}
	}
	var body []byte
	switch {
	case f.Body != "":
		body = []byte(f.Body)
	case f.Status >= 400:
		body = encode(errorForStatus(f.Status).body(x.call.id))
	}
	if f.Drop {
		x.breakOff(f.Status, body)
	}
	x.send(f.Status, body)
	return true
}

// breakOff sends a reply up to the middle of its body and closes the connection.
func (x *exchange) breakOff(status int, body []byte) {
	x.Header().Set("Content-Length", strconv.Itoa(max(2, len(body))))
	x.send(status, append(body, ' ')[:max(1, len(body)/2)])
	_ = http.NewResponseController(x.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// nobody is a ResponseWriter whose reply is not heard.
type nobody struct{ header http.Header }

func (n *nobody) Header() http.Header         { return n.header }
func (n *nobody) Write(b []byte) (int, error) { return len(b), nil }
func (n *nobody) WriteHeader(int)             {}

// takeFault counts the call against the first fault that ends calls and against every latency; it returns the former and
// how long to wait in all.
func (e *Emulator) takeFault(r *http.Request) (*Fault, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var (
		ends  *Fault
		wait  time.Duration
		stand []*fault
	)
	for _, f := range e.org.faults {
		applies := matches(f.Path, f.Method, r)
		if applies && f.ends() {
			applies = ends == nil
			if applies {
				ends = &f.Fault
			}
		}
		if applies {
			wait += time.Duration(f.LatencyMS) * time.Millisecond
			f.left--
		}
		if f.Times == 0 || f.left > 0 {
			stand = append(stand, f)
		}
	}
	e.org.faults = stand
	return ends, wait
}
