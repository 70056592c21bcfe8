package okta

import (
	"context"
	"slices"
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

// EventWait bounds the wait for events that are not there yet, and eventPause is the time between two
// reads of them.
const (
	EventWait  = 20 * time.Second
	eventPause = 2 * time.Second
)

// WaitForEvents returns those of the event types of which the System Log has an event about a user
// since one second before a time: the clocks may differ. It waits until it has all of them, at most for
// EventWait.
//
//	GET /api/v1/logs
func (c *Client) WaitForEvents(
	ctx context.Context, userID string, since time.Time, types []string,
) (found []string, err error) {
	type event struct {
		Type string `json:"eventType"`
	}
	for end := c.clock.Now().Add(EventWait); ; {
		list, err := c.ListEvents(ctx, EventQuery{
			Since: since.Add(-time.Second), Until: c.clock.Now().Add(time.Minute), Filter: "target.id eq " + Quote(userID),
		}, 1000)
		if err != nil {
			return nil, err
		}
		events, err := decodeItems[event](list)
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(slices.Clone(types), func(t string) bool {
			return !slices.ContainsFunc(events, func(e event) bool { return e.Type == t })
		})
		if len(found) == len(types) || !c.clock.Now().Add(eventPause).Before(end) || c.clock.Sleep(ctx, eventPause) != nil {
			return found, nil
		}
	}
}

// ClientID returns the client ID of the service app, "" for an API token.
func (c *Client) ClientID() string {
	if app, ok := c.auth.(interface{ clientID() string }); ok {
		return app.clientID()
	}
	return ""
}
