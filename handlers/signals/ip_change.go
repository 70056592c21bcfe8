package signals

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/ssf"
)

type ipChangeParams struct {
	userParams
	Current  action.IPAddress `param:"Current IP Address" required:"true" help:"The IP address of the user's session now."`
	Previous action.IPAddress `param:"Previous IP Address" required:"true" help:"The IP address of the user's session before."`
	reasonParam
}

var sendIPChange = action.Define(spec(
	"Send IP Change Signal", "Send a signal to Okta that the IP address of a user's session changed.",
	map[string]any{
		"User Email": "alice@acme.test", "Current IP Address": "198.51.100.7", "Previous IP Address": "192.0.2.10",
	},
), func(ctx context.Context, x *action.Execution, p ipChangeParams) (*action.Result, error) {
	if p.Current == p.Previous {
		return nil, notAChange("Current IP Address", "Previous IP Address")
	}
	e := ssf.IPChange(ssf.Subject{Email: string(p.Email)}, string(p.Current), string(p.Previous), p.Reason)
	return send(ctx, x, p.keyParams, p.Issuer, "the signal", e, p.Timestamp)
})
