package contract_test

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// How the product may treat a write whose response was lost.
const (
	settled    = "settled"    // its effect can be read: it is retried only if the effect is missing
	idempotent = "idempotent" // a repeat has the same effect
	once       = "once"       // it must not happen twice
	plain      = "plain"      // the product does not retry it, but a caller may
)

// writes are all writes of the product. Those on users have two users in the same state.
var writes = []struct {
	name, path string
	method     string // of the write
	users      string // "": the action has one target
	params     params
	kind       string
	more       int // further writes for one user
}{
	{"suspend", "users/disable-user", "POST", "tom, tim", params{"Is Deactivate": false}, settled, 0},
	{"deactivate", "users/disable-user", "POST", "tom, tim", nil, settled, 0},
	{"unsuspend", "users/enable-user", "POST", "carol, carla", params{"Is Activate": false}, settled, 0},
	{"activate", "users/enable-user", "POST", "frank, fred", nil, settled, 0},
	{"reactivate", "users/enable-user", "POST", "heidi, heinz", nil, once, 0},
	{"reset password", "users/reset-password", "POST", "tom, tim", nil, once, 0},
	{"set password", "users/set-password", "POST", "tom, tim", params{"New Password": "Correct-Horse-7"}, once, 0},
	{"clear sessions", "sessions/clear-okta-user-session", "DELETE", "tom, tim", nil, idempotent, 0},
	{"revoke all access", "sessions/revoke-all-access", "DELETE", "tom, tim", nil, idempotent, 0},
	{"contain", "containment/contain-user", "POST", "tom, tim", nil, settled, 0},
	{"restore", "containment/restore-user", "POST", "carol, carla", params{"Record": recordOf("carol", "carla")}, settled, 0},
	{"reset factors", "users/reset-factors", "POST", "tom, tim", nil, settled, 0},
	{"remove a factor", "users/reset-factors", "DELETE", "tom, tim", params{"Factors": "push"}, settled, 0},
	{"expire password", "users/expire-password", "POST", "tom, tim", nil, settled, 0},
	{"temporary password", "users/expire-password", "POST", "tom, tim", params{"Temporary Password": true}, once, 0},
	{"unlock", "users/unlock-user", "POST", "lena, luke", nil, settled, 0},
	{"set risk", "users/set-user-risk", "PUT", "tom, tim", params{"Level": "HIGH"}, idempotent, 0},
	{"revoke grants", "sessions/revoke-grants", "DELETE", "tom, tim", nil, idempotent, 1},
	{"add to a group", "groups/add-user-to-group", "PUT", "tom, tim", params{"Group IDs Or Names": "Finance"}, idempotent, 0},
	{"remove from a group", "groups/remove-user-from-group", "DELETE", "carol, carla", params{"Group IDs Or Names": "Finance"}, idempotent, 0},
	{"assign role", "roles/assign-role", "POST", "tom, tim", params{"Role Types": "ORG_ADMIN"}, settled, 0},
	{"unassign role", "roles/unassign-role", "DELETE", "rita, rosa", params{"Role IDs Or Names": "SUPER_ADMIN"}, settled, 0},
	{"add group", "groups/add-group", "POST", "", params{"Group Name": "Red Team"}, plain, 0},
	{"send signal", "signals/send-itp-signal", "POST", "", params{"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52Z", "Reason": "test", "Severity": "high"}, idempotent, 0},
	{"send device risk", "signals/send-device-risk-signal", "POST", "", params{"Device ID": "guo1", "Timestamp": "2025-05-25T14:47:52Z", "Reason": "test", "Severity": "high"}, idempotent, 0},
	{"send session revoked", "signals/send-session-revoked-signal", "POST", "", params{"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52Z"}, idempotent, 0},
	{"send IP change", "signals/send-ip-change-signal", "POST", "", params{"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52Z", "Current IP Address": "192.0.2.1", "Previous IP Address": "192.0.2.2"}, idempotent, 0},
	{"send device compliance", "signals/send-device-compliance-signal", "POST", "", params{"Device ID": "guo1", "Timestamp": "2025-05-25T14:47:52Z"}, idempotent, 0},
	{"send identifier changed", "signals/send-identifier-changed-signal", "POST", "", params{"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52Z", "New Email": "new@acme.test"}, idempotent, 0},
}

