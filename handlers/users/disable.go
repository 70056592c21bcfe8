package users

import (
	"context"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
)

type disableParams struct {
	action.NamedUsers
	Deactivate bool `param:"Is Deactivate" default:"true" help:"Deactivate the user, which also removes the user's applications and cannot be fully reverted; off only suspends."`
	SendEmail  bool `param:"Send Email If Deactivate" default:"true" help:"Let Okta send its e-mail about the deactivation; off sends none."`
	action.ScopeOn
}

var disable = action.Define(action.Spec{
	Name:           "Disable User",
	Summary:        "Disable users: deactivate or suspend them.",
	RunsOn:         action.UserEntities,
	OktaScopes:     manageScopes,
	OptionalScopes: []string{action.TokensScope},
	Mutates:        true,
	Category:       action.DisablesIdentity,
	ReadBack:       true,
	Example: action.Example{
		Parameters: map[string]any{"User IDs Or Logins": "alice@acme.test, zed", "Is Deactivate": false},
		Entities:   []action.Entity{{Identifier: "BOB@ACME.TEST", Type: action.UserEntity}},
	},
}, func(ctx context.Context, x *action.Execution, p disableParams) (*action.Result, error) {
	advice := "set Is Deactivate to true to deactivate the user"
	if !x.MayDeactivate() {
		advice = "the policy does not allow users to be deactivated, so contain the user in Okta"
	}
	p.Deactivate = p.Deactivate && !x.SuspendInstead()
	words := action.Words{Changed: "Suspended", Unchanged: "Already disabled", Planned: "Would suspend"}
	if p.Deactivate {
		words = action.Words{Changed: "Deactivated", Unchanged: "Already deactivated", Planned: "Would deactivate"}
	}
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: words,
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
			return PlanDisable(u, p.Deactivate, p.SendEmail, advice)
		},
		Enrich: func(any) map[string]string {
			return map[string]string{
				"is_deactivate": action.Bool(p.Deactivate), "is_send_email_deactivate": action.Bool(p.SendEmail),
			}
		},
	})
})

// PlanDisable plans the deactivation or the suspension of a user. sendEmail lets Okta send its e-mail
// about a deactivation; advice is for a user who cannot be suspended.
func PlanDisable(u okta.User, deactivate, sendEmail bool, advice string) (action.Plan, error) {
	plan := action.Plan{Before: action.StatusOf(u), Read: action.ReadStatus(u.ID)}
	id, status := u.ID, u.FinalStatus()
	switch {
	case status == okta.Deprovisioned, status == okta.Suspended && !deactivate:
		plan.Value = plan.Before
	case deactivate:
		plan.Effects = guardrail.Effects{Deactivates: true}
		plan.NotUndoable = "the deactivation removed the user's applications: " +
			"Enable User activates the user again, without them"
		plan.ChangeStatus(okta.Deprovisioned, func(ctx context.Context, o *okta.Client) error {
			return o.DeactivateUser(ctx, id, sendEmail)
		})
	case u.Status == okta.Active:
		plan.Effects = guardrail.Effects{Suspends: true}
		plan.Undo = undo("Enable User", id, "Is Activate")
		plan.ChangeStatus(okta.Suspended, func(ctx context.Context, o *okta.Client) error { return o.SuspendUser(ctx, id) })
	default:
		// Other integrations report this as "already disabled". It is not: such a user can regain
		// access by a password reset, an unlock or an activation.
		return plan, apierr.New(apierr.WrongState, "wrong_state", fmt.Sprintf(
			"the user's status is %s, and Okta suspends only ACTIVE users: the user is not contained; %s",
			u.Status, advice), nil)
	}
	return plan, nil
}
