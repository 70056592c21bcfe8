package okta

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
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

// Okta's error codes that the product tells apart.
// https://developer.okta.com/docs/reference/error-codes/
const (
	CodeValidation      = "E0000001" // also: an object with this name exists, or the state forbids the change
	CodeNotFound        = "E0000007"
	CodeRoleAssigned    = "E0000090"
	CodeBadExpression   = "E0000031" // of a filter or search
	codeInvalidToken    = "E0000011"
	codeReadOnly        = "E0000010"
	codeServerError     = "E0000009"
	codeActivated       = "E0000016"
	codeResetFailed     = "E0000017"
	codeNotAllowedState = "E0000038"
	codeStillActivating = "E0000112"
	codeRateLimited     = "rate_limited" // ours
)

// apiError is what the exchange came to: nil for a 2xx. ctx is the caller's, not the call's own: a call that
// took too long is another matter than a request whose time is over.
func (x *attempt) apiError(ctx context.Context) *apierr.Error {
	switch {
	case x.reply != nil && x.reply.status/100 == 2:
		return nil
	case x.reply != nil:
		return x.reply.apiError()
	}
	var f *apierr.Error
	if errors.As(x.err, &f) {
		return f
	}
	cause := x.cause()
	switch {
	case errors.Is(x.err, errReadOnly):
		return apierr.New(apierr.Internal, "internal", "this part of the request may only read from Okta", cause)
	case ctx.Err() != nil && x.sent.Load():
		f = apierr.New(apierr.Deadline, "deadline_exceeded", "Okta had not answered when the time for the request ran out", cause)
	case ctx.Err() != nil:
		f = apierr.New(apierr.Deadline, "deadline_exceeded", "the time for the request ran out before Okta was asked", cause)
	case errors.Is(x.err, context.DeadlineExceeded):
		f = apierr.New(apierr.Unavailable, "okta_timeout", fmt.Sprintf("Okta did not answer within %s", CallTimeout), cause)
	default:
		f = apierr.New(apierr.Unavailable, "okta_unreachable", "the connection to Okta failed: "+connectionFailure(x.err), cause)
	}
	return f
}

// cause returns the error of a failed connection for the log. net/http quotes what it cannot read of a reply.
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

// connectionFailure returns the reason that no connection was made, or that it ended, without an
// address.
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
		return "there is no route to it (check the egress of the function)"
	case errors.As(err, &network) && network.Timeout():
		return "it timed out"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF):
		return "it was closed before Okta answered"
	default:
		return "the network reported an error"
	}
}

