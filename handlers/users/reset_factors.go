package users

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

type resetFactorsParams struct {
	action.NamedUsers
	Factors []string `param:"Factors" help:"IDs or types of the factors to remove, such as push; empty removes all."`
	action.ScopeOff
}

var resetFactors = action.Define(action.Spec{
	Name:       "Reset Factors",
	Summary:    "Remove the factors of users, all or chosen ones. Refused for administrators.",
	RunsOn:     action.UserEntities,
	OktaScopes: manageScopes,
	Mutates:    true,
	Category:   action.UpdatesIdentity,
	ReadBack:   true,
	Beyond:     true,
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice", "Factors": "push"}},
}, func(ctx context.Context, x *action.Execution, p resetFactorsParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{
			Changed: "Removed factors of", Unchanged: "Already without these factors", Planned: "Would remove factors of",
		},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			return PlanResetFactors(ctx, x, u, p.Factors)
		},
	})
})

// PlanResetFactors plans the removal of the factors of a user with these IDs or types, or of all
// factors if there are none.
func PlanResetFactors(ctx context.Context, x *action.Execution, u okta.User, which []string) (action.Plan, error) {
	held, err := x.Okta.ListFactors(ctx, u.ID)
	if err != nil {
		return action.Plan{}, err
	}
	r := factorReset{user: u, held: held, all: len(which) == 0}
	for _, f := range held {
		if r.all || slices.ContainsFunc(which, func(name string) bool { return isNamed(f, name) }) {
			r.gone = append(r.gone, f)
		}
	}
	for _, name := range which {
		if !slices.ContainsFunc(held, func(f okta.Factor) bool { return isNamed(f, name) }) {
			x.Warn("%s has no factor %s. The user's factors: %s.", u.Login, action.Shorten(name),
				cmp.Or(action.Enumerate(factorTypes(held)), "none"))
		}
	}
	plan := action.Plan{Before: factorState(held), After: factorState(r.without(r.gone)), Value: removed(nil)}
	if len(r.gone) == 0 {
		return plan, nil
	}
	if !r.all {
		chosen := x.Compose(r.steps(), r.finish)
		plan.Steps, plan.Write = chosen.Steps, chosen.Write
	} else {
		plan.Effects.ResetsFactors, plan.NotUndoable = true, factorsNotUndoable
		plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
			return action.WriteResult{Value: removed(r.gone)}, o.ResetFactors(ctx, u.ID)
		}
	}
	plan.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
		now, err := o.ListFactors(ctx, u.ID)
		return factorState(now), err
	}
	return plan, nil
}

// isNamed reports whether a name is the ID or the type of a factor.
func isNamed(f okta.Factor, name string) bool { return name == f.ID || strings.EqualFold(name, f.Type) }

// factorsNotUndoable is the reason why the removal of factors cannot be taken back.
const factorsNotUndoable = "removed factors cannot be restored: the user enrolls them again"

// factorReset is the removal of factors of one user.
type factorReset struct {
	user       okta.User
	held, gone []okta.Factor
	all        bool
}

// steps returns a step for each chosen factor.
func (r factorReset) steps() []action.Step {
	steps := make([]action.Step, len(r.gone))
	for i, f := range r.gone {
		plan := action.Plan{NotUndoable: factorsNotUndoable}
		plan.Effects.ResetsFactors = true
		plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
			return action.WriteResult{}, o.DeleteFactor(ctx, r.user.ID, f.ID)
		}
		steps[i] = action.NewStep("remove "+f.Type+" "+f.ID, "", plan, nil)
	}
	return steps
}

// finish returns the result of the user from those of the steps.
func (r factorReset) finish(_ context.Context, _ *okta.Client, c *action.Composed) (action.WriteResult, error) {
	var done []okta.Factor
	for i, f := range r.gone {
		if c.Steps[i].Outcome.Reached() {
			done = append(done, f)
		}
	}
	c.Leaves(factorState(r.without(done)))
	return c.WriteResult(r.user.Login, removed(done)), c.Err()
}

// without returns the factors of the user that are left.
func (r factorReset) without(gone []okta.Factor) []okta.Factor {
	return slices.DeleteFunc(slices.Clone(r.held), func(f okta.Factor) bool {
		return slices.ContainsFunc(gone, func(g okta.Factor) bool { return g.ID == f.ID })
	})
}

// removed returns the json_result of a user.
func removed(factors []okta.Factor) map[string]any {
	return map[string]any{"removed": append([]okta.Factor{}, factors...)}
}

// factorState returns the types of a user's factors as a State.
func factorState(factors []okta.Factor) action.State {
	types := factorTypes(factors)
	slices.Sort(types)
	return action.State{"factors": types}
}
