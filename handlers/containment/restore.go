package containment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/okta-secops/handlers/sessions"
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
	Name:           "Restore User",
	Summary:        "Take back what a run of Contain User changed, as far as it can be taken back.",
	RunsOn:         action.UserEntities,
	OktaScopes:     []string{"okta.users.read", "okta.users.manage"},
	OptionalScopes: evictScopes,
	Mutates:        true,
	Category:       action.EnablesIdentity,
	Beyond:         true,
	Example: action.Example{Parameters: map[string]any{
		"User IDs Or Logins": "carol",
		"Record": `{"carol": {"user_id": "00uAsasUVVagGd5Te1Zq", "before": {"status": "ACTIVE"}, ` +
			`"after": {"status": "SUSPENDED"}, "steps": [{"step": "suspend", "outcome": "changed"}]}, ` +
			`"alice": {"user_id": "00u7EHY7J3oAh6W8lNga", "before": {"status": "ACTIVE"}, ` +
			`"after": {"status": "ACTIVE"}, "steps": [{"step": "clear_sessions", "outcome": "changed"}]}}`,
	}},
}, func(ctx context.Context, x *action.Execution, p restoreParams) (*action.Result, error) {
	group := newQuarantine(ctx, x)
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Changed: "Restored", Unchanged: "Already restored", Planned: "Would restore"},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			r := restoration{x: x, user: u, quarantine: group, restoreParams: p}
			return r.plan(ctx)
		},
	})
})

// restoration is the restoration of one user.
type restoration struct {
	restoreParams
	x          *action.Execution
	user       okta.User
	quarantine quarantine // nil: none is configured
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
	if !known {
		return action.Plan{Before: before}, apierr.Errorf(apierr.Rejected, "not_in_record",
			"Record has no entry with the ID of this user: give the json_result of the run that contained the user")
	}
	if err := e.changedSince("status", string(r.user.FinalStatus())); err != nil {
		return action.Plan{Before: before}, err
	}
	plan := r.x.Compose(r.steps(ctx, e), func(
		_ context.Context, _ *okta.Client, c *action.Composed,
	) (action.WriteResult, error) {
		return c.WriteResult(r.user.Login, r.value(e, c.Err() == nil)), c.Err()
	})
	if err := e.changedSince("risk", plan.Before["risk"]); err != nil {
		return action.Plan{Before: before}, err
	}
	maps.Copy(plan.Before, before)
	plan.Value = r.value(e, true)
	return plan, nil
}

// steps returns the steps that take back what the run changed.
func (r restoration) steps(ctx context.Context, e entry) []action.Step {
	var steps []action.Step
	if e.changed(stepSuspend) {
		steps = append(steps, action.NewStep(stepUnsuspend, "", users.PlanUnsuspend(r.user), nil))
	}
	if e.changed(stepQuarantine) && r.isConfigured(e.Quarantine) {
		steps = append(steps, r.quarantine.member(ctx, r.x, r.user, false))
	}
	if level := riskBefore(e); level != "" {
		steps = append(steps, riskStep(ctx, r.x, r.user, level))
	}
	if r.ResetPassword {
		plan, err := users.PlanResetPassword(r.x, r.user, true)
		steps = append(steps, action.NewStep(stepResetPassword, "", plan, err))
	}
	return steps
}

// isConfigured reports whether a group is the configured quarantine group: the record cannot choose
// another one.
func (r restoration) isConfigured(groupID string) bool {
	if r.quarantine == nil {
		return false
	}
	group, err := r.quarantine()
	return err != nil || group.ID == groupID // the step reports the error
}

// riskBefore returns the risk level to which a user returns; "" if the run did not change it, or if
// Okta cannot set the level before.
func riskBefore(e entry) string {
	level, _ := e.Before["risk"].(string)
	if !e.changed(stepRisk) || !slices.Contains(users.RiskLevels, level) {
		return ""
	}
	return level
}

// value returns the target's result.
func (r restoration) value(e entry, restored bool) map[string]any {
	return map[string]any{"restored": restored, "not_restorable": r.notRestorable(e)}
}

// notRestorable returns the changes of a containment that cannot be taken back.
func (r restoration) notRestorable(e entry) []string {
	left := []string{}
	for _, s := range e.Steps {
		name, _, _ := strings.Cut(s.Step, " ")
		reason := irreversible[name]
		switch {
		case s.Step == stepQuarantine && !r.isConfigured(e.Quarantine):
			reason = "the group is not the configured quarantine group (QUARANTINE_GROUP): remove the user in Okta"
		case s.Step == stepRisk && riskBefore(e) == "":
			reason = "the user had no risk level, and Okta cannot take one away: use Set User Risk"
		}
		if reason != "" && s.Outcome == action.Changed {
			left = append(left, fmt.Sprintf("%s: %s", s.Step, reason))
		}
	}
	return left
}

// irreversible are the reasons why steps of a containment cannot be taken back.
var irreversible = map[string]string{
	stepDeactivate:      "Enable User activates the user again, without the applications that the deactivation removed",
	sessions.StepLogout: "the user signs in again",
	sessions.StepClear:  "the user signs in again",
	stepFactors:         "the user enrolls the factors again",
	sessions.StepGrants: "the user gives the consent again",
	sessions.StepTokens: "the user gives the consent again",
}
