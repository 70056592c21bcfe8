package secops

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/okta-secops/internal/action"
)

// definition is definition.yaml.
type definition struct {
	Identifier    string     `yaml:"identifier"`
	Name          string     `yaml:"name"`
	Documentation string     `yaml:"documentation_link"`
	Parameters    []property `yaml:"parameters"`
	Categories    []string   `yaml:"categories"`
	Logo          string     `yaml:"svg_logo_path"`
	Image         string     `yaml:"image_path"`
}

// property is a parameter of the integration.
type property struct {
	Name        string `yaml:"name"`
	Default     any    `yaml:"default_value"`
	Type        string `yaml:"type"`
	Description string `yaml:"description"`
	Mandatory   bool   `yaml:"is_mandatory"`
	Identifier  string `yaml:"integration_identifier"`
}

// propertyTypes are the numbers of the types of properties in a package.
var propertyTypes = map[string]int{"boolean": 0, "string": 2, "password": 3}

func (i *Integration) definition() definition {
	return definition{
		Identifier: Identifier, Name: displayName, Documentation: documentation, Parameters: i.properties(),
		Categories: []string{"Identity", "Security"}, Logo: "resources/logo.svg", Image: "resources/image.png",
	}
}

// properties returns the parameters of the integration. A change of their names needs one in core/okta_functions.py.
func (i *Integration) properties() []property {
	list := []property{
		{
			// Without a default: a key must not be sent to an example's host.
			Name: "API Root", Type: "string",
			Description: "The URL of the functions, with {group} for the name of the group, such as " +
				"https://okta-{group}-123456789012.europe-west1.run.app. terraform output secops_integration prints it.",
		},
		{
			Name: "Authentication", Type: "string", Default: "API key", Mandatory: true,
			Description: "API key, Service account JSON or Workload identity. The last two send Google's ID tokens, for " +
				"functions with caller_auth iam or oidc.",
		},
		{Name: "API Key", Type: "password", Description: "The key of this caller, with Authentication API key."},
		{
			Name: "API Key Header", Type: "string", Default: "X-Api-Key",
			Description: "The header of the key. Change it only if the deployment sets CALLER_KEY_HEADER.",
		},
		{
			Name: "Service Account JSON", Type: "password",
			Description: "The key file of the service account that may call the functions, with Authentication Service " +
				"account JSON.",
		},
		{
			Name: "Workload Identity Email", Type: "string",
			Description: "The service account to impersonate, which may call the functions, with Authentication Workload " +
				"identity.",
		},
		{
			Name: "Verify SSL", Type: "boolean", Default: true, Mandatory: true,
			Description: "Verify the TLS certificates of the functions.",
		},
		{
			Name: "Groups", Type: "string", Default: strings.Join(i.groupNames(), ", "),
			Description: "The groups of actions that are deployed, with commas. Ping tests each of them.",
		},
	}
	for _, name := range i.groupNames() {
		list = append(list, property{
			Name: capitalized(name) + " API Root", Type: "string",
			Description: fmt.Sprintf("The URL of the function of the group %s, if API Root does not fit it.", name),
		})
	}
	for n := range list {
		list[n].Identifier = Identifier
		if list[n].Default == nil {
			list[n].Default = ""
		}
	}
	return list
}

func (i *Integration) groupNames() []string {
	var names []string
	for _, g := range i.groups {
		names = append(names, g.Name)
	}
	return names
}

