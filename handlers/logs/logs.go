// Package logs is the group of actions on Okta's System Log.
package logs

import "example.com/okta-secops/internal/action"

// Group is the function OktaLogs.
var Group = action.Group{
	Name:     "logs",
	Function: "OktaLogs",
	Summary:  "Search Okta's System Log.",
	Actions:  []action.Action{search},
}
