// Package terraform_test runs terraform/ with a stub that has the schema of the real provider, and
// checks the resources, their permissions and the plans of changes. It needs no network.
package terraform_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// tree is the directory under test.
const tree = "../../terraform"

// version is the version of the provider that the schema is from.
const version = "7.45.0"

// scratch is the directory of the mirror.
var scratch string

// mirror returns the directory in which terraform finds the stub instead of the real provider.
var mirror = sync.OnceValues(func() (string, error) {
	// go test caches a result until a file that the test itself read changes. go build's files do
	// not count, so read the directory here.
	if _, err := os.ReadDir("stub"); err != nil {
		return "", err
	}
	place := filepath.Join("registry.terraform.io/hashicorp/google", version, runtime.GOOS+"_"+runtime.GOARCH)
	binary := filepath.Join(scratch, place, "terraform-provider-google_v"+version)
	build := exec.Command("go", "build", "-race=false", "-o", binary, "./stub") // terraform starts it hundreds of times
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the stub: %w\n%s", err, out)
	}
	settings := fmt.Sprintf(`provider_installation {
  filesystem_mirror {
    path    = %q
    include = ["registry.terraform.io/*/*"]
  }
}
`, scratch)
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

// root is a copy of a configuration, in which terraform runs.
type root struct {
	t   *testing.T
	ctx context.Context
	dir string
	env []string
}

// needTerraform skips a test with -short or if terraform is not installed, and fails it in CI.
func needTerraform(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED with -short: Terraform's plans take most of a minute")
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("terraform is not on the PATH, and CI needs it")
		}
		t.Skip("SKIPPED: terraform is not on the PATH. Install Terraform 1.11 or newer to run the tests of terraform/.")
	}
}

// initialized are the directories in which terraform init ran, by configuration.
var initialized sync.Map

// open returns a copy of a configuration in which terraform init ran.
func open(t *testing.T, from string) root {
	t.Helper()
	needTerraform(t)
	kept, _ := initialized.LoadOrStore(from, sync.OnceValues(func() (root, error) { return initialize(from, ".") }))
	r, err := kept.(func() (root, error))()
	if err != nil {
		t.Fatal(err)
	}
	return r.copy(t)
}

// initialize copies a configuration below scratch and runs terraform init in a directory of the copy.
func initialize(from, below string) (root, error) {
	dir, err := mirror()
	if err != nil {
		return root{}, err
	}
	schema, err := filepath.Abs(filepath.Join(tree, "testdata/google-schema.json"))
	if err != nil {
		return root{}, err
	}
	r := root{ctx: context.Background()}
	if r.dir, err = os.MkdirTemp(scratch, "initialized"); err != nil {
		return root{}, err
	}
	if err := copyTree(r.dir, from); err != nil {
		return root{}, err
	}
	r.dir = filepath.Join(r.dir, below)
	r.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TF_CLI_CONFIG_FILE=" + filepath.Join(dir, "terraform.rc"),
		"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "STUB_SCHEMA=" + schema, "TF_VAR_source_archive=catalog.json",
		"GOGC=400", // these processes are short-lived: collecting their garbage early costs more than it frees
	}
	if out, err := r.try("init", "-backend=false", "-no-color"); err != nil {
		return root{}, fmt.Errorf("terraform init: %w\n%s", err, out)
	}
	return r, nil
}

