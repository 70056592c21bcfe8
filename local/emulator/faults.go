package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxLatency is the longest wait of a fault.
const maxLatency = 10 * time.Minute

// activeFault is a Fault that stands.
type activeFault struct {
	Fault
	remaining int // calls it still meets, where Times is above 0
}

// AddFault plays a fault from now on (POST /_emulator/faults). It panics where the control would answer 400.
func (e *Emulator) AddFault(f Fault) {
	if problem := f.check(); problem != "" {
		panic("emulator: " + problem)
	}
	f.Method = strings.ToUpper(f.Method)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.faults = append(e.org.faults, &activeFault{Fault: f, remaining: f.Times})
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
	case f.CarriedOut && !f.endsCall():
		return "carried_out: is for a fault with status, drop or hang"
	case !f.endsCall() && f.LatencyMS == 0:
		return "status: one of status, drop, hang and latency_ms is required"
	}
	return ""
}

// endsCall tells whether the fault ends a call; else it only delays it.
func (f Fault) endsCall() bool { return f.Drop || f.Hang || f.Status != 0 }

// meetFault plays the faults that match the call and tells whether they ended it.
func (x *oktaExchange) meetFault() bool {
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
		unheard.ResponseWriter, unheard.entry, unheard.limits, unheard.faulty = &discardWriter{http.Header{}}, &Request{}, nil, false
		unheard.execute()
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
func (x *oktaExchange) breakOff(status int, body []byte) {
	x.Header().Set("Content-Length", strconv.Itoa(max(2, len(body))))
	x.send(status, append(body, ' ')[:max(1, len(body)/2)])
	_ = http.NewResponseController(x.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// discardWriter is a ResponseWriter whose reply is not heard.
type discardWriter struct{ header http.Header }

func (n *discardWriter) Header() http.Header         { return n.header }
func (n *discardWriter) Write(b []byte) (int, error) { return len(b), nil }
func (n *discardWriter) WriteHeader(int)             {}

// takeFault counts the call against the first fault that ends calls and against every latency; it returns the former and
// how long to wait in all.
func (e *Emulator) takeFault(r *http.Request) (*Fault, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var (
		ends  *Fault
		wait  time.Duration
		stand []*activeFault
	)
	for _, f := range e.org.faults {
		applies := matches(f.Path, f.Method, r)
		if applies && f.endsCall() {
			applies = ends == nil
			if applies {
				ends = &f.Fault
			}
		}
		if applies {
			wait += time.Duration(f.LatencyMS) * time.Millisecond
			f.remaining--
		}
		if f.Times == 0 || f.remaining > 0 {
			stand = append(stand, f)
		}
	}
	e.org.faults = stand
	return ends, wait
}
