package emulator_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// groupNames returns the names in a list of groups.
func groupNames(t *testing.T, a response) []string {
	t.Helper()
	var groups []struct{ Profile struct{ Name string } }
	a.into(t, &groups)
	names := []string{}
	for _, g := range groups {
		names = append(names, g.Profile.Name)
	}
	return names
}

func TestCreateGroup_RequiresUniqueName(t *testing.T) {
	t.Parallel()
	o := start(t)
	var g struct {
		ID, Type    string
		Profile     map[string]any
		ObjectClass []string
	}
	o.expect(200, "POST", "/api/v1/groups", `{"profile":{"name":"Incident 4711"}}`).into(t, &g)
	if g.Type != "OKTA_GROUP" || !cmp.Equal(g.Profile, map[string]any{"name": "Incident 4711", "description": nil}) {
		t.Errorf("%+v", g)
	}
	var again any
	o.expect(200, "GET", "/api/v1/groups/"+g.ID, "").into(t, &again)

	a := o.expect(400, "POST", "/api/v1/groups", `{"profile":{"name":"Incident 4711","description":"again"}}`)
	var failure struct {
		ErrorSummary string
		ErrorCauses  []struct{ ErrorSummary string }
	}
	a.into(t, &failure)
	if a.code() != "E0000001" || failure.ErrorSummary != "Api validation failed: name" || len(failure.ErrorCauses) != 1 ||
		failure.ErrorCauses[0].ErrorSummary != "name: An object with this field already exists in the current organization" {
		t.Error(a.body)
	}
	for _, body := range []string{`{}`, `{"profile":{"name":" "}}`, `[]`} {
		o.expect(400, "POST", "/api/v1/groups", body)
	}
	o.expect(404, "GET", "/api/v1/groups/Engineering", "")
}

func TestListGroups_Q(t *testing.T) {
	t.Parallel()
	o := start(t)
	for query, want := range map[string][]string{
		"":           {"Everyone", "Okta Administrators", "Engineering", "VPN Users", "Helpdesk", "Finance"},
		"?q=e":       {"Everyone", "Engineering"},
		"?q=engINEE": {"Engineering"},
		"?q=zzz":     {},
	} {
		if diff := cmp.Diff(want, groupNames(t, o.expect(200, "GET", "/api/v1/groups"+query, ""))); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	for i := range 301 {
		o.AddGroup(fmt.Sprintf("team %d", i), "")
	}
	a := o.expect(200, "GET", "/api/v1/groups?q=Team", "")
	if n := len(groupNames(t, a)); n != 300 || a.next() != "" {
		t.Errorf("q returns %d groups and the next page %q, want 300 and none", n, a.next())
	}
	o.expect(400, "GET", "/api/v1/groups?q=Team&limit=301", "")
}

func TestGroupMembers_AddAndRemove(t *testing.T) {
	t.Parallel()
	o := start(t)
	bob, _ := o.User("bob")
	finance, _ := o.Group("Finance")
	o.expect(204, "PUT", "/api/v1/groups/"+finance.ID+"/users/"+bob.ID, "")
	o.expect(204, "PUT", "/api/v1/groups/"+finance.ID+"/users/"+bob.ID, "")
	if got := groupNames(t, o.expect(200, "GET", "/api/v1/users/bob/groups", "")); !cmp.Equal(got,
		[]string{"Everyone", "Engineering", "Finance"}) {
		t.Error(got)
	}
	if got, _ := o.Group("Finance"); !cmp.Equal(got.Members, []string{"carol@acme.test", "bob@acme.test"}) {
		t.Error(got.Members)
	}
	o.expect(204, "DELETE", "/api/v1/groups/"+finance.ID+"/users/"+bob.ID, "")
	if got := groupNames(t, o.expect(200, "GET", "/api/v1/users/"+bob.ID+"/groups", "")); !cmp.Equal(got,
		[]string{"Everyone", "Engineering"}) {
		t.Error(got)
	}
	everyone, _ := o.Group("Everyone")
	o.expect(501, "DELETE", "/api/v1/groups/"+everyone.ID+"/users/"+bob.ID, "")
	o.expect(404, "PUT", "/api/v1/groups/"+finance.ID+"/users/zed", "")
	o.expect(404, "PUT", "/api/v1/groups/none/users/"+bob.ID, "")
}
