package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// schemaFile is the schema of the real provider in a compact form.
type schemaFile struct {
	Resources   map[string]block `json:"resources"`
	DataSources map[string]block `json:"data_sources"`
}

type block struct {
	// Type and flags: R required, O optional, C computed, W write-only.
	Attributes map[string][]json.RawMessage `json:"attributes"`
	Blocks     map[string]nested            `json:"blocks"`
}

type nested struct {
	block
	Nesting string `json:"nesting"`
	Min     int64  `json:"min"`
	Max     int64  `json:"max"` // 0: any number
}

func newProvider(file []byte) (*provider, error) {
	var f schemaFile
	if err := json.Unmarshal(file, &f); err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %w", err)
	}
	p := &provider{resources: map[string]*tfprotov6.Schema{}, dataSources: map[string]*tfprotov6.Schema{}}
	p.own = &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{}}
	for _, name := range []string{"billing_project", "project", "region", "zone"} {
		p.own.Block.Attributes = append(p.own.Block.Attributes,
			&tfprotov6.SchemaAttribute{Name: name, Type: tftypes.String, Optional: true})
	}
	p.own.Block.Attributes = append(p.own.Block.Attributes,
		&tfprotov6.SchemaAttribute{Name: "default_labels", Type: tftypes.Map{ElementType: tftypes.String}, Optional: true},
		&tfprotov6.SchemaAttribute{Name: "user_project_override", Type: tftypes.Bool, Optional: true})
	for into, from := range map[*map[string]*tfprotov6.Schema]map[string]block{
		&p.resources: f.Resources, &p.dataSources: f.DataSources,
	} {
		for name, b := range from {
			schema, err := b.schema()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			(*into)[name] = &tfprotov6.Schema{Block: schema}
		}
	}
	return p, nil
}

func (b block) schema() (*tfprotov6.SchemaBlock, error) {
	out := &tfprotov6.SchemaBlock{}
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		var kind any
		var flags string
		if err := json.Unmarshal(b.Attributes[name][0], &kind); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b.Attributes[name][1], &flags); err != nil {
			return nil, err
		}
		t, err := typeOf(kind)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.Attributes = append(out.Attributes, &tfprotov6.SchemaAttribute{
			Name: name, Type: t, Required: strings.Contains(flags, "R"), Optional: strings.Contains(flags, "O"),
			Computed: strings.Contains(flags, "C"), WriteOnly: strings.Contains(flags, "W"),
		})
	}
	nestings := map[string]tfprotov6.SchemaNestedBlockNestingMode{
		"list":   tfprotov6.SchemaNestedBlockNestingModeList,
		"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
		"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
	}
	for _, name := range slices.Sorted(maps.Keys(b.Blocks)) {
		n := b.Blocks[name]
		inner, err := n.schema()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		nesting, known := nestings[n.Nesting]
		if !known {
			return nil, fmt.Errorf("%s: nesting %q is not known", name, n.Nesting)
		}
		out.BlockTypes = append(out.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name, Block: inner, Nesting: nesting, MinItems: n.Min, MaxItems: n.Max,
		})
	}
	return out, nil
}

// typeOf parses a type such as "string", ["list", "string"] or ["object", {"a": "number"}].
func typeOf(kind any) (tftypes.Type, error) {
	switch k := kind.(type) {
	case string:
		simple := map[string]tftypes.Type{
			"string": tftypes.String, "number": tftypes.Number, "bool": tftypes.Bool, "dynamic": tftypes.DynamicPseudoType,
		}
		if t := simple[k]; t != nil {
			return t, nil
		}
	case []any:
		if len(k) != 2 {
			break
		}
		if members, isObject := k[1].(map[string]any); isObject && k[0] == "object" {
			object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
			for name, member := range members {
				t, err := typeOf(member)
				if err != nil {
					return nil, err
				}
				object.AttributeTypes[name] = t
			}
			return object, nil
		}
		element, err := typeOf(k[1])
		if err != nil {
			return nil, err
		}
		switch k[0] {
		case "list":
			return tftypes.List{ElementType: element}, nil
		case "set":
			return tftypes.Set{ElementType: element}, nil
		case "map":
			return tftypes.Map{ElementType: element}, nil
		}
	}
	return nil, fmt.Errorf("the type %v is not known", kind)
}
