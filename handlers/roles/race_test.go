package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// alreadyAssigned is Okta's response if another caller has assigned the role.
const alreadyAssigned = `{"errorCode": "E0000090", "errorSummary": "The role specified is already assigned to the user."}`

// another simulates another caller: the first matching write is carried out, and rejected as if it
// came too late.
func another(method, path string) emulator.Fault {
	f := emulator.Fault{Method: method, Path: path, Times: 1, CarriedOut: true, Status: 404}
	if method == "POST" {
		f.Status, f.Body = 409, alreadyAssigned
	}
	return f
}

func TestRoles_ReplyHasRolesAfterARace(t *testing.T) {
	t.Parallel()
	const user = "mixed@acme.test"
	read := emulator.Fault{Method: "GET", Path: "/api/v1/users/*/roles", Status: 403}
	for name, c := range map[string]struct {
		action, param, roles string
		faults               []emulator.Fault
		parts                [][3]string
		outcome, message     string
		after                []any // nil: the reply has none
		undone               []string
	}{
		"another caller removed one": {
			"unassign-role", "Role IDs Or Names", "APP_ADMIN, Report Administrator", []emulator.Fault{another("DELETE", "*")},
			[][3]string{{"APP_ADMIN", "unchanged", ""}, {"Report Administrator", "changed", ""}},
			"changed", "already without APP_ADMIN", []any{}, []string{"REPORT_ADMIN"},
		},
		"another caller removed all": {
			"unassign-role", "Role IDs Or Names", "APP_ADMIN", []emulator.Fault{another("DELETE", "*")},
			[][3]string{{"APP_ADMIN", "unchanged", ""}},
			"unchanged", "already without APP_ADMIN", []any{"REPORT_ADMIN"}, nil,
		},
		"Okta says that one is gone, and lists it": {
			"unassign-role", "Role IDs Or Names", "APP_ADMIN, REPORT_ADMIN", []emulator.Fault{{Method: "DELETE", Path: "*", Times: 1, Status: 404}},
			[][3]string{{"APP_ADMIN", "not_found", "E0000007"}, {"REPORT_ADMIN", "changed", ""}},
			"not_found", "not unassigned APP_ADMIN", []any{"APP_ADMIN"}, []string{"APP_ADMIN", "REPORT_ADMIN"},
		},
		"another caller assigned one": {
			"assign-role", "Role Types", "ORG_ADMIN, USER_ADMIN", []emulator.Fault{another("POST", "*")},
			[][3]string{{"ORG_ADMIN", "unchanged", ""}, {"USER_ADMIN", "changed", ""}},
			"changed", "already had ORG_ADMIN", []any{"APP_ADMIN", "ORG_ADMIN", "REPORT_ADMIN", "USER_ADMIN"}, []string{"APP_ADMIN", "ORG_ADMIN", "REPORT_ADMIN"},
		},
		"Okta says that one is assigned, and does not list it": {
			"assign-role", "Role Types", "ORG_ADMIN", []emulator.Fault{{Method: "POST", Path: "*", Times: 1, Status: 409, Body: alreadyAssigned}},
			[][3]string{{"ORG_ADMIN", "failed", "E0000090"}},
			"failed", "not assigned ORG_ADMIN", nil, nil,
		},
		"the response to one is lost, and it was assigned": {
			"assign-role", "Role Types", "ORG_ADMIN, USER_ADMIN", []emulator.Fault{{Method: "POST", Path: "*", Times: 1, Drop: true, CarriedOut: true}},
			[][3]string{{"ORG_ADMIN", "changed", ""}, {"USER_ADMIN", "changed", ""}},
			"changed", "assigned ORG_ADMIN, USER_ADMIN", []any{"APP_ADMIN", "ORG_ADMIN", "REPORT_ADMIN", "USER_ADMIN"}, []string{"APP_ADMIN", "REPORT_ADMIN"},
		},
		"the roles cannot be read again": {
			"unassign-role", "Role IDs Or Names", "APP_ADMIN, REPORT_ADMIN", []emulator.Fault{another("DELETE", "*"), read},
			[][3]string{{"APP_ADMIN", "not_found", "E0000007"}, {"REPORT_ADMIN", "changed", ""}},
			"not_found", "not unassigned APP_ADMIN", nil, []string{"REPORT_ADMIN"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once := make(chan struct{}, 1)
			var w *testkit.World
			w = testkit.New(t, testkit.Options{Observe: func(o emulator.Observed) {
				if strings.HasSuffix(o.Request.URL.Path, "/roles") && len(c.faults) > 1 {
					select { // add the second fault after the first read of the roles
					case once <- struct{}{}:
						w.Okta.AddFault(c.faults[1])
					default:
					}
				}
			}})
			w.Okta.AddUser(emulator.UserSeed{Login: user, Roles: []string{"APP_ADMIN", "REPORT_ADMIN"}})
			w.Okta.AddFault(c.faults[0])
			got := w.Run("roles/"+c.action, testkit.Params(map[string]any{"User IDs": user, c.param: c.roles}))
			wantParts(t, got, 0, c.parts...)
			if got.Get("targets", 0, "outcome") != c.outcome || !strings.Contains(got.Get("output_message").(string), c.message) {
				t.Errorf("want %s and %q: %s", c.outcome, c.message, got.Body)
			}
			if after, _ := got.Get("targets", 0, "after", "roles").([]any); !cmp.Equal(c.after, after) {
				t.Errorf("after %v, want %v", after, c.after)
			}
			if unread := len(c.faults) > 1; unread != strings.Contains(fmt.Sprint(got.Get("warnings")), "the roles could not be read") {
				t.Errorf("warnings %v", got.Get("warnings"))
			}
			if c.after != nil {
				var types []string
				for _, v := range c.after {
					types = append(types, v.(string))
				}
				wantRoles(t, w, user, types...)
			}
			if undo := got.Get("targets", 0, "undo"); c.undone == nil != (undo == nil) {
				t.Errorf("undo %v", undo)
			} else if undo != nil && len(c.faults) == 1 {
				carryOut(t, w, undo)
				wantRoles(t, w, user, c.undone...)
			}
		})
	}
}