// recordOf returns the record of a containment that suspended these users.
func recordOf(logins ...string) string {
	entries := map[string]any{}
	for _, login := range logins {
		entries[login] = map[string]any{
			"user_id": emulator.UserID(login + "@acme.test"), "after": map[string]any{"status": "SUSPENDED"},
			"steps": []any{map[string]any{"step": "suspend", "outcome": "changed"}},
		}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// The table must have every action that is declared to change something, and no other.
func TestLostResponse_TableHasEveryWritingAction(t *testing.T) {
	t.Parallel()
	declared, listed := map[string]bool{}, map[string]bool{}
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			if a.Mutates {
				declared[g.Name+"/"+a.Slug] = true
			}
		}
	}
	for _, w := range writes {
		listed[w.path] = true
	}
	if diff := cmp.Diff(declared, listed); diff != "" {
		t.Errorf("writing actions (-declared +listed):\n%s", diff)
	}
}

// damaged are the responses after which a write is in doubt, with the code in the reply.
var damaged = map[string]struct {
	fault emulator.Fault
	code  string
	read  bool // a 2xx without content: a retry would not help
}{
	"no response":                      {emulator.Fault{Drop: true}, "okta_unreachable", false},
	"a cut response":                   {emulator.Fault{Drop: true, Status: 200, Body: `{"id": "00u"}`}, "okta_unreachable", false},
	"a server error":                   {emulator.Fault{Status: 500}, "E0000009", false},
	"a busy Okta":                      {emulator.Fault{Status: 503, Body: `{"errorCode": "E0000181", "errorSummary": "Service temporarily unavailable"}`}, "E0000181", false},
	"a proxy's error":                  {emulator.Fault{Status: 502, Body: errorPage}, "okta_502", false},
	"a proxy's 503":                    {emulator.Fault{Status: 503, Body: errorPage}, "okta_503", false},
	"a proxy's 504":                    {emulator.Fault{Status: 504, Body: errorPage}, "okta_504", false},
	"a login page":                     {emulator.Fault{Status: 200, Body: errorPage}, "bad_reply", true},
	"JSON that is cut off by no error": {emulator.Fault{Status: 200, Body: `{"id": `}, "bad_reply", true},
	"an error under a success":         {emulator.Fault{Status: 200, Body: `{"errorCode": "E0000009", "errorSummary": "Internal Server Error"}`}, "bad_reply", true},
	"read-only mode under a success":   {emulator.Fault{Status: 200, Body: `{"errorCode": "E0000010", "errorSummary": "Service is in read only mode"}`}, "bad_reply", true},
	"a list":                           {emulator.Fault{Status: 200, Body: `[]`}, "bad_reply", true},
	"a word":                           {emulator.Fault{Status: 200, Body: `"OK"`}, "bad_reply", true},
}

// refusedForNow are the responses to a write that was not carried out and may be retried.
var refusedForNow = map[string]emulator.Fault{
	"too many at once":      {Status: 429},
	"a 429 without headers": {Status: 429, Headers: map[string]string{"Date": "", "X-Rate-Limit-Limit": "", "X-Rate-Limit-Remaining": "", "X-Rate-Limit-Reset": ""}},
	"a rate limit":          {Status: 429, Headers: map[string]string{"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445630"}},
	"read-only mode":        {Status: 503},
}

// newWorldOfPairs has the users of the writes, two of a kind.
func newWorldOfPairs(t *testing.T, o testkit.Options) *testkit.World {
	w := testkit.New(t, o)
	for _, u := range []emulator.UserSeed{
		{Login: "tom", Sessions: 2, OAuthTokens: 2, Factors: []string{"push"}, Clients: []string{"Mail"}},
		{Login: "tim", Sessions: 2, OAuthTokens: 2, Factors: []string{"push"}, Clients: []string{"Mail"}},
		{Login: "lena", Status: "LOCKED_OUT"}, {Login: "luke", Status: "LOCKED_OUT"},
		{Login: "rita", Roles: []string{"SUPER_ADMIN"}}, {Login: "rosa", Roles: []string{"SUPER_ADMIN"}},
		{Login: "carla", Status: "SUSPENDED", Groups: []string{"Finance"}}, {Login: "fred", Status: "STAGED"}, {Login: "heinz", Status: "PROVISIONED"},
	} {
		u.Login += "@acme.test"
		w.Okta.AddUser(u)
	}
	return w
}

