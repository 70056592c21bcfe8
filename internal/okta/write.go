package okta

import (
	"context"
	"encoding/json"
	"slices"
)

// writeUser makes one write on the user with this id, and decodes a body of the response into v
// unless v is nil.
func (c *Client) writeUser(ctx context.Context, id string, k call, v any) error {
	if err := checkUserID(id); err != nil {
		return err
	}
	r, err := c.do(ctx, k)
	if err != nil || v == nil || len(r.body) == 0 {
		return err
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		return k.unknown(r.invalid(err))
	}
	return nil
}

// userStatus returns a function that reads whether a user has, or is changing to, one of the
// statuses that a write makes, or one of those that leave the write nothing to do.
func (c *Client) userStatus(
	id string, applied []Status, obsolete ...Status,
) func(ctx context.Context) (objectState, error) {
	return func(ctx context.Context) (objectState, error) {
		u, err := c.GetUserByID(ctx, id)
		status := u.FinalStatus()
		state := objectState{
			applied: slices.Contains(applied, status), obsolete: slices.Contains(obsolete, status), user: u,
		}
		return state, err
	}
}
