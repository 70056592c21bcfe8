package action

import (
	"context"
	"encoding/json"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

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

// State is what matters of a target before or after a change, as JSON members.
type State map[string]any

// Naming is how a caller named a target.
type Naming struct {
	Input  string `json:"input"`
	Source string `json:"source"` // parameter or entity
}

// The sources of a naming.
const (
	fromParameter = "parameter"
	fromEntity    = "entity"
)

// Target is one object that an action is asked to reach, and what became of it.
type Target struct {
	Naming
	AlsoNamed []Naming      `json:"also_named,omitempty"`
	UserID    string        `json:"user_id,omitempty"`
	Login     string        `json:"login,omitempty"`
	Outcome   Outcome       `json:"outcome"`
	Before    State         `json:"before,omitempty"`
	After     State         `json:"after,omitempty"`
	Verified  *bool         `json:"verified,omitempty"` // the caller asked for it, and Okta confirms after
	Roles     []RoleOutcome `json:"roles,omitempty"`
	Undo      *Undo         `json:"undo,omitempty"`
	Error     *TargetError  `json:"error,omitempty"`

	value    any               // what json_result holds for it
	enriched map[string]string // by an earlier run of the request
	cut      bool              // the value is left out for its size
	say      string
	hint     string // the likely reason that it was not found
	err      *apierr.Error
	resumed  bool // an earlier run of the request reached it
	touched  bool // something was changed, or would be, whatever the outcome
}

// Identity is how the target is known over several runs of a request: the id of a user, else how it was named.
func (t *Target) Identity() string {
	if t.UserID != "" {
		return t.UserID
	}
	return "named:" + strings.ToLower(t.Input)
}

// prior is what is kept of a target that was reached, for a repeat of the request.
type prior struct {
	Target     *Target           `json:"target"`
	Value      json.RawMessage   `json:"value,omitempty"`
	Enrichment map[string]string `json:"enrichment,omitempty"`
}

// resume makes the target what an earlier run of the request has made of it.
func (t *Target) resume(kept map[string]json.RawMessage) bool {
	var p prior
	raw, ok := kept[t.Identity()]
	if !ok || json.Unmarshal(raw, &p) != nil || p.Target == nil {
		return false
	}
	was := *t
	*t = *p.Target
	t.Naming, t.AlsoNamed, t.Login, t.enriched = was.Naming, was.AlsoNamed, was.Login, p.Enrichment
	t.touched, t.resumed = t.Outcome.wrote(), true
	if len(p.Value) > 0 {
		t.value = p.Value
	}
	return true
}

// name is how messages call the target.
func (t *Target) name() string {
	if t.Login != "" {
		return t.Login
	}
	return Shorten(t.Input)
}

// fail records why the target was not reached.
func (t *Target) fail(err error) {
	t.err = apierr.As(err)
	t.Outcome = OutcomeOf(t.err)
	t.Error = NewTargetError(err)
}

// advise adds to a target that was not found what is probably wrong with its name.
func (t *Target) advise(hint string) {
	f := *t.err
	f.Message = apierr.Sentence("; ", f.Message, hint)
	t.err, t.hint, t.Error = &f, hint, NewTargetError(&f)
}

// TargetError says why a target was not reached.
type TargetError struct {
	Code          string `json:"code"`
	Message       string `json:"message"`
	Retryable     bool   `json:"retryable"`
	RetryAfterS   int    `json:"retry_after_s,omitempty"` // seconds; 0: unknown
	OktaRequestID string `json:"okta_request_id,omitempty"`
}

// NewTargetError is err for the caller.
func NewTargetError(err error) *TargetError {
	f := apierr.As(err)
	return &TargetError{
		Code: f.Code, Message: f.Message, Retryable: f.Retryable(),
		RetryAfterS: f.RetryAfterS(), OktaRequestID: f.RequestID,
	}
}

// RoleOutcome is what became of one role of a target.
type RoleOutcome struct {
	Role    string       `json:"role"` // as given
	Outcome Outcome      `json:"outcome"`
	Error   *TargetError `json:"error,omitempty"`
}

// Undo is the call that takes a change back.
type Undo struct {
	Action     string         `json:"action"`
	Parameters map[string]any `json:"parameters"`
}

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
	Say   string // one sentence for the message, instead of the target's name in a list
}

// WriteResult is what a write came to.
type WriteResult struct {
	Value any    // for json_result
	After State  // nil: as the plan predicted
	Undo  *Undo  // nil: as the plan says
	Say   string // one sentence for the message

	Outcome Outcome       // empty: the plan's Success; an error overrides it
	Roles   []RoleOutcome // of a write of several parts
	Touched bool          // some part was changed, although the whole failed
}
