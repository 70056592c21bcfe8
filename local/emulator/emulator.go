// Package emulator emulates the Okta API as far as the product calls it, with Okta's bodies,
// errors, paging and rate limits, for an organization in memory. `go run ./local`, the tests and
// the docs use it.
//
// It serves only loopback addresses. It is deterministic: IDs derive from names and the timestamps
// of the seed are fixed, so that the same requests with the same clock get the same responses. The
// control API under /_emulator/ (control.go) sets faults and limits and returns the request log and
// the received signals.
package emulator

import (
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options configures New. The zero value is a working emulator.
type Options struct {
	Token    string           // the valid API token (SSWS); default DefaultToken
	Now      func() time.Time // clock; default time.Now
	PageSize int              // maximum items per page for any limit of the request; 0: no maximum
	Observe  func(Observed)   // if set, called for each request before its response is sent
	Keep     int              // maximum requests in the request log; 0: no maximum
	Log      *slog.Logger     // logs when the request log drops requests; default slog.Default
}

// DefaultToken is the default of Options.Token.
const DefaultToken = "emulator-token"

// Emulator is an http.Handler that serves an Okta organization. It is safe for concurrent use.
type Emulator struct {
	token   string
	now     func() time.Time
	size    int // Options.PageSize
	observe func(Observed)
	keep    int          // Options.Keep
	logger  *slog.Logger // Options.Log
	api     *http.ServeMux
	control *controlMux

	jwks jwksCache

	mu             sync.Mutex // guards everything below
	org            *org       // replaced by Reset
	unknown        []string
	eventProviders []*eventProvider
	providersAdded int                      // so far, so that no ID repeats
	apps           map[string]registeredApp // by client ID
	issued         int                      // access tokens so far, not reset, so that none repeats
}

// New returns an emulator with the seeded organization acme.test.
func New(o Options) *Emulator {
	if o.Token == "" {
		o.Token = DefaultToken
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	e := &Emulator{
		token: o.Token, now: o.Now, size: o.PageSize, observe: o.Observe, keep: o.Keep, logger: o.Log,
		jwks: jwksCache{sets: map[string]cachedJWKS{}}, apps: map[string]registeredApp{},
	}
	e.org = seededOrg(e.token, e.now())
	e.org.seedLog(e.now())
	e.api, e.control = e.routes(), e.controlRoutes()
	return e
}

// Token returns the newest valid API token.
func (e *Emulator) Token() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.org.tokens[len(e.org.tokens)-1].value
}

// SetToken adds an API token (POST /_emulator/token). It revokes the earlier tokens unless keep is
// set.
func (e *Emulator) SetToken(token string, keep bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	number := e.org.tokens[len(e.org.tokens)-1].number + 1
	if !keep {
		e.org.tokens = nil
	}
	e.org.tokens = append(e.org.tokens, newAPIToken(number, token, e.now()))
}

// Reset restores the seeded organization and the first token (POST /_emulator/reset). It removes
// faults, limits, the request log, signals, access tokens and all later changes of users and
// groups. Security events providers, apps and the list of unknown routes stay.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org = seededOrg(e.token, e.now())
	e.org.seedLog(e.now())
	e.org.addApps(e.apps)
}

// emulatedRoute is a route of the Okta API that needs credentials.
type emulatedRoute struct {
	scope string
	oktaHandler
}

// userRoutes returns the routes below a user, by their patterns.
func (e *Emulator) userRoutes() map[string]emulatedRoute {
	routes := map[string]emulatedRoute{}
	for pattern, r := range map[string]emulatedRoute{
		"GET ":                            {"okta.users.read", e.onUser(getUser)},
		"POST ":                           {"okta.users.manage", e.onUser(e.updateUser)},
		"GET /groups":                     {"okta.users.read", e.onUser(e.listUserGroups)},
		"DELETE /sessions":                {"okta.users.manage", e.onUserID(clearSessions)},
		"POST /lifecycle/activate":        {"okta.users.manage", e.onUser(activate)},
		"POST /lifecycle/reactivate":      {"okta.users.manage", e.onUser(reactivate)},
		"POST /lifecycle/deactivate":      {"okta.users.manage", e.onUser(e.deactivate)},
		"POST /lifecycle/suspend":         {"okta.users.manage", e.onUser(suspend)},
		"POST /lifecycle/unsuspend":       {"okta.users.manage", e.onUser(unsuspend)},
		"POST /lifecycle/unlock":          {"okta.users.manage", e.onUser(unlock)},
		"POST /lifecycle/reset_password":  {"okta.users.manage", e.onUser(resetPassword)},
		"POST /lifecycle/expire_password": {"okta.users.manage", e.onUser(expirePassword)},
		"POST /lifecycle/reset_factors":   {"okta.users.manage", e.onUser(resetFactors)},
		"POST /lifecycle/expire_password_with_temp_password": {"okta.users.manage", e.onUser(expireWithTemporary)},
		"GET /factors":                           {"okta.users.read", e.onUserID(listFactors)},
		"DELETE /factors/{factor}":               {"okta.users.manage", e.onUserID(deleteFactor)},
		"GET /blocks":                            {"okta.users.read", e.onUserID(listBlocks)},
		"GET /appLinks":                          {"okta.users.read", e.onUserID(listAppLinks)},
		"GET /devices":                           {"okta.users.read", e.onUserID(e.listDevices)},
		"GET /risk":                              {"okta.userRisk.read", e.onUserID(e.getRisk)},
		"PUT /risk":                              {"okta.userRisk.manage", e.onUserID(e.setRisk)},
		"GET /grants":                            {"okta.users.read", e.onUserID(listGrants)},
		"DELETE /grants":                         {"okta.users.manage", e.onUserID(revokeGrants)},
		"GET /clients":                           {"okta.users.read", e.onUserID(listClients)},
		"DELETE /clients/{client}/tokens":        {"okta.users.manage", e.onUserID(revokeClientTokens)},
		"GET /roles":                             {"okta.roles.read", e.onUserID(listRoles)},
		"POST /roles":                            {"okta.roles.manage", e.onUserID(e.assignRole)},
		"DELETE /roles/{assignment}":             {"okta.roles.manage", e.onUserID(unassignRole)},
		"GET /roles/{assignment}/targets/groups": {"okta.roles.read", e.onUserID(e.groupTargets)},
		"GET /roles/{assignment}/targets/catalog/apps": {"okta.roles.read", e.onUserID(e.appTargets)},
	} {
		method, path, _ := strings.Cut(pattern, " ")
		routes[method+" /api/v1/users/{user}"+path] = r
	}
	routes["GET /api/v1/users"] = emulatedRoute{"okta.users.read", e.listUsers}
	return routes
}

