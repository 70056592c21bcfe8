package sessions

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

type clearParams struct {
	action.NamedUsers
	RevokeOAuth bool `param:"Revoke OAuth Tokens" default:"true" help:"Also revoke the OAuth and OpenID Connect tokens of the user, which otherwise stay valid after the session; off leaves these tokens valid."`
	action.ScopeOff
}

var clearSessions = action.Define(action.Spec{
	Name:       "Clear Okta User Session",
	Summary:    "End all active Okta sessions of users, on every device.",
	RunsOn:     []action.EntityType{action.UserEntity},
	OktaScopes: manageScopes,
	Mutates:    true,
	Category:   action.UpdatesIdentity,
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice, bob"}},
}, func(ctx context.Context, x *action.Execution, p clearParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{
			Changed: "Cleared the sessions of", Unchanged: "Without sessions", Planned: "Would clear the sessions of",
		},
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
			return planClear(u, p.RevokeOAuth), nil
		},
	})
})

// planClear plans the end of the Okta sessions of a user, and with revokeOAuth of the OAuth tokens.
func planClear(u okta.User, revokeOAuth bool) action.Plan {
	plan := action.Plan{Value: map[string]any{"sessions_cleared": true}, NotUndoable: sessionsNotUndoable}
	plan.Effects.EndsSessions = true
	plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		return action.WriteResult{Value: plan.Value}, o.ClearSessions(ctx, u.ID, revokeOAuth)
	}
	return plan
}

// sessionsNotUndoable is the reason why the end of sessions cannot be taken back.
const sessionsNotUndoable = "ended sessions cannot be restored: the user signs in again"
