package emulator_test

import (
	"crypto"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/local/emulator"
	"github.com/google/go-cmp/cmp"
)

func TestUsers_ArePagedAndSearched(t *testing.T) {
	t.Parallel()
	o := start(t)
	logins := func(text string, offset, limit int) (list []string, all int) {
		page, all := o.Users(text, offset, limit)
		for _, u := range page {
			list = append(list, u.Login)
		}
		return list, all
	}
	for _, c := range []struct {
		text          string
		offset, limit int
		want          []string
		all           int
	}{
		{"", 0, 2, []string{"admin@acme.test", "alice@acme.test"}, 13},
		{"", 12, 5, []string{"svc-secops@acme.test"}, 13},
		{"", 13, 5, nil, 13},
		{"ANDERS", 0, 5, []string{"alice@acme.test"}, 1},
		{"alice anderson", 0, 5, []string{"alice@acme.test"}, 1},
		{"none", 0, 5, nil, 0},
	} {
		if got, all := logins(c.text, c.offset, c.limit); !cmp.Equal(got, c.want) || all != c.all {
			t.Errorf("%+v: %v of %d", c, got, all)
		}
	}
}

func TestTimeline_HasEventsRequestsAndSignals(t *testing.T) {
	t.Parallel()
	o := start(t)
	id := o.user("alice").ID
	o.clock.advance(time.Hour)
	o.expect(200, "POST", "/api/v1/users/"+id+"/lifecycle/suspend", "")
	o.clock.advance(time.Second)
	o.expect(200, "GET", "/api/v1/users/ALICE%40acme.test", "")
	o.expect(200, "GET", "/api/v1/users/bob", "")
	var got []string
	for _, m := range o.Timeline("alice", 100) {
		got = append(got, strings.Join([]string{m.Time.Format("15:04:05"), m.Kind, m.Text, m.Result, m.Detail}, "|"))
	}
	want := []string{
		"11:00:01|request|GET /api/v1/users/ALICE%40acme.test|200 OK|",
		"11:00:00|request|POST /api/v1/users/" + id + "/lifecycle/suspend|200 OK|",
		"11:00:00|event|user.lifecycle.suspend|SUCCESS|by svc-secops@acme.test",
		"07:20:00|event|user.session.start|SUCCESS|from Lagos, Nigeria (198.51.100.7)",
		"07:10:00|event|user.mfa.okta_verify.deny_push|FAILURE|from Berlin, Germany (192.0.2.10)",
		"07:00:00|event|user.session.start|FAILURE|from Lagos, Nigeria (198.51.100.7), INVALID_CREDENTIALS",
		"14:00:00|event|user.session.start|SUCCESS|from Berlin, Germany (192.0.2.10)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if newest := o.Timeline("alice", 1); len(newest) != 1 || o.Timeline("nobody", 9) != nil {
		t.Errorf("%v", newest)
	}
	o.AddFault(emulator.Fault{Path: "*/bob/lifecycle/suspend", Times: 1, Drop: true})
	if _, err := client.Post(o.url+"/api/v1/users/bob/lifecycle/suspend", "", nil); err == nil { //nolint:noctx,bodyclose // of a test; there is no response
		t.Error("no fault")
	}
	if newest := o.Timeline("bob", 1); newest[0].Result != "no response" {
		t.Errorf("%v", newest)
	}
}

func TestSwitches_AreListedAndSwitchedOff(t *testing.T) {
	t.Parallel()
	o := start(t)
	switches := func() (s emulator.Switches) {
		body := o.expect(200, "GET", "/_emulator/switches", "").body
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	off := emulator.Switches{Faults: []emulator.Fault{}, Limits: []emulator.Limit{}}
	if diff := cmp.Diff(off, switches()); diff != "" {
		t.Error(diff)
	}
	o.RegisterApp(emulator.App{ClientID: "app", JWKS: jwks(map[string]crypto.Signer{"k": ecKey()}), Scopes: []string{"okta.users.read", "okta.users.manage", "okta.users.read"}})
	off.Scopes = []string{"okta.users.read", "okta.users.manage", "okta.users.read"}
	if diff := cmp.Diff(off, switches()); diff != "" {
		t.Error(diff)
	}
	for path, body := range map[string]string{
		"faults": `{"path": "/api/v1/groups*", "times": 2, "status": 500}`, "limits": `{"path": "*", "per_minute": 9}`,
		"search-lag": `{"ms": 70}`, "deactivation": `{"ms": 80, "refusal": 404}`, "app": `{"scopes": ["okta.users.read"], "dpop": true}`,
	} {
		o.expect(204, "POST", "/_emulator/"+path, body)
	}
	o.expect(500, "GET", "/api/v1/groups", "")
	want := emulator.Switches{
		Faults: []emulator.Fault{{Path: "/api/v1/groups*", Times: 1, Status: 500}}, Limits: []emulator.Limit{{Path: "*", PerMinute: 9}},
		SearchLagMS: 70, Deactivation: emulator.Deactivation{MS: 80, Refusal: 404},
		Scopes: []string{"okta.users.read"}, Missing: []string{"okta.users.manage"}, DPoP: true,
	}
	if diff := cmp.Diff(want, switches()); diff != "" {
		t.Error(diff)
	}
	status := fmt.Sprint(o.user("alice").Status)
	o.expect(204, "DELETE", "/_emulator/switches", "")
	if diff := cmp.Diff(off, switches()); diff != "" || o.user("alice").Status != status {
		t.Error(diff)
	}
}
