package handlers

import (
	"context"
	"fmt"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/fault"
)

// ping makes the Ping of a group. It proves what the group's actions need: the credentials and all of their
// scopes where they call Okta with credentials, and the signing key where they sign.
func ping(g action.Group) action.Action {
	spec := action.Spec{
		Name:    "Ping",
		Summary: "Test the connection with Okta.",
		Failure: "Failed to connect to the Okta organization. Error is ",

		OktaScopes: g.Scopes(),
	}
	return action.Define(spec, func(ctx context.Context, c *action.Call, _ struct{}) (*action.Result, error) {
		message := fmt.Sprintf("Successfully connected to the Okta organization %s.", c.Okta.Root())
		if g.Signs {
			if c.Signing.Key.Method() == nil {
				return nil, fault.New(fault.Misconfigured, "misconfigured", "the deployment has no signing key (ITP_SIGNING_KEY_SECRET)", nil)
			}
			message += " The signing key is ready."
		}
		switch {
		case !c.Okta.HasCredentials(), c.Okta.IsServiceApp() && len(c.Action.OktaScopes) == 0:
			return &action.Result{Message: message}, c.Okta.Reach(ctx)
		case c.Okta.IsServiceApp():
			message += " The service app has the scopes " + strings.Join(c.Action.OktaScopes, ", ") + "."
			return &action.Result{Message: message}, c.Okta.ReadOne(ctx)
		}
		me, err := c.Okta.Me(ctx)
		if err != nil {
			return nil, err
		}
		return &action.Result{Message: message + " The credentials are those of " + me.Login + "."}, nil
	})
}
