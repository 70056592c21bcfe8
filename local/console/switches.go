package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
)

// breaker is a failure that a button switches on, by a request to the control API of the emulator.
type breaker struct{ Label, Path, Body string }

var breakers = []breaker{
	{"One 429 on users", "faults", `{"path": "/api/v1/users/*", "times": 1, "status": 429}`},
	{"One 500", "faults", `{"path": "*", "times": 1, "status": 500}`},
	{"Lose the response of a write", "faults",
		`{"path": "*/lifecycle/*", "times": 1, "drop": true, "carried_out": true}`},
	{"300 ms latency", "faults", `{"path": "*", "latency_ms": 300}`},
	{"60 requests a minute", "limits", `{"path": "/api/v1/users/*", "per_minute": 60}`},
	{"Search lags 10 s", "search-lag", `{"ms": 10000}`},
}

// control passes a request on to the control API of the emulator.
func (c *console) control(w http.ResponseWriter, r *http.Request) {
	to := r.Clone(r.Context())
	to.URL.Path, to.URL.RawPath = "/_emulator/"+r.PathValue("path"), ""
	c.Emulator.ServeHTTP(w, to)
}

// switches returns what is switched on, as a sentence.
func (c *console) switches(w http.ResponseWriter, _ *http.Request) {
	on := c.Emulator.Switches()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"text": sentence(on), "scopes": on.Scopes})
}

// sentence describes the switches that are on; "" for none.
func sentence(s emulator.Switches) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	for _, f := range s.Faults {
		add("%s", describe(f))
	}
	for _, l := range s.Limits {
		if l.PerMinute > 0 {
			add("%s a minute on %s", action.Count(l.PerMinute, "request"), l.Path)
		}
		if l.Concurrent > 0 {
			add("%s at a time on %s", action.Count(l.Concurrent, "request"), l.Path)
		}
	}
	if s.SearchLagMS > 0 {
		add("search lags %d ms", s.SearchLagMS)
	}
	if d := s.Deactivation; d.MS > 0 {
		add("a deactivation takes %d ms", d.MS)
	}
	if d := s.Deactivation; d.Refusal > 0 {
		add("writes on deactivated users are refused with %d", d.Refusal)
	}
	if s.DPoP {
		add("DPoP is required")
	}
	if len(s.Missing) > 0 {
		add("without %s", strings.Join(s.Missing, ", "))
	}
	return strings.Join(parts, "; ")
}

// describe describes a fault, such as "429 on /api/v1/users/* (1 left)".
func describe(f emulator.Fault) string {
	var parts []string
	if f.LatencyMS > 0 {
		parts = append(parts, fmt.Sprintf("%d ms latency", f.LatencyMS))
	}
	switch {
	case f.CarriedOut:
		parts = append(parts, "lost response")
	case f.Hang:
		parts = append(parts, "no response")
	case f.Drop:
		parts = append(parts, "closed connection")
	case f.Status != 0:
		parts = append(parts, fmt.Sprint(f.Status))
	}
	text := strings.Join(parts, ", ") + " on "
	if f.Method != "" {
		text += f.Method + " "
	}
	text += strings.Replace(f.Path, "*", "all paths", max(0, 2-len(f.Path)))
	if f.Times > 0 {
		text += fmt.Sprintf(" (%d left)", f.Times)
	}
	return text
}
