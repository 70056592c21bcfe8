package groups

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type memberParams struct {
	action.NamedUsers
	Groups []string `param:"Group IDs Or Names" required:"true" help:"IDs or exact names of groups in Okta."`
	action.ScopeOff
}

const (
	addMemberName    = "Add User To Group"
	removeMemberName = "Remove User From Group"
)

// memberScopes are the OAuth scopes of the actions on members.
var memberScopes = []string{"okta.users.read", "okta.groups.read", "okta.groups.manage"}

var addMember = action.Define(memberSpec(addMemberName, "Add users to groups.", "alice", "Finance"),
	func(ctx context.Context, x *action.Execution, p memberParams) (*action.Result, error) {
		return membership{x: x, adds: true}.run(ctx, p)
	})

var removeMember = action.Define(memberSpec(removeMemberName, "Remove users from groups.", "bob", "Engineering"),
	func(ctx context.Context, x *action.Execution, p memberParams) (*action.Result, error) {
		return membership{x: x}.run(ctx, p)
	})

func memberSpec(name, summary, user, group string) action.Spec {
	return action.Spec{
		Name: name, Summary: summary, RunsOn: action.UserEntities, OktaScopes: memberScopes,
		Mutates: true, Category: action.UpdatesIdentity, ReadBack: true, Beyond: true,
		Example: action.Example{Parameters: map[string]any{"User IDs Or Logins": user, "Group IDs Or Names": group}},
	}
}

// membership is a change of the members of groups.
type membership struct {
	x    *action.Execution
	adds bool
}

// run changes the members. The groups are read once, before anything is changed. If one of them cannot
// be found, no user is changed.
func (m membership) run(ctx context.Context, p memberParams) (*action.Result, error) {
	words := action.Words{
		Changed: "Removed", Unchanged: "Already outside the groups", Planned: "Would remove",
	}
	if m.adds {
		words = action.Words{Changed: "Added", Unchanged: "Already in the groups", Planned: "Would add"}
	}
	groups := sync.OnceValues(func() ([]okta.Group, error) { return Resolve(ctx, m.x.Okta, p.Groups) })
	return m.x.EachUser(ctx, p.Users, action.UserWork{
		Words: words,
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			all, err := groups()
			if err != nil {
				return action.Plan{}, err
			}
			return m.plan(ctx, u, all)
		},
	})
}

// Resolve returns the groups with these IDs or exact names, each once. The error names the first
// value that is not one group.
func Resolve(ctx context.Context, o *okta.Client, names []string) ([]okta.Group, error) {
	var groups []okta.Group
	for _, name := range names {
		find := func(ctx context.Context, name string) (okta.Group, error) { return byName(ctx, o, name) }
		if okta.IsGroupID(name) {
			find = o.GetGroup
		}
		g, err := find(ctx, name)
		switch failed := apierr.As(err); {
		case failed == nil:
		case failed.Kind == apierr.NotFound, failed.Code == "ambiguous":
			return nil, apierr.Errorf(apierr.Rejected, failed.Code, "Group IDs Or Names: %q: %s; nothing was sent",
				action.Shorten(name), failed.Message)
		default:
			return nil, err
		}
		if !slices.ContainsFunc(groups, func(other okta.Group) bool { return other.ID == g.ID }) {
			groups = append(groups, g)
		}
	}
	return groups, nil
}

// plan plans the change for one user: a step for each group.
func (m membership) plan(ctx context.Context, u okta.User, groups []okta.Group) (action.Plan, error) {
	held, err := m.x.Okta.ListUserGroups(ctx, u.ID)
	if err != nil {
		return action.Plan{}, err
	}
	var steps []action.Step
	for _, g := range groups {
		s := m.step(u, g, held)
		if slices.ContainsFunc(steps, func(other action.Step) bool { return other.Name == s.Name }) {
			s.Name += " (" + g.ID + ")" // groups of applications may share a name
		}
		steps = append(steps, s)
	}
	plan := m.x.Compose(steps, func(_ context.Context, _ *okta.Client, c *action.Composed) (action.WriteResult, error) {
		return m.finish(u, groups, c)
	})
	plan.Before, plan.After = memberState(u, inAll(held, groups)), memberState(u, nil)
	if m.adds {
		plan.After = memberState(u, groups)
	}
	plan.Value = m.value(groups, nil)
	plan.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
		now, err := o.ListUserGroups(ctx, u.ID)
		return memberState(u, inAll(now, groups)), err
	}
	return plan, nil
}

