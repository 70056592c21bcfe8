package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestUnassignRole_ReportsEveryTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	removed := w.AsOktaHasIt("/api/v1/users/" + w.ID("admin") + "/roles")
	assignment := assignmentID(t, w, "admin", "SUPER_ADMIN", "USER")
	got := w.Run("roles/unassign-role", map[string]any{
		"parameters": map[string]any{"User IDs": "helpdesk, zed, alice", "Role IDs Or Names": "super administrator, HELP_DESK_ADMIN", "Also Run On Scope": "True"},
		"entities":   []any{map[string]any{"identifier": "ADMIN@ACME.TEST", "entity_type": "USERUNIQNAME"}},
	})
	w.WantWrites("DELETE /api/v1/users/" + w.ID("admin") + "/roles/" + assignment)
	wantRoles(t, w, "admin")
	const reason = "Help Desk Administrator comes from a group and cannot be taken from the user: remove the user from that group, or the role from the group"
	got.Want(t, 200, w.Expand(fmt.Sprintf(`{
		"action": "Unassign Role", "status": "partial", "is_success": false,
		"output_message": "admin@acme.test: unassigned super administrator; already without HELP_DESK_ADMIN. Already without the roles: alice@acme.test. helpdesk@acme.test: already without super administrator; not unassigned HELP_DESK_ADMIN (%[1]s). Not found: zed.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"alice": [], "ADMIN@ACME.TEST": %[2]s},
		"entities": [{"identifier": "ADMIN@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {"unassign_role": "True"}}],
		"targets": [
			{"input": "helpdesk", "source": "parameter", "user_id": "${id:helpdesk}", "login": "helpdesk@acme.test", "outcome": "wrong_state",
			 "before": {"roles": ["HELP_DESK_ADMIN"]},
			 "roles": [{"role": "super administrator", "outcome": "unchanged"},
				{"role": "HELP_DESK_ADMIN", "outcome": "wrong_state", "error": {"code": "inherited_from_group", "message": %[1]q, "retryable": false}}],
			 "error": {"code": "inherited_from_group", "message": %[1]q, "retryable": false}},
			{"input": "zed", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}},
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "unchanged",
			 "before": {"roles": []}, "after": {"roles": []}, "verified": false,
			 "roles": [{"role": "super administrator", "outcome": "unchanged"}, {"role": "HELP_DESK_ADMIN", "outcome": "unchanged"}]},
			{"input": "ADMIN@ACME.TEST", "source": "entity", "user_id": "${id:admin}", "login": "admin@acme.test", "outcome": "changed",
			 "before": {"roles": ["SUPER_ADMIN"]}, "after": {"roles": []}, "verified": false,
			 "roles": [{"role": "super administrator", "outcome": "changed"}, {"role": "HELP_DESK_ADMIN", "outcome": "unchanged"}],
			 "undo": {"action": "Assign Role", "parameters": {"User IDs": "${id:admin}", "Role Types": "SUPER_ADMIN", "Also Run On Scope": false}}}],
		"warnings": []
	}`, reason, removed)))
}

func TestUnassignRole_FindsRoleByName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		roles any
		left  []string
	}{
		"assignment id":                  {"${assignment}", []string{"CUSTOM", "READ_ONLY_ADMIN"}},
		"type":                           {"SUPER_ADMIN", []string{"CUSTOM", "READ_ONLY_ADMIN"}},
		"type in another case":           {"super_admin", []string{"CUSTOM", "READ_ONLY_ADMIN"}},
		"label":                          {"Read-Only Administrator", []string{"CUSTOM", "SUPER_ADMIN"}},
		"label in any case":              {"READ-only ADMINISTRATOR", []string{"CUSTOM", "SUPER_ADMIN"}},
		"custom role's label":            {"case responder", []string{"READ_ONLY_ADMIN", "SUPER_ADMIN"}},
		"custom role's type":             {"Custom", []string{"READ_ONLY_ADMIN", "SUPER_ADMIN"}},
		"several":                        {[]string{"Case Responder", "SUPER_ADMIN"}, []string{"READ_ONLY_ADMIN"}},
		"type spelled as others do":      {"super-admin", []string{"CUSTOM", "READ_ONLY_ADMIN"}},
		"type in one word":               {"superadmin", []string{"CUSTOM", "READ_ONLY_ADMIN"}},
		"label spelled as others do":     {"read only_administrator", []string{"CUSTOM", "SUPER_ADMIN"}},
		"custom label spelled otherwise": {"case-responder", []string{"READ_ONLY_ADMIN", "SUPER_ADMIN"}},
		"custom role's id":               {emulator.CustomRoleID, []string{"READ_ONLY_ADMIN", "SUPER_ADMIN"}},
		"twice":                          {[]string{"Super Administrator", "SUPER_ADMIN"}, []string{"CUSTOM", "READ_ONLY_ADMIN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddUser(emulator.UserSeed{Login: "mixed@acme.test", Roles: []string{"CUSTOM", "READ_ONLY_ADMIN", "SUPER_ADMIN"}})
			if c.roles == "${assignment}" {
				c.roles = assignmentID(t, w, "mixed", "SUPER_ADMIN", "USER")
			}
			got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "mixed", "Role IDs Or Names": c.roles}))
			if got.Get("status") != "success" || got.Get("targets", 0, "outcome") != "changed" {
				t.Errorf("reply: %s", got.Body)
			}
			wantRoles(t, w, "mixed", c.left...)
			if removed := 3 - len(c.left); len(w.Writes()) != removed || len(got.Get("json_result", "mixed").([]any)) != removed {
				t.Errorf("%v; json_result %v", w.Writes(), got.Get("json_result"))
			}
		})
	}
}

