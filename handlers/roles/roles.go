// Package roles is the group of actions on the administrator roles of users.
package roles

import (
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

// manageScopes are the scopes of the actions that change roles; users are read to resolve logins.
var manageScopes = []string{"okta.users.read", "okta.roles.read", "okta.roles.manage"}

// roleOutcome returns the outcome of a role for the reply: that of the error, if there is one.
func roleOutcome(role string, o action.Outcome, err error) action.RoleOutcome {
	if err == nil {
		return action.RoleOutcome{Role: role, Outcome: o}
	}
	return action.RoleOutcome{Role: role, Outcome: action.OutcomeOf(err), Error: action.NewTargetError(err)}
}

// rolesState returns the sorted types of a user's roles as a State.
func rolesState(roles []okta.Role) action.State {
	held := types(roles)
	slices.Sort(held)
	return action.State{"roles": held}
}

// types returns the types of the roles.
func types(roles []okta.Role) []string {
	all := make([]string, len(roles))
	for i, r := range roles {
		all[i] = r.Type
	}
	return all
}

// resultTypes returns the types of the roles in a target's result, joined with commas; "" if it has
// no roles.
func resultTypes(value any) string {
	roles, _ := value.([]okta.Role)
	return strings.Join(types(roles), ", ")
}

// orEmpty returns an empty slice for nil, so that JSON shows [] and not null.
func orEmpty(roles []okta.Role) []okta.Role {
	if roles == nil {
		return []okta.Role{}
	}
	return roles
}

// undo returns the request that reverts a change of roles of one user, nil without roles.
func undo(name string, u okta.User, param string, roles []string) *action.Undo {
	if len(roles) == 0 {
		return nil
	}
	return &action.Undo{Action: name, Parameters: map[string]any{
		"User IDs": u.ID, param: strings.Join(roles, ", "), "Also Run On Scope": false,
	}}
}

// inheritedError returns the error of a role that a user holds through a group.
func inheritedError(r okta.Role) error {
	return apierr.Errorf(apierr.WrongState, "inherited_from_group",
		"%s comes from a group and cannot be taken from the user: "+
			"remove the user from that group, or the role from the group", r.Label)
}
