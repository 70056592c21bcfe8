package users

import (
	"context"
	"fmt"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type resetPasswordParams struct {
	action.NamedUsers
	SendEmail bool `param:"Send Email" default:"false" help:"Send the user an e-mail with the reset link; off returns a link for each user instead, which is refused for administrators."`
	action.ScopeOff
}

// ReturnsSecret implements action.SecretReturner.
func (p resetPasswordParams) ReturnsSecret() bool { return !p.SendEmail }

var resetPassword = action.Define(action.Spec{
	Name:          "Reset Password",
	Summary:       "Generate a one-time link with which a user sets a new password.",
	RunsOn:        action.UserEntities,
	OktaScopes:    manageScopes,
	Mutates:       true,
	Category:      action.ResetsPassword,
	NonIdempotent: true,
	SecretResults: []string{"resetPasswordUrl"},
	Example:       action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice", "Send Email": true}},
}, func(ctx context.Context, x *action.Execution, p resetPasswordParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Changed: "Reset the password of", Planned: "Would reset the password of"},
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
			return PlanResetPassword(x, u, p.SendEmail)
		},
		Enrich: func(any) map[string]string { return map[string]string{"send_email": action.Bool(p.SendEmail)} },
	})
})

// PlanResetPassword plans a password reset. With sendEmail Okta sends the user the link, otherwise it is
// the result.
func PlanResetPassword(x *action.Execution, u okta.User, sendEmail bool) (action.Plan, error) {
	plan := action.Plan{
		Before: action.StatusOf(u), After: action.StatusState(okta.Recovery), Read: action.ReadStatus(u.ID),
	}
	plan.NotUndoable = passwordNotUndoable
	plan.Effects.ReturnsCredential = !sendEmail
	plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		link, err := o.ResetPassword(ctx, u.ID, sendEmail)
		if err != nil {
			return action.WriteResult{}, explainRefusal(ctx, o, u, err)
		}
		value := map[string]any{"send_email": sendEmail}
		switch {
		case sendEmail:
		case link == "":
			x.Warn("%s: the password was reset, but Okta returned no link.", u.Login)
		default:
			value["resetPasswordUrl"] = link
		}
		return action.WriteResult{Value: value}, nil
	}
	return plan, checkNotDeprovisioned(u)
}

// passwordNotUndoable is the reason why a change of a password cannot be taken back.
const passwordNotUndoable = "the former password cannot be restored"

// explainRefusal adds the user's status and advice to Okta's error about a change of a password. It
// reads the status again, because another caller may have changed it: Okta may then even respond
// that the user does not exist.
func explainRefusal(ctx context.Context, o *okta.Client, u okta.User, err error) error {
	e := *apierr.As(err)
	if e.Kind != apierr.WrongState && e.Kind != apierr.NotFound {
		return err
	}
	if now, err := o.GetUserByID(ctx, u.ID); err == nil {
		u = now
	} else if e.Kind == apierr.NotFound {
		return &e
	}
	if err := checkNotDeprovisioned(u); err != nil {
		return err
	}
	if e.Kind == apierr.NotFound {
		return &e
	}
	advice := "the password is managed by a directory, or the password policy does not allow this: " +
		"change it in the directory, or check the policy in Okta"
	if u.Status == okta.Staged || u.Status == okta.Suspended {
		advice = "enable the user first (Enable User)"
	}
	e.Message = fmt.Sprintf("%s: the user's status is %s: %s", strings.TrimRight(e.Message, "."), u.Status, advice)
	return &e
}

// checkNotDeprovisioned returns an error for a user who has no password to change.
func checkNotDeprovisioned(u okta.User) error {
	if u.Status == okta.Deprovisioned {
		return apierr.New(apierr.WrongState, "wrong_state",
			"the user is DEPROVISIONED and has no password: activate the user first (Enable User)", nil)
	}
	return nil
}
