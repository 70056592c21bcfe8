package serve

import "example.com/okta-secops/internal/fault"

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
	case fault.Is(err, fault.Misconfigured):
		return undisclosed(err)
	case err != nil && fault.Is(broken, fault.Misconfigured):
		return undisclosed(broken)
	}
	return err
}

// undisclosed returns a fault without the details of a deployment that is misconfigured.
func undisclosed(err error) error {
	if !fault.Is(err, fault.Misconfigured) {
		return err
	}
	return fault.New(fault.Misconfigured, "misconfigured", "the function is misconfigured; its log has the details", err)
}
