package okta

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// Okta's error codes that the product distinguishes.
// https://developer.okta.com/docs/reference/error-codes/
const (
	CodeValidation      = "E0000001" // also if an object with this name exists, or the state forbids the change
	CodeNoPermission    = "E0000006" // the admin role does not cover the target
	CodeNotFound        = "E0000007"
	CodeRoleAssigned    = "E0000090"
	CodeBadExpression   = "E0000031" // in a filter or search
	codeInvalidToken    = "E0000011"
	codeReadOnly        = "E0000010"
	codeServerError     = "E0000009"
	codeActivated       = "E0000016"
	codeResetFailed     = "E0000017"
	codeNotAllowedState = "E0000038"
	codeMastered        = "E0000023" // the profile is mastered under another system
	codeUnlockForbidden = "E0000032"
	codeStillActivating = "E0000112"
	codeRateLimited     = "rate_limited" // the product's own
)

// apiError returns the error of an attempt, nil for a 2xx response. ctx is the caller's context,
// which distinguishes the caller's deadline from the timeout of the request.
func (x *attempt) apiError(ctx context.Context) *apierr.Error {
	if x.response != nil {
		if x.response.status/100 == 2 {
			return nil
		}
		return x.response.apiError()
	}
	var reported *apierr.Error
	if errors.As(x.err, &reported) {
		return reported
	}
	cause := x.cause()
	switch {
	case errors.Is(x.err, errReadOnly):
		return apierr.New(apierr.Internal, "internal", "this part of the request may only read from Okta", cause)
	case ctx.Err() != nil && x.sent.Load():
		return apierr.New(apierr.Deadline, "deadline_exceeded",
			"the request's deadline passed before Okta responded", cause)
	case ctx.Err() != nil:
		return apierr.New(apierr.Deadline, "deadline_exceeded",
			"the request's deadline passed before a call to Okta was sent", cause)
	case errors.Is(x.err, context.DeadlineExceeded):
		return apierr.New(apierr.Unavailable, "okta_timeout",
			fmt.Sprintf("Okta did not respond within %s", CallTimeout), cause)
	default:
		return apierr.New(apierr.Unavailable, "okta_unreachable",
			"the connection to Okta failed: "+connectionFailure(x.err), cause)
	}
}

// statusError is the cause of the error of a response that is not a 2xx: its HTTP status.
type statusError int

// Error implements error.
func (s statusError) Error() string {
	return fmt.Sprintf("okta returned %d %s", int(s), http.StatusText(int(s)))
}

// LacksFeature reports whether Okta rejected a request because the org does not have the feature, such
// as one that its license does not include: with 403 or 404. A missing permission is not such a
// rejection, and neither is a missing OAuth scope.
func LacksFeature(err error) bool {
	var status statusError
	return errors.As(err, &status) && !apierr.Is(err, apierr.NoPermission) && len(NotGranted(err)) == 0 &&
		(status == http.StatusForbidden || status == http.StatusNotFound)
}

// LacksPermission reports whether the credentials have no permission for a request: its OAuth scope is
// not granted, or Okta rejected it with CodeNoPermission.
func LacksPermission(err error) bool {
	return len(NotGranted(err)) > 0 || apierr.Is(err, apierr.NoPermission)
}

// cause returns the error of a failed connection for the log, without the secrets of the request:
// net/http quotes malformed responses.
func (x *attempt) cause() error {
	if x.err == nil {
		return nil
	}
	return cleanError{secrets.NewCensor(x.hidden...).Clean(x.err.Error()), x.err}
}

// cleanError is an error with another text.
type cleanError struct {
	text string
	err  error
}

func (e cleanError) Error() string { return e.text }

func (e cleanError) Unwrap() error { return e.err }

// connectionFailure returns the reason that a connection failed or ended, without an address.
func connectionFailure(err error) string {
	var name *net.DNSError
	var network net.Error
	var notTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "its host name does not exist (check OKTA_API_ROOT, Api Root)"
	case errors.As(err, &name):
		return "its host name could not be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it was refused"
	case errors.As(err, &notTLS):
		return "the server does not speak TLS (check OKTA_API_ROOT, Api Root, and any proxy)"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "the network has no route to it (check the egress of the function)"
	case errors.As(err, &network) && network.Timeout():
		return "it timed out"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF):
		return "it was closed before Okta responded"
	default:
		return "the network reported an error"
	}
}

// certificateProblem returns the reason that a certificate is not trusted, "" if it is not a common
// one.
func certificateProblem(err error) string {
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		return " (it is for another host)"
	case errors.As(err, &authority):
		return " (its issuer is unknown)"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return " (it has expired, or is not valid yet)"
	}
	return ""
}

