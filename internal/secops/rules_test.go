package secops_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
	"gopkg.in/yaml.v3"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/secops"
)

// tree is the source form of the integration by path, as it is in the repository.
type tree map[string]string

func committed(t *testing.T) tree {
	t.Helper()
	files := tree{}
	dir := os.DirFS("../../secops/okta_secops")
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(name, "__pycache__") {
			return err
		}
		text, err := fs.ReadFile(dir, name)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// under returns the names of the files in a folder with an extension, without the extension.
func (f tree) under(dir, extension string) []string {
	var names []string
	for name := range f {
		if path.Dir(name) == dir && path.Ext(name) == extension && path.Base(name) != "__init__.py" {
			names = append(names, strings.TrimSuffix(path.Base(name), extension))
		}
	}
	slices.Sort(names)
	return names
}

// parameterFile is a parameter in a YAML file.
type parameterFile struct {
	Name, Type, Description string
	Default                 any      `yaml:"default_value"`
	Values                  []string `yaml:"optional_values"`
}

// document is a YAML file of the integration or of an action, as far as the rules need it.
type document struct {
	Identifier, Name, Description string
	Integration                   string `yaml:"integration_identifier"`
	Documentation                 string `yaml:"documentation_link"`
	PythonVersion                 string `yaml:"python_version"`
	ScriptResult                  string `yaml:"script_result_name"`
	Async                         bool   `yaml:"is_async"`
	Custom                        *bool  `yaml:"is_custom"`
	Enabled                       *bool  `yaml:"is_enabled"`
	Parameters                    []parameterFile
	Results                       []struct {
		Name    string `yaml:"result_name"`
		Example string `yaml:"result_example_path"`
	} `yaml:"dynamic_results_metadata"`
	Logo  string `yaml:"svg_logo_path"`
	Image string `yaml:"image_path"`
}

func (f tree) document(name string) (d document) {
	_ = yaml.Unmarshal([]byte(f[name]), &d)
	return d
}

// actions returns the actions by the names of their files.
func (f tree) actions() map[string]document {
	all := map[string]document{}
	for _, name := range f.under("actions", ".yaml") {
		all[name] = f.document("actions/" + name + ".yaml")
	}
	return all
}

type project struct {
	Project struct {
		Name, Version, Description string
		Python                     string `toml:"requires-python"`
	}
	Groups map[string][]string `toml:"dependency-groups"`
}

func (f tree) project() (p project) {
	_ = toml.Unmarshal([]byte(f["pyproject.toml"]), &p)
	return p
}

func (f tree) notes() (notes []map[string]any) {
	_ = yaml.Unmarshal([]byte(f["release_notes.yaml"]), &notes)
	return notes
}

// rule is a check of mp validate, or of the platform's model, that needs no network.
type rule struct {
	name  string
	check func(f tree) []string // the problems
	spoil func(f tree)          // makes the check find one
}

func replaced(f tree, name, old, text string) { f[name] = strings.Replace(f[name], old, text, 1) }

var (
	actionName    = regexp.MustCompile(`^[a-zA-Z0-9-\s]+$`)
	parameterName = regexp.MustCompile(`^[a-zA-Z0-9-'\s]+$`)
	identifier    = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)
)

// eachParameter calls check for every parameter of the integration and of the actions.
func eachParameter(f tree, check func(owner string, p parameterFile)) {
	for _, p := range f.document("definition.yaml").Parameters {
		check("integration", p)
	}
	for name, a := range f.actions() {
		for _, p := range a.Parameters {
			check(name, p)
		}
	}
}

