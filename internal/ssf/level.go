package ssf

import "errors"

// Level is the risk of a user: "low", "medium" or "high". A previous level may also be "none".
type Level string

const (
	none   Level = "none"
	low    Level = "low"
	medium Level = "medium"
	high   Level = "high"
)

var errLevel = errors.New("the severity must be low, medium or high")

// Levels are the valid levels of a signal as text.
var Levels = []string{string(low), string(medium), string(high)}

// Previous returns the next lower level, which a signal states as previous_level: current_level and
// previous_level must differ for the signal to be a change.
func (l Level) Previous() Level {
	switch l {
	case high:
		return medium
	case medium:
		return low
	}
	return none
}
