package emulator

import "slices"

// filterOperators are the attributes that the filter parameter of GET /api/v1/users supports, in
// lower case, with their operators:
// https://developer.okta.com/docs/reference/user-query/#filter-users Any other attribute or
// operator gets 400 E0000031.
var filterOperators = map[string][]string{
	"id":                {"eq"},
	"status":            {"eq"},
	"profile.login":     {"eq"},
	"profile.email":     {"eq"},
	"profile.firstname": {"eq"},
	"profile.lastname":  {"eq"},
	"lastupdated":       {"eq", "gt", "ge", "lt", "le"},
}

// filterTakes reports whether filter supports an operator for an attribute, both in lower case.
func filterTakes(attribute, operator string) bool {
	return slices.Contains(filterOperators[attribute], operator)
}
