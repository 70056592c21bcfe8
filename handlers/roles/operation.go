package roles

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
)

// roleOperation is an action that changes roles of users: it assigns or unassigns them.
type roleOperation struct {
	words                       action.Words
	changed, unchanged, planned string // verbs for a user's sentence
	assigns                     bool   // the user is to hold the roles
	// requests returns the caller's requests for a user who holds these roles.
	requests func(held []okta.Role) []roleRequest
	// send writes one assignment and returns it.
	send func(ctx context.Context, o *okta.Client, user okta.User, r okta.Role) (okta.Role, error)
	// mayBeApplied reports whether Okta may have rejected a write because the state is as asked.
	mayBeApplied func(err error) bool
	// irreversible returns the reasons why the change of assignments cannot be reverted, by their IDs;
	// nil: every change can.
	irreversible func(ctx context.Context, x *action.Execution, user okta.User, pending []okta.Role) map[string]string
	// undo returns the request that reverts the change of these assignments, nil if there is none, and
	// the reasons of those that it does not revert.
	undo   func(user okta.User, changed []okta.Role, not map[string]string) (*action.Undo, string)
	enrich func(value any) map[string]string
}

// roleRequest is the request to assign or to unassign one role that the caller named.
type roleRequest struct {
	role    string      // as given
	matches roleMatcher // nil if the name is not that of a role
	pending []okta.Role // assignments to write; other requests may have the same
	held    []okta.Role // assignments that are as asked, for json_result
	err     error       // the error of the part that cannot be done
}

// run runs the operation on users.
func (op roleOperation) run(ctx context.Context, x *action.Execution, users action.Users) (*action.Result, error) {
	return x.EachUser(ctx, users, action.UserWork{
		Words: op.words,
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			before, err := x.Okta.ListRoles(ctx, u.ID)
			if err != nil {
				return action.Plan{}, err
			}
			c := roleChange{roleOperation: op, x: x, user: u, before: before, requests: op.requests(before)}
			return c.plan(ctx), nil
		},
		Enrich: op.enrich,
	})
}

// roleChange is the change of one user's roles.
type roleChange struct {
	roleOperation
	x        *action.Execution
	user     okta.User
	before   []okta.Role
	requests []roleRequest
	not      map[string]string // the reasons of changes that cannot be reverted, by the ID of the assignment
}

// plan returns one plan for all requests.
func (c roleChange) plan(ctx context.Context) action.Plan {
	var pending, held []okta.Role
	outcomes, idle := make([]action.Outcome, len(c.requests)), false
	for i, r := range c.requests {
		outcomes[i] = action.Planned
		if len(r.pending) == 0 {
			outcomes[i], idle = action.Unchanged, true
		}
		pending, held = appendNew(pending, r.pending), append(held, r.held...)
	}
	p := action.Plan{Before: rolesState(c.before), After: rolesState(c.after(pending))}
	p.Roles, p.Err = c.outcomes(outcomes, make([]error, len(c.requests)))
	if p.Err != nil || len(pending) > 0 && idle {
		p.Message = c.sentence(p.Roles) // the roles have different outcomes
	}
	if len(pending) == 0 {
		p.Value = orEmpty(held)
		return p
	}
	p.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
		now, err := o.ListRoles(ctx, c.user.ID)
		return rolesState(now), err
	}
	if c.irreversible != nil {
		c.not = c.irreversible(ctx, c.x, c.user, pending)
	}
	p.Write, p.Effects = c.write, c.effects(pending)
	return p
}

// effects returns what the change of some assignments does. A role that the user also holds in
// another assignment is not removed.
func (c roleChange) effects(pending []okta.Role) (e guardrail.Effects) {
	if c.assigns {
		e.AssignsRoles = types(pending)
		return e
	}
	left := types(c.after(pending))
	e.RemovesRoles = slices.DeleteFunc(types(pending), func(t string) bool { return slices.Contains(left, t) })
	return e
}

// write sends the writes of all requests. If one fails, it reads the roles again, so that the reply
// reports the roles that the user has.
func (c roleChange) write(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
	changed, outcomes, errs := c.sendAll(ctx, o)
	result := action.WriteResult{After: rolesState(c.after(changed)), Touched: len(changed) > 0}
	var held []okta.Role
	for _, r := range c.requests {
		held = append(held, r.held...)
	}
	if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		now, err := o.ListRoles(ctx, c.user.ID)
		result.After = rolesState(now)
		if err != nil {
			result.After = action.State{}
			c.x.Warn("%s: the roles could not be read after a failed change, so the reply does not list them: %s",
				c.user.Login, apierr.As(err).Message)
		}
		held = appendNew(held, c.resolve(errs, now, err == nil))
	}
	if !result.Touched {
		result.Outcome = action.Unchanged
	}
	result.Undo, result.NotUndoable = c.undo(c.user, changed, c.not)
	result.Value = orEmpty(append(changed, held...))
	var err error
	result.Roles, err = c.outcomes(outcomes, errs)
	result.Message = c.sentence(result.Roles)
	return result, err
}

