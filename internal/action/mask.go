package action

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/okta-secops/secrets"
)

const (
	masked = "[masked]"

	// A request with more names or secrets is masked as a whole: comparing each name with each
	// secret would take too long.
	maxMaskedNames   = 100
	maxMaskedSecrets = 20
	// A value with an unknown name may be a secret with a misspelled name, but a short value may
	// occur in ordinary words.
	shortUnknown = 8 // characters
)

// Vocabulary has the names of all parameters and actions of a catalog. It is built once, and read
// for the mask of each request.
type Vocabulary struct {
	params  map[string][]Param // by folded name
	actions map[string]bool    // folded names
}

// NewVocabulary returns the vocabulary of the groups.
func NewVocabulary(groups []Group) *Vocabulary {
	v := &Vocabulary{params: map[string][]Param{}, actions: map[string]bool{}}
	for _, g := range groups {
		for _, a := range g.Actions {
			for _, name := range a.Names() {
				v.actions[fold(name)] = true
			}
			for _, p := range a.Params {
				for _, name := range append([]string{p.Name}, p.Aliases...) {
					v.params[fold(name)] = append(v.params[fold(name)], p)
				}
			}
		}
	}
	return v
}

// Mask masks the secrets of one request in records of it. A value is shown only if its name is
// known and not secret in any action: an unknown name may be a misspelled secret. Masked values are
// also removed from the other texts of the request. The zero value masks nothing.
type Mask struct {
	Vocabulary
	censor secrets.Censor
	all    bool // everything is masked: there are too many names or secrets
}

// Mask returns the mask of a request with these parameters.
func (v *Vocabulary) Mask(parameters map[string]any) Mask {
	m := Mask{Vocabulary: *v, all: len(parameters) > maxMaskedNames}
	if m.all {
		return m
	}
	var hidden []secrets.Value
	for name, value := range parameters {
		if m.shown(name) {
			continue
		}
		_, known := m.params[fold(name)]
		for _, text := range texts(value) {
			if known || utf8.RuneCountInString(text) >= shortUnknown {
				hidden = append(hidden, secrets.New(text))
			}
		}
	}
	if m.all = len(hidden) > maxMaskedSecrets; !m.all {
		m.censor = secrets.NewCensor(hidden...)
	}
	return m
}

// Secret reports whether a parameter of this name is secret in any action.
func (m Mask) Secret(name string) bool {
	return slices.ContainsFunc(m.params[fold(name)], func(p Param) bool { return p.Secret })
}

// shown reports whether the values of a parameter with this name may be shown.
func (m Mask) shown(name string) bool {
	_, known := m.params[fold(name)]
	return known && !m.Secret(name)
}

// texts returns the strings, numbers and member names in a JSON value.
func texts(value any) []string {
	var found []string
	switch v := value.(type) {
	case string:
		found = append(found, v)
	case json.Number:
		found = append(found, v.String())
	case []any:
		for _, item := range v {
			found = append(found, texts(item)...)
		}
	case map[string]any:
		for name, item := range v {
			found = append(append(found, name), texts(item)...)
		}
	}
	return found
}

// Text returns a text without the secrets of the request.
func (m Mask) Text(text string) string {
	if m.all && text != "" {
		return masked
	}
	return m.censor.Clean(text)
}

// Action returns the action's name without the secrets of the request. A known name is shown.
func (m Mask) Action(name string) string {
	if len(name) <= maxName && m.actions[fold(name)] {
		return name
	}
	return m.Text(name)
}

// Name returns a parameter's name without the secrets of the request. A known name is shown.
func (m Mask) Name(name string) string {
	if _, known := m.params[fold(name)]; known {
		return name
	}
	return m.Text(name)
}

// Repeated reports whether a secret of the request is also in a parameter that is shown, or in an
// entity.
func (m Mask) Repeated(parameters map[string]any, entities []Entity) bool {
	holds := func(text string) bool { return m.Text(text) != text }
	for name, value := range parameters {
		if m.shown(name) && slices.ContainsFunc(texts(value), holds) {
			return true
		}
	}
	return slices.ContainsFunc(entities, func(e Entity) bool { return holds(e.Identifier) || holds(string(e.Type)) })
}

// Names returns the parameters, and masks unknown names that contain a secret.
func (m Mask) Names(parameters map[string]any) map[string]any {
	if parameters == nil {
		return nil
	}
	out := make(map[string]any, len(parameters))
	for name, value := range parameters {
		out[m.Name(name)] = value
	}
	return out
}

// Context returns the context of the request without its secrets.
func (m Mask) Context(context map[string]string) map[string]string {
	if context == nil {
		return nil
	}
	out := make(map[string]string, len(context))
	for name, value := range context {
		out[m.Text(name)] = m.Text(value)
	}
	return out
}

// Entities returns the entities of the request without its secrets.
func (m Mask) Entities(entities []Entity) []Entity {
	out := slices.Clone(entities)
	for i, e := range out {
		out[i] = Entity{Identifier: m.Text(e.Identifier), Type: EntityType(m.Text(string(e.Type)))}
	}
	return out
}

// Parameters returns the parameters with secrets masked. A value that is not valid for its
// parameter is masked too: it may be a secret in the wrong place.
func (m Mask) Parameters(parameters map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range m.Names(parameters) {
		if !m.shown(name) || m.refused(name, value) {
			out[name] = masked
			continue
		}
		out[name] = m.value(value)
	}
	return out
}

// refused reports whether the value is not valid for a parameter of this name.
func (m Mask) refused(name string, value any) bool {
	return slices.ContainsFunc(m.params[fold(name)], func(p Param) bool { return p.refuses(value) })
}

// refuses reports whether the value is not valid for the parameter. A list without allowed values
// accepts any text. An empty value and, in an action without a secret, a placeholder count as not
// given.
func (p Param) refuses(value any) bool {
	text, isText := value.(string)
	switch {
	case value == nil || isText && strings.TrimSpace(text) == "":
		return false
	case IsPlaceholder(text) && !p.hideValue, p.Type == typeList && p.Allowed == nil:
		return false
	}
	_, _, err := p.set(reflect.New(p.kind).Elem(), value)
	return err != nil
}

func (m Mask) value(value any) any {
	switch v := value.(type) {
	case string:
		return m.Text(v)
	case []any:
		out := slices.Clone(v)
		for i, item := range out {
			out[i] = m.value(item)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for name, item := range v {
			out[m.Text(name)] = m.value(item)
		}
		return out
	default:
		return v
	}
}
