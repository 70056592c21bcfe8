package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types of a group.
const (
	groupOkta    = "OKTA_GROUP"
	groupApp     = "APP_GROUP" // mastered by an application; its name need not be unique
	groupBuiltIn = "BUILT_IN"
)

// group is a group of the organization.
type group struct {
	id          string
	n           int
	name        string
	description any // a string or nil
	kind        string
	members     []*user
	roles       []*role // which its members inherit
	directory   string  // which masters an APP_GROUP

	created, lastUpdated, lastMembershipUpdated time.Time
}

func (g *group) place() int { return g.n }

// add adds a member.
func (g *group) add(u *user, at time.Time) {
	g.members = append(g.members, u)
	u.groups = append(u.groups, g)
	g.lastMembershipUpdated = at
}

// groupNamed returns the group with that name, or nil. It ignores groups of applications.
func (o *org) groupNamed(name string) *group {
	for _, g := range o.groups {
		if g.name == name && g.kind != groupApp {
			return g
		}
	}
	return nil
}

func (o *org) addGroup(name string, description any, at time.Time) *group {
	id := GroupID(name)
	if o.groupByID[id] != nil {
		id = newID("00g", name, strconv.Itoa(len(o.groups)))
	}
	g := &group{
		id: id, n: len(o.groups), name: name, description: description, kind: groupOkta,
		created: at, lastUpdated: at, lastMembershipUpdated: at,
	}
	o.groups = append(o.groups, g)
	o.groupByID[g.id] = g
	return g
}

// groupBody is the JSON of a group.
type groupBody struct {
	ID                    string         `json:"id"`
	Created               stamp          `json:"created"`
	LastUpdated           stamp          `json:"lastUpdated"`
	LastMembershipUpdated stamp          `json:"lastMembershipUpdated"`
	ObjectClass           []string       `json:"objectClass"`
	Type                  string         `json:"type"`
	Profile               map[string]any `json:"profile"`
	Links                 map[string]any `json:"_links"`
}

func (g *group) body(base string) groupBody {
	self := base + "/api/v1/groups/" + g.id
	logo := func(size string) map[string]any {
		return link(base+"/assets/img/logos/groups/okta-"+size+".png", map[string]any{"name": size, "type": "image/png"})
	}
	b := groupBody{
		ID: g.id, ObjectClass: []string{"okta:user_group"}, Type: g.kind,
		Created: stamp(g.created), LastUpdated: stamp(g.lastUpdated),
		LastMembershipUpdated: stamp(g.lastMembershipUpdated),
		Profile:               map[string]any{"name": g.name, "description": g.description},
		Links: map[string]any{
			"logo":  []any{logo("medium"), logo("large")},
			"users": link(self + "/users"),
			"apps":  link(self + "/apps"),
		},
	}
	if g.kind == groupApp {
		g.imported(&b, base)
	}
	return b
}

func groupBodies(groups []*group, base string) []groupBody {
	bodies := make([]groupBody, 0, len(groups))
	for _, g := range groups {
		bodies = append(bodies, g.body(base))
	}
	return bodies
}

// listGroups implements GET /api/v1/groups with search, limit and after, or with q, a prefix of the
// name in upper or lower case. q returns at most 300 groups and no next page. SetSearchLag delays
// search.
func (e *Emulator) listGroups(c *oktaCall) (oktaResponse, *oktaError) {
	q, search := c.URL.Query().Get("q"), c.URL.Query().Get("search")
	most := 10000
	if q != "" {
		most = 300
	}
	if q != "" && search != "" {
		return oktaResponse{}, errSearchAndFilter
	}
	limit, failure := c.limit(most, most)
	if failure != nil {
		return oktaResponse{}, failure
	}
	if q == "" {
		found := e.org.groups
		if search != "" {
			match, ok := parseExpression(search, false, groupAttribute)
			if !ok {
				return oktaResponse{}, errInvalidSearch
			}
			indexed := c.at.Add(-e.org.delays.search)
			found = slices.DeleteFunc(slices.Clone(found), func(g *group) bool {
				return e.org.delays.search > 0 && g.created.After(indexed) || !match(g)
			})
		}
		groups, links, failure := paged(c, found, limit, e.size)
		return oktaResponse{body: groupBodies(groups, c.base), links: links}, failure
	}
	var hits []*group
	for _, g := range e.org.groups {
		if strings.HasPrefix(strings.ToLower(g.name), strings.ToLower(q)) && len(hits) < limit {
			hits = append(hits, g)
		}
	}
	return oktaResponse{body: groupBodies(hits, c.base), links: []string{selfLink(c)}}, nil
}

