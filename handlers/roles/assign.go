package roles

import (
	"context"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// roleTypes are types of standard roles; custom roles cannot be assigned by type.
type roleTypes []string

// Allowed implements action.Allower.
func (roleTypes) Allowed() []string { return okta.RoleTypes }

type assignParams struct {
	action.NamedUserIDs
	Types roleTypes `param:"Role Types" required:"true" help:"The types of the roles to assign to the users."`
	action.ScopeOn
}

var assign = action.Define(action.Spec{
	Name:       "Assign Role",
	Summary:    "Assign administrator roles to users.",
	RunsOn:     action.UserEntities,
	OktaScopes: manageScopes,
	Mutates:    true,
	ReadBack:   true,
	Example:    action.Example{Parameters: map[string]any{"User IDs": "alice", "Role Types": "READ_ONLY_ADMIN"}},
}, func(ctx context.Context, c *action.Execution, p assignParams) (*action.Result, error) {
	assigning := roleOperation{
		changed: "assigned", unchanged: "already had", planned: "would assign", assigns: true,
		do: func(ctx context.Context, o *okta.Client, u okta.User, r okta.Role) (okta.Role, error) {
			return o.AssignRole(ctx, u.ID, r.Type)
		},
		already: func(err error) bool { return err != nil && apierr.As(err).Code == okta.CodeRoleAssigned },
		after:   func(before, changed []okta.Role) []okta.Role { return append(slices.Clone(before), changed...) },
		undo: func(u okta.User, changed []okta.Role) *action.Undo {
			ids := make([]string, len(changed)) // by id: nothing but what was assigned here goes
			for i, r := range changed {
				ids[i] = r.ID
			}
			return undo("Unassign Role", u, "Role IDs Or Names", ids)
		},
	}
	return c.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Unchanged: "Already assigned", Planned: "Would assign the roles to"},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			before, err := c.Okta.ListRoles(ctx, u.ID)
			if err != nil {
				return action.Plan{}, err
			}
			parts := make([]roleRequest, len(p.Types))
			for i, given := range p.Types {
				t := strings.ToUpper(given)
				parts[i] = roleRequest{role: given, matches: sameRole(t), pending: []okta.Role{{Type: t}}}
				held := slices.IndexFunc(before, func(r okta.Role) bool { return r.Type == t && !r.Inherited })
				if held >= 0 {
					parts[i].pending, parts[i].held = nil, before[held:held+1]
				}
			}
			return assigning.plan(c, u, before, parts), nil
		},
		Enrich: func(value any) map[string]string { return map[string]string{"Roles": resultTypes(value)} },
	})
})
