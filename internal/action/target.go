package action

import (
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// Mention is one occurrence of a target's name in a request.
type Mention struct {
	Input  string `json:"input"`
	Source string `json:"source"` // parameter or entity
}

// The sources of a mention.
const (
	fromParameter = "parameter"
	fromEntity    = "entity"
)

// Target is one object on which an action runs, with its outcome.
type Target struct {
	Mention
	AlsoNamed []Mention     `json:"also_named,omitempty"`
	UserID    string        `json:"user_id,omitempty"`
	Login     string        `json:"login,omitempty"`
	Outcome   Outcome       `json:"outcome"`
	Before    State         `json:"before,omitempty"`
	After     State         `json:"after,omitempty"`
	Verified  *bool         `json:"verified,omitempty"` // the caller asked for it, and Okta confirms After
	Roles     []RoleOutcome `json:"roles,omitempty"`
	Steps     []StepResult  `json:"steps,omitempty"`
	Undo      *Undo         `json:"undo,omitempty"`
	// NotUndoable is the reason why the change cannot be taken back, or only in part.
	NotUndoable string       `json:"not_undoable,omitempty"`
	Error       *TargetError `json:"error,omitempty"`

	Notices []string `json:"-"` // the guardrails that did not refuse the change, for the audit

	value    any               // its result in json_result
	omitted  bool              // the value is left out: it exceeds the size limit
	enriched map[string]string // the enrichment of its entity
	message  string            // its sentence in output_message
	hint     string            // the likely reason that it was not found
	err      *apierr.Error
	resumed  bool                // an earlier run of the request reached it
	user     *okta.User          // nil: it is not a user, or could not be read
	profile  map[string][]string // attributes of the user that guardrails compare
	touched  bool                // something was changed, or in a dry run would be, whatever the outcome
}

// Identity identifies the target in all runs of a request: the ID of a user, otherwise the input.
func (t *Target) Identity() string {
	if t.UserID != "" {
		return t.UserID
	}
	return "named:" + strings.ToLower(t.Input)
}

// name returns the target's name for messages.
func (t *Target) name() string {
	if t.Login != "" {
		return t.Login
	}
	return Shorten(t.Input)
}

// fail records the error of a target that was not reached.
func (t *Target) fail(err error) {
	t.err = apierr.As(err)
	t.Outcome = OutcomeOf(t.err)
	t.Error = NewTargetError(err)
}

// failWithoutState fails a target that an earlier run reached, and drops what that run reported of
// it: it may no longer be true.
func (t *Target) failWithoutState(err error) {
	t.Before, t.After, t.Undo, t.Roles, t.Verified, t.value, t.touched = nil, nil, nil, nil, nil, nil, false
	t.NotUndoable, t.Steps = "", nil
	t.fail(err)
}

// addHint adds the likely reason to the error of a target that was not found.
func (t *Target) addHint(hint string) {
	e := *t.err
	e.Message = apierr.Sentence("; ", e.Message, hint)
	t.err, t.hint, t.Error = &e, hint, NewTargetError(&e)
}

// TargetError is the error of a target in the reply.
type TargetError struct {
	Code          string `json:"code"`
	Message       string `json:"message"`
	Retryable     bool   `json:"retryable"`
	RetryAfterS   int    `json:"retry_after_s,omitempty"` // seconds; 0: unknown
	OktaRequestID string `json:"okta_request_id,omitempty"`
}

// NewTargetError returns err as the caller sees it.
func NewTargetError(err error) *TargetError {
	e := apierr.As(err)
	return &TargetError{
		Code: e.Code, Message: e.Message, Retryable: e.Retryable(),
		RetryAfterS: e.RetryAfterS(), OktaRequestID: e.RequestID,
	}
}

// RoleOutcome is the outcome of one role of a target.
type RoleOutcome struct {
	Role    string       `json:"role"` // as given
	Outcome Outcome      `json:"outcome"`
	Error   *TargetError `json:"error,omitempty"`
}

// storedErrorKind returns the kind of the error of a target that was decoded from a stored reply.
func (t *Target) storedErrorKind() apierr.Kind {
	switch {
	case t.Outcome == NotFound:
		return apierr.NotFound
	case t.Outcome == Refused:
		return apierr.Refused
	case t.Outcome == WrongState:
		return apierr.WrongState
	case t.Error.Code == apierr.CodeUnknownResult:
		return apierr.UnknownResult
	case t.Error.Code == okta.CodeNoPermission:
		return apierr.NoPermission
	}
	return apierr.Rejected
}

// restoreError sets the fields of a target with an error that are not part of its JSON.
func (t *Target) restoreError() {
	if t.Error == nil {
		return
	}
	t.touched = len(t.After) > 0
	t.err = &apierr.Error{
		Kind: t.storedErrorKind(), Code: t.Error.Code, Message: t.Error.Message, RequestID: t.Error.OktaRequestID,
	}
}
