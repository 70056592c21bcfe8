// Package apierr is the one error type of the product. A fault has two audiences: Message is a safe
// sentence for the caller, Cause is for the log. Its Kind decides everything else: the outcome of a
// target, whether a later try can help, and the HTTP status of a reply.
package apierr

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Kind says what sort of thing went wrong.
type Kind int

// The kinds. Those up to Misconfigured concern the request as a whole; the others concern one call to
// Okta, and with it one target.
const (
	Internal         Kind = iota // a defect of ours
	BadRequest                   // the request is not valid; nothing was sent to Okta
	Unauthenticated              // the caller is not known
	Forbidden                    // the caller may not do this
	UnknownAction                // no such action or path here
	MethodNotAllowed             // the path exists, the HTTP method does not
	TooLarge                     // the body is over the limit
	UnsupportedMedia             // the body is not JSON
	Conflict                     // the same request is being carried out
	Overloaded                   // as much is in flight as may be; nothing was done
	Misconfigured                // the deployment's settings are missing or contradictory

	NotFound        // Okta has no such object
	WrongState      // the object's state does not allow the change
	Refused         // a guardrail forbids the change
	Rejected        // Okta refused this change for a reason of the target's own
	Unavailable     // a later try can help: rate limit, Okta 5xx or unreachable
	Deadline        // the time for the request ran out
	Credentials     // Okta refused the credentials or their scope
	InvalidResponse // Okta answered what Okta does not answer
	UnknownResult   // a write that must not be repeated was sent, and nobody knows whether it took effect
)

// CodeUnknownResult is the code of a write that must not be repeated and of which nobody knows whether it was made, whatever
// the kind of what hides it.
const CodeUnknownResult = "unknown_result"

// CodeNoPermission is Okta's code of an admin role that does not cover the user; of the credentials, but for this target.
const CodeNoPermission = "E0000006"

// Problem is one thing wrong with a request, and the parameter (or the part of the request) it concerns.
type Problem struct {
	Parameter string `json:"parameter"`
	Message   string `json:"message"`
}

// Error is a fault.
type Error struct {
	Kind       Kind
	Code       string        // Okta's errorCode, or a snake_case code of ours
	Message    string        // safe for the caller: no secret, no URL with a query
	RequestID  string        // Okta's X-Okta-Request-Id, where there is one
	RetryAfter time.Duration // how long to wait before a later try; 0: unknown
	Problems   []Problem
	Cause      error // for the log only
}

// New returns a fault with a safe sentence for the caller and a cause for the log (nil where there is none).
func New(kind Kind, code, message string, cause error) *Error {
	return &Error{Kind: kind, Code: code, Message: message, Cause: cause}
}

// Errorf is New without a cause and with a formatted sentence.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// maxProblems is how many problems of a request are worth reading.
const maxProblems = 20

// Invalid is the fault of a request with these problems. Of a great many it keeps the first.
func Invalid(problems ...Problem) *Error {
	if more := len(problems) - maxProblems; more > 0 {
		problems = append(slices.Clone(problems[:maxProblems]), Problem{Message: fmt.Sprintf("and %d more", more)})
	}
	clauses := make([]string, len(problems))
	for i, p := range problems {
		clauses[i] = p.String()
	}
	message := Sentence("; ", clauses...)
	switch len(problems) {
	case 0:
		message = "the request is not valid"
	case 1:
	default:
		message = fmt.Sprintf("%d problems: %s", len(problems), message)
	}
	return &Error{Kind: BadRequest, Code: "invalid_request", Message: message, Problems: problems}
}

// Sentence joins the clauses that are not empty. Only the last one keeps its full stop.
func Sentence(separator string, clauses ...string) string {
	clauses = slices.DeleteFunc(slices.Clone(clauses), func(c string) bool { return strings.TrimSpace(c) == "" })
	for i := range clauses[:max(0, len(clauses)-1)] {
		clauses[i] = strings.TrimRight(clauses[i], ". ")
	}
	return strings.Join(clauses, separator)
}

// String is the problem as one clause.
func (p Problem) String() string {
	if p.Parameter == "" {
		return p.Message
	}
	return p.Parameter + ": " + p.Message
}

// Error is the text for the log: the safe sentence and the cause.
func (e *Error) Error() string {
	text := e.Message
	if e.Code != "" {
		text = e.Code + ": " + text
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// RetryAfterS is the wait before a later try in whole seconds, 0 if it is unknown.
func (e *Error) RetryAfterS() int { return int(math.Ceil(e.RetryAfter.Seconds())) }

// Retryable tells whether the same thing asked again later can succeed.
func (e *Error) Retryable() bool {
	return e.Kind == Unavailable || e.Kind == Deadline || e.Kind == Overloaded || e.Kind == Conflict
}

// As returns the fault in err's chain. An error that is none becomes an Internal fault whose text stays
// in the log. As(nil) is nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return New(Internal, "internal", "an unexpected error occurred", err)
}

// Is tells whether err is a fault of this kind.
func Is(err error, kind Kind) bool {
	var f *Error
	return errors.As(err, &f) && f.Kind == kind
}
