package emulator

import (
	"net/http"
	"strings"
)

// oktaError is an error reply of Okta's API.
type oktaError struct {
	status  int
	code    string
	summary string
	causes  []string
	raw     any               // the body instead, where an endpoint has its own error shape
	html    string            // the body instead, where it is not JSON
	header  map[string]string // beside those of every reply
	empty   bool              // there is no body
}

// Okta's codes with their status and summary; {0} of a summary is filled in by the functions below.
var (
	errMalformed       = &oktaError{status: http.StatusBadRequest, code: "E0000003", summary: "The request body was not well-formed."}
	errInvalidToken    = &oktaError{status: http.StatusUnauthorized, code: "E0000011", summary: "Invalid token provided"}
	errPathNotFound    = &oktaError{status: http.StatusNotFound, code: "E0000008", summary: "The requested path was not found"}
	errAlreadyActive   = &oktaError{status: http.StatusForbidden, code: "E0000016", summary: "Activation failed because the user is already active"}
	errResetFailed     = &oktaError{status: http.StatusForbidden, code: "E0000017", summary: "Password reset failed"}
	errMediaType       = &oktaError{status: http.StatusBadRequest, code: "E0000021", summary: "Bad request.  Accept and/or Content-Type headers likely do not match supported values."}
	errMastered        = &oktaError{status: http.StatusForbidden, code: "E0000023", summary: "Operation failed because user profile is mastered under another system"}
	errInvalidSearch   = &oktaError{status: http.StatusBadRequest, code: "E0000031", summary: "Invalid search criteria."}
	errUnlockForbidden = &oktaError{status: http.StatusForbidden, code: "E0000032", summary: "Unlock is not allowed for this user."}
	errSearchAndFilter = &oktaError{status: http.StatusBadRequest, code: "E0000033", summary: "Bad request. Can't specify a search query and filter in the same request."}
	errWrongStatus     = &oktaError{status: http.StatusForbidden, code: "E0000038", summary: "This operation is not allowed in the user's current status."}
	errTooManyRequests = &oktaError{status: http.StatusTooManyRequests, code: "E0000047", summary: "API call exceeded rate limit due to too many requests."}
	errUnsupported     = &oktaError{status: http.StatusNotImplemented, code: "E0000060", summary: "Unsupported operation."}
	errRoleHeld        = &oktaError{status: http.StatusConflict, code: "E0000090", summary: "The role specified is already assigned to the user."}
)

// notFound is E0000007 for a resource of the given kind (User, UserGroup, …).
func notFound(id, kind string) *oktaError {
	return &oktaError{status: http.StatusNotFound, code: "E0000007", summary: "Not found: Resource not found: " + id + " (" + kind + ")"}
}

// invalid is E0000001 for one field of the request, with the reason as its cause.
func invalid(field, reason string) *oktaError {
	return &oktaError{status: http.StatusBadRequest, code: "E0000001", summary: "Api validation failed: " + field, causes: []string{field + ": " + reason}}
}

// preconditionFailed is E0000001 with a sentence of its own, as the lifecycle calls give it.
func preconditionFailed(sentence string) *oktaError {
	return &oktaError{status: http.StatusBadRequest, code: "E0000001", summary: sentence}
}

// errorForStatus is the error that a fault without a body of its own replies with.
func errorForStatus(status int) *oktaError {
	switch status {
	case http.StatusBadRequest:
		return &oktaError{status: status, code: "E0000001", summary: "Api validation failed: fault"}
	case http.StatusUnauthorized:
		return errInvalidToken
	case http.StatusForbidden:
		return &oktaError{status: status, code: "E0000006", summary: "You do not have permission to perform the requested action"}
	case http.StatusNotFound:
		return notFound("fault", "Resource")
	case http.StatusConflict:
		return &oktaError{status: status, code: "E0000112", summary: "Cannot update this user because they are still being activated. Please try again in a few minutes."}
	case http.StatusTooManyRequests:
		return errTooManyRequests
	case http.StatusServiceUnavailable:
		return &oktaError{status: status, code: "E0000010", summary: "Service is in read only mode"}
	default:
		return &oktaError{status: status, code: "E0000009", summary: "Internal Server Error"}
	}
}

// errorBody is the JSON of an error.
type errorBody struct {
	Code    string       `json:"errorCode"`
	Summary string       `json:"errorSummary"`
	Link    string       `json:"errorLink"`
	ID      string       `json:"errorId"`
	Causes  []errorCause `json:"errorCauses"`
}

type errorCause struct {
	Summary string `json:"errorSummary"`
}

// body renders the error with the id of the request it answers.
func (o *oktaError) body(requestID string) any {
	if o.raw != nil {
		return o.raw
	}
	causes := make([]errorCause, 0, len(o.causes))
	for _, c := range o.causes {
		causes = append(causes, errorCause{c})
	}
	return errorBody{Code: o.code, Summary: o.summary, Link: o.code, ID: "oae" + requestID[:22], Causes: causes}
}

// weakPassword is E0000080 with the rules that a password breaks.
func weakPassword(broken []string) *oktaError {
	return &oktaError{
		status:  http.StatusForbidden,
		code:    "E0000080",
		summary: "The password does not meet the complexity requirements of the current password policy.",
		causes:  []string{"Password requirements were not met. Password requirements: " + strings.Join(broken, ", ") + "."},
	}
}
