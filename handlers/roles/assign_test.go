package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestAssignRole_ReportsEveryTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/assign-role", map[string]any{
		"parameters": map[string]any{"User IDs": "alice, zed", "Role Types": "READ_ONLY_ADMIN, REPORT_ADMIN"},
		"entities":   []any{map[string]any{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME"}},
	})
	w.WantWrites(
		"POST /api/v1/users/"+w.ID("alice")+"/roles", "POST /api/v1/users/"+w.ID("alice")+"/roles",
		"POST /api/v1/users/"+w.ID("bob")+"/roles", "POST /api/v1/users/"+w.ID("bob")+"/roles")
	wantRoles(t, w, "alice", "READ_ONLY_ADMIN", "REPORT_ADMIN")
	wantRoles(t, w, "bob", "READ_ONLY_ADMIN", "REPORT_ADMIN")
	target := func(input, source, login string) string {
		return w.Expand(fmt.Sprintf(`{"input": %q, "source": %q, "user_id": "${id:%s}", "login": "%[3]s@acme.test", "outcome": "changed",
			"before": {"roles": []}, "after": {"roles": ["READ_ONLY_ADMIN", "REPORT_ADMIN"]}, "verified": false,
			"roles": [{"role": "READ_ONLY_ADMIN", "outcome": "changed"}, {"role": "REPORT_ADMIN", "outcome": "changed"}],
			"undo": {"action": "Unassign Role", "parameters": {"User IDs": "${id:%[3]s}", "Role IDs Or Names": "%[4]s, %[5]s", "Also Run On Scope": false}}}`,
			input, source, login, assignmentID(t, w, login, "READ_ONLY_ADMIN", "USER"), assignmentID(t, w, login, "REPORT_ADMIN", "USER")))
	}
	got.Want(t, 200, fmt.Sprintf(`{
		"action": "Assign Role", "status": "partial", "is_success": false,
		"output_message": "alice@acme.test: assigned READ_ONLY_ADMIN, REPORT_ADMIN. bob@acme.test: assigned READ_ONLY_ADMIN, REPORT_ADMIN. Not found: zed.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"alice": %s, "BOB@ACME.TEST": %s},
		"entities": [{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {"Roles": "READ_ONLY_ADMIN, REPORT_ADMIN"}}],
		"targets": [%s,
			{"input": "zed", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}},
			%s],
		"warnings": []
	}`, w.AsOktaHasIt("/api/v1/users/"+w.ID("alice")+"/roles"), w.AsOktaHasIt("/api/v1/users/"+w.ID("bob")+"/roles"), target("alice", "parameter", "alice"), target("BOB@ACME.TEST", "entity", "bob")))
}

// The roles API takes IDs only, so logins are looked up first.
func TestAssignRole_ResolvesLoginsToIDs(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "ops/night@acme.test", Email: "night@acme.test"})
	for _, user := range []string{"ops/night@acme.test", "night@acme.test", w.ID("ops/night@acme.test")} {
		w.Forget()
		w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": user, "Role Types": "APP_ADMIN"}))
		asked := w.Asked()
		id := w.ID("ops/night@acme.test")
		for _, line := range asked {
			if strings.HasSuffix(line, "/roles") && !strings.HasSuffix(line, "/users/"+id+"/roles") {
				t.Errorf("%s: Okta was asked %s", user, line)
			}
		}
	}
	wantRoles(t, w, "ops/night@acme.test", "APP_ADMIN")
}

func TestAssignRole_AcceptsRoleTypesInAnyCase(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/assign-role", testkit.Params(map[string]any{"user_ids": []string{"alice"}, "role-types": []string{"super_admin", "Help_Desk_Admin", "SUPER_ADMIN"}}))
	if got.Get("status") != "success" {
		t.Errorf("reply: %s", got.Body)
	}
	wantRoles(t, w, "alice", "HELP_DESK_ADMIN", "SUPER_ADMIN")
}

