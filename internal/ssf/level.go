package ssf

import (
	"errors"
	"fmt"
	"strings"
)

// Level is the risk of a user or a device: "low", "medium" or "high". A previous level may also be
// "none".
type Level string

const (
	none   Level = "none"
	low    Level = "low"
	medium Level = "medium"
	high   Level = "high"
)

// Levels are the valid levels of a signal as text, and PreviousLevels those before it.
var (
	Levels         = []string{string(low), string(medium), string(high)}
	PreviousLevels = []string{string(none), string(low), string(medium), string(high)}
)

// ParseLevel parses a severity in any case. It returns a warning for the severities of other products
// that Okta does not have: critical is sent as high, and informational, informative or none as low.
func ParseLevel(text string) (level Level, warning string, err error) {
	level = Level(strings.ToLower(text))
	switch level {
	case low, medium, high:
		return level, "", nil
	case "critical":
		level = high
	case "informational", "informative", none:
		level = low
	default:
		return "", "", errors.New("must be low, medium or high; critical is sent as high, informational as low")
	}
	return level, fmt.Sprintf("Okta has no severity %s: %s is sent", strings.ToLower(text), level), nil
}

// previous returns the next lower level.
func (l Level) previous() Level {
	switch l {
	case high:
		return medium
	case medium:
		return low
	}
	return none
}
