package action

import (
	"slices"
	"strings"
)

// Catalog is a group as callers see it.
type Catalog struct {
	Group    string  `json:"group"`
	Function string  `json:"function"`
	Summary  string  `json:"summary"`
	Actions  []Entry `json:"actions"`
}

// Entry is an action as callers see it.
type Entry struct {
	Name        string       `json:"name"`
	Slug        string       `json:"slug"`
	Summary     string       `json:"summary"`
	Mutates     bool         `json:"mutates"`
	Parameters  []Param      `json:"parameters"`
	EntityTypes []EntityType `json:"entity_types"`
	OAuthScopes []string     `json:"oauth_scopes"`
}

// Catalog describes the group.
func (g Group) Catalog() Catalog {
	c := Catalog{Group: g.Name, Function: g.Function, Summary: g.Summary}
	for _, a := range g.Actions {
		c.Actions = append(c.Actions, Entry{
			Name: a.Name, Slug: a.Slug, Summary: a.Summary, Mutates: a.Mutates,
			Parameters:  append([]Param{}, a.Params...),
			EntityTypes: append([]EntityType{}, a.RunsOn...),
			OAuthScopes: append([]string{}, a.OktaScopes...),
		})
	}
	return c
}

// Masked copies the parameters of a request for a record of it: the values of those that are no secret in any action are
// shown. What has a name that no action knows may be a secret misspelt.
func Masked(groups []Group, parameters map[string]any) map[string]any {
	open := map[string]bool{}
	for _, g := range groups {
		for _, a := range g.Actions {
			for _, p := range a.Params {
				for _, name := range append([]string{p.Name}, p.Aliases...) {
					known, seen := open[fold(name)]
					open[fold(name)] = !p.Secret && (known || !seen)
				}
			}
		}
	}
	out := map[string]any{}
	for name, value := range parameters {
		if !open[fold(name)] {
			value = "[masked]"
		}
		out[name] = value
	}
	return out
}

// MayHoldSecret reports whether a text may hold the value of a secret parameter: it has the name of one, in any spelling, or
// a word that secrets go with. A text with escape sequences may spell a name in them.
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
