package users_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// load adds n users that sort after the seeded ones: load0@acme.test, load1@acme.test and so on.
func load(w *testkit.World, n int) {
	for i := range n {
		w.Okta.AddUser(emulator.UserSeed{Login: fmt.Sprintf("load%d@acme.test", i), LastName: "Load"})
	}
}

// logins returns the logins of the users in json_result.
func logins(got testkit.Reply) []string {
	out := []string{}
	users, _ := got.Get("json_result").([]any)
	for i := range users {
		out = append(out, got.Get("json_result", i, "profile", "login").(string))
	}
	return out
}

func TestListUsers_ReturnsOktaObjects(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{OffSpecification: true})
	w.Okta.AddUser(oddlyTyped)
	const search = "/api/v1/users?search=profile.login+sw+%22o%22+or+status+eq+%22SUSPENDED%22"
	sent := w.AsOktaHasIt(search)
	w.Forget()
	got := w.Run("users/list-users", testkit.Params(map[string]any{"Search": `profile.login sw "o" or status eq "SUSPENDED"`}))
	got.Want(t, 200, `{
		"action": "List Users", "status": "success", "is_success": true,
		"output_message": "Found 2 users.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": `+sent+`,
		"entities": [], "targets": [], "warnings": []
	}`)
	if diff := cmp.Diff(sent, raw(t, got, "json_result")); diff != "" {
		t.Errorf("the objects are not Okta's, byte for byte (-want +got):\n%s", diff)
	}
	w.WantWrites()
}

func TestListUsers_NoMatchIsSuccess(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/list-users", testkit.Params(map[string]any{"Query": "nobody"}))
	got.Want(t, 200, `{
		"action": "List Users", "status": "success", "is_success": true,
		"output_message": "Found 0 users.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": [], "entities": [], "targets": [], "warnings": []
	}`)
}

// The incumbent follows no pages of roles and groups, and its other lists repeat the first page or
// never end (defects 5 and 14).
func TestListUsers_FollowsEveryPage(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PageSize: 7})
	load(w, 30)
	got := w.Run("users/list-users", "")
	wantHTTP(t, got, 200)
	all := logins(got)
	if len(all) != 42 { // dave is DEPROVISIONED, whom Okta lists only when asked for
		t.Errorf("%d users, want 42: %v", len(all), all)
	}
	seen := map[string]bool{}
	for _, login := range all {
		if seen[login] {
			t.Errorf("%s is there twice", login)
		}
		seen[login] = true
	}
	want(t, got, "Found 42 users.", "output_message")
	if pages := len(w.Asked()); pages != 6 {
		t.Errorf("%d pages were read, want 6: %v", pages, w.Asked())
	}
}

func TestListUsers_StopsAtTheLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit any
		users int
		asked int
	}{
		{1, 1, 1}, {"5", 5, 1}, {8, 8, 2}, {json.Number("14"), 14, 2}, {" 15 ", 15, 3}, {5000, 42, 6}, {nil, 42, 6}, {"", 42, 6},
	} {
		w := testkit.New(t, testkit.Options{PageSize: 7})
		load(w, 30)
		got := w.Run("users/list-users", testkit.Params(map[string]any{"Limit": test.limit}))
		wantHTTP(t, got, 200)
		if n := len(logins(got)); n != test.users {
			t.Errorf("Limit %v: %d users, want %d", test.limit, n, test.users)
		}
		if n := len(w.Asked()); n != test.asked {
			t.Errorf("Limit %v: Okta was asked %d times, want %d", test.limit, n, test.asked)
		}
	}
}

func TestListUsers_DefaultLimitIs200(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	load(w, 230)
	if n := len(logins(w.Run("users/list-users", ""))); n != 200 {
		t.Errorf("%d users, want 200", n)
	}
	if n := len(logins(w.Run("users/list-users", testkit.Params(map[string]any{"Limit": 5000})))); n != 242 {
		t.Errorf("%d users, want 242", n)
	}
}

