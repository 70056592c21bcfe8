package containment

import (
	"encoding/json"
	"errors"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// entry is what Contain User reports of one user in json_result. Restore User takes it back: it comes
// from the caller, so it can only choose among the changes that Restore User makes.
type entry struct {
	UserID    string              `json:"user_id"`
	Level     level               `json:"level"`
	Contained any                 `json:"contained"` // true, "partly" or false
	Before    action.State        `json:"before"`
	After     action.State        `json:"after"`
	Steps     []action.StepResult `json:"steps"`
	// Quarantine is the ID of the group to which the run added the user; "": none.
	Quarantine string         `json:"quarantine_group,omitempty"`
	Evidence   map[string]any `json:"evidence"`
	Survives   []string       `json:"survives"` // access that may continue
}

// changed reports whether the run made this step.
func (e entry) changed(step string) bool {
	for _, s := range e.Steps {
		if s.Step == step {
			return s.Outcome == action.Changed
		}
	}
	return false
}

// changedSince returns an error if a value, such as the status, is neither what the run left nor what it
// was before. It is as before if the user was restored already. nil is a value that was not read.
func (e entry) changedSince(name string, now any) error {
	left, known := e.After[name]
	if !known || now == nil || now == left || now == e.Before[name] {
		return nil
	}
	return apierr.Errorf(apierr.WrongState, action.CodeChangedSince,
		"the containment left the %s %s, and it is %s now, so the user has changed since: nothing was sent",
		name, action.Shorten(fmt.Sprint(left)), now)
}

// record holds entries by user ID.
type record map[string]entry

// UnmarshalParam implements action.ParamUnmarshaler: an entry, or an object of entries.
func (r *record) UnmarshalParam(text string) (warning string, err error) {
	problem := errors.New("must be the JSON of a user in json_result of Contain User, or all of json_result")
	var one entry
	if err := json.Unmarshal([]byte(text), &one); err != nil {
		return "", problem
	}
	all := map[string]entry{"": one}
	if one.UserID == "" {
		all = nil
		if json.Unmarshal([]byte(text), &all) != nil || len(all) == 0 {
			return "", problem
		}
	}
	*r = record{}
	for _, e := range all {
		if e.UserID == "" || len(e.Steps) == 0 {
			return "", problem
		}
		(*r)[e.UserID] = e
	}
	return "", nil
}
