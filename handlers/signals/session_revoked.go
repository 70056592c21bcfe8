package signals

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/ssf"
)

type sessionRevokedParams struct {
	userParams
	Address action.IPAddress `param:"IP Address" help:"The IP address of the session that was revoked."`
	Agent   string           `param:"User Agent" help:"The user agent of the session that was revoked."`
	reasonParam
}

var sendSessionRevoked = action.Define(spec(
	"Send Session Revoked Signal", "Send a signal to Okta that another system revoked a session of a user.",
	map[string]any{"User Email": "alice@acme.test", "IP Address": "198.51.100.7"},
), func(ctx context.Context, x *action.Execution, p sessionRevokedParams) (*action.Result, error) {
	e := ssf.SessionRevoked(ssf.Subject{Email: string(p.Email)}, string(p.Address), p.Agent, p.Reason)
	return send(ctx, x, p.keyParams, p.Issuer, "the signal", e, p.Timestamp)
})
