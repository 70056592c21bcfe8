package users_test

import (
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestGetRisk_AddsTheLevelToTheEntity(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "nora@acme.test", Risk: "HIGH"})
	w.Run("users/get-user-risk", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "bob"}, "entities": []any{entity("NORA@ACME.TEST", "USERUNIQNAME")},
	}).Want(t, 200, w.Expand(`{
		"action": "Get User Risk", "status": "success", "is_success": true,
		"output_message": "bob@acme.test has the risk level NONE. nora@acme.test has the risk level HIGH.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"bob": {"riskLevel": "NONE"}, "NORA@ACME.TEST": {"riskLevel": "HIGH", "reason": ""}},
		"entities": [{"identifier": "NORA@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {"risk_level": "HIGH"}}],
		"targets": [
			{"input": "bob", "source": "parameter", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "found"},
			{"input": "NORA@ACME.TEST", "source": "entity", "user_id": "${id:nora}", "login": "nora@acme.test", "outcome": "found"}],
		"warnings": []
	}`))
}

// TestSetRisk_SetsTheLevelOnce, and says how to go back.
func TestSetRisk_SetsTheLevelOnce(t *testing.T) {
	t.Parallel()
	for before, back := range map[string]string{"": "Okta cannot be asked to take a risk level away", "LOW": "if it has not, set it to LOW (Set User Risk)"} {
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddUser(emulator.UserSeed{Login: "nora@acme.test", Risk: before})
		was := map[string]string{"": "NONE", "LOW": "LOW"}[before]
		got := w.Run("users/set-user-risk", testkit.Params(map[string]any{"User IDs": "nora", "Level": "HIGH", "Reason": "Case #4711: token theft, see SOC-9."}))
		got.Want(t, 200, w.Expand(`{
			"action": "Set User Risk", "status": "success", "is_success": true,
			"output_message": "Set the risk level of 1 user: nora@acme.test.",
			"script_result": {"name": "is_success", "value": true},
			"json_result": {"nora": {"riskLevel": "HIGH"}}, "entities": [],
			"targets": [{"input": "nora", "source": "parameter", "user_id": "${id:nora}", "login": "nora@acme.test", "outcome": "changed",
				"before": {"risk": "`+was+`"}, "after": {"risk": "HIGH"}, "verified": false}],
			"warnings": ["Reason: Okta accepts letters, digits, spaces and - , . only: the other characters are replaced by spaces"]
		}`))
		wantText(t, got, back, "not_undoable", 0, "reason")
		w.WantWrites("PUT /api/v1/users/" + w.ID("nora") + "/risk")
		if u := w.User("nora"); u.Risk != "HIGH" || u.RiskReason != "Case  4711  token theft, see SOC-9." {
			t.Errorf("%+v", u)
		}
		w.Run("users/set-user-risk", testkit.Params(map[string]any{"User IDs": "nora", "Level": "HIGH"})).Want(t, 200, w.Expand(`{
			"action": "Set User Risk", "status": "success", "is_success": true,
			"output_message": "Already at this risk level: nora@acme.test.",
			"script_result": {"name": "is_success", "value": true},
			"json_result": {"nora": {"riskLevel": "HIGH", "reason": "Case  4711  token theft, see SOC-9."}}, "entities": [],
			"targets": [{"input": "nora", "source": "parameter", "user_id": "${id:nora}", "login": "nora@acme.test", "outcome": "unchanged",
				"before": {"risk": "HIGH"}, "after": {"risk": "HIGH"}, "verified": false}],
			"warnings": []
		}`))
		w.WantWrites("PUT /api/v1/users/" + w.ID("nora") + "/risk")
	}
}

// TestRisk_OrgWithoutItSaysSo, and does not call it a missing permission.
func TestRisk_OrgWithoutItSaysSo(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.SetFeature(emulator.UserRisk, false)
	for path, parameters := range map[string]map[string]any{
		"users/get-user-risk": {"User IDs": "bob"}, "users/set-user-risk": {"User IDs": "bob", "Level": "LOW"},
	} {
		got := w.Run(path, testkit.Params(parameters))
		wantHTTP(t, got, 422)
		want(t, got, "not_available", "targets", 0, "error", "code")
		wantText(t, got, "this org has no user risk: it is part of Okta Identity Threat Protection", "output_message")
	}
	w.WantWrites()
}

// TestSetRisk_BadInputSendsNothing: the error names the parameter and what is right.
func TestSetRisk_BadInputSendsNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, c := range []struct{ level, reason, parameter, problem string }{
		{"NONE", "", "Level", `"NONE" is not one of LOW, MEDIUM, HIGH`},
		{"HIGH", strings.Repeat("é", 501), "Reason", "at most 500 characters"},
	} {
		got := w.Run("users/set-user-risk", testkit.Params(map[string]any{"User IDs": "bob", "Level": c.level, "Reason": c.reason}))
		wantHTTP(t, got, 400)
		want(t, got, c.parameter, "error", "problems", 0, "parameter")
		wantText(t, got, c.problem, "error", "message")
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("asked: %v", asked)
	}
}
