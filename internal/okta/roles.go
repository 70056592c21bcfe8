package okta

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// CustomRole is the type of every role that an org has defined.
const CustomRole = "CUSTOM"

// RoleTypes are the types of the standard administrator roles, which can be assigned by type alone.
// https://developer.okta.com/docs/api/openapi/okta-management/guides/roles/#standard-roles
var RoleTypes = []string{
	"SUPER_ADMIN", "ORG_ADMIN", "APP_ADMIN", "USER_ADMIN", "HELP_DESK_ADMIN", "GROUP_MEMBERSHIP_ADMIN",
	"REPORT_ADMIN", "READ_ONLY_ADMIN", "API_ACCESS_MANAGEMENT_ADMIN", "WORKFLOWS_ADMIN",
	"ACCESS_CERTIFICATIONS_ADMIN", "ACCESS_REQUESTS_ADMIN",
}

// RoleLabels are the labels under which Okta shows its standard roles, by type.
// https://help.okta.com/en-us/content/topics/security/administrators-admin-comparison.htm
var RoleLabels = map[string][]string{
	"SUPER_ADMIN":                 {"Super Administrator"},
	"ORG_ADMIN":                   {"Organizational Administrator", "Organization Administrator"},
	"APP_ADMIN":                   {"Application Administrator"},
	"USER_ADMIN":                  {"Group Administrator"},
	"HELP_DESK_ADMIN":             {"Help Desk Administrator"},
	"GROUP_MEMBERSHIP_ADMIN":      {"Group Membership Administrator"},
	"REPORT_ADMIN":                {"Report Administrator"},
	"READ_ONLY_ADMIN":             {"Read-Only Administrator"},
	"API_ACCESS_MANAGEMENT_ADMIN": {"API Access Management Administrator", "Access Management Administrator"},
	"WORKFLOWS_ADMIN":             {"Workflows Administrator"},
	"ACCESS_CERTIFICATIONS_ADMIN": {"Access Certifications Administrator"},
	"ACCESS_REQUESTS_ADMIN":       {"Access Requests Administrator"},
}

// LimitableRoles are the types of roles that an org can limit to some groups or applications.
// https://developer.okta.com/docs/concepts/role-assignment/
var LimitableRoles = []string{"APP_ADMIN", "USER_ADMIN", "HELP_DESK_ADMIN", "GROUP_MEMBERSHIP_ADMIN"}

