package users

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
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
		if r.all || slices.ContainsFunc(which, func(name string) bool { return name == f.ID || strings.EqualFold(name, f.Type) }) {
			r.gone = append(r.gone, f)
		}
	}
	plan := action.Plan{Before: factorState(held), After: factorState(r.without(r.gone)), Value: removed(nil)}
	plan.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
		now, err := o.ListFactors(ctx, u.ID)
		return factorState(now), err
	}
	if len(r.gone) > 0 {
		plan.Effects.ResetsFactors = true
		plan.NotUndoable = "removed factors cannot be restored: the user enrolls them again"
		plan.Write = r.write
	}
	return plan, nil
}

// factorReset is the removal of factors of one user.
type factorReset struct {
	user       okta.User
	held, gone []okta.Factor
	all        bool
}

// write removes the factors. Of several chosen ones, a failed one does not keep the others.
func (r factorReset) write(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
	if r.all {
		return action.WriteResult{Value: removed(r.gone), Message: r.sentence(r.gone)}, o.ResetFactors(ctx, r.user.ID)
	}
	var done []okta.Factor
	var failed []string
	var worst error
	for _, f := range r.gone {
		err := o.DeleteFactor(ctx, r.user.ID, f.ID)
		if err == nil || okta.AlreadyApplied(err) != nil {
			done = append(done, f)
			continue
		}
		failed = append(failed, fmt.Sprintf("not removed: %s (%s)", f.Type, strings.TrimRight(apierr.As(err).Message, ".")))
		worst = apierr.MoreSevere(worst, err)
	}
	message := r.sentence(done)
	if worst != nil {
		message = r.user.Login + ": " + strings.Join(failed, "; ") + "."
		if len(done) > 0 {
			message = r.user.Login + ": removed " + action.Enumerate(factorTypes(done)) + "; " + strings.Join(failed, "; ") + "."
		}
	}
	return action.WriteResult{
		Value: removed(done), After: factorState(r.without(done)), Message: message, Touched: len(done) > 0,
	}, worst
}

// sentence returns the sentence about the removed factors.
func (r factorReset) sentence(done []okta.Factor) string {
	return fmt.Sprintf("Removed %s of %s: %s.", action.Count(len(done), "factor"), r.user.Login,
		action.Enumerate(factorTypes(done)))
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
