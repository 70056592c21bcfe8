// Package roles is the group of actions on the administrator roles of users.
package roles

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// Group is the function OktaRoles.
var Group = action.Group{
	Name:     "roles",
	Function: "OktaRoles",
	Summary:  "List, assign and unassign administrator roles.",
	Actions:  []action.Action{assign, list, unassign},
}

// The scopes of changing roles; users are read to resolve logins.
var manageScopes = []string{"okta.users.read", "okta.roles.read", "okta.roles.manage"}

// roleRequest is what is to be done for one user about one role that the caller named.
type roleRequest struct {
	role  string      // as given
	matches roleMatcher     // which assignments it concerns; nil if the name means none
	pending []okta.Role // assignments to make, or to remove; several parts may have the same
	held  []okta.Role // assignments that are as asked, for json_result
	err   error       // what stands in the way of (the rest of) it
}

// roleOperation is how an action changes roles, in either direction.
type roleOperation struct {
	changed, unchanged, planned string // verbs for the message
	assigns                     bool   // the user is to hold the roles afterwards
	do                          func(ctx context.Context, o *okta.Client, u okta.User, r okta.Role) (okta.Role, error)
	// already reports whether Okta refused a write because its result may hold already.
	already func(err error) bool
	// after returns the roles of a user once some were changed.
	after func(before, changed []okta.Role) []okta.Role
	// undo returns the call that takes the change back, nil if there is none.
	undo func(u okta.User, changed []okta.Role) *action.Undo
}

// plan makes one plan of all parts for one user. Parts are done one after another: they concern one
// object, and the reply tells what became of each.
func (ch roleOperation) plan(c *action.Execution, u okta.User, before []okta.Role, parts []roleRequest) action.Plan {
	p := action.Plan{Before: rolesState(before)}
	var would, held []okta.Role
	for _, part := range parts {
		outcome := action.Unchanged
		if len(part.pending) > 0 {
			outcome = action.Planned
		}
		p.Roles = append(p.Roles, roleOutcome(part.role, outcome, part.err))
		p.Err = moreSevere(p.Err, part.err)
		would, held = appendNew(would, part.pending), append(held, part.held...)
	}
	if p.Err != nil || len(would) > 0 && slices.ContainsFunc(parts, func(p roleRequest) bool { return len(p.pending) == 0 }) {
		p.Message = ch.say(u, p.Roles) // several things are to be said of one user
	}
	p.After = rolesState(ch.after(before, would))
	if len(would) == 0 {
		p.Value = orEmpty(held)
		return p
	}
	p.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
		now, err := o.ListRoles(ctx, u.ID)
		return rolesState(now), err
	}
	p.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		return ch.write(ctx, c, o, u, before, parts)
	}
	return p
}

// write makes the changes of all parts for one user. If Okta refuses one, or the response is lost,
// the roles are read again: what the reply says of them is what they are.
func (ch roleOperation) write(
	ctx context.Context, c *action.Execution, o *okta.Client, u okta.User, before []okta.Role, parts []roleRequest,
) (action.WriteResult, error) {
	var done action.WriteResult
	var changed, held []okta.Role
	outcomes, refusals := make([]action.Outcome, len(parts)), make([]error, len(parts))
	refused, results := false, map[string]error{} // results: by assignment; each write is sent once
	for i, part := range parts {
		outcomes[i] = action.Unchanged
		held = append(held, part.held...)
		for _, r := range part.pending {
			err, sent := results[assignment(r)]
			if !sent {
				var role okta.Role
				if role, err = ch.do(ctx, o, u, r); err == nil {
					changed = append(changed, role)
				}
				results[assignment(r)] = err
			}
			if err == nil {
				outcomes[i] = action.Changed
			}
			refusals[i] = moreSevere(refusals[i], err)
			refused = refused || err != nil
		}
	}
	done.After = rolesState(ch.after(before, changed))
	if refused {
		now, err := o.ListRoles(ctx, u.ID)
		done.After = rolesState(now)
		if err != nil {
			done.After = action.State{}
			c.Warn("%s: the roles could not be read after a failed change, so the reply does not list them: %s",
				u.Login, apierr.As(err).Message)
		}
		for i, part := range parts {
			so := okta.AlreadyApplied(refusals[i])
			switch {
			case err == nil && (so != nil || ch.already(refusals[i])) && ch.holds(now, part):
				refusals[i] = nil
				held = appendNew(held, ch.heldNow(now, part))
			case so != nil: // of one role: it must not decide the result of all
				refusals[i] = so.Unwrap()
			}
		}
	}
	var worst error
	for i, part := range parts {
		err := moreSevere(part.err, refusals[i])
		done.Roles = append(done.Roles, roleOutcome(part.role, outcomes[i], err))
		worst = moreSevere(worst, err)
	}
	if done.Touched = len(changed) > 0; !done.Touched {
		done.Outcome = action.Unchanged
	}
	done.Undo = ch.undo(u, changed)
	done.Value = orEmpty(append(changed, held...))
	done.Message = ch.say(u, done.Roles)
	return done, worst
}

