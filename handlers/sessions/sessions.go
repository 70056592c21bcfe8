// Package sessions is the group of actions on the sessions of users.
package sessions

import "example.com/okta-secops/internal/action"

// Group is the function OktaSessions.
var Group = action.Group{
	Name:     "sessions",
	Function: "OktaSessions",
	Summary:  "End the sessions of users in Okta and in applications.",
	Actions:  []action.Action{clearSessions, revokeAll, revokeGrants},
}

// manageScopes are the OAuth scopes of the actions that end sessions.
var manageScopes = []string{"okta.users.read", "okta.users.manage"}
