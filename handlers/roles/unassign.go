package roles

import (
	"context"
	"slices"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type unassignParams struct {
	action.NamedUserIDs
	Roles []string `param:"Role IDs Or Names" required:"true" help:"IDs of role assignments, or types or labels of roles in Okta, in any case; spaces, hyphens and underscores make no difference. Every assignment that matches is removed."`
	IsID  bool     `param:"Is Id" default:"false" help:"Take the values as IDs only; off takes IDs or names."`
	action.ScopeOff
}

var unassign = action.Define(action.Spec{
	Name:       "Unassign Role",
	Summary:    "Unassign administrator roles from users.",
	RunsOn:     action.UserEntities,
	OktaScopes: manageScopes,
	Mutates:    true,
	ReadBack:   true,
	Example:    action.Example{Parameters: map[string]any{"User IDs": "admin, helpdesk", "Role IDs Or Names": "Super Administrator, HELP_DESK_ADMIN"}},
}, func(ctx context.Context, c *action.Execution, p unassignParams) (*action.Result, error) {
	unassigning := roleOperation{
		changed: "unassigned", unchanged: "already without", planned: "would unassign",
		do: func(ctx context.Context, o *okta.Client, u okta.User, r okta.Role) (okta.Role, error) {
			return r, o.UnassignRole(ctx, u.ID, r.ID)
		},
		already: func(err error) bool { return apierr.Is(err, apierr.NotFound) },
		after: func(before, changed []okta.Role) []okta.Role {
			return slices.DeleteFunc(slices.Clone(before), func(r okta.Role) bool {
				return slices.ContainsFunc(changed, func(gone okta.Role) bool { return gone.ID == r.ID })
			})
		},
		undo: func(u okta.User, changed []okta.Role) *action.Undo {
			var types []string
			for _, r := range changed {
				if slices.Contains(okta.RoleTypes, r.Type) {
					types = append(types, r.Type)
					if slices.Contains(okta.LimitableRoles, r.Type) {
						c.Warn("%s: undo assigns %s without limits: if it was limited to some groups or applications, limit it again in Okta.", u.Login, r.Type)
					}
				} else {
					c.Warn("%s: %s cannot be assigned by its type, so undo does not bring it back: assign it in Okta.", u.Login, r.Label)
				}
			}
			return undo("Assign Role", u, "Role Types", types)
		},
	}
	names := newRoleNames(ctx, c, p.IsID)
	return c.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Unchanged: "Already without the roles", Planned: "Would unassign the roles from"},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			before, err := c.Okta.ListRoles(ctx, u.ID)
			if err != nil {
				return action.Plan{}, err
			}
			return unassigning.plan(c, u, before, requestsFor(before, p.Roles, names)), nil
		},
		Enrich: func(any) map[string]string { return map[string]string{"unassign_role": action.Bool(true)} },
	})
})

// requestsFor finds the assignments that each name means. Two names may mean the same one.
func requestsFor(held []okta.Role, names []string, of roleNames) []roleRequest {
	parts := make([]roleRequest, len(names))
	for i, name := range names {
		means, err := of.find(held, name)
		parts[i] = roleRequest{role: name, matches: means, err: err}
		if err != nil {
			continue
		}
		for _, r := range held {
			switch {
			case !means(r):
			case r.Inherited:
				parts[i].err = inheritedError(r)
			default:
				parts[i].pending = append(parts[i].pending, r)
			}
		}
	}
	return parts
}