// TestRoles_AlreadyAppliedIsTheOutcomeOfOneRole: Okta rejects the write of APP_ADMIN because
// another caller has made it.
func TestRoles_AlreadyAppliedIsTheOutcomeOfOneRole(t *testing.T) {
	t.Parallel()
	const user = "mixed@acme.test"
	for name, c := range map[string]struct {
		action, param, method, member, other string // member: of the enrichment; other: the second role
		refused                              bool   // the second write is rejected, too
		outcome                              string
		enriched                             any
		held                                 []string
	}{
		"unassigned, and another":         {"unassign-role", "Role IDs Or Names", "DELETE", "unassign_role", "REPORT_ADMIN", false, "changed", "True", nil},
		"unassigned, and another refused": {"unassign-role", "Role IDs Or Names", "DELETE", "unassign_role", "REPORT_ADMIN", true, "failed", nil, []string{"REPORT_ADMIN"}},
		"assigned, and another":           {"assign-role", "Role Types", "POST", "Roles", "ORG_ADMIN", false, "changed", "ORG_ADMIN, APP_ADMIN", []string{"APP_ADMIN", "ORG_ADMIN"}},
		"assigned, and another refused":   {"assign-role", "Role Types", "POST", "Roles", "ORG_ADMIN", true, "failed", nil, []string{"APP_ADMIN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			seed := emulator.UserSeed{Login: user}
			if c.action == "unassign-role" {
				seed.Roles = []string{"APP_ADMIN", c.other}
			}
			w.Okta.AddUser(seed)
			w.Okta.AddFault(emulator.Fault{Method: c.method, Path: "*/roles*", Times: 1, CarriedOut: true, Status: 403})
			if c.refused {
				w.Okta.AddFault(emulator.Fault{Method: c.method, Path: "*/roles*", Times: 1, Status: 403})
			}
			got := w.Run("roles/"+c.action, map[string]any{
				"parameters": map[string]any{c.param: "APP_ADMIN, " + c.other, "Also Run On Scope": true},
				"entities":   []any{map[string]any{"identifier": user, "entity_type": "USERUNIQNAME"}},
			})
			second := [3]string{c.other, "changed", ""}
			if c.refused {
				second = [3]string{c.other, "failed", "E0000006"}
			}
			wantParts(t, got, 0, [3]string{"APP_ADMIN", "unchanged", ""}, second)
			enrichment, _ := got.Get("entities", 0, "enrichment").(map[string]any)
			if enrichment[c.member] != c.enriched || len(enrichment) > 1 {
				t.Errorf("enrichment %v, want %v", enrichment, c.enriched)
			}
			if got.Get("targets", 0, "outcome") != c.outcome || got.Get("is_success") == c.refused || (got.Get("targets", 0, "undo") == nil) != c.refused {
				t.Errorf("want %s: %d %s", c.outcome, got.HTTP, got.Body)
			}
			wantRoles(t, w, user, c.held...)
		})
	}
}

