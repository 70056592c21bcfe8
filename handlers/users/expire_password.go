package users

import (
	"context"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type expirePasswordParams struct {
	action.NamedUsers
	Temporary bool `param:"Temporary Password" default:"false" help:"Replace the password by a temporary one, which refuses the old one at once; off only makes the user choose a new password at the next sign-in."`
	Revoke    bool `param:"Revoke Sessions" default:"false" help:"With Temporary Password: also end the sessions of the user; off leaves them."`
	Return    bool `param:"Return Temporary Password" default:"false" help:"Return the temporary password in the JSON result, which is refused for administrators; off returns none, so that the user needs a password reset to sign in."`
	action.ScopeOff
}

// ReturnsSecret implements action.SecretReturner.
func (p expirePasswordParams) ReturnsSecret() bool { return p.Temporary && p.Return }

var expirePassword = action.Define(action.Spec{
	Name:          "Expire Password",
	Summary:       "Expire the password of users, or replace it by a temporary one.",
	RunsOn:        action.UserEntities,
	OktaScopes:    manageScopes,
	Mutates:       true,
	Category:      action.ResetsPassword,
	NonIdempotent: true, // with a temporary password
	ReadBack:      true,
	Beyond:        true,
	SecretResults: []string{"tempPassword"},
	Example:       action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice", "Temporary Password": true}},
}, func(ctx context.Context, x *action.Execution, p expirePasswordParams) (*action.Result, error) {
	for name, on := range map[string]bool{"Revoke Sessions": p.Revoke, "Return Temporary Password": p.Return} {
		if on && !p.Temporary {
			return nil, apierr.Invalid(action.Problem{Parameter: name, Message: "is on, and needs Temporary Password on: " +
				"turn both on, or use Clear Okta User Session to end sessions"})
		}
	}
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{
			Changed: "Expired the password of", Unchanged: "Already expired", Planned: "Would expire the password of",
		},
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) { return planExpire(x, u, p) },
	})
})

// planExpire plans the expiry of a password.
func planExpire(x *action.Execution, u okta.User, p expirePasswordParams) (action.Plan, error) {
	plan := action.Plan{Before: action.StatusOf(u), Read: action.ReadStatus(u.ID)}
	switch u.FinalStatus() {
	case okta.Active, okta.LockedOut, okta.Recovery:
	case okta.PasswordExpired:
		if !p.Temporary {
			plan.Value = plan.Before
			return plan, nil
		}
	default:
		return plan, apierr.New(apierr.WrongState, "wrong_state", fmt.Sprintf(
			"the user is %s, and Okta expires only passwords with which a user may sign in: enable the user first (Enable User)",
			u.Status), nil)
	}
	plan.NotUndoable = "an expired password cannot be made valid again: the user chooses a new one, or use Set Password"
	if !p.Temporary {
		plan.ChangeStatus(okta.PasswordExpired, func(ctx context.Context, o *okta.Client) error {
			return o.ExpirePassword(ctx, u.ID)
		})
		return plan, nil
	}
	plan.After = action.StatusState(okta.PasswordExpired)
	plan.Effects.SetsCredential, plan.Effects.ReturnsCredential, plan.Effects.EndsSessions = true, p.Return, p.Revoke
	plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		temporary, err := o.ExpirePasswordWithTemporary(ctx, u.ID, p.Revoke)
		if err != nil {
			return action.WriteResult{}, err
		}
		value := map[string]any{"status": string(okta.PasswordExpired)}
		switch {
		case !p.Return:
		case temporary.IsZero():
			x.Warn("%s: the password was replaced, but Okta returned no temporary password.", u.Login)
		default:
			value["tempPassword"] = temporary.Reveal()
		}
		return action.WriteResult{Value: value}, nil
	}
	return plan, nil
}
