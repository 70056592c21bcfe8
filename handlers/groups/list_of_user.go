package groups

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

type listOfUserParams struct {
	action.NamedUsers
	action.ScopeOn
}

var listOfUser = action.Define(action.Spec{
	Name:       "List User Groups",
	Summary:    "Get the groups that users are members of.",
	RunsOn:     action.UserEntities,
	OktaScopes: []string{"okta.users.read"},
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
}, func(ctx context.Context, x *action.Execution, p listOfUserParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			groups, err := x.Okta.ListUserGroups(ctx, u.ID)
			message := u.Login + " belongs to no group."
			if len(groups) > 0 {
				message = fmt.Sprintf("%s belongs to %s: %s.", u.Login, action.Count(len(groups), "group"),
					action.Enumerate(names(groups)))
			}
			return action.Plan{Value: groups, Message: message}, err
		},
		Enrich: func(value any) map[string]string {
			groups := value.([]okta.Group)
			profiles := make([]string, len(groups))
			for i, g := range groups {
				profiles[i] = cmp.Or(string(g.Profile), "null")
			}
			return map[string]string{
				"profile": "[" + strings.Join(profiles, ",") + "]", "name": strings.Join(names(groups), ", "),
			}
		},
	})
})

func names(groups []okta.Group) []string {
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = g.Name
	}
	return out
}
