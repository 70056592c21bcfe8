package okta

import (
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

// MarshalJSON returns the object as Okta sent it.
func (i Identified) MarshalJSON() ([]byte, error) { return i.Raw, nil }

// identified decodes the objects of a list, whose IDs are in a member.
func identified(list List, member string) ([]Identified, error) {
	objects, err := decodeItems[map[string]json.RawMessage](list)
	all := make([]Identified, len(objects))
	for i, object := range objects {
		if json.Unmarshal(object[member], &all[i].ID) != nil || all[i].ID == "" {
			return nil, invalidResponse(errors.New("an object without " + member))
		}
		all[i].Raw = slices.Clone(list.Items[i])
	}
	return all, err
}

// listOf lists the objects of a user, all pages.
func (c *Client) listOf(ctx context.Context, id string, first request, member string) ([]Identified, error) {
	if err := checkUserID(id); err != nil {
		return nil, err
	}
	list, err := c.list(ctx, first, 0)
	if err != nil {
		return nil, err
	}
	return identified(list, member)
}

// ListGrants lists the scope consent grants of a user, all pages.
//
//	GET /api/v1/users/{userId}/grants
func (c *Client) ListGrants(ctx context.Context, id string) ([]Identified, error) {
	return c.listOf(ctx, id, c.sdk.listGrants(id), "id")
}

// ListClients lists the OAuth clients for which a user has grants or tokens, all pages. Their ID is
// client_id.
//
//	GET /api/v1/users/{userId}/clients
func (c *Client) ListClients(ctx context.Context, id string) ([]Identified, error) {
	return c.listOf(ctx, id, c.sdk.listClients(id), "client_id")
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
