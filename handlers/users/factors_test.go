package users_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const notRestored = "removed factors cannot be restored: the user enrolls them again"

// factor returns one of alice's factors as Okta has it.
func factor(t *testing.T, w *testkit.World, kind string) (id, text string) {
	t.Helper()
	var all []json.RawMessage
	if err := json.Unmarshal([]byte(w.AsOktaHasIt("/api/v1/users/"+w.ID("alice")+"/factors")), &all); err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		var one struct{ ID, FactorType string }
		if err := json.Unmarshal(f, &one); err == nil && one.FactorType == kind {
			return one.ID, string(f)
		}
	}
	t.Fatalf("alice has no factor %s", kind)
	return "", ""
}

// TestListFactors_UnknownTypesPassThrough: json_result has the factors as Okta sends them.
func TestListFactors_UnknownTypesPassThrough(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Run("users/list-factors", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "bob, nora"}, "entities": []any{entity("ALICE@ACME.TEST", "USERUNIQNAME")},
	}).Want(t, 200, w.Expand(`{
		"action": "List Factors", "status": "partial", "is_success": false,
		"output_message": "bob@acme.test has no factor. alice@acme.test has 3 factors: push, token:software:totp, carrier_pigeon. Not found: nora.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"bob": [], "ALICE@ACME.TEST": `+w.AsOktaHasIt("/api/v1/users/"+w.ID("alice")+"/factors")+`},
		"entities": [{"identifier": "ALICE@ACME.TEST", "entity_type": "USERUNIQNAME",
			"enrichment": {"factors": "push, token:software:totp, carrier_pigeon"}}],
		"targets": [
			{"input": "bob", "source": "parameter", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "found"},
			{"input": "nora", "source": "parameter", "outcome": "not_found",
				"error": {"code": "E0000007", "message": "Not found: Resource not found: nora (User)", "retryable": false}},
			{"input": "ALICE@ACME.TEST", "source": "entity", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "found"}],
		"warnings": []
	}`))
}

// TestResetFactors_AllOrChosenOnes: the reply has the factors that were removed, and a warning for those
// that the user does not have.
func TestResetFactors_AllOrChosenOnes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		factors, left, warning string
		gone                   []string // types
		chosen                 bool
	}{
		"all":         {left: "[]", gone: []string{"push", "token:software:totp", "carrier_pigeon"}},
		"a type":      {factors: "PUSH", left: `["carrier_pigeon", "token:software:totp"]`, gone: []string{"push"}, chosen: true},
		"an ID":       {factors: "${push}", left: `["carrier_pigeon", "token:software:totp"]`, gone: []string{"push"}, chosen: true},
		"two":         {factors: "push, carrier_pigeon", left: `["token:software:totp"]`, gone: []string{"push", "carrier_pigeon"}, chosen: true},
		"one, a typo": {factors: "push, okta_verify", left: `["carrier_pigeon", "token:software:totp"]`, gone: []string{"push"}, chosen: true, warning: `"alice@acme.test has no factor okta_verify. The user's factors: push, token:software:totp, carrier_pigeon."`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			var removed, steps, writes []string
			for _, kind := range c.gone {
				id, text := factor(t, w, kind)
				removed = append(removed, text)
				steps = append(steps, fmt.Sprintf(`{"step": "remove %s %s", "outcome": "changed"}`, kind, id))
				writes = append(writes, "DELETE /api/v1/users/"+w.ID("alice")+"/factors/"+id)
			}
			made := ""
			if c.chosen {
				made = `"steps": [` + strings.Join(steps, ", ") + `],`
			} else {
				writes = []string{"POST /api/v1/users/" + w.ID("alice") + "/lifecycle/reset_factors"}
			}
			push, _ := factor(t, w, "push")
			w.Forget()
			got := w.Run("users/reset-factors", map[string]any{
				"parameters": map[string]any{"User IDs": "alice", "Factors": strings.ReplaceAll(c.factors, "${push}", push)},
				"options":    map[string]any{"verify": true},
			})
			w.WantWrites(writes...)
			if n := len(w.User("alice").Factors); n != 3-len(c.gone) {
				t.Errorf("alice has %d factors", n)
			}
			got.Want(t, 200, w.Expand(`{
				"action": "Reset Factors", "status": "success", "is_success": true,
				"output_message": "Removed factors of 1 user: alice@acme.test.",
				"script_result": {"name": "is_success", "value": true},
				"json_result": {"alice": {"removed": [`+strings.Join(removed, ", ")+`]}}, "entities": [],
				"targets": [{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test",
					"outcome": "changed", "before": {"factors": ["carrier_pigeon", "push", "token:software:totp"]},
					"after": {"factors": `+c.left+`}, `+made+` "verified": true}],
				"warnings": [`+c.warning+`]
			}`))
			want(t, got, notRestored, "not_undoable", 0, "reason")
		})
	}
}

// TestResetFactors_NothingToRemoveIsUnchanged: nothing is sent, and a type that the user lacks is a warning.
func TestResetFactors_NothingToRemoveIsUnchanged(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Run("users/reset-factors", testkit.Params(map[string]any{"User IDs": "bob", "Factors": "push"})).Want(t, 200, w.Expand(`{
		"action": "Reset Factors", "status": "success", "is_success": true,
		"output_message": "Already without these factors: bob@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"bob": {"removed": []}}, "entities": [],
		"targets": [{"input": "bob", "source": "parameter", "user_id": "${id:bob}", "login": "bob@acme.test",
			"outcome": "unchanged", "before": {"factors": []}, "after": {"factors": []}, "verified": false}],
		"warnings": ["bob@acme.test has no factor push. The user's factors: none."]
	}`))
	w.WantWrites()
}

// TestResetFactors_OneThatFailsIsNotClaimed: the others are removed, and the state after is that of Okta.
func TestResetFactors_OneThatFailsIsNotClaimed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  emulator.Fault
		after  string
		doubts string
	}{
		"refused":        {emulator.Fault{Status: 403}, "[push token:software:totp]", "not done"},
		"a lost request": {emulator.Fault{Drop: true}, "<nil>", "in doubt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			push, _ := factor(t, w, "push")
			c.fault.Path = "*/factors/" + push
			w.Okta.AddFault(c.fault)
			got := w.Run("users/reset-factors", testkit.Params(map[string]any{"User IDs": "alice", "Factors": "push, carrier_pigeon"}))
			want(t, got, "partial", "status")
			want(t, got, "failed", "targets", 0, "steps", 0, "outcome")
			want(t, got, "changed", "targets", 0, "steps", 1, "outcome")
			wantText(t, got, "remove carrier_pigeon ", "targets", 0, "steps", 1, "step")
			after, _ := got.Get("targets", 0, "after").(map[string]any)
			if fmt.Sprint(after["factors"]) != c.after {
				t.Errorf("after: %v", after)
			}
			wantText(t, got, "; "+c.doubts+": remove push "+push+" (", "output_message")
		})
	}
}
