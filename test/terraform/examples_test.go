package terraform_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
)

const (
	keyRing  = "projects/acme-keys/locations/europe-west3/keyRings/okta/cryptoKeys/"
	otherKey = "projects/acme-keys/locations/europe-west4/keyRings/okta/cryptoKeys/secrets"
	push     = `^serviceAccount:okta-\S+-push@acme-security\.iam\.gserviceaccount\.com$`
)

// examples are the variables of each example, besides those of all.
var examples = map[string]map[string]any{
	"minimal-api-key": {"okta_url": "https://acme.okta.com"},
	"minimal-iam":     {"okta_url": "https://acme.okta.com", "caller": "soar@acme.iam.gserviceaccount.com"},
	"two-orgs": {
		"orgs": map[string]any{
			"emea": map[string]any{
				"okta_url": "https://acme-emea.okta.com", "callers": []string{"soar-e@acme.iam.gserviceaccount.com"},
			},
			"amer": map[string]any{
				"okta_url": "https://acme-amer.okta.com", "callers": []string{"soar-a@acme.iam.gserviceaccount.com"},
			},
		},
	},
	"everything": {
		"okta_url": "https://acme.okta.com", "operators": []string{"group:soc@acme.test"},
		"publishers": []string{"detections@acme-security.iam.gserviceaccount.com"},
		"oauth":      map[string]string{"client_id": "0oa1users", "key_id": "k1"},
		"kms_keys": map[string]any{
			"storage": keyRing + "storage", "pubsub": keyRing + "pubsub", "secrets": []string{otherKey, keyRing + "secrets"},
		},
		"secret_locations": []string{"europe-west3", "europe-west4"},
		"secops": map[string]string{
			"instance": "00000000-0000-0000-0000-000000000000", "location": "eu", "log_type": "OKTA_ACTION_RESULT",
			"push_endpoint": "https://eu-chronicle.googleapis.com/feeds/1:importPushLogs",
		},
	},
}

