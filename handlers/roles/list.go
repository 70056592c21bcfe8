package roles

import (
	"context"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

type listParams struct {
	action.NamedUserIDs
	action.ScopeOn
}

var list = action.Define(action.Spec{
	Name:       "List Roles",
	Summary:    "List all administrator roles of users, including those held through a group.",
	RunsOn:     action.UserEntities,
	OktaScopes: []string{"okta.users.read", "okta.roles.read"},
	Example:    action.Example{Parameters: map[string]any{"User IDs": "admin, helpdesk"}},
}, func(ctx context.Context, x *action.Execution, p listParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			roles, err := x.Okta.ListRoles(ctx, u.ID)
			message := u.Login + " has no role."
			if len(roles) > 0 {
				var names []string
				for _, r := range roles {
					names = append(names, describe(r))
				}
				message = fmt.Sprintf("%s has %s: %s.", u.Login, action.Count(len(roles), "role"), action.Enumerate(names))
			}
			return action.Plan{Value: roles, Message: message}, err
		},
	})
})

// describe returns a role's name for a message: the label of a custom role, the type of any other.
func describe(r okta.Role) string {
	name := r.Type
	if name == okta.CustomRole {
		name = r.Label
	}
	if r.Inherited {
		name += " (through a group)"
	}
	return name
}