// groupAttribute returns the getter of a group's attribute.
func groupAttribute(name string) (get func(*group) any, isTime bool) {
	switch strings.ToLower(name) {
	case "id":
		return func(g *group) any { return g.id }, false
	case "type":
		return func(g *group) any { return g.kind }, false
	case "profile.name":
		return func(g *group) any { return g.name }, false
	case "profile.description":
		return func(g *group) any { return g.description }, false
	case "created":
		return timeOf(func(g *group) time.Time { return g.created })
	case "lastupdated":
		return timeOf(func(g *group) time.Time { return g.lastUpdated })
	case "lastmembershipupdated":
		return timeOf(func(g *group) time.Time { return g.lastMembershipUpdated })
	}
	return nil, false
}

// getGroup implements GET /api/v1/groups/{group}.
func (e *Emulator) getGroup(c *oktaCall) (oktaResponse, *oktaError) {
	g := e.org.groupByID[c.PathValue("group")]
	if g == nil {
		return oktaResponse{}, notFound(c.PathValue("group"), "UserGroup")
	}
	return oktaResponse{body: g.body(c.base)}, nil
}

// createGroup implements POST /api/v1/groups.
func (e *Emulator) createGroup(c *oktaCall) (oktaResponse, *oktaError) {
	var in struct {
		Profile struct {
			Name        string  `json:"name"`
			Description *string `json:"description"`
		} `json:"profile"`
	}
	if failure := c.decode(&in); failure != nil {
		return oktaResponse{}, failure
	}
	var description any
	if in.Profile.Description != nil {
		description = *in.Profile.Description
	}
	switch name := in.Profile.Name; {
	case strings.TrimSpace(name) == "":
		return oktaResponse{}, invalid("name", "The field cannot be left blank")
	case len([]rune(name)) > 255:
		return oktaResponse{}, invalid("name", "The field is too long")
	case e.org.groupNamed(name) != nil:
		return oktaResponse{}, invalid("name", "An object with this field already exists in the current organization")
	default:
		return oktaResponse{body: e.org.addGroup(name, description, c.at).body(c.base)}, nil
	}
}

// listUserGroups implements GET /api/v1/users/{user}/groups with limit and after.
func (e *Emulator) listUserGroups(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	limit, failure := c.limit(200, 200)
	if failure != nil {
		return oktaResponse{}, failure
	}
	groups := slices.SortedFunc(slices.Values(e.org.groupsOf(u)), func(a, b *group) int { return a.n - b.n })
	groups, links, failure := paged(c, groups, limit, e.size)
	return oktaResponse{body: groupBodies(groups, c.base), links: links}, failure
}

// addMember implements PUT /api/v1/groups/{group}/users/{userId}.
func (e *Emulator) addMember(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	g, failure := e.ownGroup(c)
	if failure != nil {
		return oktaResponse{}, failure
	}
	member := slices.Contains(u.groups, g)
	if !member {
		g.add(u, c.at)
	}
	return oktaResponse{status: http.StatusNoContent, idle: member}, nil
}

// removeMember implements DELETE /api/v1/groups/{group}/users/{userId}.
func (e *Emulator) removeMember(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	g, failure := e.ownGroup(c)
	if failure != nil {
		return oktaResponse{}, failure
	}
	member := slices.Contains(u.groups, g)
	if member {
		g.members = slices.DeleteFunc(g.members, func(m *user) bool { return m == u })
		u.groups = slices.DeleteFunc(u.groups, func(other *group) bool { return other == g })
		g.lastMembershipUpdated = c.at
	}
	return oktaResponse{status: http.StatusNoContent, idle: !member}, nil
}

// ownGroup returns the group in the path if its members can be changed.
func (e *Emulator) ownGroup(c *oktaCall) (*group, *oktaError) {
	g := e.org.groupByID[c.PathValue("group")]
	switch {
	case g == nil:
		return nil, notFound(c.PathValue("group"), "UserGroup")
	case g.kind != groupOkta:
		return nil, errUnsupported
	}
	return g, nil
}
