package emulator

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"
)

// seedDay is the time at which the seeded organization was created. Its users follow one minute
// apart.
var seedDay = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// seedPassword is the default of UserSeed.Password.
const seedPassword = "Seed-Passw0rd"

// seededOrg returns the organization acme.test in its initial state, with an API token made at that time.
func seededOrg(token string, at time.Time) *org {
	o := &org{
		tokens:      []*apiToken{newAPIToken(1, token, at)},
		userByID:    map[string]*user{},
		userByLogin: map[string]*user{},
		userByShort: map[string][]*user{},
		groupByID:   map[string]*group{},
		seenJTI:     map[string]bool{},
		lacks:       map[string]bool{},
		providers:   seededProviders(),
		apps:        map[string]*registeredApp{}, accessTokens: map[string]*issuedToken{}, used: map[string]bool{},
	}
	o.everyone = o.addGroup("Everyone", "All users in your organization", seedDay)
	o.everyone.kind = groupBuiltIn
	o.administrators = o.addGroup("Okta Administrators",
		"Okta manages this group, which contains all administrators in your organization.", seedDay)
	o.administrators.kind = groupBuiltIn
	o.addGroup("Engineering", "Builds the product", seedDay)
	o.addGroup("VPN Users", "May connect from outside", seedDay)
	helpdesk := o.addGroup("Helpdesk", "First line of support", seedDay)
	helpdesk.roles = []*role{o.newRole("HELP_DESK_ADMIN", "gra", helpdesk.id, seedDay)}
	o.addGroup("Finance", nil, seedDay)
	o.addOrgRole(CustomRoleID, customRoleLabel, seedDay)

	for i, s := range []UserSeed{
		{Login: "admin", FirstName: "Ada", LastName: "Admin", Roles: []string{"SUPER_ADMIN"}, Sessions: 1},
		{Login: "alice", LastName: "Anderson", Groups: []string{"Engineering", "VPN Users"},
			Sessions: 2, OAuthTokens: 3, AppSessions: 2,
			Factors: []string{"push", "token:software:totp", "carrier_pigeon"}, Clients: []string{"Mail", "Calendar"},
			Apps: []string{"Mail", "Payroll"}, Devices: []string{"alice-laptop"},
			Profile: map[string]any{"department": "Engineering", "title": "Engineer", "mobilePhone": "+1-555-0100"}},
		{Login: "bob", LastName: "Brown", Groups: []string{"Engineering"}, Sessions: 1, OAuthTokens: 1,
			Profile: map[string]any{"department": "Engineering"}},
		{Login: "carol", LastName: "Clark", Groups: []string{"Finance"}, Status: statusSuspended},
		{Login: "dave", LastName: "Davis", Status: statusDeprovisioned},
		{Login: "erin", LastName: "Evans", Status: statusLockedOut},
		{Login: "frank", LastName: "Foster", Status: statusStaged},
		{Login: "grace", LastName: "Green", Status: statusPasswordExpired, Sessions: 1},
		{Login: "heidi", LastName: "Hughes", Status: statusProvisioned},
		{Login: "ivan", LastName: "Ivanov", Status: statusRecovery},
		{Login: "helpdesk", FirstName: "Help", LastName: "Desk", Groups: []string{"Helpdesk", "VPN Users"}, Sessions: 1,
			APITokens: []string{"password desk"}},
		{Login: "breakglass", FirstName: "Break", LastName: "Glass", Roles: []string{"SUPER_ADMIN"}},
		{Login: "svc-secops", FirstName: "SecOps", LastName: "Service", Roles: []string{"SUPER_ADMIN"}},
	} {
		s.Login += "@acme.test"
		u := o.addUser(s, seedDay.Add(time.Duration(i)*time.Minute))
		if u.sessions > 0 {
			u.lastLogin = u.created.Add(24 * time.Hour)
		}
	}
	o.owner = o.find("svc-secops@acme.test")
	return o
}

// hasPassword reports whether users with the status of the seed have a password by default.
func (s UserSeed) hasPassword() bool {
	return s.Status != statusStaged && s.Status != statusProvisioned && s.Status != statusDeprovisioned
}

// withDefaults returns the seed with its documented defaults.
func (s UserSeed) withDefaults() UserSeed {
	name := shortLogin(s.Login)
	s.Email = cmp.Or(s.Email, s.Login)
	s.FirstName = cmp.Or(s.FirstName, strings.ToUpper(name[:1])+name[1:])
	s.LastName = cmp.Or(s.LastName, "Example")
	s.Status = cmp.Or(s.Status, statusActive)
	if s.hasPassword() {
		s.Password = cmp.Or(s.Password, seedPassword)
	}
	return s
}

// addUser adds the user of a seed. It panics if the login is empty or in use, or if the status or a
// role is unknown.
func (o *org) addUser(s UserSeed, at time.Time) *user {
	if s.Login == "" || o.userByLogin[strings.ToLower(s.Login)] != nil {
		panic(fmt.Sprintf("emulator: the login %q is empty or in use", s.Login))
	}
	s = s.withDefaults()
	if userOperations[s.Status] == nil {
		panic(fmt.Sprintf("emulator: the status %q is unknown", s.Status))
	}
	u := &user{
		profile: map[string]any{
			"firstName": s.FirstName, "lastName": s.LastName, "login": s.Login, "email": s.Email,
			"mobilePhone": nil, "secondEmail": nil,
		},
		password: s.Password, sessions: s.Sessions, tokens: s.OAuthTokens, appSessions: s.AppSessions,
		status: s.Status, created: at, statusChanged: at, lastUpdated: at,
	}
	u.risk, u.blocked, u.apps, u.devices = s.Risk, s.Blocked, s.Apps, s.Devices
	u.apiTokens = s.APITokens
	maps.Copy(u.profile, s.Profile)
	if s.hasPassword() {
		u.activated, u.passwordChanged = at, at
	}
	o.insert(u)
	u.enroll(s.Factors, at)
	u.connect(s.Clients, at)
	for _, name := range s.Groups {
		g := o.groupNamed(name)
		if g == nil {
			g = o.addGroup(name, nil, at)
		}
		g.add(u, at)
	}
	for _, kind := range s.Roles {
		r := o.newRole(kind, "ra1", u.id, at)
		if r == nil {
			panic(fmt.Sprintf("emulator: the role %q is unknown", kind))
		}
		u.roles = append(u.roles, r)
	}
	return u
}

// addLoad adds users load0@acme.test, load1@acme.test, … and continues the numbers of the last
// call.
func (o *org) addLoad(count int, at time.Time) {
	for range count {
		login := fmt.Sprintf("load%d@acme.test", o.load)
		o.addUser(UserSeed{Login: login, LastName: "Load", Sessions: 1, OAuthTokens: 1, AppSessions: 1}, at)
		o.load++
	}
}
