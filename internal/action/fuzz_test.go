package action_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/okta-secops/internal/action"
)

// FuzzIdentifiers checks that a list of names gives valid names in order, without duplicates, or
// one problem that names the parameter, and that a string and an array of the same items give the
// same names.
func FuzzIdentifiers(f *testing.F) {
	for _, text := range []string{
		"", "alice", "alice, bob", `"a, b", c`, `"`, `"a""b"`, `a"b`, ",,,", " , a , A ", "me", ".", "..", "a/b", "a\x00b", "[Event.x]", "[High] alert",
		strings.Repeat("x", 256), strings.Repeat("x", 257), "ä, Ä", "\u202e, a", "ﬀ, FF", "İ, i̇", "a\nb", `\"`, "null", "\xff",
	} {
		f.Add(text)
	}
	type params struct {
		Users action.Users `param:"User IDs" help:"Users."`
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"User IDs": text}})
		if len(problems) > 0 {
			if len(problems) != 1 || problems[0].Parameter != "User IDs" || problems[0].Message == "" {
				t.Errorf("%q: %v", text, problems)
			}
			return
		}
		items, seen := make([]any, len(p.Users)), map[string]bool{}
		for i, item := range p.Users {
			items[i] = item
			if strings.TrimSpace(item) == "" || strings.TrimSpace(item) != item || utf8.RuneCountInString(item) > 256 || strings.ContainsFunc(item, unicode.IsControl) ||
				item == "." || item == ".." || strings.EqualFold(item, "me") || action.IsPlaceholder(item) {
				t.Errorf("%q has the item %q", text, item)
			}
			folded := strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					return r - 'A' + 'a'
				}
				return r
			}, item)
			if seen[folded] {
				t.Errorf("%q has the item %q twice", text, item)
			}
			seen[folded] = true
		}
		if len(items) == 0 {
			return
		}
		again, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"User IDs": items}})
		if len(problems) > 0 || !slices.Equal(again.Users, p.Users) {
			b, _ := json.Marshal(items)
			t.Errorf("%q is %s, which is %q %v", text, b, again.Users, problems)
		}
	})
}