// A name may match several assignments: all are removed, except those held through a group.
func TestUnassignRole_HeldDirectlyAndThroughAGroup(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "both@acme.test", Roles: []string{"HELP_DESK_ADMIN", "REPORT_ADMIN"}, Groups: []string{"Helpdesk"}})
	direct := assignmentID(t, w, "both", "HELP_DESK_ADMIN", "USER")
	got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "both", "Role IDs Or Names": "Help Desk Administrator, APP_ADMIN"}))
	w.WantWrites("DELETE /api/v1/users/" + w.ID("both") + "/roles/" + direct)
	wantParts(t, got, 0, [3]string{"Help Desk Administrator", "wrong_state", "inherited_from_group"}, [3]string{"APP_ADMIN", "unchanged", ""})
	if got.HTTP != 200 || got.Get("status") != "partial" || got.Get("targets", 0, "outcome") != "wrong_state" || got.Get("json_result") != nil {
		t.Errorf("reply: %d %s", got.HTTP, got.Body)
	}
	if diff := cmp.Diff(map[string]any{"roles": []any{"HELP_DESK_ADMIN", "REPORT_ADMIN"}}, got.Get("targets", 0, "after")); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	carryOut(t, w, got.Get("targets", 0, "undo"))
	wantRoles(t, w, "both", "HELP_DESK_ADMIN", "REPORT_ADMIN")

	byID := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "both", "Role IDs Or Names": assignmentID(t, w, "both", "HELP_DESK_ADMIN", "USER")}))
	if byID.Get("status") != "success" || byID.Get("targets", 0, "outcome") != "changed" {
		t.Errorf("by the id of the user's own assignment: %s", byID.Body)
	}
	inherited := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "both", "Role IDs Or Names": assignmentID(t, w, "both", "HELP_DESK_ADMIN", "GROUP")}))
	if inherited.HTTP != 422 || inherited.Get("status") != "failure" || inherited.Get("error", "code") != "inherited_from_group" {
		t.Errorf("by the id of the group's assignment: %d %s", inherited.HTTP, inherited.Body)
	}
}

func TestUnassignRole_UndoAssignsRemovedRoles(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "mixed@acme.test", Roles: []string{"READ_ONLY_ADMIN", "SUPER_ADMIN", "REPORT_ADMIN"}})
	got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "mixed, admin", "Role IDs Or Names": "Super Administrator, read_only_admin"}))
	wantRoles(t, w, "mixed", "REPORT_ADMIN")
	wantRoles(t, w, "admin")
	for i, login := range []string{"mixed", "admin"} {
		back := carryOut(t, w, got.Get("targets", i, "undo"))
		if diff := cmp.Diff(got.Get("targets", i, "before"), back.Get("targets", 0, "after")); diff != "" || back.Get("status") != "success" {
			t.Errorf("%s after undo (-want +got):\n%s", login, diff)
		}
	}
	wantRoles(t, w, "mixed", "READ_ONLY_ADMIN", "REPORT_ADMIN", "SUPER_ADMIN")
	wantRoles(t, w, "admin", "SUPER_ADMIN")
}

