package apierr

import (
	"log/slog"
	"net/http"
)

// Kind classifies an error. Meaning returns its consequences.
type Kind int

// The kinds. Those up to Misconfigured concern the request as a whole, the others one call to Okta
// and therefore one target.
const (
	Internal         Kind = iota // a defect of this product
	BadRequest                   // the request is not valid; nothing was sent to Okta
	Unauthenticated              // the caller is not authenticated
	Forbidden                    // the caller is not allowed to run the action
	UnknownAction                // the function has no such action or path
	MethodNotAllowed             // the path exists, the HTTP method does not
	TooLarge                     // the body is over the limit
	UnsupportedMedia             // the body is not JSON
	Conflict                     // another run of the same request is in progress
	Overloaded                   // a limit of this instance is reached; nothing was done
	Misconfigured                // settings of the deployment are missing or contradictory
	NotConfigured                // a part of the product that the deployment does not have

	NotFound        // Okta has no such object
	WrongState      // the state of the object does not allow the change
	Refused         // a guardrail forbids the change
	Rejected        // Okta rejected the change for a reason of the target
	Unavailable     // a rate limit, or Okta or a store is unreachable or returned a 5xx
	Deadline        // the deadline of the request passed
	Credentials     // Okta rejected the credentials or their scopes
	NoPermission    // the admin role of the credentials does not cover the target
	InvalidResponse // the response is not as Okta's API defines it
	UnknownResult   // a non-idempotent write was sent and its result is in doubt

	LimitReached         // a guardrail forbids the change until a later time
	GuardrailUnavailable // a guardrail cannot be checked, so that the change is refused

	kinds // the number of kinds
)

// Meaning is the row of a kind in the table of this file.
type Meaning struct {
	Name       string // in snake_case
	HTTPStatus int    // of a reply for which this error is the cause of the failure
	Outcome    string // of a target that was not reached: an action.Outcome
	Retryable  bool   // the same request can succeed later
	// Redeliver is true if Pub/Sub should deliver the message again: a later attempt can succeed,
	// with time or after the operator has fixed the deployment.
	Redeliver bool
	Rank      int        // the error with the lowest rank is the cause of a failure of several targets
	Severity  slog.Level // of the error in the log; below Warn it is not logged
	// Weight decides between the errors of several parts of one target: the highest wins.
	Weight int
}

// meanings defines each kind. Its columns are those of Meaning.
var meanings = [kinds]Meaning{
	Internal:         {"internal", http.StatusInternalServerError, "failed", false, true, 4, slog.LevelError, 4},
	BadRequest:       {"bad_request", http.StatusBadRequest, "failed", false, false, 5, slog.LevelInfo, 4},
	Unauthenticated:  {"unauthenticated", http.StatusUnauthorized, "failed", false, false, 5, slog.LevelWarn, 4},
	Forbidden:        {"forbidden", http.StatusForbidden, "failed", false, false, 5, slog.LevelWarn, 4},
	UnknownAction:    {"unknown_action", http.StatusNotFound, "failed", false, false, 5, slog.LevelInfo, 4},
	MethodNotAllowed: {"method_not_allowed", http.StatusMethodNotAllowed, "failed", false, false, 5, slog.LevelInfo, 4},
	TooLarge:         {"too_large", http.StatusRequestEntityTooLarge, "failed", false, false, 5, slog.LevelInfo, 4},
	UnsupportedMedia: {"unsupported_media", http.StatusUnsupportedMediaType, "failed", false, false, 5, slog.LevelInfo, 4},
	Conflict:         {"conflict", http.StatusConflict, "failed", true, true, 5, slog.LevelWarn, 5},
	Overloaded:       {"overloaded", http.StatusTooManyRequests, "failed", true, true, 5, slog.LevelWarn, 5},
	Misconfigured:    {"misconfigured", http.StatusInternalServerError, "failed", false, true, 4, slog.LevelError, 4},
	NotConfigured:    {"not_configured", http.StatusNotImplemented, "failed", false, false, 5, slog.LevelWarn, 4},

	NotFound:        {"not_found", http.StatusUnprocessableEntity, "not_found", false, false, 6, slog.LevelInfo, 1},
	WrongState:      {"wrong_state", http.StatusUnprocessableEntity, "wrong_state", false, false, 5, slog.LevelInfo, 2},
	Refused:         {"refused", http.StatusUnprocessableEntity, "refused", false, false, 5, slog.LevelInfo, 3},
	Rejected:        {"rejected", http.StatusUnprocessableEntity, "failed", false, false, 5, slog.LevelInfo, 4},
	Unavailable:     {"unavailable", http.StatusServiceUnavailable, "failed", true, true, 2, slog.LevelWarn, 5},
	Deadline:        {"deadline", http.StatusGatewayTimeout, "failed", true, true, 1, slog.LevelWarn, 5},
	Credentials:     {"credentials", http.StatusBadGateway, "failed", false, true, 3, slog.LevelWarn, 4},
	NoPermission:    {"no_permission", http.StatusBadGateway, "failed", false, false, 3, slog.LevelWarn, 4},
	InvalidResponse: {"invalid_response", http.StatusBadGateway, "failed", false, true, 3, slog.LevelWarn, 4},
	UnknownResult:   {"unknown_result", http.StatusBadGateway, "failed", false, false, 3, slog.LevelWarn, 4},

	LimitReached: {"limit_reached", http.StatusTooManyRequests, "refused", true, true, 2, slog.LevelWarn, 4},
	GuardrailUnavailable: {
		"guardrail_unavailable", http.StatusServiceUnavailable, "refused", true, true, 2, slog.LevelWarn, 4,
	},
}

// Kinds returns all kinds.
func Kinds() []Kind {
	all := make([]Kind, kinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// Meaning returns the row of the kind.
func (k Kind) Meaning() Meaning { return meanings[k] }

// String returns the kind's name.
func (k Kind) String() string { return meanings[k].Name }

// MoreSevere returns the more severe of the errors of two parts of a target, such as two roles; a if
// they weigh the same. An error may be nil.
func MoreSevere(a, b error) error {
	weight := func(err error) int { return As(err).Kind.Meaning().Weight }
	if a == nil || b != nil && weight(b) > weight(a) {
		return b
	}
	return a
}
