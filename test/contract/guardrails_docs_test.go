package contract_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// TestGuardrails_DocumentedPoliciesWork runs each policy of docs/guardrails.md: with a request that it refuses or warns of,
// and one that it allows.
func TestGuardrails_DocumentedPoliciesWork(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "guardrails.md"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(root, "docs", "guardrails.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(file, &schema); err != nil {
		t.Fatal(err)
	}
	valid, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	type call struct {
		path   string
		params map[string]any
		want   string // the code, the part of a warning, or success
	}
	calls := map[string][]call{
		"starter": {
			{"roles/assign-role", map[string]any{"User IDs": "alice", "Role Types": "SUPER_ADMIN"}, "guardrail_assignable_roles"},
			{"roles/assign-role", map[string]any{"User IDs": "alice", "Role Types": "REPORT_ADMIN"}, "success"},
		},
		"break-glass": {
			{"users/reset-password", map[string]any{"User IDs": "breakglass", "Send Email": true}, "guardrail_protected"},
			{"users/disable-user", map[string]any{"User IDs": "admin", "Is Deactivate": false}, "guardrail_protected"},
			{"users/disable-user", map[string]any{"User IDs": "helpdesk"}, "suspended instead"},
		},
		"service accounts": {
			{"roles/assign-role", map[string]any{"User IDs": "svc-secops", "Role Types": "REPORT_ADMIN"}, "guardrail_own_identity"},
			{"signals/send-itp-signal", map[string]any{
				"User Email": "svc-backup@acme.test", "Timestamp": "2026-03-02T09:59:00Z", "Reason": "Test", "Severity": "low",
			}, "guardrail_protected"},
			{"users/disable-user", map[string]any{"User IDs": "alice"}, "success"},
		},
		"observe first": {
			{"users/set-password", map[string]any{"User IDs": "alice", "New Password": "Correct-Horse-7"}, "denied_actions"},
			{"users/enable-user", map[string]any{"User IDs": "carol"}, "vip: the board"},
			{"users/disable-user", map[string]any{"User IDs": "bob"}, "success"},
		},
	}
	policies := regexp.MustCompile("(?s)### ([^\n]+)\n[^#]*?```json\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(policies) != len(calls) {
		t.Fatalf("%d policies", len(policies))
	}
	for _, p := range policies {
		var value any
		if err := json.Unmarshal([]byte(p[2]), &value); err != nil {
			t.Fatal(err)
		}
		if err := valid.Validate(value); err != nil {
			t.Errorf("%s: %v", p[1], err)
		}
		w := testkit.New(t, testkit.Options{Env: map[string]string{"GUARDRAILS": p[2]}})
		w.Okta.AddUser(emulator.UserSeed{Login: "svc-backup@acme.test"})
		for _, c := range calls[p[1]] {
			got := w.Run(c.path, testkit.Params(c.params))
			refused := strings.HasPrefix(c.want, "guardrail_")
			if refused != (got.HTTP == 422) || !strings.Contains(string(got.Body), c.want) || !refused && got.Get("status") != "success" {
				t.Errorf("%s: %s: want %s: %d %s", p[1], c.path, c.want, got.HTTP, got.Body)
			}
		}
	}
	for _, wrong := range []string{`{"mod": "observe"}`, `{"denied_actions": ["get-user"]}`, `{"max_users_per_hour": -1}`, `{"deactivate": {"defaults": "allow"}}`} {
		var value any
		if err := json.Unmarshal([]byte(wrong), &value); err != nil {
			t.Fatal(err)
		}
		if valid.Validate(value) == nil {
			t.Errorf("%s is valid", wrong)
		}
	}
}
