package action

import (
	"context"

	"example.com/okta-secops/internal/okta"
)

// Plan is what an action decided for one target from its state as read. Deciding writes nothing; the
// write is a function that a dry run does not call.
type Plan struct {
	Before State
	After  State // predicted; nil where it cannot be known
	Roles  []RoleOutcome

	// Write makes the change; nil: there is nothing to change, and Value and Say hold at once.
	Write func(ctx context.Context, o *okta.Client) (WriteResult, error)
	// Err is what already stands in the way of a part of the change; Write knows it too.
	Err error
	// Read reads again what After predicts; nil: it cannot be read.
	Read func(ctx context.Context, o *okta.Client) (State, error)
	Undo *Undo
	// Success is the outcome of a write without an error; empty: Changed.
	Success Outcome

	Value any    // for json_result of an unchanged target; nil: the state as read
	Message   string // one sentence for the message, instead of the target's name in a list
}

// WriteResult is what a write came to.
type WriteResult struct {
	Value any    // for json_result
	After State  // nil: as the plan predicted
	Undo  *Undo  // nil: as the plan says
	Message   string // one sentence for the message

	Outcome Outcome       // empty: the plan's Success; an error overrides it
	Roles   []RoleOutcome // of a write of several parts
	Touched bool          // some part was changed, although the whole failed
}
