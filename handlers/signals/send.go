package signals

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/ssf"
)

type sendParams struct {
	keyParams
	Email     email         `param:"User Email" required:"true" help:"The e-mail address of the affected user."`
	Timestamp timestamp     `param:"Timestamp" required:"true" help:"The time of the event: ISO 8601 with Z or an offset, such as 2025-05-25T14:47:52+02:00, or Unix seconds or milliseconds."`
	Reason    string        `param:"Reason" required:"true" help:"The reason for the signal, in a few words; Okta shows it to administrators."`
	Severity  severity      `param:"Severity" required:"true" help:"The risk level of the user that the signal reports: low, medium or high; critical is sent as high, and informational, informative or none as low. Okta decides whether to apply it."`
	Previous  previousLevel `param:"Previous Level" help:"The risk level before; the default is one level below Severity."`
	issuerParam
}

var sendRisk = action.Define(sendSpec(), func(
	ctx context.Context, x *action.Execution, p sendParams,
) (*action.Result, error) {
	e := ssf.RiskChange(ssf.Subject{Email: string(p.Email)}, ssf.Level(p.Severity), ssf.Level(p.Previous), p.Reason)
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
