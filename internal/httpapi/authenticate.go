package httpapi

import "example.com/okta-secops/internal/apierr"

// authenticate identifies the caller. broken is what is wrong with the deployment: an
// unauthenticated caller is told that something is, and the log has the rest.
func (x *exchange) authenticate(delivery bool, broken error) (err error) {
	authenticator := x.setup.Caller
	if delivery {
		authenticator = x.setup.Push
	}
	if authenticator == nil {
		return undisclosed(broken)
	}
	x.caller, err = authenticator.Authenticate(x.r)
	switch {
	case apierr.Is(err, apierr.Misconfigured):
		return undisclosed(err)
	case err != nil && apierr.Is(broken, apierr.Misconfigured):
		return undisclosed(broken)
	}
	return err
}

// undisclosed returns a fault without the details of a deployment that is misconfigured.
func undisclosed(err error) error {
	if !apierr.Is(err, apierr.Misconfigured) {
		return err
	}
	return apierr.New(apierr.Misconfigured, "misconfigured", "the function is misconfigured; its log has the details", err)
}
