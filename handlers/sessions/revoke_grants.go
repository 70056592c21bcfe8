package sessions

import (
	"context"
	"fmt"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type revokeGrantsParams struct {
	action.NamedUsers
	action.ScopeOff
}

var revokeGrants = action.Define(action.Spec{
	Name:       "Revoke Grants",
	Summary:    "Revoke the consents that users gave to OAuth clients, and the refresh tokens of these clients.",
	RunsOn:     action.UserEntities,
	OktaScopes: manageScopes,
	Mutates:    true,
	ReadBack:   true,
	Beyond:     true,
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
}, func(ctx context.Context, x *action.Execution, p revokeGrantsParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{
			Changed: "Revoked the grants of", Unchanged: "Without grants", Planned: "Would revoke the grants of",
		},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) { return PlanRevokeGrants(ctx, x, u) },
	})
})

// PlanRevokeGrants plans to revoke the grants of a user and the refresh tokens of all clients.
func PlanRevokeGrants(ctx context.Context, x *action.Execution, u okta.User) (action.Plan, error) {
	held, err := readGrants(ctx, x.Okta, u.ID)
	if err != nil {
		return action.Plan{}, err
	}
	plan := action.Plan{Before: held.state(), After: grants{}.state(), Value: grants{}.result()}
	plan.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
		now, err := readGrants(ctx, o, u.ID)
		return now.state(), err
	}
	if held.grants+len(held.clients) == 0 {
		return plan, nil
	}
	plan.Effects.EndsSessions = true
	plan.NotUndoable = "revoked grants cannot be restored: the user gives the consent again"
	plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		return held.revoke(ctx, o, u)
	}
	return plan, nil
}

// grants are the grants of a user.
type grants struct {
	grants  int
	clients []string // IDs of the clients that have grants or tokens
}

func readGrants(ctx context.Context, o *okta.Client, id string) (grants, error) {
	consents, err := o.ListGrants(ctx, id)
	if err != nil {
		return grants{}, err
	}
	clients, err := o.ListClients(ctx, id)
	held := grants{grants: len(consents)}
	for _, c := range clients {
		held.clients = append(held.clients, c.ID)
	}
	return held, err
}

// state returns the grants as a State.
func (g grants) state() action.State {
	return action.State{"grants": g.grants, "clients": append([]string{}, g.clients...)}
}

// result returns the json_result of a user whose grants were revoked.
func (g grants) result() map[string]any {
	return map[string]any{"grants_revoked": g.grants, "clients": append([]string{}, g.clients...)}
}

// revoke revokes the grants, and then the tokens of each client. A failure does not keep the others.
func (g grants) revoke(ctx context.Context, o *okta.Client, u okta.User) (action.WriteResult, error) {
	var done grants
	var failed []string
	var worst error
	note := func(what string, err error) bool {
		if err != nil {
			failed = append(failed, what+" ("+strings.TrimRight(apierr.As(err).Message, ".")+")")
			worst = apierr.MoreSevere(worst, err)
		}
		return err == nil
	}
	if g.grants > 0 && note("the grants", o.RevokeGrants(ctx, u.ID)) {
		done.grants = g.grants
	}
	for _, client := range g.clients {
		if note("the tokens of the client "+client, o.RevokeClientTokens(ctx, u.ID, client)) {
			done.clients = append(done.clients, client)
		}
	}
	result := action.WriteResult{Value: done.result(), Touched: done.grants+len(done.clients) > 0}
	if worst != nil {
		result.Message = fmt.Sprintf("%s: revoked %s and the tokens of %s; not revoked: %s.", u.Login,
			action.Count(done.grants, "grant"), action.Count(len(done.clients), "client"), strings.Join(failed, "; "))
		if result.Touched {
			now, err := readGrants(ctx, o, u.ID)
			if err == nil {
				result.After = now.state()
			} else {
				result.After = action.State{}
			}
		}
	}
	return result, worst
}
