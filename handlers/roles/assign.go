package roles

import (
	"context"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// roleTypes are types of standard roles. Okta does not assign custom roles by type.
type roleTypes []string

// Allowed implements action.Allower.
func (roleTypes) Allowed() []string { return okta.RoleTypes }

type assignParams struct {
	action.NamedUserIDs
	Types roleTypes `param:"Role Types" required:"true" help:"The types of the roles to assign to the users."`
	action.ScopeOn
}

var assign = action.Define(action.Spec{
	Name:       "Assign Role",
	Summary:    "Assign administrator roles to users.",
	RunsOn:     action.UserEntities,
	OktaScopes: manageScopes,
	Mutates:    true,
	Category:   action.UpdatesIdentity,
	ReadBack:   true,
	Example:    action.Example{Parameters: map[string]any{"User IDs": "alice", "Role Types": "READ_ONLY_ADMIN"}},
}, func(ctx context.Context, x *action.Execution, p assignParams) (*action.Result, error) {
	return roleOperation{
		words:   action.Words{Unchanged: "Already assigned", Planned: "Would assign the roles to"},
		changed: "assigned", unchanged: "already had", planned: "would assign", assigns: true,
		requests: p.requests,
		send: func(ctx context.Context, o *okta.Client, user okta.User, r okta.Role) (okta.Role, error) {
			return o.AssignRole(ctx, user.ID, r.Type)
		},
		mayBeApplied: func(err error) bool { return err != nil && apierr.As(err).Code == okta.CodeRoleAssigned },
		undo: func(user okta.User, changed []okta.Role, _ map[string]string) (*action.Undo, string) {
			ids := make([]string, len(changed)) // a type may match other assignments of the user
			for i, r := range changed {
				ids[i] = r.ID
			}
			return undo("Unassign Role", user, "Role IDs Or Names", ids), ""
		},
		enrich: func(value any) map[string]string { return map[string]string{"Roles": resultTypes(value)} },
	}.run(ctx, x, p.Users)
})

// requests returns one request for each type. A role that a user holds through a group is assigned.
func (p assignParams) requests(held []okta.Role) []roleRequest {
	requests := make([]roleRequest, len(p.Types))
	for i, given := range p.Types {
		t := strings.ToUpper(given)
		requests[i] = roleRequest{role: given, matches: sameRole(t)}
		own := slices.IndexFunc(held, func(r okta.Role) bool { return r.Type == t && !r.Inherited })
		if own >= 0 {
			requests[i].held = held[own : own+1]
		} else {
			requests[i].pending = []okta.Role{{Type: t}}
		}
	}
	return requests
}
