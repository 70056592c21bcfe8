package providers

import (
	"context"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
)

// providerType is a type of identity provider, in any case. The product document shows the
// parameter as a checkbox, so true and false are accepted and select no type.
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
	*t = providerType(strings.ToUpper(text)) // Okta adds types over time, and rejects unknown ones
	return "", nil
}

// Choices implements action.Chooser.
func (providerType) Choices() []string { return okta.ProviderTypes }

type listParams struct {
	Query string       `param:"Query" help:"Search for identity providers whose name begins with this text."`
	Type  providerType `param:"Type" help:"Filter by type, in any case: SAML2, OIDC, GOOGLE, MICROSOFT, FACEBOOK, LINKEDIN, APPLE and so on."`
	Limit int          `param:"Limit" default:"20" min:"1" max:"5000" help:"The maximum number of identity providers to return."`
}

var list = action.Define(action.Spec{
	Name:       "List Providers",
	Summary:    "List the identity providers (IdPs) of the organization.",
	OktaScopes: []string{"okta.idps.read"},
	Example:    action.Example{Parameters: map[string]any{"Type": "google", "Limit": 2}},
}, func(ctx context.Context, x *action.Execution, p listParams) (*action.Result, error) {
	providers, err := x.Okta.ListProviders(ctx, p.Query, string(p.Type), p.Limit)
	if err != nil {
		return nil, err
	}
	return x.ListResult(providers, "provider"), nil
})
