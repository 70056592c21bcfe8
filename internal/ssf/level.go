package ssf

import "errors"

// Level is a user's risk: "low", "medium" or "high"; as a previous level also
// "none".
type Level string

const (
	none   Level = "none"
	low    Level = "low"
	medium Level = "medium"
	high   Level = "high"
)

var errLevel = errors.New("the severity must be low, medium or high")

// Levels are the levels that a signal can state, as text.
var Levels = []string{string(low), string(medium), string(high)}

// Previous returns the level that the risk is taken to have risen from: one
// lower. A signal without a rise would be no change.
func (l Level) Previous() Level {
	switch l {
	case high:
		return medium
	case medium:
		return low
	}
	return none
}
