package users_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// TestImpact_DryRunSaysWhatDependsOnTheUser: the roles and the API tokens of each user who would lose
// access. The tokens are read once, and a real run reads nothing more.
func TestImpact_DryRunSaysWhatDependsOnTheUser(t *testing.T) {
	t.Parallel()
	const tokens = "GET /api/v1/api-tokens"
	for path, parameters := range map[string]map[string]any{
		"users/disable-user":       {"Is Deactivate": false},
		"containment/contain-user": {},
		"roles/unassign-role":      {"Role IDs Or Names": "HELP_DESK_ADMIN, ORG_ADMIN"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddUser(emulator.UserSeed{Login: "nora@acme.test", Roles: []string{"ORG_ADMIN", "CUSTOM"}, APITokens: []string{"CI", "Backup"}})
			parameters["User IDs"] = "alice, nora"
			got := w.Run(path, map[string]any{"parameters": parameters, "options": map[string]any{"dry_run": true}})
			want := []any{
				"nora@acme.test: the user holds ORG_ADMIN, Case Responder.",
				"nora@acme.test: the user owns 2 API tokens, which may stop working: CI, Backup.",
			}
			if diff := cmp.Diff(want, got.Get("warnings")); diff != "" || got.Get("status") != "planned" {
				t.Errorf("%s%s", diff, got.Body)
			}
			if asked := w.AskedAll(); slices.Index(asked, tokens) < 0 || slices.Contains(asked[slices.Index(asked, tokens)+1:], tokens) {
				t.Errorf("asked: %v", asked)
			}
			w.WantWrites()
			w.Forget()
			w.Run(path, testkit.Params(parameters))
			if asked := w.AskedAll(); slices.Contains(asked, tokens) {
				t.Errorf("a real run asked: %v", asked)
			}
		})
	}
}

// TestImpact_LevelRevokeLeavesTheTokens: only the sessions end.
func TestImpact_LevelRevokeLeavesTheTokens(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("containment/contain-user", map[string]any{
		"parameters": map[string]any{"User IDs": "helpdesk", "Level": "revoke"}, "options": map[string]any{"dry_run": true},
	})
	want(t, got, []any{}, "warnings")
}

// TestImpact_UnknownIsSaid: without the scopes, the dry run goes on, and names what is unknown.
func TestImpact_UnknownIsSaid(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{App: &emulator.App{Scopes: []string{"okta.users.read", "okta.users.manage"}}})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs": "alice, bob", "Is Deactivate": false}, "options": map[string]any{"dry_run": true},
	})
	want(t, got, "planned", "status")
	for _, text := range []string{
		"alice@acme.test, bob@acme.test: the administrator roles of the user are unknown: the service app is not granted okta.roles.read",
		"The API tokens that the users own are unknown: the service app is not granted okta.apiTokens.read",
	} {
		wantText(t, testkit.Reply{JSON: map[string]any{"all": string(got.Body)}}, text, "all")
	}
}