// rules are those of packages/mp/src/mp/validate in github.com/chronicle/content-hub. Two are missing: "uv lock --check"
// needs a package index, and a support e-mail address is for partners.
var rules = []rule{
	{"Structure", func(f tree) (problems []string) {
		if f["pyproject.toml"] == "" {
			problems = append(problems, "pyproject.toml is missing")
		}
		if diff := fmt.Sprint(f.under("actions", ".py")) != fmt.Sprint(f.under("actions", ".yaml")); diff {
			problems = append(problems, "actions: .py and .yaml differ")
		}
		for name := range f {
			if path.Dir(name) == "actions" && path.Ext(name) != ".py" && path.Ext(name) != ".yaml" {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) { delete(f, "actions/ping.yaml") }},
	{"DependencyProvider", func(f tree) (problems []string) {
		var lock struct {
			Package []struct {
				Name   string
				Source map[string]string
			}
		}
		if err := toml.Unmarshal([]byte(f["uv.lock"]), &lock); err != nil || len(lock.Package) == 0 {
			problems = append(problems, fmt.Sprint("uv.lock: ", err))
		}
		for _, p := range lock.Package {
			if registry := p.Source["registry"]; registry != "" && !strings.Contains(registry, "pypi") {
				problems = append(problems, p.Name)
			}
		}
		return problems
	}, func(f tree) { replaced(f, "uv.lock", `virtual = "."`, `registry = "https://packages.acme.test"`) }},
	{"PythonVersion", func(f tree) (problems []string) {
		want := f.document("definition.yaml").PythonVersion
		if want == "" {
			want = "3.11"
		}
		if got := strings.TrimSpace(f[".python-version"]); got != want {
			problems = append(problems, ".python-version is "+got)
		}
		if got := f.project().Project.Python; got != ">=3.11,<3.12" {
			problems = append(problems, "requires-python is "+got)
		}
		return problems
	}, func(f tree) { f[".python-version"] = "3.12" }},
	{"VersionBump", func(f tree) (problems []string) {
		for i, n := range f.notes() {
			if version, _ := n["version"].(float64); version != float64(i+1) {
				problems = append(problems, fmt.Sprint("release ", i, " has the version ", n["version"]))
			}
		}
		return problems
	}, func(f tree) { replaced(f, "release_notes.yaml", "version: 1.0", "version: 3.0") }},
	{"VersionConsistency", func(f tree) []string {
		notes := f.notes()
		if len(notes) == 0 || fmt.Sprintf("%.1f", notes[len(notes)-1]["version"]) != f.project().Project.Version {
			return []string{"pyproject.toml and release_notes.yaml differ"}
		}
		return nil
	}, func(f tree) { replaced(f, "pyproject.toml", `version = "2.0"`, `version = "1.0"`) }},
	{"ReleaseNotesDate", func(f tree) (problems []string) {
		for _, n := range f.notes() {
			text, _ := n["publish_time"].(string)
			if _, err := time.Parse(time.DateOnly, text); err != nil {
				problems = append(problems, err.Error())
			}
		}
		return problems
	}, func(f tree) { replaced(f, "release_notes.yaml", "publish_time: '2026", "publish_time: '26") }},
	{"RequiredDependencies", func(f tree) (problems []string) {
		dev := strings.Join(f.project().Groups["dev"], " ")
		for _, name := range []string{"soar-sdk", "pytest>", "pytest-json-report"} {
			if !strings.Contains(dev, name) {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) { replaced(f, "pyproject.toml", "pytest-json-report", "pytest-report") }},
	{"NoCustomComponents", func(f tree) (problems []string) {
		for name, a := range f.actions() {
			if a.Custom != nil {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) { f["actions/ping.yaml"] += "is_custom: true\n" }},
	{"NoDisabledComponents", func(f tree) (problems []string) {
		for name, a := range f.actions() {
			if a.Enabled != nil && !*a.Enabled {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) { f["actions/ping.yaml"] += "is_enabled: false\n" }},
	{"PingExists", func(f tree) []string {
		for _, a := range f.actions() {
			if strings.EqualFold(a.Name, "ping") {
				return nil
			}
		}
		return []string{"no action is named Ping"}
	}, func(f tree) { replaced(f, "actions/ping.yaml", "name: Ping", "name: Pong") }},
	{"PingTexts", func(f tree) (problems []string) {
		for _, text := range []string{"Successfully connected to the", "Failed to connect to the"} {
			if !strings.Contains(f["actions/ping.py"], text) {
				problems = append(problems, text)
			}
		}
		return problems
	}, func(f tree) { replaced(f, "actions/ping.py", "Failed to connect", "Could not connect") }},
	{"SSLParameter", func(f tree) []string {
		for _, p := range f.document("definition.yaml").Parameters {
			if p.Name == "Verify SSL" && p.Type == "boolean" && p.Default == true {
				return nil
			}
		}
		return []string{"Verify SSL is missing or off"}
	}, func(f tree) { replaced(f, "definition.yaml", "default_value: true", "default_value: false") }},
	{"NoConnectors", func(f tree) (problems []string) { // the rules of SSL, links and mappings of connectors need one
		for name := range f {
			if strings.HasPrefix(name, "connectors/") || strings.HasPrefix(name, "jobs/") {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) { f["connectors/c.yaml"] = "name: C" }},
	{"DocumentationLink", func(f tree) []string {
		if !strings.HasPrefix(f.document("definition.yaml").Documentation, "https://") {
			return []string{"definition.yaml has no link"}
		}
		return nil
	}, func(f tree) { replaced(f, "definition.yaml", "documentation_link: https", "documentation_link: x") }},
	{"Descriptions", func(f tree) (problems []string) {
		if strings.TrimSpace(f.project().Project.Description) == "" {
			problems = append(problems, "pyproject.toml has no description")
		}
		eachParameter(f, func(owner string, p parameterFile) {
			if strings.TrimSpace(p.Description) == "" {
				problems = append(problems, owner+": "+p.Name)
			}
		})
		return problems
	}, func(f tree) { replaced(f, "actions/get_user.yaml", "description: IDs", "summary: IDs") }},
	{"FieldNames", func(f tree) (problems []string) {
		if d := f.document("definition.yaml"); !actionName.MatchString(d.Name) || !identifier.MatchString(d.Identifier) {
			problems = append(problems, d.Name+" "+d.Identifier)
		}
		for _, a := range f.actions() {
			if !actionName.MatchString(a.Name) {
				problems = append(problems, a.Name)
			}
		}
		eachParameter(f, func(owner string, p parameterFile) {
			if !parameterName.MatchString(p.Name) {
				problems = append(problems, owner+": "+p.Name)
			}
		})
		return problems
	}, func(f tree) { replaced(f, "actions/get_user.yaml", "User IDs Or Logins", "User IDs/Logins") }},
	{"FieldLengths", func(f tree) (problems []string) {
		if n := len(f.project().Project.Description); n > 2050 {
			problems = append(problems, fmt.Sprint("the description has ", n))
		}
		eachParameter(f, func(owner string, p parameterFile) {
			if len(strings.Fields(p.Name)) > 13 || len(p.Name) > 150 || len(p.Description) > 2050 {
				problems = append(problems, owner+": "+p.Name)
			}
		})
		for name, a := range f.actions() {
			if len(a.Name) > 150 || len(a.Description) > 2050 || len(a.Parameters) > 50 || len(a.ScriptResult) > 100 {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) {
		replaced(f, "actions/get_user.yaml", "User IDs Or Logins", "a b c d e f g h i j k l m n")
	}},
	{"ActionParameters", func(f tree) (problems []string) {
		eachParameter(f, func(owner string, p parameterFile) {
			list := p.Type == "ddl"
			given := p.Default != nil && p.Default != ""
			if list != (p.Values != nil) || list && given && !slices.Contains(p.Values, fmt.Sprint(p.Default)) {
				problems = append(problems, owner+": "+p.Name)
			}
		})
		return problems
	}, func(f tree) {
		replaced(f, "actions/contain_user.yaml", "default_value: contain", "default_value: most")
	}},
	{"JSONExamples", func(f tree) (problems []string) { // for every action: the call that the check looks for is in core/
		for name, a := range f.actions() {
			file := "resources/" + name + "_JsonResult_example.json"
			if len(a.Results) != 1 || a.Results[0].Name != "JsonResult" || a.Results[0].Example != file || !json.Valid([]byte(f[file])) {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) { delete(f, "resources/get_user_JsonResult_example.json") }},
	{"EmptyInitFiles", func(f tree) (problems []string) {
		for _, name := range []string{"__init__.py", "actions/__init__.py", "core/__init__.py"} {
			if text, ok := f[name]; !ok || text != "" {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) { f["core/__init__.py"] = "import os" }},
	{"TestConfig", func(f tree) (problems []string) {
		for name := range f {
			var config map[string]any
			if strings.HasPrefix(name, "tests/") && json.Unmarshal([]byte(f["tests/config.json"]), &config) != nil {
				problems = append(problems, name)
			}
		}
		return problems
	}, func(f tree) { f["tests/__init__.py"] = "" }},
	{"Identifiers", func(f tree) (problems []string) {
		want := f.document("definition.yaml").Identifier
		for name, a := range f.actions() {
			if a.Integration != want {
				problems = append(problems, name)
			}
		}
		if want != secops.Identifier || f.project().Project.Name != want {
			problems = append(problems, want)
		}
		return problems
	}, func(f tree) {
		replaced(f, "actions/ping.yaml", "integration_identifier: Okta", "integration_identifier: X")
	}},
	{"UniqueModules", func(f tree) (problems []string) { // the build puts all modules of core/ into one folder
		seen := map[string]string{}
		for name := range f {
			if base := path.Base(name); strings.HasPrefix(name, "core/") && base != "__init__.py" {
				if seen[base] != "" {
					problems = append(problems, name)
				}
				seen[base] = name
			}
		}
		return problems
	}, func(f tree) { f["core/more/okta_bridge.py"] = "" }},
	{"Images", func(f tree) (problems []string) {
		d := f.document("definition.yaml")
		if _, err := png.DecodeConfig(strings.NewReader(f[d.Image])); err != nil {
			problems = append(problems, err.Error())
		}
		var svg struct{ XMLName xml.Name }
		if err := xml.Unmarshal([]byte(f[d.Logo]), &svg); err != nil || svg.XMLName.Local != "svg" {
			problems = append(problems, fmt.Sprint(d.Logo, err))
		}
		return problems
	}, func(f tree) { f["resources/logo.svg"] = "<g/>" }},
}

// TestSource_MeetsTheRulesOfThePlatform checks the files in the repository, and that each rule finds a violation.
func TestSource_MeetsTheRulesOfThePlatform(t *testing.T) {
	t.Parallel()
	files := committed(t)
	for _, r := range slices.Concat(rules, aiRules) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if problems := r.check(files); len(problems) > 0 {
				t.Error(problems)
			}
			spoiled := maps.Clone(files)
			r.spoil(spoiled)
			if len(r.check(spoiled)) == 0 {
				t.Error("the rule finds nothing in a tree that violates it")
			}
		})
	}
}

// purpose is the AI metadata of an action.
type purpose struct {
	Description      string `yaml:"ai_description"`
	ShortDescription string `yaml:"ai_short_description"`
	Parameters       string `yaml:"parameters_description"`
	Capabilities     struct {
		Reasoning           string
		FetchesData         bool    `yaml:"fetches_data"`
		Mutates             bool    `yaml:"can_mutate_external_data"`
		Mutation            *string `yaml:"external_data_mutation_explanation"`
		MutatesInternal     bool    `yaml:"can_mutate_internal_data"`
		InternalMutation    *string `yaml:"internal_data_mutation_explanation"`
		UpdatesEntities     bool    `yaml:"can_update_entities"`
		CreatesInsight      bool    `yaml:"can_create_insight"`
		ModifiesAlerts      bool    `yaml:"can_modify_alert_data"`
		CreatesCaseComments bool    `yaml:"can_create_case_comments"`
	}
	Entities struct {
		Reasoning string
		Types     map[string]bool `yaml:"entity_types"`
		Filters   map[string]any  `yaml:",inline"`
	} `yaml:"entity_usage"`
	Outcomes map[string]any `yaml:"outcome_categories"`
}

const aiFile = "resources/ai/actions_ai_description.yaml"

// eachPurpose calls check for the AI metadata of every action.
func eachPurpose(f tree, check func(a document, p purpose) string) (problems []string) {
	var all map[string]purpose
	if err := yaml.Unmarshal([]byte(f[aiFile]), &all); err != nil {
		return []string{err.Error()}
	}
	for _, a := range f.actions() {
		p, ok := all[a.Name]
		if !ok {
			problems = append(problems, a.Name+" has no AI metadata")
		} else if problem := check(a, p); problem != "" {
			problems = append(problems, a.Name+": "+problem)
		}
		delete(all, a.Name)
	}
	for name := range all {
		problems = append(problems, name+" is not an action")
	}
	return problems
}

// aiRules are the rules of packages/mp/src/mp/describe/evaluate/default_rules.yaml that need no judgement.
var aiRules = []rule{
	{"AIShortDescriptionIsOneParagraph", func(f tree) []string {
		return eachPurpose(f, func(a document, p purpose) string {
			if p.ShortDescription == "" || strings.ContainsAny(p.ShortDescription, "\n|*#") {
				return p.ShortDescription
			}
			for _, q := range a.Parameters {
				if strings.Contains(q.Name, " ") && strings.Contains(p.ShortDescription, q.Name) {
					return "names the parameter " + q.Name
				}
			}
			return ""
		})
	}, func(f tree) {
		replaced(f, aiFile, "ai_short_description: Add", "ai_short_description: '* Add'\n  other: Add")
	}},
	{"AIParametersAreATable", func(f tree) []string {
		return eachPurpose(f, func(a document, p purpose) string {
			if len(a.Parameters) == 0 && p.Parameters == "There are no parameters for this action" {
				return ""
			}
			lines := strings.Split(p.Parameters, "\n")
			if lines[0] != "| Parameter | Type | Mandatory | Description |" || len(lines) != len(a.Parameters)+2 {
				return p.Parameters
			}
			for i, q := range a.Parameters {
				row := strings.ReplaceAll(lines[i+2], `\|`, "")
				if strings.Count(row, "|") != 5 || !strings.HasPrefix(row, "| "+q.Name+" | ") {
					return row
				}
			}
			return ""
		})
	}, func(f tree) { replaced(f, aiFile, "| Mandatory | Description |", "| Description |") }},
	{"AICapabilitiesHaveReasons", func(f tree) []string {
		return eachPurpose(f, func(_ document, p purpose) string {
			if p.Capabilities.Reasoning == "" || p.Entities.Reasoning == "" || p.Outcomes["reasoning"] == "" {
				return "a reason is missing"
			}
			return ""
		})
	}, func(f tree) { replaced(f, aiFile, "    reasoning: It creates", "    reasons: It creates") }},
	{"AIMutationsAreExplained", func(f tree) []string {
		return eachPurpose(f, func(_ document, p purpose) string {
			c := p.Capabilities
			if c.Mutates != (c.Mutation != nil) || c.MutatesInternal != (c.InternalMutation != nil) {
				return "a flag and its explanation differ"
			}
			return ""
		})
	}, func(f tree) {
		replaced(f, aiFile, "internal_data_mutation_explanation: null", "internal_data_mutation_explanation: yes it does")
	}},
	{"AIEntityTypesMatchTheScript", func(f tree) []string {
		return eachPurpose(f, func(a document, p purpose) string {
			script := f["actions/"+strings.ReplaceAll(strings.ToLower(a.Name), " ", "_")+".py"]
			for flag, is := range p.Entities.Types {
				name := map[string]string{"user": "USERUNIQNAME", "host_name": "HOSTNAME"}[flag]
				if is != (name != "" && strings.Contains(script, `"`+name+`"`)) {
					return flag
				}
			}
			filtered := strings.Contains(script, "entity_types=")
			for name, is := range p.Entities.Filters {
				if is != (filtered && name == "filters_by_entity_type") {
					return name
				}
			}
			if len(p.Entities.Types) != 35 || len(p.Entities.Filters) != 13 || p.Capabilities.UpdatesEntities != filtered {
				return "flags are missing"
			}
			return ""
		})
	}, func(f tree) { replaced(f, aiFile, "      user: true", "      user: false") }},
	{"AICapabilitiesMatchTheDeclaration", func(f tree) []string {
		return eachPurpose(f, func(a document, p purpose) string {
			_, declared, _ := action.Find(handlers.Groups, a.Name)
			c := p.Capabilities
			if c.Mutates != declared.Mutates || c.FetchesData != (!declared.Mutates && a.Name != "Ping") ||
				c.CreatesInsight || c.ModifiesAlerts || c.CreatesCaseComments {
				return "the capabilities differ"
			}
			var categories []string
			for name, is := range p.Outcomes {
				if is == true {
					categories = append(categories, name)
				}
			}
			want := []string{string(declared.Category)}
			if declared.Category == action.Uncategorized {
				want = nil
			}
			if !slices.Equal(categories, want) || len(p.Outcomes) != 28 {
				return fmt.Sprint(categories)
			}
			return ""
		})
	}, func(f tree) { replaced(f, aiFile, "update_identity: true", "update_identity: false") }},
}

// TestPurpose_CategoriesOfActions holds the categories by which Google's remediation agent selects actions.
func TestPurpose_CategoriesOfActions(t *testing.T) {
	t.Parallel()
	for category, names := range map[action.Category]string{
		action.DisablesIdentity: "Contain User, Disable User", action.EnablesIdentity: "Restore User, Enable User, Unlock User",
		action.ResetsPassword:  "Reset Password, Set Password, Expire Password",
		action.UpdatesIdentity: "Add Group, Assign Role, Unassign Role, Add User To Group, Remove User From Group, Reset Factors, Set User Risk",
		action.EnrichesAsset:   "Get User, List Users, Get Group, List User Groups, List Roles, List Factors, Get User Risk, Investigate User",
		action.SearchesEvents:  "Search System Log", action.Uncategorized: "Ping, Send ITP Signal",
	} {
		for name := range strings.SplitSeq(names, ", ") {
			if _, a, ok := action.Find(handlers.Groups, name); !ok || a.Category != category {
				t.Errorf("%s has the category %s, want %s", name, a.Category, category)
			}
		}
	}
}
