// Package terraform_test holds terraform/ against the schema of the real provider: what it is allowed to say, what it
// deploys, and that it deploys nothing a second time. Nothing leaves this machine.
package terraform_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/local/pubsub"
)

// tree is the directory under test.
const tree = "../../terraform"

// version is the provider's, whose schema it is.
const version = "7.45.0"

// scratch is where the mirror is made.
var scratch string

// mirror is where terraform finds the stub in the place of the real provider.
var mirror = sync.OnceValues(func() (string, error) {
	// go test repeats a result until something that the test itself has read changes. It does not see what go build reads.
	if _, err := os.ReadDir("stub"); err != nil {
		return "", err
	}
	binary := filepath.Join(scratch, "registry.terraform.io/hashicorp/google", version, runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-google_v"+version)
	build := exec.Command("go", "build", "-race=false", "-o", binary, "./stub") // it is started some hundred times
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the stub: %w\n%s", err, out)
	}
	settings := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path    = %q\n    include = [\"registry.terraform.io/*/*\"]\n  }\n}\n", scratch)
	return scratch, os.WriteFile(filepath.Join(scratch, "terraform.rc"), []byte(settings), 0o600)
})

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "terraform-mirror"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// root is a copy of a configuration that terraform works on.
type root struct {
	t   *testing.T
	dir string
	env []string
}

// needTerraform skips a test where there is no terraform, loudly, and fails it in CI.
func needTerraform(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("terraform is not on the PATH, and CI needs it")
		}
		t.Skip("SKIPPED: terraform is not on the PATH. Install Terraform 1.11 or newer to run the tests of terraform/.")
	}
}

// open copies a configuration and initializes it.
func open(t *testing.T, from string) root {
	t.Helper()
	needTerraform(t)
	dir, err := mirror()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := filepath.Abs(filepath.Join(tree, "testdata/google-schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := root{t: t, dir: t.TempDir()}
	if err := copyTree(r.dir, from); err != nil {
		t.Fatal(err)
	}
	r.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TF_CLI_CONFIG_FILE=" + filepath.Join(dir, "terraform.rc"), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
		"STUB_SCHEMA=" + schema, "TF_VAR_source_archive=catalog.json",
	}
	r.run("init", "-backend=false", "-no-color")
	return r
}

// leftovers are what a deployment leaves in its configuration: the tests are not to read its state, its backend or its
// settings, nor to copy its providers.
var leftovers = []string{".terraform", ".terraform.lock.hcl", "*.tfstate", "*.tfstate.*", "terraform.tfvars", "terraform.tfvars.json", "*.auto.tfvars", "*.auto.tfvars.json", "backend.tf"}

// copyTree copies a configuration without its leftovers.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, pattern := range leftovers {
			if left, err := filepath.Match(pattern, entry.Name()); err != nil || !left {
				continue
			}
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
}

// try runs terraform and returns what it wrote.
func (r root) try(args ...string) (string, error) {
	command := exec.CommandContext(r.t.Context(), "terraform", args...)
	command.Dir, command.Env = r.dir, r.env
	out, err := command.CombinedOutput()
	return string(out), err
}

func (r root) run(args ...string) string {
	r.t.Helper()
	out, err := r.try(args...)
	if err != nil {
		r.t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// variables are settings that together turn everything on.
var variables = map[string][]string{
	"the least": {"-var=project=acme-security", "-var=region=europe-west3", "-var=okta_url=https://acme.okta.com", "-var=caller_auth=iam"},
	"all of it": {"-var-file=testdata/full.tfvars"},
	"oidc": {
		"-var=project=acme-security", "-var=region=europe-west3", "-var=okta_url=https://acme.okta.com", "-var=caller_auth=oidc", "-var=allow_public_invocation=true",
		`-var=caller_emails=["soar@acme.iam.gserviceaccount.com"]`, "-var=instance=dach",
	},
}

func TestTerraformIsFormatted(t *testing.T) {
	t.Parallel()
	if out, err := open(t, tree).try("fmt", "-check", "-recursive", "-diff", "-no-color"); err != nil {
		t.Errorf("run terraform fmt -recursive terraform:\n%s", out)
	}
}

func TestTerraformIsValid(t *testing.T) {
	t.Parallel()
	open(t, tree).run("validate", "-no-color")
}

func TestTerraformTestsPass(t *testing.T) {
	t.Parallel()
	out := open(t, tree).run("test", "-no-color")
	if !regexp.MustCompile(`Success! [1-9]\d* passed, 0 failed`).MatchString(out) {
		t.Error(out)
	}
}

func TestTerraformAppliesAndThenPlansNothing(t *testing.T) {
	t.Parallel()
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t, tree)
			r.run(append([]string{"apply", "-auto-approve", "-no-color"}, vars...)...)
			if out, err := r.try(append([]string{"plan", "-detailed-exitcode", "-no-color"}, vars...)...); err != nil {
				t.Errorf("the second plan: %v\n%s", err, out)
			}
			r.run(append([]string{"destroy", "-auto-approve", "-no-color"}, vars...)...)
		})
	}
}