// Assign Role takes types, which identify neither a custom role nor the limits of a role: the reply
// names the roles that undo omits.
func TestUnassignRole_NamesRolesThatUndoDoesNotRestore(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"GUARDRAILS": `{"assignable_roles": ["READ_ONLY_ADMIN", "USER_ADMIN", "APP_ADMIN"]}`}})
	for _, u := range []emulator.UserSeed{
		{Login: "custom@acme.test", Roles: []string{"CUSTOM"}},
		{Login: "mixed@acme.test", Roles: []string{"CUSTOM", "READ_ONLY_ADMIN"}},
		{Login: "limited@acme.test", Roles: []string{"USER_ADMIN", "APP_ADMIN"}},
		{Login: "org@acme.test", Roles: []string{"ORG_ADMIN"}},
	} {
		w.Okta.AddUser(u)
	}
	group, _ := w.Okta.Group("Engineering")
	w.Okta.LimitRole("limited", "USER_ADMIN", group.ID)
	got := w.Run("roles/unassign-role", testkit.Params(map[string]any{
		"User IDs": "custom, mixed, admin, limited, org", "Role IDs Or Names": "Case Responder, READ_ONLY_ADMIN, USER_ADMIN, APP_ADMIN, ORG_ADMIN",
	}))
	if diff := cmp.Diff([]string{"changed", "changed", "unchanged", "changed", "changed"}, got.Outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	for i, want := range []struct{ types, reason any }{
		{nil, "Case Responder cannot be assigned by its type: assign it in Okta"},
		{"READ_ONLY_ADMIN", "Case Responder cannot be assigned by its type: assign it in Okta"},
		{nil, nil},
		{"APP_ADMIN", "USER_ADMIN was limited to some resources and would come back without limits: assign it in Okta"},
		{nil, "the policy does not allow ORG_ADMIN to be assigned"},
	} {
		types, reason := got.Get("targets", i, "undo", "parameters", "Role Types"), got.Get("targets", i, "not_undoable")
		if types != want.types || reason != want.reason {
			t.Errorf("target %d: undo assigns %v, and %v", i, types, reason)
		}
	}
}

func TestUnassignRole_UnreadableLimitsAreNotUndone(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "limited@acme.test", Roles: []string{"USER_ADMIN"}})
	w.Okta.AddFault(emulator.Fault{Path: "*/targets/groups", Status: 403})
	got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "limited", "Role IDs Or Names": "USER_ADMIN"}))
	reason := fmt.Sprint(got.Get("targets", 0, "not_undoable"))
	if got.Get("status") != "success" || got.Get("targets", 0, "undo") != nil || !strings.HasPrefix(reason, "it is unknown whether USER_ADMIN was limited") {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}

func TestUnassignRole_RoleRemovedMeanwhileIsUnchanged(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Method: "GET", Path: "/api/v1/users/*/roles", Times: 1, Status: 200,
		Body: `[{"id": "ra1Gone", "type": "ORG_ADMIN", "label": "Organizational Administrator", "assignmentType": "USER"}]`})
	got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "alice", "Role IDs Or Names": "ORG_ADMIN"}))
	w.WantWrites("DELETE /api/v1/users/" + w.ID("alice") + "/roles/ra1Gone")
	wantParts(t, got, 0, [3]string{"ORG_ADMIN", "unchanged", ""})
	if got.Get("status") != "success" || got.Get("targets", 0, "outcome") != "unchanged" || got.Get("targets", 0, "undo") != nil {
		t.Errorf("reply: %s", got.Body)
	}
}