// The scopes of security events providers.
const (
	eventsRead   = "okta.securityEventsProviders.read"
	eventsManage = "okta.securityEventsProviders.manage"
)

// otherRoutes returns the other routes that need credentials, by their patterns.
func (e *Emulator) otherRoutes() map[string]emulatedRoute {
	return map[string]emulatedRoute{
		"GET /api/v1/iam/roles":            {"okta.roles.read", e.listOrgRoles},
		"GET /api/v1/api-tokens":           {"okta.apiTokens.read", e.listAPITokens},
		"GET /api/v1/apps/{app}/grants":    {"okta.appGrants.read", e.listAppGrants},
		"GET /api/v1/iam/assignees/users":  {"okta.roles.read", e.listAssignees},
		"GET /api/v1/groups/{group}/roles": {"okta.roles.read", e.listGroupRoles},

		"GET /api/v1/groups":                         {"okta.groups.read", e.listGroups},
		"POST /api/v1/groups":                        {"okta.groups.manage", e.createGroup},
		"GET /api/v1/groups/{group}":                 {"okta.groups.read", e.getGroup},
		"PUT /api/v1/groups/{group}/users/{user}":    {"okta.groups.manage", e.onUserID(e.addMember)},
		"DELETE /api/v1/groups/{group}/users/{user}": {"okta.groups.manage", e.onUserID(e.removeMember)},

		"GET /api/v1/groups/{group}/users/{user}/group-rules": {"okta.groups.read", e.onUserID(e.listMembershipRules)},

		"GET /api/v1/idps": {"okta.idps.read", e.listProviders},

		"GET /api/v1/logs": {"okta.logs.read", e.listLogs},

		"GET /api/v1/security-events-providers":               {eventsRead, e.listEventProviders},
		"POST /api/v1/security-events-providers":              {eventsManage, e.createEventProvider},
		"GET /api/v1/security-events-providers/{provider}":    {eventsRead, e.onProvider(getEventProvider)},
		"PUT /api/v1/security-events-providers/{provider}":    {eventsManage, e.onProvider(e.replaceEventProvider)},
		"DELETE /api/v1/security-events-providers/{provider}": {eventsManage, e.onProvider(e.deleteEventProvider)},

		"POST /api/v1/security-events-providers/{provider}/lifecycle/activate": {
			eventsManage, e.onProvider(setProviderStatus(true)),
		},
		"POST /api/v1/security-events-providers/{provider}/lifecycle/deactivate": {
			eventsManage, e.onProvider(setProviderStatus(false)),
		},

		"POST /oauth2/v1/global-token-revocation": {"okta.universalLogout.manage", e.universalLogout},
	}
}

// routes returns the emulated routes of the Okta API.
func (e *Emulator) routes() *http.ServeMux {
	mux := http.NewServeMux()
	all := e.userRoutes()
	maps.Copy(all, e.otherRoutes())
	for pattern, r := range all {
		h := e.serve(e.authorized(r.scope, checkQuery(pattern, e.logs(pattern, r.oktaHandler))))
		if r.scope == eventsManage {
			h = beforehand(e.fetchMetadata, h)
		}
		mux.Handle(pattern, h)
	}
	mux.Handle("GET /.well-known/okta-organization", e.serve(getOrganization))
	mux.Handle("POST "+tokenPath, e.serve(e.issueToken))
	mux.Handle("POST /security/api/v1/security-events", beforehand(e.fetchKeys, e.serve(e.receiveSignal)))
	mux.Handle("/", e.serve(e.unknownRoute))
	return mux
}