// resource is one resource of a state.
type resource struct {
	Address string
	Type    string
	Mode    string
	Values  map[string]any
}

func (r resource) text(name string) string { s, _ := r.Values[name].(string); return s }

// states are the resources after an apply, by the variables.
var states sync.Map

type state struct {
	mu      sync.Mutex
	applied bool
	all     []resource
}

// applied are the resources after an apply.
func applied(t *testing.T, vars ...string) []resource {
	t.Helper()
	needTerraform(t)
	kept, _ := states.LoadOrStore(strings.Join(vars, " "), &state{})
	s := kept.(*state)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.applied {
		s.applied = true
		s.all = apply(t, vars)
	}
	if len(s.all) < 50 { // the test that has applied it says why
		t.Fatalf("%d resources", len(s.all))
	}
	return s.all
}

func apply(t *testing.T, vars []string) []resource {
	t.Helper()
	r := open(t, tree)
	r.run(append([]string{"apply", "-auto-approve", "-no-color"}, vars...)...)
	type module struct {
		Resources    []resource
		ChildModules []json.RawMessage `json:"child_modules"`
	}
	var state struct {
		Values struct {
			RootModule json.RawMessage `json:"root_module"`
		}
	}
	if err := json.Unmarshal([]byte(r.run("show", "-json")), &state); err != nil {
		t.Fatal(err)
	}
	var all []resource
	var walk func(raw json.RawMessage)
	walk = func(raw json.RawMessage) {
		var m module
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		for _, found := range m.Resources {
			if found.Mode == "managed" {
				all = append(all, found)
			}
		}
		for _, child := range m.ChildModules {
			walk(child)
		}
	}
	walk(state.Values.RootModule)
	return all
}

// TestTerraformGrantsTheLeast: what is granted is granted on one resource, by roles that are known here.
func TestTerraformGrantsTheLeast(t *testing.T) {
	t.Parallel()
	roles := map[string]string{
		"google_cloud_run_v2_service_iam_member":   "roles/run.invoker",
		"google_pubsub_subscription_iam_member":    "roles/pubsub.subscriber",
		"google_pubsub_topic_iam_member":           "roles/pubsub.publisher",
		"google_secret_manager_secret_iam_member":  "roles/secretmanager.secretAccessor",
		"google_service_account_iam_member":        "roles/iam.serviceAccountTokenCreator",
		"google_storage_bucket_iam_member":         "roles/storage.legacyBucketReader",
		"google_storage_managed_folder_iam_member": "roles/storage.objectUser",
		"google_storage_bucket_iam_member builder": "roles/storage.objectViewer",
	}
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			public := 0
			accounts := map[string]bool{}
			for _, r := range applied(t, vars...) {
				if r.Type == "google_cloudfunctions2_function" {
					accounts[r.Values["service_config"].([]any)[0].(map[string]any)["service_account_email"].(string)] = true
				}
				if !strings.Contains(r.Type, "_iam_") {
					continue
				}
				kind := r.Type
				if strings.Contains(r.Address, ".builder") {
					kind += " builder"
				}
				if r.text("role") != roles[kind] || r.text("role") == "" {
					t.Errorf("%s grants %s", r.Address, r.text("role"))
				}
				if strings.HasPrefix(r.text("member"), "all") {
					public++
					if name == "the least" || r.Type != "google_cloud_run_v2_service_iam_member" {
						t.Errorf("%s lets %s in", r.Address, r.text("member"))
					}
				}
			}
			if len(accounts) != len(handlers.Groups) {
				t.Errorf("the functions run as %v", slices.Sorted(maps.Keys(accounts)))
			}
			if want := map[bool]int{true: 0, false: len(handlers.Groups)}[name == "the least"]; public != want {
				t.Errorf("%d functions are public, want %d", public, want)
			}
		})
	}
}

// names are the attributes by which resources of a type are told apart within a project. What has a display name is numbered
// by Google and has that number in its name.
var names = []string{"account_id", "bucket_id", "secret_id", "display_name", "name"}