// copy copies the directory for a test: its configuration, its providers and its state.
func (r root) copy(t *testing.T) root {
	t.Helper()
	to := root{t: t, ctx: t.Context(), dir: t.TempDir(), env: r.env}
	if err := os.CopyFS(to.dir, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// leftovers are the files of a deployment in its configuration. The tests must not read its state,
// backend or settings, nor copy its providers.
var leftovers = []string{
	".terraform", ".terraform.lock.hcl", "*.tfstate", "*.tfstate.*", "terraform.tfvars", "terraform.tfvars.json",
	"*.auto.tfvars", "*.auto.tfvars.json", "backend.tf",
}

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

// try runs terraform and returns its output.
func (r root) try(args ...string) (string, error) {
	command := exec.CommandContext(r.ctx, "terraform", args...)
	command.Dir, command.Env = r.dir, r.env
	out, err := command.CombinedOutput()
	return string(out), err
}

// run runs terraform, and fails the test if terraform fails.
func (r root) run(args ...string) string {
	r.t.Helper()
	out, err := r.try(args...)
	if err != nil {
		r.t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// variables are settings that together use every feature.
var variables = map[string][]string{
	"minimal": {
		"-var=project=acme-security", "-var=region=europe-west3", "-var=okta_url=https://acme.okta.com",
		"-var=caller_auth=iam",
	},
	"full": {"-var-file=testdata/full.tfvars"},
	"oidc": {
		"-var=project=acme-security", "-var=region=europe-west3", "-var=okta_url=https://acme.okta.com",
		"-var=caller_auth=oidc", "-var=allow_public_invocation=true",
		`-var=caller_emails=["soar@acme.iam.gserviceaccount.com"]`, "-var=instance=dach",
		"-var=runbooks_url=https://git.acme.test/okta-secops/docs/runbooks/",
		"-var=alerts={error_percent=10,error_calls=7,latency_percent=80,latency_calls=20,window_minutes=60,unacknowledged_minutes=30}",
	},
}

// resource is one resource of a state.
type resource struct {
	Address string
	Type    string
	Mode    string
	Values  map[string]any
}

func (r resource) text(name string) string { s, _ := r.Values[name].(string); return s }

// states has the resources after an apply, by the variables.
var states sync.Map

type state struct {
	mu      sync.Mutex
	applied bool
	root    root // its directory has the state
	all     []resource
	outputs map[string]any
}

// applied returns the resources after an apply.
func applied(t *testing.T, vars ...string) []resource {
	t.Helper()
	return deployed(t, vars).all
}

// outputs returns the outputs after an apply.
func outputs(t *testing.T, vars ...string) map[string]any {
	t.Helper()
	return deployed(t, vars).outputs
}

// deployed applies a configuration once for all tests.
func deployed(t *testing.T, vars []string) *state {
	t.Helper()
	needTerraform(t)
	kept, _ := states.LoadOrStore(strings.Join(vars, " "), &state{})
	s := kept.(*state)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.applied {
		s.applied = true
		s.root, s.all, s.outputs = apply(t, vars)
	}
	if len(s.all) < 50 { // the test that applied it has reported the reason
		t.Fatalf("%d resources", len(s.all))
	}
	return s
}

// opened returns a copy of the directory in which a configuration is applied.
func opened(t *testing.T, vars ...string) root {
	t.Helper()
	return deployed(t, vars).root.copy(t)
}

func apply(t *testing.T, vars []string) (root, []resource, map[string]any) {
	t.Helper()
	r := open(t, tree)
	r.run(append([]string{"apply", "-auto-approve", "-no-color"}, vars...)...)
	all, outputs := r.state()
	// The directory of a test is removed with it, and other tests copy this one.
	dir, err := os.MkdirTemp(scratch, "applied")
	if err == nil {
		err = os.CopyFS(dir, os.DirFS(r.dir))
	}
	if err != nil {
		t.Fatal(err)
	}
	return root{dir: dir, env: r.env}, all, outputs
}

// state returns the managed resources and the outputs of the state.
func (r root) state() ([]resource, map[string]any) {
	r.t.Helper()
	type module struct {
		Resources    []resource
		ChildModules []json.RawMessage `json:"child_modules"`
	}
	var state struct {
		Values struct {
			Outputs    map[string]struct{ Value any }
			RootModule json.RawMessage `json:"root_module"`
		}
	}
	if err := json.Unmarshal([]byte(r.run("show", "-json")), &state); err != nil {
		r.t.Fatal(err)
	}
	var all []resource
	var walk func(raw json.RawMessage)
	walk = func(raw json.RawMessage) {
		var m module
		if err := json.Unmarshal(raw, &m); err != nil {
			r.t.Fatal(err)
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
	outputs := map[string]any{}
	for name, output := range state.Values.Outputs {
		outputs[name] = output.Value
	}
	return all, outputs
}
