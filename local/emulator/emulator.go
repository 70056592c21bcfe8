// Package emulator is a small, stateful Okta: the routes the product calls, with Okta's own bodies, errors, paging and
// rate limits, over an organization that lives in memory. It serves `go run ./local`, the tests and the docs.
//
// It answers loopback only. Everything in it is deterministic: ids derive from names and the seeded timestamps are fixed,
// so that the same calls under an injected clock give the same bodies. Beside Okta's API it has a control under
// /_emulator/ (control.go) for faults, limits, the request log and the signals received.
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
	Token    string           // API token (SSWS) accepted; default DefaultToken
	Now      func() time.Time // clock; default time.Now
	PageSize int              // when above 0, no page of a list is longer than this, whatever the limit asked for
	Observe  func(Observed)   // when set, told of every call as it is answered
	Keep     int              // the number of newest requests that the request log keeps; 0: all
	Log      *slog.Logger     // is told when the request log drops requests; default slog.Default
}

// DefaultToken is the API token accepted when Options has none.
const DefaultToken = "emulator-token"

// Emulator is an http.Handler that answers as an Okta organization. It is safe for concurrent use.
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
	apps         map[string]registeredApp                         // as registered, by client id
	issued       int                                    // access tokens so far: none repeats after Reset
}

// New returns an emulator that holds the seeded organization acme.test.
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
	e.api, e.control = e.routes(), e.controlRoutes()
	return e
}

// Token returns the API token accepted now, of several the newest.
func (e *Emulator) Token() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.org.tokens[len(e.org.tokens)-1]
}

// SetToken makes another API token be accepted (POST /_emulator/token). The ones before it are revoked, unless keep.
func (e *Emulator) SetToken(token string, keep bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !keep {
		e.org.tokens = nil
	}
	e.org.tokens = append(e.org.tokens, token)
}

// Reset brings back the seeded organization and the first token: faults, limits, the request log, signals and every user
// and group added since are gone (POST /_emulator/reset), and so are access tokens. Registered transmitters and apps and the
// list of unknown routes stay.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org = seededOrg(e.token)
	e.org.addApps(e.apps)
}

// routes is the index of what the emulator can do of Okta's API.
func (e *Emulator) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, r := range map[string]struct {
		scope string
		handler
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

		"GET /api/v1/users/{user}/roles":                 {"okta.roles.read", e.onUserID(listRoles)},
		"POST /api/v1/users/{user}/roles":                {"okta.roles.manage", e.onUserID(e.assignRole)},
		"DELETE /api/v1/users/{user}/roles/{assignment}": {"okta.roles.manage", e.onUserID(unassignRole)},

		"GET /api/v1/iam/roles": {"okta.roles.read", e.listOrgRoles},

		"GET /api/v1/groups":                         {"okta.groups.read", e.listGroups},
		"POST /api/v1/groups":                        {"okta.groups.manage", e.createGroup},
		"GET /api/v1/groups/{group}":                 {"okta.groups.read", e.getGroup},
		"PUT /api/v1/groups/{group}/users/{user}":    {"okta.groups.manage", e.onUserID(e.addMember)},
		"DELETE /api/v1/groups/{group}/users/{user}": {"okta.groups.manage", e.onUserID(e.removeMember)},

		"GET /api/v1/idps": {"okta.idps.read", e.listProviders},
	} {
		mux.Handle(pattern, e.serve(e.authorized(r.scope, checkQuery(pattern, r.handler))))
	}
	mux.Handle("GET /.well-known/okta-organization", e.serve(getOrganization))
	mux.Handle("POST "+tokenPath, e.serve(e.issueToken))
	mux.Handle("POST /security/api/v1/security-events", e.serve(e.receiveSignal))
	mux.Handle("/", e.serve(e.unknownRoute))
	return mux
}
