package roles_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// notSupported is an error response to an assignment that is not one of a held role.
const notSupported = `{"errorCode": "E0000091", "errorSummary": "The provided role type was not the same as required role type."}`

func TestAssignRole_SomeRolesRejectedIsPartial(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Method: "POST", Path: "/api/v1/users/*/roles", Times: 1, Status: 400, Body: notSupported})
	got := w.Run("roles/assign-role", map[string]any{
		"parameters": map[string]any{"Role Types": "ORG_ADMIN, REPORT_ADMIN, SUPER_ADMIN"},
		"entities":   []any{map[string]any{"identifier": "ADMIN@ACME.TEST", "entity_type": "USERUNIQNAME"}},
	})
	const reason = "The provided role type was not the same as required role type."
	got.Want(t, 200, w.Expand(fmt.Sprintf(`{
		"action": "Assign Role", "status": "partial", "is_success": false,
		"output_message": "admin@acme.test: assigned REPORT_ADMIN; already had SUPER_ADMIN; not assigned ORG_ADMIN (The provided role type was not the same as required role type).",
		"script_result": {"name": "is_success", "value": false}, "json_result": null,
		"entities": [{"identifier": "ADMIN@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {}}],
		"targets": [{"input": "ADMIN@ACME.TEST", "source": "entity", "user_id": "${id:admin}", "login": "admin@acme.test", "outcome": "failed",
			"before": {"roles": ["SUPER_ADMIN"]}, "after": {"roles": ["REPORT_ADMIN", "SUPER_ADMIN"]}, "verified": false,
			"roles": [
				{"role": "ORG_ADMIN", "outcome": "failed", "error": {"code": "E0000091", "message": %[1]q, "retryable": false}},
				{"role": "REPORT_ADMIN", "outcome": "changed"},
				{"role": "SUPER_ADMIN", "outcome": "unchanged"}],
			"undo": {"action": "Unassign Role", "parameters": {"User IDs": "${id:admin}", "Role IDs Or Names": %[2]q, "Also Run On Scope": false}},
			"error": {"code": "E0000091", "message": %[1]q, "retryable": false}}],
		"warnings": []
	}`, reason, assignmentID(t, w, "admin", "REPORT_ADMIN", "USER"))))
	wantRoles(t, w, "admin", "REPORT_ADMIN", "SUPER_ADMIN")
}

// If nothing was changed, a retryable error of one role decides the status.
func TestAssignRole_NoRoleAssignedIsAFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, second emulator.Fault
		user          string
		http          int
		code          string
		retryable     bool
	}{
		"refused, refused":     {emulator.Fault{Status: 400, Body: notSupported}, emulator.Fault{Status: 403, Body: `{"errorCode": "E0000005", "errorSummary": "Invalid session"}`}, "alice", 422, "E0000091", false},
		"refused, unavailable": {emulator.Fault{Status: 400, Body: notSupported}, emulator.Fault{Status: 500}, "alice", 503, "E0000009", true},
		"unavailable, refused": {emulator.Fault{Status: 503, Times: 4}, emulator.Fault{Status: 400, Body: notSupported}, "alice", 503, "E0000010", true},
		"refused, held":        {emulator.Fault{Status: 400, Body: notSupported}, emulator.Fault{Status: 500}, "admin", 422, "E0000091", false},
		"not found, refused":   {emulator.Fault{Status: 404}, emulator.Fault{Status: 400, Body: notSupported}, "alice", 422, "E0000091", false},
		"no permission":        {emulator.Fault{Status: 403}, emulator.Fault{Status: 403}, "alice", 502, "E0000006", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			for i, f := range []emulator.Fault{c.first, c.second} {
				f.Method, f.Path, f.Times = "POST", "/api/v1/users/*/roles", max(f.Times, 1-i)
				w.Okta.AddFault(f)
			}
			got := w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": c.user, "Role Types": "ORG_ADMIN, SUPER_ADMIN"}))
			if got.HTTP != c.http || got.Get("status") != "failure" || got.Get("error", "code") != c.code ||
				got.Get("targets", 0, "error", "code") != c.code || got.Get("targets", 0, "error", "retryable") != c.retryable || got.Get("targets", 0, "undo") != nil {
				t.Errorf("reply: %d %s", got.HTTP, got.Body)
			}
		})
	}
}

