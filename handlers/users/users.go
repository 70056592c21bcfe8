// Package users is the group of actions on users: their lifecycle and their passwords.
package users

import "example.com/okta-secops/internal/action"

// Group is the function OktaUsers.
var Group = action.Group{
	Name:     "users",
	Function: "OktaUsers",
	Summary:  "Find, enable, disable and unlock users, and manage their passwords, factors and risk.",
	Actions: []action.Action{
		get, list, enable, disable, resetPassword, setPassword,
		listFactors, resetFactors, expirePassword, unlock, getRisk, setRisk,
	},
}

// The OAuth scopes of the actions that read users, and of those that change them.
var (
	readScopes   = []string{"okta.users.read"}
	manageScopes = []string{"okta.users.read", "okta.users.manage"}
)
