package action

import (
	"slices"
	"strings"

	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
)

// Catalog is the JSON description of a group for callers.
type Catalog struct {
	Group    string  `json:"group"`
	Function string  `json:"function"`
	Summary  string  `json:"summary"`
	Actions  []Entry `json:"actions"`
}

// Entry is the JSON description of an action for callers.
type Entry struct {
	Name        string       `json:"name"`
	Slug        string       `json:"slug"`
	Aliases     []string     `json:"aliases,omitempty"`
	Summary     string       `json:"summary"`
	Mutates     bool         `json:"mutates"`
	Category    Category     `json:"outcome_category"` // SecOps' name of the purpose
	ReadBack    bool         `json:"read_back"`        // the result can be read from Okta later
	Parameters  []Param      `json:"parameters"`
	EntityTypes []EntityType `json:"entity_types"`
	OAuthScopes []string     `json:"oauth_scopes"`
	// OptionalScopes are needed besides OAuthScopes, by requests without which the action works.
	OptionalScopes []string `json:"optional_scopes"`
	// GuardrailScopes are needed besides OAuthScopes, by the guardrails.
	GuardrailScopes []string `json:"guardrail_scopes"`
}

// Catalog returns the description of the group.
func (g Group) Catalog() Catalog {
	c := Catalog{Group: g.Name, Function: g.Function, Summary: g.Summary}
	for _, a := range g.Actions {
		c.Actions = append(c.Actions, Entry{
			Name: a.Name, Slug: a.Slug, Aliases: a.Aliases, Summary: a.Summary,
			Mutates: a.Mutates, Category: a.Category, ReadBack: a.ReadBack,
			Parameters:  append([]Param{}, a.Params...),
			EntityTypes: append([]EntityType{}, a.RunsOn...),
			OAuthScopes: append([]string{}, a.OktaScopes...), GuardrailScopes: a.GuardrailScopes(),
			OptionalScopes: append([]string{}, a.OptionalScopes...),
		})
	}
	return c
}

// Find returns the action that has this name, alias or slug in any of the groups, and its group.
func Find(groups []Group, name string) (Group, Action, bool) {
	for _, g := range groups {
		if a, ok := g.Find(name); ok {
			return g, a, true
		}
	}
	return Group{}, Action{}, false
}

// SlugOf returns the slug of the action that has this name, alias or slug in any of the groups.
func SlugOf(groups []Group, name string) (slug string, ok bool) {
	_, a, ok := Find(groups, name)
	return a.Slug, ok
}

// MayHoldSecret reports whether a text may contain the value of a secret parameter: it contains the
// name of one, in any spelling, or a word that is common near secrets. A text with escape sequences
// may spell such a name with them.
func MayHoldSecret(groups []Group, text string) bool {
	if strings.Contains(text, `\u`) {
		return true
	}
	text = fold(text)
	words := []string{"passw", "pwd", "secret", "token", "key", "begin", "eyj"}
	for _, g := range groups {
		for _, a := range g.Actions {
			for _, p := range a.Params {
				if p.Secret {
					words = append(append(words, p.Name), p.Aliases...)
				}
			}
		}
	}
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, fold(word)) })
}

// PolicyVocabulary returns the names that a policy of the guardrails may use: the slugs of the
// groups' actions, and Okta's role types.
func PolicyVocabulary(groups []Group) guardrail.Vocabulary {
	v := guardrail.Vocabulary{Roles: append(slices.Clone(okta.RoleTypes), okta.CustomRole)}
	for _, g := range groups {
		for _, a := range g.Actions {
			switch {
			case a.Mutates:
				v.Changing = append(v.Changing, a.Slug)
			case !slices.Contains(v.Reading, a.Slug):
				v.Reading = append(v.Reading, a.Slug)
			}
		}
	}
	return v
}

// GuardrailScopes returns the OAuth scopes that the guardrails of the action need besides
// OktaScopes. Without them the rules about administrators are not active.
func (a Action) GuardrailScopes() []string {
	if !a.Mutates || !a.TakesUsers() || slices.Contains(a.OktaScopes, rolesScope) {
		return []string{}
	}
	return []string{rolesScope}
}

// GuardrailScopes returns the scopes of the guardrails of all actions, besides those of Scopes.
func (g Group) GuardrailScopes() []string {
	scopes := []string{}
	for _, a := range g.Actions {
		scopes = append(scopes, a.GuardrailScopes()...)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}