// In the incumbent, Limit 0 means no limit, and a value that is not a number crashes it.
func TestListUsers_RejectsLimitOutOfRange(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, limit := range []any{0, 5001, -1, "0", "many", 1.5, true, []any{}} {
		got := w.Run("users/list-users", testkit.Params(map[string]any{"Limit": limit}))
		wantHTTP(t, got, 400)
		want(t, got, "Limit", "error", "problems", 0, "parameter")
		wantText(t, got, "must be a whole number from 1 to 5000, not ", "error", "problems", 0, "message")
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}

// Okta returns 10 users for a query without a limit, and has no further pages for a query.
func TestListUsers_QuerySearchesNamesAndAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit   any
		users   int
		query   string
		warning string
	}{
		{nil, 200, "limit=200&q=load", ""},
		{15, 15, "limit=15&q=load", ""},
		{200, 200, "limit=200&q=load", ""},
		{500, 200, "limit=200&q=load", "Okta returns at most 200 users for a Query; use Search for more."},
	} {
		w := testkit.New(t, testkit.Options{})
		load(w, 230)
		got := w.Run("users/list-users", testkit.Params(map[string]any{"Query": "load", "Limit": test.limit}))
		wantHTTP(t, got, 200)
		if n := len(logins(got)); n != test.users {
			t.Errorf("Limit %v: %d users, want %d", test.limit, n, test.users)
		}
		if diff := cmp.Diff([]string{"GET /api/v1/users?" + test.query}, w.Asked()); diff != "" {
			t.Errorf("Limit %v: requests to Okta (-want +got):\n%s", test.limit, diff)
		}
		if test.warning == "" {
			want(t, got, []any{}, "warnings")
		} else {
			wantWarning(t, got, test.warning)
		}
	}
}

func TestListUsers_SendsExpressionsUnchanged(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ parameter, name, expression string }{
		{"Filter", "filter", `status eq "LOCKED_OUT" or (lastUpdated gt "2026-01-01T00:00:00.000Z" and status eq "STAGED")`},
		{"Search", "search", `profile.department eq "R&D + Ops, 100% \"core\"; a=b#c" and profile.lastName co "ü"`},
		{"Query", "q", `O'Brien & Söhne, 50% "off"`},
	} {
		w := testkit.New(t, testkit.Options{})
		got := w.Run("users/list-users", testkit.Params(map[string]any{test.parameter: test.expression}))
		wantHTTP(t, got, 200)
		requests := w.Okta.Requests()
		if len(requests) != 1 {
			t.Fatalf("requests to Okta: %v", w.Asked())
		}
		sent, err := url.ParseQuery(requests[0].Query)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(url.Values{test.name: {test.expression}, "limit": {"200"}}, sent); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
	}
}

// In the incumbent, an Okta error causes a TypeError that hides it (defect 2).
func TestListUsers_ReportsOktaErrorOfAnExpression(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/list-users", testkit.Params(map[string]any{"Search": "status is LOCKED_OUT"}))
	got.Want(t, 400, `{
		"action": "List Users", "status": "failure", "is_success": false,
		"output_message": "Error executing action \"List Users\". Reason: Search: Okta does not accept the expression: Invalid search criteria.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": null, "entities": [], "targets": [], "warnings": [],
		"error": {"code": "invalid_request", "message": "Search: Okta does not accept the expression: Invalid search criteria.",
			"problems": [{"parameter": "Search", "message": "Okta does not accept the expression: Invalid search criteria."}]}
	}`)
}

func TestListUsers_HasNoUsersAndNoScope(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/list-users", testkit.Params(map[string]any{"User IDs": "alice", "Also Run On Scope": true, "limits": 3}))
	wantHTTP(t, got, 400)
	problems, _ := got.Get("error", "problems").([]any)
	if len(problems) != 3 {
		t.Errorf("problems are %v, want three", problems)
	}
	wantText(t, got, `did you mean "Limit"?`, "error", "problems", 2, "message")
	got = w.Run("users/list-users", map[string]any{"entities": []any{entity("ALICE@ACME.TEST", "USERUNIQNAME")}})
	wantHTTP(t, got, 200)
	want(t, got, []any{}, "entities")
	want(t, got, []any{}, "targets")
}

func TestListUsers_StopsAt10MB(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for i := range 12 {
		w.Okta.AddUser(emulator.UserSeed{Login: fmt.Sprintf("big%d@acme.test", i), Profile: map[string]any{"note": strings.Repeat("x", 1<<20)}})
	}
	for path, params := range map[string]map[string]any{
		"users/list-users": {"Search": `profile.login sw "big"`},
		"users/get-user":   {"User IDs Or Logins": "big0,big1,big2,big3,big4,big5,big6,big7,big8,big9,big10,big11"},
	} {
		got := w.Run(path, testkit.Params(params))
		wantHTTP(t, got, 200)
		want(t, got, "success", "status")
		if n := len(logins(got)); n != 9 {
			t.Errorf("%s: %d users of a megabyte each, want 9", path, n)
		}
		wantWarning(t, got, "a reply is limited to 10 MB")
	}
}

// Following a next link to another host would send the credentials there.
func TestListUsers_DoesNotFollowLinkToAnotherHost(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]string{
		"another host": `<http://127.0.0.1:1/api/v1/users?after=x>; rel="next"`,
		"a circle":     `</api/v1/users?after=x>; rel="next"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users", Status: 200, Body: `[{"id": "1"}]`, Headers: map[string]string{"Link": link}})
			got := w.Run("users/list-users", "")
			wantHTTP(t, got, 502)
			want(t, got, "bad_reply", "error", "code")
		})
	}
}
