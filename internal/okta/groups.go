package okta

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// Group holds the members of a group that the product uses; Raw is the whole object as Okta sent
// it.
type Group struct {
	ID      string
	Name    string
	Type    string // OKTA_GROUP, APP_GROUP (mastered by an application) or BUILT_IN
	Profile json.RawMessage
	Raw     json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler. It returns an error for a group without an id.
func (g *Group) UnmarshalJSON(b []byte) error {
	var object struct {
		ID      string          `json:"id"`
		Type    string          `json:"type"`
		Profile json.RawMessage `json:"profile"`
	}
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	if object.ID == "" {
		return errors.New("a group without an id")
	}
	var profile struct {
		Name string `json:"name"`
	}
	if len(object.Profile) > 0 {
		if err := json.Unmarshal(object.Profile, &profile); err != nil {
			return err
		}
	}
	*g = Group{ID: object.ID, Name: profile.Name, Type: object.Type, Profile: object.Profile, Raw: slices.Clone(b)}
	return nil
}

// MarshalJSON returns the object as Okta sent it.
func (g Group) MarshalJSON() ([]byte, error) { return g.Raw, nil }

// BuiltInGroup is the type of a group that Okta manages.
const BuiltInGroup = "BUILT_IN"

// AppGroup is the type of a group that an application masters. Another group may have the same
// name.
const AppGroup = "APP_GROUP"

// GetGroup reads the group with exactly this id. If Okta returns another group, it returns an error
// of the kind NotFound.
//
//	GET /api/v1/groups/{groupId}
func (c *Client) GetGroup(ctx context.Context, id string) (Group, error) {
	var g Group
	if err := checkPathElement(id); err != nil {
		return g, err
	}
	r, err := c.do(ctx, call{request: c.sdk.getGroup(id)})
	if err != nil {
		return g, err
	}
	if err := r.decode(&g); err != nil {
		return g, err
	}
	if g.ID != id {
		return Group{}, differentObject("group")
	}
	return g, nil
}

// FindGroups returns the groups whose name is exactly name, all pages. Okta's search index lags
// behind: it may lack a group that was made seconds ago. The error has the kind Rejected if the
// list is larger than MaxListBytes.
//
//	GET /api/v1/groups?search=
func (c *Client) FindGroups(ctx context.Context, name string) ([]Group, error) {
	return c.groupsNamed(ctx, name, c.sdk.searchGroups("profile.name eq "+Quote(name)))
}

// QueryGroups returns the groups whose name is exactly name among the first 300 whose name begins
// with it: Okta has no further pages for a query. Unlike FindGroups it does not depend on the
// search index.
//
//	GET /api/v1/groups?q=
func (c *Client) QueryGroups(ctx context.Context, name string) ([]Group, error) {
	return c.groupsNamed(ctx, name, c.sdk.queryGroups(name))
}

// groupsNamed returns the groups of a list whose name is exactly name.
func (c *Client) groupsNamed(ctx context.Context, name string, first request) ([]Group, error) {
	list, err := c.list(ctx, first, 0)
	if err != nil {
		return nil, err
	}
	hits, err := decodeItems[Group](list)
	return slices.DeleteFunc(hits, func(g Group) bool { return g.Name != name }), err
}

// CreateGroup makes a group. If a group of that name exists, the error has the kind Rejected and
// the code CodeValidation.
//
//	POST /api/v1/groups
func (c *Client) CreateGroup(ctx context.Context, name, description string) (Group, error) {
	var g Group
	isGroup := func(body []byte) error { return json.Unmarshal(body, &g) }
	_, err := c.do(ctx, call{request: c.sdk.createGroup(name, description), object: isGroup})
	return g, err
}

// ListUserGroups lists the groups of which a user is a member, all pages. The error has the kind
// Rejected if the list is larger than MaxListBytes.
//
//	GET /api/v1/users/{userId}/groups
func (c *Client) ListUserGroups(ctx context.Context, userIDOrLogin string) ([]Group, error) {
	return listOfUser[Group](ctx, c, userIDOrLogin, c.sdk.listUserGroups(userIDOrLogin))
}

// AddGroupMember adds a user to a group. A member stays one.
//
//	PUT /api/v1/groups/{groupId}/users/{userId}
func (c *Client) AddGroupMember(ctx context.Context, groupID, userID string) error {
	return c.changeMember(ctx, groupID, userID, c.sdk.addGroupMember(groupID, userID))
}

// RemoveGroupMember removes a user from a group. A user who is not a member stays outside.
//
//	DELETE /api/v1/groups/{groupId}/users/{userId}
func (c *Client) RemoveGroupMember(ctx context.Context, groupID, userID string) error {
	return c.changeMember(ctx, groupID, userID, c.sdk.removeGroupMember(groupID, userID))
}

func (c *Client) changeMember(ctx context.Context, groupID, userID string, r request) error {
	if err := checkPathElement(groupID); err != nil {
		return err
	}
	return c.writeUser(ctx, userID, call{request: r}, nil)
}

// ListMembershipRules returns the names of the group rules that make a user a member of a group.
//
//	GET /api/v1/groups/{groupId}/users/{userId}/group-rules
func (c *Client) ListMembershipRules(ctx context.Context, groupID, userID string) ([]string, error) {
	if err := checkPathElement(groupID); err != nil {
		return nil, err
	}
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	list, err := c.list(ctx, c.sdk.listMembershipRules(groupID, userID), 0)
	if err != nil {
		return nil, err
	}
	rules, err := decodeItems[struct {
		Name string `json:"name"`
	}](list)
	names := make([]string, len(rules))
	for i, r := range rules {
		names[i] = r.Name
	}
	return names, err
}
