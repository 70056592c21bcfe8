package sessions

import (
	"context"
	"slices"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

type revokeGrantsParams struct {
	action.NamedUsers
	action.ScopeOff
}

var revokeGrants = action.Define(action.Spec{
	Name:       "Revoke Grants",
	Summary:    "Revoke the consents that users gave to OAuth clients, and the refresh tokens of these clients.",
	RunsOn:     action.UserEntities,
	OktaScopes: manageScopes,
	Mutates:    true,
	Category:   action.UpdatesIdentity,
	ReadBack:   true,
	Beyond:     true,
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
}, func(ctx context.Context, x *action.Execution, p revokeGrantsParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{
			Changed: "Revoked the grants of", Unchanged: "Already without grants", Planned: "Would revoke the grants of",
		},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			steps, err := GrantSteps(ctx, x.Okta, u)
			plan := x.Compose(steps, func(
				_ context.Context, _ *okta.Client, c *action.Composed,
			) (action.WriteResult, error) {
				left := slices.DeleteFunc(slices.Clone(steps), func(s action.Step) bool {
					return c.Result(s.Name).Outcome.Reached()
				})
				c.Leaves(grantState(left))
				return c.WriteResult(u.Login, c.After), c.Err()
			})
			plan.Before, plan.After, plan.Value = grantState(steps), grantState(nil), grantState(nil)
			plan.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
				left, err := GrantSteps(ctx, o, u)
				return grantState(left), err
			}
			return plan, err
		},
	})
})

// The steps that revoke the grants of a user, and the tokens of one client, whose ID follows the name.
const (
	StepGrants = "revoke_grants"
	StepTokens = "revoke_tokens"
)

// grantsNotUndoable is the reason why a revocation cannot be taken back.
const grantsNotUndoable = "revoked grants cannot be restored: the user gives the consent again"

// GrantSteps returns the steps that revoke the grants of a user, and the refresh tokens of each client.
func GrantSteps(ctx context.Context, o *okta.Client, u okta.User) ([]action.Step, error) {
	consents, err := o.ListGrants(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	clients, err := o.ListClients(ctx, u.ID)
	var steps []action.Step
	add := func(name string, write func(ctx context.Context, o *okta.Client) error) {
		plan := action.Plan{NotUndoable: grantsNotUndoable}
		plan.Effects.EndsSessions = true
		plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
			return action.WriteResult{}, write(ctx, o)
		}
		steps = append(steps, action.NewStep(name, "", plan, nil))
	}
	if len(consents) > 0 {
		add(StepGrants, func(ctx context.Context, o *okta.Client) error { return o.RevokeGrants(ctx, u.ID) })
	}
	for _, k := range clients {
		add(StepTokens+" "+k.ID, func(ctx context.Context, o *okta.Client) error {
			return o.RevokeClientTokens(ctx, u.ID, k.ID)
		})
	}
	return steps, err
}

// grantState returns what is left to revoke as a State.
func grantState(steps []action.Step) action.State {
	left := []string{}
	for _, s := range steps {
		left = append(left, s.Name)
	}
	return action.State{"revocable": left}
}
