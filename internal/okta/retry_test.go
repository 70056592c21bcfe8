package okta_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// stub is one response of a scripted Okta; status 0 closes the connection without a response.
type stub struct {
	status  int
	body    string
	headers map[string]string
}

// script returns one stub after another, the last one again and again, and records the requests.
type script struct {
	mu       sync.Mutex
	stubs    []stub
	requests []string
	bodies   []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	next := s.stubs[0]
	if len(s.stubs) > 1 {
		s.stubs = s.stubs[1:]
	}
	s.requests, s.bodies = append(s.requests, r.Method+" "+r.URL.Path), append(s.bodies, string(body))
	s.mu.Unlock()
	if next.status == 0 {
		panic(http.ErrAbortHandler)
	}
	for name, value := range next.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
}

// sent returns the requests so far and their bodies.
func (s *script) sent() (requests, bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.requests...), append([]string{}, s.bodies...)
}

// scripted returns a client of a scripted Okta, and its clock.
func scripted(t *testing.T, stubs ...stub) (*okta.Client, *script, *testkit.Clock) {
	t.Helper()
	s := &script{stubs: stubs}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	o := options(t, server.URL)
	clock := testkit.NewClock()
	o.Clock = clock
	return okta.New(o), s, clock
}

var (
	found     = stub{200, userJSON, nil}
	suspended = stub{200, strings.Replace(userJSON, "ACTIVE", "SUSPENDED", 1), nil}
	done      = stub{200, `{}`, nil}
	lost      = stub{}
	readOnly  = stub{503, `{"errorCode":"E0000010","errorSummary":"Service is in read only mode"}`, nil}
	broken    = stub{500, `{"errorCode":"E0000009","errorSummary":"Internal Server Error"}`, nil}
	busy      = stub{503, `{"errorCode":"E0000181","errorSummary":"Service temporarily unavailable"}`, nil}
	proxy503  = stub{503, `<html>upstream reset</html>`, nil}
	tooMany   = stub{429, `{"errorCode":"E0000047","errorSummary":"Too many requests"}`, map[string]string{
		"X-Rate-Limit-Limit": "0", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445660", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}}
	bare    = stub{429, `slow down`, nil}
	limited = stub{429, `{"errorCode":"E0000047","errorSummary":"Too many requests"}`, map[string]string{
		"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445630", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}}
	notActive  = stub{400, `{"errorCode":"E0000001","errorSummary":"Cannot suspend a user that is not active"}`, nil}
	unfinished = stub{409, `{"errorCode":"E0000112","errorSummary":"Still being activated"}`, nil}
	refused    = stub{400, `{"errorCode":"E0000001","errorSummary":"Api validation failed"}`, nil}
)

const (
	reads    = "GET /api/v1/users/00u1"
	suspends = "POST /api/v1/users/00u1/lifecycle/suspend"
	resets   = "POST /api/v1/users/00u1/lifecycle/reset_password"
	assigns  = "POST /api/v1/users/00u1/roles"
	lists    = "GET /api/v1/users/00u1/roles"
	removes  = "DELETE /api/v1/users/00u1/roles/ra1"
)

func TestRetry_Decisions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method   string
		stubs    []stub
		requests []string
		code     string // "": success
	}{
		"a read after a server error":               {"GetUser", []stub{broken, found}, []string{reads, reads}, ""},
		"a read after a lost connection":            {"GetUser", []stub{lost, lost, lost, found}, []string{reads, reads, reads, reads}, ""},
		"a read after 502":                          {"GetUser", []stub{{502, "", nil}, found}, []string{reads, reads}, ""},
		"a read after 504":                          {"GetUser", []stub{{504, "", nil}, found}, []string{reads, reads}, ""},
		"a read not after 501":                      {"GetUser", []stub{{501, "", nil}, found}, []string{reads}, "okta_501"},
		"a read not after a rejection":              {"GetUser", []stub{refused, found}, []string{reads}, "E0000001"},
		"a read at most four times":                 {"GetUser", []stub{broken}, []string{reads, reads, reads, reads}, "E0000009"},
		"a read at most four times after 429":       {"GetUser", []stub{tooMany}, []string{reads, reads, reads, reads}, "E0000047"},
		"a read after a 429 without headers":        {"GetUser", []stub{bare, found}, []string{reads, reads}, ""},
		"a read after the limit's reset":            {"GetUser", []stub{limited, found}, []string{reads, reads}, ""},
		"a read not after an invalid response":      {"GetUser", []stub{{200, "<html>", nil}, found}, []string{reads}, "bad_reply"},
		"a suspend over the concurrency limit":      {"SuspendUser", []stub{tooMany, done}, []string{suspends, suspends}, ""},
		"a suspend in read-only mode":               {"SuspendUser", []stub{readOnly, done}, []string{suspends, suspends}, ""},
		"a suspend while the user activates":        {"SuspendUser", []stub{unfinished, done}, []string{suspends, suspends}, ""},
		"a lost suspend that was made":              {"SuspendUser", []stub{lost, suspended}, []string{suspends, reads}, ""},
		"a lost suspend that was not":               {"SuspendUser", []stub{lost, found, done}, []string{suspends, reads, suspends}, ""},
		"a lost suspend that was made late":         {"SuspendUser", []stub{lost, found, notActive, suspended}, []string{suspends, reads, suspends, reads}, ""},
		"a lost suspend, then another state":        {"SuspendUser", []stub{lost, found, notActive, found}, []string{suspends, reads, suspends, reads}, "E0000001"},
		"a suspend with a server error, made":       {"SuspendUser", []stub{broken, suspended}, []string{suspends, reads}, ""},
		"a suspend with a proxy's 503":              {"SuspendUser", []stub{proxy503, found, done}, []string{suspends, reads, suspends}, ""},
		"a lost suspend whose user cannot be read":  {"SuspendUser", []stub{lost}, []string{suspends, reads, reads, reads, reads}, "okta_unreachable"},
		"a reset over the concurrency limit":        {"ResetPassword", []stub{tooMany, {200, resetJSON, nil}}, []string{resets, resets}, ""},
		"a reset in read-only mode":                 {"ResetPassword", []stub{readOnly, {200, resetJSON, nil}}, []string{resets, resets}, ""},
		"no reset that may have begun before a 503": {"ResetPassword", []stub{busy}, []string{resets}, "unknown_result"},
		"a suspend that was made before a 503":      {"SuspendUser", []stub{busy, suspended}, []string{suspends, reads}, ""},
		"no lost reset":                             {"ResetPassword", []stub{lost}, []string{resets}, "unknown_result"},
		"no reset with a server error":              {"ResetPassword", []stub{broken}, []string{resets}, "unknown_result"},
		"no reset with a proxy's 503":               {"ResetPassword", []stub{proxy503}, []string{resets}, "unknown_result"},
		"a lost assignment that was made":           {"AssignRole", []stub{lost, {200, "[" + roleJSON + "]", nil}}, []string{assigns, lists}, ""},
		"a lost assignment that was not":            {"AssignRole", []stub{lost, {200, "[]", nil}, {201, roleJSON, nil}}, []string{assigns, lists, assigns}, ""},
		"an assignment over the concurrency limit":  {"AssignRole", []stub{tooMany, {201, roleJSON, nil}}, []string{assigns, assigns}, ""},
		"a rejected suspend of a suspended user":    {"SuspendUser", []stub{notActive, suspended}, []string{suspends, reads}, "E0000001"},
		"a rejected suspend of an active user":      {"SuspendUser", []stub{notActive, found}, []string{suspends, reads}, "E0000001"},
		"a rejected suspend whose user is not read": {"SuspendUser", []stub{notActive, refused}, []string{suspends, reads}, "E0000001"},
		"a rejected reset, which cannot be read":    {"ResetPassword", []stub{notActive}, []string{resets}, "E0000001"},
		"a suspend with the wrong token":            {"SuspendUser", []stub{{401, `{"errorCode":"E0000011"}`, nil}}, []string{suspends}, "E0000011"},
		"a removal of a role that is gone":          {"UnassignRole", []stub{{404, `{"errorCode":"E0000007"}`, nil}, {200, "[]", nil}}, []string{removes, lists}, "E0000007"},
		"a lost removal that was made":              {"UnassignRole", []stub{lost, {200, "[]", nil}}, []string{removes, lists}, ""},
		"a lost removal that was not":               {"UnassignRole", []stub{lost, {200, "[" + roleJSON + "]", nil}, done}, []string{removes, lists, removes}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s, _ := scripted(t, c.stubs...)
			err := methods[c.method].call(t.Context(), client, "00u1")
			switch f := apierr.As(err); {
			case f == nil && c.code != "":
				t.Errorf("it succeeded, want %s", c.code)
			case f != nil && f.Code != c.code:
				t.Errorf("%s, want %q", f, c.code)
			}
			requests, _ := s.sent()
			if diff := cmp.Diff(c.requests, requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRejectedWrite_ReportsAlreadyApplied: the error of a rejected write reports whether the
// requested state holds. After a lost response the state may be the effect of this client, and the
// error does not report it.
func TestRejectedWrite_ReportsAlreadyApplied(t *testing.T) {
	t.Parallel()
	user := func(status, becoming string) stub {
		return stub{200, `{"id":"00u1","status":"` + status + `","transitioningToStatus":"` + becoming + `"}`, nil}
	}
	forbidden := stub{403, `{"errorCode":"E0000038","errorSummary":"Not allowed in the user's current status."}`, nil}
	for name, c := range map[string]struct {
		method string
		stubs  []stub
		status okta.Status // as read; "": the requested state does not hold
	}{
		"a suspend of a suspended user":              {"SuspendUser", []stub{notActive, suspended}, okta.Suspended},
		"a suspend of a deactivated user":            {"SuspendUser", []stub{forbidden, user("DEPROVISIONED", "")}, okta.Deprovisioned},
		"a suspend of an active user":                {"SuspendUser", []stub{notActive, found}, ""},
		"a suspend of another user":                  {"SuspendUser", []stub{notActive, {200, `{"id":"00u2","status":"SUSPENDED"}`, nil}}, ""},
		"a suspend after the concurrency limit":      {"SuspendUser", []stub{tooMany, notActive, suspended}, okta.Suspended},
		"a lost suspend, deactivated by then":        {"SuspendUser", []stub{lost, found, forbidden, user("DEPROVISIONED", "")}, ""},
		"a deactivation under way":                   {"DeactivateUser", []stub{forbidden, user("ACTIVE", "DEPROVISIONED")}, okta.Active},
		"an unsuspend of a user who is deactivated":  {"UnsuspendUser", []stub{forbidden, user("ACTIVE", "DEPROVISIONED")}, ""},
		"a reactivation of an active user":           {"ReactivateUser", []stub{forbidden, found}, okta.Active},
		"a reactivation of a user who is not active": {"ReactivateUser", []stub{forbidden, user("STAGED", "")}, ""},
		"sessions of a deactivated user":             {"ClearSessions", []stub{forbidden, user("DEPROVISIONED", "")}, okta.Deprovisioned},
		"sessions of an active user":                 {"ClearSessions", []stub{forbidden, found}, ""},
		"a lost clearing, deactivated by then":       {"ClearSessions", []stub{lost, forbidden, user("DEPROVISIONED", "")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s, _ := scripted(t, c.stubs...)
			err := methods[c.method].call(t.Context(), client, "00u1")
			so := okta.AlreadyApplied(err)
			if (so != nil) != (c.status != "") || so != nil && so.User.Status != c.status || apierr.As(err) == nil {
				t.Errorf("%v, want the status %q", err, c.status)
			}
			if requests, _ := s.sent(); len(requests) < 2 {
				t.Errorf("requests %v", requests)
			}
		})
	}
}

// TestLostResponse_ErrorReportsDoubt: a write that may have been made is reported as such, whatever
// the last response was.
func TestLostResponse_ErrorReportsDoubt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method  string
		stubs   []stub
		inDoubt bool
	}{
		"an assignment with a proxy's 502":   {"AssignRole", []stub{{502, "<html>", nil}}, true},
		"an assignment with a login page":    {"AssignRole", []stub{{200, "<html>", nil}}, true},
		"a rejected assignment":              {"AssignRole", []stub{refused}, false},
		"a lost suspend, then no connection": {"SuspendUser", []stub{lost}, true},
		"a lost suspend, then a rate limit":  {"SuspendUser", []stub{lost, found, limited, found}, true},
		"a suspend with only a rate limit":   {"SuspendUser", []stub{limited}, false},
		"a lost read":                        {"GetUser", []stub{lost}, false},
		"a clearing with a server error":     {"ClearSessions", []stub{broken}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _, _ := scripted(t, c.stubs...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // before the limit's reset
			defer cancel()
			f := apierr.As(methods[c.method].call(ctx, client, "00u1"))
			if f == nil || strings.Contains(f.Message, "may or may not have been made") != c.inDoubt {
				t.Errorf("%v, want it in doubt: %v", f, c.inDoubt)
			}
		})
	}
}

func TestLostResponse_ActivationIsNotRepeated(t *testing.T) {
	t.Parallel()
	provisioned := stub{200, strings.Replace(userJSON, "ACTIVE", "PROVISIONED", 1), nil}
	underWay := stub{200, `{"id":"00u1","status":"DEPROVISIONED","transitioningToStatus":"ACTIVE"}`, nil}
	for _, now := range []stub{provisioned, underWay, found} {
		c, s, _ := scripted(t, lost, now)
		link, err := c.ActivateUser(t.Context(), "00u1", false)
		if requests, _ := s.sent(); err != nil || link.URL != "" || len(requests) != 2 {
			t.Errorf("%v, link %q after %v", err, link.URL, requests)
		}
	}
}

func TestRetry_SendsCompleteBody(t *testing.T) {
	t.Parallel()
	c, s, _ := scripted(t, tooMany, tooMany, found)
	if err := c.SetPassword(t.Context(), "00u1", secrets.New("Secret-1")); err != nil {
		t.Fatal(err)
	}
	const body = `{"credentials":{"password":{"value":"Secret-1"}}}`
	_, bodies := s.sent()
	for _, got := range bodies {
		if strings.TrimSpace(got) != body {
			t.Errorf("the body is %s", got)
		}
	}
	if len(bodies) != 3 {
		t.Errorf("sent %d times", len(bodies))
	}
}

func TestRetry_PausesGrowWithJitter(t *testing.T) {
	t.Parallel()
	var firsts []time.Duration
	for range 5 {
		c, _, clock := scripted(t, broken)
		_, _ = c.GetUser(t.Context(), "00u1")
		naps := clock.Naps()
		if len(naps) != 3 {
			t.Fatalf("%d pauses", len(naps))
		}
		for i, most := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
			if naps[i] > most || naps[i] < most/2 {
				t.Errorf("pause %d is %s, want half of %s to all of it", i+1, naps[i], most)
			}
		}
		firsts = append(firsts, naps[0])
	}
	same := 0
	for _, f := range firsts {
		if f == firsts[0] {
			same++
		}
	}
	if same == len(firsts) {
		t.Errorf("all first pauses are %s", firsts[0])
	}
}

func TestRateLimit_WaitsByOktasClock(t *testing.T) {
	t.Parallel()
	c, _, clock := scripted(t, limited, found)
	clock.Advance(time.Hour) // the client's clock is wrong
	if _, err := c.GetUser(t.Context(), "00u1"); err != nil {
		t.Fatal(err)
	}
	if waited := clock.Now().Sub(testkit.Now) - time.Hour; waited < 30*time.Second || waited > 31*time.Second {
		t.Errorf("waited %s, want the 30 s between Date and Reset", waited)
	}
}

// TestRetry_PausesAfterPastReset: the client pauses even if the reset is past by Okta's clock.
func TestRetry_PausesAfterPastReset(t *testing.T) {
	t.Parallel()
	past := limited
	past.headers = map[string]string{"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445500", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}
	c, s, clock := scripted(t, past)
	_, err := c.GetUser(t.Context(), "00u1")
	wantError(t, err, apierr.Unavailable, "E0000047", "")
	for i, nap := range clock.Naps() {
		if nap < 100*time.Millisecond<<i {
			t.Errorf("pause %d is %s", i+1, nap)
		}
	}
	if requests, _ := s.sent(); len(requests) != 4 || len(clock.Naps()) != 3 {
		t.Errorf("requests %v, pauses %v", requests, clock.Naps())
	}
}

func TestRetry_ReportsWaitBeyondDeadlineAtOnce(t *testing.T) {
	t.Parallel()
	c, s, clock := scripted(t, limited, found)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := c.GetUser(ctx, "00u1")
	f := wantError(t, err, apierr.Unavailable, "E0000047", "")
	if requests, _ := s.sent(); f.RetryAfter != 30*time.Second || len(clock.Naps()) != 0 || len(requests) != 1 {
		t.Errorf("retry after %s, pauses %v, requests %v", f.RetryAfter, clock.Naps(), requests)
	}
	// The next request of the same bucket is not sent.
	_, err = c.GetUser(ctx, "00u2")
	f = wantError(t, err, apierr.Unavailable, "rate_limited", "resets after this request's deadline; try again")
	if requests, _ := s.sent(); f.RetryAfter == 0 || len(requests) != 1 {
		t.Errorf("retry after %s, requests %v", f.RetryAfter, requests)
	}
}
