package guardrail_test

import (
	"encoding/json"
	"testing"
	"time"

	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/test/testkit"
)

func TestView_IsTheNarrowerOfGeneralAndOwnLimits(t *testing.T) {
	t.Parallel()
	const policy = `{"assignable_roles": {"assign-role": ["ORG_ADMIN", "SUPER_ADMIN"]}, "deactivate": {"default": "suspend_instead"},
		"max_targets_per_call": 10, "max_users_per_hour": {"default": 50, "disable-user": 5}, "denied_actions": ["assign-role"],
		"protected": [{"id": "p", "reason": "hidden", "users": ["hidden"]}],
		"disabled_rules": ["own_identity"], "override": {"until": "2026-03-02T11:00:00Z", "rules": ["protected"], "reason": "case 4711"},
		"callers": {"SOAR": {"assignable_roles": ["ORG_ADMIN"], "deactivate": {"disable-user": "deny"}, "max_targets_per_call": {"disable-user": 20},
			"max_users_per_hour": 20, "denied_actions": ["disable-user", "assign-role"]}, "hidden": {"max_targets_per_call": 1}}}`
	const rules = `"rules":[{"rule":"last_super_admin","active":true},{"rule":"own_identity","active":false},{"rule":"admin_credentials","active":true}]`
	const override = `"override":{"until":"2026-03-02T11:00:00Z","rules":["protected"],"reason":"case 4711"}`
	general := `"limits":{"assignable_roles":{"assign-role":["ORG_ADMIN","SUPER_ADMIN"]},"denied_actions":["assign-role"],"deactivate":"suspend_instead",` +
		`"max_targets_per_call":10,"max_users_per_hour":{"default":50,"disable-user":5}}`
	own := `"limits":{"assignable_roles":{"assign-role":["ORG_ADMIN"],"default":["ORG_ADMIN"]},"denied_actions":["assign-role","disable-user"],` +
		`"deactivate":{"default":"suspend_instead","disable-user":"deny"},"max_targets_per_call":{"default":10,"disable-user":10},` +
		`"max_users_per_hour":{"default":20,"disable-user":5}}`
	p, err := guardrail.Parse([]byte(policy), vocabulary, testkit.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		caller string
		now    time.Time
		want   string
	}{
		{"other", testkit.Now, `{"mode":"enforce",` + rules + `,` + general + `,"freeze":null,` + override + `}`},
		{"soar", testkit.Now, `{"mode":"enforce",` + rules + `,` + own + `,"freeze":null,` + override + `}`},
		{"soar", testkit.Now.Add(time.Hour), `{"mode":"enforce",` + rules + `,` + own + `,"freeze":null,"override":null}`},
	} {
		got, err := json.Marshal(p.View(c.caller, c.now))
		if err != nil || string(got) != c.want {
			t.Errorf("%s, %s: %v\n got %s\nwant %s", c.caller, c.now, err, got, c.want)
		}
	}
}
