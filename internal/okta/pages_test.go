package okta_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// page is a page of a list: the ids of its users, and its Link headers, in which ${org} stands for
// the address.
type page struct {
	ids   []string
	links []string
}

// pager serves pages by their after parameter.
func pager(t *testing.T, rec *record, pages map[string]page) *okta.Client {
	t.Helper()
	return newClient(t, func(w http.ResponseWriter, r *http.Request) {
		rec.add(r)
		p, ok := pages[r.URL.Query().Get("after")]
		if !ok || r.Header.Get("Authorization") != "SSWS "+apiToken {
			http.NotFound(w, r)
			return
		}
		for _, link := range p.links {
			w.Header().Add("Link", strings.ReplaceAll(link, "${org}", "http://"+r.Host))
		}
		users := make([]string, len(p.ids))
		for i, id := range p.ids {
			users[i] = fmt.Sprintf(`{"id":%q,"extra":{"n":1.50}}`, id)
		}
		_, _ = io.WriteString(w, "["+strings.Join(users, ",")+"]")
	})
}

func ids(t *testing.T, list okta.List) []string {
	t.Helper()
	out := []string{}
	for _, item := range list.Items {
		var u okta.User
		if err := u.UnmarshalJSON(item); err != nil {
			t.Fatal(err)
		}
		out = append(out, u.ID)
	}
	return out
}

func TestList_FollowsNextLinks(t *testing.T) {
	t.Parallel()
	for name, links := range map[string][]string{
		"one header per relation": {`<${org}/api/v1/users?limit=200>; rel="self"`, `<${org}/api/v1/users?after=2>; rel="next"`},
		"next first":              {`<${org}/api/v1/users?after=2>; rel="next"`, `<${org}/api/v1/users?limit=200>; rel="self"`},
		"merged into one header":  {`<${org}/api/v1/users?limit=200>; rel="self", <${org}/api/v1/users?after=2>; rel="next"`},
		"merged without spaces":   {`<${org}/api/v1/users>;rel="self",<${org}/api/v1/users?after=2>;rel="next"`},
		"without quotes":          {`<${org}/api/v1/users?after=2>; rel=next`},
		"with other parameters":   {`<${org}/api/v1/users?after=2>; title="a, b; c"; rel="next"`},
		"with a comma in the URL": {`<${org}/api/v1/users?expand=a,b&after=2>; rel="next"`},
		"with a semicolon in URL": {`<${org}/api/v1/users?after=2&x=a%3Bb>; rel="next"`},
		"relative to the org":     {`</api/v1/users?after=2>; rel="next"`},
		"with a relation nextish": {`<${org}/api/v1/users?after=9>; rel="nextish"`, `<${org}/api/v1/users?after=2>; rel="next"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rec record
			c := pager(t, &rec, map[string]page{"": {[]string{"a", "b"}, links}, "2": {[]string{"b", "c"}, nil}})
			list, err := c.ListUsers(t.Context(), okta.UserQuery{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"a", "b", "c"}, ids(t, list)); diff != "" || list.Cut {
				t.Errorf("users, each once (-want +got):\n%s", diff)
			}
			if got := string(list.Items[0]); got != `{"id":"a","extra":{"n":1.50}}` {
				t.Errorf("the object is changed: %s", got)
			}
		})
	}
}

func TestList_EndsAtLimit(t *testing.T) {
	t.Parallel()
	var rec record
	next := []string{`<${org}/api/v1/users?after=2>; rel="next"`}
	c := pager(t, &rec, map[string]page{"": {[]string{"a", "b"}, next}, "2": {[]string{"c", "d"}, []string{`<${org}/api/v1/users?after=3>; rel="next"`}}})
	for limit, want := range map[int]int{1: 1, 2: 1, 3: 2, 4: 2} {
		before := len(rec.all())
		list, err := c.ListUsers(t.Context(), okta.UserQuery{}, limit)
		if err != nil || len(list.Items) != limit {
			t.Errorf("limit %d: %d users, %v", limit, len(list.Items), err)
		}
		if n := len(rec.all()) - before; n != want {
			t.Errorf("limit %d: %d calls, want %d", limit, n, want)
		}
	}
}

func TestList_EndsIfNextLinksFormLoop(t *testing.T) {
	t.Parallel()
	for name, pages := range map[string]map[string]page{
		"to itself": {"": {[]string{"a"}, []string{`<${org}/api/v1/users?limit=200>; rel="next"`}}},
		"over two pages": {
			"":  {[]string{"a"}, []string{`<${org}/api/v1/users?after=2>; rel="next"`}},
			"2": {[]string{"b"}, []string{`<${org}/api/v1/users?after=3>; rel="next"`}},
			"3": {[]string{"c"}, []string{`<${org}/api/v1/users?after=2>; rel="next"`}},
		},
	} {
		var rec record
		_, err := pager(t, &rec, pages).ListUsers(t.Context(), okta.UserQuery{}, 0)
		wantError(t, err, apierr.InvalidResponse, "bad_reply", "its next links form a loop")
		if n := len(rec.all()); n > 4 {
			t.Errorf("%s: %d calls", name, n)
		}
	}
}

func TestList_RefusesNextLinkToAnotherHost(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the link was followed, with Authorization %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	for _, link := range []string{
		elsewhere.URL + "/api/v1/users?after=2", // another port of the same host
		"http://evil.test/api/v1/users?after=2",
		strings.Replace(elsewhere.URL, "http:", "https:", 1),
		strings.TrimPrefix(elsewhere.URL, "http:") + "/api/v1/users",
		"http://user:password@${host}/api/v1/users",
		"ftp://${host}/api/v1/users",
	} {
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "<"+strings.ReplaceAll(link, "${host}", r.Host)+`>; rel="next"`)
			_, _ = io.WriteString(w, "["+userJSON+"]")
		})
		_, err := c.ListUsers(t.Context(), okta.UserQuery{}, 0)
		wantError(t, err, apierr.InvalidResponse, "bad_reply", "another host")
	}
}

func TestList_EndsAtTenMegabytes(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 1<<20)
	serve := func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("after")
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?after=%sn>; rel="next"`, r.Host, r.URL.Path, after))
		_, _ = fmt.Fprintf(w, `[{"id":"u%s","profile":{"name":"wanted"},"big":%q}]`, after, big)
	}
	c := newClient(t, serve)
	list, err := c.ListUsers(t.Context(), okta.UserQuery{}, 0)
	if err != nil || !list.Cut || len(list.Items) != 9 {
		t.Errorf("%d items, cut %v, %v", len(list.Items), list.Cut, err)
	}
	// A list for a search, or of one user, is useful only if it is complete.
	_, err = c.FindGroups(t.Context(), "wanted")
	wantError(t, err, apierr.Rejected, "too_large", "10 MB")
	_, err = c.ListUserGroups(t.Context(), "00u1")
	wantError(t, err, apierr.Rejected, "too_large", "10 MB")
}

