// Package handlers lists the groups of actions, each of which is deployed as one function.
package handlers

import (
	"slices"

	"example.com/okta-secops/handlers/containment"
	"example.com/okta-secops/handlers/groups"
	"example.com/okta-secops/handlers/logs"
	"example.com/okta-secops/handlers/providers"
	"example.com/okta-secops/handlers/roles"
	"example.com/okta-secops/handlers/sessions"
	"example.com/okta-secops/handlers/signals"
	"example.com/okta-secops/handlers/users"
	"example.com/okta-secops/internal/action"
)

//go:generate go run ../tools/gen -root ..
//go:generate go run ../tools/secops-integration -root .. -source

// Groups are all groups, in the order of the documentation. Ping is the last action of each group.
var Groups = withPing(
	users.Group,
	groups.Group,
	roles.Group,
	sessions.Group,
	providers.Group,
	logs.Group,
	signals.Group,
	containment.Group,
)

// withPing adds the group's Ping to each group.
func withPing(groups ...action.Group) []action.Group {
	for i, g := range groups {
		groups[i].Actions = append(slices.Clone(g.Actions), ping(g))
	}
	return groups
}
