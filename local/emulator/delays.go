package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// delays is how far Okta's asynchronous parts are behind. The zero value is never behind.
type delays struct {
	search       time.Duration // search shows users and groups as they were this long ago
	deactivation Deactivation
	pending     []*user // users with a change of status under way
}

// Deactivation is how Okta deactivates users, and how it refuses a write on a user who is DEPROVISIONED.
type Deactivation struct {
	MS      int `json:"ms"`      // how long the change takes, in milliseconds; transitioningToStatus is set meanwhile
	Refusal int `json:"refusal"` // 403 (E0000038) or 404 (E0000007) for every write but an activation; 0: as each call has it
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

// SetSearchLag makes search show users and groups as they were this long ago, until reset (POST /_emulator/search-lag).
func (e *Emulator) SetSearchLag(lag time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.delays.search = lag
}

// SetDeactivation chooses how users are deactivated, until reset (POST /_emulator/deactivation).
func (e *Emulator) SetDeactivation(d Deactivation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.delays.deactivation = d
}

// userVersion is a user as it was before a write.
type userVersion struct {
	until time.Time
	user  user
}

// keepVersion notes the user before a write, as long as search may show it.
func (o *org) keepVersion(u *user, at time.Time) {
	if o.delays.search == 0 {
		return
	}
	was := *u
	was.versions = nil
	u.versions = slices.DeleteFunc(u.versions, func(v userVersion) bool { return !v.until.After(at.Add(-o.delays.search)) })
	u.versions = append(u.versions, userVersion{at, was})
}

// indexedUser is the user as the search index has it at a time; nil if it does not have the user yet.
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

// completeChanges completes the changes of status that are due.
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

// statusError is the error of a write on a user whose deactivation is under way or complete, nil if the write is allowed.
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

// errBadPath is what Okta's front end answers to a path that it does not take, before any handler: no JSON.
var errBadPath = &oktaError{status: http.StatusBadRequest, html: "<html><head><title>400 Bad Request</title></head>" +
	"<body><center><h1>400 Bad Request</h1></center></body></html>\n"}

// isValidPath reports whether Okta's front end takes a path: no element of it may hold / ? # [ ] \ ; % or a control
// character, escaped or not.
func isValidPath(u *url.URL) bool {
	return !slices.ContainsFunc(strings.Split(u.EscapedPath(), "/"), func(element string) bool {
		text, err := url.PathUnescape(element)
		return err != nil || strings.ContainsFunc(text, func(r rune) bool {
			return strings.ContainsRune(`/?#[]\;%`, r) || unicode.IsControl(r)
		})
	})
}
