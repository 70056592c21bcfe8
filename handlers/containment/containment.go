// Package containment is the group of actions that contain users: they compose the plans of the other
// groups' actions, and prove the result.
package containment

import "example.com/okta-secops/internal/action"

// Group is the function OktaContainment.
var Group = action.Group{
	Name:     "containment",
	Function: "OktaContainment",
	Summary:  "Investigate and contain users, and restore them.",
	Actions:  []action.Action{investigate, contain, restore},
}
