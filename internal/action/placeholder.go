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

// FillIn marks a value of a suggested request that the author of a playbook must replace, in any
// case and anywhere in the value: FILL_IN Group Name, 4711-add-group-FILL_IN_STEP_NAME.
const FillIn = "FILL_IN"

var anyFillIn = regexp.MustCompile("(?i)" + FillIn)

// Unfilled returns the problem of a value that contains FillIn or is, as a whole, a SecOps
// placeholder; "" if there is none.
func Unfilled(value string) string {
	if IsPlaceholder(value) {
		return placeholderProblem(strings.TrimSpace(value))
	}
	return fillInProblem(value)
}

// UnfilledAnywhere returns the problem of a text that contains FillIn or a SecOps placeholder; ""
// if there is none. It is for texts that may contain a placeholder as a part.
func UnfilledAnywhere(text string) string {
	if problem := fillInProblem(text); problem != "" {
		return problem
	}
	if placeholder := anyPlaceholder.FindString(text); placeholder != "" {
		return placeholderProblem(placeholder)
	}
	return ""
}

func fillInProblem(text string) string {
	if !anyFillIn.MatchString(text) {
		return ""
	}
	return "holds " + FillIn + ", which marks a value to replace"
}

func placeholderProblem(placeholder string) string {
	return fmt.Sprintf("holds the placeholder %s, which SecOps did not fill in", Shorten(placeholder))
}
