package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// redacted stands for a credential in the request log.
const redacted = "[redacted]"

// secretHeaders are those whose values the request log does not hold.
var secretHeaders = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Dpop": true, "Cookie": true}

// droppedHeader is the header of GET /_emulator/requests that says how many requests, older than those
// of the body, the log has dropped.
const droppedHeader = "X-Emulator-Dropped"

// Requests returns the calls to Okta's API so far, in order of arrival (GET /_emulator/requests).
// With Options.Keep these are the newest.
func (e *Emulator) Requests() []Request {
	requests, _ := e.log()
	return requests
}

// log returns the request log and the number of requests that it has dropped.
func (e *Emulator) log() (requests []Request, dropped int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	requests = make([]Request, 0, len(e.org.log))
	for _, r := range e.org.log {
		requests = append(requests, *r)
	}
	return requests, e.org.dropped
}

// addToLog adds a request to the log, which drops its oldest requests when it is full. The process log
// says so the first time, then once per Options.Keep requests. The caller holds e.mu.
func (e *Emulator) addToLog(r *Request) {
	o := e.org
	o.log = append(o.log, r)
	for e.keep > 0 && len(o.log) > e.keep {
		if o.dropped%e.keep == 0 {
			e.logger.Info("the emulator's request log is full and drops its oldest requests",
				"kept", e.keep, "dropped", o.dropped+1)
		}
		o.log[0] = nil // the array of the slice still refers to it
		o.log = o.log[1:]
		o.dropped++
	}
}

// ClearRequests empties the request log (DELETE /_emulator/requests).
func (e *Emulator) ClearRequests() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.log, e.org.dropped = nil, 0
}

// logEntry is the masked record of a call.
func logEntry(r *http.Request, at time.Time, body []byte) *Request {
	headers := make(map[string]string, len(r.Header))
	for name, values := range r.Header {
		headers[name] = strings.Join(values, ", ")
		if secretHeaders[name] {
			headers[name] = redacted
		}
	}
	return &Request{
		Time:    at,
		Method:  r.Method,
		Path:    r.URL.EscapedPath(),
		Query:   r.URL.RawQuery,
		Headers: headers,
		Body:    maskBody(r.URL.Path, body),
	}
}

// maskBody hides the passwords of a JSON body and the credentials of a token request, and leaves every other body as it is.
func maskBody(path string, body []byte) string {
	if path == tokenPath {
		return maskForm(body)
	}
	if !bytes.Contains(bytes.ToLower(body), []byte("password")) {
		return string(body)
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return redacted // it cannot be told where the password ends
	}
	return string(encode(maskPasswords(v)))
}

// maskPasswords replaces every string found under a key that names a password.
func maskPasswords(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if strings.Contains(strings.ToLower(key), "password") {
				v[key] = maskStrings(member)
			} else {
				v[key] = maskPasswords(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = maskPasswords(v[i])
		}
	}
	return v
}

// maskStrings replaces every string in v.
func maskStrings(v any) any {
	switch v := v.(type) {
	case string:
		return redacted
	case map[string]any:
		for key := range v {
			v[key] = maskStrings(v[key])
		}
		return v
	case []any:
		for i := range v {
			v[i] = maskStrings(v[i])
		}
		return v
	default:
		return v
	}
}