// The incumbent's loop over entities ends at the first error of a lookup, and its results so far
// are lost (its defect 10).
func TestAssignRole_OneErrorDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status        int
		outcome, code string
		retryable     bool
	}{
		{403, "failed", "E0000006", false},
		{404, "not_found", "E0000007", false},
		{500, "failed", "E0000009", true},
	} {
		for _, f := range []emulator.Fault{
			{Method: "GET", Path: "/api/v1/users/alice"},
			{Method: "GET", Path: "/api/v1/users/${id:alice}/roles"},
			{Method: "POST", Path: "/api/v1/users/${id:alice}/roles"},
		} {
			t.Run(fmt.Sprint(c.status, " ", f.Method, " ", f.Path), func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{})
				f.Path, f.Status = w.Expand(f.Path), c.status
				w.Okta.AddFault(f)
				got := w.Run("roles/assign-role", map[string]any{
					"parameters": map[string]any{"Role Types": "REPORT_ADMIN"},
					"entities": []any{
						map[string]any{"identifier": "bob", "entity_type": "USERUNIQNAME"},
						map[string]any{"identifier": "alice", "entity_type": "USERUNIQNAME"},
						map[string]any{"identifier": "carol", "entity_type": "USERUNIQNAME"},
					},
				})
				if diff := cmp.Diff([]string{"changed", c.outcome, "changed"}, got.Outcomes()); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
				if got.HTTP != 200 || got.Get("status") != "partial" || got.Get("targets", 1, "error", "code") != c.code || got.Get("targets", 1, "error", "retryable") != c.retryable {
					t.Errorf("reply: %d %s", got.HTTP, got.Body)
				}
				if got.Get("entities", 0, "enrichment", "Roles") != "REPORT_ADMIN" || len(got.Get("entities", 1, "enrichment").(map[string]any)) != 0 {
					t.Errorf("entities: %v", got.Get("entities"))
				}
				wantRoles(t, w, "bob", "REPORT_ADMIN")
				wantRoles(t, w, "alice")
				wantRoles(t, w, "carol", "REPORT_ADMIN")
			})
		}
	}
}

// TestAssignRole_OtherObjectIsAnError: after a 2xx without the requested role, the user's roles
// decide.
func TestAssignRole_OtherObjectIsAnError(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another role":    `{"id": "ra1", "type": "SUPER_ADMIN"}`,
		"an empty object": `{}`,
		"no body":         ``,
		"an error":        `{"id": "ra1", "type": "ORG_ADMIN", "errorCode": "E0000009"}`,
	} {
		for _, carriedOut := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, carried out: %v", name, carriedOut), func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{OffSpecification: true})
				w.Okta.AddFault(emulator.Fault{Method: "POST", Path: "/api/v1/users/*/roles", Status: 200, Body: body, CarriedOut: carriedOut})
				got := w.Run("roles/assign-role", testkit.Params(map[string]any{"User IDs": "alice", "Role Types": "ORG_ADMIN"}))
				w.WantWrites("POST /api/v1/users/" + w.ID("alice") + "/roles")
				if carriedOut {
					if got.Get("status") != "success" || got.Get("targets", 0, "outcome") != "changed" {
						t.Errorf("reply: %s", got.Body)
					}
					wantRoles(t, w, "alice", "ORG_ADMIN")
					return
				}
				if got.HTTP != 502 || got.Get("status") != "failure" || got.Get("error", "code") != "bad_reply" {
					t.Errorf("reply: %d %s", got.HTTP, got.Body)
				}
			})
		}
	}
}
