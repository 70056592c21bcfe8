package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// defaultLimit is the limit in the headers if no limit matches the path. It is not enforced.
const defaultLimit = 10000

// activeLimit is a Limit with its counters.
type activeLimit struct {
	Limit
	windowEnd time.Time // the first request after it starts the next window
	used      int
	inFlight  int
}

// AddLimit sets a rate limit (POST /_emulator/limits). It replaces a limit for the same path and
// method. It panics if the limit is not valid.
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

// check returns the problem with a limit and the field, or "".
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

// admit counts the request against every limit that matches and sets the rate-limit headers to
// those of the limit with the fewest requests left. It returns false if a limit is exceeded.
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
	tightest := &activeLimit{
		Limit: Limit{PerMinute: defaultLimit}, used: 1, windowEnd: now.Truncate(time.Minute).Add(time.Minute),
	}
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

// setConcurrencyHeaders sets the headers of a response at the concurrency limit. Its reset is
// arbitrary, as in Okta.
func (x *oktaExchange) setConcurrencyHeaders() {
	x.setLimitHeaders(0, 0, x.call.at.Add(time.Second))
}

// setLimitHeaders sets the rate-limit headers. The reset is rounded up to a second, so that the
// window has ended by then.
func (x *oktaExchange) setLimitHeaders(limit, left int, reset time.Time) {
	h := x.Header()
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Add(time.Second-1).Unix(), 10))
}

// matches reports whether a fault or a limit applies to a request. The glob may match the path as
// sent or as decoded.
func matches(glob, method string, r *http.Request) bool {
	return (method == "" || method == r.Method) && (matchGlob(glob, r.URL.Path) || matchGlob(glob, r.URL.EscapedPath()))
}

// matchGlob reports whether s matches a glob, in which * matches any text, including /.
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
