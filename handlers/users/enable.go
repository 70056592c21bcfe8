package users

import (
	"context"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type enableParams struct {
	action.NamedUsers
	Activate  bool `param:"Is Activate" default:"true" help:"Activate users who are staged, deactivated or not yet set up; off only unsuspends."`
	SendEmail bool `param:"Send Email If Activate" default:"true" help:"Send the user an e-mail when activating; off returns the activation link instead, which is refused for administrators."`
	action.ScopeOn
}

// ReturnsSecret implements action.SecretReturner: if Okta sends no e-mail, the reply has the link.
func (p enableParams) ReturnsSecret() bool { return p.Activate && !p.SendEmail }

var enable = action.Define(action.Spec{
	Name:          "Enable User",
	Summary:       "Enable users: unsuspend the suspended, activate the staged and the deactivated.",
	RunsOn:        action.UserEntities,
	OktaScopes:    manageScopes,
	Mutates:       true,
	Category:      action.EnablesIdentity,
	ReadBack:      true,
	SecretResults: []string{"activationUrl", "activationToken"},
	Example:       action.Example{Parameters: map[string]any{"User IDs Or Logins": "carol, erin", "Is Activate": false}},
}, func(ctx context.Context, x *action.Execution, p enableParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Changed: "Enabled", Unchanged: "Already enabled", Planned: "Would enable"},
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
			return planEnable(x, u, p)
		},
		Enrich: func(any) map[string]string {
			return map[string]string{
				"is_reactivate": action.Bool(p.Activate), "is_send_email_reactivate": action.Bool(p.SendEmail),
			}
		},
	})
})

// activationNotUndoable is the reason why an activation cannot be taken back.
const activationNotUndoable = "an activation cannot be taken back: Disable User would deactivate the user, " +
	"which removes the user's applications"

// planEnable plans the transition to ACTIVE that Okta has for the user's status.
func planEnable(x *action.Execution, u okta.User, p enableParams) (action.Plan, error) {
	plan := action.Plan{Before: action.StatusOf(u), Read: action.ReadStatus(u.ID)}
	switch {
	case u.FinalStatus() == okta.Active:
		plan.Value = plan.Before
	case u.Becoming != "":
		return plan, apierr.New(apierr.WrongState, "wrong_state", fmt.Sprintf(
			"the user's status is %s and is changing to %s: try again when Okta has finished", u.Status, u.Becoming), nil)
	case u.Status == okta.Suspended:
		return PlanUnsuspend(u), nil
	case p.Activate && (u.Status == okta.Staged || u.Status == okta.Deprovisioned):
		plan.Effects.ReturnsCredential, plan.NotUndoable = !p.SendEmail, activationNotUndoable
		plan.After = action.StatusState(okta.Provisioned)
		plan.Write = activationWrite(x, u, p.SendEmail, (*okta.Client).ActivateUser)
	case p.Activate && u.Status == okta.Provisioned:
		plan.Effects.ReturnsCredential, plan.NotUndoable = !p.SendEmail, activationNotUndoable
		plan.After = plan.Before
		plan.Write = activationWrite(x, u, p.SendEmail, (*okta.Client).ReactivateUser)
	default:
		return plan, apierr.New(apierr.WrongState, "wrong_state", enableAdvice(u.Status), nil)
	}
	return plan, nil
}

// PlanUnsuspend plans the end of the suspension of a user who is SUSPENDED, or no longer.
func PlanUnsuspend(u okta.User) action.Plan {
	plan := action.Plan{Before: action.StatusOf(u), Read: action.ReadStatus(u.ID)}
	if u.FinalStatus() != okta.Suspended {
		plan.Value = plan.Before
		return plan
	}
	plan.Undo = undo("Disable User", u.ID, "Is Deactivate")
	plan.ChangeStatus(okta.Active, func(ctx context.Context, o *okta.Client) error { return o.UnsuspendUser(ctx, u.ID) })
	return plan
}

// activationWrite returns the write that activates a user. The status afterwards is ACTIVE if the
// user has a password, and PROVISIONED if the user must follow the link.
func activationWrite(
	x *action.Execution, u okta.User, sendEmail bool,
	activate func(o *okta.Client, ctx context.Context, id string, sendEmail bool) (okta.Activation, error),
) func(context.Context, *okta.Client) (action.WriteResult, error) {
	return func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		link, err := activate(o, ctx, u.ID, sendEmail)
		if okta.AlreadyApplied(err) != nil && !sendEmail {
			x.Warn("%s was activated by another caller, so this request did not create an activation link.", u.Login)
		}
		if err != nil {
			return action.WriteResult{}, err
		}
		asked := action.StatusState(okta.Provisioned)
		after, err := action.ReadStatus(u.ID)(ctx, o)
		if err != nil {
			x.Warn("%s was activated, but the status could not be read again: %s", u.Login, apierr.As(err).Message)
			after = asked
		}
		if err := action.CheckStatus(after, asked); err != nil {
			return action.WriteResult{After: after, Touched: true}, err
		}
		result := action.WriteResult{After: after}
		value := map[string]any{"status": after["status"]}
		switch {
		case sendEmail && after["status"] != string(okta.Active):
			result.Message = fmt.Sprintf("Sent an activation link to %s, who stays %s until the link is used.",
				u.Login, after["status"])
		case !sendEmail && link.URL == "":
			x.Warn("%s was activated, but Okta returned no activation link.", u.Login)
		case !sendEmail:
			value["activationUrl"], value["activationToken"] = link.URL, link.Token
			result.Message = fmt.Sprintf("Created an activation link for %s, who stays %s until the link is used. "+
				"The link is in the JSON result.", u.Login, after["status"])
		}
		result.Value = value
		return result, nil
	}
}

// enableAdvice returns the message about a user whom the action cannot make ACTIVE.
func enableAdvice(s okta.Status) string {
	switch s {
	case okta.LockedOut:
		return "the user is LOCKED_OUT, and this action does not unlock users: " +
			"unlock the user in Okta, or use Reset Password or Set Password"
	case okta.PasswordExpired:
		return "the user is PASSWORD_EXPIRED, not disabled, and must choose a new password at the next sign-in: " +
			"use Reset Password or Set Password to replace it"
	case okta.Recovery:
		return "the user is in RECOVERY, not disabled, because of a password reset: " +
			"use Reset Password for a new link, or Set Password to end the reset"
	case okta.Staged, okta.Deprovisioned, okta.Provisioned:
		return fmt.Sprintf("the user is %s, not suspended: set Is Activate to true to activate the user", s)
	default:
		return fmt.Sprintf("the user is %s, and Okta cannot activate users with this status", s)
	}
}

// undo returns a function for the request that reverts a suspend or an unsuspend of one user. off is the parameter
// that would do more than that.
func undo(name, user, off string) func() *action.Undo {
	return func() *action.Undo {
		return &action.Undo{Action: name, Parameters: map[string]any{
			"User IDs Or Logins": user, off: false, "Also Run On Scope": false,
		}}
	}
}
