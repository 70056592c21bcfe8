package terraform_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
)

// sample is a small configuration for the stub's own tests.
const sample = "testdata/sample"

// The schema must be from the version that the tests install, and have all types of terraform/.
func TestTerraformSchema_KnowsAllTypes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(tree, "testdata/google-schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Provider    string
		Resources   map[string]json.RawMessage
		DataSources map[string]json.RawMessage `json:"data_sources"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if want := "hashicorp/google " + version; schema.Provider != want {
		t.Errorf("the schema is from %s, want %s", schema.Provider, want)
	}
	kinds := map[string]map[string]json.RawMessage{"resource": schema.Resources, "data": schema.DataSources}
	used := regexp.MustCompile(`(?m)^\s*(resource|data) "(google_\w+)"`)
	n := 0
	if err := filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tf" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range used.FindAllStringSubmatch(string(text), -1) {
			n++
			if _, has := kinds[m[1]][m[2]]; !has {
				t.Errorf("%s: the schema has no %s %s", path, m[1], m[2])
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Error("terraform/ uses no type")
	}
}

// The other tests draw conclusions from plans, and need this behavior of the stub.
func TestTerraformStub_KeepsAppliedValues(t *testing.T) {
	t.Parallel()
	r := open(t, sample)
	r.run("fmt", "-check", "-recursive", "-diff")
	changes := func(want string, vars ...string) string {
		t.Helper()
		out, err := r.try(append([]string{"plan", "-detailed-exitcode", "-no-color"}, vars...)...)
		if err == nil {
			out = "No changes"
		}
		if !strings.Contains(out, want) {
			t.Errorf("the plan with %q, want %s: %v\n%s", vars, want, err, out)
		}
		return out
	}
	r.run("apply", "-auto-approve", "-no-color")
	changes("No changes")
	var made map[string]any
	if err := json.Unmarshal([]byte(r.run("output", "-json", "made")), &made); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{
		"account":         "runner@acme.iam.gserviceaccount.com",
		"bucket":          "gs://acme-source",
		"labels":          map[string]any{"by": "terraform", "team": "secops"},
		"later":           nil,
		"number":          "123456789012",
		"policy":          "serviceAccount:runner@acme.iam.gserviceaccount.com",
		"project":         "acme",
		"queues":          []any{"projects/acme/topics/dead-letters", "projects/acme/topics/results"},
		"region":          "europe-west3",
		"secret":          "projects/acme/secrets/token",
		"secret_version":  "projects/acme/secrets/token/versions/1",
		"service":         "projects/acme/locations/europe-west3/services/clear",
		"storage_account": "service-123456789012@gs-project-accounts.iam.gserviceaccount.com",
		"subscription":    "projects/acme/subscriptions/requests-push",
		"topic":           "projects/acme/topics/requests",
		"uri":             "https://clear-stub.run.app",
	}, made); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	state, err := os.ReadFile(filepath.Join(r.dir, "terraform.tfstate"))
	if err != nil || strings.Contains(string(state), "written-only") {
		t.Errorf("the state contains the write-only value, or is absent: %v", err)
	}

	if out := changes("Plan: 0 to add, 1 to change, 0 to destroy.", "-var=team=soc"); !strings.Contains(out, "google_storage_bucket.this will be updated in-place") {
		t.Error(out)
	}
	if out := changes("Plan: 1 to add, 1 to change, 1 to destroy.", "-var=name=reset"); !strings.Contains(out, "google_cloudfunctions2_function.this must be replaced") {
		t.Error(out)
	}
	if out := changes("to destroy.", "-var=runner=walker"); !strings.Contains(out, "google_service_account.this must be replaced") {
		t.Error(out)
	}
	changes("Plan: 11 to add, 0 to change, 11 to destroy.", "-var=project=umbrella") // the object depends on its bucket, whose name stays

	// A block that is added later is computed like an original one.
	later := []string{"-var=team=soc", "-var=account=true"}
	r.run(append([]string{"apply", "-auto-approve", "-no-color"}, later...)...)
	changes("No changes", later...)
	if err := json.Unmarshal([]byte(r.run("output", "-json", "made")), &made); err != nil || made["later"] != "https://later-stub.run.app" {
		t.Errorf("later: %v %v", made["later"], err)
	}
	r.run(append([]string{"destroy", "-auto-approve", "-no-color"}, later...)...)
	if left := r.run("state", "list"); left != "" {
		t.Errorf("left after destroy:\n%s", left)
	}
}

// The tests must pass in a directory from which an operator deploys, and not use its state.
func TestTerraformTests_IgnoreADeployment(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	if err := os.CopyFS(from, os.DirFS(sample)); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{
		".terraform/providers/google", ".terraform.lock.hcl", ".terraform.tfstate.lock.info", "terraform.tfstate", "terraform.tfstate.backup",
		"terraform.tfvars", "mine.auto.tfvars", "mine.auto.tfvars.json", "backend.tf",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(from, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to := t.TempDir()
	if err := copyTree(to, from); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(filesOf(t, sample), filesOf(t, to)); diff != "" {
		t.Errorf("copied files (-want +got):\n%s", diff)
	}
}

func filesOf(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	if err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		files = append(files, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTerraformStub_RefusesUnknownAttributes(t *testing.T) {
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

func TestTerraformStub_UpdatesInPlace(t *testing.T) {
	t.Parallel()
	vars := variables["minimal"]
	r := opened(t, vars...)
	out := r.run(append([]string{"plan", "-no-color", "-var=max_targets=50"}, vars...)...)
	if !strings.Contains(out, fmt.Sprintf("Plan: 0 to add, %d to change, 0 to destroy.", len(handlers.Groups))) {
		t.Error(out)
	}
	out = r.run(append([]string{"plan", "-no-color", "-var=instance=emea"}, vars...)...)
	if !strings.Contains(out, "must be replaced") {
		t.Error(out)
	}
}
