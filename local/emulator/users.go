package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
)

// The statuses of a user.
const (
	statusActive          = "ACTIVE"
	statusDeprovisioned   = "DEPROVISIONED"
	statusLockedOut       = "LOCKED_OUT"
	statusPasswordExpired = "PASSWORD_EXPIRED"
	statusProvisioned     = "PROVISIONED"
	statusRecovery        = "RECOVERY"
	statusStaged          = "STAGED"
	statusSuspended       = "SUSPENDED"
)

// user is a user of the organization.
type user struct {
	id               string
	n                int
	profile          map[string]any
	status           string
	password         string
	groups           []*group
	roles            []*role
	sessions         int
	tokens           int // OAuth tokens
	appSessions      int // in apps that support Universal Logout
	factors          []factor
	clients          []*client
	risk, riskReason string   // "": the user has no level
	blocked          bool     // from unknown devices
	apps, devices    []string // names
	apiTokens        []string // names
	mails            []string
	oneTime          int           // number of one-time links
	becoming         string        // the status after a pending change
	due              time.Time     // when the pending change is complete
	versions         []userVersion // earlier states, for SetSearchLag

	directory string // which masters the profile and the password; "": Okta

	created, activated, statusChanged, lastLogin, lastUpdated, passwordChanged time.Time
}

func (u *user) place() int    { return u.n }
func (u *user) login() string { return u.text("login") }

// text returns a profile attribute if it is a string, otherwise "".
func (u *user) text(attribute string) string {
	s, _ := u.profile[attribute].(string)
	return s
}

// setStatus sets the status and its timestamps.
func (u *user) setStatus(status string, at time.Time) {
	if status == u.status {
		return
	}
	u.status, u.statusChanged, u.lastUpdated = status, at, at
	if status == statusActive {
		u.activated = at
	}
}

// userHandler handles one request for a user.
type userHandler func(*oktaCall, *user) (oktaResponse, *oktaError)

// onUser returns a handler that finds the user of the path by ID, login or "me".
func (e *Emulator) onUser(h userHandler) oktaHandler {
	return func(c *oktaCall) (oktaResponse, *oktaError) {
		u := e.org.find(c.PathValue("user"))
		if u == nil || c.byApp && c.PathValue("user") == "me" {
			return oktaResponse{}, notFound(c.PathValue("user"), "User")
		}
		return e.handle(c, u, h)
	}
}

// onUserID returns a handler that finds the user of the path only by ID.
func (e *Emulator) onUserID(h userHandler) oktaHandler {
	return func(c *oktaCall) (oktaResponse, *oktaError) {
		u := e.org.userByID[c.PathValue("user")]
		if u == nil {
			return oktaResponse{}, notFound(c.PathValue("user"), "User")
		}
		return e.handle(c, u, h)
	}
}

// handle calls a handler unless the status of the user forbids the request.
func (e *Emulator) handle(c *oktaCall, u *user, h userHandler) (oktaResponse, *oktaError) {
	if failure := e.org.statusError(c, u); failure != nil {
		return oktaResponse{}, failure
	}
	if c.Method != http.MethodGet {
		e.org.keepVersion(u, c.at)
	}
	return h(c, u)
}

// userBody is the JSON of a user.
type userBody struct {
	ID              string            `json:"id"`
	Status          string            `json:"status"`
	Becoming        string            `json:"transitioningToStatus,omitempty"`
	Created         stamp             `json:"created"`
	Activated       stamp             `json:"activated"`
	StatusChanged   stamp             `json:"statusChanged"`
	LastLogin       stamp             `json:"lastLogin"`
	LastUpdated     stamp             `json:"lastUpdated"`
	PasswordChanged stamp             `json:"passwordChanged"`
	Type            map[string]string `json:"type"`
	Profile         map[string]any    `json:"profile"`
	Credentials     map[string]any    `json:"credentials"`
	Links           map[string]any    `json:"_links"`
}

