package emulator

import "slices"

// filterOperators lists the attributes that the filter parameter of GET /api/v1/users takes, by their
// names in lower case, each with its operators. Any other attribute or operator is 400 E0000031.
//
// https://developer.okta.com/docs/reference/user-query/#filter-users
var filterOperators = map[string][]string{
	"id":                {"eq"},
	"status":            {"eq"},
	"profile.login":     {"eq"},
	"profile.email":     {"eq"},
	"profile.firstname": {"eq"},
	"profile.lastname":  {"eq"},
	"lastupdated":       {"eq", "gt", "ge", "lt", "le"},
}

// filterTakes reports whether filter takes an operator on an attribute, both in lower case.
func filterTakes(attribute, operator string) bool {
	return slices.Contains(filterOperators[attribute], operator)
}
