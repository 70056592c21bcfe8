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

// say is one answer of a scripted Okta; status 0 breaks the connection off.
type say struct {
	status  int
	body    string
	headers map[string]string
}

// script answers one request after another, the last answer for ever, and keeps what was asked.
type script struct {
	mu     sync.Mutex
	says   []say
	asked  []string
	bodies []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	next := s.says[0]
	if len(s.says) > 1 {
		s.says = s.says[1:]
	}
	s.asked, s.bodies = append(s.asked, r.Method+" "+r.URL.Path), append(s.bodies, string(body))
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

// sent is what was asked so far, and with which bodies.
func (s *script) sent() (asked, bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.asked...), append([]string{}, s.bodies...)
}

// scripted returns a client of a scripted Okta, and its clock.
func scripted(t *testing.T, says ...say) (*okta.Client, *script, *testkit.Clock) {
	t.Helper()
	s := &script{says: says}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	o := options(t, server.URL)
	clock := testkit.NewClock()
	o.Clock = clock
	return okta.New(o), s, clock
}

var (
	found            = say{200, userJSON, nil}
	suspended        = say{200, strings.Replace(userJSON, "ACTIVE", "SUSPENDED", 1), nil}
	done             = say{200, `{}`, nil}
	lost             = say{}
	readOnly         = say{503, `{"errorCode":"E0000010","errorSummary":"Service is in read only mode"}`, nil}
	broken           = say{500, `{"errorCode":"E0000009","errorSummary":"Internal Server Error"}`, nil}
	busy             = say{503, `{"errorCode":"E0000181","errorSummary":"Service temporarily unavailable"}`, nil}
	proxy503         = say{503, `<html>upstream reset</html>`, nil}
	concurrencyPause = say{429, `{"errorCode":"E0000047","errorSummary":"Too many requests"}`, map[string]string{
		"X-Rate-Limit-Limit": "0", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445660", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}}
	bare    = say{429, `slow down`, nil}
	limited = say{429, `{"errorCode":"E0000047","errorSummary":"Too many requests"}`, map[string]string{
		"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445630", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}}
	notActive  = say{400, `{"errorCode":"E0000001","errorSummary":"Cannot suspend a user that is not active"}`, nil}
	unfinished = say{409, `{"errorCode":"E0000112","errorSummary":"Still being activated"}`, nil}
	refused    = say{400, `{"errorCode":"E0000001","errorSummary":"Api validation failed"}`, nil}
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
		method string
		says   []say
		asked  []string
		code   string // "": it succeeds
	}{
		"a read after a server error":                {"GetUser", []say{broken, found}, []string{reads, reads}, ""},
		"a read after a lost connection":             {"GetUser", []say{lost, lost, lost, found}, []string{reads, reads, reads, reads}, ""},
		"a read after 502":                           {"GetUser", []say{{502, "", nil}, found}, []string{reads, reads}, ""},
		"a read after 504":                           {"GetUser", []say{{504, "", nil}, found}, []string{reads, reads}, ""},
		"a read not after 501":                       {"GetUser", []say{{501, "", nil}, found}, []string{reads}, "okta_501"},
		"a read not after a refusal":                 {"GetUser", []say{refused, found}, []string{reads}, "E0000001"},
		"a read four times at most":                  {"GetUser", []say{broken}, []string{reads, reads, reads, reads}, "E0000009"},
		"a read four times at most, crowded":         {"GetUser", []say{concurrencyPause}, []string{reads, reads, reads, reads}, "E0000047"},
		"a read after a 429 without headers":         {"GetUser", []say{bare, found}, []string{reads, reads}, ""},
		"a read after the limit's reset":             {"GetUser", []say{limited, found}, []string{reads, reads}, ""},
		"a read not after nonsense":                  {"GetUser", []say{{200, "<html>", nil}, found}, []string{reads}, "bad_reply"},
		"a suspend that was refused for its number":  {"SuspendUser", []say{concurrencyPause, done}, []string{suspends, suspends}, ""},
		"a suspend in read-only mode":                {"SuspendUser", []say{readOnly, done}, []string{suspends, suspends}, ""},
		"a suspend while the user activates":         {"SuspendUser", []say{unfinished, done}, []string{suspends, suspends}, ""},
		"a lost suspend that was carried out":        {"SuspendUser", []say{lost, suspended}, []string{suspends, reads}, ""},
		"a lost suspend that was not":                {"SuspendUser", []say{lost, found, done}, []string{suspends, reads, suspends}, ""},
		"a lost suspend that came through late":      {"SuspendUser", []say{lost, found, notActive, suspended}, []string{suspends, reads, suspends, reads}, ""},
		"a lost suspend, then another state":         {"SuspendUser", []say{lost, found, notActive, found}, []string{suspends, reads, suspends, reads}, "E0000001"},
		"a suspend with a server error, carried out": {"SuspendUser", []say{broken, suspended}, []string{suspends, reads}, ""},
		"a suspend with a proxy's 503":               {"SuspendUser", []say{proxy503, found, done}, []string{suspends, reads, suspends}, ""},
		"a lost suspend whose user cannot be read":   {"SuspendUser", []say{lost}, []string{suspends, reads, reads, reads, reads}, "okta_unreachable"},
		"a reset that was refused for its number":    {"ResetPassword", []say{concurrencyPause, {200, resetJSON, nil}}, []string{resets, resets}, ""},
		"a reset in read-only mode":                  {"ResetPassword", []say{readOnly, {200, resetJSON, nil}}, []string{resets, resets}, ""},
		"no reset that a busy Okta may have begun":   {"ResetPassword", []say{busy}, []string{resets}, "unknown_result"},
		"a suspend that a busy Okta carried out":     {"SuspendUser", []say{busy, suspended}, []string{suspends, reads}, ""},
		"no lost reset":                              {"ResetPassword", []say{lost}, []string{resets}, "unknown_result"},
		"no reset with a server error":               {"ResetPassword", []say{broken}, []string{resets}, "unknown_result"},
		"no reset with a proxy's 503":                {"ResetPassword", []say{proxy503}, []string{resets}, "unknown_result"},
		"a lost assignment that was carried out":     {"AssignRole", []say{lost, {200, "[" + roleJSON + "]", nil}}, []string{assigns, lists}, ""},
		"a lost assignment that was not":             {"AssignRole", []say{lost, {200, "[]", nil}, {201, roleJSON, nil}}, []string{assigns, lists, assigns}, ""},
		"an assignment refused for its number":       {"AssignRole", []say{concurrencyPause, {201, roleJSON, nil}}, []string{assigns, assigns}, ""},
		"a refused suspend of a suspended user":      {"SuspendUser", []say{notActive, suspended}, []string{suspends, reads}, "E0000001"},
		"a refused suspend of an active user":        {"SuspendUser", []say{notActive, found}, []string{suspends, reads}, "E0000001"},
		"a refused suspend whose user is not read":   {"SuspendUser", []say{notActive, refused}, []string{suspends, reads}, "E0000001"},
		"a refused reset, which cannot be read":      {"ResetPassword", []say{notActive}, []string{resets}, "E0000001"},
		"a suspend with the wrong token":             {"SuspendUser", []say{{401, `{"errorCode":"E0000011"}`, nil}}, []string{suspends}, "E0000011"},
		"a removal of what is gone":                  {"UnassignRole", []say{{404, `{"errorCode":"E0000007"}`, nil}, {200, "[]", nil}}, []string{removes, lists}, "E0000007"},
		"a lost removal that was carried out":        {"UnassignRole", []say{lost, {200, "[]", nil}}, []string{removes, lists}, ""},
		"a lost removal that was not":                {"UnassignRole", []say{lost, {200, "[" + roleJSON + "]", nil}, done}, []string{removes, lists, removes}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s, _ := scripted(t, c.says...)
			err := methods[c.method].call(t.Context(), client, "00u1")
			switch f := apierr.As(err); {
			case f == nil && c.code != "":
				t.Errorf("it succeeds, want %s", c.code)
			case f != nil && f.Code != c.code:
				t.Errorf("%s, want %q", f, c.code)
			}
			asked, _ := s.sent()
			if diff := cmp.Diff(c.asked, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRejectedWrite_ReportsAlreadyApplied: the error of a refused write tells whether the asked state holds. After a lost response
// the write may be the client's own: then the error does not say so.
func TestRejectedWrite_ReportsAlreadyApplied(t *testing.T) {
	t.Parallel()
	user := func(status, becoming string) say {
		return say{200, `{"id":"00u1","status":"` + status + `","transitioningToStatus":"` + becoming + `"}`, nil}
	}
	forbidden := say{403, `{"errorCode":"E0000038","errorSummary":"Not allowed in the user's current status."}`, nil}
	for name, c := range map[string]struct {
		method string
		says   []say
		status okta.Status // as read; "": the asked state does not hold
	}{
		"a suspend of a suspended user":              {"SuspendUser", []say{notActive, suspended}, okta.Suspended},
		"a suspend of a deactivated user":            {"SuspendUser", []say{forbidden, user("DEPROVISIONED", "")}, okta.Deprovisioned},
		"a suspend of an active user":                {"SuspendUser", []say{notActive, found}, ""},
		"a suspend of another user":                  {"SuspendUser", []say{notActive, {200, `{"id":"00u2","status":"SUSPENDED"}`, nil}}, ""},
		"a suspend with a limit":                     {"SuspendUser", []say{concurrencyPause, notActive, suspended}, okta.Suspended},
		"a lost suspend, deactivated by then":        {"SuspendUser", []say{lost, found, forbidden, user("DEPROVISIONED", "")}, ""},
		"a deactivation under way":                   {"DeactivateUser", []say{forbidden, user("ACTIVE", "DEPROVISIONED")}, okta.Active},
		"an unsuspend of a user who is deactivated":  {"UnsuspendUser", []say{forbidden, user("ACTIVE", "DEPROVISIONED")}, ""},
		"a reactivation of an active user":           {"ReactivateUser", []say{forbidden, found}, okta.Active},
		"a reactivation of a user who is not active": {"ReactivateUser", []say{forbidden, user("STAGED", "")}, ""},
		"sessions of a deactivated user":             {"ClearSessions", []say{forbidden, user("DEPROVISIONED", "")}, okta.Deprovisioned},
		"sessions of an active user":                 {"ClearSessions", []say{forbidden, found}, ""},
		"a lost clearing, deactivated by then":       {"ClearSessions", []say{lost, forbidden, user("DEPROVISIONED", "")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s, _ := scripted(t, c.says...)
			err := methods[c.method].call(t.Context(), client, "00u1")
			so := okta.AlreadyApplied(err)
			if (so != nil) != (c.status != "") || so != nil && so.User.Status != c.status || apierr.As(err) == nil {
				t.Errorf("%v, want the status %q", err, c.status)
			}
			if asked, _ := s.sent(); len(asked) < 2 {
				t.Errorf("asked %v", asked)
			}
		})
	}
}

// A write that may have been made says so, whatever its last answer was.
func TestLostResponse_WriteInDoubtSaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method string
		says   []say
		open   bool
	}{
		"an assignment that a proxy lost":     {"AssignRole", []say{{502, "<html>", nil}}, true},
		"an assignment with a login page":     {"AssignRole", []say{{200, "<html>", nil}}, true},
		"an assignment that was refused":      {"AssignRole", []say{refused}, false},
		"a suspend, then out of reach":        {"SuspendUser", []say{lost}, true},
		"a suspend, then a limit":             {"SuspendUser", []say{lost, found, limited, found}, true},
		"a suspend that only met a limit":     {"SuspendUser", []say{limited}, false},
		"a read that was lost":                {"GetUser", []say{lost}, false},
		"sessions that were cleared, perhaps": {"ClearSessions", []say{broken}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _, _ := scripted(t, c.says...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // less than the limit's reset
			defer cancel()
			f := apierr.As(methods[c.method].call(ctx, client, "00u1"))
			if f == nil || strings.Contains(f.Message, "may or may not have been made") != c.open {
				t.Errorf("%v, want it open: %v", f, c.open)
			}
		})
	}
}

func TestLostResponse_ActivationIsNotRepeated(t *testing.T) {
	t.Parallel()
	provisioned := say{200, strings.Replace(userJSON, "ACTIVE", "PROVISIONED", 1), nil}
	underWay := say{200, `{"id":"00u1","status":"DEPROVISIONED","transitioningToStatus":"ACTIVE"}`, nil}
	for _, now := range []say{provisioned, underWay, found} {
		c, s, _ := scripted(t, lost, now)
		link, err := c.ActivateUser(t.Context(), "00u1", false)
		if asked, _ := s.sent(); err != nil || link.URL != "" || len(asked) != 2 {
			t.Errorf("%v, link %q after %v", err, link.URL, asked)
		}
	}
}

func TestRetry_SendsCompleteBody(t *testing.T) {
	t.Parallel()
	c, s, _ := scripted(t, concurrencyPause, concurrencyPause, found)
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
	clock.Advance(time.Hour) // ours is wrong
	if _, err := c.GetUser(t.Context(), "00u1"); err != nil {
		t.Fatal(err)
	}
	if waited := clock.Now().Sub(testkit.Now) - time.Hour; waited < 30*time.Second || waited > 31*time.Second {
		t.Errorf("waited %s, want the 30 s between Date and Reset", waited)
	}
}

// A reset that is past by Okta's own clock is no reason to try again at once.
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
	if asked, _ := s.sent(); len(asked) != 4 || len(clock.Naps()) != 3 {
		t.Errorf("asked %v, naps %v", asked, clock.Naps())
	}
}

func TestRetry_ReportsWaitBeyondDeadlineAtOnce(t *testing.T) {
	t.Parallel()
	c, s, clock := scripted(t, limited, found)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := c.GetUser(ctx, "00u1")
	f := wantError(t, err, apierr.Unavailable, "E0000047", "")
	if asked, _ := s.sent(); f.RetryAfter != 30*time.Second || len(clock.Naps()) != 0 || len(asked) != 1 {
		t.Errorf("retry after %s, naps %v, asked %v", f.RetryAfter, clock.Naps(), asked)
	}
	// The next call to the same endpoint is not even sent.
	_, err = c.GetUser(ctx, "00u2")
	f = wantError(t, err, apierr.Unavailable, "rate_limited", "resets after this request's deadline; try again")
	if asked, _ := s.sent(); f.RetryAfter == 0 || len(asked) != 1 {
		t.Errorf("retry after %s, asked %v", f.RetryAfter, asked)
	}
}
