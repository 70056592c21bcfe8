package okta

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	sdk "github.com/okta/okta-sdk-golang/v5/okta"
)

// CustomRole is the type of every role that an org has made itself.
const CustomRole = "CUSTOM"

// RoleTypes are the types of Okta's standard administrator roles, which can be assigned by type alone.
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

// Role is one assignment of a role to a user: ID is the assignment's, CustomID that of the role,
// which only a custom role has. Raw is the whole object as Okta sent it.
type Role struct {
	ID        string
	CustomID  string
	Type      string
	Label     string
	Inherited bool // held through a group
	Raw       json.RawMessage
}

// UnmarshalJSON reads what the product needs and keeps the rest. The SDK's own decoder cannot tell
// standard from custom roles and fails on both.
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

// MarshalJSON writes the object as Okta sent it.
func (r Role) MarshalJSON() ([]byte, error) { return r.Raw, nil }

// ListRoles lists the roles of a user, those held through a group included.
//
//	GET /api/v1/users/{userId}/roles
func (c *Client) ListRoles(ctx context.Context, id string) ([]Role, error) {
	if err := userID(id); err != nil {
		return nil, err
	}
	list, err := c.list(ctx, "GET /api/v1/users/{userId}/roles", 0, func(ctx context.Context) error {
		_, _, err := c.api.RoleAssignmentAPI.ListAssignedRolesForUser(ctx, id).Execute()
		return err
	})
	if err != nil {
		return nil, err
	}
	return decodeItems[Role](list)
}

// OrgRole is a custom role that the org has made.
type OrgRole struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

// ListOrgRoles lists the custom roles of the org, whether or not they are assigned.
//
//	GET /api/v1/iam/roles
func (c *Client) ListOrgRoles(ctx context.Context) ([]OrgRole, error) {
	list, err := c.listOf(ctx, "GET /api/v1/iam/roles", "roles", 0, func(ctx context.Context) error {
		_, _, err := c.api.RoleAPI.ListRoles(ctx).Execute()
		return err
	})
	if err != nil {
		return nil, err
	}
	return decodeItems[OrgRole](list)
}

// AssignRole assigns a standard role to a user. A role that the user holds is a fault with
// CodeRoleAssigned. If Okta's response is lost, the roles of the user are read to find out whether
// the role was assigned.
//
//	POST /api/v1/users/{userId}/roles
func (c *Client) AssignRole(ctx context.Context, id, roleType string) (Role, error) {
	var role Role
	if err := userID(id); err != nil {
		return role, err
	}
	held := func(ctx context.Context) (objectState, error) {
		roles, err := c.ListRoles(ctx, id)
		i := slices.IndexFunc(roles, func(r Role) bool { return r.Type == roleType && !r.Inherited })
		if err == nil && i >= 0 {
			role = roles[i]
		}
		return objectState{made: i >= 0}, err
	}
	body := sdk.AssignRoleRequest{Type: &roleType}
	send := func(ctx context.Context) error {
		_, _, err := c.api.RoleAssignmentAPI.AssignRoleToUser(ctx, id).AssignRoleRequest(body).Execute()
		return err
	}
	isRole := func(body []byte) error {
		var made Role
		err := json.Unmarshal(body, &made)
		if err == nil && made.Type != roleType {
			err = errors.New("another role")
		}
		if err == nil {
			role = made
		}
		return err
	}
	if _, err := c.do(ctx, call{op: "POST /api/v1/users/{userId}/roles", applied: held, object: isRole, send: send}); err != nil {
		return Role{}, err
	}
	return role, nil // as returned, or as held if the response was lost
}

// UnassignRole removes one assignment of a role from a user.
//
//	DELETE /api/v1/users/{userId}/roles/{roleAssignmentId}
func (c *Client) UnassignRole(ctx context.Context, id, assignmentID string) error {
	if err := pathElement(assignmentID); err != nil {
		return err
	}
	gone := func(ctx context.Context) (objectState, error) {
		roles, err := c.ListRoles(ctx, id)
		return objectState{made: !slices.ContainsFunc(roles, func(r Role) bool { return r.ID == assignmentID })}, err
	}
	return c.lifecycle(ctx, id, call{op: "DELETE /api/v1/users/{userId}/roles/{roleAssignmentId}", applied: gone, send: func(ctx context.Context) error {
		_, err := c.api.RoleAssignmentAPI.UnassignRoleFromUser(ctx, id, assignmentID).Execute()
		return err
	}}, nil)
}
