// Package groups is the group of actions on groups and their members.
package groups

import "example.com/okta-secops/internal/action"

// Group is the function OktaGroups.
var Group = action.Group{
	Name:     "groups",
	Function: "OktaGroups",
	Summary:  "Add and find groups, and list and change the groups of users.",
	Actions:  []action.Action{add, get, listOfUser, addMember, removeMember},
}
