package action

import "example.com/okta-secops/internal/apierr"

// Outcome is what became of one target.
type Outcome string

// The outcomes. Changed, Unchanged and Found mean that the target reached the asked state, Accepted
// that Okta took a request which it applies later, if at all.
const (
	Changed    Outcome = "changed"
	Unchanged  Outcome = "unchanged" // it was so already
	Accepted   Outcome = "accepted"  // Okta took a signal and applies it later
	Found      Outcome = "found"     // read
	Planned    Outcome = "planned"   // a dry run would change it
	NotFound   Outcome = "not_found"
	Refused    Outcome = "refused" // a guardrail forbids it
	WrongState Outcome = "wrong_state"
	Failed     Outcome = "failed"
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Changed, Unchanged, Accepted, Found, Planned, NotFound, Refused, WrongState, Failed}

// Reached reports whether the target counts as reached.
func (o Outcome) Reached() bool { return o.wrote() || o == Unchanged || o == Found }

// wrote reports whether a write was made for the target.
func (o Outcome) wrote() bool { return o == Changed || o == Accepted }

// OutcomeOf is the outcome that an error means for its target.
func OutcomeOf(err error) Outcome {
	f := apierr.As(err)
	switch f.Kind {
	case apierr.NotFound:
		return NotFound
	case apierr.Refused:
		return Refused
	case apierr.WrongState:
		return WrongState
	default:
		return Failed
	}
}

// Status is the state of a run as a whole.
type Status string

// The statuses.
const (
	StatusSuccess Status = "success" // every target reached the asked state
	StatusPartial Status = "partial"
	StatusFailure Status = "failure" // none did and nothing was changed
	StatusPlanned Status = "planned" // a dry run in which every target is planned or unchanged
)

// Statuses are all statuses.
var Statuses = []Status{StatusSuccess, StatusPartial, StatusFailure, StatusPlanned}

// Status sums the targets up. A result without targets is a success: a list may be empty.
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
