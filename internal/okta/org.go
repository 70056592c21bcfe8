package okta

import (
	"context"
	"errors"
	"slices"
)

// Reach proves that an Okta org answers at the configured address, without credentials.
//
//	GET /.well-known/okta-organization
func (c *Client) Reach(ctx context.Context) error {
	var org struct {
		ID string `json:"id"`
	}
	r, err := c.do(ctx, call{op: "GET /.well-known/okta-organization", anonymous: true, send: func(ctx context.Context) error {
		_, _, err := c.api.OrgSettingAPI.GetWellknownOrgMetadata(ctx).Execute()
		return err
	}})
	if err != nil {
		return err
	}
	if err := r.decode(&org); err != nil {
		return err
	}
	if org.ID == "" {
		return r.invalidResponse(errors.New("an organization without an id"))
	}
	return nil
}

// Me reads the owner of an API token, which proves the token with no scope beyond reading it.
//
//	GET /api/v1/users/me
func (c *Client) Me(ctx context.Context) (User, error) {
	var u User
	r, err := c.do(ctx, call{op: "GET /api/v1/users/me", send: func(ctx context.Context) error {
		_, _, err := c.api.UserAPI.GetUser(ctx, "me").Execute()
		return err
	}})
	if err != nil {
		return u, err
	}
	return u, r.decode(&u)
}

// ReadOne reads one object of a kind that the client's scopes let it read, which proves a service app's scopes and
// administrator role.
//
//	GET /api/v1/users
func (c *Client) ReadOne(ctx context.Context) error {
	op, first := "GET /api/v1/users", func(ctx context.Context) error {
		_, _, err := c.api.UserAPI.ListUsers(ctx).Limit(1).Execute()
		return err
	}
	switch {
	case slices.Contains(c.scopes, "okta.users.read"):
	case slices.Contains(c.scopes, "okta.groups.read"):
		op, first = "GET /api/v1/groups", func(ctx context.Context) error {
			_, _, err := c.api.GroupAPI.ListGroups(ctx).Limit(1).Execute()
			return err
		}
	case slices.Contains(c.scopes, "okta.idps.read"):
		op, first = "GET /api/v1/idps", func(ctx context.Context) error {
			_, _, err := c.api.IdentityProviderAPI.ListIdentityProviders(ctx).Limit(1).Execute()
			return err
		}
	}
	_, err := c.list(ctx, op, 1, first)
	return err
}
