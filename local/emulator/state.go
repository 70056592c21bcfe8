package emulator

import (
	"net/http"
	"time"
)

// Request is one call to Okta's API as the emulator saw it, credentials and passwords masked as "[redacted]".
type Request struct {
	Time    time.Time         `json:"time"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`    // as sent, percent-encoding included
	Query   string            `json:"query"`   // as sent, without "?"
	Headers map[string]string `json:"headers"` // several values of one header joined by ", "
	Body    string            `json:"body"`
	Status  int               `json:"status"` // 0 while the call runs, and for a dropped connection
}

// Observed is a call to Okta's API and its reply, nothing masked.
type Observed struct {
	Request *http.Request // its body is read
	Body    []byte
	Status  int // 0: the call got no reply
	Header  http.Header
	Reply   []byte
	Fault   bool // the reply is a fault's
}

// Signal is a security event token that was posted, whatever became of it.
type Signal struct {
	Time     time.Time      `json:"time"`
	KeyID    string         `json:"kid"`
	Claims   map[string]any `json:"claims"`   // numbers are float64; nil when the token cannot be parsed
	Verified bool           `json:"verified"` // every check passed: answered 202
	Accepted bool           `json:"accepted"` // acted upon: verified, not a repeated jti, and the user is known
	Error    string         `json:"error"`    // why it was refused, or silently ignored
}

// Fault is a failure the emulator plays for the calls that match. But for CarriedOut, a call that it ends is not carried
// out.
type Fault struct {
	Path       string            `json:"path"`                  // glob on the path; * also matches /
	Method     string            `json:"method,omitempty"`      // empty: every method
	Times      int               `json:"times,omitempty"`       // how many calls it meets; 0: until reset
	Status     int               `json:"status,omitempty"`      // reply with this status
	LatencyMS  int               `json:"latency_ms,omitempty"`  // wait first, in milliseconds
	Drop       bool              `json:"drop,omitempty"`        // close the connection: without a reply, or with a status in the middle of its body
	Hang       bool              `json:"hang,omitempty"`        // never reply
	CarriedOut bool              `json:"carried_out,omitempty"` // carry the call out, and spoil its reply only
	Body       string            `json:"body,omitempty"`        // body of the reply; default Okta's error for the status
	Headers    map[string]string `json:"headers,omitempty"`     // set on the reply; an empty value removes a header
}

// App is an OAuth 2.0 service app of the organization, which signs in with client credentials and private_key_jwt.
type App struct {
	ClientID string
	JWKS     []byte   // its public keys (RFC 7517)
	Scopes   []string // the scopes of Okta's API that it is granted
	DPoP     bool     // it must prove possession of a key (RFC 9449), as Okta has it for new apps
	APINonce bool     // Okta's API asks for a nonce in the proof too, not only the token endpoint
}

// Limit is a rate limit: one bucket for all calls that match.
type Limit struct {
	Path       string `json:"path"`                 // glob on the path; * also matches /
	Method     string `json:"method,omitempty"`     // empty: every method
	PerMinute  int    `json:"per_minute,omitempty"` // calls in a fixed window of a minute from its first call; 0: no limit
	Concurrent int    `json:"concurrent,omitempty"` // calls in flight; 0: no limit
}

// UserSeed describes a user that a test adds.
type UserSeed struct {
	Login       string         // required
	Email       string         // default the login
	FirstName   string         // default the login's local part, capitalized
	LastName    string         // default "Example"
	Status      string         // default ACTIVE
	Password    string         // default "Seed-Passw0rd"; none for STAGED, PROVISIONED and DEPROVISIONED
	Groups      []string       // names; a group that does not exist is created
	Roles       []string       // role types held directly; CUSTOM is CustomRoleID on ResourceSetID
	Sessions    int            // sessions open
	OAuthTokens int            // OAuth tokens issued
	Profile     map[string]any // raw profile attributes, over the ones above
}

// UserState is a copy of a user for assertions.
type UserState struct {
	ID              string
	Login           string
	Email           string
	Status          string
	Password        string           // as last set, in the clear
	Roles           []string         // types of the roles held directly
	RoleAssignments []RoleAssignment // all, those inherited from groups included
	Groups          []string         // names, Everyone included
	Sessions        int
	OAuthTokens     int
	Mails           []string // kinds of e-mail sent: activation, deactivated, reset_password
	Profile         map[string]any
}

// RoleAssignment is a role that a user holds.
type RoleAssignment struct {
	ID             string
	Type           string
	Label          string
	AssignmentType string // USER, or GROUP when inherited
}

// GroupState is a copy of a group for assertions.
type GroupState struct {
	ID          string
	Name        string
	Description string
	Type        string   // OKTA_GROUP, APP_GROUP or BUILT_IN
	Members     []string // logins
	Roles       []string // role types its members inherit
}
