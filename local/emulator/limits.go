package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// openLimit is the limit that the headers show as long as none is set for a path.
const openLimit = 10000

// activeLimit is a limit with what it has counted.
type activeLimit struct {
	Limit
	windowEnd time.Time // of the window that runs; the next call after it opens another
	used      int
	inFlight  int
}

// AddLimit sets a rate limit (POST /_emulator/limits). A limit on the same path and method is replaced. It panics where
// the control would answer 400.
func (e *Emulator) AddLimit(l Limit) {
	if problem := l.check(); problem != "" {
		panic("emulator: " + problem)
	}
	l.Method = strings.ToUpper(l.Method)
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, b := range e.org.limits {
		if b.Path == l.Path && b.Method == l.Method {
			e.org.limits[i] = &activeLimit{Limit: l}
			return
		}
	}
	e.org.limits = append(e.org.limits, &activeLimit{Limit: l})
}

// check says what is wrong with a limit, naming the field.
func (l Limit) check() string {
	switch {
	case l.Path == "":
		return "path: is required"
	case l.PerMinute < 0:
		return "per_minute: must not be negative"
	case l.Concurrent < 0:
		return "concurrent: must not be negative"
	case l.PerMinute == 0 && l.Concurrent == 0:
		return "per_minute: one of per_minute and concurrent is required"
	}
	return ""
}

// admit counts the call against every limit that matches and sets the rate-limit headers: those of the limit with least
// left. It returns false where a limit is used up.
func (x *oktaExchange) admit() bool {
	e, now := x.emulator, x.call.at
	e.mu.Lock()
	defer e.mu.Unlock()
	var matching []*activeLimit
	for _, b := range e.org.limits {
		if !matches(b.Path, b.Method, x.call.Request) {
			continue
		}
		matching = append(matching, b)
		if !now.Before(b.windowEnd) {
			b.windowEnd, b.used = now.Add(time.Minute), 0
		}
		if b.PerMinute > 0 && b.used >= b.PerMinute {
			x.setLimitHeaders(b.PerMinute, 0, b.windowEnd)
			return false
		}
		if b.Concurrent > 0 && b.inFlight >= b.Concurrent {
			x.setConcurrencyHeaders()
			return false
		}
	}
	tightest := &activeLimit{Limit: Limit{PerMinute: openLimit}, used: 1, windowEnd: now.Truncate(time.Minute).Add(time.Minute)}
	for i, b := range matching {
		b.used++
		b.inFlight++
		if b.PerMinute > 0 && (i == 0 || b.PerMinute-b.used < tightest.PerMinute-tightest.used) {
			tightest = b
		}
	}
	x.limits = matching
	x.setLimitHeaders(tightest.PerMinute, tightest.PerMinute-tightest.used, tightest.windowEnd)
	return true
}

// setConcurrencyHeaders marks a refusal of Okta's concurrency limit, whose reset is a guess.
func (x *oktaExchange) setConcurrencyHeaders() {
	x.setLimitHeaders(0, 0, x.call.at.Add(time.Second))
}

// setLimitHeaders sets the rate-limit headers; the reset is rounded up to a second, for the window is over by then.
func (x *oktaExchange) setLimitHeaders(limit, left int, reset time.Time) {
	h := x.Header()
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Add(time.Second-1).Unix(), 10))
}

// matches tells whether a fault or a limit concerns a request. The glob is held against the path as sent and as decoded.
func matches(glob, method string, r *http.Request) bool {
	return (method == "" || method == r.Method) && (matchGlob(glob, r.URL.Path) || matchGlob(glob, r.URL.EscapedPath()))
}

// matchGlob matches s against a glob in which * stands for anything, / included.
func matchGlob(glob, s string) bool {
	parts := strings.Split(glob, "*")
	if len(parts) == 1 {
		return glob == s
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, s, ok = strings.Cut(s, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}