// TestAssignRole_EnrichmentOfARoleThatAnotherCallerAssigned: the reply has the results of both
// users.
func TestAssignRole_EnrichmentOfARoleThatAnotherCallerAssigned(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Method: "POST", Path: "*/" + w.ID("bob") + "/roles", Times: 1, CarriedOut: true, Status: 403})
	entity := func(name string) any { return map[string]any{"identifier": name, "entity_type": "USERUNIQNAME"} }
	got := w.Run("roles/assign-role", map[string]any{
		"parameters": map[string]any{"Role Types": "APP_ADMIN"}, "entities": []any{entity("alice"), entity("bob")},
	})
	if diff := cmp.Diff([]string{"changed", "unchanged"}, got.Outcomes()); diff != "" || got.HTTP != 200 {
		t.Errorf("%d %s (-want +got):\n%s", got.HTTP, got.Body, diff)
	}
	for i, user := range []string{"alice", "bob"} {
		held, _ := got.Get("json_result", user).([]any)
		if got.Get("entities", i, "enrichment", "Roles") != "APP_ADMIN" || len(held) != 1 {
			t.Errorf("%s: %s", user, got.Body)
		}
	}
}

// TestUnassignRole_TwoNamesOfOneRoleHaveOneOutcome: the write is sent once.
func TestUnassignRole_TwoNamesOfOneRoleHaveOneOutcome(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault         emulator.Fault
		outcome, code string
		message       string
		left          []string
	}{
		"removed":                   {emulator.Fault{}, "changed", "", "unassigned APP_ADMIN, Application Administrator; already without ORG_ADMIN.", nil},
		"refused":                   {emulator.Fault{Status: 403}, "failed", "E0000006", "not unassigned Application Administrator (", []string{"APP_ADMIN"}},
		"removed by another caller": {emulator.Fault{Status: 404, CarriedOut: true}, "unchanged", "", "already without APP_ADMIN, Application Administrator, ORG_ADMIN.", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddUser(emulator.UserSeed{Login: "app@acme.test", Roles: []string{"APP_ADMIN"}})
			if c.fault.Method, c.fault.Path = "DELETE", "*/roles/*"; c.fault.Status != 0 {
				w.Okta.AddFault(c.fault)
			}
			got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "app", "Role IDs Or Names": "APP_ADMIN, Application Administrator, ORG_ADMIN"}))
			wantParts(t, got, 0, [3]string{"APP_ADMIN", c.outcome, c.code}, [3]string{"Application Administrator", c.outcome, c.code}, [3]string{"ORG_ADMIN", "unchanged", ""})
			if text := got.Get("output_message").(string); got.Get("targets", 0, "outcome") != c.outcome || !strings.Contains(text, c.message) {
				t.Errorf("want %s and %q: %s", c.outcome, c.message, got.Body)
			}
			if len(w.Writes()) != 1 {
				t.Errorf("writes: %v", w.Writes())
			}
			wantRoles(t, w, "app", c.left...)
		})
	}
}

// A deleted user has no roles, but is not "already without" them.
func TestUnassignRole_UserDeletedMeanwhileIsNotFound(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Method: "DELETE", Path: "*/roles/*", Status: 404})
	w.Okta.AddFault(emulator.Fault{Method: "GET", Path: "/api/v1/users/*/roles", Times: 1, Status: 200,
		Body: `[{"id": "ra1Gone", "type": "ORG_ADMIN", "label": "Organizational Administrator", "assignmentType": "USER"}]`})
	w.Okta.AddFault(emulator.Fault{Method: "GET", Path: "/api/v1/users/*/roles", Status: 404})
	got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "alice", "Role IDs Or Names": "ORG_ADMIN"}))
	if got.HTTP != 422 || got.Get("targets", 0, "outcome") != "not_found" || got.Get("targets", 0, "after") != nil {
		t.Errorf("reply: %d %s", got.HTTP, got.Body)
	}
}
