package emulator_test

import (
	"testing"

	"example.com/okta-secops/local/emulator"
	"github.com/google/go-cmp/cmp"
)

// assignment is the JSON of a role, decoded independently.
type assignment struct {
	ID, Label, Type, AssignmentType, Role, Status string
	ResourceSet                                   string `json:"resource-set"`
}

func TestRoles_AssignAndUnassign(t *testing.T) {
	t.Parallel()
	o := start(t)
	path := "/api/v1/users/" + o.user("alice").ID + "/roles"
	var r assignment
	o.expect(201, "POST", path, `{"type":"REPORT_ADMIN"}`).into(t, &r)
	want := assignment{ID: r.ID, Label: "Report Administrator", Type: "REPORT_ADMIN", AssignmentType: "USER",
		Status: "ACTIVE"}
	if r.ID == "" || r != want {
		t.Errorf("%+v", r)
	}
	if a := o.expect(409, "POST", path, `{"type":"REPORT_ADMIN"}`); a.code() != "E0000090" {
		t.Error(a.body)
	}
	if got := o.user("alice").Roles; !cmp.Equal(got, []string{"REPORT_ADMIN"}) {
		t.Error(got)
	}
	o.expect(204, "DELETE", path+"/"+r.ID, "")
	if a := o.expect(404, "DELETE", path+"/"+r.ID, ""); a.code() != "E0000007" {
		t.Error(a.body)
	}
	if got := o.user("alice").Roles; got != nil {
		t.Error(got)
	}
}

func TestAssignRole_RejectsInvalid(t *testing.T) {
	t.Parallel()
	o := start(t)
	path := "/api/v1/users/" + o.user("alice").ID + "/roles"
	for body, status := range map[string]int{
		`{"type":"EMPEROR"}`:      400,
		`{"type":"super_admin"}`:  400,
		`{"type":"MOBILE_ADMIN"}`: 400,
		`{"type":"API_ADMIN"}`:    400,
		`{}`:                      400,
		`{"type":"CUSTOM"}`:       400,
		`{"type":"CUSTOM","role":"cr0none","resource-set":"` + emulator.ResourceSetID + `"}`: 404,
		`{"type":"CUSTOM","role":"` + emulator.CustomRoleID + `","resource-set":"iamnone"}`:  404,
	} {
		o.expect(status, "POST", path, body)
	}
	o.expect(404, "POST", "/api/v1/users/alice@acme.test/roles", `{"type":"REPORT_ADMIN"}`)
	o.expect(404, "GET", "/api/v1/users/alice/roles", "")
	o.expect(404, "GET", "/api/v1/users/me/roles", "")
}

func TestListRoles_IncludesInherited(t *testing.T) {
	t.Parallel()
	o := start(t)
	id := o.user("helpdesk").ID
	path := "/api/v1/users/" + id + "/roles"
	o.expect(201, "POST", path,
		`{"type":"CUSTOM","role":"`+emulator.CustomRoleID+`","resource-set":"`+emulator.ResourceSetID+`"}`)
	var got []assignment
	o.expect(200, "GET", path, "").into(t, &got)
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	want := []assignment{
		{ID: got[0].ID, Label: "Case Responder", Type: "CUSTOM", AssignmentType: "USER", Status: "ACTIVE",
			Role: emulator.CustomRoleID, ResourceSet: emulator.ResourceSetID},
		{ID: got[1].ID, Label: "Help Desk Administrator", Type: "HELP_DESK_ADMIN", AssignmentType: "GROUP", Status: "ACTIVE"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	o.expect(404, "DELETE", path+"/"+got[1].ID, "")
	o.expect(204, "DELETE", path+"/"+got[0].ID, "")
	// A user can have a role and inherit the same role.
	o.expect(201, "POST", path, `{"type":"HELP_DESK_ADMIN"}`)
	if got := o.user("helpdesk"); len(got.RoleAssignments) != 2 || !cmp.Equal(got.Roles, []string{"HELP_DESK_ADMIN"}) {
		t.Errorf("%+v", got)
	}
}