func TestAssignRole_RejectsInvalidRequest(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	const valid = "SUPER_ADMIN, ORG_ADMIN, APP_ADMIN, USER_ADMIN, HELP_DESK_ADMIN, GROUP_MEMBERSHIP_ADMIN, REPORT_ADMIN, READ_ONLY_ADMIN, " +
		"API_ACCESS_MANAGEMENT_ADMIN, WORKFLOWS_ADMIN, ACCESS_CERTIFICATIONS_ADMIN, ACCESS_REQUESTS_ADMIN"
	for name, c := range map[string]struct {
		params             map[string]any
		parameter, message string
	}{
		"a type that Okta has not":  {map[string]any{"User IDs": "alice", "Role Types": "READ_ONLY_ADMIN, ROOT"}, "Role Types", `"ROOT" is not one of ` + valid},
		"a label for a type":        {map[string]any{"User IDs": "alice", "Role Types": "Super Administrator"}, "Role Types", `"Super Administrator" is not one of ` + valid},
		"a custom role by its type": {map[string]any{"User IDs": "alice", "Role Types": "CUSTOM"}, "Role Types", `"CUSTOM" is not one of ` + valid},
		"a legacy type":             {map[string]any{"User IDs": "alice", "Role Types": "MOBILE_ADMIN"}, "Role Types", `"MOBILE_ADMIN" is not one of ` + valid},
		"another legacy type":       {map[string]any{"User IDs": "alice", "Role Types": "api_admin"}, "Role Types", `"api_admin" is not one of ` + valid},
		"no type":                   {map[string]any{"User IDs": "alice", "Role Types": " ,"}, "Role Types", "is required: the types of the roles to assign to the users."},
		"no user":                   {map[string]any{"Role Types": "ORG_ADMIN"}, "User IDs", "no user is named: give IDs, logins or e-mail addresses, or entities of the type USERUNIQNAME or HOSTNAME"},
		"the owner of the token":    {map[string]any{"User IDs": "me", "Role Types": "ORG_ADMIN"}, "User IDs", `"me" is the owner of the Okta credentials: give the ID or the login of a user`},
	} {
		got := w.Run("roles/assign-role", testkit.Params(c.params))
		want := []any{map[string]any{"parameter": c.parameter, "message": c.message}}
		if diff := cmp.Diff(want, got.Get("error", "problems")); got.HTTP != 400 || diff != "" {
			t.Errorf("%s: %d, problems (-want +got):\n%s", name, got.HTTP, diff)
		}
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}

// The incumbent reports a role that the user already has as a failure (its defect 15).
func TestAssignRole_HeldRoleIsUnchanged(t *testing.T) {
	t.Parallel()
	t.Run("as read", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		got := w.Run("roles/assign-role", map[string]any{
			"parameters": map[string]any{"User IDs": "admin", "Role Types": "super_admin"},
			"entities":   []any{map[string]any{"identifier": "ADMIN", "entity_type": "USERUNIQNAME"}},
		})
		w.WantWrites()
		got.Want(t, 200, w.Expand(fmt.Sprintf(`{
			"action": "Assign Role", "status": "success", "is_success": true,
			"output_message": "Already assigned: admin@acme.test.",
			"script_result": {"name": "is_success", "value": true},
			"json_result": {"admin": %s},
			"entities": [{"identifier": "ADMIN", "entity_type": "USERUNIQNAME", "enrichment": {"Roles": "SUPER_ADMIN"}}],
			"targets": [{"input": "admin", "source": "parameter", "user_id": "${id:admin}", "login": "admin@acme.test", "outcome": "unchanged",
				"also_named": [{"input": "ADMIN", "source": "entity"}],
				"before": {"roles": ["SUPER_ADMIN"]}, "after": {"roles": ["SUPER_ADMIN"]}, "verified": false,
				"roles": [{"role": %q, "outcome": "unchanged"}]}],
			"warnings": []
		}`, w.AsOktaHasIt("/api/v1/users/"+w.ID("admin")+"/roles"), got.Get("targets", 0, "roles", 0, "role"))))
	})
	t.Run("Okta's response if it was assigned meanwhile", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddFault(emulator.Fault{Method: "GET", Path: "/api/v1/users/*/roles", Times: 1, Status: 200, Body: "[]"})
		got := w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": "admin", "Role Types": "SUPER_ADMIN, REPORT_ADMIN"}))
		wantParts(t, got, 0, [3]string{"SUPER_ADMIN", "unchanged", ""}, [3]string{"REPORT_ADMIN", "changed", ""})
		if got.Get("status") != "success" || got.Get("targets", 0, "outcome") != "changed" {
			t.Errorf("reply: %s", got.Body)
		}
		if got.Get("output_message") != "admin@acme.test: assigned REPORT_ADMIN; already had SUPER_ADMIN." {
			t.Errorf("message: %s", got.Get("output_message"))
		}
		wantRoles(t, w, "admin", "REPORT_ADMIN", "SUPER_ADMIN")

		w.Okta.AddFault(emulator.Fault{Method: "GET", Path: "/api/v1/users/*/roles", Times: 1, Status: 200, Body: "[]"})
		all := w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": "admin", "Role Types": "SUPER_ADMIN"}))
		if all.Get("status") != "success" || all.Get("targets", 0, "outcome") != "unchanged" || all.Get("targets", 0, "undo") != nil {
			t.Errorf("all of them: %s", all.Body)
		}
	})
}

