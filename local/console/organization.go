package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
)

const (
	usersPerPage = 50
	mostMoments  = 200 // in the timeline of a user
)

// userList is a page of the list of users.
type userList struct {
	Users         []emulator.UserState
	Text          string // of the search
	From, To, All int
	Before, After string // URLs of the pages before and after; "" without one
}

// organization lists the users of the emulator: ?q= is a part of a login or name, ?page= counts from 1. Of a real
// organization it has a form that looks one user up.
func (c *console) organization(w http.ResponseWriter, r *http.Request) {
	p := page{Page: "organization", Title: "Organization"}
	if c.Emulator != nil {
		number, _ := strconv.Atoi(r.URL.Query().Get("page"))
		list := c.usersOn(max(1, number), r.URL.Query().Get("q"))
		p.List = &list
	}
	c.render(w, r, http.StatusOK, p)
}

func (c *console) usersOn(number int, text string) userList {
	number = min(number, 1<<20) // more would overflow the offset
	offset := (number - 1) * usersPerPage
	l := userList{Text: text}
	l.Users, l.All = c.Emulator.Users(strings.TrimSpace(text), offset, usersPerPage)
	l.From, l.To = min(offset+1, offset+len(l.Users)), offset+len(l.Users)
	link := func(number int) string {
		q := url.Values{"page": {strconv.Itoa(number)}}
		if text != "" {
			q.Set("q", text)
		}
		return "/console/organization?" + q.Encode()
	}
	if number > 1 {
		l.Before = link(number - 1)
	}
	if l.To < l.All {
		l.After = link(number + 1)
	}
	return l
}

// user shows a user of the emulator and the timeline of the user.
func (c *console) user(w http.ResponseWriter, r *http.Request) {
	u, ok := c.Emulator.User(r.PathValue("user"))
	if !ok || r.PathValue("user") == "me" {
		c.notFound(w, r)
		return
	}
	c.render(w, r, http.StatusOK, page{
		Page: "organization", Title: u.Login, User: &u, Timeline: c.Emulator.Timeline(u.ID, mostMoments),
		UserActions: userActions(func(action.Action) bool { return true }),
	})
}

// userAction is an action that takes a list of users.
type userAction struct {
	Name, Path string // Path: group/slug
	Users      string // the parameter with the users
	Request    string // JSON: the request of the declaration
}

// userActions returns the actions on users that have a property, by name.
func userActions(has func(action.Action) bool) []userAction {
	var list []userAction
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			i := slices.IndexFunc(a.Params, action.Param.NamesUsers)
			if i < 0 || !has(a) {
				continue
			}
			list = append(list, userAction{a.Name, g.Name + "/" + a.Slug, a.Params[i].Name, jsonText(a.Example)})
		}
	}
	slices.SortFunc(list, func(a, b userAction) int { return strings.Compare(a.Name, b.Name) })
	return list
}
