package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/guardrail"
)

// policySchema writes the JSON Schema of the policy of the guardrails. The descriptions are the
// comments of its types in source.
func policySchema(w io.Writer, source string) error {
	names := action.PolicyVocabulary(handlers.Groups)
	slugs, roles := oneOf(names.Changing), oneOf(names.Roles)
	count := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "integer", Minimum: new(float64)} }
	deactivation := func() *jsonschema.Schema { return oneOf(guardrail.Deactivations) }
	s, err := jsonschema.For[guardrail.Policy](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[guardrail.Mode](): oneOf([]guardrail.Mode{guardrail.Enforce, guardrail.Observe}),
		reflect.TypeFor[guardrail.Rule](): oneOf(guardrail.Rules),
		reflect.TypeFor[guardrail.PerAction[[]string]](): perAction(func() *jsonschema.Schema {
			return &jsonschema.Schema{Type: "array", Items: roles}
		}, names.Changing),
		reflect.TypeFor[guardrail.PerAction[int]]():                    perAction(count, names.Changing),
		reflect.TypeFor[guardrail.PerAction[guardrail.Deactivation]](): perAction(deactivation, names.Changing),
	}})
	if err != nil {
		return err
	}
	entry := s.Properties["protected"].Items
	entry.Properties["actions"].Items = slugs
	for _, limits := range []*jsonschema.Schema{s, s.Properties["callers"].AdditionalProperties} {
		limits.Properties["denied_actions"].Items = slugs
		for _, p := range limits.Properties {
			if p.AnyOf != nil {
				p.Types = nil // the package takes a pointer for a value or null, and has no type here
			}
		}
	}
	entry.Properties["roles"].Items = oneOf(append([]string{"any"}, names.Roles...))
	s.Properties["disabled_rules"].Items = oneOf(guardrail.AlwaysOn)
	docs, err := fieldDocs(source)
	if err != nil {
		return err
	}
	callers := s.Properties["callers"].AdditionalProperties
	for _, d := range []struct {
		schema *jsonschema.Schema
		types  []string
	}{
		{s, []string{"Policy", "Limits"}}, {callers, []string{"Limits"}}, {entry, []string{"Protected"}},
		{s.Properties["override"], []string{"Override"}},
	} {
		for _, t := range d.types {
			for member, text := range docs[t] {
				d.schema.Properties[member].Description = text
			}
		}
	}
	withoutNull(s)
	s.Schema, s.Title = "https://json-schema.org/draft/2020-12/schema", "Policy of the guardrails"
	s.Description = "What callers of okta-secops may change. docs/guardrails.md explains each member."
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// withoutNull removes null from the types of a schema and of its parts: a policy with null is not
// valid.
func withoutNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if i := slices.Index(s.Types, "null"); i >= 0 {
		s.Types = slices.Delete(slices.Clone(s.Types), i, i+1)
	}
	if len(s.Types) == 1 {
		s.Type, s.Types = s.Types[0], nil
	}
	withoutNull(s.Items)
	withoutNull(s.AdditionalProperties)
	for _, part := range s.Properties {
		withoutNull(part)
	}
}

// fieldDocs returns the comments of the struct fields in a file of Go source, by type and by the
// name in JSON.
func fieldDocs(file string) (map[string]map[string]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	docs := map[string]map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			docs[spec.Name.Name] = membersOf(s)
		}
		return false
	})
	return docs, nil
}

func membersOf(s *ast.StructType) map[string]string {
	docs := map[string]string{}
	for _, f := range s.Fields.List {
		if f.Tag != nil {
			name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
			docs[name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
	}
	return docs
}

// perAction returns the schema of a value, or of an object of values by slug and "default".
func perAction(value func() *jsonschema.Schema, slugs []string) *jsonschema.Schema {
	object := &jsonschema.Schema{
		Type: "object", Properties: map[string]*jsonschema.Schema{"default": value()}, AdditionalProperties: never(),
	}
	for _, slug := range slugs {
		object.Properties[slug] = value()
	}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{value(), object}}
}

// never returns the schema that no value matches.
func never() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }

func oneOf[S ~string](values []S) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}
