package action

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// returnsSecret reports whether the action returns a secret with these parameters. The problem
// names the last boolean parameter whose other value prevents that.
func returnsSecret(a *Action, params reflect.Value) (Problem, bool) {
	if r, is := params.Interface().(SecretReturner); !is || !r.ReturnsSecret() {
		return Problem{}, false
	}
	secret := "the " + a.SecretResults[0]
	if strings.HasSuffix(secret, "Url") {
		secret = "the link"
	}
	decides := Problem{Message: secret + " would be returned: send the request over HTTP"}
	other := reflect.New(params.Type()).Elem()
	for _, p := range a.Params {
		if p.Type != typeBoolean || p.kind.Kind() != reflect.Bool {
			continue
		}
		other.Set(params)
		field := other.FieldByIndex(p.index)
		is, not := "off", "on"
		if field.Bool() {
			is, not = not, is
		}
		field.SetBool(!field.Bool())
		if r, _ := other.Interface().(SecretReturner); !r.ReturnsSecret() {
			decides = Problem{Parameter: p.Name, Message: fmt.Sprintf(
				"is %s, so %s would be returned: turn it %s or send the request over HTTP", is, secret, not)}
		}
	}
	return decides, true
}

// repeatedSecret returns a problem if a secret is also in other parameters or in entities, which
// replies and records show. A secret of fewer than shortUnknown characters may occur in ordinary
// words: it must be the whole value.
func repeatedSecret(a *Action, secret Param, given map[string]any, entities []Entity) []Problem {
	text, _ := given[secret.Name].(string)
	if text = strings.TrimSpace(text); text == "" || Unfilled(text) != "" {
		return nil
	}
	isIn := func(value string) bool {
		if utf8.RuneCountInString(text) < shortUnknown {
			return strings.TrimSpace(value) == text
		}
		return strings.Contains(value, text)
	}
	holds := func(value string) bool {
		items, _, _ := listItems(strings.TrimSpace(value))
		return isIn(value) || slices.ContainsFunc(items, isIn)
	}
	var places []string
	for _, p := range a.Params {
		if !p.Secret && slices.ContainsFunc(texts(given[p.Name]), holds) {
			places = append(places, p.Name)
		}
	}
	for i, e := range entities {
		if holds(e.Identifier) || holds(string(e.Type)) {
			places = append(places, fmt.Sprintf("entities[%d]", i))
		}
	}
	if len(places) == 0 {
		return nil
	}
	return []Problem{{Parameter: secret.Name, Message: "its value is also in " + Enumerate(places) +
		", which replies and records show: remove it there, and use another value if it was sent by mistake"}}
}