func TestList_FailsIfOnePageFails(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		status int
		kind   apierr.Kind
		code   string
	}{
		`{"errorCode":"E0000009","errorSummary":"Internal Server Error"}`: {500, apierr.Unavailable, "E0000009"},
		`{"errorCode":"E0000047","errorSummary":"Too many"}`:              {429, apierr.Unavailable, "E0000047"},
		`{"id":"00u1"}`:     {200, apierr.InvalidResponse, "bad_reply"},
		`[{"id":"00u1"},7]`: {200, apierr.InvalidResponse, "bad_reply"},
		`[{"id":7}]`:        {200, apierr.InvalidResponse, "bad_reply"},
		``:                  {200, apierr.InvalidResponse, "bad_reply"},
		`null and more`:     {200, apierr.InvalidResponse, "bad_reply"},
	} {
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("after") == "" {
				w.Header().Set("Link", fmt.Sprintf(`<http://%s/api/v1/users?after=2>; rel="next"`, r.Host))
				_, _ = io.WriteString(w, `[{"id":"00u0"}]`)
				return
			}
			w.WriteHeader(want.status)
			_, _ = io.WriteString(w, body)
		})
		_, err := c.ListUsers(t.Context(), okta.UserQuery{}, 0)
		wantError(t, err, want.kind, want.code, "")
	}
}

func TestGroups_FoundByWholeName(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") == "" {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/api/v1/groups?after=2>; rel="next"`, r.Host))
			_, _ = io.WriteString(w, `[{"id":"g1","profile":{"name":"Sales EMEA"}},{"id":"g2","profile":{"name":"sales"}}]`)
			return
		}
		_, _ = io.WriteString(w, `[{"id":"g3","profile":{"name":"Sales"}}]`)
	})
	got, err := c.FindGroups(t.Context(), "Sales")
	if err != nil || len(got) != 1 || got[0].ID != "g3" {
		t.Errorf("%v %v", got, err)
	}
}

func TestUsers_SearchTermIsQuoted(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		want := `profile.login eq "a\"b\\c@x" or profile.email eq "a\"b\\c@x"`
		if got := r.URL.Query().Get("search"); got != want {
			t.Errorf("search %s, want %s", got, want)
		}
		_, _ = io.WriteString(w, "[]")
	})
	if hits, err := c.FindUsers(t.Context(), `a"b\c@x`); err != nil || len(hits) != 0 {
		t.Errorf("%v %v", hits, err)
	}
}

// TestList_EndsWithoutNewObjects: pages without a new object, each with another next link, are
// bounded.
func TestList_EndsWithoutNewObjects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body  func(page int) string
		calls int
		ends  bool
	}{
		"empty pages":     {func(int) string { return "[]" }, 50, true},
		"the same object": {func(int) string { return `[{"id":"a"}]` }, 51, true},
		"49 empty pages, then a new object": {func(n int) string {
			return map[bool]string{true: fmt.Sprintf(`[{"id":"u%d"}]`, n), false: "[]"}[n%50 == 0]
		}, 151, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rec record
			client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				n := len(rec.all())
				rec.add(r)
				if n < 150 {
					w.Header().Set("Link", fmt.Sprintf(`<http://%s/api/v1/users?after=%d>; rel="next"`, r.Host, n+1))
				}
				_, _ = io.WriteString(w, c.body(n))
			})
			list, err := client.ListUsers(t.Context(), okta.UserQuery{}, 0)
			if c.ends {
				wantError(t, err, apierr.InvalidResponse, "bad_reply", "50 pages in a row have no new object")
			} else if err != nil || len(list.Items) != 4 {
				t.Errorf("%d users, %v", len(list.Items), err)
			}
			if n := len(rec.all()); n != c.calls {
				t.Errorf("%d calls, want %d", n, c.calls)
			}
		})
	}
}

// TestList_RefusesNextLinkToAnotherPath: another path would be another list.
func TestList_RefusesNextLinkToAnotherPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v1/groups", "/api/v1/users/", "/api/v1/users/00u1/groups", "/", "/api/v1/users/../groups"} {
		var rec record
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			rec.add(r)
			w.Header().Set("Link", "<"+path+`?after=2>; rel="next"`)
			_, _ = io.WriteString(w, "["+userJSON+"]")
		})
		_, err := c.ListUsers(t.Context(), okta.UserQuery{}, 0)
		wantError(t, err, apierr.InvalidResponse, "bad_reply", "another path")
		if n := len(rec.all()); n != 1 {
			t.Errorf("%s: %v", path, rec.all())
		}
	}
}
