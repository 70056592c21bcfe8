package sessions

import (
	"context"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

type revokeAllParams struct {
	action.NamedUsers
	action.ScopeOff
}

var revokeAll = action.Define(action.Spec{
	Name: "Revoke All Access",
	Summary: "End all access of users that Okta can end: the sessions in Okta and in applications (Universal Logout), " +
		"and the OAuth tokens.",
	RunsOn:         action.UserEntities,
	OktaScopes:     manageScopes,
	OptionalScopes: []string{logoutScope},
	Mutates:        true,
	Category:       action.UpdatesIdentity,
	Beyond:         true,
	Example:        action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice, bob"}},
}, func(ctx context.Context, x *action.Execution, p revokeAllParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Changed: "Revoked all access of", Planned: "Would revoke all access of"},
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
			return x.Compose(RevokeSteps(u), func(
				_ context.Context, _ *okta.Client, c *action.Composed,
			) (action.WriteResult, error) {
				result := c.WriteResult(u.Login, map[string]any{"survives": Survivors(c)})
				if logout := c.Result(StepLogout); logout.Outcome == action.NotAvailable && c.Err() == nil {
					result.Message = fmt.Sprintf("Ended the Okta sessions and revoked the OAuth tokens of %s; sessions in "+
						"applications continue: %s.", u.Login, logout.Message)
				}
				return result, c.Err()
			}), nil
		},
	})
})

// The steps that end access.
const (
	StepLogout = "universal_logout"
	StepClear  = "clear_sessions"
)

// logoutScope is the OAuth scope of Universal Logout.
const logoutScope = "okta.universalLogout.manage"

// RevokeSteps returns the steps that end all access of a user: Universal Logout, and then the Okta
// sessions and the OAuth tokens, which do not depend on the org's license.
func RevokeSteps(u okta.User) []action.Step {
	logout := action.Plan{NotUndoable: sessionsNotUndoable}
	logout.Effects.EndsSessions = true
	logout.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		return action.WriteResult{}, o.WithScopes([]string{logoutScope}).UniversalLogout(ctx, u.ID)
	}
	return []action.Step{
		action.NewStep(StepLogout, "Universal Logout is not available in this org", logout, nil),
		action.NewStep(StepClear, "", planClear(u, true), nil),
	}
}

// Survivors returns the access that may continue after the steps of RevokeSteps.
func Survivors(c *action.Composed) []string {
	var left []string
	if done(c, StepLogout) {
		left = append(left, "sessions in applications that do not support Universal Logout")
	} else {
		left = append(left, "sessions in applications: it is not certain that Universal Logout ended them")
	}
	if !done(c, StepLogout) && !done(c, StepClear) {
		left = append(left, "Okta sessions and OAuth tokens: it is not certain that they were revoked")
	}
	return append(left,
		"access tokens that an application validates itself, until they expire", "API tokens that the user owns")
}

// done reports whether a step took effect, or found its effect.
func done(c *action.Composed, step string) bool {
	r := c.Result(step)
	return r != nil && r.Outcome.Reached()
}
