package signals

import (
	"context"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/ssf"
)

type identifierChangedParams struct {
	userParams
	New email `param:"New Email" required:"true" help:"The e-mail address that the user has now."`
}

var sendIdentifierChanged = action.Define(spec(
	"Send Identifier Changed Signal", "Send a signal to Okta that the e-mail address of a user changed in another system.",
	map[string]any{"User Email": "alice@acme.test", "New Email": "alice.anderson@acme.test"},
), func(ctx context.Context, x *action.Execution, p identifierChangedParams) (*action.Result, error) {
	if strings.EqualFold(string(p.New), string(p.Email)) {
		return nil, notAChange("New Email", "User Email")
	}
	e := ssf.IdentifierChanged(ssf.Subject{Email: string(p.Email)}, string(p.New))
	return send(ctx, x, p.keyParams, p.Issuer, "the signal", e, p.Timestamp)
})
