package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// The custom role and the resource set of the seeded organization, for roles of type CUSTOM.
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

// legacyRoleLabels are role types that Okta no longer assigns. Seeded users may have them.
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

// orgRole is a custom role of the organization.
type orgRole struct {
	id      string
	n       int
	label   string
	created time.Time
}

func (r *orgRole) place() int { return r.n }

// addOrgRole adds a custom role. It panics if the label is empty or in use.
func (o *org) addOrgRole(id, label string, at time.Time) *orgRole {
	if label == "" || slices.ContainsFunc(o.orgRoles, func(r *orgRole) bool { return r.label == label }) {
		panic(fmt.Sprintf("emulator: the label %q of a custom role is empty or in use", label))
	}
	r := &orgRole{id: id, n: len(o.orgRoles), label: label, created: at}
	o.orgRoles = append(o.orgRoles, r)
	return r
}

// orgRole returns the custom role with that ID, or nil.
func (o *org) orgRole(id string) *orgRole {
	if i := slices.IndexFunc(o.orgRoles, func(r *orgRole) bool { return r.id == id }); i >= 0 {
		return o.orgRoles[i]
	}
	return nil
}

// AddOrgRole adds a custom role and returns its ID. It panics if the label is empty or in use.
func (e *Emulator) AddOrgRole(label string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.org.addOrgRole(newID("cr0", label), label, e.now().UTC()).id
}

// role is an assignment of a role to a user or a group.
type role struct {
	id      string
	kind    string
	custom  *orgRole // only for type CUSTOM
	created time.Time
	targets []string // the resources to which it is limited: IDs of groups or names of applications; none: all
}

// newRole returns an assignment of a role type, or of the custom role with that ID, to the user or
// group with the ID assignee. It returns nil if the role does not exist.
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

// body returns the JSON of the assignment. assignee is the URL of the user or group.
func (r *role) body(base, assignmentType, assignee string) roleBody {
	b := roleBody{
		ID: r.id, Label: r.label(), Type: r.kind, Status: "ACTIVE", AssignmentType: assignmentType,
		Created: stamp(r.created), LastUpdated: stamp(r.created),
		Links: map[string]any{"assignee": link(assignee)},
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

// listRoles implements GET /api/v1/users/{userId}/roles: the roles of the user (assignmentType
// USER), followed by those inherited from groups (GROUP).
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

// orgRolesPage is the number of custom roles per page.
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

// listOrgRoles implements GET /api/v1/iam/roles with after: the custom roles. The body contains the
// URL of the next page.
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

// roleInput is the body of POST /api/v1/users/{userId}/roles.
type roleInput struct {
	Type        string `json:"type"`
	Role        string `json:"role"`
	ResourceSet string `json:"resource-set"`
}

// check validates the role type, the custom role and the resource set. assigned is the role, or nil
// if it does not exist.
func (in roleInput) check(assigned *role) *oktaError {
	isCustom := in.Type == customRole
	switch {
	case roleLabels[in.Type] == "" && !isCustom:
		return invalid("type", "The role type is not valid")
	case isCustom && (in.Role == "" || in.ResourceSet == ""):
		return invalid("role", "A role and a resource-set are required for the type CUSTOM")
	case assigned == nil || isCustom && assigned.custom == nil:
		return notFound(in.Role, "CustomRole")
	case isCustom && in.ResourceSet != ResourceSetID:
		return notFound(in.ResourceSet, "ResourceSet")
	}
	return nil
}

// assignRole implements POST /api/v1/users/{userId}/roles. A CUSTOM role requires the IDs of a role
// and a resource set.
func (e *Emulator) assignRole(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	var in roleInput
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
	assigned := e.org.newRole(name, "ra1", u.id, c.at)
	if failure := in.check(assigned); failure != nil {
		return oktaResponse{}, failure
	}
	same := func(r *role) bool { return r.kind == assigned.kind && r.custom == assigned.custom }
	if slices.ContainsFunc(u.roles, same) {
		return oktaResponse{}, errRoleHeld
	}
	u.roles = append(u.roles, assigned)
	body := assigned.body(c.base, "USER", c.base+"/api/v1/users/"+u.id)
	return oktaResponse{status: http.StatusCreated, body: body}, nil
}

// unassignRole implements DELETE /api/v1/users/{userId}/roles/{roleAssignmentId}. For a role
// inherited from a group it returns 404, because it is not an assignment of the user.
func unassignRole(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	id := c.PathValue("assignment")
	i := slices.IndexFunc(u.roles, func(r *role) bool { return r.id == id })
	if i < 0 {
		return oktaResponse{}, notFound(id, "RoleAssignment")
	}
	u.roles = slices.Delete(u.roles, i, i+1)
	return oktaResponse{status: http.StatusNoContent}, nil
}
