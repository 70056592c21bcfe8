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

// Requests returns the calls to Okta's API so far, in order of arrival (GET /_emulator/requests).
func (e *Emulator) Requests() []Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Request, 0, len(e.org.log))
	for _, r := range e.org.log {
		out = append(out, *r)
	}
	return out
}

// ClearRequests empties the request log (DELETE /_emulator/requests).
func (e *Emulator) ClearRequests() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.log = nil
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
