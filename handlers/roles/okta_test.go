package roles_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/test/testkit"
)

// assignmentID returns the ID of a user's role assignment of the kind USER or GROUP.
func assignmentID(t *testing.T, w *testkit.World, login, roleType, assignment string) string {
	t.Helper()
	for _, r := range w.User(login).RoleAssignments {
		if r.Type == roleType && r.AssignmentType == assignment {
			return r.ID
		}
	}
	t.Fatalf("%s does not hold %s (%s)", login, roleType, assignment)
	return ""
}

// wantRoles compares the types of the roles that a user holds directly.
func wantRoles(t *testing.T, w *testkit.World, login string, want ...string) {
	t.Helper()
	got := slices.Sorted(slices.Values(w.User(login).Roles))
	slices.Sort(want)
	if !slices.Equal(want, got) {
		t.Errorf("%s holds %v in Okta, want %v", login, got, want)
	}
}

// wantParts compares the outcomes of the single roles of a target: role, outcome, error code.
func wantParts(t *testing.T, got testkit.Reply, target int, want ...[3]string) {
	t.Helper()
	var parts [][3]string
	list, _ := got.Get("targets", target, "roles").([]any)
	for i := range list {
		role, _ := got.Get("targets", target, "roles", i, "role").(string)
		outcome, _ := got.Get("targets", target, "roles", i, "outcome").(string)
		code, _ := got.Get("targets", target, "roles", i, "error", "code").(string)
		parts = append(parts, [3]string{role, outcome, code})
	}
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Errorf("roles of target %d (-want +got):\n%s", target, diff)
	}
}

// carryOut sends an undo request unchanged.
func carryOut(t *testing.T, w *testkit.World, undo any) testkit.Reply {
	t.Helper()
	call, ok := undo.(map[string]any)
	if !ok {
		t.Fatalf("no undo: %v", undo)
	}
	if got := slices.Sorted(maps.Keys(call)); !slices.Equal(got, []string{"action", "parameters"}) {
		t.Fatalf("undo has %v", got)
	}
	return w.Run("roles", call)
}
