package transmitter

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"example.com/okta-secops/internal/okta"
)

// ReadScope and ManageScope are the scopes for security events providers.
const (
	ReadScope   = "okta.securityEventsProviders.read"
	ManageScope = "okta.securityEventsProviders.manage"
)

// Register registers the transmitter p in Okta, by its well-known URL or by its issuer and JWKS URL. If its issuer is
// registered already, it returns that provider and changed is false; if that has other settings or another name, it
// replaces these if replace is set, otherwise it returns an error.
func Register(
	ctx context.Context, client *okta.Client, web *http.Client, p okta.EventProvider, replace bool,
) (registered okta.EventProvider, changed bool, err error) {
	issuer := p.Settings.Issuer
	if known := p.Settings.WellKnownURL; known != "" {
		m, err := fetchMetadata(ctx, web, known)
		if err != nil {
			return p, false, fmt.Errorf("nothing was registered: %w", err)
		}
		issuer = m.Issuer
	} else if err := checkURL(p.Settings.JWKSURL); err != nil {
		return p, false, fmt.Errorf("nothing was registered: the JWKS URL %w", err)
	}
	providers, err := client.WithScopes([]string{ReadScope}).ListEventProviders(ctx)
	if err != nil {
		return p, false, err
	}
	client = client.WithScopes([]string{ManageScope})
	i := slices.IndexFunc(providers, func(other okta.EventProvider) bool { return other.Settings.Issuer == issuer })
	switch {
	case i < 0:
		registered, err = client.CreateEventProvider(ctx, p)
		return registered, err == nil, err
	case same(providers[i], p):
		return providers[i], false, nil
	case !replace:
		return providers[i], false, fmt.Errorf("the issuer %s is registered as %s with other settings: %s; "+
			"-replace changes them", issuer, providers[i].ID, describe(providers[i]))
	}
	p.ID = providers[i].ID
	registered, err = client.ReplaceEventProvider(ctx, p)
	return registered, err == nil, err
}

// same reports whether a registered provider is as requested.
func same(registered, p okta.EventProvider) bool {
	if p.Settings.WellKnownURL != "" {
		p.Settings.Issuer, p.Settings.JWKSURL = registered.Settings.Issuer, registered.Settings.JWKSURL
	}
	return registered.Name == p.Name && registered.Type == p.Type && registered.Settings == p.Settings
}

func describe(p okta.EventProvider) string {
	where := "JWKS URL " + p.Settings.JWKSURL
	if p.Settings.WellKnownURL != "" {
		where = "well-known URL " + p.Settings.WellKnownURL
	}
	return fmt.Sprintf("name %q, type %q, %s", p.Name, p.Type, where)
}
