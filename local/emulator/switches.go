package emulator

import (
	"slices"
	"time"
)

// Switches are the settings that make the organization fail, change slowly or refuse, until reset.
type Switches struct {
	Faults       []Fault      `json:"faults"` // with the number of requests that are left as times
	Limits       []Limit      `json:"limits"`
	SearchLagMS  int          `json:"search_lag_ms"`
	Deactivation Deactivation `json:"deactivation"`
	// Of the first service app, by client ID. Without one the scopes are nil, and so is Missing unless a scope was
	// taken away.
	Scopes  []string `json:"scopes"`
	Missing []string `json:"missing_scopes"`
	DPoP    bool     `json:"dpop"` // required since the product started
}

// Switches returns the settings that are on (GET /_emulator/switches).
func (e *Emulator) Switches() Switches {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Switches{
		Faults: []Fault{}, Limits: []Limit{}, SearchLagMS: int(e.org.delays.search / time.Millisecond),
		Deactivation: e.org.delays.deactivation,
	}
	for _, f := range e.org.faults {
		left := f.Fault
		left.Times = f.remaining
		s.Faults = append(s.Faults, left)
	}
	for _, l := range e.org.limits {
		s.Limits = append(s.Limits, l.Limit)
	}
	var first string
	for id := range e.apps {
		if first == "" || id < first {
			first = id
		}
	}
	if a := e.org.apps[first]; a != nil {
		s.Scopes, s.DPoP = a.Scopes, a.DPoP && !e.apps[first].DPoP
		for _, scope := range e.apps[first].Scopes {
			if !slices.Contains(a.Scopes, scope) && !slices.Contains(s.Missing, scope) {
				s.Missing = append(s.Missing, scope)
			}
		}
	}
	return s
}

// SwitchOff removes all faults, limits, delays and changes of apps (DELETE /_emulator/switches). Users, groups and the
// logs stay.
func (e *Emulator) SwitchOff() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.faults, e.org.limits = nil, nil
	e.org.delays.search, e.org.delays.deactivation = 0, Deactivation{}
	e.org.addApps(e.apps)
}
