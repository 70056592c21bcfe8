package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// delays are the delays of asynchronous operations in Okta. The zero value has none.
type delays struct {
	search       time.Duration // age of the users and groups in the search index
	log          time.Duration // of the System Log
	deactivation Deactivation
	pending      []*user // users whose change of status is not complete
}

// Deactivation controls how users are deactivated, and the response to a write on a DEPROVISIONED
// user.
type Deactivation struct {
	// MS is the duration of the change in milliseconds, during which transitioningToStatus is set.
	MS int `json:"ms"`
	// Refusal is the status of every write except an activation: 403 (E0000038) or 404 (E0000007).
	// With 0 the status depends on the operation.
	Refusal int `json:"refusal"`
}

// searchLag is the body of POST /_emulator/search-lag.
type searchLag struct {
	MS int `json:"ms"`
}

func (s searchLag) check() string { return checkMS(s.MS) }

func (d Deactivation) check() string {
	if d.Refusal != 0 && d.Refusal != http.StatusForbidden && d.Refusal != http.StatusNotFound {
		return "refusal: must be 0, 403 or 404"
	}
	return checkMS(d.MS)
}

func checkMS(ms int) string {
	if ms < 0 || time.Duration(ms)*time.Millisecond > maxLatency {
		return "ms: must be 0 to 600000"
	}
	return ""
}

// SetSearchLag sets the age of the users and groups in search results until reset
// (POST /_emulator/search-lag).
func (e *Emulator) SetSearchLag(lag time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.delays.search = lag
}

// SetDeactivation sets how users are deactivated until reset (POST /_emulator/deactivation).
func (e *Emulator) SetDeactivation(d Deactivation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.delays.deactivation = d
}

// userVersion is the state of a user before a write.
type userVersion struct {
	until time.Time
	user  user
}

// keepVersion stores the state of the user before a write and removes states that search no longer
// needs.
func (o *org) keepVersion(u *user, at time.Time) {
	if o.delays.search == 0 {
		return
	}
	before := *u
	before.versions = nil
	oldest := at.Add(-o.delays.search)
	u.versions = slices.DeleteFunc(u.versions, func(v userVersion) bool { return !v.until.After(oldest) })
	u.versions = append(u.versions, userVersion{at, before})
}

// indexedUser returns the user in the search index at a time, or nil if it is not indexed yet.
func (o *org) indexedUser(u *user, at time.Time) *user {
	at = at.Add(-o.delays.search)
	if o.delays.search > 0 && u.created.After(at) {
		return nil
	}
	for i, v := range u.versions {
		if v.until.After(at) {
			return &u.versions[i].user
		}
	}
	return u
}

// completeChanges completes the pending changes of status that are due.
func (o *org) completeChanges(now time.Time) {
	o.delays.pending = slices.DeleteFunc(o.delays.pending, func(u *user) bool {
		due := !u.due.After(now)
		if due {
			o.keepVersion(u, u.due)
			u.deprovision(u.due)
		}
		return due
	})
}

// statusError returns the error of a write on a user whose deactivation is pending or complete, or
// nil if the write is allowed.
func (o *org) statusError(c *oktaCall, u *user) *oktaError {
	lifecycle := strings.Contains(c.URL.Path, "/lifecycle/")
	switch {
	case c.Method == http.MethodGet:
	case u.becoming != "" && lifecycle:
		return errWrongStatus
	case u.status != statusDeprovisioned || strings.HasSuffix(c.URL.Path, "/lifecycle/activate"):
	case o.delays.deactivation.Refusal == http.StatusForbidden:
		return errWrongStatus
	case o.delays.deactivation.Refusal == http.StatusNotFound:
		return notFound(u.id, "User")
	}
	return nil
}

// errBadPath is the response of the Okta front end to an invalid path. It is HTML.
var errBadPath = &oktaError{status: http.StatusBadRequest, html: "<html><head><title>400 Bad Request</title></head>" +
	"<body><center><h1>400 Bad Request</h1></center></body></html>\n"}

// isValidPath reports whether Okta's front end accepts a path: no element may contain / ? # [ ] \ ;
// % or a control character, escaped or not.
func isValidPath(u *url.URL) bool {
	return !slices.ContainsFunc(strings.Split(u.EscapedPath(), "/"), func(element string) bool {
		text, err := url.PathUnescape(element)
		return err != nil || strings.ContainsFunc(text, func(r rune) bool {
			return strings.ContainsRune(`/?#[]\;%`, r) || unicode.IsControl(r)
		})
	})
}
