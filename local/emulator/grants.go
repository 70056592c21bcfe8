package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// client is an OAuth client for which a user has a grant and refresh tokens.
type client struct {
	id, name, scope string
	tokens          int // refresh tokens
	granted         bool
	at              time.Time
}

// connect gives a user a grant and a refresh token for clients of these names.
func (u *user) connect(names []string, at time.Time) {
	for i, name := range names {
		id := newID("0oa", u.id, name, strconv.Itoa(i))
		u.clients = append(u.clients, &client{id: id, name: name, scope: "offline_access", tokens: 1, granted: true, at: at})
	}
}

// grants returns the clients with a grant.
func (u *user) grants() []*client {
	return slices.DeleteFunc(slices.Clone(u.clients), func(k *client) bool { return !k.granted })
}

// listGrants implements GET /api/v1/users/{user}/grants.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserGrant/
func listGrants(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	bodies := []map[string]any{}
	for _, k := range u.grants() {
		bodies = append(bodies, map[string]any{
			"id": newID("oag", k.id), "status": "ACTIVE", "created": stamp(k.at), "lastUpdated": stamp(k.at),
			"issuer": c.base + "/oauth2/default", "clientId": k.id, "userId": u.id, "scopeId": k.scope, "source": "END_USER",
		})
	}
	return oktaResponse{body: bodies}, nil
}

// listClients implements GET /api/v1/users/{user}/clients: those with a grant or a refresh token.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserOAuth/
func listClients(_ *oktaCall, u *user) (oktaResponse, *oktaError) {
	bodies := []map[string]any{}
	for _, k := range u.clients {
		if k.granted || k.tokens > 0 {
			bodies = append(bodies, map[string]any{"client_id": k.id, "client_name": k.name})
		}
	}
	return oktaResponse{body: bodies}, nil
}

// revokeGrants implements DELETE /api/v1/users/{user}/grants.
func revokeGrants(_ *oktaCall, u *user) (oktaResponse, *oktaError) {
	for _, k := range u.clients {
		k.granted = false
	}
	return oktaResponse{status: http.StatusNoContent}, nil
}

// revokeClientTokens implements DELETE /api/v1/users/{user}/clients/{client}/tokens.
func revokeClientTokens(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	id := c.PathValue("client")
	i := slices.IndexFunc(u.clients, func(k *client) bool { return k.id == id })
	if i < 0 {
		return oktaResponse{}, notFound(id, "Client")
	}
	u.clients[i].tokens = 0
	return oktaResponse{status: http.StatusNoContent}, nil
}
