package roles

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type unassignParams struct {
	action.NamedUserIDs
	Roles []string `param:"Role IDs Or Names" required:"true" help:"IDs of role assignments, or types or labels of roles in Okta, in any case; spaces, hyphens and underscores make no difference. Every assignment that matches is removed."`
	IsID  bool     `param:"Is Id" default:"false" help:"Take the values as IDs only; off takes IDs or names."`
	action.ScopeOff
}

var unassign = action.Define(action.Spec{
	Name:           "Unassign Role",
	Summary:        "Unassign administrator roles from users.",
	RunsOn:         action.UserEntities,
	OktaScopes:     manageScopes,
	OptionalScopes: []string{action.TokensScope},
	Mutates:        true,
	Category:       action.UpdatesIdentity,
	ReadBack:       true,
	Example: action.Example{Parameters: map[string]any{
		"User IDs": "admin, helpdesk", "Role IDs Or Names": "Super Administrator, HELP_DESK_ADMIN",
	}},
}, func(ctx context.Context, x *action.Execution, p unassignParams) (*action.Result, error) {
	names := newRoleNames(ctx, x, p.IsID)
	return roleOperation{
		words:   action.Words{Unchanged: "Already without the roles", Planned: "Would unassign the roles from"},
		changed: "unassigned", unchanged: "already without", planned: "would unassign",
		requests: func(held []okta.Role) []roleRequest { return requestsFor(held, p.Roles, names) },
		send: func(ctx context.Context, o *okta.Client, user okta.User, r okta.Role) (okta.Role, error) {
			return r, o.UnassignRole(ctx, user.ID, r.ID)
		},
		mayBeApplied: func(err error) bool { return apierr.Is(err, apierr.NotFound) },
		undo:         undoUnassign,
		irreversible: irreversible,
		enrich:       func(any) map[string]string { return map[string]string{"unassign_role": action.Bool(true)} },
	}.run(ctx, x, p.Users)
})

// requestsFor returns one request for each name, with the assignments that the name matches. Two
// names may match the same assignment.
func requestsFor(held []okta.Role, names []string, of roleNames) []roleRequest {
	requests := make([]roleRequest, len(names))
	for i, name := range names {
		matches, err := of.find(held, name)
		requests[i] = roleRequest{role: name, matches: matches, err: err}
		if err != nil {
			continue
		}
		for _, r := range held {
			switch {
			case !matches(r):
			case r.Inherited:
				requests[i].err = inheritedError(r)
			default:
				requests[i].pending = append(requests[i].pending, r)
			}
		}
	}
	return requests
}

// undoUnassign returns the request that assigns the roles again by their types, except for those
// with a reason in not, by their IDs. It also returns these reasons.
func undoUnassign(user okta.User, changed []okta.Role, not map[string]string) (*action.Undo, string) {
	var types, reasons []string
	for _, r := range changed {
		if reason := not[r.ID]; reason != "" {
			reasons = append(reasons, reason)
		} else {
			types = append(types, r.Type)
		}
	}
	return undo("Assign Role", user, "Role Types", types), strings.Join(reasons, "; ")
}

// irreversible returns the reasons why roles cannot be assigned again, by their IDs. A role that
// was limited to some resources would come back without its limits.
func irreversible(ctx context.Context, x *action.Execution, user okta.User, roles []okta.Role) map[string]string {
	not := map[string]string{}
	for _, r := range roles {
		if !slices.Contains(okta.RoleTypes, r.Type) {
			not[r.ID] = r.Label + " cannot be assigned by its type: assign it in Okta"
			continue
		}
		limited, err := x.Okta.IsLimitedRole(ctx, user.ID, r)
		switch {
		case err != nil:
			not[r.ID] = fmt.Sprintf("it is unknown whether %s was limited to some resources (%s): assign it in Okta",
				r.Type, strings.TrimRight(apierr.As(err).Message, "."))
		case limited:
			not[r.ID] = r.Type + " was limited to some resources and would come back without limits: assign it in Okta"
		case !x.Assignable(assign.Slug, r.Type):
			not[r.ID] = "the policy does not allow " + r.Type + " to be assigned"
		}
	}
	return not
}
