package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListProviders_PagesAndFilters(t *testing.T) {
	t.Parallel()
	o := start(t)
	type provider struct {
		ID, Type, Name string
		Protocol       map[string]any
		Policy         map[string]any
		Links          map[string]any `json:"_links"`
	}
	list := func(path string) ([]provider, string) {
		a := o.expect(200, "GET", path, "")
		var page []provider
		a.into(t, &page)
		return page, strings.TrimPrefix(a.next(), o.url)
	}
	first, next := list("/api/v1/idps")
	rest, last := list(next)
	seen := map[string]bool{}
	for _, p := range append(first, rest...) {
		seen[p.ID] = true
		if p.Protocol["type"] == nil || p.Policy["subject"] == nil || p.Links["users"] == nil {
			t.Errorf("%+v", p)
		}
	}
	if len(first) != 20 || last != "" || len(seen) != len(first)+len(rest) || len(seen) < 25 {
		t.Errorf("pages of %d and %d, %d providers, then %q", len(first), len(rest), len(seen), last)
	}
	for query, want := range map[string][]string{
		"q=GOO":               {"Google", "Google Workspace"},
		"type=FACEBOOK":       {"Facebook"},
		"q=partner&type=OIDC": {"Partner Violet"},
		"q=nobody":            nil,
	} {
		var names []string
		page, _ := list("/api/v1/idps?" + query)
		for _, p := range page {
			names = append(names, p.Name)
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	for _, limit := range []string{"0", "201", "x"} {
		o.expect(400, "GET", fmt.Sprintf("/api/v1/idps?limit=%s", limit), "")
	}
}
