package okta_test

import (
	"io"
	"net/http"
	"slices"
	"testing"
)

func TestListAppScopes_LeavesRevokedGrantsOut(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/apps/0oa1/grants" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		_, _ = io.WriteString(w, `[{"id": "oag1", "scopeId": "okta.users.read", "status": "ACTIVE"},
			{"id": "oag2", "scopeId": "okta.apps.manage", "status": "REVOKED"}, {"id": "oag3", "scopeId": "okta.logs.read"}]`)
	})
	scopes, err := c.ListAppScopes(t.Context(), "0oa1")
	if err != nil || !slices.Equal(scopes, []string{"okta.users.read", "okta.logs.read"}) {
		t.Errorf("%v, %v", scopes, err)
	}
}
