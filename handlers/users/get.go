package users

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

type getParams struct {
	action.NamedUsers
	action.ScopeOn
}

var get = action.Define(action.Spec{
	Name:       "Get User",
	Summary:    "Get information about users.",
	RunsOn:     action.UserEntities,
	OktaScopes: readScopes,
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
}, func(ctx context.Context, x *action.Execution, p getParams) (*action.Result, error) {
	result, err := x.EachUser(ctx, p.Users, action.UserWork{
		ReturnsUsers: true,
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
			return action.Plan{Value: u}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	result.JSON = result.Values()
	return result, nil
})