func capitalized(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// metadata is the YAML file of an action.
type metadata struct {
	Name           string      `yaml:"name"`
	Description    string      `yaml:"description"`
	Identifier     string      `yaml:"integration_identifier"`
	Creator        string      `yaml:"creator"`
	Async          bool        `yaml:"is_async,omitempty"` // as mp writes it: only if it is true
	Parameters     []parameter `yaml:"parameters"`
	Results        []result    `yaml:"dynamic_results_metadata"`
	DefaultResult  string      `yaml:"default_result_value"`
	ScriptResult   string      `yaml:"script_result_name"`
	DocumentedLink string      `yaml:"documentation_link"`
}

// parameter is a parameter of an action.
type parameter struct {
	Name        string   `yaml:"name"`
	Type        string   `yaml:"type"`
	Description string   `yaml:"description"`
	Mandatory   bool     `yaml:"is_mandatory"`
	Default     any      `yaml:"default_value,omitempty"`
	Values      []string `yaml:"optional_values,omitempty"`
}

// parameterTypes are the numbers of the types of parameters in a package.
var parameterTypes = map[string]int{"string": 0, "boolean": 1, "password": 12, "ddl": 15}

// result describes the JSON result of an action.
type result struct {
	Name    string `yaml:"result_name"`
	Show    bool   `yaml:"show_result"`
	Example string `yaml:"result_example_path"`
}

func (a scriptAction) metadata() metadata {
	return metadata{
		Name: a.Name, Description: a.describe(), Identifier: Identifier, Creator: creator, Async: a.CanBeJob(),
		Parameters: a.parameters(),
		Results: []result{{Name: "JsonResult", Show: true,
			Example: "resources/" + a.stem() + "_JsonResult_example.json"}},
		DefaultResult: "false", ScriptResult: "is_success", DocumentedLink: documentation,
	}
}

func (a scriptAction) describe() string {
	if len(a.RunsOn) == 0 {
		return a.Summary
	}
	return a.Summary + " Runs on the users of the parameter, and on the " + strings.Join(entityNames(a.RunsOn), " and ") +
		" entities in scope if " + action.ScopeParameter + " is on."
}

// options are the parameters of every action that changes something.
var options = []parameter{
	{
		Name: "Dry Run", Type: "boolean", Default: false,
		Description: "Report the outcome of each target without a change.",
	},
	{
		Name: "Verify", Type: "boolean", Default: false,
		Description: "Read the state from Okta again after each change.",
	},
}

func (a scriptAction) parameters() []parameter {
	list := []parameter{}
	for _, p := range a.Params {
		list = append(list, parameterOf(p))
	}
	if a.Mutates {
		list = append(list, options...)
	}
	return list
}

// parameterOf returns a parameter with the type of the platform. A list of allowed values stays a text: a
// drop-down list has one value.
func parameterOf(p action.Param) parameter {
	out := parameter{Name: p.Name, Type: "string", Description: p.Description, Mandatory: p.Required}
	values := p.Values()
	switch {
	case p.Secret:
		out.Type = "password"
	case p.Type == "boolean":
		out.Type, out.Default = "boolean", p.Default
	case p.Type == "list":
		out.Description += " Separate several with commas."
		if values != nil {
			out.Description += " Of: " + strings.Join(values, ", ") + "."
		}
	case values != nil:
		out.Type, out.Values, out.Default = "ddl", values, p.Default
	case p.Default != nil:
		out.Default = fmt.Sprint(p.Default)
	}
	if p.Min != nil && p.Max != nil {
		out.Description += fmt.Sprintf(" From %d to %d.", *p.Min, *p.Max)
	}
	return out
}

// script returns the Python file of an action in the source form.
func (i *Integration) script(a scriptAction) []byte {
	if a.group == "" {
		return fmt.Appendf(nil, pingScript, strings.Join(quoted(i.groupNames()), ", "))
	}
	arguments := []string{fmt.Sprintf("%q", a.Name), fmt.Sprintf("%q", a.group+"/"+a.Slug)}
	if a.Mutates {
		arguments = append(arguments, "changes=True")
	}
	if a.once {
		arguments = append(arguments, "once=True")
	}
	if len(a.RunsOn) > 0 {
		arguments = append(arguments, "entity_types="+tuple(a.RunsOn))
	}
	var secret []string
	for _, p := range a.Params {
		if p.Secret {
			secret = append(secret, p.Name)
		}
	}
	if secret != nil {
		arguments = append(arguments, "secrets="+tuple(secret))
	}
	if i := slices.IndexFunc(a.Params, action.Param.NamesUsers); a.CanBeJob() {
		arguments = append(arguments, fmt.Sprintf("users=%q", a.Params[i].Name))
	}
	return fmt.Appendf(nil, actionScript, strings.Join(arguments, ",\n        "))
}

func quoted[S ~string](values []S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf("%q", v)
	}
	return out
}

// tuple returns a tuple of texts in Python.
func tuple[S ~string](values []S) string {
	text := strings.Join(quoted(values), ", ")
	if len(values) == 1 {
		text += ","
	}
	return "(" + text + ")"
}

const actionScript = `# Generated by go generate ./...; do not edit.
from __future__ import annotations

from soar_sdk.SiemplifyUtils import output_handler

from ..core.okta_bridge import run


@output_handler
def main() -> None:
    run(
        %s,
    )


if __name__ == "__main__":
    main()
`

// pingScript holds the texts of Ping, which mp validate looks for in this file.
const pingScript = `# Generated by go generate ./...; do not edit.
from __future__ import annotations

from soar_sdk.SiemplifyUtils import output_handler

from ..core.okta_bridge import run_ping

GROUPS = (%s)
SUCCESS = "Successfully connected to the Okta functions with the provided parameters: {groups}."
FAILURE = "Failed to connect to the Okta functions. Error is {error}"


@output_handler
def main() -> None:
    run_ping(GROUPS, SUCCESS, FAILURE)


if __name__ == "__main__":
    main()
`
