package okta

import (
	"context"
	"time"
)

// EventQuery selects events of the System Log.
type EventQuery struct {
	Since, Until time.Time
	Filter       string // "": all events
}

// ListEvents lists events of the System Log from the newest to the oldest, all pages up to limit. Okta
// writes an event some seconds after the change, and keeps events for 90 days. It rejects a malformed
// filter with CodeBadExpression or CodeValidation.
//
//	GET /api/v1/logs
func (c *Client) ListEvents(ctx context.Context, q EventQuery, limit int) (List, error) {
	return c.list(ctx, c.sdk.listEvents(q, min(limit, 1000)), limit)
}

// ClientID returns the client ID of the service app, "" for an API token.
func (c *Client) ClientID() string {
	if app, ok := c.auth.(interface{ clientID() string }); ok {
		return app.clientID()
	}
	return ""
}

// Quote returns a value as a string of a filter or search expression.
func Quote(value string) string { return quoted(value) }
