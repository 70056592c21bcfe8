package signals

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/ssf"
)

// sendParams has the order of the product document.
type sendParams struct {
	keyParams
	emailParam
	timestampParam
	riskParams
	issuerParam
}

var sendRisk = action.Define(sendSpec(), func(
	ctx context.Context, x *action.Execution, p sendParams,
) (*action.Result, error) {
	e := p.change(ssf.Subject{Email: string(p.Email)})
	return send(ctx, x, p.keyParams, p.Issuer, "the ITP signal", e, p.Timestamp)
})

func sendSpec() action.Spec {
	s := spec("Send ITP Signal", "Send an Identity Threat Protection (ITP) signal about the risk of a user to Okta, "+
		"with the Shared Signals Framework (SSF).", map[string]any{
		"User Email": "alice@acme.test", "Reason": "Sign-in from an anonymizing network", "Severity": "High",
	})
	s.Aliases, s.Beyond = []string{"Send ITP Signal To Okta"}, false
	s.Failure = "Failed to send the ITP signal to Okta. Error is "
	return s
}
