package emulator

import (
	"net/http"
	"strings"
)

// oktaError is an error response of the Okta API.
type oktaError struct {
	status  int
	code    string
	summary string
	causes  []string
	raw     any               // the body, if the endpoint has its own error format
	html    string            // the body, if it is not JSON
	header  map[string]string // additional headers
	empty   bool              // the response has no body
}

func apiError(status int, code, summary string) *oktaError {
	return &oktaError{status: status, code: code, summary: summary}
}

// Okta's error codes with their status and summary.
var (
	errMalformed     = apiError(http.StatusBadRequest, "E0000003", "The request body was not well-formed.")
	errInvalidToken  = apiError(http.StatusUnauthorized, "E0000011", "Invalid token provided")
	errPathNotFound  = apiError(http.StatusNotFound, "E0000008", "The requested path was not found")
	errAlreadyActive = apiError(http.StatusForbidden, "E0000016", "Activation failed because the user is already active")
	errResetFailed   = apiError(http.StatusForbidden, "E0000017", "Password reset failed")
	errMediaType     = apiError(http.StatusBadRequest, "E0000021",
		"Bad request.  Accept and/or Content-Type headers likely do not match supported values.")
	errMastered = apiError(http.StatusForbidden, "E0000023",
		"Operation failed because user profile is mastered under another system")
	errInvalidSearch   = apiError(http.StatusBadRequest, "E0000031", "Invalid search criteria.")
	errUnlockForbidden = apiError(http.StatusForbidden, "E0000032", "Unlock is not allowed for this user.")
	errSearchAndFilter = apiError(http.StatusBadRequest, "E0000033",
		"Bad request. Can't specify a search query and filter in the same request.")
	errWrongStatus = apiError(http.StatusForbidden, "E0000038",
		"This operation is not allowed in the user's current status.")
	errTooManyRequests = apiError(http.StatusTooManyRequests, "E0000047",
		"API call exceeded rate limit due to too many requests.")
	errUnsupported = apiError(http.StatusNotImplemented, "E0000060", "Unsupported operation.")
	errRoleHeld    = apiError(http.StatusConflict, "E0000090", "The role specified is already assigned to the user.")
)

// notFound returns E0000007 for a resource of the given kind (User, UserGroup, …).
func notFound(id, kind string) *oktaError {
	summary := "Not found: Resource not found: " + id + " (" + kind + ")"
	return apiError(http.StatusNotFound, "E0000007", summary)
}

// invalid returns E0000001 for one field of the request, with the reason as its cause.
func invalid(field, reason string) *oktaError {
	return &oktaError{
		status: http.StatusBadRequest, code: "E0000001",
		summary: "Api validation failed: " + field, causes: []string{field + ": " + reason},
	}
}

// preconditionFailed returns E0000001 with a specific summary, as lifecycle operations do.
func preconditionFailed(summary string) *oktaError {
	return apiError(http.StatusBadRequest, "E0000001", summary)
}

// errorForStatus returns the error of a fault without a body.
func errorForStatus(status int) *oktaError {
	switch status {
	case http.StatusBadRequest:
		return apiError(status, "E0000001", "Api validation failed: fault")
	case http.StatusUnauthorized:
		return errInvalidToken
	case http.StatusForbidden:
		return apiError(status, "E0000006",
			"You do not have permission to perform the requested action")
	case http.StatusNotFound:
		return notFound("fault", "Resource")
	case http.StatusConflict:
		return apiError(status, "E0000112",
			"Cannot update this user because they are still being activated. Please try again in a few minutes.")
	case http.StatusTooManyRequests:
		return errTooManyRequests
	case http.StatusServiceUnavailable:
		return apiError(status, "E0000010", "Service is in read only mode")
	default:
		return apiError(status, "E0000009", "Internal Server Error")
	}
}

// oktaErrorBody is the JSON of an error.
type oktaErrorBody struct {
	Code    string           `json:"errorCode"`
	Summary string           `json:"errorSummary"`
	Link    string           `json:"errorLink"`
	ID      string           `json:"errorId"`
	Causes  []oktaErrorCause `json:"errorCauses"`
}

type oktaErrorCause struct {
	Summary string `json:"errorSummary"`
}

// body returns the JSON of the error for a request with that ID.
func (o *oktaError) body(requestID string) any {
	if o.raw != nil {
		return o.raw
	}
	causes := make([]oktaErrorCause, 0, len(o.causes))
	for _, c := range o.causes {
		causes = append(causes, oktaErrorCause{c})
	}
	return oktaErrorBody{Code: o.code, Summary: o.summary, Link: o.code, ID: "oae" + requestID[:22], Causes: causes}
}

// weakPassword returns E0000080 with the violated rules.
func weakPassword(broken []string) *oktaError {
	return &oktaError{
		status:  http.StatusForbidden,
		code:    "E0000080",
		summary: "The password does not meet the complexity requirements of the current password policy.",
		causes:  []string{"Password requirements were not met. Password requirements: " + strings.Join(broken, ", ") + "."},
	}
}
