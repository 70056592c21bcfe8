package pipeline_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// configuration has the settings that the steps look at, and names an archive as terraform/main.tf
// does.
const configuration = `
variable "project" { type = string }
variable "region" { type = string }
variable "instance" {
  type    = string
  default = ""
}
variable "note" {
  type    = string
  default = ""
}
resource "terraform_data" "source" {
  input = { name = "source-${filesha256("source.zip")}.zip", note = var.note }
}
`

const settings = "project = \"acme-security\"\nregion = \"europe-west3\"\n"

// state is Cloud Storage with the bucket of the state.
type state struct {
	mu       sync.Mutex
	readOnly bool
	writes   []string
}

// newState starts Cloud Storage and makes Terraform in w use it.
func newState(t *testing.T, w workspace) *state {
	t.Helper()
	options := fakestorage.Options{Scheme: "http", NoListener: true, Writer: io.Discard}
	server, err := fakestorage.NewServerWithOptions(options)
	if err != nil {
		t.Fatal(err)
	}
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "acme-state"})
	s := &state{}
	front := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			s.mu.Lock()
			s.writes = append(s.writes, r.Method+" "+r.URL.String())
			refused := s.readOnly
			s.mu.Unlock()
			if refused {
				http.Error(out, "storage.objects.create is denied", http.StatusForbidden)
				return
			}
		}
		r.Host = "storage.googleapis.com" // the fake serves downloads under this host only
		server.HTTPHandler().ServeHTTP(out, r)
	}))
	t.Cleanup(front.Close)
	w.env["GOOGLE_BACKEND_STORAGE_CUSTOM_ENDPOINT"] = front.URL + "/storage/v1/"
	w.env["GOOGLE_OAUTH_ACCESS_TOKEN"] = "none"
	w.env["CHECKPOINT_DISABLE"] = "1"
	return s
}

// restrict takes the right to write away, and returns the writes that were tried until then.
func (s *state) restrict() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readOnly = true
	return slices.Clone(s.writes)
}

func (s *state) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

// needTerraform skips a test without Terraform, except in CI.
func needTerraform(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("terraform is not on the PATH, and CI needs it")
		}
		t.Skip("SKIPPED: terraform is not on the PATH. Install Terraform 1.11 or newer to run the steps of Cloud Build.")
	}
}

// deployment returns a workspace of file with a configuration, its settings and its source archive.
func deployment(t *testing.T, file string) workspace {
	t.Helper()
	w := newWorkspace(t, file)
	w.write("terraform/main.tf", configuration)
	w.write("terraform/terraform.tfvars", settings)
	w.write("terraform/source.zip", "the archive")
	return w
}

// initialize creates the empty state, as docs/deploy.md does for a new instance.
func (w workspace) initialize() {
	w.t.Helper()
	w.write("terraform/backend.tf", "terraform {\n  backend \"gcs\" {}\n}\n")
	c := exec.CommandContext(w.t.Context(), "terraform", "init", "-input=false",
		"-backend-config=bucket=acme-state", "-backend-config=prefix=state/okta")
	c.Dir, c.Env = filepath.Join(w.dir, "terraform"), []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range w.env {
		c.Env = append(c.Env, name+"="+value)
	}
	if out, err := c.CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
}

// TestPlan_WritesNothing: the plan needs no right to write to the bucket of the state, not even for
// a lock.
func TestPlan_WritesNothing(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	w := deployment(t, "cloudbuild.yaml")
	s := newState(t, w)
	w.initialize()
	before := s.restrict()
	if len(before) == 0 {
		t.Fatal("the initial state was not written here: nothing would be seen")
	}
	out := w.run("plan")
	if !strings.Contains(out, "1 to add") || !strings.Contains(w.read("terraform/plan.txt"), "1 to add") {
		t.Error(out)
	}
	if after := s.written(); len(after) != len(before) {
		t.Errorf("the plan writes: %q", after[len(before):])
	}
}

func TestPlan_RefusesSettingsOfAnotherDeployment(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	w := deployment(t, "cloudbuild.yaml")
	newState(t, w)
	w.initialize()
	for setting, text := range map[string]string{
		"project":  strings.Replace(settings, "acme-security", "other-project", 1),
		"region":   strings.Replace(settings, "europe-west3", "us-central1", 1),
		"instance": settings + "instance = \"emea\"\n",
	} {
		w.write("terraform/terraform.tfvars", text)
		w.refused("plan", "terraform.tfvars sets another "+setting)
	}
	w.write("terraform/terraform.tfvars", settings)
	w.run("plan")
}

func TestPlan_ReadsTheSettingsOfItsInstance(t *testing.T) {
	t.Parallel()
	for instance, want := range map[string]string{"": "okta", "emea": "okta-emea"} {
		w := newWorkspace(t, "cloudbuild.yaml")
		w.env["_INSTANCE"] = instance
		w.command("gcloud", "echo \"$*\"\n")
		want = "storage cp gs://acme-state/settings/" + want + "/terraform.tfvars terraform/terraform.tfvars"
		if got := strings.TrimSpace(w.run("settings")); got != want {
			t.Error(got)
		}
		w.env["_STATE_BUCKET"] = ""
		w.refused("settings", "_STATE_BUCKET")
	}
}

