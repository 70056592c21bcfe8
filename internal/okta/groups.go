package okta

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	sdk "github.com/okta/okta-sdk-golang/v5/okta"

	"example.com/okta-secops/internal/fault"
)

// Group is what the product needs to know of a group; Raw is the whole object as Okta sent it.
type Group struct {
	ID      string
	Name    string
	Profile json.RawMessage
	Raw     json.RawMessage
}

// UnmarshalJSON reads what the product needs and keeps the rest.
func (g *Group) UnmarshalJSON(b []byte) error {
	var object struct {
		ID      string          `json:"id"`
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
	*g = Group{ID: object.ID, Name: profile.Name, Profile: object.Profile, Raw: slices.Clone(b)}
	return nil
}

// MarshalJSON writes the object as Okta sent it.
func (g Group) MarshalJSON() ([]byte, error) { return g.Raw, nil }

// GetGroup reads a group by id.
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
	return g, r.decode(&g)
}

// maxGroupHits is how many groups Okta returns for a query at most: it does not page one.
const maxGroupHits = 300

// FindGroups returns the groups whose name is exactly name. Okta searches by prefix, so every hit is compared.
//
//	GET /api/v1/groups?q=
func (c *Client) FindGroups(ctx context.Context, name string) ([]Group, error) {
	list, err := c.list(ctx, "GET /api/v1/groups", 0, func(ctx context.Context) error {
		_, _, err := c.api.GroupAPI.ListGroups(ctx).Q(name).Limit(maxGroupHits).Execute()
		return err
	})
	if err != nil {
		return nil, err
	}
	hits, err := decodeItems[Group](list)
	if err != nil {
		return nil, err
	}
	exact := slices.DeleteFunc(hits, func(g Group) bool { return g.Name != name })
	if len(exact) == 0 && len(list.Items) >= maxGroupHits {
		return nil, fault.Errorf(fault.Rejected, "too_many_hits", "%d groups or more have a name that begins so, and Okta lists no more of them; name the group by id", maxGroupHits)
	}
	return exact, nil
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
	r, err := c.do(ctx, call{op: "POST /api/v1/groups", send: func(ctx context.Context) error {
		_, _, err := c.api.GroupAPI.CreateGroup(ctx).Group(sdk.Group{Profile: &profile}).Execute()
		return err
	}})
	if err != nil {
		return g, err
	}
	return g, r.decode(&g)
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
