package emulator

import (
	"strings"
	"time"
)

// provider is an identity provider of the organization.
type provider struct {
	id      string
	n       int
	kind    string
	name    string
	status  string
	created time.Time
}

func (p provider) place() int { return p.n }

// seededProviders returns providers of every protocol, more than a default page of the list.
func seededProviders() []provider {
	var all []provider
	for i, seed := range []struct{ kind, name, status string }{
		{"SAML2", "Acme ADFS", "ACTIVE"},
		{"SAML2", "Acme Azure AD", "ACTIVE"},
		{"SAML2", "Acme Ping", "INACTIVE"},
		{"SAML2", "Partner Blue", "ACTIVE"},
		{"SAML2", "Partner Green", "ACTIVE"},
		{"SAML2", "Partner Red", "ACTIVE"},
		{"SAML2", "Partner Yellow", "INACTIVE"},
		{"SAML2", "Shop Floor", "ACTIVE"},
		{"OIDC", "Acme Keycloak", "ACTIVE"},
		{"OIDC", "Acme Auth Server", "ACTIVE"},
		{"OIDC", "Contractors", "ACTIVE"},
		{"OIDC", "Customers", "ACTIVE"},
		{"OIDC", "Partner Violet", "INACTIVE"},
		{"OIDC", "Suppliers", "ACTIVE"},
		{"GOOGLE", "Google", "ACTIVE"},
		{"GOOGLE", "Google Workspace", "ACTIVE"},
		{"MICROSOFT", "Microsoft", "ACTIVE"},
		{"MICROSOFT", "Microsoft Contractors", "INACTIVE"},
		{"FACEBOOK", "Facebook", "ACTIVE"},
		{"LINKEDIN", "LinkedIn", "ACTIVE"},
		{"APPLE", "Apple", "ACTIVE"},
		{"GITHUB", "GitHub", "ACTIVE"},
		{"GITLAB", "GitLab", "ACTIVE"},
		{"SALESFORCE", "Salesforce", "ACTIVE"},
		{"AMAZON", "Amazon", "INACTIVE"},
		{"X509", "Smart Card", "ACTIVE"},
		{"OKTA_INTEGRATION", "Acme Subsidiary Okta", "ACTIVE"},
	} {
		all = append(all, provider{
			id: newID("0oa", seed.name), n: i, kind: seed.kind, name: seed.name, status: seed.status,
			created: seedDay.Add(time.Duration(i) * time.Hour),
		})
	}
	return all
}

// providerBody is the JSON of an identity provider.
type providerBody struct {
	ID          string         `json:"id"`
	IssuerMode  string         `json:"issuerMode"`
	Name        string         `json:"name"`
	Status      string         `json:"status"`
	Created     stamp          `json:"created"`
	LastUpdated stamp          `json:"lastUpdated"`
	Protocol    map[string]any `json:"protocol"`
	Policy      map[string]any `json:"policy"`
	Properties  map[string]any `json:"properties"`
	Type        string         `json:"type"`
	Links       map[string]any `json:"_links"`
}

func (p provider) body(base string) providerBody {
	self := base + "/api/v1/idps/" + p.id
	allow := func(method string) map[string]any {
		return map[string]any{"hints": map[string]any{"allow": []string{method}}}
	}
	links := map[string]any{
		"users":      link(self+"/users", allow("GET")),
		"deactivate": link(self+"/lifecycle/deactivate", allow("POST")),
	}
	if p.status == "INACTIVE" {
		delete(links, "deactivate")
		links["activate"] = link(self+"/lifecycle/activate", allow("POST"))
	}
	body := providerBody{
		ID: p.id, IssuerMode: "DYNAMIC", Name: p.name, Status: p.status, Type: p.kind, Links: links,
		Created: stamp(p.created), LastUpdated: stamp(p.created),
	}
	idp := "https://" + strings.ReplaceAll(strings.ToLower(p.name), " ", "-") + ".example.com"
	switch p.kind {
	case "SAML2":
		body.Protocol, body.Policy = samlProtocol(p, idp), providerPolicy("idpuser.subjectNameId")
		links["metadata"] = link(self+"/metadata.xml", map[string]any{"type": "application/xml"}, allow("GET"))
		links["acs"] = link(base+"/sso/saml2/"+p.id, map[string]any{"type": "application/xml"}, allow("POST"))
	case "X509":
		body.Protocol, body.Policy = certificateProtocol(p), providerPolicy("idpuser.subjectAltNameEmail")
	default:
		body.Protocol, body.Policy = oidcProtocol(p, idp), providerPolicy("idpuser.email")
		links["authorize"] = link(base+"/oauth2/v1/authorize?idp="+p.id+
			"&client_id={clientId}&response_type={responseType}&response_mode={responseMode}"+
			"&scope={scopes}&redirect_uri={redirectUri}&state={state}&nonce={nonce}",
			map[string]any{"templated": true}, allow("GET"))
		links["clientRedirectUri"] = link(base+"/oauth2/v1/authorize/callback", allow("POST"))
	}
	return body
}