// body returns the JSON of the user without links.
func (u *user) body() userBody {
	credentials := map[string]any{"provider": map[string]string{"type": "OKTA", "name": "OKTA"}}
	if u.password != "" {
		credentials["password"] = struct{}{}
	}
	if u.directory != "" {
		credentials["provider"] = map[string]string{"type": "ACTIVE_DIRECTORY", "name": u.directory}
	}
	return userBody{
		ID: u.id, Status: u.status, Becoming: u.becoming,
		Created: stamp(u.created), Activated: stamp(u.activated), StatusChanged: stamp(u.statusChanged),
		LastLogin: stamp(u.lastLogin), LastUpdated: stamp(u.lastUpdated), PasswordChanged: stamp(u.passwordChanged),
		Type: map[string]string{"id": userTypeID}, Profile: u.profile, Credentials: credentials,
	}
}

// userOperations are the links of a user for the possible operations, by status.
var userOperations = map[string][]string{
	statusActive: {"suspend", "deactivate", "resetPassword", "expirePassword", "forgotPassword", "changePassword",
		"changeRecoveryQuestion", "resetFactors"},
	statusDeprovisioned: {"activate"},
	statusLockedOut: {"unlock", "deactivate", "resetPassword", "expirePassword", "forgotPassword", "changePassword",
		"resetFactors"},
	statusPasswordExpired: {"deactivate", "resetPassword", "expirePassword", "changePassword", "resetFactors"},
	statusProvisioned:     {"reactivate", "deactivate", "resetPassword"},
	statusRecovery:        {"reactivate", "deactivate", "resetPassword", "expirePassword", "resetFactors"},
	statusStaged:          {"activate", "deactivate"},
	statusSuspended:       {"unsuspend", "deactivate"},
}

// operationPaths are the paths of these links, relative to the user.
var operationPaths = map[string]string{
	"activate":               "lifecycle/activate",
	"changePassword":         "credentials/change_password",
	"changeRecoveryQuestion": "credentials/change_recovery_question",
	"deactivate":             "lifecycle/deactivate",
	"expirePassword":         "lifecycle/expire_password",
	"forgotPassword":         "credentials/forgot_password",
	"reactivate":             "lifecycle/reactivate",
	"resetFactors":           "lifecycle/reset_factors",
	"resetPassword":          "lifecycle/reset_password",
	"suspend":                "lifecycle/suspend",
	"unlock":                 "lifecycle/unlock",
	"unsuspend":              "lifecycle/unsuspend",
}

// full returns the JSON of a single user, with all links.
func (u *user) full(base string) userBody {
	self := base + "/api/v1/users/" + u.id
	b := u.body()
	b.Links = map[string]any{
		"self":   link(self),
		"schema": link(base + "/api/v1/meta/schemas/user/" + newID("osc", "user")),
		"type":   link(base + "/api/v1/meta/types/user/" + userTypeID),
	}
	for _, name := range userOperations[u.status] {
		b.Links[name] = link(self+"/"+operationPaths[name], map[string]any{"method": "POST"})
	}
	return b
}

// getUser implements GET /api/v1/users/{user}.
func getUser(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	return oktaResponse{body: u.full(c.base)}, nil
}

// listUsers implements GET /api/v1/users with q, filter, search, limit and after. Without filter
// and search the list does not contain DEPROVISIONED users. With q it has only one page.
func (e *Emulator) listUsers(c *oktaCall) (oktaResponse, *oktaError) {
	q := c.URL.Query()
	isSearch, isQ := q.Get("search") != "", q.Get("q") != ""
	match, failure := userMatch(q.Get("q"), q.Get("filter"), q.Get("search"))
	if failure != nil {
		return oktaResponse{}, failure
	}
	byDefault := 200
	if isQ {
		byDefault = 10
	}
	limit, failure := c.limit(byDefault, 200)
	if failure != nil {
		return oktaResponse{}, failure
	}
	var hits []*user
	for _, u := range e.org.users {
		if isSearch {
			u = e.org.indexedUser(u, c.at)
		}
		if u != nil && match(u) {
			hits = append(hits, u)
		}
	}
	links := []string{selfLink(c)}
	if isQ {
		hits = hits[:min(limit, len(hits))]
	} else if hits, links, failure = paged(c, hits, limit, e.size); failure != nil {
		return oktaResponse{}, failure
	}
	bodies := make([]userBody, 0, len(hits))
	for _, u := range hits {
		b := u.body()
		b.Links = map[string]any{"self": link(c.base + "/api/v1/users/" + u.id)}
		bodies = append(bodies, b)
	}
	return oktaResponse{body: bodies, links: links}, nil
}

