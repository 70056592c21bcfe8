package emulator

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is an event of the System Log.
type event struct {
	n  int
	at time.Time

	kind           string
	actor          principal
	client         origin
	result, reason string
	targets        []principal
	transaction    string
}

func (v *event) place() int { return v.n }

// newest orders events from the newest to the oldest.
type newest struct{ *event }

func (v newest) place() int { return -v.n }

// principal is an actor or a target of an event.
type principal struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	AlternateID string `json:"alternateId"`
	DisplayName string `json:"displayName"`
}

// origin is the client of a request.
type origin struct{ ip, agent, city, country string }

// logged are the events that Okta writes for the routes that change something.
// https://developer.okta.com/docs/reference/api/event-types/
var logged = map[string]string{
	"POST /api/v1/users/{user}/lifecycle/activate":                           "user.lifecycle.activate",
	"POST /api/v1/users/{user}/lifecycle/reactivate":                         "user.lifecycle.reactivate",
	"POST /api/v1/users/{user}/lifecycle/deactivate":                         "user.lifecycle.deactivate",
	"POST /api/v1/users/{user}/lifecycle/suspend":                            "user.lifecycle.suspend",
	"POST /api/v1/users/{user}/lifecycle/unsuspend":                          "user.lifecycle.unsuspend",
	"POST /api/v1/users/{user}/lifecycle/unlock":                             "user.account.unlock",
	"POST /api/v1/users/{user}/lifecycle/reset_password":                     "user.account.reset_password",
	"POST /api/v1/users/{user}/lifecycle/expire_password":                    "user.account.expire_password",
	"POST /api/v1/users/{user}/lifecycle/expire_password_with_temp_password": "user.account.expire_password",
	"POST /api/v1/users/{user}/lifecycle/reset_factors":                      "user.mfa.factor.reset_all",
	"DELETE /api/v1/users/{user}/factors/{factor}":                           "user.mfa.factor.deactivate",
	"POST /api/v1/users/{user}":                                              "user.account.update_password",
	"DELETE /api/v1/users/{user}/sessions":                                   "user.session.clear",
	"POST /oauth2/v1/global-token-revocation":                                "user.authentication.universal_logout",
	"PUT /api/v1/users/{user}/risk":                                          "user.risk.change",
	"DELETE /api/v1/users/{user}/grants":                                     "app.oauth2.consent.revoke",
	"DELETE /api/v1/users/{user}/clients/{client}/tokens":                    "app.oauth2.token.revoke",
	"POST /api/v1/users/{user}/roles":                                        "user.account.privilege.grant",
	"DELETE /api/v1/users/{user}/roles/{assignment}":                         "user.account.privilege.revoke",
	"POST /api/v1/groups":                                                    "group.lifecycle.create",
	"PUT /api/v1/groups/{group}/users/{user}":                                "group.user_membership.add",
	"DELETE /api/v1/groups/{group}/users/{user}":                             "group.user_membership.remove",
}

// logs writes the event of a route if the handler succeeds and changed something.
func (e *Emulator) logs(pattern string, h oktaHandler) oktaHandler {
	kind, ok := logged[pattern]
	if !ok {
		return h
	}
	return func(c *oktaCall) (oktaResponse, *oktaError) {
		response, failure := h(c)
		if failure != nil || response.idle {
			return response, failure
		}
		v := &event{kind: kind, at: c.at.UTC(), result: "SUCCESS", transaction: c.id, actor: e.actor(c)}
		v.client.ip, _, _ = net.SplitHostPort(c.RemoteAddr)
		v.client.agent = c.UserAgent()
		u := c.subject
		if u == nil {
			u = e.org.find(c.PathValue("user"))
		}
		if u != nil {
			v.targets = append(v.targets, u.principal())
		}
		if g := e.org.groupByID[c.PathValue("group")]; g != nil {
			v.targets = append(v.targets, principal{g.id, "UserGroup", "unknown", g.name})
		}
		e.org.record(v)
		return response, nil
	}
}

// actor returns the owner of the API token, or the service app.
func (e *Emulator) actor(c *oktaCall) principal {
	if c.byApp {
		return principal{c.clientID, "PublicClientApp", "unknown", "service app"}
	}
	return e.org.owner.principal()
}

func (u *user) principal() principal {
	return principal{u.id, "User", u.login(), u.text("firstName") + " " + u.text("lastName")}
}

// record adds an event to the System Log.
func (o *org) record(v *event) {
	o.events++
	v.n = o.events
	o.systemLog = append(o.systemLog, v)
}

// seedLog writes the story of alice: she signs in from two countries, and one sign-in and one push
// fail.
func (o *org) seedLog(now time.Time) {
	alice := o.find("alice@acme.test")
	berlin := origin{"192.0.2.10", "Mozilla/5.0", "Berlin", "Germany"}
	lagos := origin{"198.51.100.7", "curl/8.7", "Lagos", "Nigeria"}
	const signIn, denied = "user.session.start", "user.mfa.okta_verify.deny_push"
	for _, v := range []*event{
		{at: now.Add(-20 * time.Hour), kind: signIn, client: berlin, result: "SUCCESS"},
		{at: now.Add(-180 * time.Minute), kind: signIn, client: lagos, result: "FAILURE", reason: "INVALID_CREDENTIALS"},
		{at: now.Add(-170 * time.Minute), kind: denied, client: berlin, result: "FAILURE"},
		{at: now.Add(-160 * time.Minute), kind: signIn, client: lagos, result: "SUCCESS"},
	} {
		v.at, v.actor, v.targets = v.at.UTC(), alice.principal(), []principal{alice.principal()}
		v.transaction = derive(27, "sign-in", strconv.Itoa(o.events))
		o.record(v)
	}
}

