package roles_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// Okta's SDK cannot decode a list with standard and custom roles; here every role is returned as
// Okta sent it.
func TestListRoles_ReportsEveryTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "mixed@acme.test", Roles: []string{"CUSTOM", "READ_ONLY_ADMIN"}, Groups: []string{"Helpdesk"}})
	got := w.Run("roles/list-roles", map[string]any{
		"parameters": map[string]any{"User IDs": "mixed, zed"},
		"entities": []any{
			map[string]any{"identifier": "ALICE@ACME.TEST", "entity_type": "USERUNIQNAME"},
			map[string]any{"identifier": "HELPDESK@ACME.TEST", "entity_type": "HOSTNAME"},
		},
	})
	asked := w.Asked()
	if !slices.Contains(asked, "GET /api/v1/users/mixed") || !slices.Contains(asked, "GET /api/v1/users/"+w.ID("mixed")+"/roles") {
		t.Errorf("the login was not resolved first: %v", asked)
	}
	w.WantWrites()
	got.Want(t, 200, w.Expand(fmt.Sprintf(`{
		"action": "List Roles", "status": "partial", "is_success": false,
		"output_message": "mixed@acme.test has 3 roles: Case Responder, READ_ONLY_ADMIN, HELP_DESK_ADMIN (through a group). alice@acme.test has no role. helpdesk@acme.test has 1 role: HELP_DESK_ADMIN (through a group). Not found: zed.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"mixed": %s, "ALICE@ACME.TEST": [], "HELPDESK@ACME.TEST": %s},
		"entities": [
			{"identifier": "ALICE@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {}},
			{"identifier": "HELPDESK@ACME.TEST", "entity_type": "HOSTNAME", "enrichment": {}}],
		"targets": [
			{"input": "mixed", "source": "parameter", "user_id": "${id:mixed}", "login": "mixed@acme.test", "outcome": "found"},
			{"input": "zed", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}},
			{"input": "ALICE@ACME.TEST", "source": "entity", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "found"},
			{"input": "HELPDESK@ACME.TEST", "source": "entity", "user_id": "${id:helpdesk}", "login": "helpdesk@acme.test", "outcome": "found"}],
		"warnings": []
	}`, w.AsOktaHasIt("/api/v1/users/"+w.ID("mixed")+"/roles"), w.AsOktaHasIt("/api/v1/users/"+w.ID("helpdesk")+"/roles"))))
}

// The incumbent reports the previous user's roles for a user whose roles it could not read (its
// defect 6).
func TestListRoles_ErrorShowsNoRolesOfAnotherUser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status        int
		outcome, code string
	}{
		{403, "failed", "E0000006"},
		{404, "not_found", "E0000007"},
		{500, "failed", "E0000009"},
		{200, "failed", "bad_reply"},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			f := emulator.Fault{Path: "/api/v1/users/" + w.ID("alice") + "/roles", Status: c.status}
			if c.status == 200 {
				f.Body = `{"not": "a list"}`
			}
			w.Okta.AddFault(f)
			got := w.Run("roles/list-roles", map[string]any{"entities": []any{
				map[string]any{"identifier": "admin", "entity_type": "USERUNIQNAME"},
				map[string]any{"identifier": "alice", "entity_type": "USERUNIQNAME"},
				map[string]any{"identifier": "helpdesk", "entity_type": "USERUNIQNAME"},
			}})
			if diff := cmp.Diff([]string{"found", c.outcome, "found"}, got.Outcomes()); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if _, there := got.Get("json_result").(map[string]any)["alice"]; there || got.Get("json_result", "admin", 0, "type") != "SUPER_ADMIN" {
				t.Errorf("json_result: %v", got.Get("json_result"))
			}
			if got.HTTP != 200 || got.Get("status") != "partial" || got.Get("targets", 1, "error", "code") != c.code {
				t.Errorf("reply: %d %s", got.HTTP, got.Body)
			}
		})
	}
}

// The incumbent reads the first page only (its defect 14).
func TestListRoles_ReadsEveryPage(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	path := "/api/v1/users/" + w.ID("admin") + "/roles"
	w.Okta.AddFault(emulator.Fault{
		Path: path, Times: 1, Status: 200, Body: `[{"id": "ra1First", "type": "REPORT_ADMIN", "label": "Report Administrator", "assignmentType": "USER"}]`,
		Headers: map[string]string{"Link": fmt.Sprintf(`<%s%s>; rel="self", <%[1]s%[2]s?after=x>; rel="next"`, w.OktaURL, path)},
	})
	got := w.Run("roles/list-roles", testkit.Params(map[string]any{"User IDs": "admin"}))
	if got.Get("output_message") != "admin@acme.test has 2 roles: REPORT_ADMIN, SUPER_ADMIN." {
		t.Errorf("reply: %s", got.Body)
	}
}

// The incumbent's steps always succeed (its defect 8).
func TestListRoles_NoUserFoundIsAFailure(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	missing := w.Run("roles/list-roles", testkit.Params(map[string]any{"User IDs": "zed, missing@acme.test"}))
	if missing.HTTP != 200 || missing.Get("is_success") != false ||
		missing.Get("output_message") != `Error executing action "List Roles". Reason: Not found: zed, missing@acme.test.` {
		t.Errorf("no user found: %d %s", missing.HTTP, missing.Body)
	}
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*", Status: 403})
	refused := w.Run("roles/list-roles", testkit.Params(map[string]any{"User IDs": "admin"}))
	if refused.HTTP != 502 || refused.Get("is_success") != false || refused.Get("json_result") != nil {
		t.Errorf("no permission: %d %s", refused.HTTP, refused.Body)
	}
}