// userMatch returns the condition of a list of users. At most one of q, filter and search may be
// set.
func userMatch(q, filter, search string) (predicate[*user], *oktaError) {
	switch {
	case q != "" && filter+search != "", filter != "" && search != "":
		return nil, errSearchAndFilter
	case filter+search == "":
		return func(u *user) bool { return u.status != statusDeprovisioned && (q == "" || u.startsWith(q)) }, nil
	}
	match, ok := parseExpression(filter+search, filter != "", userAttribute)
	if !ok {
		return nil, errInvalidSearch
	}
	return match, nil
}

// startsWith reports whether a name, the e-mail address or the login begins with q, in upper or
// lower case.
func (u *user) startsWith(q string) bool {
	return slices.ContainsFunc([]string{"firstName", "lastName", "email", "login"}, func(attribute string) bool {
		return strings.HasPrefix(strings.ToLower(u.text(attribute)), strings.ToLower(q))
	})
}

// updateUser implements POST /api/v1/users/{user}: it changes the given profile attributes and the
// password.
func (e *Emulator) updateUser(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	var in struct {
		Profile     map[string]any `json:"profile"`
		Credentials struct {
			Password *struct {
				Value *string `json:"value"`
			} `json:"password"`
		} `json:"credentials"`
	}
	if failure := c.decode(&in); failure != nil {
		return oktaResponse{}, failure
	}
	if _, failure := c.flag("strict", false); failure != nil {
		return oktaResponse{}, failure
	}
	if u.status == statusDeprovisioned {
		return oktaResponse{}, errWrongStatus
	}
	if u.directory != "" {
		return oktaResponse{}, errMastered
	}
	profile := maps.Clone(u.profile)
	maps.Copy(profile, in.Profile)
	if failure := e.org.checkProfile(u, profile); failure != nil {
		return oktaResponse{}, failure
	}
	var password *string
	if in.Credentials.Password != nil {
		password = in.Credentials.Password.Value
	}
	if password != nil {
		if broken := brokenRules(*password, profile["login"].(string)); len(broken) > 0 {
			return oktaResponse{}, weakPassword(broken)
		}
		u.setPassword(*password, c.at)
	}
	if in.Profile != nil {
		e.org.setProfile(u, profile)
	}
	u.lastUpdated = c.at
	return oktaResponse{body: u.full(c.base)}, nil
}

// checkProfile validates the new profile of a user.
func (o *org) checkProfile(u *user, profile map[string]any) *oktaError {
	for _, attribute := range []string{"login", "email", "firstName", "lastName"} {
		if s, ok := profile[attribute].(string); !ok || s == "" {
			return invalid(attribute, "The field cannot be left blank")
		}
	}
	if other := o.userByLogin[strings.ToLower(profile["login"].(string))]; other != nil && other != u {
		return invalid("login", "An object with this field already exists in the current organization")
	}
	return nil
}

// setPassword sets the password. The user becomes ACTIVE unless it is STAGED or SUSPENDED.
func (u *user) setPassword(password string, at time.Time) {
	u.password, u.passwordChanged = password, at
	if u.status != statusStaged && u.status != statusSuspended {
		u.setStatus(statusActive, at)
	}
}

// brokenRules returns the rules of the password policy that a password violates.
func brokenRules(password, login string) []string {
	var broken []string
	name, _, _ := strings.Cut(login, "@")
	for _, rule := range []struct {
		name string
		met  bool
	}{
		{"at least 8 characters", len([]rune(password)) >= 8},
		{"a lowercase letter", strings.ContainsFunc(password, unicode.IsLower)},
		{"an uppercase letter", strings.ContainsFunc(password, unicode.IsUpper)},
		{"a number", strings.ContainsFunc(password, unicode.IsDigit)},
		{"no parts of your username", !strings.Contains(strings.ToLower(password), strings.ToLower(name))},
	} {
		if !rule.met {
			broken = append(broken, rule.name)
		}
	}
	return broken
}
