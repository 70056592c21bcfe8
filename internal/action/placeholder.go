package action

import (
	"fmt"
	"regexp"
	"strings"
)

// placeholderStart matches the start of a SecOps placeholder, before its | or closing bracket:
// [Event.x, [Get User.JsonResult.
const placeholderStart = `\[[\pL\d_ :()-]+\.[\pL_][^\[\]|]*`

var (
	wholePlaceholder = regexp.MustCompile(`^` + placeholderStart + `(\|[\s\S]*)?\]$`)
	anyPlaceholder   = regexp.MustCompile(placeholderStart + `(\|(\s*"[^"]*"\s*|[^\]]*))?\]`)
)

// IsPlaceholder reports whether the whole value is a SecOps placeholder that was not filled in.
func IsPlaceholder(s string) bool { return wholePlaceholder.MatchString(strings.TrimSpace(s)) }

// FindPlaceholder returns the first SecOps placeholder in a text, "" if there is none.
func FindPlaceholder(s string) string { return anyPlaceholder.FindString(s) }

// Unfilled returns the message about a placeholder in a value.
func Unfilled(placeholder string) string {
	return fmt.Sprintf("holds the placeholder %s, which SecOps did not fill in", Shorten(strings.TrimSpace(placeholder)))
}
