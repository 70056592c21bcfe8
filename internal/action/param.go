package action

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"example.com/okta-secops/secrets"
)

// Param is a parameter of an action. Its JSON is that of the catalog.
type Param struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"` // string, boolean, integer or list (of strings)
	Description string   `json:"description"`
	Default     any      `json:"default"` // null: none
	Required    bool     `json:"required"`
	Secret      bool     `json:"secret"`
	Allowed     []string `json:"allowed_values,omitempty"` // accepted in any case
	Choices     []string `json:"choices,omitempty"`        // the usual values, for forms; others are accepted
	Aliases     []string `json:"aliases,omitempty"`
	Min         *int     `json:"minimum,omitempty"`
	Max         *int     `json:"maximum,omitempty"`

	users     bool // a list of user identifiers
	mutates   bool // of an action that mutates
	hideValue bool // the action has a secret parameter: messages do not quote a bad value, which may be the secret
	index     []int
	kind      reflect.Type
}

// Values returns the values that a form offers, nil if any text fits.
func (p Param) Values() []string {
	if p.Allowed != nil {
		return p.Allowed
	}
	return p.Choices
}

// NamesUsers reports whether the parameter is the list of users of an action on users.
func (p Param) NamesUsers() bool { return p.users }

// The types of parameters.
const (
	typeString  = "string"
	typeBoolean = "boolean"
	typeInteger = "integer"
	typeList    = "list"
)

// Users is a list of users' IDs, logins (full, or short if unambiguous) or e-mail addresses.
type Users []string

// NamedUsers is embedded by the parameters of an action on users.
type NamedUsers struct {
	Users Users `param:"User IDs Or Logins" alias:"User IDs" help:"IDs, logins (full, or short if unambiguous) or e-mail addresses of users in Okta."`
}

// NamedUserIDs is NamedUsers with the parameter's name in the actions on roles.
type NamedUserIDs struct {
	Users Users `param:"User IDs" alias:"User IDs Or Logins" help:"IDs, logins (full, or short if unambiguous) or e-mail addresses of users in Okta."`
}

// ScopeParameter is the parameter that puts the entities of the request in scope.
const ScopeParameter = "Also Run On Scope"

// ScopeOn is embedded by the parameters of an action that runs on the entities in scope by default.
type ScopeOn struct {
	AlsoRunOnScope bool `param:"Also Run On Scope" default:"true" help:"Run on the entities in scope as well as on the input; off runs on the input only."`
}

// ScopeOff is embedded by the parameters of an action that runs on the entities in scope on
// request.
type ScopeOff struct {
	AlsoRunOnScope bool `param:"Also Run On Scope" default:"false" help:"Run on the entities in scope as well as on the input; off runs on the input only."`
}

// Allower is implemented by parameter types with a fixed set of values, accepted in any case. A
// string is set in the spelling of Allowed; the items of a list keep the caller's spelling for the
// reply.
type Allower interface{ Allowed() []string }

// Chooser is implemented by parameter types that accept more values than those that a form offers.
type Chooser interface{ Choices() []string }

// ParamUnmarshaler is implemented by parameter types that decode their value. UnmarshalParam
// returns a warning for the caller, or "". The text of an error describes the valid values, without
// the given value.
type ParamUnmarshaler interface {
	UnmarshalParam(text string) (warning string, err error)
}

// paramsOf returns the parameters that the fields of a struct declare. It panics if a declaration
// is malformed.
func paramsOf(t reflect.Type) []Param {
	var params []Param
	names := map[string]string{}
	for _, f := range reflect.VisibleFields(t) {
		if _, ok := f.Tag.Lookup("param"); !ok {
			if !f.Anonymous {
				panic(fmt.Sprintf("%s.%s: no param tag", t, f.Name))
			}
			continue
		}
		p := newParam(f)
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			if other, taken := names[fold(n)]; taken {
				panic(fmt.Sprintf("parameter %q: %q is the name of %q", p.Name, n, other))
			}
			names[fold(n)] = p.Name
		}
		params = append(params, p)
	}
	return params
}

// newParam returns the parameter that a field declares.
func newParam(f reflect.StructField) Param {
	p := Param{
		Name: f.Tag.Get("param"), Description: f.Tag.Get("help"), index: f.Index, kind: f.Type,
		Required: f.Tag.Get("required") == "true", Secret: f.Tag.Get("secret") == "true",
		Min: bound(f.Tag.Get("min")), Max: bound(f.Tag.Get("max")),
		users: f.Type == reflect.TypeFor[Users](),
	}
	if !f.IsExported() {
		panic(fmt.Sprintf("parameter %q: the field %s is not exported", p.Name, f.Name))
	}
	if alias := f.Tag.Get("alias"); alias != "" {
		p.Aliases = strings.Split(alias, ",")
	}
	if set, ok := reflect.Zero(f.Type).Interface().(Allower); ok {
		p.Allowed = set.Allowed()
	}
	if set, ok := reflect.Zero(f.Type).Interface().(Chooser); ok {
		p.Choices = set.Choices()
	}
	switch p.Type = typeOf(f.Type); p.Type {
	case "":
		panic(fmt.Sprintf("parameter %q: no parameter can be a %s", p.Name, f.Type))
	case typeBoolean:
		p.Default = false
	}
	if p.Secret != (f.Type == reflect.TypeFor[secrets.Value]()) && !isUnmarshaler(f.Type) {
		panic(fmt.Sprintf("parameter %q: a secret is a secrets.Value, and a secrets.Value is tagged secret", p.Name))
	}
	if text, ok := f.Tag.Lookup("default"); ok {
		p.Default = mustDefault(p, text)
	}
	if p.Description == "" {
		panic(fmt.Sprintf("parameter %q: no help", p.Name))
	}
	return p
}

// typeOf returns the type of a parameter whose field has type t, "" if no parameter can.
func typeOf(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Bool:
		return typeBoolean
	case t.Kind() == reflect.Int:
		return typeInteger
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return typeList
	case t.Kind() == reflect.String, t == reflect.TypeFor[secrets.Value](), isUnmarshaler(t):
		return typeString
	}
	return ""
}

func isUnmarshaler(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[ParamUnmarshaler]())
}

// offMark separates the effects of true and false in the description of a boolean.
const offMark = "; off "

// mustDefault returns the default value that a tag declares.
func mustDefault(p Param, text string) any {
	switch p.Type {
	case typeBoolean:
		v, err := strconv.ParseBool(text)
		if err != nil {
			panic(fmt.Sprintf("parameter %q: default %q", p.Name, text))
		}
		return v
	case typeInteger:
		v, err := strconv.Atoi(text)
		if err != nil {
			panic(fmt.Sprintf("parameter %q: default %q", p.Name, text))
		}
		return v
	case typeString:
		if slices.Contains(p.Allowed, text) {
			return text
		}
	}
	panic(fmt.Sprintf("parameter %q: default %q", p.Name, text))
}

// bound returns the bound of an integer that a tag declares, nil if there is none.
func bound(text string) *int {
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("bound " + text)
	}
	return &n
}
