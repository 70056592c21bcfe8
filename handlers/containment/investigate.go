package containment

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type investigateParams struct {
	action.NamedUsers
	action.ScopeOn
}

var investigate = action.Define(action.Spec{
	Name: "Investigate User",
	Summary: "Read what Okta knows of users: status, groups, roles, factors, devices, grants, risk, applications " +
		"and sign-ins.",
	RunsOn:         action.UserEntities,
	OktaScopes:     []string{"okta.users.read"},
	OptionalScopes: []string{"okta.roles.read", "okta.userRisk.read", "okta.logs.read"},
	Beyond:         true,
	Example:        action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
}, func(ctx context.Context, x *action.Execution, p investigateParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		ReturnsUsers: true,
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			r := readReport(ctx, x, u)
			return action.Plan{Value: r, Message: r.sentence(u)}, nil
		},
	})
})

// signInAge is how far back sign-ins are read: Okta keeps events for 90 days.
const signInAge = 90 * 24 * time.Hour

// mostSignIns is how many sign-ins are read.
const mostSignIns = 20

// report is what Okta knows of a user. A part that cannot be read is null, and Unreadable has the
// reason.
type report struct {
	User       okta.User         `json:"user"`
	Groups     []okta.Group      `json:"groups"`
	Roles      []okta.Role       `json:"roles"` // also those held through a group
	Factors    []okta.Factor     `json:"factors"`
	Devices    []json.RawMessage `json:"devices"`
	Grants     []okta.Identified `json:"grants"`
	Apps       []json.RawMessage `json:"apps"`
	Risk       *okta.Risk        `json:"risk"`
	SignIns    []json.RawMessage `json:"sign_ins"` // the newest first
	Unreadable map[string]string `json:"unreadable"`

	mu sync.Mutex
}

// readReport reads all parts at the same time, each with the scope that it needs.
func readReport(ctx context.Context, x *action.Execution, u okta.User) *report {
	r := &report{User: u, Unreadable: map[string]string{}}
	with := func(scope string) *okta.Client { return x.Okta.WithScopes([]string{scope}) }
	var reads sync.WaitGroup
	part := func(name string, read func() error) {
		reads.Go(func() {
			if err := read(); err != nil {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.Unreadable[name] = unreadable(err)
			}
		})
	}
	part("groups", func() (err error) { r.Groups, err = x.Okta.ListUserGroups(ctx, u.ID); return err })
	part("roles", func() (err error) { r.Roles, err = with("okta.roles.read").ListRoles(ctx, u.ID); return err })
	part("factors", func() (err error) { r.Factors, err = x.Okta.ListFactors(ctx, u.ID); return err })
	part("devices", func() (err error) { r.Devices, err = x.Okta.ListUserDevices(ctx, u.ID); return err })
	part("grants", func() (err error) { r.Grants, err = x.Okta.ListGrants(ctx, u.ID); return err })
	part("apps", func() (err error) { r.Apps, err = x.Okta.ListAppLinks(ctx, u.ID); return err })
	part("risk", func() error {
		risk, err := with("okta.userRisk.read").GetUserRisk(ctx, u.ID)
		if err == nil {
			r.Risk = &risk
		}
		return err
	})
	part("sign_ins", func() error {
		now := x.Now()
		events, err := with("okta.logs.read").ListEvents(ctx, okta.EventQuery{
			Since: now.Add(-signInAge), Until: now,
			Filter: `eventType eq "user.session.start" and actor.id eq ` + okta.Quote(u.ID),
		}, mostSignIns)
		r.SignIns = events.Items
		return err
	})
	reads.Wait()
	return r
}

// unreadable returns the reason why a part cannot be read.
func unreadable(err error) string {
	if okta.LacksFeature(err) {
		return "it is not available in this org"
	}
	return strings.TrimRight(apierr.As(err).Message, ". ")
}

// sentence returns the summary of a user for the message.
func (r *report) sentence(u okta.User) string {
	var parts []string
	for _, c := range []struct {
		part, noun string
		n          int
	}{
		{"groups", "group", len(r.Groups)}, {"roles", "administrator role", len(r.Roles)},
		{"factors", "factor", len(r.Factors)}, {"devices", "device", len(r.Devices)},
		{"grants", "grant", len(r.Grants)}, {"apps", "application", len(r.Apps)},
	} {
		if r.Unreadable[c.part] == "" {
			parts = append(parts, action.Count(c.n, c.noun))
		}
	}
	if r.Risk != nil {
		parts = append(parts, "risk "+r.Risk.Level)
	}
	text := fmt.Sprintf("%s has the status %s: %s.", u.Login, u.Status, strings.Join(parts, ", "))
	if len(r.Unreadable) > 0 {
		var names []string
		for name := range r.Unreadable {
			names = append(names, name)
		}
		slices.Sort(names)
		text += " Not readable: " + strings.Join(names, ", ") + "."
	}
	return text
}
