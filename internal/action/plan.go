package action

import (
	"context"

	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
)

// Plan is the decision of an action for one target, made from the state as read. Planning only
// reads: the write is a function, and a dry run does not call it.
type Plan struct {
	Before State
	After  State // predicted; nil if it cannot be predicted
	Roles  []RoleOutcome
	Steps  []Step // of a composed plan, made by Execution.Compose

	// Write makes the change with the client that it gets; nil: the target is already as asked, and
	// Value and Message describe it.
	Write func(ctx context.Context, o *okta.Client) (WriteResult, error)
	// Err is the error of the part of the change that cannot be made. Write returns it too.
	Err error
	// Read reads the state that After predicts; nil: it cannot be read.
	Read func(ctx context.Context, o *okta.Client) (State, error)
	// Undo returns the request that takes Write back; nil: Write returns it, or there is none.
	Undo func() *Undo
	// NotUndoable is the reason why Write cannot be taken back, or only in part; "" if Undo does.
	NotUndoable string
	// Effects are what Write does, for the guardrails.
	Effects guardrail.Effects
	// Email is the address of the user whom Write concerns, if the target is not a user.
	Email string
	// Success is the outcome of a write without an error; empty: Changed.
	Success Outcome

	Value   any    // for json_result if nothing is written
	Message string // a sentence for output_message, in place of the target's name in a list
}

// WriteResult is the result of Plan.Write.
type WriteResult struct {
	Value any   // for json_result
	After State // nil: as predicted by the plan
	Undo  *Undo // nil: that of the plan
	// NotUndoable is the reason why a part cannot be taken back; "": that of the plan
	NotUndoable string
	Message     string // a sentence for output_message

	Outcome Outcome       // empty: Plan.Success; an error takes precedence
	Roles   []RoleOutcome // of a change of roles
	Steps   []StepResult  // of a composed plan
	Touched bool          // a part of the change was made, although Write returns an error
}

// Undo is the request that reverts a change.
type Undo struct {
	Action     string         `json:"action"`
	Parameters map[string]any `json:"parameters"`
}
