package okta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"example.com/okta-secops/internal/apierr"
)

// Identified is an object of which only the ID is used. Raw is the whole object as Okta sent it.
type Identified struct {
	ID  string
	Raw json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler. It returns an error for an object without an id; that of an
// OAuth client is its client_id.
func (i *Identified) UnmarshalJSON(b []byte) error {
	var object struct {
		ID       string `json:"id"`
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	*i = Identified{ID: cmp.Or(object.ID, object.ClientID), Raw: slices.Clone(b)}
	if i.ID == "" {
		return errors.New("an object without an id")
	}
	return nil
}

// MarshalJSON returns the object as Okta sent it.
func (i Identified) MarshalJSON() ([]byte, error) { return i.Raw, nil }

// ListGrants lists the scope consent grants of a user, all pages.
//
//	GET /api/v1/users/{userId}/grants
func (c *Client) ListGrants(ctx context.Context, id string) ([]Identified, error) {
	return listOfUser[Identified](ctx, c, id, c.sdk.listGrants(id))
}

// ListAppScopes lists the OAuth scopes that are granted to a service app, whose ID is its client ID. It does not list
// revoked ones.
//
//	GET /api/v1/apps/{appId}/grants
func (c *Client) ListAppScopes(ctx context.Context, clientID string) ([]string, error) {
	if err := checkPathElement(clientID); err != nil {
		return nil, err
	}
	list, err := c.list(ctx, c.sdk.listAppGrants(clientID), 0)
	if err != nil {
		return nil, err
	}
	grants, err := decodeItems[struct {
		Scope  string `json:"scopeId"`
		Status string `json:"status"`
	}](list)
	scopes := []string{}
	for _, g := range grants {
		if g.Status != "REVOKED" {
			scopes = append(scopes, g.Scope)
		}
	}
	return scopes, err
}

// ListClients lists the OAuth clients for which a user has grants or tokens, all pages. Their ID is
// client_id.
//
//	GET /api/v1/users/{userId}/clients
func (c *Client) ListClients(ctx context.Context, id string) ([]Identified, error) {
	return listOfUser[Identified](ctx, c, id, c.sdk.listClients(id))
}

// RevokeGrants revokes all scope consent grants of a user.
//
//	DELETE /api/v1/users/{userId}/grants
func (c *Client) RevokeGrants(ctx context.Context, id string) error {
	return c.writeUser(ctx, id, call{request: c.sdk.revokeGrants(id)}, nil)
}

// RevokeClientTokens revokes the refresh tokens that a client has for a user. It returns no error if
// Okta does not know the client for the user: it has no tokens then.
//
//	DELETE /api/v1/users/{userId}/clients/{clientId}/tokens
func (c *Client) RevokeClientTokens(ctx context.Context, id, clientID string) error {
	if err := checkPathElement(clientID); err != nil {
		return err
	}
	err := c.writeUser(ctx, id, call{request: c.sdk.revokeClientTokens(id, clientID)}, nil)
	if apierr.Is(err, apierr.NotFound) {
		clients, listErr := c.ListClients(ctx, id)
		if listErr == nil && !slices.ContainsFunc(clients, func(k Identified) bool { return k.ID == clientID }) {
			return nil
		}
	}
	return err
}