// distrust returns the reason that a certificate is not trusted, "" if it is of no common kind.
func distrust(err error) string {
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

// answered describes a server error of Okta, or of a proxy, after a number of tries of which the
// last ones were alike. For a code with a specific meaning it returns said, Okta's own words.
func (r *response) answered(said string, tries, alike int) string {
	text := fmt.Sprintf("Okta answered %d", r.status)
	switch code := r.errorCode(); {
	case code == codeServerError:
		text += " (" + code + ")"
	case code != "":
		return said
	}
	switch {
	case tries == 1:
		return text
	case alike == tries:
		return fmt.Sprintf("%s %d times", text, tries)
	default:
		return fmt.Sprintf("%s at the last of %d tries", text, tries)
	}
}

// advise completes the sentence of an error that a later try can help against, of a call that
// changed nothing.
func (k call) advise(planning bool, f *apierr.Error) *apierr.Error {
	if f.Kind != apierr.Unavailable {
		return f
	}
	unchanged := ""
	if planning {
		unchanged = "nothing was changed"
	} else if !k.reads() {
		unchanged = "the change was not made"
	}
	told := *f
	told.Message = apierr.Sentence("; ", f.Message, unchanged, "try again")
	return &told
}

// apiError turns Okta's refusal into a fault. The status stands even where the body is not Okta's JSON.
func (r *response) apiError() *apierr.Error {
	b, code := r.error(), r.errorCode()
	isOkta := code != ""
	f := &apierr.Error{
		Code:      code,
		Message:   cmp.Or(r.clean(b.words()), fmt.Sprintf("Okta answered %d %s and gives no reason", r.status, http.StatusText(r.status))),
		RequestID: r.requestID(),
		Cause:     fmt.Errorf("okta answered %d %s", r.status, http.StatusText(r.status)),
	}
	if !isOkta || r.clean(code) != code {
		f.Code = "okta_" + strconv.Itoa(r.status)
	}
	if !isOkta {
		f.Message = fmt.Sprintf("Okta answered %d %s without an error of Okta's", r.status, http.StatusText(r.status))
	}
	switch {
	case r.status == http.StatusTooManyRequests:
		f.Kind, f.RetryAfter = apierr.Unavailable, r.resetAfter()
		if !isOkta {
			f.Code, f.Message = codeRateLimited, "Okta's rate limit is reached"
		}
	case r.status >= 500, b.Code == codeStillActivating:
		f.Kind = apierr.Unavailable
	case r.proofRefused():
		c := r.challenge("DPoP")
		f.Kind, f.Code = apierr.Credentials, c.Error
		f.Message = "Okta refused the DPoP proof of the request: "
		if !r.proved {
			f.Message = "Okta asks for a DPoP proof, and the request carried none: "
		}
		f.Message += strings.TrimSuffix(c.Error+": "+r.clean(c.Description), ": ")
	case r.status == http.StatusUnauthorized:
		f.Kind = apierr.Credentials
	case b.Code == apierr.CodeNoPermission:
		f.Kind = apierr.Credentials
	case !isOkta:
		f.Kind, f.Code = apierr.InvalidResponse, "bad_reply"
	case b.Code == CodeNotFound:
		f.Kind = apierr.NotFound
	case b.wrongState():
		f.Kind = apierr.WrongState
	default:
		f.Kind = apierr.Rejected
	}
	return f
}

// stateWords are Okta's words, under its general validation code, for a change that the user's status
// does not allow.
var stateWords = regexp.MustCompile(`(?i)cannot .+ user that is not`)

func (b errorBody) wrongState() bool {
	switch b.Code {
	case codeActivated, codeResetFailed, codeNotAllowedState:
		return true
	case CodeValidation:
		return stateWords.MatchString(b.words())
	}
	return false
}

// words returns what Okta says, summary and causes, as it says it.
func (b errorBody) words() string {
	if b.Err != "" {
		return strings.TrimSuffix(b.Err+": "+b.Description, ": ")
	}
	var causes []string
	for _, c := range b.Causes {
		causes = append(causes, c.Summary)
	}
	return apierr.Sentence(": ", b.Summary, apierr.Sentence(", ", causes...))
}

// clean returns what Okta says as it may be shown: without the secrets of the request and what looks like one.
func (r *response) clean(said string) string {
	return redact(secrets.NewCensor(r.hidden...).Clean(said))
}

// requestID names the call in Okta's System Log.
func (r *response) requestID() string { return r.clean(r.header.Get("X-Okta-Request-Id")) }

// resetAfter is the time until the bucket fills again: 1 s where Okta does not say, and for the limit on
// concurrent calls.
func (r *response) resetAfter() time.Duration {
	q, _ := r.quota()
	return max(time.Second, q.left)
}

// invalidResponse is a 2xx reply that does not say what such a reply says.
func invalidResponse(err error) *apierr.Error {
	return apierr.New(apierr.InvalidResponse, "bad_reply", "Okta's reply is not what Okta sends: "+reason(err), err)
}

func (r *response) invalidResponse(err error) *apierr.Error {
	f := invalidResponse(err)
	f.RequestID = r.requestID()
	return f
}

// reason says what is wrong with a reply without quoting it.
func reason(err error) string {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return "not JSON"
	case errors.As(err, &typ):
		if typ.Field == "" {
			return "a JSON " + typ.Value + " of the wrong type"
		}
		return "unexpected type of " + typ.Field
	default:
		return err.Error()
	}
}
