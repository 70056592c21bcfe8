package users

import (
	"context"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

type listFactorsParams struct {
	action.NamedUsers
	action.ScopeOn
}

var listFactors = action.Define(action.Spec{
	Name:       "List Factors",
	Summary:    "List the factors that users have enrolled.",
	RunsOn:     action.UserEntities,
	OktaScopes: readScopes,
	Beyond:     true,
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
}, func(ctx context.Context, x *action.Execution, p listFactorsParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			factors, err := x.Okta.ListFactors(ctx, u.ID)
			message := u.Login + " has no factor."
			if len(factors) > 0 {
				message = fmt.Sprintf("%s has %s: %s.", u.Login, action.Count(len(factors), "factor"),
					action.Enumerate(factorTypes(factors)))
			}
			return action.Plan{Value: factors, Message: message}, err
		},
		Enrich: func(value any) map[string]string {
			return map[string]string{"factors": action.Enumerate(factorTypes(value.([]okta.Factor)))}
		},
	})
})

// factorTypes returns the types of the factors, as Okta names them.
func factorTypes(factors []okta.Factor) []string {
	types := make([]string, len(factors))
	for i, f := range factors {
		types[i] = f.Type
	}
	return types
}