// TestTerraformInstancesDoNotClash: two deployments in one project share no name, and every name says whose it is.
func TestTerraformInstancesDoNotClash(t *testing.T) {
	t.Parallel()
	taken := map[string]string{}
	for _, instance := range []string{"", "emea", "ten-chars1"} { // the longest that there is
		prefix := "okta-" + instance
		if instance == "" {
			prefix = "okta"
		}
		for _, r := range applied(t, append(slices.Clone(variables["the least"]), "-var=instance="+instance)...) {
			if strings.Contains(r.Type, "_iam_") || r.Type == "google_project_service" || r.Type == "terraform_data" || r.Type == "google_storage_bucket_object" || r.Type == "google_storage_managed_folder" {
				continue
			}
			if labels, has := r.Values["labels"].(map[string]any); has && labels["instance"] != standard(instance) {
				t.Errorf("%s: labels %v", r.Address, labels)
			}
			if id := r.text("account_id"); len(id) > 30 {
				t.Errorf("%s: no service account can be called %s", r.Address, id)
			}
			own := ""
			for _, name := range names {
				if r.text(name) != "" && own == "" {
					own = r.Type + " " + r.text(name)
				}
			}
			if !strings.Contains(own, prefix) {
				t.Errorf("%s is called %q", r.Address, own)
			}
			if other, is := taken[own]; is {
				t.Errorf("%s of %q is called %s, like that of %q", r.Address, instance, own, other)
			}
			taken[own] = instance
		}
	}
}

func standard(instance string) string {
	if instance == "" {
		return "default"
	}
	return instance
}

// TestTerraformSetsWhatTheFunctionsRead: every function starts with the settings that it is deployed with.
func TestTerraformSetsWhatTheFunctionsRead(t *testing.T) {
	t.Parallel()
	documentation, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			functions := map[string]resource{}
			for _, r := range applied(t, vars...) {
				if r.Type == "google_cloudfunctions2_function" {
					functions[r.text("name")] = r
				}
			}
			if len(functions) != len(handlers.Groups) {
				t.Fatalf("%d functions", len(functions))
			}
			for _, g := range handlers.Groups {
				i := slices.IndexFunc(slices.Sorted(maps.Keys(functions)), func(name string) bool { return strings.HasSuffix(name, "-"+g.Name) })
				f := functions[slices.Sorted(maps.Keys(functions))[i]]
				build := f.Values["build_config"].([]any)[0].(map[string]any)
				service := f.Values["service_config"].([]any)[0].(map[string]any)
				if build["entry_point"] != g.Function || build["runtime"] != "go126" || service["timeout_seconds"] != 540.0 {
					t.Errorf("%s: %v %v", g.Name, build, service["timeout_seconds"])
				}
				environment := service["environment_variables"].(map[string]any)
				getenv := func(variable string) string {
					switch variable {
					case "K_SERVICE":
						return f.text("name")
					case "CLOUD_RUN_TIMEOUT_SECONDS":
						return "540"
					}
					value, _ := environment[variable].(string)
					return value
				}
				c, err := config.FromEnv(getenv, g.NeedsOkta())
				if err != nil {
					t.Errorf("%s: %v", g.Name, err)
					continue
				}
				if c.Deadline != 100*time.Second || c.IdempotencyPrefix != g.Name+"/" || c.ResultsTopic == "" || c.DeadLetterTopic == "" || (c.SigningKeyRef != "") != (g.Signs && name == "all of it") {
					t.Errorf("%s: %+v", g.Name, c)
				}
				for variable := range environment {
					if !strings.Contains(string(documentation), "`"+variable+"`") {
						t.Errorf("%s: nobody reads %s", g.Name, variable)
					}
				}
			}
		})
	}
}

// TestTerraformDeliversAsTheLocalProductDoes holds the standard subscription against that of local/pubsub.
func TestTerraformDeliversAsTheLocalProductDoes(t *testing.T) {
	t.Parallel()
	n := 0
	for _, r := range applied(t, variables["the least"]...) {
		if r.Type != "google_pubsub_subscription" || !strings.Contains(r.Address, ".push[") {
			continue
		}
		n++
		retry := r.Values["retry_policy"].([]any)[0].(map[string]any)
		dead := r.Values["dead_letter_policy"].([]any)[0].(map[string]any)
		got := []any{r.Values["ack_deadline_seconds"], r.text("message_retention_duration"), retry["minimum_backoff"], retry["maximum_backoff"], dead["max_delivery_attempts"]}
		seconds := func(d time.Duration) string { return fmt.Sprintf("%.0fs", d.Seconds()) }
		want := []any{pubsub.AckDeadline.Seconds(), seconds(pubsub.Retention), seconds(pubsub.MinBackoff), seconds(pubsub.MaxBackoff), float64(pubsub.MaxDeliveries)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-local +deployed):\n%s", r.Address, diff)
		}
	}
	if n != len(handlers.Groups) {
		t.Errorf("%d subscriptions", n)
	}
}

