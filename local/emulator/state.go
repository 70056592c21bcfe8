package emulator

import (
	"net/http"
	"time"
)

// LoggedRequest is an entry of the request log, with credentials and passwords replaced by
// "[redacted]".
type LoggedRequest struct {
	Time    time.Time         `json:"time"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`    // as sent, percent-encoding included
	Query   string            `json:"query"`   // as sent, without "?"
	Headers map[string]string `json:"headers"` // several values of one header joined by ", "
	Body    string            `json:"body"`
	Status  int               `json:"status"` // 0 until the response is sent, and for a dropped connection
}

// Observed is a request to Okta's API and its response, without masking.
type Observed struct {
	Request *http.Request // its body has been read
	Body    []byte        // of the request
	Status  int           // 0: no response was sent
	Header  http.Header   // of the response
	Reply   []byte        // body of the response
	Fault   bool          // the response is that of a fault
}

// ReceivedSignal is a received security event token, valid or not.
type ReceivedSignal struct {
	Time     time.Time      `json:"time"`
	KeyID    string         `json:"kid"`
	Claims   map[string]any `json:"claims"`   // numbers are float64; nil if the token cannot be parsed
	Verified bool           `json:"verified"` // every check passed and the response was 202
	Accepted bool           `json:"accepted"` // verified, not a repeated jti, and the user exists
	Error    string         `json:"error"`    // the reason if it was rejected or silently ignored
}

// Fault is a failure of the requests that match. The emulator does not execute a request that the
// fault ends, except with CarriedOut.
type Fault struct {
	Path      string `json:"path"`                 // glob for the path; * also matches /
	Method    string `json:"method,omitempty"`     // empty: every method
	Times     int    `json:"times,omitempty"`      // number of requests; 0: until reset
	Status    int    `json:"status,omitempty"`     // status of the response
	LatencyMS int    `json:"latency_ms,omitempty"` // delay in milliseconds
	// Drop closes the connection without a response or, with Status, in the middle of its body.
	Drop       bool              `json:"drop,omitempty"`
	Hang       bool              `json:"hang,omitempty"`        // never send a response
	CarriedOut bool              `json:"carried_out,omitempty"` // execute the request and lose only its response
	Body       string            `json:"body,omitempty"`        // of the response; default Okta's error for the status
	Headers    map[string]string `json:"headers,omitempty"`     // of the response; an empty value removes a header
}

// App is an OAuth 2.0 service app of the organization. It authenticates with client credentials and
// private_key_jwt.
type App struct {
	ClientID string
	JWKS     []byte   // public keys (RFC 7517)
	Scopes   []string // granted scopes of the Okta API
	DPoP     bool     // requires proof of possession (RFC 9449), the default for new apps in Okta
	APINonce bool     // the API requires a nonce in the proof, like the token endpoint
}

// Limit is a rate limit that all matching requests share.
type Limit struct {
	Path       string `json:"path"`                 // glob for the path; * also matches /
	Method     string `json:"method,omitempty"`     // empty: every method
	PerMinute  int    `json:"per_minute,omitempty"` // requests in one minute from the first one; 0: no limit
	Concurrent int    `json:"concurrent,omitempty"` // requests in progress; 0: no limit
}

// UserSeed describes a user to add.
type UserSeed struct {
	Login       string         // required
	Email       string         // default the login
	FirstName   string         // default the local part of the login, capitalized
	LastName    string         // default "Example"
	Status      string         // default ACTIVE
	Password    string         // default "Seed-Passw0rd"; none for STAGED, PROVISIONED and DEPROVISIONED
	Groups      []string       // names; missing groups are created
	Roles       []string       // role types or IDs of custom roles; CUSTOM is CustomRoleID
	Sessions    int            // number of sessions
	OAuthTokens int            // number of OAuth tokens
	AppSessions int            // number of sessions in apps that support Universal Logout
	Factors     []string       // types of the enrolled factors
	Clients     []string       // names of OAuth clients for which the user has a grant and a refresh token
	Risk        string         // LOW, MEDIUM or HIGH; "": none
	Blocked     bool           // blocked from unknown devices
	Apps        []string       // names of the assigned applications
	Devices     []string       // names of the devices
	APITokens   []string       // names of the API tokens that the user owns
	Profile     map[string]any // profile attributes, which override the fields above
}

// UserState is a copy of a user.
type UserState struct {
	ID              string
	Login           string
	Name            string
	Email           string
	Status          string
	Password        string           // in plain text
	Roles           []string         // types of the user's own roles
	RoleAssignments []RoleAssignment // includes roles inherited from groups
	Groups          []string         // names, including Everyone
	Sessions        int
	OAuthTokens     int
	AppSessions     int
	Factors         []string // types
	Grants          int
	RefreshTokens   int
	Risk            string // "" if the user has no level
	RiskReason      string
	Blocked         bool     // from unknown devices
	Mails           []string // kinds of e-mail sent: activation, deactivated, reset_password
	Profile         map[string]any
}

// RoleAssignment is a role of a user.
type RoleAssignment struct {
	ID             string
	Type           string
	Label          string
	AssignmentType string // USER, or GROUP if it is inherited
}

// GroupState is a copy of a group for assertions.
type GroupState struct {
	ID          string
	Name        string
	Description string
	Type        string   // OKTA_GROUP, BUILT_IN or APP_GROUP
	Members     []string // logins
	Roles       []string // role types that its members inherit
}
