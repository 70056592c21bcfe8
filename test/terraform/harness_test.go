// Package terraform_test runs terraform/ with a stub that has the schema of the real provider, and
// checks the resources, their permissions and the plans of changes. It needs no network.
package terraform_test

import (
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
	dir string
	env []string
}

// needTerraform skips a test if terraform is not installed, and fails it in CI.
func needTerraform(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("terraform is not on the PATH, and CI needs it")
		}
		t.Skip("SKIPPED: terraform is not on the PATH. Install Terraform 1.11 or newer to run the tests of terraform/.")
	}
}

// open copies a configuration and runs terraform init in the copy.
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
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TF_CLI_CONFIG_FILE=" + filepath.Join(dir, "terraform.rc"),
		"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "STUB_SCHEMA=" + schema, "TF_VAR_source_archive=catalog.json",
	}
	r.run("init", "-backend=false", "-no-color")
	return r
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
	command := exec.CommandContext(r.t.Context(), "terraform", args...)
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
		s.all, s.outputs = apply(t, vars)
	}
	if len(s.all) < 50 { // the test that applied it has reported the reason
		t.Fatalf("%d resources", len(s.all))
	}
	return s
}

func apply(t *testing.T, vars []string) ([]resource, map[string]any) {
	t.Helper()
	r := open(t, tree)
	r.run(append([]string{"apply", "-auto-approve", "-no-color"}, vars...)...)
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
	outputs := map[string]any{}
	for name, output := range state.Values.Outputs {
		outputs[name] = output.Value
	}
	return all, outputs
}