// A role held through a group is lost with the group, so the request assigns it to the user.
func TestAssignRole_AssignsRoleHeldThroughAGroup(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": "helpdesk", "Role Types": "HELP_DESK_ADMIN"}))
	if diff := cmp.Diff(map[string]any{"roles": []any{"HELP_DESK_ADMIN"}}, got.Get("targets", 0, "before")); diff != "" || got.Get("targets", 0, "outcome") != "changed" {
		t.Errorf("reply: %s", got.Body)
	}
	wantRoles(t, w, "helpdesk", "HELP_DESK_ADMIN")

	back := carryOut(t, w, got.Get("targets", 0, "undo"))
	if back.Get("status") != "success" {
		t.Errorf("undo: %s", back.Body)
	}
	wantRoles(t, w, "helpdesk")
}

func TestAssignRole_UndoRemovesOnlyAssignedRoles(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": "admin, alice", "Role Types": "SUPER_ADMIN, REPORT_ADMIN"}))
	wantParts(t, got, 0, [3]string{"SUPER_ADMIN", "unchanged", ""}, [3]string{"REPORT_ADMIN", "changed", ""})
	if diff := cmp.Diff([]string{"changed", "changed"}, got.Outcomes()); diff != "" || got.Get("status") != "success" {
		t.Fatalf("reply: %s", got.Body)
	}
	if held, _ := got.Get("json_result", "admin").([]any); len(held) != 2 { // all requested roles, including the one held before
		t.Errorf("json_result of admin: %v", held)
	}
	for i, login := range []string{"admin", "alice"} {
		back := carryOut(t, w, got.Get("targets", i, "undo"))
		if diff := cmp.Diff([]string{"changed"}, back.Outcomes()); diff != "" || back.Get("targets", 0, "login") != login+"@acme.test" {
			t.Errorf("undo: %s", back.Body)
		}
		if diff := cmp.Diff(got.Get("targets", i, "before"), back.Get("targets", 0, "after")); diff != "" {
			t.Errorf("%s after undo (-want +got):\n%s", login, diff)
		}
	}
	wantRoles(t, w, "admin", "SUPER_ADMIN")
	wantRoles(t, w, "alice")
}

func TestAssignRole_DryRunAssignsNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/assign-role", map[string]any{
		"parameters": map[string]any{"User IDs": "alice, admin", "Role Types": "SUPER_ADMIN"},
		"entities":   []any{map[string]any{"identifier": "ALICE", "entity_type": "USERUNIQNAME"}},
		"options":    map[string]any{"dry_run": true},
	})
	w.WantWrites()
	got.Want(t, 200, w.Expand(fmt.Sprintf(`{
		"action": "Assign Role", "status": "planned", "is_success": true,
		"output_message": "Already assigned: admin@acme.test. Would assign the roles to 1 user: alice@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"admin": %s},
		"entities": [{"identifier": "ALICE", "entity_type": "USERUNIQNAME", "enrichment": {}}],
		"targets": [
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "planned",
			 "also_named": [{"input": "ALICE", "source": "entity"}],
			 "before": {"roles": []}, "after": {"roles": ["SUPER_ADMIN"]}, "roles": [{"role": "SUPER_ADMIN", "outcome": "planned"}]},
			{"input": "admin", "source": "parameter", "user_id": "${id:admin}", "login": "admin@acme.test", "outcome": "unchanged",
			 "before": {"roles": ["SUPER_ADMIN"]}, "after": {"roles": ["SUPER_ADMIN"]},
			 "roles": [{"role": "SUPER_ADMIN", "outcome": "unchanged"}]}],
		"warnings": []
	}`, w.AsOktaHasIt("/api/v1/users/"+w.ID("admin")+"/roles"))))
	wantRoles(t, w, "alice")
}

func TestAssignRole_VerifyReadsTheRolesBack(t *testing.T) {
	t.Parallel()
	request := map[string]any{"parameters": map[string]any{"User IDs": "alice", "Role Types": "ORG_ADMIN"}, "options": map[string]any{"verify": true}}
	t.Run("as predicted", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		got := w.Run("roles/assign-role", request)
		if got.Get("targets", 0, "verified") != true || len(got.Get("warnings").([]any)) != 0 {
			t.Errorf("reply: %s", got.Body)
		}
	})
	t.Run("not as predicted", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddFault(emulator.Fault{Method: "POST", Path: "/api/v1/users/*/roles", Status: 201, Body: `{"id": "ra1x", "type": "ORG_ADMIN", "assignmentType": "USER"}`})
		got := w.Run("roles/assign-role", request)
		if diff := cmp.Diff(map[string]any{"roles": []any{}}, got.Get("targets", 0, "after")); diff != "" || got.Get("targets", 0, "verified") != false || len(got.Get("warnings").([]any)) != 1 {
			t.Errorf("reply: %s", got.Body)
		}
	})
}
