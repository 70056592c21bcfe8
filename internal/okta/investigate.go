package okta

import (
	"context"
	"encoding/json"
)

// ListAppLinks lists the applications that are assigned to a user, as Okta sent them.
//
//	GET /api/v1/users/{userId}/appLinks
func (c *Client) ListAppLinks(ctx context.Context, id string) ([]json.RawMessage, error) {
	return listOfUser[json.RawMessage](ctx, c, id, c.sdk.listAppLinks(id))
}

// ListUserDevices lists the devices of a user, as Okta sent them. Not every org has it.
//
//	GET /api/v1/users/{userId}/devices
//
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserResources/
func (c *Client) ListUserDevices(ctx context.Context, id string) ([]json.RawMessage, error) {
	return listOfUser[json.RawMessage](ctx, c, id, c.sdk.listUserDevices(id))
}
