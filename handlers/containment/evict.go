package containment

import (
	"context"
	"sync"

	"example.com/okta-secops/handlers/groups"
	"example.com/okta-secops/handlers/sessions"
	"example.com/okta-secops/handlers/users"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

// The steps of the level evict, besides those that revoke grants.
const (
	stepFactors    = "reset_factors"
	stepQuarantine = "quarantine"
	stepRisk       = "set_risk"
)

// evictScopes are the OAuth scopes of the steps that an org may do without.
var evictScopes = []string{"okta.groups.read", "okta.groups.manage", "okta.userRisk.read", "okta.userRisk.manage"}

// The risk level that a containment sets, and why.
const (
	evictedRisk = "HIGH"
	riskReason  = "Contained by SecOps"
)

// quarantine is the configured quarantine group, which is read once for a run.
type quarantine func() (okta.Group, error)

// newQuarantine returns the quarantine group of a run; nil if none is configured.
func newQuarantine(ctx context.Context, x *action.Execution) quarantine {
	if x.QuarantineGroup == "" {
		return nil
	}
	return sync.OnceValues(func() (okta.Group, error) {
		all, err := groups.Resolve(ctx, x.Okta.WithScopes([]string{"okta.groups.read"}), []string{x.QuarantineGroup})
		if err != nil {
			return okta.Group{}, err
		}
		return all[0], nil
	})
}

// member returns the step that adds a user to the quarantine group, or removes the user from it.
func (q quarantine) member(ctx context.Context, x *action.Execution, u okta.User, adds bool) action.Step {
	group, err := q()
	var held []okta.Group
	if err == nil {
		held, err = x.Okta.ListUserGroups(ctx, u.ID)
	}
	if err != nil {
		return action.NewStep(stepQuarantine, "", action.Plan{}, err)
	}
	step := groups.MemberStep(x, u, group, held, adds)
	step.Name = stepQuarantine
	if write := step.Plan.Write; write != nil {
		step.Plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
			return write(ctx, o.WithScopes([]string{"okta.groups.manage"}))
		}
	}
	return step
}

// evict returns the steps of the level evict that follow the others.
func (c containment) evict(ctx context.Context) []action.Step {
	factors, err := users.PlanResetFactors(ctx, c.x, c.user, nil)
	steps := []action.Step{action.NewStep(stepFactors, "", factors, err)}
	grants, err := sessions.GrantSteps(ctx, c.x.Okta, c.user)
	if err != nil || len(grants) == 0 {
		grants = []action.Step{action.NewStep(sessions.StepGrants, "", action.Plan{}, err)}
	}
	steps = append(steps, grants...)
	if c.quarantine != nil {
		steps = append(steps, c.quarantine.member(ctx, c.x, c.user, true))
	}
	return append(steps, riskStep(ctx, c.x, c.user, evictedRisk))
}

// riskStep returns the step that sets the risk level of a user.
func riskStep(ctx context.Context, x *action.Execution, u okta.User, level string) action.Step {
	plan, err := users.PlanSetRisk(ctx, x.Okta, u, level, riskReason)
	return action.NewStep(stepRisk, "user risk is not available in this org", plan, err)
}