func TestUnassignRole_DryRunRemovesNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	request := map[string]any{"parameters": map[string]any{"User IDs": "admin, alice", "Role IDs Or Names": "SUPER_ADMIN"}, "options": map[string]any{"dry_run": true}}
	got := w.Run("roles/unassign-role", request)
	got.Want(t, 200, w.Expand(`{
		"action": "Unassign Role", "status": "planned", "is_success": true,
		"output_message": "Already without the roles: alice@acme.test. Would unassign the roles from 1 user: admin@acme.test.",
		"script_result": {"name": "is_success", "value": true}, "json_result": {"alice": []}, "entities": [],
		"targets": [
			{"input": "admin", "source": "parameter", "user_id": "${id:admin}", "login": "admin@acme.test", "outcome": "planned",
			 "before": {"roles": ["SUPER_ADMIN"]}, "after": {"roles": []}, "roles": [{"role": "SUPER_ADMIN", "outcome": "planned"}]},
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "unchanged",
			 "before": {"roles": []}, "after": {"roles": []}, "roles": [{"role": "SUPER_ADMIN", "outcome": "unchanged"}]}],
		"warnings": ["admin@acme.test: the user holds SUPER_ADMIN."]
	}`))
	w.WantWrites()
	wantRoles(t, w, "admin", "SUPER_ADMIN")

	blocked := w.Run("roles/unassign-role", map[string]any{
		"parameters": map[string]any{"User IDs": "admin, helpdesk", "Role IDs Or Names": "SUPER_ADMIN, HELP_DESK_ADMIN"}, "options": map[string]any{"dry_run": true},
	})
	if want := "Would unassign the roles from 1 user"; strings.Contains(blocked.Get("output_message").(string), want) {
		t.Errorf("the message says %q of a user of whom one role stays: %s", want, blocked.Get("output_message"))
	}
	if diff := cmp.Diff([]string{"planned", "wrong_state"}, blocked.Outcomes()); diff != "" || blocked.Get("status") != "partial" || blocked.Get("is_success") != false {
		t.Errorf("reply: %s", blocked.Body)
	}
	w.WantWrites()
}

func TestUnassignRole_VerifyReadsTheRolesBack(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/unassign-role", map[string]any{
		"parameters": map[string]any{"User IDs": "admin, alice", "Role IDs Or Names": "SUPER_ADMIN"}, "options": map[string]any{"verify": true},
	})
	if got.Get("targets", 0, "verified") != true || got.Get("targets", 1, "verified") != true || len(got.Get("warnings").([]any)) != 0 {
		t.Errorf("reply: %s", got.Body)
	}
}

// An error for one user crashes the incumbent's step: it skips the other users and loses Okta's
// message (its defect 2).
func TestUnassignRole_OneErrorDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path  string
		status        int
		outcome, code string
		retryable     bool
	}{
		{"DELETE", "/api/v1/users/${id:admin}/roles/*", 403, "failed", "E0000006", false},
		{"DELETE", "/api/v1/users/${id:admin}/roles/*", 500, "failed", "E0000009", true},
		{"GET", "/api/v1/users/${id:admin}/roles", 403, "failed", "E0000006", false},
		{"GET", "/api/v1/users/${id:admin}/roles", 404, "not_found", "E0000007", false},
		{"GET", "/api/v1/users/${id:admin}/roles", 500, "failed", "E0000009", true},
		{"GET", "/api/v1/users/admin", 403, "failed", "E0000006", false},
		{"GET", "/api/v1/users/admin", 404, "not_found", "E0000007", false},
		{"GET", "/api/v1/users/admin", 500, "failed", "E0000009", true},
	} {
		t.Run(fmt.Sprint(c.status, " ", c.method, " ", c.path), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddFault(emulator.Fault{Method: c.method, Path: w.Expand(c.path), Status: c.status})
			got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "admin, breakglass", "Role IDs Or Names": "SUPER_ADMIN"}))
			if diff := cmp.Diff([]string{c.outcome, "changed"}, got.Outcomes()); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if got.HTTP != 200 || got.Get("status") != "partial" || got.Get("targets", 0, "error", "code") != c.code || got.Get("targets", 0, "error", "retryable") != c.retryable {
				t.Errorf("reply: %d %s", got.HTTP, got.Body)
			}
			wantRoles(t, w, "admin", "SUPER_ADMIN")
			wantRoles(t, w, "breakglass")
		})
	}
}

func TestUnassignRole_ScopeIsOffByDefault(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/unassign-role", map[string]any{
		"parameters": map[string]any{"User IDs": "alice", "Role IDs Or Names": "SUPER_ADMIN"},
		"entities":   []any{map[string]any{"identifier": "admin", "entity_type": "USERUNIQNAME"}},
	})
	if diff := cmp.Diff([]string{"unchanged"}, got.Outcomes()); diff != "" || len(got.Get("entities").([]any)) != 0 {
		t.Errorf("reply: %s", got.Body)
	}
	wantRoles(t, w, "admin", "SUPER_ADMIN")
	for _, params := range []map[string]any{{"User IDs": "alice"}, {"User IDs": "alice", "Role IDs Or Names": ","}, {"User IDs": "alice", "Role IDs Or Names": `[List Roles.JsonResult| "id"]`}} {
		got := w.Run("roles/unassign-role", testkit.Params(params))
		if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != "Role IDs Or Names" {
			t.Errorf("%v: %d %s", params, got.HTTP, got.Body)
		}
	}
}
