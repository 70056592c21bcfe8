package emulator

import (
	"maps"
	"slices"
	"strings"
)

// userTypeID is the ID of the only user type of the organization.
var userTypeID = newID("oty", "user")

// org is the state that a reset replaces.
type org struct {
	tokens []*apiToken // those that are not revoked, newest last; at least one

	users       []*user
	userByID    map[string]*user
	userByLogin map[string]*user   // by login in lower case
	userByShort map[string][]*user // by the local part of the login in lower case
	owner       *user              // of the API token: "me"

	groups                  []*group
	groupByID               map[string]*group
	everyone                *group
	administrators          *group
	listGroupAdministrators bool // with those who hold roles through a group only

	orgRoles  []*orgRole
	providers []provider

	apps         map[string]*registeredApp // by client ID
	accessTokens map[string]*issuedToken
	used         map[string]bool // assertions and DPoP proofs

	signals []ReceivedSignal
	seenJTI map[string]bool // issuer and jti

	lacks map[string]bool // features
	rules []*groupRule

	systemLog []*event
	events    int // ever written

	delays  delays
	faults  []*activeFault
	limits  []*activeLimit
	log     []*LoggedRequest
	dropped int // from log
	calls   int // since the last reset
	load    int // load users
}

// find returns the user for a path element: "me", an ID, a login in upper or lower case, or the
// local part of a login if only one user has it. It returns nil if there is none.
func (o *org) find(s string) *user {
	if s == "me" {
		return o.owner
	}
	if u := o.userByID[s]; u != nil {
		return u
	}
	s = strings.ToLower(s)
	if u := o.userByLogin[s]; u != nil {
		return u
	}
	if short := o.userByShort[s]; len(short) == 1 {
		return short[0]
	}
	return nil
}

// insert adds a user and makes it a member of Everyone.
func (o *org) insert(u *user) {
	u.n = len(o.users)
	u.id = UserID(u.login())
	o.users = append(o.users, u)
	o.userByID[u.id] = u
	o.index(u)
	o.everyone.add(u, u.created)
}

// setProfile replaces a user's profile.
func (o *org) setProfile(u *user, profile map[string]any) {
	delete(o.userByLogin, strings.ToLower(u.login()))
	short := shortLogin(u.login())
	o.userByShort[short] = slices.DeleteFunc(o.userByShort[short], func(other *user) bool { return other == u })
	u.profile = profile
	o.index(u)
}

func (o *org) index(u *user) {
	o.userByLogin[strings.ToLower(u.login())] = u
	o.userByShort[shortLogin(u.login())] = append(o.userByShort[shortLogin(u.login())], u)
}

func shortLogin(login string) string {
	name, _, _ := strings.Cut(strings.ToLower(login), "@")
	return name
}

// AddUser adds a user and returns its ID. It panics if the login is empty or in use, or if the
// status or a role is unknown.
func (e *Emulator) AddUser(s UserSeed) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.org.addUser(s, e.now().UTC()).id
}

// SetProfile changes attributes of a user's profile. It panics if the user does not exist.
func (e *Emulator) SetProfile(id string, attributes map[string]any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.org.userByID[id]
	e.org.keepVersion(u, e.now())
	profile := maps.Clone(u.profile)
	maps.Copy(profile, attributes)
	e.org.setProfile(u, profile)
}

// SetStatus sets the status of a user. It panics if the user does not exist.
func (e *Emulator) SetStatus(id, status string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.org.userByID[id]
	e.org.keepVersion(u, e.now())
	u.setStatus(status, e.now().UTC())
}

// AddAppGroup adds a group that an application masters and returns its ID. The name need not be
// unique.
func (e *Emulator) AddAppGroup(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.org.addGroup(name, nil, e.now().UTC())
	g.kind = groupApp
	return g.id
}

// AddGroup adds a group and returns its ID. It panics if the name is empty or in use.
func (e *Emulator) AddGroup(name, description string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if name == "" || e.org.groupNamed(name) != nil {
		panic("emulator: the group name " + name + " is empty or in use")
	}
	return e.org.addGroup(name, description, e.now().UTC()).id
}

// User returns a copy of a user by its ID, login or local part of the login.
func (e *Emulator) User(idOrLogin string) (UserState, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.completeChanges(e.now())
	u := e.org.find(idOrLogin)
	if u == nil {
		return UserState{}, false
	}
	return u.state(), true
}

// state returns a copy of the user.
func (u *user) state() UserState {
	s := UserState{
		ID: u.id, Login: u.login(), Name: strings.TrimSpace(u.text("firstName") + " " + u.text("lastName")),
		Email: u.text("email"), Status: u.status, Password: u.password,
		Sessions: u.sessions, OAuthTokens: u.tokens, AppSessions: u.appSessions,
		Factors: u.factorKinds(), Grants: len(u.grants()), Risk: u.risk, RiskReason: u.riskReason, Blocked: u.blocked,
		Mails: slices.Clone(u.mails), Profile: maps.Clone(u.profile),
	}
	for _, k := range u.clients {
		s.RefreshTokens += k.tokens
	}
	for _, r := range u.roles {
		s.Roles = append(s.Roles, r.kind)
		s.RoleAssignments = append(s.RoleAssignments, r.state("USER"))
	}
	for _, g := range u.groups {
		s.Groups = append(s.Groups, g.name)
		for _, r := range g.roles {
			s.RoleAssignments = append(s.RoleAssignments, r.state("GROUP"))
		}
	}
	return s
}

// Group returns a copy of a group by its ID or exact name.
func (e *Emulator) Group(idOrName string) (GroupState, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.org.groupByID[idOrName]
	if g == nil {
		g = e.org.groupNamed(idOrName)
	}
	if g == nil {
		return GroupState{}, false
	}
	s := GroupState{ID: g.id, Name: g.name, Type: g.kind}
	s.Description, _ = g.description.(string)
	for _, u := range g.members {
		s.Members = append(s.Members, u.login())
	}
	for _, r := range g.roles {
		s.Roles = append(s.Roles, r.kind)
	}
	return s, true
}
