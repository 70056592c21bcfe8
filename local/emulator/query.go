package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// queryParameters are the query parameters that the emulator implements, by the pattern of the
// route. Each is declared in Okta's OpenAPI document.
//
// Okta does not document its response to an undeclared parameter. The emulator rejects it, and also
// a declared one that it does not implement, so that a misspelled or ignored parameter fails a
// test. https://github.com/okta/okta-management-openapi-spec
var queryParameters = map[string][]string{
	"GET /api/v1/users":                    {"q", "filter", "search", "limit", "after"},
	"POST /api/v1/users/{user}":            {"strict"},
	"GET /api/v1/users/{user}/groups":      {"limit", "after"},
	"DELETE /api/v1/users/{user}/sessions": {"oauthTokens", "forgetDevices"},

	"POST /api/v1/users/{user}/lifecycle/activate":                           {"sendEmail"},
	"POST /api/v1/users/{user}/lifecycle/reactivate":                         {"sendEmail"},
	"POST /api/v1/users/{user}/lifecycle/deactivate":                         {"sendEmail"},
	"POST /api/v1/users/{user}/lifecycle/expire_password_with_temp_password": {"revokeSessions"},
	"POST /api/v1/users/{user}/lifecycle/reset_password":                     {"sendEmail", "revokeSessions"},

	"GET /api/v1/users/{user}/roles":  {"after"}, // for next links of faults; the emulator has one page
	"POST /api/v1/users/{user}/roles": {"disableNotifications"},

	"GET /api/v1/groups":              {"q", "search", "limit", "after"},
	"GET /api/v1/logs":                {"since", "until", "filter", "q", "limit", "sortOrder", "after"},
	"GET /api/v1/iam/roles":           {"after"},
	"GET /api/v1/iam/assignees/users": {"limit", "after"},
	"GET /api/v1/idps":                {"q", "type", "limit", "after"},
}

// checkQuery rejects requests with a query parameter that the route does not have, or that occurs
// twice.
func checkQuery(pattern string, h oktaHandler) oktaHandler {
	return func(c *oktaCall) (oktaResponse, *oktaError) {
		query := c.URL.Query()
		for _, name := range slices.Sorted(maps.Keys(query)) {
			switch known := queryParameters[pattern]; {
			case !slices.Contains(known, name):
				return oktaResponse{}, invalid(name, fmt.Sprintf(
					"%s has no query parameter %s (known: %s)", pattern, name, strings.Join(known, ", ")))
			case len(query[name]) > 1:
				return oktaResponse{}, invalid(name, "The query parameter occurs more than once")
			}
		}
		return h(c)
	}
}
