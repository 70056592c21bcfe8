package roles_test

import (
	"fmt"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// TestUnassignRole_ReadsTheRolesAfterARefusal: only a role that the user no longer has is "already
// without".
func TestUnassignRole_ReadsTheRolesAfterARefusal(t *testing.T) {
	t.Parallel()
	for byAnother, outcome := range map[bool]string{true: "unchanged", false: "not_found"} {
		t.Run(fmt.Sprint("removed by another caller: ", byAnother), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddFault(emulator.Fault{Path: "*/roles/*", Method: "DELETE", Status: 404, CarriedOut: byAnother})
			got := w.Run("roles/unassign-role", testkit.Params(map[string]any{"User IDs": "breakglass", "Role IDs Or Names": "SUPER_ADMIN"}))
			if got.Get("targets", 0, "outcome") != outcome || got.Get("targets", 0, "roles", 0, "outcome") != outcome || got.Get("is_success") != byAnother {
				t.Errorf("reply: %s", got.Body)
			}
			if held := len(w.User("breakglass").Roles) > 0; held == byAnother {
				t.Errorf("the role is held: %v", held)
			}
		})
	}
}
