package emulator

import (
	"net/http"
	"slices"
)

// GroupRules is the feature that the route of a membership's group rules needs, for SetFeature: orgs
// have it since 2026.06.
// https://developer.okta.com/docs/release-notes/2026-okta-identity-engine/
const GroupRules = "group_rules"

// groupRule is a rule that makes users members of a group.
type groupRule struct {
	id, name string
	group    *group
	users    []*user
}

// AddGroupRule adds a rule that makes these users members of a group, and returns its ID. It panics
// if the group or a user does not exist.
func (e *Emulator) AddGroupRule(name, groupID string, logins ...string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	rule := &groupRule{id: newID("0pr", name), name: name, group: e.org.groupByID[groupID]}
	for _, login := range logins {
		u := e.org.find(login)
		rule.users = append(rule.users, u)
		if !slices.Contains(u.groups, rule.group) {
			rule.group.add(u, e.now().UTC())
		}
	}
	e.org.rules = append(e.org.rules, rule)
	return rule.id
}

// listMembershipRules implements GET /api/v1/groups/{group}/users/{user}/group-rules: the rules that
// manage the membership.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Group/
func (e *Emulator) listMembershipRules(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	g := e.org.groupByID[c.PathValue("group")]
	switch {
	case e.org.lacks[GroupRules]:
		return oktaResponse{}, errPathNotFound
	case g == nil:
		return oktaResponse{}, notFound(c.PathValue("group"), "UserGroup")
	}
	bodies := []map[string]any{}
	for _, r := range e.org.rules {
		if r.group == g && slices.Contains(r.users, u) {
			bodies = append(bodies, map[string]any{
				"id": r.id, "name": r.name, "type": "group_rule", "status": "ACTIVE",
			})
		}
	}
	return oktaResponse{status: http.StatusOK, body: bodies}, nil
}