// assignment identifies an assignment among those to make or to remove. One to make has no ID yet.
func assignment(r okta.Role) string { return cmp.Or(r.ID, r.Type) }

// appendNew appends the assignments that are not among the first ones.
func appendNew(roles, more []okta.Role) []okta.Role {
	for _, r := range more {
		same := func(o okta.Role) bool { return assignment(o) == assignment(r) }
		if !slices.ContainsFunc(roles, same) {
			roles = append(roles, r)
		}
	}
	return roles
}

// holds reports whether the roles of a user are as a part asks. What comes from a group is not the
// user's own.
func (ch roleOperation) holds(now []okta.Role, p roleRequest) bool {
	return slices.ContainsFunc(now, func(r okta.Role) bool { return !r.Inherited && p.matches(r) }) == ch.assigns
}

// heldNow returns the assignments of a part that another caller made meanwhile, for json_result.
func (ch roleOperation) heldNow(now []okta.Role, p roleRequest) []okta.Role {
	if !ch.assigns {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(now), func(r okta.Role) bool { return r.Inherited || !p.matches(r) })
}

// say tells in one sentence what became of a user's roles.
func (ch roleOperation) say(u okta.User, roles []action.RoleOutcome) string {
	verbs := []struct {
		outcome action.Outcome
		verb    string
	}{{action.Changed, ch.changed}, {action.Planned, ch.planned}, {action.Unchanged, ch.unchanged}}
	var clauses []string
	for _, v := range verbs {
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
			clauses = append(clauses, fmt.Sprintf("not %s %s (%s)", ch.changed, r.Role, reason))
		}
	}
	return u.Login + ": " + strings.Join(clauses, "; ") + "."
}

func roleOutcome(role string, o action.Outcome, err error) action.RoleOutcome {
	if err == nil {
		return action.RoleOutcome{Role: role, Outcome: o}
	}
	return action.RoleOutcome{Role: role, Outcome: action.OutcomeOf(err), Error: action.NewTargetError(err)}
}

// moreSevere is the error of the two that says more about a target, the first where they weigh the same.
func moreSevere(a, b error) error {
	if a == nil || b != nil && weight(b) > weight(a) {
		return b
	}
	return a
}

// weight ranks errors by their outcome; of two failures, the one that a later try can cure decides.
func weight(err error) int {
	w := 2 * slices.Index([]action.Outcome{action.NotFound, action.WrongState, action.Refused, action.Failed}, action.OutcomeOf(err))
	if apierr.As(err).Retryable() {
		w++
	}
	return w
}

// rolesState is a user's roles for before and after, in an order that can be compared.
func rolesState(roles []okta.Role) action.State {
	types := []string{}
	for _, r := range roles {
		types = append(types, r.Type)
	}
	slices.Sort(types)
	return action.State{"roles": types}
}

// resultTypes returns the types of the roles in a target's result, joined for entity enrichment;
// "" if the result holds no roles.
func resultTypes(value any) string {
	var types []string
	roles, _ := value.([]okta.Role)
	for _, r := range roles {
		types = append(types, r.Type)
	}
	return strings.Join(types, ", ")
}

func orEmpty(roles []okta.Role) []okta.Role {
	if roles == nil {
		return []okta.Role{}
	}
	return roles
}

// undo is the call that takes a change of roles back for one user.
func undo(name string, u okta.User, param string, roles []string) *action.Undo {
	if len(roles) == 0 {
		return nil
	}
	return &action.Undo{Action: name, Parameters: map[string]any{"User IDs": u.ID, param: strings.Join(roles, ", "), "Also Run On Scope": false}}
}

// inheritedError says why a role held through a group cannot be taken from its user.
func inheritedError(r okta.Role) error {
	return apierr.Errorf(apierr.WrongState, "inherited_from_group", "%s comes from a group and cannot be taken from the user: remove the user from that group, or the role from the group", r.Label)
}
