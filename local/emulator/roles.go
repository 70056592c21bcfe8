package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// The custom role and the resource set that the organization is seeded with, for roles of type
// CUSTOM.
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
}

// legacyRoleLabels are role types that Okta no longer assigns. Users who were seeded with one still
// hold it.
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

// orgRole is a custom role that the organization has made.
type orgRole struct {
	id      string
	n       int
	label   string
	created time.Time
}

func (r *orgRole) place() int { return r.n }

// addOrgRole adds a custom role. It panics on a label that is empty or taken.
func (o *org) addOrgRole(id, label string, at time.Time) *orgRole {
	if label == "" || slices.ContainsFunc(o.orgRoles, func(r *orgRole) bool { return r.label == label }) {
		panic(fmt.Sprintf("emulator: the label %q of a custom role is empty or taken", label))
	}
	r := &orgRole{id: id, n: len(o.orgRoles), label: label, created: at}
	o.orgRoles = append(o.orgRoles, r)
	return r
}

// orgRole returns the custom role with that id, nil if there is none.
func (o *org) orgRole(id string) *orgRole {
	if i := slices.IndexFunc(o.orgRoles, func(r *orgRole) bool { return r.id == id }); i >= 0 {
		return o.orgRoles[i]
	}
	return nil
}

// AddOrgRole adds a custom role and returns its id. It panics on a label that is empty or taken.
func (e *Emulator) AddOrgRole(label string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.org.addOrgRole(newID("cr0", label), label, e.now().UTC()).id
}

// role is an assignment of a role, to a user or to a group.
type role struct {
	id      string
	kind    string
	custom  *orgRole // of the type CUSTOM only
	created time.Time
}

// newRole is an assignment of a role type, or of the custom role with that id, to the user or group
// with that id; nil if there is no such role.
func (o *org) newRole(kind, prefix, assignee string, at time.Time) *role {
	custom := o.orgRole(kind)
	switch {
	case kind == customRole:
		custom = o.orgRole(CustomRoleID)
	case custom == nil && labelOf(kind) == "":
		return nil
	case custom == nil:
		return &role{id: newID(prefix, assignee, kind), kind: kind, created: at}
	}
	return &role{id: newID("irb", assignee, kind), kind: customRole, custom: custom, created: at}
}

func (r *role) label() string {
	if r.custom != nil {
		return r.custom.label
	}
	return labelOf(r.kind)
}

func (r *role) state(assignmentType string) RoleAssignment {
	return RoleAssignment{ID: r.id, Type: r.kind, Label: r.label(), AssignmentType: assignmentType}
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
		ID: r.id, Label: r.label(), Type: r.kind, Status: "ACTIVE", Created: stamp(r.created), LastUpdated: stamp(r.created),
		AssignmentType: assignmentType, Links: map[string]any{"assignee": link(assignee)},
	}
	if r.custom != nil {
		set := base + "/api/v1/iam/resource-sets/" + ResourceSetID
		b.ResourceSet, b.Role = ResourceSetID, r.custom.id
		b.Links["resource-set"] = link(set)
		b.Links["role"] = link(base + "/api/v1/iam/roles/" + r.custom.id)
		b.Links["permissions"] = link(base + "/api/v1/iam/roles/" + r.custom.id + "/permissions")
		b.Links["member"] = link(set + "/bindings/" + r.custom.id + "/members/" + r.id)
	}
	return b
}

// listRoles implements GET /api/v1/users/{userId}/roles: the roles held directly (assignmentType USER), then those
// inherited from groups (GROUP).
func listRoles(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	bodies := []roleBody{}
	for _, r := range u.roles {
		bodies = append(bodies, r.body(c.base, "USER", c.base+"/api/v1/users/"+u.id))
	}
	for _, g := range u.groups {
		for _, r := range g.roles {
			bodies = append(bodies, r.body(c.base, "GROUP", c.base+"/api/v1/groups/"+g.id))
		}
	}
	return oktaResponse{body: bodies}, nil
}

// orgRolesPage is how many custom roles a page has.
const orgRolesPage = 100

// orgRoleBody is the JSON of a custom role.
type orgRoleBody struct {
	ID          string         `json:"id"`
	Label       string         `json:"label"`
	Description string         `json:"description"`
	Created     stamp          `json:"created"`
	LastUpdated stamp          `json:"lastUpdated"`
	Links       map[string]any `json:"_links"`
}

// listOrgRoles implements GET /api/v1/iam/roles with after: the custom roles. The address of the
// next page is in the body.
func (e *Emulator) listOrgRoles(c *oktaCall) (oktaResponse, *oktaError) {
	roles, links, failure := paged(c, e.org.orgRoles, orgRolesPage, e.size)
	if failure != nil {
		return oktaResponse{}, failure
	}
	bodies := []orgRoleBody{}
	for _, r := range roles {
		self := c.base + "/api/v1/iam/roles/" + r.id
		bodies = append(bodies, orgRoleBody{
			ID: r.id, Label: r.label, Description: "A custom role",
			Created: stamp(r.created), LastUpdated: stamp(r.created),
			Links: map[string]any{"self": link(self), "permissions": link(self + "/permissions")},
		})
	}
	body := map[string]any{"roles": bodies}
	if len(links) > 1 { // self and next
		after := cursor(roles[len(roles)-1].place())
		body["_links"] = map[string]any{"next": link(c.base + "/api/v1/iam/roles?after=" + after)}
	}
	return oktaResponse{body: body}, nil
}

// assignRole implements POST /api/v1/users/{userId}/roles. A CUSTOM role needs the ids of a role and a resource set.
func (e *Emulator) assignRole(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	var in struct {
		Type        string `json:"type"`
		Role        string `json:"role"`
		ResourceSet string `json:"resource-set"`
	}
	if failure := c.decode(&in); failure != nil {
		return oktaResponse{}, failure
	}
	if _, failure := c.flag("disableNotifications", false); failure != nil {
		return oktaResponse{}, failure
	}
	name := in.Type
	if in.Type == customRole {
		name = in.Role
	}
	made := e.org.newRole(name, "ra1", u.id, c.at)
	switch {
	case roleLabels[in.Type] == "" && in.Type != customRole:
		return oktaResponse{}, invalid("type", "The role type is not valid")
	case in.Type == customRole && (in.Role == "" || in.ResourceSet == ""):
		return oktaResponse{}, invalid("role", "A role and a resource-set are required for the type CUSTOM")
	case made == nil || in.Type == customRole && made.custom == nil:
		return oktaResponse{}, notFound(in.Role, "CustomRole")
	case in.Type == customRole && in.ResourceSet != ResourceSetID:
		return oktaResponse{}, notFound(in.ResourceSet, "ResourceSet")
	case slices.ContainsFunc(u.roles, func(r *role) bool { return r.kind == made.kind && r.custom == made.custom }):
		return oktaResponse{}, errRoleHeld
	}
	u.roles = append(u.roles, made)
	return oktaResponse{status: http.StatusCreated, body: made.body(c.base, "USER", c.base+"/api/v1/users/"+u.id)}, nil
}

// unassignRole implements DELETE /api/v1/users/{userId}/roles/{roleAssignmentId}. A role inherited from a group is not an
// assignment of the user: 404.
func unassignRole(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	id := c.PathValue("assignment")
	i := slices.IndexFunc(u.roles, func(r *role) bool { return r.id == id })
	if i < 0 {
		return oktaResponse{}, notFound(id, "RoleAssignment")
	}
	u.roles = slices.Delete(u.roles, i, i+1)
	return oktaResponse{status: http.StatusNoContent}, nil
}
