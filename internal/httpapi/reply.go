package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// Reply is the JSON object that is sent for every request to run an action.
type Reply struct {
	Action        string                  `json:"action"`
	InvocationID  string                  `json:"invocation_id"`
	Org           string                  `json:"org,omitempty"` // the host of the Okta org of a run
	Status        action.Status           `json:"status"`
	IsSuccess     bool                    `json:"is_success"`
	OutputMessage string                  `json:"output_message"`
	ScriptResult  ScriptResult            `json:"script_result"`
	JSONResult    any                     `json:"json_result"`
	Entities      []action.EnrichedEntity `json:"entities"`
	Targets       []*action.Target        `json:"targets"`
	Warnings      []string                `json:"warnings"`
	// UndoRequests and NotUndoable say how to take back the changes of an action that changes something.
	UndoRequests []action.UndoRequest `json:"undo_requests,omitzero"`
	NotUndoable  []action.NotUndoable `json:"not_undoable,omitzero"`
	Replayed     *Replayed            `json:"replayed"` // null unless it is a replay
	// Of a job. JobStatus is "running" or "ended": HTTP V2 of SecOps waits until one text has one value.
	JobStatus string      `json:"job_status,omitempty"`
	Job       *JobState   `json:"job,omitempty"`
	Progress  *Progress   `json:"progress,omitempty"`
	Error     *ReplyError `json:"error,omitempty"` // with a 4xx or 5xx only
}

// Replayed identifies the run whose reply is replayed.
type Replayed struct {
	InvocationID string     `json:"invocation_id"`
	At           *time.Time `json:"at"` // when the run ended; null if it is not recorded
}

// ScriptResult is the value on which SecOps playbooks branch.
type ScriptResult struct {
	Name  string `json:"name"` // is_success
	Value bool   `json:"value"`
}

// ReplyError is the error of a request in which no target was reached.
type ReplyError struct {
	Code     string           `json:"code"`
	Message  string           `json:"message"`
	Problems []apierr.Problem `json:"problems"`

	RetryAfterS   int    `json:"retry_after_s,omitempty"` // seconds; 0: unknown
	OktaRequestID string `json:"okta_request_id,omitempty"`
}

// buildReply returns the reply to a request and its HTTP status. groups is the whole catalog. a is
// nil if the action is not known; named is its name in the request. cause is the error of a
// failure; nil without one.
func buildReply(groups []action.Group, a *action.Action, named string, result *action.Result, err error) (
	status int, reply Reply, cause *apierr.Error,
) {
	reply = Reply{
		Action: named, Status: result.Status(), OutputMessage: result.Message, JSONResult: result.JSON,
		Entities: orEmpty(result.Entities), Targets: orEmpty(result.Targets), Warnings: orEmpty(result.Warnings),
	}
	failureText := func(reason string) string { return action.FailureText(named, reason) }
	if a != nil {
		reply.Action, failureText = a.Name, a.FailureText
		if a.Mutates && !apierr.Is(err, apierr.Unauthenticated) && !apierr.Is(err, apierr.Forbidden) {
			reply.UndoRequests, reply.NotUndoable = result.Undo(groups)
		}
	}
	status = http.StatusOK
	switch {
	case err != nil:
		cause = apierr.As(err)
		status = cause.Kind.Meaning().HTTPStatus
		reply.Status, reply.OutputMessage, reply.JSONResult = action.StatusFailure, cause.Message, nil
	case reply.Status == action.StatusFailure:
		if cause = primaryError(result.Errors()); a.Mutates || cause.Kind != apierr.NotFound {
			status = cause.Kind.Meaning().HTTPStatus
		}
		inDoubt := func(e *apierr.Error) bool { return e.Kind == apierr.UnknownResult }
		if result.TimedOut && slices.ContainsFunc(result.Errors(), inDoubt) {
			status = http.StatusGatewayTimeout
		}
	}
	if reply.Status == action.StatusFailure {
		reply.OutputMessage = failureText(reply.OutputMessage)
	}
	if status != http.StatusOK {
		reply.Error = replyError(cause)
		if cause.Retryable() {
			reply.Error.RetryAfterS = longestWait(append(result.Errors(), cause))
		}
	}
	reply.IsSuccess = reply.Status == action.StatusSuccess || reply.Status == action.StatusPlanned
	reply.ScriptResult = ScriptResult{Name: "is_success", Value: reply.IsSuccess}
	return status, reply, cause
}

// encode returns a value as JSON, without the escaping for HTML.
func encode(v any) ([]byte, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// encode returns the reply as JSON. It encodes the items of a list one by one: a reply may have thousands of targets,
// and encoding/json would hold all of them a second time.
func (r Reply) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	add := func(before string, v reflect.Value) error {
		b.WriteString(before)
		if err := e.Encode(v.Interface()); err != nil {
			return err
		}
		b.Truncate(b.Len() - len("\n"))
		return nil
	}
	before := "{"
	for field, v := range reflect.ValueOf(r).Fields() {
		name, omit, _ := strings.Cut(field.Tag.Get("json"), ",")
		if omit != "" && v.IsZero() {
			continue
		}
		member := before + strconv.Quote(name) + ":"
		before = ","
		if v.Kind() != reflect.Slice || v.IsNil() {
			if err := add(member, v); err != nil {
				return nil, err
			}
			continue
		}
		b.WriteString(member + "[")
		begun, comma := b.Len(), ""
		for i := range v.Len() {
			if i == 16 { // the others are as long
				b.Grow((b.Len() - begun) / i * v.Len() * 3 / 2)
			}
			if err := add(comma, v.Index(i)); err != nil {
				return nil, err
			}
			comma = ","
		}
		b.WriteString("]")
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// Refusal returns the reply to a request whose path is of no group.
func Refusal(code, message string) Reply {
	_, reply, _ := buildReply(nil, nil, "", &action.Result{}, apierr.New(apierr.UnknownAction, code, message, nil))
	reply.InvocationID, reply.OutputMessage = ulid.Make().String(), message
	return reply
}

// primaryError returns the cause of a failure in which no target was reached: the error with the
// lowest rank, of several the first.
func primaryError(errs []*apierr.Error) *apierr.Error {
	return slices.MinFunc(errs, func(a, b *apierr.Error) int {
		return cmp.Compare(a.Kind.Meaning().Rank, b.Kind.Meaning().Rank)
	})
}

// retryAfterHeader returns the header of a reply after which a retry can succeed: Retry-After, in
// whole seconds.
func retryAfterHeader(status int, result *action.Result, cause *apierr.Error) map[string]string {
	header := map[string]string{}
	retry := []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusConflict}
	if cause != nil && slices.Contains(retry, status) {
		header["Retry-After"] = retryAfter(append(result.Errors(), cause))
	}
	return header
}

// retryAfter returns the longest wait that an error asks for, in seconds; 5 if none is known.
func retryAfter(errs []*apierr.Error) string { return strconv.Itoa(cmp.Or(longestWait(errs), 5)) }

// longestWait returns the longest wait that an error asks for, in seconds; 0 if none is known.
func longestWait(errs []*apierr.Error) int {
	seconds := 0
	for _, f := range errs {
		seconds = max(seconds, f.RetryAfterS())
	}
	return seconds
}

func replyError(f *apierr.Error) *ReplyError {
	e := &ReplyError{Code: f.Code, Message: f.Message, Problems: orEmpty(f.Problems)}
	if f.Kind == apierr.Unavailable { // Okta's support can look up a server error by it
		e.OktaRequestID = f.RequestID
	}
	return e
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
