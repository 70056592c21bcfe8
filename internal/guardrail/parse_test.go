package guardrail_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/test/testkit"
)

var vocabulary = guardrail.Vocabulary{
	Changing: []string{"disable-user", "assign-role"}, Reading: []string{"get-user"}, Roles: []string{"SUPER_ADMIN", "ORG_ADMIN"},
}

func TestParse_NamesEachProblem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:     "unexpected EOF|EOF",
		`{`:    "unexpected EOF",
		`[]`:   "cannot unmarshal array",
		`null`: "the policy is null",
		`{"max_targets_per_call": {"default": null}}`: `"default" is null: leave it out`,
		`{"protected": null}`:                         `"protected" is null`,
		`{} {}`:                                       "has something after the JSON value",
		`{"freez": "x"}`:                              `unknown field "freez"`,
		`{"mode": "off"}`:                             `mode: "off" is not enforce or observe`,
		`{"mode": "observe", "mode": "enforce"}`:      `the member "mode" occurs twice`,
		`{"mode": "observe", "Mode": "enforce"}`:      `the member "Mode" occurs twice`,
		`{"callers": {"a": {"deactivate": "deny", "deactivate": "allow"}}}`: `the member "deactivate" occurs twice`,
		`{"freeze": " "}`:                                              "freeze: give the reason",
		`{"freeze": "x", "mode": "observe"}`:                           "freeze: contradicts mode observe",
		`{"denied_actions": ["disable-users"]}`:                        `denied_actions: "disable-users" is not an action: disable-user, assign-role`,
		`{"denied_actions": ["get-user"]}`:                             `denied_actions: "get-user" changes nothing`,
		`{"assignable_roles": ["ADMIN"]}`:                              `assignable_roles: "ADMIN" is not a role type: SUPER_ADMIN, ORG_ADMIN`,
		`{"deactivate": "never"}`:                                      `deactivate: "never" is not allow, suspend_instead, deny`,
		`{"deactivate": {"get-user": "deny"}}`:                         `deactivate: "get-user" changes nothing`,
		`{"deactivate": {}}`:                                           "deactivate: has no value",
		`{"max_users_per_hour": -1}`:                                   "max_users_per_hour: -1 is negative",
		`{"max_targets_per_call": {"default": 3, "disable-user": -2}}`: "max_targets_per_call: -2 is negative",
		`{"max_targets_per_call": "3"}`:                                "cannot unmarshal string",
		`{"callers": {"soar": {"denied_actions": ["x"]}}}`:             `callers "soar": denied_actions: "x" is not an action`,
		`{"callers": {" ": {}}}`:                                       "callers: a caller without a name",
		`{"callers": {"soar": {"mode": "observe"}}}`:                   `unknown field "mode"`,
		`{"protected": [{"reason": "r", "users": ["a"]}]}`:             "protected[0]: an id is required",
		`{"protected": [{"id": "p", "users": ["a"]}]}`:                 `protected "p": a reason is required`,
		`{"protected": [{"id": "p", "reason": "r"}]}`:                  `protected "p": protects no user`,
		`{"protected": [{"id": "p", "reason": "r", "users": [" a"]}]}`: `protected "p": " a" is empty or has spaces at an end`,
		`{"protected": [{"id": "p", "reason": "r", "users": ["a"]}, {"id": "p", "reason": "r", "users": ["b"]}]}`: `protected "p": the id occurs twice`,
		`{"protected": [{"id": "p", "reason": "r", "roles": ["ADMIN"]}]}`:                                         `protected "p": roles: "ADMIN" is not a role type`,
		`{"protected": [{"id": "p", "reason": "r", "profile": {"userType": []}}]}`:                                `profile "userType": give its protected values`,
		`{"protected": [{"id": "p", "reason": "r", "users": ["a"], "actions": []}]}`:                              "actions: an empty list protects no user",
		`{"protected": [{"id": "p", "reason": "r", "users": ["a"], "actions": ["get-user"]}]}`:                    `actions: "get-user" changes nothing`,
		`{"disabled_rules": ["freeze"]}`:                                                                                                `disabled_rules: "freeze" is not a rule that is always on: last_super_admin, own_identity, admin_credentials`,
		`{"override": {"rules": ["freeze"], "reason": "r"}}`:                                                                            "override: until is required",
		`{"override": {"until": "2026-03-03T10:00:01Z", "rules": ["freeze"], "reason": "r"}}`:                                           "override: until 2026-03-03T10:00:01Z is more than 24 hours ahead",
		`{"override": {"until": "2026-03-02T11:00:00Z", "rules": [], "reason": ""}}`:                                                    "override: a reason is required; override: name the rules",
		`{"override": {"until": "2026-03-02T11:00:00Z", "rules": ["all"], "reason": "r"}}`:                                              `override: "all" is not a rule`,
		`{"override": {"until": "2026-03-02T11:00:00Z", "rules": ["own_identity"], "reason": "r"}, "disabled_rules": ["own_identity"]}`: `override: "own_identity" is in disabled_rules too`,
	} {
		_, err := guardrail.Parse([]byte(text), vocabulary, testkit.Now)
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		named := false
		for part := range strings.SplitSeq(want, "|") {
			named = named || strings.Contains(err.Error(), part)
		}
		if !named {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestParse_AcceptsEveryMember(t *testing.T) {
	t.Parallel()
	const text = `{"protected":[{"id":"p","reason":"r","users":["svc-*@acme.com"],"groups":["Board"],"roles":["any"],"profile":{"userType":["service"]},"actions":["disable-user"]}],` +
		`"assignable_roles":["ORG_ADMIN"],"denied_actions":["assign-role"],"deactivate":{"default":"deny","disable-user":"suspend_instead"},"max_targets_per_call":5,` +
		`"max_users_per_hour":{"disable-user":20},"callers":{"soar":{"max_targets_per_call":0}},"mode":"enforce","freeze":"x",` +
		`"override":{"until":"2026-03-02T09:00:00Z","rules":["freeze"],"reason":"expired"},"disabled_rules":["own_identity"]}`
	p, err := guardrail.Parse([]byte(text), vocabulary, testkit.Now)
	if err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(back)); diff != "" {
		t.Error(diff)
	}
	if _, ok := p.MaxUsersPerHour.For("assign-role"); ok {
		t.Error("an action without an entry and without a default has a limit")
	}
	for role, want := range map[string]bool{"ORG_ADMIN": true, "SUPER_ADMIN": false} {
		if p.Assignable("assign-role", "", role) != want {
			t.Errorf("%s: assignable is not %v", role, want)
		}
	}
	if _, err := guardrail.Parse([]byte(`{"override":{"until":"`+testkit.Now.Add(24*time.Hour).Format(time.RFC3339)+`","rules":["freeze"],"reason":"r"}}`),
		vocabulary, testkit.Now); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{`{}`, `{"max_users_per_hour":{"default":1}}`, `{"protected":[{"id":"p","reason":"r","users":["*"]}]}`, `[[[{`, `{"a":{"a":1}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := guardrail.Parse(text, vocabulary, testkit.Now)
		if err != nil {
			return
		}
		back, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := guardrail.Parse(back, vocabulary, testkit.Now); err != nil {
			t.Errorf("%s becomes %s: %v", text, back, err)
		}
	})
}
