package contract_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/secops"
	"example.com/okta-secops/test/testkit"
)

// The forms of the integration.
const (
	sourceForm = "source"
	builtForm  = "built"
)

// python returns the path of Python, which runs the integration.
var python = sync.OnceValues(func() (string, error) {
	path, err := exec.LookPath("python3")
	if err != nil {
		return "", fmt.Errorf("python3 is not installed: %w", err)
	}
	// The executable starts faster than a version manager's command, which selects it.
	out, err := exec.Command(path, "-c", "import sys; print(sys.executable if sys.version_info >= (3, 11) else '')").Output()
	if err != nil {
		return "", err
	}
	if path = strings.TrimSpace(string(out)); path == "" {
		return "", errors.New("python3 is older than Python 3.11")
	}
	return path, nil
})

// needPython skips a test without Python 3.11; in CI the test fails.
func needPython(t *testing.T) string {
	t.Helper()
	path, err := python()
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("needs Python 3.11:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// theIntegration is the integration of the catalog.
var theIntegration = sync.OnceValues(func() (*secops.Integration, error) {
	return secops.New(handlers.Groups, os.DirFS(filepath.Join(root, "secops", "okta_secops")))
})

func integration(t *testing.T) *secops.Integration {
	t.Helper()
	i, err := theIntegration()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// unpack writes files into a directory.
func unpack(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// platform runs the scripts of the integration in both forms, as SecOps does.
type platform struct {
	python  string
	dir     string // with the package okta_secops, the built form and the platform's modules
	modules string
}

func newPlatform(t *testing.T) platform {
	t.Helper()
	p := platform{python: needPython(t), dir: t.TempDir()}
	source, err := integration(t).Source()
	if err != nil {
		t.Fatal(err)
	}
	built, err := integration(t).Built()
	if err != nil {
		t.Fatal(err)
	}
	unpack(t, filepath.Join(p.dir, "okta_secops"), source)
	unpack(t, filepath.Join(p.dir, "built"), built)
	if p.modules, err = filepath.Abs("testdata/platform"); err != nil {
		t.Fatal(err)
	}
	return p
}

// playbookStep is a step of a playbook with an action of the integration.
type playbookStep struct {
	Action        string
	Form          string
	Parameters    map[string]any
	Entities      []action.Entity
	Configuration map[string]any
	Context       map[string]any // over the members of the platform's context
	Modules       string         // a directory with more modules
	Later         bool           // it is not the first run of the step
}

// stepResult is the result of a script.
type stepResult struct {
	Message      string
	Value        any    `json:"ResultValue"`
	Objects      string `json:"ResultObjectJson"`
	State        int    `json:"ExecutionState"`
	Updated      [][]any
	Waits        []float64
	ScriptName   string
	standardText string
}

func (r stepResult) object(t *testing.T, title, member string) string {
	t.Helper()
	var objects map[string]map[string]any
	if r.Objects != "" {
		if err := json.Unmarshal([]byte(r.Objects), &objects); err != nil {
			t.Fatal(err)
		}
	}
	switch v := objects[title][member].(type) {
	case string:
		return v
	case []any:
		lines := make([]string, len(v))
		for i, line := range v {
			lines[i] = line.(string)
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

// json returns the JSON result.
func (r stepResult) json(t *testing.T) string {
	t.Helper()
	return r.object(t, "JsonResult", "RawJson")
}

// table returns the table of the case wall of an action.
func (r stepResult) table(t *testing.T, name string) string {
	t.Helper()
	return r.object(t, "Okta - "+name, "CSVLines")
}

// instance returns the parameters of an instance of the integration for a World.
func instance(w *testkit.World) map[string]any {
	return map[string]any{"API Root": w.URL + "/{group}", "Authentication": "API key", "API Key": "", "Verify SSL": "true"}
}

// run runs the script of a step.
func (p platform) run(t *testing.T, s playbookStep) stepResult {
	t.Helper()
	stem := strings.ReplaceAll(strings.ToLower(s.Action), " ", "_")
	entities := []map[string]string{}
	for _, e := range s.Entities {
		entities = append(entities, map[string]string{"item1": e.Identifier, "item2": string(e.Type)})
	}
	given := map[string]any{
		"case_id": 4711, "alert_id": "a-1", "workflow_id": "Okta containment", "workflow_instance_id": "w-1",
		"environment": "Default", "original_requesting_user": "analyst@acme.test", "target_entities": entities,
		"parameters": s.Parameters, "configuration": s.Configuration,
		"time_ms": 600_000, // until the platform ends the script
	}
	maps.Copy(given, s.Context)
	input, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	arguments, path := []string{"-m", "okta_secops.actions." + stem}, []string{p.dir, p.modules}
	if s.Form == builtForm {
		arguments = []string{filepath.Join(p.dir, "built", "ActionsScripts", stem+".py")}
		path = []string{filepath.Join(p.dir, "built", "Managers"), filepath.Join(p.modules, "soar_sdk")}
	}
	if s.Modules != "" {
		path = append(path, s.Modules)
	}
	first := "True" // the platform's second argument; an action that is not asynchronous need not get it
	if s.Later {
		first = "False"
	}
	arguments = append(append([]string{"-B", "-W", "error"}, arguments...), "", first)
	command := exec.CommandContext(t.Context(), p.python, arguments...)
	command.Dir = p.dir
	command.Env = []string{"PYTHONPATH=" + strings.Join(path, string(os.PathListSeparator)), "PYTHONIOENCODING=utf-8"}
	command.Stdin = bytes.NewReader(input)
	var out, standardError bytes.Buffer
	command.Stdout, command.Stderr = &out, &standardError
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", s.Action, err, standardError.String())
	}
	var r stepResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", s.Action, err, out.String(), standardError.String())
	}
	r.standardText = standardError.String()
	return r
}

// parametersOf returns the parameters of a step as the platform gives them: all that the action declares, as texts and
// booleans.
func parametersOf(a *action.Action, given params, dryRun bool) map[string]any {
	all := map[string]any{}
	for _, p := range a.Params {
		switch value, ok := given[p.Name]; {
		case ok && p.Type == "boolean":
			all[p.Name] = value
		case ok:
			all[p.Name] = fmt.Sprint(value)
		case p.Default == nil:
			all[p.Name] = ""
		case p.Type == "boolean":
			all[p.Name] = p.Default
		default:
			all[p.Name] = fmt.Sprint(p.Default)
		}
	}
	if a.Mutates {
		all["Dry Run"], all["Verify"] = dryRun, false
	}
	return all
}

// TestIntegration_DoesWhatTheRequestDoes compares each action of the integration, in both forms, with the request over
// HTTP: the requests that Okta received, its state, and the whole reply.
func TestIntegration_DoesWhatTheRequestDoes(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short")
	}
	t.Parallel()
	p := newPlatform(t)
	for i, run := range allRuns() {
		if strings.HasSuffix(run.path, "/ping") {
			continue
		}
		forms := []string{sourceForm, builtForm}
		if run.outcomes != "" { // the examples run in both
			forms = forms[i%2 : i%2+1]
		}
		t.Run(fmt.Sprint(run.path, " ", i), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			a := actionOf(t, run.path)
			got := w.Run(run.path, run.body())
			want := neutralOf(w, got)
			for _, form := range forms {
				w := testkit.New(t, testkit.Options{})
				s := playbookStep{
					Action: a.Name, Form: form, Parameters: parametersOf(a, run.params, run.dryRun), Entities: run.entities,
					Configuration: instance(w),
				}
				r := p.run(t, s)
				reply := replyOf(t, r)
				reply.HTTP = got.HTTP
				if diff := cmp.Diff(want, neutralOf(w, reply), cmp.AllowUnexported(neutral{}), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-HTTP +integration):\n%s", form, diff)
				}
				checkStep(t, a, reply, r)
			}
		})
	}
}

// replyOf returns the reply in the JSON result of a step.
func replyOf(t *testing.T, r stepResult) testkit.Reply {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(r.json(t))); err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	reply := testkit.Reply{Body: compact.Bytes()}
	if err := json.Unmarshal(reply.Body, &reply.JSON); err != nil {
		t.Fatal(err)
	}
	return reply
}

// checkStep checks the result of a step against the reply.
func checkStep(t *testing.T, a *action.Action, reply testkit.Reply, r stepResult) {
	t.Helper()
	success, status := reply.Get("is_success"), reply.Get("status")
	state := 0
	if status == "failure" {
		state = 2
	}
	message, _ := reply.Get("output_message").(string)
	if r.Value != success || r.State != state || !strings.HasPrefix(r.Message, message) || message == "" {
		t.Errorf("value %v, state %d, message %q for the reply %s", r.Value, r.State, r.Message, reply.Body)
	}
	targets, _ := reply.JSON["targets"].([]any)
	lines := strings.Split(r.table(t, a.Name), "\n")
	if len(targets) > 0 && len(lines) != len(targets)+1 {
		t.Errorf("the table has %d lines for %d targets", len(lines), len(targets))
	}
	for i, outcome := range reply.Outcomes() {
		if cells := strings.Split(lines[i+1], ","); len(cells) != 5 || cells[1] != outcome {
			t.Errorf("line %d of the table is %q, want 5 cells and %s", i+1, lines[i+1], outcome)
		}
	}
	enriched := 0
	list, _ := reply.JSON["entities"].([]any)
	for i := range list {
		if values, _ := reply.Get("entities", i, "enrichment").(map[string]any); len(values) > 0 {
			enriched++
		}
	}
	if len(r.Updated) != enriched {
		t.Errorf("%d entities were updated, want %d: %v", len(r.Updated), enriched, r.Updated)
	}
	for _, secret := range secretsOf(reply.JSON["json_result"], a.SecretResults) {
		if strings.Contains(r.Message, secret) || strings.Contains(r.table(t, a.Name), secret) {
			t.Errorf("the message or the table holds a secret: %s\n%s", r.Message, r.table(t, a.Name))
		}
	}
}

// secretsOf returns the values of the members with these names at any depth.
func secretsOf(v any, names []string) []string {
	var found []string
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, is := member.(string); is && slices.Contains(names, name) {
				found = append(found, text)
			}
			found = append(found, secretsOf(member, names)...)
		}
	case []any:
		for _, item := range v {
			found = append(found, secretsOf(item, names)...)
		}
	}
	return found
}

// check runs Python, which must print nothing.
func (p platform) check(t *testing.T, arguments ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), p.python, append([]string{"-B", "-W", "error"}, arguments...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
