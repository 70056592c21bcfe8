package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIdentifier bounds an item of a list and the identifier of an entity, in characters.
const maxIdentifier = 256

// MaxItems bounds a list, and the entities of a request.
const MaxItems = 5000

// maxName is longer than the name of any action or parameter, in bytes.
const maxName = 200

// placeholderStart matches a SecOps placeholder up to its | or its closing bracket: [Event.x], [Get
// User.JsonResult.
const placeholderStart = `\[[\pL\d_ :()-]+\.[\pL_][^\[\]|]*`

var (
	wholePlaceholder = regexp.MustCompile(`^` + placeholderStart + `(\|[\s\S]*)?\]$`)
	anyPlaceholder   = regexp.MustCompile(placeholderStart + `(\|(\s*"[^"]*"\s*|[^\]]*))?\]`)
)

// IsPlaceholder reports whether a value is, as a whole, a SecOps placeholder that was not filled
// in.
func IsPlaceholder(s string) bool { return wholePlaceholder.MatchString(strings.TrimSpace(s)) }

// FillIn marks a value of a suggested request that the author of a playbook replaces, in any case
// and anywhere in the value: FILL_IN Group Name, 4711-add-group-FILL_IN_STEP_NAME.
const FillIn = "FILL_IN"

var anyFillIn = regexp.MustCompile("(?i)" + FillIn)

// Unfilled returns the problem of a value that holds FillIn or is, as a whole, a SecOps placeholder,
// "" if there is none.
func Unfilled(value string) string {
	if IsPlaceholder(value) {
		return leftPlaceholder(strings.TrimSpace(value))
	}
	return leftFillIn(value)
}

// UnfilledAnywhere returns the problem of a text that holds FillIn or a SecOps placeholder, "" if
// there is none. It is for texts in which part of a placeholder would be mistaken for the value.
func UnfilledAnywhere(text string) string {
	if problem := leftFillIn(text); problem != "" {
		return problem
	}
	if placeholder := anyPlaceholder.FindString(text); placeholder != "" {
		return leftPlaceholder(placeholder)
	}
	return ""
}

func leftFillIn(text string) string {
	if !anyFillIn.MatchString(text) {
		return ""
	}
	return "holds " + FillIn + ", which marks a value to replace"
}

func leftPlaceholder(placeholder string) string {
	return fmt.Sprintf("holds the placeholder %s, which SecOps did not fill in", Shorten(placeholder))
}

// listItems splits a text that lists several names: a JSON array of strings, or names separated by
// commas. Of more than MaxItems names the first are returned, and how many there are.
func listItems(text string) (items []string, n int, err error) {
	if !startsArray.MatchString(text) {
		return splitList(text)
	}
	if !json.Valid([]byte(text)) {
		return nil, 0, errNotArray
	}
	inner := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	for inner != "" {
		item := firstItem(inner)
		if inner = strings.TrimPrefix(inner[len(item):], ","); !strings.HasPrefix(strings.TrimSpace(item), `"`) {
			return nil, 0, errNotArray
		}
		if n++; n <= MaxItems {
			var name string
			_ = json.Unmarshal([]byte(item), &name) // a valid JSON string
			items = append(items, name)
		}
	}
	return items, n, nil
}

// firstItem returns the text up to the first comma outside a JSON string.
func firstItem(text string) string {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '\\' && quoted:
			i++
		case text[i] == ',' && !quoted:
			return text[:i]
		}
	}
	return text
}

var errNotArray = errors.New(`begins as a JSON array of strings but is not one; write ["alice", "bob"] or: alice, bob`)

// startsArray matches a text that is meant as a JSON array: its first item is quoted, or it has no
// items. Any other text in brackets is a name: [High] alert.
var startsArray = regexp.MustCompile(`^\[\s*(["']|\]$)`)

// splitList splits at commas that are not between double quotes; an item that is quoted as a whole loses
// its quotes, and "" between them stands for one.
// Of more than MaxItems items the first are returned, and how many there are.
func splitList(s string) (items []string, n int, err error) {
	var quoted bool
	start := 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == ',' && !quoted:
			if n++; n > MaxItems {
				continue
			}
			item := strings.TrimSpace(s[start:i])
			if len(item) >= 2 && item[0] == '"' && item[len(item)-1] == '"' {
				item = strings.ReplaceAll(item[1:len(item)-1], `""`, `"`)
			}
			items = append(items, item)
			start = i + 1
		case s[i] == '"':
			quoted = !quoted
		}
	}
	if quoted {
		return nil, 0, errors.New(`has a double quote without its partner; quotes protect a comma: "Doe, Jane",bob`)
	}
	return items, n, nil
}

// checkIdentifier refuses what cannot name anything in Okta; user also refuses what would not name a user.
func checkIdentifier(s string, user bool) error {
	switch {
	case utf8.RuneCountInString(s) > maxIdentifier:
		return fmt.Errorf("has an item of more than %d characters: %s", maxIdentifier, Shorten(s))
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("has an item with control characters: %q", Shorten(s))
	case strings.ContainsRune(s, utf8.RuneError):
		return fmt.Errorf("has an item that is not valid Unicode: %q", Shorten(s))
	case user && strings.EqualFold(s, "me"):
		return errors.New(`"me" would be the owner of the Okta credentials; name the user`)
	case user && (s == "." || s == ".."):
		return fmt.Errorf("%q names no user", s)
	}
	return nil
}

// address matches an address in angle brackets, as mail programs write it.
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

// Shorten keeps what a caller sent from filling a message.
func Shorten(s string) string {
	const most = 80
	n := 0
	for i := range s {
		if n == most {
			return strings.ToValidUTF8(s[:i], string(utf8.RuneError)) + "…"
		}
		n++
	}
	return s
}

// nearest returns the parameter whose name, or an alias of it, is closest to the folded name; "" where
// none is close. A name that is the beginning of one, or begins with one, is close.
func nearest(name string, known map[string]string) string {
	best, distance := "", 0
	if len(name) > maxName {
		return best
	}
	for _, k := range slices.Sorted(maps.Keys(known)) {
		d := levenshtein(name, k)
		if len(name) >= 3 && (strings.HasPrefix(k, name) || strings.HasPrefix(name, k)) {
			d = min(d, 2)
		}
		if d <= max(2, len(k)/3) && (best == "" || d < distance) {
			best, distance = known[k], d
		}
	}
	return best
}

func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			above := row[j]
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above+1, row[j-1]+1, diagonal+cost)
			diagonal = above
		}
	}
	return row[len(b)]
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s // an abbreviation
	}
	return string(unicode.ToLower(r)) + s[n:]
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
