package action_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/secrets"
)

// TestMask_HidesValuesThatTheirParameterRefuses: an invalid value may be a misplaced secret.
func TestMask_HidesValuesThatTheirParameterRefuses(t *testing.T) {
	t.Parallel()
	type params struct {
		Key   secrets.Value `param:"Key" secret:"true" help:"The key."`
		Level level         `param:"Level" help:"Level."`
		Kinds kinds         `param:"Kinds" help:"Kinds."`
		Limit int           `param:"Limit" min:"1" max:"9" help:"The most."`
		On    bool          `param:"On" help:"On."`
		Users action.Users  `param:"Users" help:"Users."`
		Text  string        `param:"Text" help:"Text."`
	}
	const key = "MIIEvQcanaryIBADANBgkqhkiG9w0B"
	a := action.Define(action.Spec{Name: "Try It", Summary: "Tries."},
		func(context.Context, *action.Execution, params) (*action.Result, error) { return nil, nil })
	groups := []action.Group{{Name: "things", Actions: []action.Action{a}}}
	for _, c := range []struct {
		name, value string
		shown       bool
	}{
		{"Level", `"LOW"`, true}, {"level", `"` + key + `"`, false}, {"Level", `""`, true}, {"Level", `[]`, false},
		{"Kinds", `"a, B"`, true}, {"Kinds", `["a", "` + key + `"]`, false}, {"Kinds", `"a,` + key + `"`, false},
		{"Limit", `"7"`, true}, {"Limit", `7`, true}, {"Limit", `"` + key + `"`, false}, {"Limit", `4711`, false},
		{"On", `"True"`, true}, {"On", `null`, true}, {"On", `"` + key + `"`, false}, {"On", `4711`, false},
		{"Users", `"alice, me"`, true}, {"Text", `"any"`, true}, {"Text", `4711`, false}, {"Key", `"` + key + `"`, false},
	} {
		r := given(t, `{"`+c.name+`": `+c.value+`}`)
		got := action.NewVocabulary(groups).Mask(r.Parameters).Parameters(r.Parameters)[c.name]
		if (got != "[masked]") != c.shown {
			t.Errorf("%s %s: %v", c.name, c.value, got)
		}
		_, err := a.Bind(r)
		if b, err := json.Marshal(problemsOf(err)); err != nil || strings.Contains(string(b), key) || strings.Contains(string(b), "4711") {
			t.Errorf("%s %s: %s %v", c.name, c.value, b, err)
		}
	}
}

// kinds is a list with a fixed set of items.
type kinds []string

// Allowed implements action.Allower.
func (kinds) Allowed() []string { return []string{"A", "B"} }
