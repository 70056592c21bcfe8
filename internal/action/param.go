package action

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"example.com/okta-secops/secrets"
)

// Param is one parameter of an action, as the catalog shows it.
type Param struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"` // string, boolean, integer or list (of strings)
	Description string   `json:"description"`
	Default     any      `json:"default"` // null where there is none
	Required    bool     `json:"required"`
	Secret      bool     `json:"secret"`
	Allowed     []string `json:"allowed_values,omitempty"` // in any case
	Aliases     []string `json:"aliases,omitempty"`
	Min         *int     `json:"minimum,omitempty"`
	Max         *int     `json:"maximum,omitempty"`

	users    bool // a list of user identifiers
	mutates  bool // of an action that mutates
	hideValue bool // the action has a secret: a value that is wrong may be the secret, and is not shown
	index    []int
	kind     reflect.Type
}

// The types of parameters.
const (
	typeString  = "string"
	typeBoolean = "boolean"
	typeInteger = "integer"
	typeList    = "list"
)

// Users is a list of user identifiers: ids, logins (full, or short where unambiguous) or e-mail addresses.
type Users []string

// NamedUsers is embedded by the parameters of an action on users.
type NamedUsers struct {
	Users Users `param:"User IDs Or Logins" alias:"User IDs" help:"IDs, logins (full, or short where unambiguous) or e-mail addresses of users in Okta."`
}

// NamedUserIDs is NamedUsers under the name that the product document has for it in actions on roles.
type NamedUserIDs struct {
	Users Users `param:"User IDs" alias:"User IDs Or Logins" help:"IDs, logins (full, or short where unambiguous) or e-mail addresses of users in Okta."`
}

const scopeName = "Also Run On Scope"

// ScopeOn is embedded by the parameters of an action that runs on the entities in scope unless told not to.
type ScopeOn struct {
	AlsoRunOnScope bool `param:"Also Run On Scope" default:"true" help:"Run on the entities in scope as well as on the input; off runs on the input only."`
}

// ScopeOff is embedded by the parameters of an action that runs on the entities in scope only when told to.
type ScopeOff struct {
	AlsoRunOnScope bool `param:"Also Run On Scope" default:"false" help:"Run on the entities in scope as well as on the input; off runs on the input only."`
}

// Allower is a parameter type with a fixed set of values, accepted in any case. A string is given in the
// set's spelling; the items of a list stay as written, because replies name them so.
type Allower interface{ Allowed() []string }

// ParamUnmarshaler is a parameter type that reads its value itself. The warning, if any, reaches the
// caller; the error's text says what would be right and does not quote the value.
type ParamUnmarshaler interface {
	UnmarshalParam(text string) (warning string, err error)
}

func paramsOf(t reflect.Type) []Param {
	var params []Param
	names := map[string]string{}
	for _, f := range reflect.VisibleFields(t) {
		name, ok := f.Tag.Lookup("param")
		if !ok {
			if !f.Anonymous {
				panic(fmt.Sprintf("%s.%s: no param tag", t, f.Name))
			}
			continue
		}
		if !f.IsExported() {
			panic(fmt.Sprintf("parameter %q: the field %s is not exported", name, f.Name))
		}
		p := Param{
			Name: name, Description: f.Tag.Get("help"), index: f.Index, kind: f.Type,
			Required: f.Tag.Get("required") == "true", Secret: f.Tag.Get("secret") == "true",
			Min: bound(f.Tag.Get("min")), Max: bound(f.Tag.Get("max")),
			users: f.Type == reflect.TypeFor[Users](),
		}
		if alias := f.Tag.Get("alias"); alias != "" {
			p.Aliases = strings.Split(alias, ",")
		}
		if set, ok := reflect.Zero(f.Type).Interface().(Allower); ok {
			p.Allowed = set.Allowed()
		}
		switch {
		case f.Type.Kind() == reflect.Bool:
			p.Type, p.Default = typeBoolean, false
		case f.Type.Kind() == reflect.Int:
			p.Type = typeInteger
		case f.Type.Kind() == reflect.String:
			p.Type = typeString
		case f.Type == reflect.TypeFor[secrets.Value]():
			p.Type = typeString
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.String:
			p.Type = typeList
		case reflect.PointerTo(f.Type).Implements(reflect.TypeFor[ParamUnmarshaler]()):
			p.Type = typeString
		default:
			panic(fmt.Sprintf("parameter %q: no parameter can be a %s", name, f.Type))
		}
		if unmarshals := reflect.PointerTo(f.Type).Implements(reflect.TypeFor[ParamUnmarshaler]()); !unmarshals && p.Secret != (f.Type == reflect.TypeFor[secrets.Value]()) {
			panic(fmt.Sprintf("parameter %q: a secret is a secrets.Value, and a secrets.Value is tagged secret", name))
		}
		if text, ok := f.Tag.Lookup("default"); ok {
			p.Default = mustDefault(p, text)
		}
		if p.Description == "" {
			panic(fmt.Sprintf("parameter %q: no help", name))
		}
		for _, n := range append([]string{name}, p.Aliases...) {
			if other, taken := names[fold(n)]; taken {
				panic(fmt.Sprintf("parameter %q: %q is the name of %q", name, n, other))
			}
			names[fold(n)] = name
		}
		params = append(params, p)
	}
	return params
}

// offMark separates the effects of true and of false in the description of a boolean.
const offMark = "; off "

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
	default:
		panic(fmt.Sprintf("parameter %q: a %s has no default", p.Name, p.Type))
	}
}

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
