// Package sessions is the group of actions on the sessions of users.
package sessions

import "example.com/okta-secops/internal/action"

// Group is the function OktaSessions.
var Group = action.Group{
	Name:     "sessions",
	Function: "OktaSessions",
	Summary:  "End the Okta sessions of users.",
	Actions:  []action.Action{clearSessions},
}
