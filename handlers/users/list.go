package users

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type listParams struct {
	Query  string `param:"Query" help:"Search for a match in the first name, last name or e-mail address. Okta returns at most 200 users for a query, and no deactivated ones."`
	Filter string `param:"Filter" help:"Okta filter expression on a subset of properties, case-sensitive: status eq \"LOCKED_OUT\"."`
	Search string `param:"Search" help:"Okta search expression on most properties: profile.department eq \"Finance\"."`
	Limit  int    `param:"Limit" default:"200" min:"1" max:"5000" help:"The maximum number of users to return."`
}

var list = action.Define(action.Spec{
	Name:       "List Users",
	Summary:    "Get a list of users.",
	OktaScopes: readScopes,
	Example:    action.Example{Parameters: map[string]any{"Search": `status eq "LOCKED_OUT"`}},
}, func(ctx context.Context, x *action.Execution, p listParams) (*action.Result, error) {
	if p.Query != "" && p.Search != "" {
		return nil, apierr.Invalid(action.Problem{
			Parameter: "Search", Message: "cannot be used together with Query: put everything into Search",
		})
	}
	limit := p.Limit
	if p.Query != "" && limit > okta.MaxQueryHits {
		limit = okta.MaxQueryHits
		x.Warn("Okta returns at most %d users for a Query; use Search for more.", okta.MaxQueryHits)
	}
	users, err := x.Okta.ListUsers(ctx, okta.UserQuery{Query: p.Query, Filter: p.Filter, Search: p.Search}, limit)
	if err != nil {
		return nil, expressionProblems(p, err)
	}
	return x.ListResult(users, "user"), nil
})

// expressionProblems returns Okta's error about an expression as problems of the parameters that
// hold one. It returns other errors unchanged.
func expressionProblems(p listParams, err error) error {
	f := apierr.As(err)
	if f.Code != okta.CodeBadExpression {
		return err
	}
	var problems []action.Problem
	for _, given := range []struct{ parameter, value string }{{"Filter", p.Filter}, {"Search", p.Search}} {
		if given.value != "" {
			problems = append(problems, action.Problem{
				Parameter: given.parameter, Message: "Okta does not accept the expression: " + f.Message,
			})
		}
	}
	if len(problems) == 0 {
		return err
	}
	invalid := apierr.Invalid(problems...)
	invalid.RequestID, invalid.Cause = f.RequestID, err
	return invalid
}
