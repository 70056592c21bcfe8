package secops_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/secops"
	"example.com/okta-secops/test/testkit"
)

// exportedPlaybook is a playbook file, as far as the tests need it.
type exportedPlaybook struct {
	CategoryName string
	Definition   struct {
		Identifier, Name, Description string
		IsEnable                      bool
		PlaybookType                  int
		Environments                  []string
		Steps                         []exportedStep
		Triggers                      []struct{ Type int }
	}
}

type exportedStep struct {
	Identifier, ParentWorkflowIdentifier, InstanceName, ActionName, Integration, ActionProvider string
	PreviousResultCondition                                                                     *string
	ParentStepIdentifiers                                                                       []string
	IsAutomatic                                                                                 bool
	Type                                                                                        int
	StepDebugData                                                                               any
	Parameters                                                                                  []struct {
		Name  string
		Value *string
	}
}

func (s exportedStep) value(name string) string {
	for _, p := range s.Parameters {
		if p.Name == name && p.Value != nil {
			return *p.Value
		}
	}
	return ""
}

var (
	playbookName = regexp.MustCompile(`^[A-Za-z0-9 -]+$`)
	uuid         = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	reference    = regexp.MustCompile(`\[([A-Z][^\].|]*)\.(?:JsonResult\| "([^"]+)"|is_success)\]`)
)

// TestPlaybooks_MeetTheRulesOfThePlatform holds the rules of packages/mp/src/mp/validate for playbooks, the tree of the
// steps, and the names that they use.
func TestPlaybooks_MeetTheRulesOfThePlatform(t *testing.T) {
	t.Parallel()
	files, err := secops.PlaybookFiles()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(secops.Playbooks) || len(files) < 7 {
		t.Errorf("%d files for %d playbooks", len(files), len(secops.Playbooks))
	}
	identifiers := map[string]bool{}
	for file, text := range files {
		committed, err := os.ReadFile(filepath.Join("../../secops/playbooks", file))
		if err != nil || string(committed) != string(text) {
			t.Errorf("%s is not the generated one: run go generate ./... %v", file, err)
		}
		var p exportedPlaybook
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		d := p.Definition
		if !playbookName.MatchString(d.Name) || !uuid.MatchString(d.Identifier) || identifiers[d.Identifier] || d.IsEnable ||
			d.Description == "" || !slices.Equal(d.Environments, []string{"*"}) || len(d.Triggers) != 1 || len(d.Steps) == 0 {
			t.Errorf("%s: %+v", file, d)
		}
		identifiers[d.Identifier] = true
		byID, names := map[string]exportedStep{}, map[string]bool{}
		for i, s := range d.Steps {
			if (i == 0) != (len(s.ParentStepIdentifiers) == 0) || !uuid.MatchString(s.Identifier) || s.ParentWorkflowIdentifier != d.Identifier ||
				names[s.InstanceName] || s.StepDebugData != nil || s.value("AssignedUsers") != "" {
				t.Errorf("%s: %s: %+v", file, s.InstanceName, s)
			}
			for _, parent := range s.ParentStepIdentifiers { // it stands before its child, so the steps are a tree
				if _, ok := byID[parent]; !ok {
					t.Errorf("%s: the step before %s is missing", file, s.InstanceName)
				}
			}
			// The platform's own polling interval may be an hour.
			_, a, _ := action.Find(handlers.Groups, strings.TrimPrefix(s.ActionName, "OktaSecOps_"))
			if polls := s.value("AsyncPollingInterval") == "30" && s.value("AsyncActionTimeout") == "86400"; polls != a.CanBeJob() {
				t.Errorf("%s: %s: an asynchronous action is %v, a polling interval %v", file, s.InstanceName, a.CanBeJob(), polls)
			}
			byID[s.Identifier], names[s.InstanceName] = s, true
			for _, q := range s.Parameters {
				if q.Value != nil {
					checkReferences(t, file, s, *q.Value, byID)
				}
			}
		}
	}
}

// checkReferences checks that a step reads results of the steps before it only, and members that they have.
func checkReferences(t *testing.T, file string, s exportedStep, value string, byID map[string]exportedStep) {
	t.Helper()
	before := map[string]exportedStep{}
	for next := s; len(next.ParentStepIdentifiers) > 0; {
		next = byID[next.ParentStepIdentifiers[0]]
		before[next.InstanceName] = next
	}
	value = strings.ReplaceAll(value, `\"`, `"`)
	for _, r := range reference.FindAllStringSubmatch(value, -1) {
		earlier, ok := before[r[1]]
		if !ok {
			t.Errorf("%s: %s reads %s, which is not before it", file, s.InstanceName, r[0])
			continue
		}
		stem := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(earlier.ActionName, secops.Identifier+"_")), " ", "_")
		example, err := os.ReadFile("../../secops/okta_secops/resources/" + stem + "_JsonResult_example.json")
		if err != nil {
			t.Fatal(err)
		}
		var result any
		if err := json.Unmarshal(example, &result); err != nil {
			t.Fatal(err)
		}
		if r[2] != "" && len(testkit.ValuesAt(result, strings.Split(r[2], "."))) == 0 {
			t.Errorf("%s: %s reads %s, which %s does not return", file, s.InstanceName, r[0], earlier.ActionName)
		}
	}
}

// TestPlaybooks_StepsHaveEveryParameter: a new parameter of an action is in the steps that use it.
func TestPlaybooks_StepsHaveEveryParameter(t *testing.T) {
	t.Parallel()
	files, err := secops.PlaybookFiles()
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]document{}
	for _, a := range committed(t).actions() {
		actions[secops.Identifier+"_"+a.Name] = a
	}
	used := 0
	for file, text := range files {
		var p exportedPlaybook
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Definition.Steps {
			a, ok := actions[s.ActionName]
			if !ok {
				continue
			}
			used++
			var want, got []string
			for _, q := range a.Parameters {
				want = append(want, q.Name)
			}
			var given map[string]any
			if err := json.Unmarshal([]byte(s.value("ScriptParametersEntityFields")), &given); err != nil {
				t.Fatal(err)
			}
			for name := range given {
				got = append(got, name)
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s (-action +step):\n%s", file, s.InstanceName, diff)
			}
		}
	}
	if used < 15 {
		t.Errorf("only %d steps use the integration", used)
	}
}

func TestPlaybooks_RefuseUnknownNames(t *testing.T) {
	t.Parallel()
	for want, n := range map[string]secops.Node{
		`the step S: no action is named "Disable Users"`: {Name: "S", Action: "Disable Users"},
		`the step S: Get User has no parameter "Users"`:  {Name: "S", Action: "Get User", Parameters: map[string]any{"Users": "alice"}},
	} {
		if _, err := secops.ParametersOf(n); fmt.Sprint(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
