package emulator

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Users returns the users whose login or name contains a text, in any case and in the order of their creation: at most
// limit from offset, and the number of all.
func (e *Emulator) Users(text string, offset, limit int) (page []UserState, all int) {
	text = strings.ToLower(text)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.completeChanges(e.now())
	for _, u := range e.org.users {
		name := u.login() + " " + u.text("firstName") + " " + u.text("lastName")
		if !strings.Contains(strings.ToLower(name), text) {
			continue
		}
		if all++; all > offset && len(page) < limit {
			page = append(page, u.state())
		}
	}
	return page, all
}

// Moment is an entry of the timeline of a user.
type Moment struct {
	Time   time.Time
	Kind   string // event (of the System Log), request or signal
	Text   string // the type of the event, the method and path of the request, or the type of the signal
	Result string // SUCCESS, FAILURE; the status of the request; accepted, ignored or rejected
	Detail string // who did it and from where; the error of a signal
}

// Timeline returns what concerned a user, newest first, at most limit entries: the events of the System Log with the
// user as actor or target, the requests that name the user, and the signals about the user. It is nil for an unknown
// user.
func (e *Emulator) Timeline(idOrLogin string, limit int) []Moment {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.org.find(idOrLogin)
	if u == nil {
		return nil
	}
	moments := slices.Concat(e.org.eventsOf(u), e.org.requestsOf(u), e.org.signalsOf(u))
	slices.Reverse(moments) // the last of the same time first
	slices.SortStableFunc(moments, func(a, b Moment) int { return b.Time.Compare(a.Time) })
	return moments[:min(limit, len(moments))]
}

func (o *org) eventsOf(u *user) []Moment {
	var moments []Moment
	for _, v := range o.systemLog {
		if v.actor.ID != u.id && !slices.ContainsFunc(v.targets, func(p principal) bool { return p.ID == u.id }) {
			continue
		}
		detail := "by " + cmp.Or(v.actor.AlternateID, v.actor.ID)
		if v.client.city != "" {
			detail = fmt.Sprintf("from %s, %s (%s)", v.client.city, v.client.country, v.client.ip)
		}
		if v.reason != "" {
			detail += ", " + v.reason
		}
		moments = append(moments, Moment{v.at, "event", v.kind, v.result, detail})
	}
	return moments
}

func (o *org) requestsOf(u *user) []Moment {
	var moments []Moment
	for _, r := range o.log {
		if !r.names(u) {
			continue
		}
		result := "no response"
		if r.Status != 0 {
			result = fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status))
		}
		moments = append(moments, Moment{r.Time, "request", r.Method + " " + r.Path, result, ""})
	}
	return moments
}

// names reports whether a request has the ID or the login of a user in its path, or the ID in its body.
func (r *LoggedRequest) names(u *user) bool {
	inPath := slices.ContainsFunc(strings.Split(r.Path, "/"), func(element string) bool {
		name, err := url.PathUnescape(element)
		return err == nil && slices.ContainsFunc([]string{u.id, u.login(), shortLogin(u.login())},
			func(n string) bool { return strings.EqualFold(n, name) })
	})
	return inPath || strings.Contains(r.Body, u.id)
}

func (o *org) signalsOf(u *user) []Moment {
	var moments []Moment
	for _, s := range o.signals {
		email := string(encode(u.text("email"))) // with its quotes: another address may end with this one
		if email == `""` || !strings.Contains(strings.ToLower(string(encode(s.Claims))), strings.ToLower(email)) {
			continue
		}
		m := Moment{s.Time, "signal", "signal", "rejected", s.Error}
		if events, ok := s.Claims["events"].(map[string]any); ok {
			for kind := range events {
				m.Text = kind[strings.LastIndex(kind, "/")+1:]
			}
		}
		switch {
		case s.Accepted:
			m.Result = "accepted"
		case s.Verified:
			m.Result = "ignored"
		}
		moments = append(moments, m)
	}
	return moments
}
