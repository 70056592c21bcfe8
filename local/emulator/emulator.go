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
	"crypto"
	"log/slog"
	"net/http"
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

	mu           sync.Mutex // guards everything below
	org          *org       // replaced by Reset
	unknown      []string
	transmitters map[string]map[string]crypto.PublicKey // issuer → kid → key
	apps         map[string]registeredApp               // by client ID
	issued       int                                    // access tokens so far, not reset, so that none repeats
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
		transmitters: map[string]map[string]crypto.PublicKey{}, apps: map[string]registeredApp{},
	}
	e.org = seededOrg(e.token)
	e.org.seedLog(e.now())
	e.api, e.control = e.routes(), e.controlRoutes()
	return e
}

// Token returns the newest valid API token.
func (e *Emulator) Token() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.org.tokens[len(e.org.tokens)-1]
}

// SetToken adds an API token (POST /_emulator/token). It revokes the earlier tokens unless keep is
// set.
func (e *Emulator) SetToken(token string, keep bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !keep {
		e.org.tokens = nil
	}
	e.org.tokens = append(e.org.tokens, token)
}

// Reset restores the seeded organization and the first token (POST /_emulator/reset). It removes
// faults, limits, the request log, signals, access tokens and all later changes of users and
// groups. Registered transmitters and apps and the list of unknown routes stay.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org = seededOrg(e.token)
	e.org.seedLog(e.now())
	e.org.addApps(e.apps)
}

// routes returns the emulated routes of the Okta API.
func (e *Emulator) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, r := range map[string]struct {
		scope string
		oktaHandler
	}{
		"GET /api/v1/users":                    {"okta.users.read", e.listUsers},
		"GET /api/v1/users/{user}":             {"okta.users.read", e.onUser(getUser)},
		"POST /api/v1/users/{user}":            {"okta.users.manage", e.onUser(e.updateUser)},
		"GET /api/v1/users/{user}/groups":      {"okta.users.read", e.onUser(e.listUserGroups)},
		"DELETE /api/v1/users/{user}/sessions": {"okta.users.manage", e.onUserID(clearSessions)},

		"POST /api/v1/users/{user}/lifecycle/activate":        {"okta.users.manage", e.onUser(activate)},
		"POST /api/v1/users/{user}/lifecycle/reactivate":      {"okta.users.manage", e.onUser(reactivate)},
		"POST /api/v1/users/{user}/lifecycle/deactivate":      {"okta.users.manage", e.onUser(e.deactivate)},
		"POST /api/v1/users/{user}/lifecycle/suspend":         {"okta.users.manage", e.onUser(suspend)},
		"POST /api/v1/users/{user}/lifecycle/unsuspend":       {"okta.users.manage", e.onUser(unsuspend)},
		"POST /api/v1/users/{user}/lifecycle/unlock":          {"okta.users.manage", e.onUser(unlock)},
		"POST /api/v1/users/{user}/lifecycle/reset_password":  {"okta.users.manage", e.onUser(resetPassword)},
		"POST /api/v1/users/{user}/lifecycle/expire_password": {"okta.users.manage", e.onUser(expirePassword)},

		"POST /api/v1/users/{user}/lifecycle/reset_factors":                      {"okta.users.manage", e.onUser(resetFactors)},
		"POST /api/v1/users/{user}/lifecycle/expire_password_with_temp_password": {"okta.users.manage", e.onUser(expireWithTemporary)},

		"GET /api/v1/users/{user}/factors":             {"okta.users.read", e.onUserID(listFactors)},
		"DELETE /api/v1/users/{user}/factors/{factor}": {"okta.users.manage", e.onUserID(deleteFactor)},
		"GET /api/v1/users/{user}/blocks":              {"okta.users.read", e.onUserID(listBlocks)},

		"GET /api/v1/users/{user}/appLinks": {"okta.users.read", e.onUserID(listAppLinks)},
		"GET /api/v1/users/{user}/devices":  {"okta.users.read", e.onUserID(e.listDevices)},

		"GET /api/v1/users/{user}/risk": {"okta.userRisk.read", e.onUserID(e.getRisk)},
		"PUT /api/v1/users/{user}/risk": {"okta.userRisk.manage", e.onUserID(e.setRisk)},

		"GET /api/v1/users/{user}/grants":                     {"okta.users.read", e.onUserID(listGrants)},
		"DELETE /api/v1/users/{user}/grants":                  {"okta.users.manage", e.onUserID(revokeGrants)},
		"GET /api/v1/users/{user}/clients":                    {"okta.users.read", e.onUserID(listClients)},
		"DELETE /api/v1/users/{user}/clients/{client}/tokens": {"okta.users.manage", e.onUserID(revokeClientTokens)},

		"GET /api/v1/users/{user}/roles":                 {"okta.roles.read", e.onUserID(listRoles)},
		"POST /api/v1/users/{user}/roles":                {"okta.roles.manage", e.onUserID(e.assignRole)},
		"DELETE /api/v1/users/{user}/roles/{assignment}": {"okta.roles.manage", e.onUserID(unassignRole)},

		"GET /api/v1/users/{user}/roles/{assignment}/targets/groups":       {"okta.roles.read", e.onUserID(e.groupTargets)},
		"GET /api/v1/users/{user}/roles/{assignment}/targets/catalog/apps": {"okta.roles.read", e.onUserID(e.appTargets)},

		"GET /api/v1/iam/roles":            {"okta.roles.read", e.listOrgRoles},
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

		"POST /oauth2/v1/global-token-revocation": {"okta.universalLogout.manage", e.universalLogout},
	} {
		mux.Handle(pattern, e.serve(e.authorized(r.scope, checkQuery(pattern, e.logs(pattern, r.oktaHandler)))))
	}
	mux.Handle("GET /.well-known/okta-organization", e.serve(getOrganization))
	mux.Handle("POST "+tokenPath, e.serve(e.issueToken))
	mux.Handle("POST /security/api/v1/security-events", e.serve(e.receiveSignal))
	mux.Handle("/", e.serve(e.unknownRoute))
	return mux
}
