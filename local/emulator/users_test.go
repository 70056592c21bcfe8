package emulator_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"github.com/google/go-cmp/cmp"
)

func TestFindUser_ByIDLoginOrLocalPart(t *testing.T) {
	t.Parallel()
	o := start(t)
	alice := o.user("alice").ID
	o.AddUser(emulator.UserSeed{Login: "o'brien+x&y@acme.test", Email: "brien@elsewhere.test"})
	o.AddUser(emulator.UserSeed{Login: "alice2@acme.test"})
	o.AddUser(emulator.UserSeed{Login: "sam@acme.test"})
	o.AddUser(emulator.UserSeed{Login: "sam@other.test"})
	for path, want := range map[string]string{
		alice:                         "alice@acme.test",
		strings.ToUpper(alice):        "", // IDs are case-sensitive
		"alice@acme.test":             "alice@acme.test",
		"ALICE@Acme.Test":             "alice@acme.test",
		"Alice":                       "alice@acme.test",
		"me":                          "svc-secops@acme.test",
		"dave":                        "dave@acme.test", // DEPROVISIONED
		"o%27brien%2Bx%26y@acme.test": "o'brien+x&y@acme.test",
		"brien@elsewhere.test":        "", // an e-mail address is not a login
		"sam":                         "", // ambiguous
		"sam@other.test":              "sam@other.test",
		"zed":                         "",
		"%2e%2e":                      "",
	} {
		a := o.do("GET", "/api/v1/users/"+path, "")
		var u struct{ Profile struct{ Login string } }
		a.into(t, &u)
		if u.Profile.Login != want {
			t.Errorf("%s: %q, want %q", path, u.Profile.Login, want)
		}
		if want == "" && (a.status != 404 || a.code() != "E0000007") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if got := o.UnknownRoutes(); got != nil {
		t.Error(got)
	}
}

func TestGetUser_Body(t *testing.T) {
	t.Parallel()
	o := start(t)
	var u map[string]any
	o.expect(200, "GET", "/api/v1/users/carol", "").into(t, &u)
	links := u["_links"].(map[string]any)
	if links["suspend"] != nil || links["unsuspend"].(map[string]any)["method"] != "POST" {
		t.Errorf("links of a suspended user: %v", links)
	}
	if href := links["self"].(map[string]any)["href"]; href != o.url+"/api/v1/users/"+u["id"].(string) {
		t.Error(href)
	}
	delete(u, "_links")
	want := map[string]any{
		"id": o.user("carol").ID, "status": "SUSPENDED",
		"created": "2026-01-05T09:03:00.000Z", "activated": "2026-01-05T09:03:00.000Z",
		"statusChanged": "2026-01-05T09:03:00.000Z",
		"lastUpdated":   "2026-01-05T09:03:00.000Z", "passwordChanged": "2026-01-05T09:03:00.000Z", "lastLogin": nil,
		"type": u["type"],
		"profile": map[string]any{
			"firstName": "Carol", "lastName": "Clark", "login": "carol@acme.test", "email": "carol@acme.test",
			"mobilePhone": nil, "secondEmail": nil,
		},
		"credentials": map[string]any{"password": map[string]any{}, "provider": map[string]any{"type": "OKTA",
			"name": "OKTA"}},
	}
	if diff := cmp.Diff(want, u); diff != "" {
		t.Error(diff)
	}
}

func TestSetPassword_EnforcesPolicy(t *testing.T) {
	t.Parallel()
	o := start(t)
	for password, weak := range map[string]bool{
		"Short1x":          true,
		"alllower1":        true,
		"ALLUPPER1":        true,
		"NoDigitsHere":     true,
		"xxALICExx1":       true, // the local part of the login
		"Str0ng-enough":    false,
		"Pässwörter-9 <&>": false,
	} {
		before := o.user("alice").Password
		a := o.do("POST", "/api/v1/users/alice", fmt.Sprintf(`{"credentials":{"password":{"value":%q}}}`, password))
		switch after := o.user("alice").Password; {
		case weak && (a.status != 403 || a.code() != "E0000080" || after != before):
			t.Errorf("%s: %d %s, password now %q", password, a.status, a.body, after)
		case !weak && (a.status != 200 || after != password):
			t.Errorf("%s: %d %s, password now %q", password, a.status, a.body, after)
		case strings.Contains(a.body, password):
			t.Errorf("the response contains the password: %s", a.body)
		}
	}
}

func TestUpdateProfile_ChangesGivenAttributes(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.expect(200, "POST", "/api/v1/users/bob", `{"profile":{"login":"robert@acme.test","badge":7}}`)
	if got := o.user("robert").Profile; got["badge"] != 7.0 || got["lastName"] != "Brown" {
		t.Error(got)
	}
	o.expect(404, "GET", "/api/v1/users/bob", "")
	for body, code := range map[string]string{
		`{"profile":{"login":"ALICE@acme.test"}}`: "E0000001",
		`{"profile":{"lastName":null}}`:           "E0000001",
		`{"profile":`:                             "E0000003",
		`{"credentials":{"password":"text"}}`:     "E0000003",
	} {
		if a := o.do("POST", "/api/v1/users/robert", body); a.code() != code {
			t.Errorf("%s: %s", body, a.body)
		}
	}
}

func TestListUsers_SupportsDocumentedExpressions(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.AddUser(emulator.UserSeed{Login: "zoe@acme.test", Email: "Zoe@Elsewhere.test", Profile: map[string]any{
		"department": `R&D "East" (2)`, "level": 7, "remote": true,
	}})
	none := []string{}
	for _, tc := range []struct {
		expression     string
		search, filter []string // nil: E0000031
	}{
		{`status eq "SUSPENDED"`, []string{"carol"}, []string{"carol"}},
		{`status eq "suspended"`, []string{"carol"}, none},
		{`status eq "DEPROVISIONED"`, []string{"dave"}, []string{"dave"}},
		{`profile.login eq "bob@acme.test"`, []string{"bob"}, []string{"bob"}},
		{`profile.login eq "BOB@acme.test"`, []string{"bob"}, none},
		{`profile.email eq "zoe@elsewhere.test" or profile.login eq "zoe@elsewhere.test"`, []string{"zoe"}, none},
		{`profile.firstName sw "B"`, []string{"bob", "breakglass"}, nil},
		{`profile.department co "ngin" and profile.title pr`, []string{"alice"}, nil},
		{`profile.department eq "R&D \"East\" (2)"`, []string{"zoe"}, nil},
		{`profile.level gt 6.5`, []string{"zoe"}, nil},
		{`profile.level ge 8`, none, nil},
		{`profile.remote eq true`, []string{"zoe"}, nil},
		{`lastUpdated gt "2026-02-01T00:00:00.000Z"`, []string{"zoe"}, []string{"zoe"}},
		{`lastUpdated ge "2026-03-02T10:00:00.000Z"`, []string{"zoe"}, []string{"zoe"}},
		{`lastUpdated eq "2026-03-02T10:00:00.000Z"`, []string{"zoe"}, []string{"zoe"}},
		{`lastUpdated lt "2026-01-05T10:02:00.000+01:00"`, []string{"admin", "alice"}, []string{"admin", "alice"}},
		{`lastUpdated le "2026-01-05T09:01:00.000Z"`, []string{"admin", "alice"}, []string{"admin", "alice"}},
		{`created lt "2026-01-05T10:02:00.000+01:00"`, []string{"admin", "alice"}, nil},
		{`lastLogin le "2026-01-06T09:01:00.000Z"`, []string{"admin", "alice"}, nil},
		{`type.id pr and profile.firstName lt "Alice"`, []string{"admin"}, nil},
		{`profile.firstName eq "Bob" or profile.firstName eq "Carol" and status eq "ACTIVE"`, []string{"bob"},
			[]string{"bob"}},
		{`(profile.firstName eq "Bob" or profile.firstName eq "Carol") and status eq "SUSPENDED"`, []string{"carol"},
			[]string{"carol"}},
		{`STATUS EQ "STAGED" OR ((status eq "RECOVERY"))`, []string{"frank", "ivan"}, []string{"frank", "ivan"}},
		{`status eq"LOCKED_OUT"`, []string{"erin"}, []string{"erin"}}, // from an example of filter by Okta
		{`status lt "DEPROVISIONED" and profile.lastName eq "Brown"`, []string{"bob"}, nil},
		{`profile.lastName eq "Brown"`, []string{"bob"}, []string{"bob"}},
		{`profile.mobilePhone pr`, []string{"alice"}, nil},
		{`status pr and profile.lastName eq "Brown"`, []string{"bob"}, nil},

		{`status ne "ACTIVE"`, nil, nil}, // Okta does not support ne
		{`not (status eq "ACTIVE")`, nil, nil},
		{`lastUpdated sw "2026-01-05T10:02:00.000Z"`, none, nil},
		{`status`, nil, nil},
		{`status eq`, nil, nil},
		{`status eq ACTIVE`, nil, nil},
		{`status is "ACTIVE"`, nil, nil},
		{`status eq "ACTIVE`, nil, nil},
		{`status eq "ACTIVE" and`, nil, nil},
		{`status eq "ACTIVE" status eq "STAGED"`, nil, nil},
		{`(status eq "ACTIVE"`, nil, nil},
		{`status eq "ACTIVE")`, nil, nil},
		{`nickname eq "x"`, nil, nil},
		{`lastUpdated gt "yesterday"`, nil, nil},
		{`"`, nil, nil},
		{`"\`, nil, nil},
	} {
		for parameter, want := range map[string][]string{"search": tc.search, "filter": tc.filter} {
			a := o.do("GET", "/api/v1/users?"+parameter+"="+url.QueryEscape(tc.expression), "")
			if want == nil {
				if a.status != 400 || a.code() != "E0000031" {
					t.Errorf("%s %s: %d %s", parameter, tc.expression, a.status, a.body)
				}
				continue
			}
			if a.status != 200 {
				t.Errorf("%s %s: %d %s", parameter, tc.expression, a.status, a.body)
				continue
			}
			if diff := cmp.Diff(want, a.logins(t)); diff != "" {
				t.Errorf("%s %s: %s", parameter, tc.expression, diff)
			}
		}
	}
}

func TestListUsers_LimitAndStatus(t *testing.T) {
	t.Parallel()
	o := start(t)
	all := o.expect(200, "GET", "/api/v1/users", "").logins(t)
	if len(all) != 12 || slices.Contains(all, "dave") {
		t.Errorf("the list contains DEPROVISIONED users: %v", all)
	}
	for q, want := range map[string][]string{
		"AL":           {"alice"},
		"bro":          {"bob"},
		"davis":        {}, // DEPROVISIONED
		"lice":         {}, // not the beginning
		"admin@acme.t": {"admin"},
	} {
		if diff := cmp.Diff(want, o.expect(200, "GET", "/api/v1/users?q="+q, "").logins(t)); diff != "" {
			t.Errorf("q=%s: %s", q, diff)
		}
	}
	for query, code := range map[string]string{
		"limit=0":                  "E0000001",
		"limit=201":                "E0000001",
		"limit=ten":                "E0000001",
		"after=nonsense":           "E0000001",
		"q=a&filter=id+eq+%221%22": "E0000033",
		"search=status+pr&q=a":     "E0000033",
	} {
		if a := o.expect(400, "GET", "/api/v1/users?"+query, ""); a.code() != code {
			t.Errorf("%s: %s", query, a.body)
		}
	}
}

func TestListUsers_QHasOnePage(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.steer("POST", "/users?count=15", "")
	a := o.expect(200, "GET", "/api/v1/users?q=load", "")
	if got := a.logins(t); len(got) != 10 || a.next() != "" {
		t.Errorf("q returns %v and the next page %q, want 10 users and none", got, a.next())
	}
	if got := o.expect(200, "GET", "/api/v1/users?q=load&limit=12", "").logins(t); len(got) != 12 {
		t.Error(got)
	}
}

func TestPaging_CursorIsStable(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.steer("POST", "/users?count=10", "")
	search := url.QueryEscape(`status eq "ACTIVE" and profile.lastName eq "Load"`)
	a := o.expect(200, "GET", "/api/v1/users?limit=4&search="+search, "")
	if got := a.header.Values("Link"); len(got) != 2 ||
		got[0] != "<"+o.url+"/api/v1/users?limit=4&search="+search+`>; rel="self"` {
		t.Fatalf("want separate Link headers for self and next: %q", got)
	}
	got := a.logins(t)
	// Removing a user from the result between two pages must not shift the next page.
	o.expect(200, "POST", "/api/v1/users/load3/lifecycle/suspend", "")
	for next := a.next(); next != ""; next = a.next() {
		a = o.expect(200, "GET", strings.TrimPrefix(next, o.url), "")
		got = append(got, a.logins(t)...)
	}
	if want := []string{"load0", "load1", "load2", "load3", "load4", "load5", "load6", "load7", "load8",
		"load9"}; !cmp.Equal(got, want) {
		t.Error(got)
	}
}

func TestPageSize_OverridesLimit(t *testing.T) {
	t.Parallel()
	o := startWith(t, emulator.Options{PageSize: 1})
	for path, want := range map[string]int{
		"/api/v1/users":                         12,
		"/api/v1/users?search=status+pr":        13,
		"/api/v1/users/alice/groups":            3,
		"/api/v1/groups":                        6,
		"/api/v1/idps?limit=200&type=MICROSOFT": 2,
	} {
		pages := 0
		for path != "" {
			a := o.expect(200, "GET", path, "")
			var items []any
			if a.into(t, &items); len(items) != 1 {
				t.Fatalf("%s: %d items", path, len(items))
			}
			pages++
			path = strings.TrimPrefix(a.next(), o.url)
		}
		if pages != want {
			t.Errorf("%d pages, want %d", pages, want)
		}
	}
}
