package containment

import (
	"context"
	"fmt"

	"example.com/okta-secops/handlers/users"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type restoreParams struct {
	action.NamedUsers
	Record        record `param:"Record" required:"true" help:"json_result of Contain User, or one user of it, as JSON. Only what that run changed is taken back."`
	ResetPassword bool   `param:"Reset Password" default:"false" help:"Also let Okta send the user an e-mail to choose a new password; off leaves the password as it is."`
	action.ScopeOff
}

var restore = action.Define(action.Spec{
	Name:       "Restore User",
	Summary:    "Take back what a run of Contain User changed, as far as it can be taken back.",
	RunsOn:     action.UserEntities,
	OktaScopes: []string{"okta.users.read", "okta.users.manage"},
	Mutates:    true,
	Beyond:     true,
	Example: action.Example{Parameters: map[string]any{
		"User IDs Or Logins": "carol",
		"Record": `{"carol": {"user_id": "00uAsasUVVagGd5Te1Zq", "before": {"status": "ACTIVE"}, ` +
			`"after": {"status": "SUSPENDED"}, "steps": [{"step": "suspend", "outcome": "changed"}]}, ` +
			`"alice": {"user_id": "00u7EHY7J3oAh6W8lNga", "before": {"status": "ACTIVE"}, ` +
			`"after": {"status": "ACTIVE"}, "steps": [{"step": "clear_sessions", "outcome": "changed"}]}}`,
	}},
}, func(ctx context.Context, x *action.Execution, p restoreParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Changed: "Restored", Unchanged: "Already restored", Planned: "Would restore"},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			r := restoration{x: x, user: u, restoreParams: p}
			return r.plan(ctx)
		},
	})
})

// restoration is the restoration of one user.
type restoration struct {
	restoreParams
	x    *action.Execution
	user okta.User
}

// The steps that restore a user.
const (
	stepUnsuspend     = "unsuspend"
	stepResetPassword = "reset_password"
)

// plan returns the plan of the steps that take the containment back.
func (r restoration) plan(ctx context.Context) (action.Plan, error) {
	before := action.StatusOf(r.user)
	e, known := r.Record[r.user.ID]
	switch now, after := string(r.user.FinalStatus()), status(e.After); {
	case !known:
		return action.Plan{Before: before}, apierr.Errorf(apierr.Rejected, "not_in_record",
			"Record has no entry with the ID of this user: give the json_result of the run that contained the user")
	case now != after && now != status(e.Before): // it is as before if it was restored already
		return action.Plan{Before: before}, apierr.Errorf(apierr.WrongState, action.CodeChangedSince,
			"the containment left the status %q, and it is %s now, so the user has changed since: nothing was sent",
			after, r.user.Status)
	}
	plan := r.x.Compose(r.steps(ctx, e), func(
		_ context.Context, _ *okta.Client, c *action.Composed,
	) (action.WriteResult, error) {
		return c.WriteResult(r.user.Login, r.value(e, c.Err() == nil)), c.Err()
	})
	plan.Before = before
	plan.Value = r.value(e, true)
	return plan, nil
}

// steps returns the steps that take back what the run changed.
func (r restoration) steps(_ context.Context, e entry) []action.Step {
	var steps []action.Step
	if e.changed(stepSuspend) {
		steps = append(steps, action.NewStep(stepUnsuspend, "", users.PlanUnsuspend(r.user), nil))
	}
	if r.ResetPassword {
		plan, err := users.PlanResetPassword(r.x, r.user, true)
		steps = append(steps, action.NewStep(stepResetPassword, "", plan, err))
	}
	return steps
}

// value returns the target's result.
func (r restoration) value(e entry, restored bool) map[string]any {
	return map[string]any{"restored": restored, "not_restorable": notRestorable(e)}
}

// notRestorable returns the changes of a containment that cannot be taken back.
func notRestorable(e entry) []string {
	left := []string{}
	for _, s := range e.Steps {
		if reason := irreversible[s.Step]; reason != "" && s.Outcome == action.Changed {
			left = append(left, fmt.Sprintf("%s: %s", s.Step, reason))
		}
	}
	return left
}

// irreversible are the reasons why steps of a containment cannot be taken back.
var irreversible = map[string]string{
	stepDeactivate:     "Enable User activates the user again, without the applications that the deactivation removed",
	"universal_logout": "the user signs in again",
	"clear_sessions":   "the user signs in again",
}
