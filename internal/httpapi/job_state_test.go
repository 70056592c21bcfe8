package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.com/okta-secops/internal/action"
)

func TestPrefersAsync_ReadsThePreference(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"respond-async": true, "wait=10, Respond-Async": true, "respond-async; x=1": true, " respond-async ,handling=lenient": true,
		"": false, "respond-sync": false, "respond-async-later": false, `wait="respond-async"`: false,
	} {
		if got := prefersAsync(http.Header{"Prefer": {value}}); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	if !prefersAsync(http.Header{"Prefer": {"wait=1", "respond-async"}}) {
		t.Error("the second header is not read")
	}
}

func TestPage_BoundsTheReply(t *testing.T) {
	t.Parallel()
	var all []*action.Target
	values := map[string]json.RawMessage{}
	for _, input := range []string{"a", "b", "c", "d"} {
		all = append(all, &action.Target{Mention: action.Mention{Input: input}})
		values[input] = json.RawMessage(`"` + strings.Repeat("x", 3<<20) + `"`)
	}
	values["d"] = json.RawMessage(`"` + strings.Repeat("x", 9<<20) + `"`)
	for _, c := range []struct{ after, most, shown, next int }{
		{0, 1000, 2, 2}, {2, 1000, 1, 3}, {3, 1000, 1, 0}, {4, 1000, 0, 0}, {9, 1000, 0, 0}, {0, 1, 1, 1},
	} {
		if shown, next := page(all, c.after, c.most, values); len(shown) != c.shown || next != c.next {
			t.Errorf("%+v: %d, %d", c, len(shown), next)
		}
	}
}