// TestPlan_IsStoredOnce: the object is created, never replaced, and the token is not on a command
// line.
func TestPlan_IsStoredOnce(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "cloudbuild.yaml")
	w.env["_INSTANCE"] = "emea"
	w.write("terraform/plan", stored)
	w.write("terraform/plan.txt", "1 to add")
	w.command("gcloud", "echo canary-token\n")
	w.command("curl", `cat >>header
echo "$*" >>arguments
printf '{\n  "metageneration": "1",\n  "generation": "`+generation+`"\n}\n'
`)
	out := w.run("store")
	want := fmt.Sprintf("gcloud builds triggers run apply-okta-emea --sha=%s "+
		"--substitutions=_PLAN_BUILD=%s,_PLAN_GENERATION=%s,_PLAN_SHA256=%x",
		commit, planBuild, generation, sha256.Sum256([]byte(stored)))
	if !strings.Contains(out, want+"\n") {
		t.Errorf("%s\nwithout %s", out, want)
	}
	arguments := strings.Split(strings.TrimSpace(w.read("terraform/arguments")), "\n")
	for i, name := range []string{"plan.txt", "plan"} {
		want := "--data-binary @" + name + " https://storage.googleapis.com/upload/storage/v1/b/acme-plans/o" +
			"?uploadType=media&ifGenerationMatch=0&name=" + planBuild + "/" + name
		if len(arguments) != 2 || !strings.HasSuffix(arguments[i], want) {
			t.Errorf("%q", arguments)
		}
	}
	header := w.read("terraform/header")
	if !strings.Contains(header, "Bearer canary-token") || strings.Contains(strings.Join(arguments, ""), "canary") {
		t.Errorf("%q %q", header, arguments)
	}
	w.command("curl", "echo 'curl: (22) The requested URL returned error: 412' >&2; exit 22\n")
	w.refused("store", "412")
	w.command("curl", "echo '{}'\n")
	w.refused("store", "no generation")
}

// planFor makes the plan of w and returns an apply of it, from the same commit.
func planFor(t *testing.T, w workspace) workspace {
	t.Helper()
	w.run("plan")
	apply := deployment(t, "cloudbuild-apply.yaml")
	for name, value := range w.env {
		if strings.HasPrefix(name, "GOOGLE_") || name == "CHECKPOINT_DISABLE" {
			apply.env[name] = value
		}
	}
	apply.write("terraform/plan", w.read("terraform/plan"))
	tool := compile(t, "./tools/plan-config")
	apply.command("go", `[ "$1 $2" = "run ./tools/plan-config" ] || exit 9; shift 2; exec `+tool+` "$@"`)
	return apply
}

func TestApply_AppliesThePlan(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	w := deployment(t, "cloudbuild.yaml")
	newState(t, w)
	w.initialize()
	first := planFor(t, w)
	w.write("terraform/terraform.tfvars", settings+"note = \"another plan of the same state\"\n")
	second := planFor(t, w)
	first.run("configuration")
	if out := first.run("apply"); !strings.Contains(out, "1 added, 0 changed, 0 destroyed") {
		t.Error(out)
	}
	second.refused("apply", "stale")
	w.write("terraform/terraform.tfvars", settings)
	same := planFor(t, w)
	same.run("configuration")
	if out := same.run("apply"); !strings.Contains(out, "0 added, 0 changed, 0 destroyed") {
		t.Error(out)
	}
}

// TestApply_RefusesAnotherConfiguration: a provisioner is in no line of terraform show.
func TestApply_RefusesAnotherConfiguration(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	w := deployment(t, "cloudbuild.yaml")
	newState(t, w)
	w.initialize()
	command := "  provisioner \"local-exec\" {\n    command = \"touch canary\"\n  }\n}\n"
	w.write("terraform/main.tf", strings.TrimSuffix(configuration, "}\n")+command)
	apply := planFor(t, w)
	if strings.Contains(w.read("terraform/plan.txt"), "canary") {
		t.Error("terraform show lists provisioners: this check is needed no longer")
	}
	apply.refused("configuration", "the plan has another terraform/main.tf")
}

// TestApply_RefusesAnotherArchive: the plan must deploy the archive of the approved commit, not the
// one before it.
func TestApply_RefusesAnotherArchive(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	w := deployment(t, "cloudbuild.yaml")
	newState(t, w)
	w.initialize()
	before := planFor(t, w)
	before.run("configuration")
	before.run("apply")
	w.write("terraform/source.zip", "an archive of other code")
	apply := planFor(t, w) // whose own archive is the deployed one
	apply.run("configuration")
	apply.refused("apply", "another source archive", commit)
	apply.write("terraform/source.zip", "an archive of other code")
	if out := apply.run("apply"); !strings.Contains(out, "1 changed") {
		t.Error(out)
	}
}