func samlProtocol(p provider, idp string) map[string]any {
	signature := func(scope string) map[string]any {
		return map[string]any{"signature": map[string]any{"algorithm": "SHA-256", "scope": scope}}
	}
	return map[string]any{
		"type": "SAML2",
		"endpoints": map[string]any{
			"sso": map[string]any{"url": idp + "/sso", "binding": "HTTP-POST", "destination": idp + "/sso"},
			"acs": map[string]any{"binding": "HTTP-POST", "type": "INSTANCE"},
		},
		"algorithms": map[string]any{"request": signature("REQUEST"), "response": signature("ANY")},
		"settings": map[string]any{
			"nameFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "honorPersistentNameId": true,
		},
		"credentials": map[string]any{
			"trust": map[string]any{
				"issuer": idp, "audience": "https://acme.test/saml2/service-provider/" + p.id,
				"kid": derive(36, "trust", p.id), "revocationCacheLifetime": 0,
			},
			"signing": map[string]any{"kid": derive(36, "signing", p.id)},
		},
	}
}

func oidcProtocol(p provider, idp string) map[string]any {
	kind, scopes := "OAUTH2", []string{"profile", "email", "openid"}
	protocol := map[string]any{
		"scopes": scopes,
		"endpoints": map[string]any{
			"authorization": map[string]any{"url": idp + "/authorize", "binding": "HTTP-REDIRECT"},
			"token":         map[string]any{"url": idp + "/token", "binding": "HTTP-POST"},
		},
		"credentials": map[string]any{
			"client": map[string]any{"client_id": derive(20, "client", p.id), "client_secret": "your-client-secret"},
		},
	}
	if p.kind == "OIDC" || p.kind == "OKTA_INTEGRATION" {
		kind = "OIDC"
		endpoints := protocol["endpoints"].(map[string]any)
		endpoints["jwks"] = map[string]any{"url": idp + "/keys", "binding": "HTTP-REDIRECT"}
		endpoints["userInfo"] = map[string]any{"url": idp + "/userinfo", "binding": "HTTP-REDIRECT"}
		protocol["issuer"] = map[string]any{"url": idp}
	}
	protocol["type"] = kind
	return protocol
}

func certificateProtocol(p provider) map[string]any {
	return map[string]any{
		"type": "MTLS",
		"credentials": map[string]any{"trust": map[string]any{
			"issuer": "CN=Acme Smart Card CA", "kid": derive(36, "trust", p.id),
			"revocation": "CRL", "revocationCacheLifetime": 2880,
		}},
	}
}

func providerPolicy(template string) map[string]any {
	none := map[string]any{"action": "NONE"}
	return map[string]any{
		"provisioning": map[string]any{
			"action": "AUTO", "profileMaster": false, "groups": none,
			"conditions": map[string]any{"deprovisioned": none, "suspended": none},
		},
		"accountLink": map[string]any{"filter": nil, "action": "AUTO"},
		"subject": map[string]any{
			"userNameTemplate": map[string]any{"template": template}, "filter": nil,
			"matchType": "USERNAME", "matchAttribute": nil,
		},
		"maxClockSkew": 0,
	}
}

// listProviders implements GET /api/v1/idps with q (a prefix of the name in upper or lower case),
// type, limit and after.
func (e *Emulator) listProviders(c *oktaCall) (oktaResponse, *oktaError) {
	limit, failure := c.limit(20, 200)
	if failure != nil {
		return oktaResponse{}, failure
	}
	q, kind := strings.ToLower(c.URL.Query().Get("q")), c.URL.Query().Get("type")
	var hits []provider
	for _, p := range e.org.providers {
		if strings.HasPrefix(strings.ToLower(p.name), q) && (kind == "" || kind == p.kind) {
			hits = append(hits, p)
		}
	}
	hits, links, failure := paged(c, hits, limit, e.size)
	bodies := make([]providerBody, 0, len(hits))
	for _, p := range hits {
		bodies = append(bodies, p.body(c.base))
	}
	return oktaResponse{body: bodies, links: links}, failure
}
