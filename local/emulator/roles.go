package emulator

import (
	"net/http"
	"slices"
	"time"
)

// The custom role and the resource set that the organization has, for roles of type CUSTOM.
const (
	CustomRoleID  = "cr0CaseResponderAcme"
	ResourceSetID = "iamAllUsersAcmeTest0"
)

const (
	customRole      = "CUSTOM"
	customRoleLabel = "Case Responder"
)

// roleLabels are Okta's standard role types with their labels.
var roleLabels = map[string]string{
	"SUPER_ADMIN":                 "Super Administrator",
	"ORG_ADMIN":                   "Organizational Administrator",
	"APP_ADMIN":                   "Application Administrator",
	"USER_ADMIN":                  "Group Administrator",
	"HELP_DESK_ADMIN":             "Help Desk Administrator",
	"GROUP_MEMBERSHIP_ADMIN":      "Group Membership Administrator",
	"REPORT_ADMIN":                "Report Administrator",
	"READ_ONLY_ADMIN":             "Read-Only Administrator",
	"API_ACCESS_MANAGEMENT_ADMIN": "API Access Management Administrator",
	"WORKFLOWS_ADMIN":             "Workflows Administrator",
	"ACCESS_CERTIFICATIONS_ADMIN": "Access Certifications Administrator",
	"ACCESS_REQUESTS_ADMIN":       "Access Requests Administrator",
	customRole:                    customRoleLabel,
}

// legacyRoleLabels are role types that Okta no longer assigns. Users who were seeded with one still hold it.
var legacyRoleLabels = map[string]string{
	"API_ADMIN":    "Access Management Administrator",
	"MOBILE_ADMIN": "Mobile Administrator",
}

// labelOf returns the label of a role type, "" for an unknown one.
func labelOf(kind string) string {
	if label := legacyRoleLabels[kind]; label != "" {
		return label
	}
	return roleLabels[kind]
}

// role is an assignment of a role, to a user or to a group.
type role struct {
	id      string
	kind    string
	created time.Time
}

// newRole is an assignment of a role type to the user or group with that id.
func newRole(kind, prefix, assignee string, at time.Time) *role {
	if kind == customRole {
		prefix = "irb"
	}
	return &role{id: newID(prefix, assignee, kind), kind: kind, created: at}
}

func (r *role) state(assignmentType string) RoleAssignment {
	return RoleAssignment{ID: r.id, Type: r.kind, Label: labelOf(r.kind), AssignmentType: assignmentType}
}

// roleBody is the JSON of an assignment.
type roleBody struct {
	ID             string         `json:"id"`
	Label          string         `json:"label"`
	Type           string         `json:"type"`
	Status         string         `json:"status"`
	Created        stamp          `json:"created"`
	LastUpdated    stamp          `json:"lastUpdated"`
	AssignmentType string         `json:"assignmentType"`
	ResourceSet    string         `json:"resource-set,omitempty"`
	Role           string         `json:"role,omitempty"`
	Links          map[string]any `json:"_links"`
}

// body renders the assignment; assignee is the URL of the user or group that it was made to.
func (r *role) body(base, assignmentType, assignee string) roleBody {
	b := roleBody{
		ID: r.id, Label: labelOf(r.kind), Type: r.kind, Status: "ACTIVE", Created: stamp(r.created), LastUpdated: stamp(r.created),
		AssignmentType: assignmentType, Links: map[string]any{"assignee": link(assignee)},
	}
	if r.kind == customRole {
		set := base + "/api/v1/iam/resource-sets/" + ResourceSetID
		b.ResourceSet, b.Role = ResourceSetID, CustomRoleID
		b.Links["resource-set"] = link(set)
		b.Links["role"] = link(base + "/api/v1/iam/roles/" + CustomRoleID)
		b.Links["permissions"] = link(base + "/api/v1/iam/roles/" + CustomRoleID + "/permissions")
		b.Links["member"] = link(set + "/bindings/" + CustomRoleID + "/members/" + r.id)
	}
	return b
}

// listRoles implements GET /api/v1/users/{userId}/roles: the roles held directly (assignmentType USER), then those
// inherited from groups (GROUP).
func listRoles(c *call, u *user) (reply, *oktaError) {
	bodies := []roleBody{}
	for _, r := range u.roles {
		bodies = append(bodies, r.body(c.base, "USER", c.base+"/api/v1/users/"+u.id))
	}
	for _, g := range u.groups {
		for _, r := range g.roles {
			bodies = append(bodies, r.body(c.base, "GROUP", c.base+"/api/v1/groups/"+g.id))
		}
	}
	return reply{body: bodies}, nil
}

// assignRole implements POST /api/v1/users/{userId}/roles. A CUSTOM role needs the ids of a role and a resource set.
func assignRole(c *call, u *user) (reply, *oktaError) {
	var in struct {
		Type        string `json:"type"`
		Role        string `json:"role"`
		ResourceSet string `json:"resource-set"`
	}
	if failure := c.decode(&in); failure != nil {
		return reply{}, failure
	}
	if _, failure := c.flag("disableNotifications", false); failure != nil {
		return reply{}, failure
	}
	switch {
	case roleLabels[in.Type] == "":
		return reply{}, invalid("type", "The role type is not valid")
	case in.Type == customRole && (in.Role == "" || in.ResourceSet == ""):
		return reply{}, invalid("role", "A role and a resource-set are required for the type CUSTOM")
	case in.Type == customRole && in.Role != CustomRoleID:
		return reply{}, notFound(in.Role, "CustomRole")
	case in.Type == customRole && in.ResourceSet != ResourceSetID:
		return reply{}, notFound(in.ResourceSet, "ResourceSet")
	case slices.ContainsFunc(u.roles, func(r *role) bool { return r.kind == in.Type }):
		return reply{}, errRoleHeld
	}
	r := newRole(in.Type, "ra1", u.id, c.at)
	u.roles = append(u.roles, r)
	return reply{status: http.StatusCreated, body: r.body(c.base, "USER", c.base+"/api/v1/users/"+u.id)}, nil
}

// unassignRole implements DELETE /api/v1/users/{userId}/roles/{roleAssignmentId}. A role inherited from a group is not an
// assignment of the user: 404.
func unassignRole(c *call, u *user) (reply, *oktaError) {
	id := c.PathValue("assignment")
	i := slices.IndexFunc(u.roles, func(r *role) bool { return r.id == id })
	if i < 0 {
		return reply{}, notFound(id, "RoleAssignment")
	}
	u.roles = slices.Delete(u.roles, i, i+1)
	return reply{status: http.StatusNoContent}, nil
}
