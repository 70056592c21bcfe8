package providers

import (
	"context"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

// providerType is a type of identity provider, in any case. The product document shows it as a checkbox;
// what a checkbox sends selects nothing.
type providerType string

// UnmarshalParam implements action.ParamUnmarshaler.
func (t *providerType) UnmarshalParam(text string) (warning string, err error) {
	if strings.EqualFold(text, "true") || strings.EqualFold(text, "false") {
		return "true and false select no type and are ignored; give a type such as SAML2, OIDC or GOOGLE", nil
	}
	if strings.EqualFold(text, "OKTA") {
		*t = "OKTA_INTEGRATION"
		return "the type OKTA is now called OKTA_INTEGRATION, which is used instead", nil
	}
	for _, known := range okta.ProviderTypes {
		if strings.EqualFold(known, text) {
			*t = providerType(known)
			return "", nil
		}
	}
	*t = providerType(strings.ToUpper(text)) // Okta adds types; it refuses what it does not know
	return "", nil
}

type listParams struct {
	Query string       `param:"Query" help:"Search the name property for a match; the name begins with it."`
	Type  providerType `param:"Type" help:"Filter by type, in any case: SAML2, OIDC, GOOGLE, MICROSOFT, FACEBOOK, LINKEDIN, APPLE and so on."`
	Limit int          `param:"Limit" default:"20" min:"1" max:"5000" help:"The most identity providers to return."`
}

var list = action.Define(action.Spec{
	Name:       "List Providers",
	Summary:    "List the identity providers (IdPs) of the organization.",
	OktaScopes: []string{"okta.idps.read"},
	Example:    action.Example{Parameters: map[string]any{"Type": "google", "Limit": 2}},
}, func(ctx context.Context, c *action.Execution, p listParams) (*action.Result, error) {
	providers, err := c.Okta.ListProviders(ctx, p.Query, string(p.Type), p.Limit)
	if err != nil {
		return nil, err
	}
	return c.ListResult(providers, "provider"), nil
})
