package okta

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Reach checks that an Okta org responds at the configured address, without credentials. It returns
// an error of the kind Unavailable if the address does not respond, and InvalidResponse if it is
// not an Okta org.
//
//	GET /.well-known/okta-organization
func (c *Client) Reach(ctx context.Context) error {
	var org struct {
		ID string `json:"id"`
	}
	r, err := c.do(ctx, call{request: c.sdk.getOrganization(), anonymous: true})
	if err != nil {
		return err
	}
	if err := r.decode(&org); err != nil {
		return err
	}
	if org.ID == "" {
		return r.invalid(errors.New("an organization without an id"))
	}
	return nil
}

// Me reads the owner of an API token, which checks the token without any further permission. It
// returns an error of the kind Credentials if Okta rejects the token.
//
//	GET /api/v1/users/me
func (c *Client) Me(ctx context.Context) (User, error) {
	var u User
	r, err := c.do(ctx, call{request: c.sdk.getCurrentUser()})
	if err != nil {
		return u, err
	}
	return u, r.decode(&u)
}

// ReadOne reads one object of a kind that the client's scopes allow, which checks a service app's
// scopes and administrator role. It returns an error of the kind Credentials if one of them is
// missing.
//
//	GET /api/v1/users
func (c *Client) ReadOne(ctx context.Context) error {
	first := c.sdk.listUsers(UserQuery{}, 1)
	switch {
	case slices.Contains(c.scopes, "okta.users.read"):
	case slices.Contains(c.scopes, "okta.groups.read"):
		first = c.sdk.listGroups(1)
	case slices.Contains(c.scopes, "okta.idps.read"):
		first = c.sdk.listProviders("", "", 1)
	case slices.Contains(c.scopes, "okta.logs.read"):
		now := c.clock.Now()
		first = c.sdk.listEvents(EventQuery{Since: now.Add(-time.Minute), Until: now}, 1)
	}
	_, err := c.list(ctx, first, 1)
	return err
}
