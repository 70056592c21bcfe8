package groups_test

import (
	"testing"

	"example.com/okta-secops/test/testkit"
)

// groupID returns the ID of a group in Okta, which must exist.
func groupID(t *testing.T, w *testkit.World, name string) string {
	t.Helper()
	g, ok := w.Okta.Group(name)
	if !ok {
		t.Fatalf("Okta has no group %q", name)
	}
	return g.ID
}
