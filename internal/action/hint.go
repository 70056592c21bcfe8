package action

import (
	"regexp"
	"strings"
	"unicode"
)

// address matches an e-mail address in angle brackets, as in "Jane Doe <jane@example.com>".
var address = regexp.MustCompile(`<\s*([^<>\s]+@[^<>\s]+)\s*>`)

// userHint returns the likely reason that no user has a name, "" if there is none.
func userHint(name string) string {
	name = strings.TrimSpace(name)
	m := address.FindStringSubmatch(name)
	switch {
	case strings.Contains(name, ";"):
		return "separate several users with commas, not semicolons"
	case m != nil:
		return "give the address without angle brackets: " + Shorten(m[1])
	case strings.ContainsAny(name, "[](){}<>"):
		return "it has brackets: give the login without them"
	case strings.Trim(name, "\"'`“”‘’") != name:
		return "it has quotation marks: give the login without them"
	case strings.ContainsFunc(name, unicode.IsSpace):
		return "it has a space: separate several users with commas, and give logins, not display names"
	case strings.Contains(name, `\`):
		return "it has a Windows domain: give the login in Okta"
	case strings.HasPrefix(name, "00g") && len(name) == 20:
		return "it looks like the ID of a group"
	}
	return ""
}

// GroupHint returns the likely reason that no group has a name, or an id if ids is true.
func GroupHint(name string, ids bool) string {
	switch {
	case strings.Contains(name, ";"):
		return "separate several groups with commas, not semicolons"
	case ids && !strings.HasPrefix(name, "00g"):
		return "it does not look like the ID of a group: set Is Id to false to find a group by its name"
	}
	return ""
}
