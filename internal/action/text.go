package action

import (
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

// placeholder is a SecOps placeholder as a whole: [Event.x], [Get User.JsonResult| "id"].
var placeholder = regexp.MustCompile(`^\[[\pL\d_ :()-]+\.[\pL_][^\[\]|]*(\|[\s\S]*)?\]$`)

// IsPlaceholder tells whether a value is, as a whole, a SecOps placeholder that was not filled in.
func IsPlaceholder(s string) bool { return placeholder.MatchString(strings.TrimSpace(s)) }

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
