package emulator_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAssignees_ListsUsersWithOwnRoles(t *testing.T) {
	t.Parallel()
	o := start(t)
	var page struct {
		Value []struct{ ID, ORN string }
		Links struct{ Next struct{ Href string } } `json:"_links"`
	}
	assignees := func() []string {
		o.expect(200, "GET", "/api/v1/iam/assignees/users", "").into(t, &page)
		ids := make([]string, len(page.Value))
		for i, v := range page.Value {
			ids[i] = v.ID
		}
		return ids
	}
	want := []string{o.user("admin").ID, o.user("breakglass").ID, o.user("svc-secops").ID}
	if diff := cmp.Diff(want, assignees()); diff != "" {
		t.Error(diff)
	}
	o.ListGroupAdministrators(true)
	if got := assignees(); !slices.Contains(got, o.user("helpdesk").ID) || len(got) != 4 {
		t.Errorf("with those of groups: %v", got)
	}
	o.expect(200, "GET", "/api/v1/iam/assignees/users?limit=1", "").into(t, &page)
	if len(page.Value) != 1 || page.Links.Next.Href == "" {
		t.Errorf("a page of one: %+v", page)
	}
	o.expect(400, "GET", "/api/v1/iam/assignees/users?limit=101", "")
}

func TestAdministratorsGroup_HasEveryAdministrator(t *testing.T) {
	t.Parallel()
	o := start(t)
	for login, want := range map[string]bool{"admin": true, "helpdesk": true, "alice": false} {
		groups := groupNames(t, o.expect(200, "GET", "/api/v1/users/"+login+"/groups", ""))
		if slices.Contains(groups, "Okta Administrators") != want {
			t.Errorf("%s: %v", login, groups)
		}
	}
}

func TestGroupRoles_AreThoseOfItsMembers(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.GrantRole("Engineering", "REPORT_ADMIN")
	group, _ := o.Group("Engineering")
	var got []assignment
	o.expect(200, "GET", "/api/v1/groups/"+group.ID+"/roles", "").into(t, &got)
	if len(got) != 1 || got[0].Type != "REPORT_ADMIN" || got[0].AssignmentType != "GROUP" {
		t.Errorf("%+v", got)
	}
	o.expect(404, "GET", "/api/v1/groups/00gnone/roles", "")
}

func TestRoleTargets_AreThoseOfALimitedRole(t *testing.T) {
	t.Parallel()
	o := start(t)
	id := o.user("alice").ID
	for kind, path := range map[string]string{"USER_ADMIN": "groups", "APP_ADMIN": "catalog/apps"} {
		var made assignment
		o.expect(201, "POST", "/api/v1/users/"+id+"/roles", `{"type":"`+kind+`"}`).into(t, &made)
		targets := "/api/v1/users/" + id + "/roles/" + made.ID + "/targets/"
		var list []map[string]any
		if o.expect(200, "GET", targets+path, "").into(t, &list); len(list) != 0 {
			t.Errorf("%s is limited to %v", kind, list)
		}
		group, _ := o.Group("Engineering")
		o.LimitRole("alice", kind, group.ID)
		if o.expect(200, "GET", targets+path, "").into(t, &list); len(list) != 1 {
			t.Errorf("%s is limited to %v", kind, list)
		}
		other := map[string]string{"groups": "catalog/apps", "catalog/apps": "groups"}[path]
		o.expect(501, "GET", targets+other, "")
	}
	o.expect(404, "GET", "/api/v1/users/"+id+"/roles/ra1none/targets/groups", "")
}