// spoil has the fault meet the write of the first target, runs the action and returns its reply and how often that
// write was sent.
func spoil(w *testkit.World, f emulator.Fault, path, method, users string, p params) (r testkit.Reply, sent int) {
	f.Method, f.Path = method, "*"
	p = maps.Clone(p)
	if users != "" {
		if p == nil {
			p = params{}
		}
		p["User IDs"] = users
		first, _, _ := strings.Cut(users, ",")
		f.Path = "*/users/" + w.ID(first) + "*"
	}
	w.Okta.AddFault(f)
	r = w.Run(path, request{Parameters: p})
	for _, line := range w.Writes() {
		if strings.HasPrefix(line, method+" ") && strings.Contains(line, strings.Trim(f.Path, "*")) {
			sent++
		}
	}
	return r, sent
}

func TestLostResponse_NonIdempotentWriteIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, c := range writes {
		for name, s := range damaged {
			for _, carriedOut := range []bool{true, false} {
				t.Run(c.name+" with "+name+map[bool]string{true: ", carried out", false: ", not carried out"}[carriedOut], func(t *testing.T) {
					t.Parallel()
					outcome, code, times := "failed", s.code, 1
					switch {
					case c.kind == once:
						code = "unknown_result"
					case c.kind == settled && carriedOut:
						outcome, code = "changed", ""
					case c.kind != plain && !s.read:
						outcome, code, times = "changed", "", 2
					}
					w := newWorldOfPairs(t, testkit.Options{})
					f := s.fault
					f.Times, f.CarriedOut = 1, carriedOut
					r, sent := spoil(w, f, c.path, c.method, c.users, c.params)
					want := []string{outcome}
					if c.users != "" {
						want = append(want, "changed") // the second target is not concerned
					}
					if outcome == "changed" && strings.HasPrefix(c.path, "signals/") {
						want = []string{"accepted"}
					}
					if diff := cmp.Diff(want, r.Outcomes()); diff != "" {
						t.Fatalf("outcomes (-want +got):\n%s%s", diff, r.Body)
					}
					if got, _ := r.Get("targets", 0, "error", "code").(string); got != code {
						t.Errorf("code %q, want %q", got, code)
					}
					if sent-c.more != times {
						t.Errorf("the write was sent %d times, want %d: %v", sent, times, w.Asked())
					}
					first, second, two := strings.Cut(c.users, ", ")
					if two && (outcome == "changed" || carriedOut) {
						a, b := w.User(first), w.User(second)
						if c.name == "temporary password" {
							a.Password = b.Password // each user has another one
						}
						a.ID, a.Login, a.Name, a.Email, a.RoleAssignments, a.Profile = b.ID, b.Login, b.Name, b.Email, b.RoleAssignments, b.Profile
						if diff := cmp.Diff(b, a); diff != "" {
							t.Errorf("the two are not in the same state (-second +first):\n%s", diff)
						}
					}
				})
			}
		}
	}
}

func TestLostResponse_RefusedWriteIsRetried(t *testing.T) {
	t.Parallel()
	for _, c := range writes {
		for name, f := range refusedForNow {
			t.Run(c.name+" with "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorldOfPairs(t, testkit.Options{})
				f.Times = 3
				r, sent := spoil(w, f, c.path, c.method, c.users, c.params)
				if r.HTTP != 200 || r.Get("status") != "success" || sent-c.more != 4 {
					t.Errorf("sent %d times: %d %s", sent, r.HTTP, r.Body)
				}
			})
		}
	}
}

func TestLostResponse_ReadIsRetried(t *testing.T) {
	t.Parallel()
	for name, s := range damaged {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			s.fault.Times = 3
			r, _ := spoil(w, s.fault, "users/get-user", "GET", w.ID("alice")+", bob", params{})
			want, calls := "found found", 5
			if s.read {
				want, calls = "failed found", 2
			}
			if got := strings.Join(r.Outcomes(), " "); got != want || len(w.Asked()) != calls {
				t.Errorf("%s after %v, want %s", got, w.Asked(), want)
			}
		})
	}
}