// MemberStep returns the step that adds a user to a group, or removes the user from it. held are the
// groups that the user has.
func MemberStep(x *action.Execution, u okta.User, g okta.Group, held []okta.Group, adds bool) action.Step {
	return membership{x: x, adds: adds}.step(u, g, held)
}

// step returns the step for one group. Okta does not change the members of groups that an application
// masters, or of those that Okta manages.
func (m membership) step(u okta.User, g okta.Group, held []okta.Group) action.Step {
	name := "remove from " + g.Name
	if m.adds {
		name = "add to " + g.Name
	}
	if len(inAll(held, []okta.Group{g})) > 0 == m.adds {
		return action.NewStep(name, "", action.Plan{}, nil)
	}
	if g.Type == okta.AppGroup || g.Type == okta.BuiltInGroup {
		owner := "an application masters it: change the members there"
		if g.Type == okta.BuiltInGroup {
			owner = "Okta manages it"
		}
		return action.NewStep(name, "", action.Plan{}, apierr.Errorf(apierr.WrongState, "wrong_state",
			"the members of the group %s cannot be changed: %s", action.Shorten(g.Name), owner))
	}
	var plan action.Plan
	if m.adds {
		plan.Effects.JoinsGroups = []string{g.ID}
		plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
			return action.WriteResult{}, o.AddGroupMember(ctx, g.ID, u.ID)
		}
		return action.NewStep(name, "", plan, nil)
	}
	plan.Effects.LeavesGroups = []string{g.ID}
	plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		m.warnOfRules(ctx, u, g)
		return action.WriteResult{}, o.RemoveGroupMember(ctx, g.ID, u.ID)
	}
	return action.NewStep(name, "", plan, nil)
}

// warnOfRules warns of group rules that will add the user again. An org that cannot tell gives no
// warning.
func (m membership) warnOfRules(ctx context.Context, u okta.User, g okta.Group) {
	rules, err := m.x.Okta.ListMembershipRules(ctx, g.ID, u.ID)
	if err != nil || len(rules) == 0 {
		return
	}
	m.x.Warn("%s: the group rule %s will add the user to %s again: change the rule, or the user's attributes.",
		u.Login, action.Enumerate(rules), g.Name)
}

// finish returns the result of the user from those of the steps.
func (m membership) finish(u okta.User, groups []okta.Group, c *action.Composed) (action.WriteResult, error) {
	var changed []string
	var member []okta.Group
	for i, g := range groups {
		outcome := c.Steps[i].Outcome
		if outcome == action.Changed {
			changed = append(changed, g.ID)
		}
		if outcome.Reached() == m.adds {
			member = append(member, g)
		}
	}
	c.Leaves(memberState(u, member))
	result := c.WriteResult(u.Login, m.value(groups, c))
	if len(changed) > 0 {
		opposite := addMemberName
		if m.adds {
			opposite = removeMemberName
		}
		result.Undo = &action.Undo{Action: opposite, Parameters: map[string]any{
			"User IDs Or Logins": u.ID, "Group IDs Or Names": changed, "Also Run On Scope": false,
		}}
	}
	return result, c.Err()
}

// value returns the json_result of a user: each group with its outcome.
func (m membership) value(groups []okta.Group, c *action.Composed) map[string]any {
	list := []map[string]any{}
	for i, g := range groups {
		outcome := action.Unchanged
		if c != nil {
			outcome = c.Steps[i].Outcome
		}
		list = append(list, map[string]any{"id": g.ID, "name": g.Name, "outcome": outcome})
	}
	return map[string]any{"groups": list}
}

// inAll returns those of the groups that the user has.
func inAll(held, groups []okta.Group) []okta.Group {
	return slices.DeleteFunc(slices.Clone(groups), func(g okta.Group) bool {
		return !slices.ContainsFunc(held, func(h okta.Group) bool { return h.ID == g.ID })
	})
}

// memberState returns the user's status, and those of the named groups that the user has.
func memberState(u okta.User, groups []okta.Group) action.State {
	state := maps.Clone(action.StatusOf(u))
	list := []string{}
	for _, g := range groups {
		list = append(list, g.Name)
	}
	slices.SortFunc(list, strings.Compare)
	state["groups"] = list
	return state
}
