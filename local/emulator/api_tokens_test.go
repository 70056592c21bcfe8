package emulator_test

import (
	"testing"
	"time"

	"example.com/okta-secops/local/emulator"
)

type listedToken struct {
	Name, UserID, TokenWindow string
	LastUpdated, ExpiresAt    time.Time
}

// ownTokens lists the API tokens of the emulator, by name, with another token.
func (o *org) ownTokens(token string) map[string]listedToken {
	o.t.Helper()
	a, err := o.send("GET", o.url+"/api/v1/api-tokens", "", "Authorization", "SSWS "+token)
	if err != nil || a.status != 200 {
		o.t.Fatalf("%v, status %d: %s", err, a.status, a.body)
	}
	var all []listedToken
	a.into(o.t, &all)
	own := map[string]listedToken{}
	for _, listed := range all {
		if listed.UserID == emulator.UserID("svc-secops@acme.test") {
			own[listed.Name] = listed
		}
	}
	return own
}

func TestAPIToken_EachUseRenewsIt(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	o := start(t)
	o.SetToken("reader", true)
	made := o.clock.Now()
	o.clock.advance(20 * day)
	own := o.ownTokens("reader")
	first := own["okta-secops"]
	if len(own) != 2 || !first.LastUpdated.Equal(made) || !first.ExpiresAt.Equal(made.Add(30*day)) || first.TokenWindow != "P30D" {
		t.Errorf("before the use: %v", own)
	}
	o.expect(200, "GET", "/api/v1/users/me", "")
	if first = o.ownTokens("reader")["okta-secops"]; !first.ExpiresAt.Equal(made.Add(50 * day)) {
		t.Errorf("after the use: %v", first)
	}
	for range 2 { // the reader stays in use
		o.clock.advance(15 * day)
		own = o.ownTokens("reader")
	}
	if _, listed := own["okta-secops"]; listed || len(own) != 1 {
		t.Errorf("after 30 days: %v", own)
	}
	if a := o.expect(401, "GET", "/api/v1/users/me", ""); a.code() != "E0000011" {
		t.Error(a.body)
	}
	o.Reset()
	o.expect(200, "GET", "/api/v1/users/me", "")
}

func TestAppGrants_AreTheScopesOfTheApp(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{})
	var grants []struct{ ScopeID, ClientID, Status string }
	o.expect(200, "GET", "/api/v1/apps/0oaApp/grants", "").into(t, &grants)
	if len(grants) != 2 || grants[0].ScopeID != "okta.users.read" || grants[1].ScopeID != "okta.users.manage" ||
		grants[0].ClientID != "0oaApp" || grants[0].Status != "ACTIVE" {
		t.Errorf("%v", grants)
	}
	if a := o.expect(404, "GET", "/api/v1/apps/0oaOther/grants", ""); a.code() != "E0000007" {
		t.Error(a.body)
	}
}
