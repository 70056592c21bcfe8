package secops_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/secops"
	"example.com/okta-secops/secrets"
)

// theIntegration is that of the catalog.
var theIntegration = sync.OnceValues(func() (*secops.Integration, error) {
	return secops.New(handlers.Groups, os.DirFS("../../secops/okta_secops"))
})

func integration(t *testing.T) *secops.Integration {
	t.Helper()
	i, err := theIntegration()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// opened returns the files of the package by path.
func opened(t *testing.T) map[string][]byte {
	t.Helper()
	archive, err := integration(t).Package()
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(content); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) != len(r.File) {
		t.Error("the package has a file twice")
	}
	return files
}

// TestSource_IsThatOfTheCatalog compares the files in the repository with those of the declarations.
func TestSource_IsThatOfTheCatalog(t *testing.T) {
	t.Parallel()
	files, err := integration(t).Source()
	if err != nil {
		t.Fatal(err)
	}
	want := tree{}
	for name, text := range files {
		want[name] = string(text)
	}
	if diff := cmp.Diff(want, committed(t)); diff != "" {
		t.Errorf("run go generate ./... (-generated +repository):\n%s", diff)
	}
}

// TestSource_HasEveryAction: names and parameters are those of the catalog.
func TestSource_HasEveryAction(t *testing.T) {
	t.Parallel()
	files := committed(t).actions()
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			d := files[strings.ReplaceAll(a.Slug, "-", "_")]
			var want []string
			for _, p := range a.Params {
				want = append(want, p.Name)
			}
			if a.Mutates {
				want = append(want, "Dry Run", "Verify")
			}
			var got []string
			for _, p := range d.Parameters {
				got = append(got, p.Name)
				i := slices.IndexFunc(a.Params, func(q action.Param) bool { return q.Name == p.Name })
				if i >= 0 && (p.Type == "password") != a.Params[i].Secret {
					t.Errorf("%s: %s has the type %s", a.Name, p.Name, p.Type)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || d.Name != a.Name {
				t.Errorf("%s is %s (-catalog +integration):\n%s", a.Name, d.Name, diff)
			}
			if d.Async != a.CanBeJob() {
				t.Errorf("%s: is_async is %v", a.Name, d.Async)
			}
		}
	}
	for _, p := range committed(t).document("definition.yaml").Parameters {
		if strings.HasSuffix(p.Name, "API Root") && p.Default != "" { // the key would be sent to an example's host
			t.Errorf("%s has the default %v", p.Name, p.Default)
		}
	}
	providers := files["list_providers"]
	if p := providers.Parameters[1]; p.Name != "Type" || p.Type != "ddl" || p.Default != nil || !slices.Contains(p.Values, "SAML2") {
		t.Errorf("Type of List Providers is %+v", p)
	}
}