// example applies an example and returns its resources. It fails the test if there is a warning, or if the second plan
// has a change.
func example(t *testing.T, name string) []resource {
	t.Helper()
	needTerraform(t)
	r, err := initialize(tree, filepath.Join("examples", name))
	if err != nil {
		t.Fatal(err)
	}
	r.t, r.ctx = t, t.Context()
	values := map[string]any{
		"project": "acme-security", "region": "europe-west3",
		"build_service_account": "okta-build@acme-security.iam.gserviceaccount.com",
		"notification_channels": []string{"projects/acme-security/notificationChannels/1"},
	}
	maps.Copy(values, examples[name])
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{"terraform.tfvars.json": string(text), "../../source.zip": "the archive"} {
		if err := os.WriteFile(filepath.Join(r.dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, warning, found := strings.Cut(r.run("apply", "-auto-approve", "-no-color"), "Warning"); found {
		t.Errorf("a warning%s", warning)
	}
	if out, err := r.try("plan", "-detailed-exitcode", "-no-color"); err != nil {
		t.Errorf("the second plan: %v\n%s", err, out)
	}
	all, _ := r.state()
	return all
}

// invokers returns the members that may invoke the functions, and how many functions each may invoke.
func invokers(all []resource) map[string]int {
	members := map[string]int{}
	for _, r := range all {
		if r.Type == "google_cloud_run_v2_service_iam_member" && !regexp.MustCompile(push).MatchString(r.text("member")) {
			members[r.text("member")]++
		}
	}
	return members
}

// environments returns the environment variables of each function by its name.
func environments(all []resource) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, r := range all {
		if r.Type == "google_cloudfunctions2_function" {
			service := r.Values["service_config"].([]any)[0].(map[string]any)
			found[r.text("name")] = service["environment_variables"].(map[string]any)
		}
	}
	return found
}

func TestTerraformExamples_EachIsTested(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob(filepath.Join(tree, "examples/*/main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range found {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(examples)), names); diff != "" {
		t.Errorf("examples (-tested +found):\n%s", diff)
	}
}

func TestTerraformExamples_APIKeyIsCheckedByEachFunction(t *testing.T) {
	t.Parallel()
	all := example(t, "minimal-api-key")
	if diff := cmp.Diff(map[string]int{"allUsers": len(handlers.Groups)}, invokers(all)); diff != "" {
		t.Errorf("invokers (-want +got):\n%s", diff)
	}
	functions := environments(all)
	for name, environment := range functions {
		if environment["CALLER_AUTH"] != "apikey" ||
			environment["CALLER_KEYS_SECRET"] != "projects/acme-security/secrets/okta-caller-keys/versions/latest" {
			t.Errorf("%s: %v", name, environment)
		}
	}
	if len(functions) != len(handlers.Groups) {
		t.Errorf("%d functions", len(functions))
	}
}

func TestTerraformExamples_IAMHasNoPublicInvoker(t *testing.T) {
	t.Parallel()
	all := example(t, "minimal-iam")
	want := map[string]int{"serviceAccount:soar@acme.iam.gserviceaccount.com": len(handlers.Groups)}
	if diff := cmp.Diff(want, invokers(all)); diff != "" {
		t.Errorf("invokers (-want +got):\n%s", diff)
	}
	for _, r := range all {
		if strings.HasPrefix(r.text("member"), "all") || strings.Contains(r.text("secret_id"), "caller-keys") {
			t.Errorf("%s: %s %s", r.Address, r.text("member"), r.text("secret_id"))
		}
	}
}

// Two orgs in one project must not reach each other: each resource names its own instance only.
func TestTerraformExamples_OrgsShareNothing(t *testing.T) {
	t.Parallel()
	all := example(t, "two-orgs")
	count := map[string]int{}
	for _, r := range all {
		own, _, _ := strings.Cut(strings.TrimPrefix(r.Address, `module.org["`), `"]`)
		other := map[string]string{"emea": "amer", "amer": "emea"}[own]
		count[own]++
		values, err := json.Marshal(r.Values)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(values), other) || other == "" {
			t.Errorf("%s refers to %s: %s", r.Address, other, values)
		}
		if r.Type == "google_project_service" || r.Type == "terraform_data" || strings.HasSuffix(r.Type, "_member") ||
			r.Type == "google_storage_bucket_object" || r.Type == "google_storage_managed_folder" {
			continue // they have no name in the project
		}
		if !strings.Contains(string(values), "okta-"+own) {
			t.Errorf("%s does not name its instance: %s", r.Address, values)
		}
	}
	if count["emea"] != count["amer"] || count["emea"]+count["amer"] != len(all) || len(all) < 100 {
		t.Errorf("resources by org: %v of %d", count, len(all))
	}
	for name, environment := range environments(all) {
		org := strings.Split(name, "-")[1]
		if environment["OKTA_API_ROOT"] != "https://acme-"+org+".okta.com" {
			t.Errorf("%s calls %s", name, environment["OKTA_API_ROOT"])
		}
	}
}

// excluded are the settings that the example of everything cannot have, and the setting that excludes each.
var excluded = map[string]string{
	"caller_emails": "caller_auth", "invokers": "caller_auth", "guardrails": "guardrails_secret",
}

func TestTerraformExamples_EverythingSetsEachVariable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(tree, "examples/everything/main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(tree, "variables*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		declared, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^variable "(\w+)"`).FindAllStringSubmatch(string(declared), -1) {
			n++
			set := regexp.MustCompile(`(?m)^  ` + m[1] + ` += `).Match(text)
			if set == (excluded[m[1]] != "") {
				t.Errorf("%s is set: %v, and %q excludes it", m[1], set, excluded[m[1]])
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d variables", n)
	}
}

// In the example of everything the chosen keys, locations, retention and protection must be on each resource that can
// have them.
func TestTerraformExamples_EverythingProtectsStoredData(t *testing.T) {
	t.Parallel()
	got := map[string]map[string]int{}
	add := func(kind, value string) {
		if got[kind] == nil {
			got[kind] = map[string]int{}
		}
		got[kind][value]++
	}
	secrets := 0
	for _, r := range example(t, "everything") {
		policy, has := r.Values["deletion_policy"]
		switch r.Type {
		case "google_storage_bucket":
			add("bucket key", r.Values["encryption"].([]any)[0].(map[string]any)["default_kms_key_name"].(string))
		case "google_pubsub_topic":
			add("topic key", r.text("kms_key_name"))
		case "google_secret_manager_secret":
			secrets++
			replication := r.Values["replication"].([]any)[0].(map[string]any)
			if auto := replication["auto"].([]any); len(auto) != 0 {
				t.Errorf("%s has automatic replication", r.Address)
			}
			for _, each := range replication["user_managed"].([]any)[0].(map[string]any)["replicas"].([]any) {
				replica := each.(map[string]any)
				key := replica["customer_managed_encryption"].([]any)[0].(map[string]any)["kms_key_name"].(string)
				add("replica", replica["location"].(string)+" "+key)
			}
		case "google_pubsub_subscription":
			if len(r.Values["push_config"].([]any)) == 0 || strings.HasSuffix(r.text("name"), "-results-secops") {
				add("kept", r.text("name")+" "+r.text("message_retention_duration"))
			}
		case "google_cloudfunctions2_function":
			add("ingress", r.Values["service_config"].([]any)[0].(map[string]any)["ingress_settings"].(string))
		}
		if has && policy == "PREVENT" {
			add("protected", r.Type)
		}
	}
	functions, topics := len(handlers.Groups)+1, len(handlers.Groups)+3
	want := map[string]map[string]int{
		"bucket key": {keyRing + "storage": 2},
		"topic key":  {keyRing + "pubsub": topics},
		"replica":    {"europe-west3 " + keyRing + "secrets": secrets, "europe-west4 " + otherKey: secrets},
		"kept": {
			"okta-prod-results 1209600s": 1, "okta-prod-results-secops 1209600s": 1, "okta-prod-dead-letter 2678400s": 1,
			"okta-prod-secret-rotation 2678400s": 1,
		},
		"ingress": {"ALLOW_ALL": functions - 1, "ALLOW_INTERNAL_AND_GCLB": 1},
		"protected": {
			"google_cloudfunctions2_function": functions, "google_secret_manager_secret": secrets, "google_storage_bucket": 2,
			"google_pubsub_topic": 2, "google_pubsub_subscription": 2,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" || secrets < 10 {
		t.Errorf("%d secrets, stored data (-want +got):\n%s", secrets, diff)
	}
}
