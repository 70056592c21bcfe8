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
	SendEmail bool `param:"Send Email If Activate" default:"true" help:"Send the user an e-mail when activating; off returns the activation link instead."`
	action.ScopeOn
}

// ReturnsSecret implements action.SecretReturner: whoever gets no e-mail gets the link.
func (p enableParams) ReturnsSecret() bool { return p.Activate && !p.SendEmail }

var enable = action.Define(action.Spec{
	Name:          "Enable User",
	Summary:       "Enable users: unsuspend the suspended, activate the staged and the deactivated.",
	RunsOn:        action.UserEntities,
	OktaScopes:    manageScopes,
	Mutates:       true,
	ReadBack:      true,
	SecretResults: []string{"activationUrl", "activationToken"},
	Example:       action.Example{Parameters: map[string]any{"User IDs Or Logins": "carol, erin", "Is Activate": false}},
}, func(ctx context.Context, c *action.Execution, p enableParams) (*action.Result, error) {
	return c.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Changed: "Enabled", Unchanged: "Already enabled", Planned: "Would enable"},
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
			return planEnable(c, u, p)
		},
		Enrich: func(any) map[string]string {
			return map[string]string{"is_reactivate": action.Bool(p.Activate), "is_send_email_reactivate": action.Bool(p.SendEmail)}
		},
	})
})

// planEnable chooses the one transition that Okta has for the user's status.
func planEnable(c *action.Execution, u okta.User, p enableParams) (action.Plan, error) {
	plan := action.Plan{Before: action.StatusOf(u), Read: action.ReadStatus(u.ID)}
	switch {
	case u.FinalStatus() == okta.Active:
		plan.Value = plan.Before
	case u.Becoming != "":
		return plan, apierr.New(apierr.WrongState, "wrong_state", fmt.Sprintf(
			"the user's status is %s and is changing to %s: try again once Okta has finished", u.Status, u.Becoming), nil)
	case u.Status == okta.Suspended:
		plan.After = action.State{"status": string(okta.Active)}
		plan.Undo = undo("Disable User", u, "Is Deactivate")
		plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
			return action.WriteResult{Value: plan.After}, o.UnsuspendUser(ctx, u.ID)
		}
	case p.Activate && (u.Status == okta.Staged || u.Status == okta.Deprovisioned):
		plan.After = action.State{"status": string(okta.Provisioned)}
		plan.Write = activationWrite(c, u, p.SendEmail, (*okta.Client).ActivateUser)
	case p.Activate && u.Status == okta.Provisioned:
		plan.After = plan.Before
		plan.Write = activationWrite(c, u, p.SendEmail, (*okta.Client).ReactivateUser)
	default:
		return plan, apierr.New(apierr.WrongState, "wrong_state", enableAdvice(u.Status), nil)
	}
	return plan, nil
}

// activationWrite returns the write that activates a user and says where that left the user: ACTIVE where a
// password was set before, PROVISIONED where the user has to follow the link.
func activationWrite(
	c *action.Execution, u okta.User, sendEmail bool,
	activate func(o *okta.Client, ctx context.Context, id string, sendEmail bool) (okta.Activation, error),
) func(context.Context, *okta.Client) (action.WriteResult, error) {
	return func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		link, err := activate(o, ctx, u.ID, sendEmail)
		if okta.AlreadyApplied(err) != nil && !sendEmail {
			c.Warn("%s was activated by another caller: there is no activation link from this request.", u.Login)
		}
		if err != nil {
			return action.WriteResult{}, err
		}
		asked := action.State{"status": string(okta.Provisioned)}
		after, err := action.ReadStatus(u.ID)(ctx, o)
		if err != nil {
			c.Warn("%s was activated, but the status could not be read again: %s", u.Login, apierr.As(err).Message)
			after = asked
		}
		if err := action.CheckStatus(after, asked); err != nil {
			return action.WriteResult{After: after, Touched: true}, err
		}
		done := action.WriteResult{After: after}
		value := map[string]any{"status": after["status"]}
		switch {
		case sendEmail && after["status"] != string(okta.Active):
			done.Message = fmt.Sprintf("Sent an activation link to %s, who is %s until it is followed.", u.Login, after["status"])
		case !sendEmail && link.URL == "":
			c.Warn("%s was activated, but Okta returned no activation link.", u.Login)
		case !sendEmail:
			value["activationUrl"], value["activationToken"] = link.URL, link.Token
			done.Message = fmt.Sprintf("Made an activation link for %s, who is %s until it is followed; it is in the JSON result.", u.Login, after["status"])
		}
		done.Value = value
		return done, nil
	}
}

// enableAdvice says what to do about a user whom no transition makes ACTIVE.
func enableAdvice(s okta.Status) string {
	switch s {
	case okta.LockedOut:
		return "the user is LOCKED_OUT, which enabling does not lift: unlock the user in Okta, or use Reset Password or Set Password"
	case okta.PasswordExpired:
		return "the user is PASSWORD_EXPIRED, not disabled, and must choose a new password at the next sign-in: use Reset Password or Set Password to help"
	case okta.Recovery:
		return "the user is in RECOVERY, not disabled, in the middle of a password reset: use Reset Password for a new link, or Set Password to end it"
	case okta.Staged, okta.Deprovisioned, okta.Provisioned:
		return fmt.Sprintf("the user is %s, not suspended: set Is Activate to true to activate the user", s)
	default:
		return fmt.Sprintf("the user is %s, from which Okta has no way to ACTIVE", s)
	}
}

// undo is the call that takes a suspend or an unsuspend back, for this user only: off is the parameter
// that would widen it.
func undo(name string, u okta.User, off string) *action.Undo {
	return &action.Undo{Action: name, Parameters: map[string]any{"User IDs Or Logins": u.ID, off: false, "Also Run On Scope": false}}
}
