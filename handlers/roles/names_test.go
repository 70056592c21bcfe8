package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const orgRoles = "GET /api/v1/iam/roles"

// readsOfOrgRoles returns the number of requests for the custom roles of the org.
func readsOfOrgRoles(w *testkit.World) int {
	n := 0
	for _, line := range w.Asked() {
		if strings.HasPrefix(line, orgRoles) {
			n++
		}
	}
	return n
}

func TestUnassignRole_TypoIsNotFoundWithNearestName(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "admin", "Role IDs Or Names": "SUPER_ADMN"}))
	const reason = `no standard or custom role is called "SUPER_ADMN", and the user has no role assignment with this ID; the nearest name is SUPER_ADMIN`
	w.WantWrites()
	wantRoles(t, w, "admin", "SUPER_ADMIN")
	got.Want(t, 422, w.Expand(fmt.Sprintf(`{
		"action": "Unassign Role", "status": "failure", "is_success": false,
		"output_message": %[2]q,
		"script_result": {"name": "is_success", "value": false}, "json_result": null, "entities": [],
		"targets": [{"input": "admin", "source": "parameter", "user_id": "${id:admin}", "login": "admin@acme.test", "outcome": "not_found",
			"before": {"roles": ["SUPER_ADMIN"]},
			"roles": [{"role": "SUPER_ADMN", "outcome": "not_found", "error": {"code": "E0000007", "message": %[1]q, "retryable": false}}],
			"error": {"code": "E0000007", "message": %[1]q, "retryable": false}}],
		"warnings": [], "error": {"code": "E0000007", "message": %[1]q, "problems": []}
	}`, reason, `Error executing action "Unassign Role". Reason: admin@acme.test: not unassigned SUPER_ADMN (`+reason+").")))
}

func TestUnassignRole_NameIsKnownOrNotFound(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PageSize: 2})
	for _, label := range []string{"Night Shift", "Day Shift", "Tier 1", "Tier_2", "tier 2"} {
		w.Okta.AddOrgRole(label)
	}
	tierID := w.Okta.AddOrgRole("Tier 3")
	w.Okta.AddUser(emulator.UserSeed{Login: "legacy@acme.test", Roles: []string{"MOBILE_ADMIN"}})
	foreign := assignmentID(t, w, "admin", "SUPER_ADMIN", "USER")
	for _, c := range []struct {
		role, outcome string
		words         string // of the role's error
		reads         int    // of the org's custom roles
	}{
		{"SUPER_ADMIN", "unchanged", "", 0},
		{"super administrator", "unchanged", "", 0},
		{"Organization Administrator", "unchanged", "", 0},
		{"Access Management Administrator", "unchanged", "", 0},
		{"custom", "unchanged", "", 0},
		{"superadmin", "unchanged", "", 4},
		{"tier 1", "unchanged", "", 4},
		{"Tier-1", "unchanged", "", 4},
		{"TIER 3", "unchanged", "", 4}, // on the last page
		{tierID, "unchanged", "", 4},
		{"Tier 2", "unchanged", "", 4}, // the exact name of one of them
		{"tier-2", "failed", "2 roles have a name like", 4},
		{"SUPER_ADMN", "not_found", "the nearest name is SUPER_ADMIN", 4},
		{"Nite Shift", "not_found", "the nearest name is Night Shift", 4},
		{"MOBILE_ADMIN", "not_found", `no standard or custom role is called "MOBILE_ADMIN"`, 4},
		{foreign, "not_found", "the user has no role assignment with this ID", 4},
		{"..", "not_found", `is called ".."`, 4},
	} {
		w.Forget()
		got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "alice, bob", "Role IDs Or Names": []string{c.role}}))
		message, _ := got.Get("targets", 0, "roles", 0, "error", "message").(string)
		if diff := cmp.Diff([]string{c.outcome, c.outcome}, got.Outcomes()); diff != "" || !strings.Contains(message, c.words) || (message == "") != (c.words == "") {
			t.Errorf("%s: outcomes (-want +got):\n%s%s", c.role, diff, got.Body)
		}
		if reads := readsOfOrgRoles(w); reads != c.reads {
			t.Errorf("%s: the roles of the org were read with %d calls, want %d", c.role, reads, c.reads)
		}
		w.WantWrites()
	}
	got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "legacy", "Role IDs Or Names": "mobile-admin"}))
	wantRoles(t, w, "legacy")
	if got.Get("targets", 0, "outcome") != "changed" || got.Get("targets", 0, "undo") != nil {
		t.Errorf("a legacy role that the user holds: %s", got.Body)
	}
}