func TestPackage_TwoBuildsAreEqual(t *testing.T) {
	t.Parallel()
	again, err := secops.New(handlers.Groups, os.DirFS("../../secops/okta_secops"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := integration(t).Package()
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Package()
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two builds differ: %v", err)
	}
}

// TestPackage_HoldsTheBuiltFormOnly checks every file of the package.
func TestPackage_HoldsTheBuiltFormOnly(t *testing.T) {
	t.Parallel()
	source := committed(t)
	want := []string{
		"Integration-OktaSecOps.def", "RN.json", "Managers/okta_bridge.py", "Managers/okta_functions.py", "Managers/okta_jobs.py",
		"resources/ai/actions_ai_description.yaml", "resources/ai/integration_ai_description.yaml",
	}
	for name := range source.actions() {
		want = append(want, "ActionsDefinitions/"+name+".actiondef", "ActionsScripts/"+name+".py")
	}
	files := opened(t)
	var got []string
	for name := range files {
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	ofSource := regexp.MustCompile(`(?m)^\s*(?:from|import) (?:\.|soar_sdk)`)
	for name, text := range files {
		if path.Ext(name) == ".py" && ofSource.Match(text) {
			t.Errorf("%s has an import of the source form", name)
		}
	}
}

// TestPackage_HasThePlatformsTypes compares the package with the source form, under the platform's names and numbers.
func TestPackage_HasThePlatformsTypes(t *testing.T) {
	t.Parallel()
	files, source := opened(t), committed(t)
	var definition struct {
		Identifier            string
		IsCustom              bool
		PythonVersion         int
		Version               float64
		IntegrationProperties []struct {
			PropertyName string
			PropertyType int
			Value        any
			IsMandatory  bool
		}
	}
	if err := json.Unmarshal(files["Integration-OktaSecOps.def"], &definition); err != nil {
		t.Fatal(err)
	}
	if definition.Identifier != "OktaSecOps" || !definition.IsCustom || definition.PythonVersion != 3 || definition.Version < 1 {
		t.Errorf("%+v", definition)
	}
	types := map[string]int{"boolean": 0, "string": 2, "password": 3}
	for i, p := range source.document("definition.yaml").Parameters {
		if got := definition.IntegrationProperties[i]; got.PropertyName != p.Name || got.PropertyType != types[p.Type] || got.Value != p.Default {
			t.Errorf("%+v is %+v", p, got)
		}
	}
	types = map[string]int{"string": 0, "boolean": 1, "password": 12, "ddl": 15}
	for name, a := range source.actions() {
		var built struct {
			Name, IntegrationIdentifier, ScriptResultName, AiDescription string
			Simulation                                                   string `json:"SimulationDataJson"`
			IsAsync                                                      *bool
			OutcomeCategories, AiCategories, EntityTypes                 []string
			Parameters                                                   []struct {
				Name                string
				Type                int
				Value, DefaultValue any
				OptionalValues      []string
			}
			DynamicResultsMetadata []struct{ ResultName, ResultExample string }
		}
		if err := json.Unmarshal(files["ActionsDefinitions/"+name+".actiondef"], &built); err != nil {
			t.Fatal(err)
		}
		if built.Name != a.Name || built.ScriptResultName != "is_success" || built.IsAsync == nil || *built.IsAsync != a.Async || len(built.Parameters) != len(a.Parameters) ||
			!json.Valid([]byte(built.DynamicResultsMetadata[0].ResultExample)) || !json.Valid([]byte(built.Simulation)) ||
			!strings.Contains(built.AiDescription, "### Flow Description") {
			t.Errorf("%s: %+v", name, built)
		}
		for i, p := range a.Parameters {
			got := built.Parameters[i]
			if got.Name != p.Name || got.Type != types[p.Type] || got.Value != p.Default || got.DefaultValue != p.Default || !slices.Equal(got.OptionalValues, p.Values) {
				t.Errorf("%s: %+v is %+v", name, p, got)
			}
		}
	}
}

// TestSource_NewActionNeedsItsDeclarationOnly adds an action to a group: script, form, AI metadata and package follow.
func TestSource_NewActionNeedsItsDeclarationOnly(t *testing.T) {
	t.Parallel()
	type tryParams struct {
		Users action.Users  `param:"User IDs Or Logins" help:"Users."`
		Key   secrets.Value `param:"Key" secret:"true" help:"A secret."`
		action.ScopeOn
	}
	try := action.Define(action.Spec{
		Name: "Try It", Summary: "Try it.", RunsOn: action.UserEntities, Mutates: true, Category: action.DisablesIdentity, NonIdempotent: true,
		Example: action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
	}, func(context.Context, *action.Execution, tryParams) (*action.Result, error) {
		return &action.Result{Message: "Tried."}, nil
	})
	group := handlers.Groups[0]
	group.Actions = append([]action.Action{try}, group.Actions...)
	i, err := secops.New([]action.Group{group}, os.DirFS("../../secops/okta_secops"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := i.Source()
	if err != nil {
		t.Fatal(err)
	}
	files := tree{}
	for name, text := range source {
		files[name] = string(text)
	}
	for _, r := range slices.Concat(rules, aiRules) {
		if r.name == "AICapabilitiesMatchTheDeclaration" { // it compares with the catalog
			continue
		}
		if problems := r.check(files); len(problems) > 0 {
			t.Errorf("%s: %v", r.name, problems)
		}
	}
	const call = `        "Try It",
        "users/try-it",
        changes=True,
        once=True,
        entity_types=("USERUNIQNAME", "HOSTNAME"),
        secrets=("Key",),
        users="User IDs Or Logins",
`
	if !strings.Contains(files["actions/try_it.py"], call) {
		t.Errorf("the script is\n%s", files["actions/try_it.py"])
	}
	built, err := i.Built()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(built["ActionsDefinitions/try_it.actiondef"]); !strings.Contains(text, `"Disable Identity (User, Account)"`) || !strings.Contains(text, `"Type": 12`) ||
		!strings.Contains(text, `"IsAsync": true`) || !strings.Contains(files["actions/try_it.yaml"], "is_async: true") {
		t.Errorf("the definition is\n%s", text)
	}
}
