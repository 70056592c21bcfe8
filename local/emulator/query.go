package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// queryParameters lists the query parameters of the routes that have any, by the pattern of the route.
// Each is declared in Okta's OpenAPI document, and the emulator implements it.
//
// Okta does not document what it does with an undeclared parameter. The emulator refuses it, and a
// declared one that it does not implement, so that a misspelled or ignored parameter is noticed.
// https://github.com/okta/okta-management-openapi-spec
var queryParameters = map[string][]string{
	"GET /api/v1/users":                    {"q", "filter", "search", "limit", "after"},
	"POST /api/v1/users/{user}":            {"strict"},
	"GET /api/v1/users/{user}/groups":      {"limit", "after"},
	"DELETE /api/v1/users/{user}/sessions": {"oauthTokens", "forgetDevices"},

	"POST /api/v1/users/{user}/lifecycle/activate":       {"sendEmail"},
	"POST /api/v1/users/{user}/lifecycle/reactivate":     {"sendEmail"},
	"POST /api/v1/users/{user}/lifecycle/deactivate":     {"sendEmail"},
	"POST /api/v1/users/{user}/lifecycle/reset_password": {"sendEmail", "revokeSessions"},

	"GET /api/v1/users/{user}/roles":  {"after"}, // a next link may be a fault's: there is one page here
	"POST /api/v1/users/{user}/roles": {"disableNotifications"},

	"GET /api/v1/groups":    {"q", "search", "limit", "after"},
	"GET /api/v1/iam/roles": {"after"},
	"GET /api/v1/idps":      {"q", "type", "limit", "after"},
}

// checkQuery refuses a query parameter that the route does not have, and one that is given twice.
func checkQuery(pattern string, h handler) handler {
	return func(c *oktaCall) (oktaResponse, *oktaError) {
		query := c.URL.Query()
		for _, name := range slices.Sorted(maps.Keys(query)) {
			switch known := queryParameters[pattern]; {
			case !slices.Contains(known, name):
				return oktaResponse{}, invalid(name, fmt.Sprintf(
					"%s has no query parameter %s (known: %s)", pattern, name, strings.Join(known, ", ")))
			case len(query[name]) > 1:
				return oktaResponse{}, invalid(name, "The query parameter is given more than once")
			}
		}
		return h(c)
	}
}
