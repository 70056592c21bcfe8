package sessions_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const revokeGrants = "sessions/revoke-grants"

// clientIDs returns the IDs of the OAuth clients for which alice has grants.
func clientIDs(t *testing.T, w *testkit.World) []string {
	t.Helper()
	dry := w.Run(revokeGrants, map[string]any{"parameters": map[string]any{"User IDs": "alice"}, "options": map[string]any{"dry_run": true}})
	var ids []string
	steps, _ := dry.Get("targets", 0, "steps").([]any)
	for i := range steps {
		if id, ok := strings.CutPrefix(dry.Get("targets", 0, "steps", i, "step").(string), "revoke_tokens "); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) != 2 || dry.Get("status") != "planned" {
		t.Fatalf("%d %s", dry.HTTP, dry.Body)
	}
	w.WantWrites()
	return ids
}

func TestRevokeGrants_RevokesGrantsAndTokens(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	clients, user := clientIDs(t, w), "/api/v1/users/"+w.ID("alice")
	w.Run(revokeGrants, testkit.Params(map[string]any{"User IDs": "alice"})).Want(t, 200, w.Expand(fmt.Sprintf(`{
		"action": "Revoke Grants", "status": "success", "is_success": true,
		"output_message": "Revoked the grants of 1 user: alice@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"alice": {"revocable": []}}, "entities": [],
		"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "changed",
			"before": {"revocable": ["revoke_grants", "revoke_tokens %[1]s", "revoke_tokens %[2]s"]}, "after": {"revocable": []}, "verified": false,
			"steps": [{"step": "revoke_grants", "outcome": "changed"}, {"step": "revoke_tokens %[1]s", "outcome": "changed"},
				{"step": "revoke_tokens %[2]s", "outcome": "changed"}]}],
		"warnings": []
	}`, clients[0], clients[1])))
	w.WantWrites("DELETE "+user+"/grants", "DELETE "+user+"/clients/"+clients[0]+"/tokens", "DELETE "+user+"/clients/"+clients[1]+"/tokens")
	if u := w.User("alice"); u.Grants+u.RefreshTokens != 0 {
		t.Errorf("alice has %+v", u)
	}

	w.Forget()
	w.Run(revokeGrants, testkit.Params(map[string]any{"User IDs": "alice"})).Want(t, 200, w.Expand(`{
		"action": "Revoke Grants", "status": "success", "is_success": true,
		"output_message": "Already without grants: alice@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"alice": {"revocable": []}}, "entities": [],
		"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "unchanged",
			"before": {"revocable": []}, "after": {"revocable": []}, "verified": false}],
		"warnings": []
	}`))
	w.WantWrites()
}

// TestRevokeGrants_ClientThatFailsIsNotClaimed: the other revocations are made.
func TestRevokeGrants_ClientThatFailsIsNotClaimed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault emulator.Fault
		word  string
		left  bool // the reply says what is left
	}{
		"refused":        {emulator.Fault{Status: 403}, "not done", true},
		"a lost request": {emulator.Fault{Drop: true}, "in doubt", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			clients := clientIDs(t, w)
			c.fault.Path = "*/clients/" + clients[0] + "/tokens"
			w.Okta.AddFault(c.fault)
			got := w.Run(revokeGrants, testkit.Params(map[string]any{"User IDs": "alice"}))
			if u := w.User("alice"); u.Grants != 0 || u.RefreshTokens != 1 {
				t.Errorf("alice has %+v", u)
			}
			want := "alice@acme.test: done: revoke_grants, revoke_tokens " + clients[1] + "; " + c.word + ": revoke_tokens " + clients[0] + " ("
			if message, _ := got.Get("output_message").(string); got.Get("status") != "partial" || !strings.Contains(message, want) {
				t.Errorf("%d %s\nwant %s", got.HTTP, got.Body, want)
			}
			after, _ := got.Get("targets", 0, "after").(map[string]any)
			if left, known := after["revocable"]; known != c.left || known && fmt.Sprint(left) != "[revoke_tokens "+clients[0]+"]" {
				t.Errorf("after: %v", after)
			}
		})
	}
}
