package users

import (
	"context"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type unlockParams struct {
	action.NamedUsers
	action.ScopeOff
}

var unlock = action.Define(action.Spec{
	Name:       "Unlock User",
	Summary:    "Unlock users who are locked out, or ACTIVE and blocked from unknown devices.",
	RunsOn:     action.UserEntities,
	OktaScopes: manageScopes,
	Mutates:    true,
	Category:   action.EnablesIdentity,
	ReadBack:   true,
	Beyond:     true,
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "erin"}},
}, func(ctx context.Context, x *action.Execution, p unlockParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Changed: "Unlocked", Unchanged: "Already unlocked", Planned: "Would unlock"},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			plan := action.Plan{Before: action.StatusOf(u), Read: action.ReadStatus(u.ID)}
			switch u.FinalStatus() {
			case okta.Active:
				blocks, err := x.Okta.ListBlocks(ctx, u.ID)
				if err != nil || len(blocks) == 0 {
					plan.Value = plan.Before
					return plan, err
				}
			case okta.LockedOut:
			default:
				return plan, apierr.Errorf(apierr.WrongState, "wrong_state",
					"the user is %s, and Okta unlocks only users who are LOCKED_OUT, or ACTIVE and blocked: %s", u.Status,
					"use Enable User, Reset Password or Set Password")
			}
			plan.NotUndoable = "Okta alone locks users out"
			plan.ChangeStatus(okta.Active, func(ctx context.Context, o *okta.Client) error {
				return explainUnlock(o.UnlockUser(ctx, u.ID), u)
			})
			return plan, nil
		},
	})
})

// explainUnlock adds the likely reason to Okta's refusal to unlock a user.
func explainUnlock(err error, u okta.User) error {
	if !apierr.Is(err, apierr.WrongState) || okta.AlreadyApplied(err) != nil {
		return err
	}
	e := *apierr.As(err)
	e.Message = fmt.Sprintf("%s The user's status is %s; a user whom a directory masters is unlocked in the directory",
		e.Message, u.Status)
	return &e
}
