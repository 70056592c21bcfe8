package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIdentifier bounds a name, in characters.
const maxIdentifier = 256

// MaxItems bounds the items of a list, the entities of a request and the names that they list.
const MaxItems = 10_000

// listItems splits a list of names: a JSON array of strings, or names separated by commas. It
// returns at most MaxItems names, and the number of all.
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

// startsArray matches the start of a JSON array that is empty or has a quoted first item. Any other
// text in brackets is a name: [High] alert.
var startsArray = regexp.MustCompile(`^\[\s*(["']|\]$)`)

// splitList splits a text at the commas outside double quotes. It removes the quotes around an
// item, and replaces "" between them by ". It returns at most MaxItems items, and the number of
// all.
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
		return nil, 0, errors.New(`has an unmatched double quote; put a name with a comma in quotes: "Doe, Jane",bob`)
	}
	return items, n, nil
}

// checkIdentifier returns an error for a text that cannot name an object in Okta, or a user if user
// is true.
func checkIdentifier(s string, user bool) error {
	switch {
	case utf8.RuneCountInString(s) > maxIdentifier:
		return fmt.Errorf("has an item of more than %d characters: %s", maxIdentifier, Shorten(s))
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("has an item with control characters: %q", Shorten(s))
	case strings.ContainsRune(s, utf8.RuneError):
		return fmt.Errorf("has an item that is not valid Unicode: %q", Shorten(s))
	case user && strings.EqualFold(s, "me"):
		return errors.New(`"me" is the owner of the Okta credentials: give the ID or the login of a user`)
	case user && (s == "." || s == ".."):
		return fmt.Errorf("%q is not a user: give an ID, a login or an e-mail address", s)
	}
	return nil
}
