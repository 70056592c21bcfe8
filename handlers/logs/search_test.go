package logs_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func search(w *testkit.World, parameters map[string]any) testkit.Reply {
	w.Forget()
	return w.Run("logs/search-system-log", testkit.Params(parameters))
}

// query returns the query of the only request to Okta.
func query(t *testing.T, w *testkit.World) url.Values {
	t.Helper()
	asked := w.Asked()
	if len(asked) != 1 || !strings.HasPrefix(asked[0], "GET /api/v1/logs?") {
		t.Fatalf("asked: %v", asked)
	}
	u, err := url.Parse(strings.TrimPrefix(asked[0], "GET "))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// TestSearch_ReturnsEventsUnalteredAndATable, from the newest to the oldest.
func TestSearch_ReturnsEventsUnalteredAndATable(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	const asOkta = `/api/v1/logs?sortOrder=DESCENDING&filter=eventType+eq+%22user.session.start%22+and+actor.alternateId+eq+%22alice@acme.test%22`
	events := w.AsOktaHasIt(asOkta)
	search(w, map[string]any{"Users": "alice@acme.test", "Question": "sign-ins"}).Want(t, 200, `{
		"action": "Search System Log", "status": "success", "is_success": true,
		"output_message": "Found 3 events from 2026-03-01T10:00:00Z to 2026-03-02T10:00:00Z.\n\n`+
		`| Time (UTC) | Actor | Event | Outcome | Client IP |\n|---|---|---|---|---|\n`+
		`| 2026-03-02 07:20:00 | alice@acme.test | user.session.start | SUCCESS | 198.51.100.7 |\n`+
		`| 2026-03-02 07:00:00 | alice@acme.test | user.session.start | FAILURE: INVALID_CREDENTIALS | 198.51.100.7 |\n`+
		`| 2026-03-01 14:00:00 | alice@acme.test | user.session.start | SUCCESS | 192.0.2.10 |",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"count": 3, "truncated": false, "events": `+events+`},
		"entities": [], "targets": [], "warnings": []
	}`)
	if sort := query(t, w).Get("sortOrder"); sort != "DESCENDING" {
		t.Errorf("sortOrder %q", sort)
	}
}

// TestSearch_FilterOfEachParameter has the filter that Okta is sent.
func TestSearch_FilterOfEachParameter(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	id := w.ID("alice")
	for _, c := range []struct {
		parameters map[string]any
		filter     string
	}{
		{map[string]any{}, ``},
		{map[string]any{"Users": "alice"}, `(actor.alternateId sw "alice@" or target.alternateId sw "alice@")`},
		{map[string]any{"Users": []string{id, `o"neil@acme.test`}}, `(actor.id eq "` + id + `" or target.id eq "` + id +
			`" or actor.alternateId eq "o\"neil@acme.test" or target.alternateId eq "o\"neil@acme.test")`},
		{map[string]any{"IP Address": "192.0.2.10"}, `(client.ipAddress eq "192.0.2.10")`},
		{map[string]any{"IP Address": "2001:DB8:0::1"}, `(client.ipAddress eq "2001:db8::1")`},
		{map[string]any{"Question": "sessions cleared", "Filter": `outcome.result eq "FAILURE" or (actor.id eq ")")`},
			`(eventType eq "user.session.clear" or eventType eq "user.authentication.universal_logout") and (outcome.result eq "FAILURE" or (actor.id eq ")"))`},
	} {
		got := search(w, c.parameters)
		if got.HTTP != 200 {
			t.Errorf("%v: %s", c.parameters, got.Body)
		}
		if filter := query(t, w).Get("filter"); got.HTTP != 200 || filter != c.filter {
			t.Errorf("%v: %d %s, want %s", c.parameters, got.HTTP, filter, c.filter)
		}
	}
}

// TestSearch_QuestionsFindTheirEvents: changes that this product makes, and the seeded sign-ins.
func TestSearch_QuestionsFindTheirEvents(t *testing.T) {
	t.Parallel()
	for _, app := range []*emulator.App{nil, {}} {
		w := testkit.New(t, testkit.Options{App: app})
		for path, parameters := range map[string]map[string]any{
			"sessions/clear-okta-user-session": {"User IDs": "bob"},
			"users/expire-password":            {"User IDs": "bob"},
			"roles/assign-role":                {"User IDs": "grace", "Role Types": "APP_ADMIN"},
		} {
			if got := w.Run(path, testkit.Params(parameters)); got.Get("status") != "success" {
				t.Fatalf("%s: %s", path, got.Body)
			}
		}
		for question, want := range map[string][]string{
			"sign-ins":                     {"user.session.start", "user.session.start", "user.session.start"},
			"failed sign-ins":              {"user.session.start"},
			"MFA denied":                   {"user.mfa.okta_verify.deny_push"},
			"admin changes":                {"user.account.privilege.grant"},
			"sessions cleared":             {"user.session.clear"},
			"password changes":             {"user.account.expire_password"},
			"anything by this integration": {"user.account.expire_password", "user.account.privilege.grant", "user.session.clear"},
		} {
			got := search(w, map[string]any{"Question": question})
			events, _ := got.Get("json_result", "events").([]any)
			kinds := map[string]int{}
			for i := range events {
				kinds[got.Get("json_result", "events", i, "eventType").(string)]++
			}
			wanted := map[string]int{}
			for _, kind := range want {
				wanted[kind]++
			}
			if diff := cmp.Diff(wanted, kinds); diff != "" {
				t.Errorf("%s, service app %v (-want +got):\n%s", question, app != nil, diff)
			}
		}
	}
}

// TestSearch_TimeRange has durations and times; the default is a day.
func TestSearch_TimeRange(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, c := range []struct{ since, until, from, to string }{
		{"", "", "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"},
		{"90m", "", "2026-03-02T08:30:00Z", "2026-03-02T10:00:00Z"},
		{"7d", "2h", "2026-02-23T10:00:00Z", "2026-03-02T08:00:00Z"},
		{"2026-03-01T00:00:00+02:00", "2026-03-01T12:00:00Z", "2026-02-28T22:00:00Z", "2026-03-01T12:00:00Z"},
	} {
		got := search(w, map[string]any{"Since": c.since, "Until": c.until})
		if q := query(t, w); got.HTTP != 200 || q.Get("since") != c.from || q.Get("until") != c.to {
			t.Errorf("%+v: %d %v", c, got.HTTP, q)
		}
	}
}

// TestSearch_BadInputSendsNothing: the error names the parameter and says what is right.
func TestSearch_BadInputSendsNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	const balance = "must close each parenthesis and string that it opens, and no others"
	for _, c := range []struct{ parameter, value, problem string }{
		{"Since", "0h", "must be at least 1m"},
		{"Since", "yesterday", "must be a duration, such as 24h or 7d, or a time"},
		{"Since", "2026-03-03T00:00:00Z", "2026-03-03T00:00:00Z is not before Until, 2026-03-02T10:00:00Z"},
		{"Until", "2d", "is not before Until"},
		{"Question", "logins", `"logins" is not one of anything, sign-ins`},
		{"IP Address", "192.0.2.300", "must be an IP address"},
		{"Limit", "5001", "1 to 5000"},
		{"Filter", `eventType pr) or (eventType pr`, balance},
		{"Filter", `(eventType pr`, balance},
		{"Filter", `eventType eq "a`, balance},
		{"Filter", `eventType eq "\"`, balance},
	} {
		got := search(w, map[string]any{c.parameter: c.value})
		named := c.parameter
		if c.value == "2d" {
			named = "Since"
		}
		if message := fmt.Sprint(got.Get("error", "message")); got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != named || !strings.Contains(message, c.problem) {
			t.Errorf("%s %q: %d %s", c.parameter, c.value, got.HTTP, got.Body)
		}
		if asked := w.Asked(); len(asked) > 0 {
			t.Errorf("%s %q: asked %v", c.parameter, c.value, asked)
		}
	}
}

