package okta

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	sdk "github.com/okta/okta-sdk-golang/v5/okta"
)

// Group is what the product needs to know of a group; Raw is the whole object as Okta sent it.
type Group struct {
	ID      string
	Name    string
	Type    string // OKTA_GROUP, APP_GROUP (mastered by an application) or BUILT_IN
	Profile json.RawMessage
	Raw     json.RawMessage
}

// UnmarshalJSON reads what the product needs and keeps the rest.
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

// MarshalJSON writes the object as Okta sent it.
func (g Group) MarshalJSON() ([]byte, error) { return g.Raw, nil }

// AppGroup is the type of a group that an application masters. Its name may be that of another group too.
const AppGroup = "APP_GROUP"

// GetGroup reads the group with exactly this id. If Okta returns another group, it returns a fault of the kind
// NotFound.
//
//	GET /api/v1/groups/{groupId}
func (c *Client) GetGroup(ctx context.Context, id string) (Group, error) {
	var g Group
	if err := pathElement(id); err != nil {
		return g, err
	}
	r, err := c.do(ctx, call{op: "GET /api/v1/groups/{groupId}", send: func(ctx context.Context) error {
		_, _, err := c.api.GroupAPI.GetGroup(ctx, id).Execute()
		return err
	}})
	if err != nil {
		return g, err
	}
	if err := r.decode(&g); err != nil {
		return g, err
	}
	if g.ID != id {
		return Group{}, otherObject("group")
	}
	return g, nil
}

// FindGroups returns the groups whose name is exactly name, all pages. Okta's search index lags behind its groups:
// a group that was made seconds ago may not be in it yet.
//
//	GET /api/v1/groups?search=
func (c *Client) FindGroups(ctx context.Context, name string) ([]Group, error) {
	return c.groupsNamed(ctx, name, func(ctx context.Context) error {
		_, _, err := c.api.GroupAPI.ListGroups(ctx).Search("profile.name eq " + quoted(name)).Limit(200).Execute()
		return err
	})
}

// QueryGroups returns the groups whose name is exactly name among the first 300 whose name begins with it: Okta does
// not page a query. Unlike FindGroups it does not depend on the search index.
//
//	GET /api/v1/groups?q=
func (c *Client) QueryGroups(ctx context.Context, name string) ([]Group, error) {
	return c.groupsNamed(ctx, name, func(ctx context.Context) error {
		_, _, err := c.api.GroupAPI.ListGroups(ctx).Q(name).Limit(300).Execute()
		return err
	})
}

// groupsNamed returns the groups of a list whose name is exactly name.
func (c *Client) groupsNamed(ctx context.Context, name string, send func(context.Context) error) ([]Group, error) {
	list, err := c.list(ctx, "GET /api/v1/groups", 0, send)
	if err != nil {
		return nil, err
	}
	hits, err := decodeItems[Group](list)
	return slices.DeleteFunc(hits, func(g Group) bool { return g.Name != name }), err
}

// CreateGroup makes a group. An existing group of that name is a Rejected fault with CodeValidation.
//
//	POST /api/v1/groups
func (c *Client) CreateGroup(ctx context.Context, name, description string) (Group, error) {
	var g Group
	profile := sdk.GroupProfile{Name: &name}
	if description != "" {
		profile.Description = &description
	}
	isGroup := func(body []byte) error { return json.Unmarshal(body, &g) }
	_, err := c.do(ctx, call{op: "POST /api/v1/groups", object: isGroup, send: func(ctx context.Context) error {
		_, _, err := c.api.GroupAPI.CreateGroup(ctx).Group(sdk.Group{Profile: &profile}).Execute()
		return err
	}})
	return g, err
}

// ListUserGroups lists the groups that a user is a member of, all pages.
//
//	GET /api/v1/users/{userId}/groups
func (c *Client) ListUserGroups(ctx context.Context, userIDOrLogin string) ([]Group, error) {
	if err := userID(userIDOrLogin); err != nil {
		return nil, err
	}
	list, err := c.list(ctx, "GET /api/v1/users/{userId}/groups", 0, func(ctx context.Context) error {
		_, _, err := c.api.UserAPI.ListUserGroups(ctx, userIDOrLogin).Execute()
		return err
	})
	if err != nil {
		return nil, err
	}
	return decodeItems[Group](list)
}
