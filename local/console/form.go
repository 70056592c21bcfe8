package console

import (
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
)

// actionForm is the form of an action.
type actionForm struct {
	action.Action
	Path    string // of the request
	Fields  []formField
	Example string // JSON: the request of the declaration
	Filled  bool   // the example is filled in
}

// formField is a parameter in a form.
type formField struct {
	action.Param
	ID      string
	Control string // checkbox, select, chips, secret, time, number, text
	Text    string // the default as text
	Note    string
}

func newForm(g action.Group, a action.Action) actionForm {
	f := actionForm{Action: a, Path: "/" + g.Name + "/" + a.Slug}
	for i, p := range a.Params {
		f.Fields = append(f.Fields, newField(fmt.Sprint("p", i), p))
	}
	f.Example = jsonText(a.Example)
	return f
}

// timeParameter is the parameter that is a time. The others of the type string take more forms than a picker has.
const timeParameter = "Timestamp"

func newField(id string, p action.Param) formField {
	f := formField{Param: p, ID: id, Control: "text"}
	switch {
	case p.Secret:
		f.Control = "secret"
	case p.Type == "boolean":
		f.Control = "checkbox"
	case p.Type == "list":
		f.Control = "chips"
	case p.Type == "integer":
		f.Control = "number"
	case p.Name == timeParameter:
		f.Control = "time"
	case p.Allowed != nil:
		f.Control = "select"
	}
	if p.Default != nil {
		f.Text = fmt.Sprint(p.Default)
	}
	f.Note = note(f)
	return f
}

// note returns the hint after the label, such as "required" or the default.
func note(f formField) string {
	var notes []string
	switch {
	case f.Required:
		notes = append(notes, "required")
	case f.Control == "checkbox" && f.Text == "true":
		notes = append(notes, "default: on")
	case f.Control == "checkbox":
		notes = append(notes, "default: off")
	case f.Text != "":
		notes = append(notes, "default: "+f.Text)
	}
	if f.Min != nil && f.Max != nil {
		notes = append(notes, fmt.Sprintf("%d to %d", *f.Min, *f.Max))
	}
	return strings.Join(notes, ", ")
}

// On reports whether a checkbox is on by default.
func (f formField) On() bool { return f.Default == true }

// Is reports whether a value is the default.
func (f formField) Is(value string) bool { return f.Text != "" && strings.EqualFold(f.Text, value) }

// SecretNames returns the members of the result that the page hides, as JSON.
func (f actionForm) SecretNames() string {
	names := slices.Clone(f.SecretResults)
	if names == nil {
		names = []string{}
	}
	return jsonText(names)
}