// TestLostResponse_DeadlineEndsAHangingCall: the other targets complete, and the reply names the one in doubt.
func TestLostResponse_DeadlineEndsAHangingCall(t *testing.T) {
	t.Parallel()
	var cases sync.WaitGroup // all at once: each waits for its deadline
	for _, c := range writes {
		for _, carriedOut := range []bool{true, false} {
			w := newWorldOfPairs(t, testkit.Options{Env: map[string]string{"REQUEST_DEADLINE": "20s"}})
			cases.Go(func() {
				begun := time.Now()
				r, sent := spoil(w, emulator.Fault{Hang: true, CarriedOut: carriedOut}, c.path, c.method, c.users, c.params)
				if took := time.Since(begun); took > time.Minute {
					t.Errorf("it took %s", took)
				}
				code := "deadline_exceeded"
				if c.kind == once {
					code = "unknown_result"
				}
				outcomes, http := []string{"failed"}, 504
				if c.users != "" {
					outcomes, http = append(outcomes, "changed"), 200
				}
				if diff := cmp.Diff(outcomes, r.Outcomes()); diff != "" || r.HTTP != http || r.Get("targets", 0, "error", "code") != code || sent != 1 && sent-c.more != 1 {
					t.Errorf("%s, carried out %v: sent %d times, %d: %s%s", c.name, carriedOut, sent, r.HTTP, diff, r.Body)
				}
			})
		}
	}
	cases.Wait()
}

func TestLostResponse_LatencyDoesNotChangeReplies(t *testing.T) {
	t.Parallel()
	for _, c := range writes {
		w := newWorldOfPairs(t, testkit.Options{})
		r, sent := spoil(w, emulator.Fault{LatencyMS: 20}, c.path, c.method, c.users, c.params)
		if r.HTTP != 200 || r.Get("status") != "success" || sent-c.more != 1 {
			t.Errorf("%s: sent %d times: %s", c.name, sent, r.Body)
		}
	}
}

// TestRateLimit_ResetAfterTheDeadlineFailsAtOnce: completed targets stay completed, and the caller can repeat the rest.
func TestRateLimit_ResetAfterTheDeadlineFailsAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit    emulator.Limit
		http     int
		outcomes string
	}{
		"none was reached": {emulator.Limit{Path: "*/lifecycle/suspend", PerMinute: 1}, 503, "failed failed failed"},
		"one was reached":  {emulator.Limit{Path: "*/lifecycle/suspend", PerMinute: 2}, 200, "changed failed failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{Env: map[string]string{"REQUEST_DEADLINE": "20s", "OKTA_LIMIT_SHARE": "1", "OKTA_CONCURRENCY": "1"}})
			ids := []string{}
			for _, login := range []string{"one", "two", "three", "four"} {
				ids = append(ids, w.Okta.AddUser(emulator.UserSeed{Login: login + "@acme.test"}))
			}
			w.Okta.AddLimit(c.limit)
			w.Run("users/disable-user", request{Parameters: params{"User IDs": ids[3], "Is Deactivate": false}}) // uses one up
			w.Forget()
			r := w.Run("users/disable-user", request{Parameters: params{"User IDs": strings.Join(ids[:3], ","), "Is Deactivate": false}})
			if got := strings.Join(r.Outcomes(), " "); got != c.outcomes || r.HTTP != c.http {
				t.Fatalf("%d %s: %s", r.HTTP, got, r.Body)
			}
			for i, o := range r.Outcomes() {
				if o != "failed" {
					continue
				}
				if r.Get("targets", i, "error", "retryable") != true || r.Get("targets", i, "error", "code") != "rate_limited" {
					t.Errorf("target %v", r.Get("targets", i))
				}
				if is := w.User(ids[i]).Status; is != "ACTIVE" {
					t.Errorf("target %d is %s", i, is)
				}
			}
			if wait := r.Header.Get("Retry-After"); r.HTTP == 503 && wait != "60" {
				t.Errorf("Retry-After %q", wait)
			}
			for _, line := range w.Okta.Requests() {
				if line.Status == 429 {
					t.Errorf("a call was made that the limit forbids: %+v", line)
				}
			}
		})
	}
}
