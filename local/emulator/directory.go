package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Directory is an Active Directory that is the source of users and groups.
type Directory struct {
	Name   string   `json:"name"`   // domain: corp.acme.test
	Users  []string `json:"users"`  // full logins; the users are ACTIVE, and the directory has their passwords
	Groups []string `json:"groups"` // names; they may repeat, and be those of other groups
}

// AddDirectory adds the users and groups of a directory (POST /_emulator/directory) and returns the
// ids of the groups. It panics where the control would answer 400.
func (e *Emulator) AddDirectory(d Directory) []string {
	if problem := d.check(); problem != "" {
		panic("emulator: " + problem)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if problem := e.org.loginInUse(d); problem != "" {
		panic("emulator: " + problem)
	}
	return e.org.addDirectory(d, e.now().UTC())
}

// check says what is wrong with a directory, naming the field.
func (d Directory) check() string {
	switch {
	case d.Name == "":
		return "name: is required"
	case slices.Contains(d.Groups, ""):
		return "groups: a name must not be empty"
	}
	logins := map[string]bool{}
	for _, login := range d.Users {
		if key := strings.ToLower(login); shortLogin(login) == "" || logins[key] {
			return fmt.Sprintf("users: the login %q is empty or given twice", login)
		}
		logins[strings.ToLower(login)] = true
	}
	return ""
}

// loginInUse names a login of the directory that a user of the organization has.
func (o *org) loginInUse(d Directory) string {
	for _, login := range d.Users {
		if o.userByLogin[strings.ToLower(login)] != nil {
			return fmt.Sprintf("users: the login %q is taken", login)
		}
	}
	return ""
}

func (o *org) addDirectory(d Directory, at time.Time) []string {
	for _, login := range d.Users {
		u := o.addUser(UserSeed{Login: login}, at)
		u.directory, u.password = d.Name, ""
	}
	var ids []string
	for _, name := range d.Groups {
		g := &group{
			id: newID("00g", d.Name, name, strconv.Itoa(len(o.groups))), n: len(o.groups),
			name: name, kind: groupApp, directory: d.Name,
			created: at, lastUpdated: at, lastMembershipUpdated: at,
		}
		o.groups = append(o.groups, g)
		o.groupByID[g.id] = g
		ids = append(ids, g.id)
	}
	return ids
}

// postDirectory implements POST /_emulator/directory.
func (e *Emulator) postDirectory(w http.ResponseWriter, r *http.Request) {
	taken := func(d Directory) string {
		if problem := d.check(); problem != "" {
			return problem
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.org.loginInUse(d)
	}
	applyJSON(w, r, taken, func(d Directory) { e.AddDirectory(d) })
}

// imported adds to the JSON of a group what one from a directory has besides.
func (g *group) imported(b *groupBody, base string) {
	b.ObjectClass = []string{"okta:windows_security_principal"}
	b.Profile["samAccountName"] = g.name
	b.Profile["windowsDomainQualifiedName"] = strings.ToUpper(strings.SplitN(g.directory, ".", 2)[0]) + `\` + g.name
	b.Profile["dn"] = "CN=" + g.name + ",DC=" + strings.ReplaceAll(g.directory, ".", ",DC=")
	b.Links["source"] = link(base + "/api/v1/apps/" + newID("0oa", g.directory))
}
