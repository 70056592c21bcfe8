package okta

import (
	"context"
	"encoding/json"
	"errors"
)

// EventProvider is a security events provider: a transmitter whose security event tokens the org accepts.
type EventProvider struct {
	ID       string                `json:"id"`
	Name     string                `json:"name"`
	Type     string                `json:"type"`
	Status   string                `json:"status"` // ACTIVE or INACTIVE
	Settings EventProviderSettings `json:"settings"`
}

// EventProviderSettings describe how Okta gets the keys of a transmitter. A request has the well-known URL, from which
// Okta reads the other two, or these.
type EventProviderSettings struct {
	WellKnownURL string `json:"well_known_url"`
	Issuer       string `json:"issuer"`
	JWKSURL      string `json:"jwks_url"`
}

// ListEventProviders lists the security events providers of the org.
//
//	GET /api/v1/security-events-providers
//
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SSFReceiver/
func (c *Client) ListEventProviders(ctx context.Context) ([]EventProvider, error) {
	list, err := c.list(ctx, c.sdk.listEventProviders(), 0)
	if err != nil {
		return nil, err
	}
	return decodeItems[EventProvider](list)
}

// CreateEventProvider registers a transmitter, which is active then.
//
//	POST /api/v1/security-events-providers
func (c *Client) CreateEventProvider(ctx context.Context, p EventProvider) (EventProvider, error) {
	return c.changeEventProvider(ctx, c.sdk.createEventProvider(p))
}

// ReplaceEventProvider replaces the name, the type and the settings of the provider with that ID.
//
//	PUT /api/v1/security-events-providers/{id}
func (c *Client) ReplaceEventProvider(ctx context.Context, p EventProvider) (EventProvider, error) {
	if err := checkPathElement(p.ID); err != nil {
		return p, err
	}
	return c.changeEventProvider(ctx, c.sdk.replaceEventProvider(p))
}

// ActivateEventProvider lets Okta accept the tokens of a provider. It does nothing if Okta does so already.
//
//	POST /api/v1/security-events-providers/{id}/lifecycle/activate
func (c *Client) ActivateEventProvider(ctx context.Context, id string) (EventProvider, error) {
	if err := checkPathElement(id); err != nil {
		return EventProvider{}, err
	}
	return c.changeEventProvider(ctx, c.sdk.activateEventProvider(id))
}

// DeactivateEventProvider lets Okta refuse the tokens of a provider. It does nothing if Okta does so already.
//
//	POST /api/v1/security-events-providers/{id}/lifecycle/deactivate
func (c *Client) DeactivateEventProvider(ctx context.Context, id string) (EventProvider, error) {
	if err := checkPathElement(id); err != nil {
		return EventProvider{}, err
	}
	return c.changeEventProvider(ctx, c.sdk.deactivateEventProvider(id))
}

// DeleteEventProvider deletes a provider.
//
//	DELETE /api/v1/security-events-providers/{id}
func (c *Client) DeleteEventProvider(ctx context.Context, id string) error {
	if err := checkPathElement(id); err != nil {
		return err
	}
	_, err := c.do(ctx, call{request: c.sdk.deleteEventProvider(id)})
	return err
}

func (c *Client) changeEventProvider(ctx context.Context, r request) (EventProvider, error) {
	var p EventProvider
	isProvider := func(body []byte) error {
		err := json.Unmarshal(body, &p)
		if err == nil && p.ID == "" {
			err = errors.New("a security events provider without an id")
		}
		return err
	}
	creates := r.route == routeCreateEventProvider
	_, err := c.do(ctx, call{request: r, object: isProvider, idempotent: !creates, nonIdempotent: creates})
	return p, err
}
