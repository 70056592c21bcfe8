package action

import (
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// Mention is how a caller named a target.
type Mention struct {
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
	Mention
	AlsoNamed []Mention      `json:"also_named,omitempty"`
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
	omitted      bool              // the value is left out for its size
	message      string
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
