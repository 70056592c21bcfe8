// Package apierr is the one error type of the product. An error has two audiences: Message is a
// safe sentence for the caller, Cause is for the log. Its Kind decides the rest; the table in
// kinds.go has one row for each kind.
package apierr

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// CodeUnknownResult is the code of an error of the kind UnknownResult.
const CodeUnknownResult = "unknown_result"

// Problem is one error in a request, and the parameter (or the part of the request) that has it.
type Problem struct {
	Parameter string `json:"parameter"`
	Message   string `json:"message"`
}

// Error implements error.
type Error struct {
	Kind       Kind
	Code       string        // Okta's errorCode, or a code of this product in snake_case
	Message    string        // safe for the caller: no secret, no URL with a query
	RequestID  string        // Okta's X-Okta-Request-Id; "" if there is none
	RetryAfter time.Duration // the wait before a retry; 0: unknown
	Problems   []Problem
	Doubtful   bool  // the change may or may not have been made
	Cause      error // for the log only
}

// New returns an error with a safe sentence for the caller and a cause for the log (or nil).
func New(kind Kind, code, message string, cause error) *Error {
	return &Error{Kind: kind, Code: code, Message: message, Cause: cause}
}

// Errorf returns an error with a formatted sentence and without a cause.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// maxProblems is the number of problems that an error lists.
const maxProblems = 20

// Invalid returns the error of a request with these problems. It lists the first 20 and counts the
// others.
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

// String returns the problem as one clause.
func (p Problem) String() string {
	if p.Parameter == "" {
		return p.Message
	}
	return p.Parameter + ": " + p.Message
}

// Error returns the text for the log: the code, the safe sentence and the cause.
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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// RetryAfterS returns the wait before a retry in whole seconds, rounded up; 0 if it is unknown.
func (e *Error) RetryAfterS() int { return int(math.Ceil(e.RetryAfter.Seconds())) }

// Retryable reports whether the same request can succeed later.
func (e *Error) Retryable() bool { return e.Kind.Meaning().Retryable }

// Redeliver reports whether Pub/Sub should deliver the message of the request again.
func (e *Error) Redeliver() bool { return e.Kind.Meaning().Redeliver }

// As returns the *Error in err's chain. Any other error becomes one of the kind Internal, whose
// text is in the log only. As(nil) is nil.
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

// InDoubt reports whether the change that failed may have been made all the same.
func InDoubt(err error) bool {
	e := As(err)
	return e != nil && (e.Doubtful || e.Kind == UnknownResult)
}

// Is reports whether err's chain has an *Error of this kind.
func Is(err error, kind Kind) bool {
	var f *Error
	return errors.As(err, &f) && f.Kind == kind
}
