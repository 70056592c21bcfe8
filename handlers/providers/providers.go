// Package providers is the group of actions on identity providers.
package providers

import "example.com/okta-secops/internal/action"

// Group is the function OktaProviders.
var Group = action.Group{
	Name:     "providers",
	Function: "OktaProviders",
	Summary:  "List the identity providers of the organization.",
	Actions:  []action.Action{list},
}
