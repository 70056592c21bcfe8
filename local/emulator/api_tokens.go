package emulator

import (
	"slices"
	"strconv"
	"time"
)

// tokenWindow is the time without a use after which Okta revokes an API token. Each use renews it.
// https://help.okta.com/oie/en-us/content/topics/security/api.htm
const tokenWindow = 30 * 24 * time.Hour

// apiToken is an API token (SSWS) of this emulator. Its owner is org.owner.
type apiToken struct {
	number        int // so that no name repeats
	value         string
	created, used time.Time
}

func newAPIToken(number int, value string, at time.Time) *apiToken {
	return &apiToken{number: number, value: value, created: at, used: at}
}

// name returns okta-secops for the first token, then okta-secops-2.
func (t *apiToken) name() string {
	if t.number == 1 {
		return "okta-secops"
	}
	return "okta-secops-" + strconv.Itoa(t.number)
}

func (t *apiToken) active(at time.Time) bool { return at.Before(t.used.Add(tokenWindow)) }

// useAPIToken reports whether an active token has this value, and renews it.
func (o *org) useAPIToken(value string, at time.Time) bool {
	i := slices.IndexFunc(o.tokens, func(t *apiToken) bool { return t.value == value })
	if i < 0 || !o.tokens[i].active(at) {
		return false
	}
	o.tokens[i].used = at
	return true
}

// listAPITokens implements GET /api/v1/api-tokens: the active tokens of this emulator, and those of the users, which
// count as used now. In Okta's examples expiresAt is lastUpdated and tokenWindow.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/
func (e *Emulator) listAPITokens(c *oktaCall) (oktaResponse, *oktaError) {
	bodies := []map[string]any{}
	add := func(u *user, name string, created, used time.Time) {
		bodies = append(bodies, map[string]any{
			"id": newID("00T", u.id, name), "name": name, "userId": u.id, "clientName": "Okta API", "tokenWindow": "P30D",
			"created": stamp(created), "lastUpdated": stamp(used), "expiresAt": stamp(used.Add(tokenWindow)),
		})
	}
	for _, t := range e.org.tokens {
		if t.active(c.at) {
			add(e.org.owner, t.name(), t.created, t.used)
		}
	}
	for _, u := range e.org.users {
		for _, name := range u.apiTokens {
			add(u, name, u.created, c.at)
		}
	}
	return oktaResponse{body: bodies}, nil
}
