package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxLatency is the maximum latency of a fault.
const maxLatency = 10 * time.Minute

// activeFault is a Fault with its counter.
type activeFault struct {
	Fault
	remaining int // requests, if Times is not 0
}

// AddFault adds a fault for the next requests that match (POST /_emulator/faults). It panics if the
// fault is not valid.
func (e *Emulator) AddFault(f Fault) {
	if problem := f.check(); problem != "" {
		panic("emulator: " + problem)
	}
	f.Method = strings.ToUpper(f.Method)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.faults = append(e.org.faults, &activeFault{Fault: f, remaining: f.Times})
}

// check returns the problem with a fault and the field, or "".
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
	}
	return f.checkCombination()
}

func (f Fault) checkCombination() string {
	switch {
	case f.Hang && (f.Drop || f.Status != 0):
		return "hang: cannot be combined with status or drop"
	case f.Status == 0 && (f.Body != "" || len(f.Headers) > 0):
		return "status: is required with body and headers"
	case f.CarriedOut && !f.endsCall():
		return "carried_out: requires status, drop or hang"
	case !f.endsCall() && f.LatencyMS == 0:
		return "status: one of status, drop, hang and latency_ms is required"
	}
	return ""
}

// endsCall reports whether the fault ends a request; otherwise it only delays it.
func (f Fault) endsCall() bool { return f.Drop || f.Hang || f.Status != 0 }

// meetFault applies the faults that match the request and reports whether they ended it.
func (x *oktaExchange) meetFault() bool {
	f, wait := x.emulator.takeFault(x.call.Request)
	if wait > 0 {
		// As in Okta, a request is executed even if its client gives up.
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
		discarded := *x
		discarded.ResponseWriter, discarded.entry = &discardWriter{http.Header{}}, &LoggedRequest{}
		discarded.limits, discarded.faulty = nil, false
		discarded.execute()
	}
	if f.Hang {
		<-x.call.Context().Done()
	}
	if f.Status == 0 {
		x.end(0, nil)
		panic(http.ErrAbortHandler) // net/http closes the connection without a response
	}
	if f.Status == http.StatusTooManyRequests {
		x.setConcurrencyHeaders()
	}
	for name, value := range f.Headers {
		if value == "" {
			x.Header()[http.CanonicalHeaderKey(name)] = nil // unlike a missing key, nil also removes Date
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

// breakOff sends a response up to the middle of its body and closes the connection.
func (x *oktaExchange) breakOff(status int, body []byte) {
	x.Header().Set("Content-Length", strconv.Itoa(max(2, len(body))))
	x.send(status, append(body, ' ')[:max(1, len(body)/2)])
	_ = http.NewResponseController(x.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// discardWriter is a ResponseWriter that discards the response.
type discardWriter struct{ header http.Header }

func (n *discardWriter) Header() http.Header         { return n.header }
func (n *discardWriter) Write(b []byte) (int, error) { return len(b), nil }
func (n *discardWriter) WriteHeader(int)             {}

// takeFault counts the request against the first matching fault that ends requests, which it
// returns, and against every matching latency. It returns the sum of the latencies.
func (e *Emulator) takeFault(r *http.Request) (*Fault, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var (
		ending *Fault
		wait   time.Duration
		active []*activeFault
	)
	for _, f := range e.org.faults {
		applies := matches(f.Path, f.Method, r)
		if applies && f.endsCall() {
			applies = ending == nil
			if applies {
				ending = &f.Fault
			}
		}
		if applies {
			wait += time.Duration(f.LatencyMS) * time.Millisecond
			f.remaining--
		}
		if f.Times == 0 || f.remaining > 0 {
			active = append(active, f)
		}
	}
	e.org.faults = active
	return ending, wait
}
