// Package secops describes the actions for Google SecOps: the suggested steps of HTTP V2, the response integration in
// its source form and as a package to import, and the playbooks. All derive from the catalog. It is not deployed.
//
// The forms are those of github.com/chronicle/content-hub (docs/content_deep_dive and packages/mp) in August 2026.
package secops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"example.com/okta-secops/internal/action"
)

// The names of the integration.
const (
	Identifier  = "OktaSecOps"
	displayName = "Okta SecOps"
	creator     = "okta-secops"
	// documentation is the product document, whose actions the integration has.
	documentation = "https://cloud.google.com/chronicle/docs/soar/marketplace-integrations/okta"
	description   = "Response actions for Okta: disable, contain, restore and investigate users, manage sessions, " +
		"roles, groups and factors, and send risk signals. Each action calls one of the okta-secops functions, which " +
		"hold the credentials for Okta, apply the guardrails and write the audit."
	python = ">=3.11,<3.12"
)

// Integration is the response integration of a catalog.
type Integration struct {
	notes   []releaseNote
	actions []scriptAction // by name; Ping is one of them
	groups  []action.Group
	written map[string][]byte // the files that are not generated, by path
}

// scriptAction is an action of the integration.
type scriptAction struct {
	action.Action
	group   string // "" for Ping, which runs in every group
	once    bool   // a second request has another effect, and Okta's state does not show the first
	example []byte // of the JSON result
}

// stem is the name of the action's files.
func (a scriptAction) stem() string { return strings.ReplaceAll(a.Slug, "-", "_") }

// releaseNote is an entry of release_notes.yaml. The version of the last one is that of the integration.
type releaseNote struct {
	Description string  `yaml:"description"`
	Version     float64 `yaml:"version"`
	ItemName    string  `yaml:"item_name"`
	ItemType    string  `yaml:"item_type"`
	PublishTime string  `yaml:"publish_time"`
	Ticket      string  `yaml:"ticket_number"`
	New         bool    `yaml:"new"`
}

// generated are the patterns of the files that Source generates; all others are written by hand.
var generated = []string{
	"definition.yaml", "pyproject.toml", "uv.lock", "actions/*", "resources/*_JsonResult_example.json", "resources/ai/*",
}

// IsGenerated reports whether Source generates a file of the source form.
func IsGenerated(name string) bool {
	return slices.ContainsFunc(generated, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	})
}

// New returns the integration of the groups. tree is secops/okta_secops, which has the files that are not generated.
func New(groups []action.Group, tree fs.FS) (*Integration, error) {
	i := &Integration{groups: groups, written: map[string][]byte{}}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "__pycache__":
			return fs.SkipDir
		case d.IsDir() || IsGenerated(name):
			return nil
		}
		i.written[name], err = fs.ReadFile(tree, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(i.written["release_notes.yaml"], &i.notes); err != nil || len(i.notes) == 0 {
		return nil, fmt.Errorf("release_notes.yaml has no release: %w", err)
	}
	for _, g := range groups {
		for _, a := range g.Actions {
			if err := i.add(g, a); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(i.actions, func(a, b scriptAction) int { return strings.Compare(a.Name, b.Name) })
	return i, nil
}

// add adds an action with the reply to its example. The Pings of all groups are one action.
func (i *Integration) add(g action.Group, a action.Action) error {
	s := scriptAction{Action: a, group: g.Name, once: a.Mutates && (a.NonIdempotent || g.Signs)}
	if a.Slug == "ping" {
		if slices.ContainsFunc(i.actions, func(other scriptAction) bool { return other.Slug == a.Slug }) {
			return nil
		}
		s.group = ""
	}
	_, reply, _, err := Example(g, a)
	if err != nil {
		return fmt.Errorf("the example of %s: %w", a.Name, err)
	}
	s.example = []byte(reply + "\n")
	if s.group == "" {
		s.example = []byte("{\n  \"" + g.Name + "\": " + strings.ReplaceAll(reply, "\n", "\n  ") + "\n}\n")
	}
	i.actions = append(i.actions, s)
	return nil
}

func (i *Integration) version() string {
	return fmt.Sprintf("%.1f", i.notes[len(i.notes)-1].Version)
}

// Source returns the files of the source form by path, those that are not generated included.
func (i *Integration) Source() (map[string][]byte, error) {
	files := maps.Clone(i.written)
	files["pyproject.toml"] = i.project()
	files["uv.lock"] = i.lock()
	files["actions/__init__.py"] = nil
	documents := map[string]any{
		"definition.yaml": i.definition(),
		"resources/ai/integration_ai_description.yaml": integrationPurpose(),
		"resources/ai/actions_ai_description.yaml":     i.purposes(),
	}
	for _, a := range i.actions {
		documents["actions/"+a.stem()+".yaml"] = a.metadata()
		files["actions/"+a.stem()+".py"] = i.script(a)
		files["resources/"+a.stem()+"_JsonResult_example.json"] = a.example
	}
	for name, document := range documents {
		var b bytes.Buffer
		e := yaml.NewEncoder(&b)
		e.SetIndent(2)
		if err := e.Encode(document); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = b.Bytes()
	}
	return files, nil
}

// project returns pyproject.toml. mp validate asks for these development dependencies.
func (i *Integration) project() []byte {
	return fmt.Appendf(nil, `# Generated by go generate ./...; do not edit.
[project]
name = %q
version = %q
description = %q
requires-python = %q
dependencies = []

[dependency-groups]
dev = [
    "pytest>=8.3.5",
    "pytest-json-report>=1.5.0",
    "soar-sdk",
]

[tool.uv.sources]
soar-sdk = { git = "https://github.com/chronicle/soar-sdk.git" }

[[tool.uv.index]]
url = "https://pypi.org/simple"
default = true
`, Identifier, i.version(), description, python)
}

// lock returns uv.lock of a project without dependencies at run time.
func (i *Integration) lock() []byte {
	return fmt.Appendf(nil, `version = 1
revision = 3
requires-python = "==3.11.*"

[[package]]
name = %q
version = %q
source = { virtual = "." }
`, strings.ToLower(Identifier), i.version())
}

// encode returns JSON with sorted keys, as mp build writes it.
func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var members any // sorts the keys of structs
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	err = e.Encode(members)
	return b.Bytes(), err
}
