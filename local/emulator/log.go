package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// redacted replaces a credential in the request log.
const redacted = "[redacted]"

// secretHeaders are the headers whose values the request log masks.
var secretHeaders = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Dpop": true, "Cookie": true}

// droppedHeader is the header of GET /_emulator/requests with the number of requests that the log
// has dropped.
const droppedHeader = "X-Emulator-Dropped"

// Requests returns the request log in order of arrival (GET /_emulator/requests).
func (e *Emulator) Requests() []LoggedRequest {
	requests, _ := e.log()
	return requests
}

// log returns the request log and the number of requests that it has dropped.
func (e *Emulator) log() (requests []LoggedRequest, dropped int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	requests = make([]LoggedRequest, 0, len(e.org.log))
	for _, r := range e.org.log {
		requests = append(requests, *r)
	}
	return requests, e.org.dropped
}

// addToLog adds a request to the request log and drops the oldest one if the log is full. It logs
// the first drop, and then one in Options.Keep. The caller holds e.mu.
func (e *Emulator) addToLog(r *LoggedRequest) {
	o := e.org
	o.log = append(o.log, r)
	for e.keep > 0 && len(o.log) > e.keep {
		if o.dropped%e.keep == 0 {
			e.logger.Info("the emulator's request log is full and drops its oldest requests",
				"kept", e.keep, "dropped", o.dropped+1)
		}
		o.log[0] = nil // so that the array does not keep it in memory
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

// logEntry returns the masked record of a request.
func logEntry(r *http.Request, at time.Time, body []byte) *LoggedRequest {
	headers := make(map[string]string, len(r.Header))
	for name, values := range r.Header {
		headers[name] = strings.Join(values, ", ")
		if secretHeaders[name] {
			headers[name] = redacted
		}
	}
	return &LoggedRequest{
		Time:    at,
		Method:  r.Method,
		Path:    r.URL.EscapedPath(),
		Query:   r.URL.RawQuery,
		Headers: headers,
		Body:    maskBody(r.URL.Path, body),
	}
}

// maskBody masks the passwords in a JSON body and the credentials in a token request. It returns
// any other body unchanged.
func maskBody(path string, body []byte) string {
	if path == tokenPath {
		return maskForm(body)
	}
	if !bytes.Contains(bytes.ToLower(body), []byte("password")) {
		return string(body)
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return redacted // the end of the password is unknown
	}
	return string(encode(maskPasswords(v)))
}

// maskPasswords replaces every string in a member whose name contains "password".
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
