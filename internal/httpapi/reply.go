package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// Reply is the one JSON object that every run is answered with.
type Reply struct {
	Action        string                  `json:"action"`
	InvocationID  string                  `json:"invocation_id"`
	Status        action.Status           `json:"status"`
	IsSuccess     bool                    `json:"is_success"`
	OutputMessage string                  `json:"output_message"`
	ScriptResult  ScriptResult            `json:"script_result"`
	JSONResult    any                     `json:"json_result"`
	Entities      []action.EnrichedEntity `json:"entities"`
	Targets       []*action.Target        `json:"targets"`
	Warnings      []string                `json:"warnings"`
	Replayed      *Replayed               `json:"replayed"`        // null unless the request was carried out earlier
	Error         *ReplyError             `json:"error,omitempty"` // with a 4xx or 5xx only
}

// Replayed names the run whose reply is replayed.
type Replayed struct {
	InvocationID string     `json:"invocation_id"`
	At           *time.Time `json:"at"` // when the run ended; null if the record does not say
}

// ScriptResult is what SecOps playbooks branch on.
type ScriptResult struct {
	Name  string `json:"name"` // is_success
	Value bool   `json:"value"`
}

// ReplyError says why a request as a whole came to nothing.
type ReplyError struct {
	Code     string           `json:"code"`
	Message  string           `json:"message"`
	Problems []apierr.Problem `json:"problems"`

	RetryAfterS   int    `json:"retry_after_s,omitempty"` // seconds; 0: unknown
	OktaRequestID string `json:"okta_request_id,omitempty"`
}

// buildReply makes the reply of a run and the HTTP status that goes with it. cause is the fault that decided
// a status other than 200.
func buildReply(a *action.Action, named string, result *action.Result, err error) (status int, reply Reply, cause *apierr.Error) {
	reply = Reply{
		Action: named, Status: result.Status(), OutputMessage: result.Message, JSONResult: result.JSON,
		Entities: orEmpty(result.Entities), Targets: orEmpty(result.Targets), Warnings: orEmpty(result.Warnings),
	}
	failureText := func(reason string) string { return action.FailureText(named, reason) }
	if a != nil {
		reply.Action, failureText = a.Name, a.FailureText
	}
	status = http.StatusOK
	switch {
	case err != nil:
		cause = apierr.As(err)
		status = httpStatus(cause.Kind)
		reply.Status, reply.OutputMessage, reply.JSONResult = action.StatusFailure, cause.Message, nil
	case reply.Status == action.StatusFailure:
		if cause = primaryError(result.Errors()); a.Mutates || cause.Kind != apierr.NotFound {
			status = httpStatus(cause.Kind)
			if result.TimedOut && slices.ContainsFunc(result.Errors(), func(f *apierr.Error) bool { return f.Kind == apierr.UnknownResult }) {
				status = http.StatusGatewayTimeout
			}
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

// Refusal is the reply to a request that reached no group.
func Refusal(code, message string) Reply {
	_, reply, _ := buildReply(nil, "", &action.Result{}, apierr.New(apierr.UnknownAction, code, message, nil))
	reply.InvocationID, reply.OutputMessage = ulid.Make().String(), message
	return reply
}

// httpStatus is the status of a reply that achieved nothing because of a fault of this kind.
func httpStatus(k apierr.Kind) int {
	switch k {
	case apierr.BadRequest:
		return http.StatusBadRequest
	case apierr.Unauthenticated:
		return http.StatusUnauthorized
	case apierr.Forbidden:
		return http.StatusForbidden
	case apierr.UnknownAction:
		return http.StatusNotFound
	case apierr.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case apierr.TooLarge:
		return http.StatusRequestEntityTooLarge
	case apierr.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case apierr.Conflict:
		return http.StatusConflict
	case apierr.Overloaded:
		return http.StatusTooManyRequests
	case apierr.Deadline:
		return http.StatusGatewayTimeout
	case apierr.Unavailable:
		return http.StatusServiceUnavailable
	case apierr.Credentials, apierr.InvalidResponse, apierr.UnknownResult:
		return http.StatusBadGateway
	case apierr.Internal, apierr.Misconfigured:
		return http.StatusInternalServerError
	default: // what Okta, or a guardrail, says of the target
		return http.StatusUnprocessableEntity
	}
}

// primaryError is the fault that speaks for a result in which no target was reached: what a later try can
// cure before what an operator must mend, and that before what is so. A target that is merely not found
// speaks last.
func primaryError(faults []*apierr.Error) *apierr.Error {
	rank := func(f *apierr.Error) int {
		switch f.Kind {
		case apierr.Deadline:
			return 0
		case apierr.Unavailable:
			return 1
		case apierr.Credentials, apierr.InvalidResponse, apierr.UnknownResult:
			return 2
		case apierr.Internal, apierr.Misconfigured:
			return 3
		case apierr.NotFound:
			return 5
		default:
			return 4
		}
	}
	var first *apierr.Error
	for _, f := range faults {
		if first == nil || rank(f) < rank(first) {
			first = f
		}
	}
	return first
}

// retryAfter is the header's value, in whole seconds: the longest wait that any fault asks for.
func retryAfter(faults []*apierr.Error) string {
	return strconv.Itoa(cmp.Or(longestWait(faults), 5))
}

// longestWait is the longest wait that any fault asks for, in seconds; 0 if none is known.
func longestWait(faults []*apierr.Error) int {
	seconds := 0
	for _, f := range faults {
		seconds = max(seconds, f.RetryAfterS())
	}
	return seconds
}

func replyError(f *apierr.Error) *ReplyError {
	e := &ReplyError{Code: f.Code, Message: f.Message, Problems: orEmpty(f.Problems)}
	if f.Kind == apierr.Unavailable { // Okta's support finds a server error by it
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
