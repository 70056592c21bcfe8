package emulator

import (
	"net/http"
	"slices"
)

// isAdministrator reports whether a user holds a role, own or through a group.
func (u *user) isAdministrator() bool {
	return len(u.roles) > 0 || slices.ContainsFunc(u.groups, func(g *group) bool { return len(g.roles) > 0 })
}

// groupsOf returns the groups of a user. Okta manages the group of all administrators.
func (o *org) groupsOf(u *user) []*group {
	if u.isAdministrator() {
		return append(slices.Clone(u.groups), o.administrators)
	}
	return u.groups
}

// ListGroupAdministrators sets whether GET /api/v1/iam/assignees/users lists users who hold roles
// through a group only, which Okta does not document. The default is that it does not.
func (e *Emulator) ListGroupAdministrators(list bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.listGroupAdministrators = list
}

// assigneesPage is the maximum number of users per page, and the default.
const assigneesPage = 100

// listAssignees implements GET /api/v1/iam/assignees/users with limit and after. The body contains
// the URL of the next page.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/RoleAssignmentAUser/
func (e *Emulator) listAssignees(c *oktaCall) (oktaResponse, *oktaError) {
	limit, failure := c.limit(assigneesPage, assigneesPage)
	if failure != nil {
		return oktaResponse{}, failure
	}
	all := slices.DeleteFunc(slices.Clone(e.org.users), func(u *user) bool {
		return len(u.roles) == 0 && !(e.org.listGroupAdministrators && u.isAdministrator())
	})
	users, links, failure := paged(c, all, limit, e.size)
	if failure != nil {
		return oktaResponse{}, failure
	}
	list := []map[string]any{}
	for _, u := range users {
		orn := "orn:okta:directory:" + newID("00o", "acme.test") + ":users:" + u.id
		list = append(list, map[string]any{"id": u.id, "orn": orn})
	}
	body := map[string]any{"value": list}
	if len(links) > 1 { // self and next
		after := cursor(users[len(users)-1].place())
		body["_links"] = map[string]any{"next": link(c.base + "/api/v1/iam/assignees/users?after=" + after)}
	}
	return oktaResponse{body: body}, nil
}

// listGroupRoles implements GET /api/v1/groups/{groupId}/roles.
func (e *Emulator) listGroupRoles(c *oktaCall) (oktaResponse, *oktaError) {
	g := e.org.groupByID[c.PathValue("group")]
	if g == nil {
		return oktaResponse{}, notFound(c.PathValue("group"), "UserGroup")
	}
	bodies := []roleBody{}
	for _, r := range g.roles {
		bodies = append(bodies, r.body(c.base, "GROUP", c.base+"/api/v1/groups/"+g.id))
	}
	return oktaResponse{body: bodies}, nil
}

// SetOwner makes a user the owner of the API token. It panics if the user does not exist.
func (e *Emulator) SetOwner(idOrLogin string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.org.owner = e.org.find(idOrLogin); e.org.owner == nil {
		panic("emulator: the user does not exist: " + idOrLogin)
	}
}

// GrantRole assigns a role type to a group, for its members. It panics if one of them does not
// exist.
func (e *Emulator) GrantRole(groupIDOrName, kind string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.org.groupByID[groupIDOrName]
	if g == nil {
		g = e.org.groupNamed(groupIDOrName)
	}
	r := e.org.newRole(kind, "gra", g.id, e.now().UTC())
	if r == nil {
		panic("emulator: the role " + kind + " is unknown")
	}
	g.roles = append(g.roles, r)
}

// LimitRole limits a user's own role to resources: IDs of groups, or names of applications for
// APP_ADMIN. It panics if the user does not hold the role.
func (e *Emulator) LimitRole(idOrLogin, kind string, targets ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.org.find(idOrLogin).roles {
		if r.kind == kind {
			r.targets = targets
			return
		}
	}
	panic("emulator: the user does not hold the role " + kind)
}

// ownRole returns the assignment in the path.
func ownRole(c *oktaCall, u *user) (*role, *oktaError) {
	id := c.PathValue("assignment")
	if i := slices.IndexFunc(u.roles, func(r *role) bool { return r.id == id }); i >= 0 {
		return u.roles[i], nil
	}
	return nil, notFound(id, "RoleAssignment")
}

// groupTargets implements GET /api/v1/users/{userId}/roles/{roleAssignmentId}/targets/groups.
// The list is empty if the role is not limited.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/RoleBTargetAdmin/
func (e *Emulator) groupTargets(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	r, failure := ownRole(c, u)
	switch {
	case failure != nil:
		return oktaResponse{}, failure
	case !slices.Contains([]string{"USER_ADMIN", "HELP_DESK_ADMIN", "GROUP_MEMBERSHIP_ADMIN"}, r.kind):
		return oktaResponse{}, errUnsupported
	}
	var groups []*group
	for _, id := range r.targets {
		groups = append(groups, e.org.groupByID[id])
	}
	return oktaResponse{body: groupBodies(groups, c.base)}, nil
}

// appTargets implements GET
// /api/v1/users/{userId}/roles/{roleAssignmentId}/targets/catalog/apps.
func (e *Emulator) appTargets(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	r, failure := ownRole(c, u)
	switch {
	case failure != nil:
		return oktaResponse{}, failure
	case r.kind != "APP_ADMIN":
		return oktaResponse{}, errUnsupported
	}
	apps := []map[string]any{}
	for _, name := range r.targets {
		apps = append(apps, map[string]any{
			"name": name, "displayName": name, "status": "ACTIVE", "id": newID("0oa", name),
			"_links": map[string]any{"self": link(c.base + "/api/v1/catalog/apps/" + name)},
		})
	}
	return oktaResponse{status: http.StatusOK, body: apps}, nil
}
