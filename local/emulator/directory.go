package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Directory is an Active Directory that masters users and groups.
type Directory struct {
	Name   string   `json:"name"`   // domain, such as corp.acme.test
	Users  []string `json:"users"`  // full logins; the users are ACTIVE, and the directory has their passwords
	Groups []string `json:"groups"` // names, which need not be unique
}

// AddDirectory adds the users and groups of a directory (POST /_emulator/directory) and returns the
// IDs of the groups. It panics if the directory is not valid or a login is in use.
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

// check returns the problem with a directory and the field, or "".
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
			return fmt.Sprintf("users: the login %q is empty or occurs twice", login)
		}
		logins[strings.ToLower(login)] = true
	}
	return ""
}

// loginInUse returns a problem if another user has a login of the directory, or "".
func (o *org) loginInUse(d Directory) string {
	for _, login := range d.Users {
		if o.userByLogin[strings.ToLower(login)] != nil {
			return fmt.Sprintf("users: the login %q is already in use", login)
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
	check := func(d Directory) string {
		if problem := d.check(); problem != "" {
			return problem
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.org.loginInUse(d)
	}
	applyJSON(w, r, check, func(d Directory) { e.AddDirectory(d) })
}

// imported adds the members of a directory's group to the JSON of a group.
func (g *group) imported(b *groupBody, base string) {
	b.ObjectClass = []string{"okta:windows_security_principal"}
	b.Profile["samAccountName"] = g.name
	b.Profile["windowsDomainQualifiedName"] = strings.ToUpper(strings.SplitN(g.directory, ".", 2)[0]) + `\` + g.name
	b.Profile["dn"] = "CN=" + g.name + ",DC=" + strings.ReplaceAll(g.directory, ".", ",DC=")
	b.Links["source"] = link(base + "/api/v1/apps/" + newID("0oa", g.directory))
}
