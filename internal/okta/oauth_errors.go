package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// missingScopes is the cause of a rejection because of scopes that the app is not granted.
type missingScopes struct {
	scopes []string
	cause  error
}

func (m missingScopes) Error() string { return fmt.Sprint("not granted: ", m.scopes, ": ", m.cause) }
func (m missingScopes) Unwrap() error { return m.cause }

// NotGranted returns the missing scopes because of which Okta rejected a service app, nil for any
// other error.
func NotGranted(err error) []string {
	var missing missingScopes
	_ = errors.As(err, &missing)
	return missing.scopes
}

func notGranted(scopes []string, cause error) *apierr.Error {
	return apierr.New(apierr.Credentials, "invalid_scope", "the service app is not granted "+
		strings.Join(scopes, ", ")+": grant it in Okta, under Okta API Scopes of the app", missingScopes{scopes, cause})
}

// rejection returns the error of a token request that brought no token.
func (o *oauth) rejection(ctx context.Context, scope string, body tokenResponse, x *attempt) *apierr.Error {
	re := x.response
	if re == nil {
		return x.apiError(context.WithoutCancel(ctx)) // the end of the fetch is not the deadline of a request
	}
	err := re.tokenError(scope, body)
	err.RequestID = re.requestID()
	return err
}

// tokenError returns the error of a response of the token endpoint without a token.
func (r *response) tokenError(scope string, body tokenResponse) *apierr.Error {
	if !errorToken.MatchString(body.Err) || r.clean(body.Err) != body.Err {
		body.Err = "" // not an OAuth error
	}
	cause := fmt.Errorf("the token endpoint returned %d %s", r.status, body.Err)
	text := r.clean(strings.TrimSuffix(body.Err+": "+body.Description, ": "))
	switch {
	case r.status == http.StatusTooManyRequests:
		return &apierr.Error{
			Kind: apierr.Unavailable, Code: codeRateLimited, RetryAfter: r.resetAfter(), Cause: cause,
			Message: "Okta's rate limit for access tokens is reached",
		}
	case r.status >= http.StatusInternalServerError:
		return apierr.New(apierr.Unavailable, "okta_token_unavailable",
			fmt.Sprintf("Okta's token endpoint returned status %d", r.status), cause)
	case body.Err == "invalid_scope":
		return notGranted(strings.Fields(scope), errors.Join(cause, errors.New(text)))
	case body.Err == "invalid_client":
		return apierr.New(apierr.Credentials, body.Err, "Okta rejected the service app's key ("+text+
			"): check OKTA_CLIENT_ID (Client ID), OKTA_KEY_ID (Key ID) and OKTA_PRIVATE_KEY_SECRET (Private Key)", cause)
	case body.Err != "":
		return apierr.New(apierr.Credentials, body.Err, "Okta refused to issue an access token ("+text+")", cause)
	default:
		return apierr.New(apierr.InvalidResponse, "bad_reply", fmt.Sprintf(
			"Okta's token endpoint returned status %d with neither a token nor an OAuth error", r.status), cause)
	}
}