// If a custom role has almost the name of a standard one, the exact spelling decides.
func TestUnassignRole_DistinguishesCustomFromStandardRole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, outcome string
		left          []string
	}{
		{"SUPER_ADMIN", "changed", []string{"CUSTOM"}},
		{"Super Admin", "changed", []string{"SUPER_ADMIN"}},
		{"superadmin", "failed", []string{"CUSTOM", "SUPER_ADMIN"}},
	} {
		w := testkit.New(t, testkit.Options{})
		custom := w.Okta.AddOrgRole("Super Admin")
		w.Okta.AddUser(emulator.UserSeed{Login: "both@acme.test", Roles: []string{custom, "SUPER_ADMIN"}})
		got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "both", "Role IDs Or Names": c.name}))
		if got.Get("targets", 0, "outcome") != c.outcome {
			t.Errorf("%s: %s", c.name, got.Body)
		}
		wantRoles(t, w, "both", c.left...)
		if c.name != "Super Admin" {
			continue
		}
		// A user without the custom role keeps the standard one.
		got = w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "admin", "Role IDs Or Names": c.name}))
		if got.Get("targets", 0, "outcome") != "unchanged" {
			t.Errorf("%s: %s", c.name, got.Body)
		}
		wantRoles(t, w, "admin", "SUPER_ADMIN")
	}
}

func TestUnassignRole_IsIdTakesIDsOnly(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "mixed@acme.test", Roles: []string{"CUSTOM", "READ_ONLY_ADMIN", "SUPER_ADMIN"}})
	id := assignmentID(t, w, "mixed", "SUPER_ADMIN", "USER")
	run := func(role string) testkit.Reply {
		return w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "mixed", "Role IDs Or Names": role, "Is Id": true}))
	}
	for _, name := range []string{"SUPER_ADMIN", "Super Administrator", "superadmin", "Case Responder", "CUSTOM", strings.ToLower(id)} {
		got := run(name)
		message, _ := got.Get("error", "message").(string)
		if got.HTTP != 422 || got.Get("targets", 0, "outcome") != "not_found" || !strings.Contains(message, "no role assignment with the ID") {
			t.Errorf("%s: %d %s", name, got.HTTP, got.Body)
		}
	}
	wantRoles(t, w, "mixed", "CUSTOM", "READ_ONLY_ADMIN", "SUPER_ADMIN")
	for _, again := range []string{id, emulator.CustomRoleID} {
		if got := run(again); got.Get("targets", 0, "outcome") != "changed" {
			t.Errorf("%s: %s", again, got.Body)
		}
	}
	wantRoles(t, w, "mixed", "READ_ONLY_ADMIN")
	if got := run(id); got.Get("targets", 0, "outcome") != "not_found" || !strings.Contains(string(got.Body), "it may have been removed already") {
		t.Errorf("removed already: %s", got.Body)
	}
}

// A role that may or may not exist is neither "already without" nor "not found".
func TestUnassignRole_ReportsUnreadableOrgRoles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault     emulator.Fault
		http      int
		code      string
		retryable bool
	}{
		"no permission":  {emulator.Fault{Status: 403}, 502, "E0000006", false},
		"no such path":   {emulator.Fault{Status: 404}, 422, "E0000007", false},
		"a server error": {emulator.Fault{Status: 500}, 503, "E0000009", true},
		"another object": {emulator.Fault{Status: 200, Body: `{"error": "none"}`}, 502, "bad_reply", false},
		"another type":   {emulator.Fault{Status: 200, Body: `{"roles": {}}`}, 502, "bad_reply", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			c.fault.Path = "/api/v1/iam/roles"
			w.Okta.AddFault(c.fault)
			got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "alice", "Role IDs Or Names": "Case Responder"}))
			message, _ := got.Get("targets", 0, "error", "message").(string)
			if got.HTTP != c.http || got.Get("targets", 0, "outcome") != "failed" || got.Get("error", "code") != c.code ||
				got.Get("targets", 0, "error", "retryable") != c.retryable || !strings.Contains(message, "the roles of the org could not be read") {
				t.Errorf("%d %s", got.HTTP, got.Body)
			}
			both := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "admin", "Role IDs Or Names": "SUPER_ADMIN, Case Responder"}))
			wantParts(t, both, 0, [3]string{"SUPER_ADMIN", "changed", ""}, [3]string{"Case Responder", "failed", c.code})
			wantRoles(t, w, "admin")
		})
	}
}
