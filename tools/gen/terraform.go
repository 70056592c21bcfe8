package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-config-inspect/tfconfig"
)

// moduleTables returns the tables of the inputs and outputs of terraform/ and of each of its modules that has a
// README.md, by the name of that file below root.
func moduleTables(root string) (map[string]string, error) {
	tables := map[string]string{}
	for _, pattern := range []string{"terraform/README.md", "terraform/modules/*/README.md"} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			if err != nil {
				return nil, err
			}
			if tables[filepath.ToSlash(name)], err = moduleTable(filepath.Dir(file)); err != nil {
				return nil, err
			}
		}
	}
	return tables, nil
}

// moduleTable returns the tables of one module. It returns an error if the module cannot be parsed.
func moduleTable(dir string) (string, error) {
	module, problems := tfconfig.LoadModule(dir)
	if problems.HasErrors() {
		return "", fmt.Errorf("%s: %w", dir, problems.Err())
	}
	var b strings.Builder
	b.WriteString("## Inputs\n\n| Name | Description | Type | Default |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(module.Variables)) {
		v := module.Variables[name]
		byDefault := "required"
		if !v.Required {
			text, err := jsonLine(v.Default)
			if err != nil {
				return "", fmt.Errorf("%s: the default of %s: %w", dir, name, err)
			}
			byDefault = cell("`" + text + "`")
		}
		kind := cell("`" + typeLine(v.Type) + "`")
		if v.Sensitive {
			kind += ", sensitive"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, sentence(v.Description), kind, byDefault)
	}
	b.WriteString("\n## Outputs\n\n| Name | Description |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(module.Outputs)) {
		description := sentence(module.Outputs[name].Description)
		if module.Outputs[name].Sensitive {
			description += " Sensitive."
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, description)
	}
	return b.String(), nil
}

var (
	typeOpen  = regexp.MustCompile(`\{\s*\n\s*`)
	typeClose = regexp.MustCompile(`,?\s*\n\s*\}`)
	typeNext  = regexp.MustCompile(`,?\s*\n\s*`)
	typeAlign = regexp.MustCompile(` {2,}`)
)

// typeLine returns a type, which has one attribute on a line in the source, on one line.
func typeLine(source string) string {
	line := typeClose.ReplaceAllString(typeOpen.ReplaceAllString(source, "{ "), " }")
	return typeAlign.ReplaceAllString(typeNext.ReplaceAllString(line, ", "), " ")
}

// jsonLine returns a value as JSON on one line, without escapes for HTML.
func jsonLine(value any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// cell escapes the character that ends a cell of a table, also in code.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// sentence returns a description on one line. Angle brackets are text, not HTML.
func sentence(description string) string {
	return cell(strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(strings.Join(strings.Fields(description), " ")))
}
