package okta

import "context"

// ProviderTypes are the types of identity providers by which Okta filters.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/IdentityProvider/
var ProviderTypes = []string{
	"AMAZON", "APPLE", "DISCORD", "FACEBOOK", "GITHUB", "GITLAB", "GOOGLE", "LINKEDIN", "MICROSOFT", "OIDC",
	"ORCID", "PAYPAL", "PAYPAL_SANDBOX", "SALESFORCE", "SAML2", "SPOTIFY", "X509", "XERO", "YAHOO", "YAHOOJP",
	"IDV_PERSONA", "IDV_CLEAR", "IDV_INCODE", "LOGINGOV", "LOGINGOV_SANDBOX", "OKTA_INTEGRATION", "AgentlessDSSO", "IWA",
}

// ListProviders lists the org's identity providers, all pages up to limit. query matches the
// beginning of the name; an empty query or type selects nothing.
//
//	GET /api/v1/idps
func (c *Client) ListProviders(ctx context.Context, query, providerType string, limit int) (List, error) {
	return c.list(ctx, c.sdk.listProviders(query, providerType, min(limit, 200)), limit)
}