// SetLogDelay delays the events of the System Log: an event is in the log this long after its change.
func (e *Emulator) SetLogDelay(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.org.delays.log = d
}

// AddEvent adds an event to the System Log in which a user is the actor and the target. It panics if
// the user does not exist.
func (e *Emulator) AddEvent(kind, login string, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.org.find(login).principal()
	e.org.record(&event{
		at: at.UTC(), kind: kind, result: "SUCCESS", actor: u, targets: []principal{u},
		transaction: derive(27, kind, strconv.Itoa(e.org.events)),
	})
}

// listLogs implements GET /api/v1/logs with since, until, filter, q, limit, sortOrder and after. since
// is seven days before until by default.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/
func (e *Emulator) listLogs(c *oktaCall) (oktaResponse, *oktaError) {
	q := c.URL.Query()
	until, failure := c.time("until", c.at)
	if failure != nil {
		return oktaResponse{}, failure
	}
	since, failure := c.time("since", until.Add(-7*24*time.Hour))
	if failure != nil {
		return oktaResponse{}, failure
	}
	match := func(*event) bool { return true }
	if filter := q.Get("filter"); filter != "" {
		parsed, ok := parseExpression(filter, false, eventAttribute)
		if !ok {
			return oktaResponse{}, errInvalidSearch
		}
		match = parsed
	}
	limit, failure := c.limit(100, 1000)
	if failure != nil {
		return oktaResponse{}, failure
	}
	var found []*event
	for _, v := range e.org.systemLog {
		visible := !v.at.Add(e.org.delays.log).After(c.at)
		if visible && !v.at.Before(since) && v.at.Before(until.Add(time.Millisecond)) && match(v) && v.mentions(q.Get("q")) {
			found = append(found, v)
		}
	}
	slices.SortStableFunc(found, func(a, b *event) int { return a.at.Compare(b.at) })
	if q.Get("sortOrder") != "DESCENDING" {
		page, links, failure := paged(c, found, limit, e.size)
		return oktaResponse{body: eventBodies(page), links: links}, failure
	}
	slices.Reverse(found)
	var reversed []newest
	for _, v := range found {
		reversed = append(reversed, newest{v})
	}
	page, links, failure := paged(c, reversed, limit, e.size)
	found = found[:0]
	for _, v := range page {
		found = append(found, v.event)
	}
	return oktaResponse{body: eventBodies(found), links: links}, failure
}

// time returns a query parameter that is a time in ISO 8601.
func (c *oktaCall) time(name string, byDefault time.Time) (time.Time, *oktaError) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return byDefault, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, invalid(name, "The field must be a date in ISO 8601")
	}
	return t, nil
}

// mentions reports whether the event contains all words of a query, ignoring case.
func (v *event) mentions(q string) bool {
	text := strings.ToLower(string(encode(v.body())))
	return !slices.ContainsFunc(strings.Fields(strings.ToLower(q)), func(word string) bool {
		return !strings.Contains(text, word)
	})
}

// eventAttribute returns the getter of an attribute of an event. Those of the targets are lists.
func eventAttribute(name string) (get func(*event) any, isTime bool) {
	ofTargets := func(member func(p principal) string) (func(*event) any, bool) {
		return func(v *event) any {
			list := []string{}
			for _, p := range v.targets {
				list = append(list, member(p))
			}
			return list
		}, false
	}
	switch strings.ToLower(name) {
	case "eventtype":
		return func(v *event) any { return v.kind }, false
	case "actor.id":
		return func(v *event) any { return v.actor.ID }, false
	case "actor.alternateid":
		return func(v *event) any { return v.actor.AlternateID }, false
	case "target.id":
		return ofTargets(func(p principal) string { return p.ID })
	case "target.alternateid":
		return ofTargets(func(p principal) string { return p.AlternateID })
	case "outcome.result":
		return func(v *event) any { return v.result }, false
	case "client.ipaddress":
		return func(v *event) any { return v.client.ip }, false
	case "transaction.id":
		return func(v *event) any { return v.transaction }, false
	case "published":
		return timeOf(func(v *event) time.Time { return v.at })
	}
	return nil, false
}

// eventBodies returns the events as Okta's LogEvent objects.
func eventBodies(events []*event) []map[string]any {
	bodies := []map[string]any{}
	for _, v := range events {
		bodies = append(bodies, v.body())
	}
	return bodies
}

func (v *event) body() map[string]any {
	outcome := map[string]any{"result": v.result}
	if v.reason != "" {
		outcome["reason"] = v.reason
	}
	client := map[string]any{
		"ipAddress": v.client.ip, "device": "Computer", "zone": "null",
		"userAgent": map[string]any{"rawUserAgent": v.client.agent, "os": "Unknown", "browser": "UNKNOWN"},
	}
	if v.client.city != "" {
		client["geographicalContext"] = map[string]any{"city": v.client.city, "country": v.client.country}
	}
	return map[string]any{
		"uuid": derive(36, "event", strconv.Itoa(v.n)), "published": stamp(v.at), "eventType": v.kind, "version": "0",
		"severity": "INFO", "actor": v.actor, "client": client, "outcome": outcome, "target": v.targets,
		"transaction": map[string]any{"type": "WEB", "id": v.transaction, "detail": map[string]any{}},
	}
}
