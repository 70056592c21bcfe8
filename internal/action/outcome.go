package action

import "example.com/okta-secops/internal/apierr"

// Outcome is the outcome of one target.
type Outcome string

// The outcomes.
const (
	Changed    Outcome = "changed"
	Unchanged  Outcome = "unchanged" // already in the asked state
	Accepted   Outcome = "accepted"  // Okta accepted a signal; it decides later whether to apply it
	Found      Outcome = "found"     // a read found it
	Planned    Outcome = "planned"   // a dry run would change it
	NotFound   Outcome = "not_found"
	Refused    Outcome = "refused" // a guardrail forbids it
	WrongState Outcome = "wrong_state"
	Failed     Outcome = "failed"
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Changed, Unchanged, Accepted, Found, Planned, NotFound, Refused, WrongState, Failed}

// Reached reports whether the target counts as being in the asked state.
func (o Outcome) Reached() bool { return o.wrote() || o == Unchanged || o == Found }

// wrote reports whether a write was made for the target.
func (o Outcome) wrote() bool { return o == Changed || o == Accepted }

// OutcomeOf returns the outcome of a target that was not reached because of an error.
func OutcomeOf(err error) Outcome { return Outcome(apierr.As(err).Kind.Meaning().Outcome) }

// Status is the outcome of a run as a whole.
type Status string

// The statuses.
const (
	StatusSuccess Status = "success" // every target reached the asked state
	StatusPartial Status = "partial" // any other result
	StatusFailure Status = "failure" // no target reached it, and nothing was changed
	StatusPlanned Status = "planned" // a dry run in which every target is planned or unchanged
)

// Statuses are all statuses.
var Statuses = []Status{StatusSuccess, StatusPartial, StatusFailure, StatusPlanned}

// Status returns the status of a run from its targets. A result without targets is a success: a
// list may be empty.
func (r *Result) Status() Status {
	var reached, planned, unchanged, changed int
	for _, t := range r.Targets {
		switch {
		case t.Outcome == Planned:
			planned++
		case t.Outcome.Reached():
			reached++
		}
		if t.Outcome == Unchanged {
			unchanged++
		}
		if t.touched {
			changed++
		}
	}
	switch all := len(r.Targets); {
	case r.dryRun && all > 0 && planned+unchanged == all:
		return StatusPlanned
	case reached == all:
		return StatusSuccess
	case reached+planned+changed == 0:
		return StatusFailure
	default:
		return StatusPartial
	}
}