// sendAll sends the writes one after another, each assignment once. It returns the assignments that
// were changed, and the outcome and the error of each request.
func (c roleChange) sendAll(ctx context.Context, o *okta.Client) (
	changed []okta.Role, outcomes []action.Outcome, errs []error,
) {
	outcomes, errs = make([]action.Outcome, len(c.requests)), make([]error, len(c.requests))
	sent := map[string]error{} // by assignment
	for i, request := range c.requests {
		outcomes[i] = action.Unchanged
		for _, r := range request.pending {
			err, done := sent[assignment(r)]
			if !done {
				var role okta.Role
				if role, err = c.send(ctx, o, c.user, r); err == nil {
					changed = append(changed, role)
				}
				sent[assignment(r)] = err
			}
			if err == nil {
				outcomes[i] = action.Changed
			}
			errs[i] = apierr.MoreSevere(errs[i], err)
		}
	}
	return changed, outcomes, errs
}

// resolve drops the errors of requests that hold now, because another caller made the change. It
// returns the assignments that this caller made, for json_result.
func (c roleChange) resolve(errs []error, now []okta.Role, known bool) (held []okta.Role) {
	for i, r := range c.requests {
		already := okta.AlreadyApplied(errs[i])
		matching := slices.DeleteFunc(slices.Clone(now), func(role okta.Role) bool {
			return role.Inherited || r.matches == nil || !r.matches(role)
		})
		switch {
		case known && (already != nil || c.mayBeApplied(errs[i])) && len(matching) > 0 == c.assigns:
			errs[i] = nil
			held = append(held, matching...)
		case already != nil: // it concerns one role and must not decide the outcome of the user
			errs[i] = already.Unwrap()
		}
	}
	return held
}

// after returns the user's roles after the change of some assignments.
func (c roleChange) after(changed []okta.Role) []okta.Role {
	if c.assigns {
		return append(slices.Clone(c.before), changed...)
	}
	return slices.DeleteFunc(slices.Clone(c.before), func(r okta.Role) bool {
		return slices.ContainsFunc(changed, func(gone okta.Role) bool { return gone.ID == r.ID })
	})
}

// outcomes returns the outcome of each request for the reply, and the most severe error. errs are
// the errors of writes.
func (c roleChange) outcomes(outcomes []action.Outcome, errs []error) (roles []action.RoleOutcome, worst error) {
	for i, r := range c.requests {
		err := apierr.MoreSevere(r.err, errs[i])
		roles = append(roles, roleOutcome(r.role, outcomes[i], err))
		worst = apierr.MoreSevere(worst, err)
	}
	return roles, worst
}

// sentence returns the sentence about the user: "alice@acme.test: assigned X; already had Y."
func (c roleChange) sentence(roles []action.RoleOutcome) string {
	var clauses []string
	for _, v := range []struct {
		outcome action.Outcome
		verb    string
	}{{action.Changed, c.changed}, {action.Planned, c.planned}, {action.Unchanged, c.unchanged}} {
		var names []string
		for _, r := range roles {
			if r.Error == nil && r.Outcome == v.outcome {
				names = append(names, r.Role)
			}
		}
		if len(names) > 0 {
			clauses = append(clauses, v.verb+" "+strings.Join(names, ", "))
		}
	}
	for _, r := range roles {
		if r.Error != nil {
			reason := strings.TrimSuffix(r.Error.Message, ".")
			clauses = append(clauses, fmt.Sprintf("not %s %s (%s)", c.changed, r.Role, reason))
		}
	}
	return c.user.Login + ": " + strings.Join(clauses, "; ") + "."
}

// assignment identifies an assignment: by its ID, or by the role's type if it is not made yet.
func assignment(r okta.Role) string { return cmp.Or(r.ID, r.Type) }

// appendNew appends the assignments that are not in roles.
func appendNew(roles, more []okta.Role) []okta.Role {
	for _, r := range more {
		same := func(o okta.Role) bool { return assignment(o) == assignment(r) }
		if !slices.ContainsFunc(roles, same) {
			roles = append(roles, r)
		}
	}
	return roles
}
