package emulator_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
)

// The response is 400 with an HTML page, for existing and for missing objects.
func TestPath_RejectsInvalidCharacters(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, login := range []string{"a/b", "a?b", "a#b", "a[b", "a]b", `a\b`, "a;b", "a%b", "a\x01b"} {
		o.AddUser(emulator.UserSeed{Login: login + "@acme.test"})
		for _, path := range []string{"/api/v1/users/%s", "/api/v1/users/%s/groups", "/api/v1/groups/%s"} {
			a := o.expect(400, "GET", fmt.Sprintf(path, url.PathEscape(login+"@acme.test")), "")
			if !strings.HasPrefix(a.body, "<html>") || a.header.Get("Content-Type") != "text/html" {
				t.Errorf("%q: %s %s", login, a.header.Get("Content-Type"), a.body)
			}
		}
		search := "/api/v1/users?search=" + url.QueryEscape(`profile.login eq "`+strings.ReplaceAll(login, `\`,
			`\\`)+`@acme.test"`)
		if login != "a\x01b" && len(o.expect(200, "GET", search, "").logins(t)) != 1 {
			t.Errorf("search does not find %q", login)
		}
	}
	if got := o.UnknownRoutes(); got != nil {
		t.Error(got)
	}
}

// Search returns earlier states of users and groups; a read by path returns the current state.
func TestSearchLag_DelaysOnlySearch(t *testing.T) {
	t.Parallel()
	o := start(t)
	users := func(expression string) []string {
		return o.expect(200, "GET", "/api/v1/users?search="+url.QueryEscape(expression), "").logins(t)
	}
	groups := func() []string {
		return groupNames(t, o.expect(200, "GET", "/api/v1/groups?search="+url.QueryEscape(`profile.name sw "New"`), ""))
	}
	o.steer("POST", "/search-lag", `{"ms": 2000}`)
	o.AddUser(emulator.UserSeed{Login: "zoe@acme.test"})
	o.AddGroup("New group", "")
	o.expect(200, "POST", "/api/v1/users/bob/lifecycle/suspend", "")
	o.expect(200, "POST", "/api/v1/users/alice", `{"profile":{"email":"new@acme.test"}}`)
	for range 2 { // before and after the end of the lag
		late := o.clock.Now().After(newClock().Now())
		shown := func(s ...string) []string {
			if late {
				return s
			}
			return []string{}
		}
		for expression, want := range map[string][]string{
			`profile.login eq "zoe@acme.test"`: shown("zoe"),
			`profile.email eq "new@acme.test"`: shown("alice"),
			`status eq "SUSPENDED"`:            append(shown("bob"), "carol"),
		} {
			if diff := cmp.Diff(want, users(expression)); diff != "" {
				t.Errorf("late %v, %s: %s", late, expression, diff)
			}
		}
		if diff := cmp.Diff(shown("New group"), groups()); diff != "" {
			t.Errorf("late %v: %s", late, diff)
		}
		if names := groupNames(t, o.expect(200, "GET", "/api/v1/groups?q=New", "")); len(names) != 1 {
			t.Errorf("q is delayed: %v", names)
		}
		var u struct{ Status string }
		if o.expect(200, "GET", "/api/v1/users/bob", "").into(t, &u); u.Status != "SUSPENDED" {
			t.Errorf("the read by path is delayed: %s", u.Status)
		}
		o.clock.advance(2001 * time.Millisecond)
	}
	o.steer("POST", "/search-lag", `{"ms": 2000}`)
	o.steer("POST", "/reset", "")
	o.AddGroup("New group", "")
	if diff := cmp.Diff([]string{"New group"}, groups()); diff != "" {
		t.Errorf("after a reset: %s", diff)
	}
}

func TestListGroups_Search(t *testing.T) {
	t.Parallel()
	o := startWith(t, emulator.Options{PageSize: 2})
	for i := range 5 {
		o.AddGroup(fmt.Sprintf("SOC %d", i), "")
	}
	o.AddAppGroup("Finance")
	for expression, want := range map[string][]string{
		`profile.name eq "soc 3"`:                         {"SOC 3"},
		`profile.name sw "SOC"`:                           {"SOC 0", "SOC 1", "SOC 2", "SOC 3", "SOC 4"},
		`profile.name eq "Finance"`:                       {"Finance", "Finance"},
		`type eq "APP_GROUP"`:                             {"Finance"},
		`profile.description co "line of"`:                {"Helpdesk"},
		`created gt "2026-02-01T00:00:00.000Z" and id pr`: {"SOC 0", "SOC 1", "SOC 2", "SOC 3", "SOC 4", "Finance"},
	} {
		names := []string{}
		for next := o.url + "/api/v1/groups?search=" + url.QueryEscape(expression); next != ""; {
			a := o.expect(200, "GET", strings.TrimPrefix(next, o.url), "")
			names, next = append(names, groupNames(t, a)...), a.next()
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s: %s", expression, diff)
		}
	}
	for _, query := range []string{"search=x", "search=profile.name+eq", "search=nickname+eq+%22x%22",
		"search=id+pr&q=x"} {
		o.expect(400, "GET", "/api/v1/groups?"+query, "")
	}
	o.expect(200, "POST", "/api/v1/groups", `{"profile":{"name":"SOC"}}`)
	if a := o.expect(400, "POST", "/api/v1/groups", `{"profile":{"name":"SOC"}}`); !strings.Contains(a.body,
		"already exists") {
		t.Error(a.body)
	}
}

// Until the change is complete, the status does not change and transitioningToStatus is set.
func TestDeactivation_PendingUntilDue(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.steer("POST", "/deactivation", `{"ms": 1000}`)
	bob := o.user("bob").ID
	o.expect(200, "POST", "/api/v1/users/bob/lifecycle/deactivate", "")
	for _, call := range []string{"deactivate", "suspend", "reset_password?sendEmail=false"} {
		if a := o.expect(403, "POST", "/api/v1/users/bob/lifecycle/"+call, ""); a.code() != "E0000038" {
			t.Errorf("%s during the deactivation: %s", call, a.body)
		}
	}
	for _, want := range [][2]string{{"ACTIVE", "DEPROVISIONED"}, {"DEPROVISIONED", ""}} {
		var u struct{ Status, TransitioningToStatus string }
		o.expect(200, "GET", "/api/v1/users/"+bob, "").into(t, &u)
		if got := [2]string{u.Status, u.TransitioningToStatus}; got != want || o.user("bob").Status != want[0] {
			t.Errorf("%v, want %v", got, want)
		}
		o.clock.advance(time.Second)
	}
}

// Reads and an activation of a DEPROVISIONED user are not rejected.
func TestDeactivation_RejectsWrites(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]string{403: "E0000038", 404: "E0000007"} {
		o := start(t)
		o.steer("POST", "/deactivation", fmt.Sprintf(`{"refusal": %d}`, status))
		dave := o.user("dave").ID
		for _, call := range [][3]string{
			{"POST", "/lifecycle/suspend", ""}, {"POST", "/lifecycle/unsuspend", ""}, {"POST", "/lifecycle/deactivate", ""},
			{"DELETE", "/sessions", ""},
			{"POST", "/lifecycle/reset_password?sendEmail=false", ""}, {"POST", "", `{"profile":{}}`},
			{"POST", "/roles", `{"type":"USER_ADMIN"}`},
		} {
			if a := o.expect(status, call[0], "/api/v1/users/"+dave+call[1], call[2]); a.code() != code {
				t.Errorf("%v: %s", call, a.body)
			}
		}
		o.expect(200, "GET", "/api/v1/users/"+dave, "")
		o.expect(200, "GET", "/api/v1/users/"+dave+"/roles", "")
		o.expect(200, "POST", "/api/v1/users/"+dave+"/lifecycle/activate", "")
	}
}

func TestControl_RejectsInvalidDelays(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, in := range [][2]string{
		{"/search-lag", `{"ms": -1}`}, {"/search-lag", `{"ms": 600001}`}, {"/search-lag", `{"seconds": 1}`},
		{"/search-lag", `{"ms": "x"}`},
		{"/deactivation", `{"ms": -1}`}, {"/deactivation", `{"refusal": 500}`},
	} {
		if a, err := o.send("POST", o.url+"/_emulator"+in[0], in[1]); err != nil || a.status != 400 {
			t.Errorf("%v: %d %s %v", in, a.status, a.body, err)
		}
	}
}