// Role is one assignment of a role to a user. ID is the assignment's id and CustomID the role's,
// which only a custom role has. Raw is the whole object as Okta sent it.
type Role struct {
	ID        string
	CustomID  string
	Type      string
	Label     string
	Inherited bool // held through a group
	Raw       json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler. It returns an error for a role without an id.
func (r *Role) UnmarshalJSON(b []byte) error {
	var object struct {
		ID             string `json:"id"`
		CustomID       string `json:"role"`
		Type           string `json:"type"`
		Label          string `json:"label"`
		AssignmentType string `json:"assignmentType"`
	}
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	if object.ID == "" {
		return errors.New("a role without an id")
	}
	*r = Role{
		ID: object.ID, CustomID: object.CustomID, Type: object.Type, Label: object.Label,
		Inherited: object.AssignmentType == "GROUP", Raw: slices.Clone(b),
	}
	return nil
}

// MarshalJSON returns the object as Okta sent it.
func (r Role) MarshalJSON() ([]byte, error) { return r.Raw, nil }

// ListRoles lists the roles of a user, including those held through a group. The error has the kind
// Rejected if the list is larger than MaxListBytes.
//
//	GET /api/v1/users/{userId}/roles
func (c *Client) ListRoles(ctx context.Context, id string) ([]Role, error) {
	return listOfUser[Role](ctx, c, id, c.sdk.listUserRoles(id))
}

// OrgRole is a custom role that the org has defined.
type OrgRole struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

// ListOrgRoles lists the custom roles of the org, assigned or not. The error has the kind Rejected
// if the list is larger than MaxListBytes.
//
//	GET /api/v1/iam/roles
func (c *Client) ListOrgRoles(ctx context.Context) ([]OrgRole, error) {
	list, err := c.listMember(ctx, c.sdk.listRoles(), "roles", 0)
	if err != nil {
		return nil, err
	}
	return decodeItems[OrgRole](list)
}

// ListAdministrators lists the IDs of the users who have role assignments, all pages. Okta does not
// document whether it lists users who hold roles through a group only. The error has the kind
// Rejected if the list is larger than MaxListBytes.
//
//	GET /api/v1/iam/assignees/users
func (c *Client) ListAdministrators(ctx context.Context) ([]string, error) {
	list, err := c.listMember(ctx, c.sdk.listAdministrators(), "value", 0)
	if err != nil {
		return nil, err
	}
	users, err := decodeItems[struct {
		ID string `json:"id"`
	}](list)
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	return ids, err
}

// ListGroupRoles lists the roles that a group grants to its members. The error has the kind
// Rejected if the list is larger than MaxListBytes.
//
//	GET /api/v1/groups/{groupId}/roles
func (c *Client) ListGroupRoles(ctx context.Context, groupID string) ([]Role, error) {
	if err := checkPathElement(groupID); err != nil {
		return nil, err
	}
	list, err := c.list(ctx, c.sdk.listGroupRoles(groupID), 0)
	if err != nil {
		return nil, err
	}
	return decodeItems[Role](list)
}

// IsLimitedRole reports whether a user's own role is limited to some groups, applications or
// resources. Roles of a type that cannot be limited need no request.
//
//	GET /api/v1/users/{userId}/roles/{roleAssignmentId}/targets/groups
//	GET /api/v1/users/{userId}/roles/{roleAssignmentId}/targets/catalog/apps
func (c *Client) IsLimitedRole(ctx context.Context, userID string, r Role) (bool, error) {
	if r.Type == CustomRole || !slices.Contains(LimitableRoles, r.Type) {
		return r.Type == CustomRole, nil // a custom role is always limited to a set of resources
	}
	if err := errors.Join(checkUserID(userID), checkPathElement(r.ID)); err != nil {
		return false, err
	}
	if r.Type == "APP_ADMIN" {
		apps, err := c.list(ctx, c.sdk.listAppTargets(userID, r.ID), 0)
		return len(apps.Items) > 0, err
	}
	groups, err := c.list(ctx, c.sdk.listGroupTargets(userID, r.ID), 0)
	return len(groups.Items) > 0, err
}

// AssignRole assigns a standard role to a user. If the user holds the role already, the error has
// the code CodeRoleAssigned. If Okta's response is lost, the client reads the user's roles to learn
// whether the role was assigned.
//
//	POST /api/v1/users/{userId}/roles
func (c *Client) AssignRole(ctx context.Context, id, roleType string) (Role, error) {
	var role Role
	if err := checkUserID(id); err != nil {
		return role, err
	}
	held := func(ctx context.Context) (objectState, error) {
		roles, err := c.ListRoles(ctx, id)
		i := slices.IndexFunc(roles, func(r Role) bool { return r.Type == roleType && !r.Inherited })
		if err == nil && i >= 0 {
			role = roles[i]
		}
		return objectState{applied: i >= 0}, err
	}
	isRole := func(body []byte) error {
		var assigned Role
		err := json.Unmarshal(body, &assigned)
		if err == nil && assigned.Type != roleType {
			err = errors.New("another role")
		}
		if err == nil {
			role = assigned
		}
		return err
	}
	if _, err := c.do(ctx, call{request: c.sdk.assignRole(id, roleType), applied: held, object: isRole}); err != nil {
		return Role{}, err
	}
	return role, nil // as returned, or as held if the response was lost
}

// UnassignRole removes one assignment of a role from a user. If the assignment is gone already, it
// returns an AlreadyAppliedError.
//
//	DELETE /api/v1/users/{userId}/roles/{roleAssignmentId}
func (c *Client) UnassignRole(ctx context.Context, id, assignmentID string) error {
	if err := checkPathElement(assignmentID); err != nil {
		return err
	}
	gone := func(ctx context.Context) (objectState, error) {
		roles, err := c.ListRoles(ctx, id)
		held := slices.ContainsFunc(roles, func(r Role) bool { return r.ID == assignmentID })
		return objectState{applied: !held}, err
	}
	return c.writeUser(ctx, id, call{request: c.sdk.unassignRole(id, assignmentID), applied: gone}, nil)
}
