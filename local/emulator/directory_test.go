package emulator_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
)

func TestDirectory_PasswordOperationsAreRejected(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.steer("POST", "/directory", `{"name": "corp.acme.test", "users": ["anna@acme.test"]}`)
	var u struct {
		Status      string
		Credentials map[string]map[string]string
	}
	o.expect(200, "GET", "/api/v1/users/anna", "").into(t, &u)
	want := map[string]map[string]string{"provider": {"type": "ACTIVE_DIRECTORY", "name": "corp.acme.test"}}
	if diff := cmp.Diff(want, u.Credentials); diff != "" || u.Status != "ACTIVE" {
		t.Errorf("%s %s", u.Status, diff)
	}
	for _, c := range []struct{ path, body, code string }{
		{"", `{"credentials": {"password": {"value": "Correct-Horse-7"}}}`, "E0000023"},
		{"", `{"profile": {"title": "Engineer"}}`, "E0000023"},
		{"/lifecycle/reset_password?sendEmail=true", "", "E0000017"},
		{"/lifecycle/expire_password", "", "E0000023"},
		{"/lifecycle/unlock", "", "E0000032"},
	} {
		if a := o.expect(403, "POST", "/api/v1/users/anna"+c.path, c.body); a.code() != c.code {
			t.Errorf("%s: %s", c.path, a.body)
		}
	}
	o.expect(200, "POST", "/api/v1/users/anna/lifecycle/suspend", "")
	for body, field := range map[string]string{
		`{"name": "corp.acme.test", "users": ["ANNA@acme.test"]}`: "users",
		`{"name": "corp.acme.test", "users": ["b", "B"]}`:         "users",
		`{"users": ["b@acme.test"]}`:                              "name",
		`{"name": "corp.acme.test", "groups": [""]}`:              "groups",
	} {
		if a, err := o.send("POST", o.url+"/_emulator/directory", body); err != nil || a.status != 400 ||
			!strings.Contains(a.body, `"`+field+`: `) {
			t.Errorf("%s: %d %s, want 400 for %s", body, a.status, a.body, field)
		}
	}
}

func TestDirectory_GroupNamesMayRepeat(t *testing.T) {
	t.Parallel()
	o := start(t)
	ids := o.AddDirectory(emulator.Directory{Name: "corp.acme.test", Groups: []string{"SOC", "SOC", "Finance"}})
	names := groupNames(t, o.expect(200, "GET", "/api/v1/groups?q=SOC", ""))
	if diff := cmp.Diff([]string{"SOC", "SOC"}, names); diff != "" || len(ids) != 3 || ids[0] == ids[1] {
		t.Errorf("%v %s", ids, diff)
	}
	var g struct {
		Type        string
		ObjectClass []string
		Profile     map[string]any
	}
	o.expect(200, "GET", "/api/v1/groups/"+ids[0], "").into(t, &g)
	if g.Type != "APP_GROUP" || !cmp.Equal(g.ObjectClass, []string{"okta:windows_security_principal"}) ||
		g.Profile["windowsDomainQualifiedName"] != `CORP\SOC` {
		t.Errorf("%+v", g)
	}
	o.expect(200, "POST", "/api/v1/groups", `{"profile": {"name": "SOC"}}`) // one Okta group may have the same name
	o.expect(400, "POST", "/api/v1/groups", `{"profile": {"name": "SOC"}}`)
	o.expect(501, "PUT", "/api/v1/groups/"+ids[0]+"/users/"+o.user("bob").ID, "")
	if finance, _ := o.Group("Finance"); finance.Type != "OKTA_GROUP" {
		t.Errorf("%+v", finance)
	}
}