// describe returns the message of a server error after a number of attempts, of which the last
// ones, repeats in number, had the same status. For an error code with a specific meaning it
// returns message, Okta's own text.
func (r *response) describe(message string, attempts, repeats int) string {
	text := fmt.Sprintf("Okta returned status %d", r.status)
	switch code := r.errorCode(); {
	case code == codeServerError:
		text += " (" + code + ")"
	case code != "":
		return message
	}
	switch {
	case attempts == 1:
		return text
	case repeats == attempts:
		return fmt.Sprintf("%s in all %d attempts", text, attempts)
	default:
		return fmt.Sprintf("%s in the last of %d attempts", text, attempts)
	}
}

// apiError returns the error of a response that is not a 2xx. The status counts even if the body is
// not Okta's JSON.
func (r *response) apiError() *apierr.Error {
	b, isOkta := r.error(), r.errorCode() != ""
	status := fmt.Sprintf("%d %s", r.status, http.StatusText(r.status))
	err := &apierr.Error{
		Kind: r.kind(b), Code: r.errorCode(), RequestID: r.requestID(), Cause: statusError(r.status),
		Message: cmp.Or(r.clean(b.message()), "Okta returned "+status+" without a reason"),
	}
	if !isOkta || r.clean(err.Code) != err.Code {
		err.Code = "okta_" + strconv.Itoa(r.status)
	}
	if !isOkta {
		err.Message = "Okta returned " + status + " without an Okta error code"
	}
	switch {
	case r.status == http.StatusTooManyRequests:
		err.RetryAfter = r.resetAfter()
		if !isOkta {
			err.Code, err.Message = codeRateLimited, "Okta's rate limit is reached"
		}
	case err.Kind == apierr.InvalidResponse:
		err.Code = "bad_reply"
	case err.Kind == apierr.Credentials && r.proofRejected():
		c := r.challenge("DPoP")
		err.Code = c.Error
		err.Message = "Okta rejected the DPoP proof of the request: "
		if !r.hasProof {
			err.Message = "Okta requires a DPoP proof, and the request had none: "
		}
		err.Message += strings.TrimSuffix(c.Error+": "+r.clean(c.Description), ": ")
	}
	return err
}

// kind returns the kind of the error of a response that is not a 2xx, with this Okta error in its
// body.
func (r *response) kind(b errorBody) apierr.Kind {
	switch {
	case r.status == http.StatusTooManyRequests, r.status >= http.StatusInternalServerError,
		b.Code == codeStillActivating:
		return apierr.Unavailable
	case r.proofRejected(), r.status == http.StatusUnauthorized:
		return apierr.Credentials
	case b.Code == CodeNoPermission:
		return apierr.NoPermission
	case r.errorCode() == "":
		return apierr.InvalidResponse
	case b.Code == CodeNotFound:
		return apierr.NotFound
	case b.wrongState():
		return apierr.WrongState
	default:
		return apierr.Rejected
	}
}

// stateText matches Okta's message, under its general validation code, for a change that the user's
// status forbids.
var stateText = regexp.MustCompile(`(?i)cannot .+ user that is not`)

// wrongState reports whether the error says that the user's status forbids the change.
func (b errorBody) wrongState() bool {
	switch b.Code {
	case codeActivated, codeResetFailed, codeNotAllowedState, codeMastered, codeUnlockForbidden:
		return true
	case CodeValidation:
		return stateText.MatchString(b.message())
	}
	return false
}

// message returns Okta's text, summary and causes, unchanged.
func (b errorBody) message() string {
	if b.Err != "" {
		return strings.TrimSuffix(b.Err+": "+b.Description, ": ")
	}
	var causes []string
	for _, c := range b.Causes {
		causes = append(causes, c.Summary)
	}
	return apierr.Sentence(": ", b.Summary, apierr.Sentence(", ", causes...))
}

// clean returns a text of Okta without the secrets of the request and without anything that looks
// like a secret.
func (r *response) clean(text string) string {
	return redact(secrets.NewCensor(r.hidden...).Clean(text))
}

// requestID returns the id of the request in Okta's System Log.
func (r *response) requestID() string { return r.clean(r.header.Get("X-Okta-Request-Id")) }

// resetAfter returns the time until the rate limit resets, at least 1 s. It is 1 s if Okta does not
// send it, and for the concurrency limit.
func (r *response) resetAfter() time.Duration {
	q, _ := r.quota()
	return max(time.Second, q.left)
}