// TestTerraformTellsWhatEachResourceIsFor: a name alone does not.
func TestTerraformTellsWhatEachResourceIsFor(t *testing.T) {
	t.Parallel()
	for _, r := range applied(t, variables["all of it"]...) {
		for _, name := range []string{"description", "display_name"} {
			if text, has := r.Values[name]; has && (text == nil || text == "") {
				t.Errorf("%s has no %s", r.Address, name)
			}
		}
	}
	variable := regexp.MustCompile(`(?s)\n(variable|output) "(\w+)" \{\n(.*?)\n\}\n`)
	files, err := filepath.Glob(tree + "/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob(tree + "/modules/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, modules...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range variable.FindAllStringSubmatch("\n"+strings.ReplaceAll(string(text), "\n}\n", "\n}\n\n"), -1) {
			if !strings.Contains(m[3], "description =") {
				t.Errorf("%s: %s %s has no description", file, m[1], m[2])
			}
			if m[1] == "variable" && !regexp.MustCompile(`(?m)^  type +=`).MatchString(m[3]) {
				t.Errorf("%s: variable %s has no type", file, m[2])
			}
		}
	}
}

// TestTerraformAlertsHaveRunbooks: each has a file of the name that it gives.
func TestTerraformAlertsHaveRunbooks(t *testing.T) {
	t.Parallel()
	n := 0
	for _, r := range applied(t, variables["all of it"]...) {
		if r.Type != "google_monitoring_alert_policy" {
			continue
		}
		n++
		content := r.Values["documentation"].([]any)[0].(map[string]any)["content"].(string)
		file := strings.TrimPrefix(content, "Runbook: ")
		if _, err := os.Stat(filepath.Join("../..", file)); err != nil {
			t.Errorf("%s: %v", r.Address, err)
		}
	}
	runbooks, err := filepath.Glob("../../docs/runbooks/*.md")
	if err != nil || len(runbooks) != n {
		t.Errorf("%d alerts, %d runbooks %v", n, len(runbooks), err)
	}
}

// TestTerraformRefusesWhatTheSchemaLacks is the stub's own check.
func TestTerraformRefusesWhatTheSchemaLacks(t *testing.T) {
	t.Parallel()
	const head = "terraform {\n  required_providers {\n    google = { source = \"hashicorp/google\" }\n  }\n}\n"
	for body, say := range map[string]string{
		"resource \"google_pubsub_topic\" \"t\" {\n  name  = \"t\"\n  color = \"red\"\n}\n":                                   "color",
		"resource \"google_made_up\" \"t\" {\n  name = \"t\"\n}\n":                                                            "google_made_up",
		"resource \"google_pubsub_topic\" \"t\" {}\n":                                                                         "name",
		"resource \"google_secret_manager_secret\" \"s\" {\n  secret_id = \"s\"\n}\n":                                         "replication",
		"resource \"google_pubsub_topic\" \"t\" {\n  name = \"t\"\n}\noutput \"o\" {\n  value = google_pubsub_topic.t.uri\n}": "uri",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(head+body), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := open(t, dir).try("validate", "-no-color"); err == nil || !strings.Contains(out, say) {
			t.Errorf("%s: %v\n%s", body, err, out)
		}
	}
}

// TestTerraformChangesInPlaceWhatIsNoIdentity is the stub's own check.
func TestTerraformChangesInPlaceWhatIsNoIdentity(t *testing.T) {
	t.Parallel()
	r := open(t, tree)
	vars := variables["the least"]
	r.run(append([]string{"apply", "-auto-approve", "-no-color"}, vars...)...)
	out := r.run(append([]string{"plan", "-no-color", "-var=max_targets=50"}, vars...)...)
	if !strings.Contains(out, fmt.Sprintf("Plan: 0 to add, %d to change, 0 to destroy.", len(handlers.Groups))) {
		t.Error(out)
	}
	out = r.run(append([]string{"plan", "-no-color", "-var=instance=emea"}, vars...)...)
	if !strings.Contains(out, "must be replaced") {
		t.Error(out)
	}
}