// TestSearch_FilterThatOktaRejectsIsAProblemOfFilter, with Okta's reason.
func TestSearch_FilterThatOktaRejectsIsAProblemOfFilter(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := search(w, map[string]any{"Filter": "eventType is new"})
	if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != "Filter" ||
		!strings.Contains(fmt.Sprint(got.Get("error", "message")), "Okta does not accept the expression: ") {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}

// TestSearch_LimitSaysWhetherThereAreMore: exactly as many events as the limit are all of them. A long
// list is read in pages, and has no table.
func TestSearch_LimitSaysWhetherThereAreMore(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	const events = 1203
	for i := range events {
		w.Okta.AddEvent("user.session.start", "bob", testkit.Now.Add(-time.Hour+time.Duration(i)*time.Second))
	}
	for _, c := range []struct {
		limit, count, requests int
		truncated              bool
	}{{events - 1, events - 1, 2, true}, {events, events, 2, false}, {2000, events, 2, false}, {20, 20, 1, true}, {1000, 1000, 2, true}} {
		got := search(w, map[string]any{"Users": "bob", "Limit": c.limit})
		if got.HTTP != 200 || fmt.Sprint(got.Get("json_result", "count")) != fmt.Sprint(c.count) || got.Get("json_result", "truncated") != c.truncated {
			t.Errorf("%+v: %d, %v events, truncated %v", c, got.HTTP, got.Get("json_result", "count"), got.Get("json_result", "truncated"))
		}
		if warned := strings.Contains(fmt.Sprint(got.Get("warnings")), fmt.Sprintf("There are more events than these %d", c.count)); warned != c.truncated {
			t.Errorf("%+v: %v", c, got.Get("warnings"))
		}
		if table := strings.Contains(fmt.Sprint(got.Get("output_message")), "| Time"); table != (c.count <= 20) {
			t.Errorf("%+v: %v", c, got.Get("output_message"))
		}
		if asked := w.Asked(); len(asked) != c.requests {
			t.Errorf("%+v: %v", c, asked)
		}
	}
}

// TestSearch_CellsStayInTheirColumn: text of an attacker does not break the table, and does not end up
// in another cell.
func TestSearch_CellsStayInTheirColumn(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/logs", Status: 200, Body: `[{"uuid": "1", "published": "2026-03-02T09:00:00Z",
		"eventType": "user.session.start", "actor": {"alternateId": "eve | SUCCESS |\n| x"}, "outcome": {"result": "FAILURE"}}, {"uuid": "2", "eventType": 7}]`})
	got := search(w, map[string]any{})
	message, _ := got.Get("output_message").(string)
	if want := "| 2026-03-02 09:00:00 | eve / SUCCESS / / x | user.session.start | FAILURE |  |\n| an event of another form | | | | |"; !strings.HasSuffix(message, want) {
		t.Errorf("%d %s", got.HTTP, message)
	}
}
