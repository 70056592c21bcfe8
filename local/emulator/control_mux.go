package emulator

import (
	"net/http"
	"path"
	"strings"
)

// controlHelp describes the endpoints of the control API by pattern.
var controlHelp = map[string]string{
	"GET /_emulator/{$}":    "lists these endpoints",
	"POST /_emulator/reset": "restores the seeded org and the first token",
	"GET /_emulator/requests": "lists the requests to Okta's API, secrets masked; the header " + droppedHeader +
		" is the number of dropped older ones",
	"DELETE /_emulator/requests": "empties the request log",
	"GET /_emulator/signals":     "lists the security event tokens received",
	"POST /_emulator/users":      "adds ?count=N users load0@acme.test, load1@acme.test, …",
	"POST /_emulator/directory": `adds a directory: ` +
		`{"name": "corp.acme.test", "users": ["jane@corp.acme.test"], "groups": ["Staff"]}`,
	"POST /_emulator/deactivation": `sets how users are deactivated: {"ms": 2000, "refusal": 403}`,
	"POST /_emulator/faults": `adds a fault: ` +
		`{"path": "/api/v1/users/*", "method": "POST", "times": 3, "status": 429}`,
	"POST /_emulator/limits": `sets a rate limit: {"path": "/api/v1/users/*", "per_minute": 600, "concurrent": 75}`,
	"POST /_emulator/token": `replaces the API token: {"token": "…"}; ` +
		`with "keep": true the earlier ones stay valid`,
	"POST /_emulator/app":        `changes the service apps: {"scopes": ["okta.users.read"], "dpop": true}`,
	"DELETE /_emulator/tokens":   "revokes the access tokens",
	"GET /_emulator/switches":    "lists the faults, limits, delays and changes of apps that are on",
	"DELETE /_emulator/switches": "switches them off; users, groups and logs stay",
	"POST /_emulator/search-lag": `delays the search index: {"ms": 2000}`,
}

// controlEndpoint is an entry of GET /_emulator/.
type controlEndpoint struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Help   string `json:"help"`
}

// controlMux routes the control API and lists its endpoints at GET /_emulator/.
type controlMux struct {
	mux       http.ServeMux
	endpoints []controlEndpoint
}

// newControlMux returns a mux that serves the list of its endpoints.
func newControlMux() *controlMux {
	m := &controlMux{}
	m.HandleFunc("GET /_emulator/{$}", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, m.endpoints)
	})
	return m
}

// HandleFunc registers an endpoint by the pattern "METHOD /path".
func (m *controlMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	method, route, _ := strings.Cut(pattern, " ")
	m.endpoints = append(m.endpoints, controlEndpoint{method, strings.TrimSuffix(route, "{$}"), controlHelp[pattern]})
	m.mux.HandleFunc(pattern, h)
}

// ServeHTTP implements http.Handler. It ignores a trailing slash and writes 404 and 405 as JSON.
func (m *controlMux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := path.Clean(r.URL.Path)
	if route == "/_emulator" {
		route += "/"
	}
	u := *r.URL
	u.Path, u.RawPath = route, ""
	r2 := *r
	r2.URL = &u
	h, pattern := m.mux.Handler(&r2)
	if pattern != "" {
		h.ServeHTTP(w, &r2)
		return
	}
	refusal := &discardWriter{http.Header{}}
	h.ServeHTTP(refusal, &r2)
	if allow := refusal.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		writeControlError(w, http.StatusMethodNotAllowed, "the method must be "+allow)
		return
	}
	writeControlError(w, http.StatusNotFound,
		"the control API has no endpoint "+r.URL.Path+"; GET /_emulator/ lists the endpoints")
}
