package terraform_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/functions"
)

func TestTerraform_IsFormatted(t *testing.T) {
	t.Parallel()
	if out, err := open(t, tree).try("fmt", "-check", "-recursive", "-diff", "-no-color"); err != nil {
		t.Errorf("run terraform fmt -recursive terraform:\n%s", out)
	}
}

func TestTerraform_IsValid(t *testing.T) {
	t.Parallel()
	open(t, tree).run("validate", "-no-color")
}

func TestTerraform_OwnTestsPass(t *testing.T) {
	t.Parallel()
	out := open(t, tree).run("test", "-no-color")
	if !regexp.MustCompile(`Success! [1-9]\d* passed, 0 failed`).MatchString(out) {
		t.Error(out)
	}
}

func TestTerraformApply_SecondPlanIsEmpty(t *testing.T) {
	t.Parallel()
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := opened(t, vars...)
			if out, err := r.try(append([]string{"plan", "-detailed-exitcode", "-no-color"}, vars...)...); err != nil {
				t.Errorf("the second plan: %v\n%s", err, out)
			}
			r.run(append([]string{"destroy", "-auto-approve", "-no-color"}, vars...)...)
		})
	}
}

// names are the attributes that identify a resource of a type within a project. Google numbers the
// resources that have a display name, and their name contains the number.
var names = []string{"account_id", "bucket_id", "secret_id", "display_name", "name"}

// unnamed are the types that have no name in the project: they belong to the project, to a bucket
// or to Terraform.
var unnamed = []string{
	"google_project_service", "google_storage_bucket_object", "google_storage_managed_folder", "terraform_data",
}

// dashboardName is the name of a dashboard in its JSON.
var dashboardName = regexp.MustCompile(`"displayName":"([^"]+)"`)

// Deployments in one project must not share a name, and each name must contain the instance.
func TestTerraformInstance_SharesNoName(t *testing.T) {
	t.Parallel()
	taken := map[string]string{}
	for _, instance := range []string{"", "emea", "ten-chars1"} { // the longest name
		prefix := "okta-" + instance
		if instance == "" {
			prefix = "okta"
		}
		for _, r := range applied(t, append(slices.Clone(variables["minimal"]), "-var=instance="+instance)...) {
			if strings.Contains(r.Type, "_iam_") || slices.Contains(unnamed, r.Type) {
				continue
			}
			if labels, has := r.Values["labels"].(map[string]any); has && labels["instance"] != standard(instance) {
				t.Errorf("%s: labels %v", r.Address, labels)
			}
			if id := r.text("account_id"); len(id) > 30 {
				t.Errorf("%s: the service account id %s is longer than 30 characters", r.Address, id)
			}
			own := ""
			if name := dashboardName.FindStringSubmatch(r.text("dashboard_json")); name != nil {
				own = r.Type + " " + name[1]
			}
			for _, name := range names {
				if r.text(name) != "" && own == "" {
					own = r.Type + " " + r.text(name)
				}
			}
			if !strings.Contains(own, prefix) {
				t.Errorf("%s is named %q, want %q in it", r.Address, own, prefix)
			}
			if other, is := taken[own]; is {
				t.Errorf("%s of %q has the name %s, which %q has too", r.Address, instance, own, other)
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

// transmitters is the number of transmitters that a set of variables deploys.
var transmitters = map[string]int{"full": 1}

// The transmitter must accept its environment, which has its own settings alone, and read one secret.
func TestTerraformTransmitter_HasItsOwnSettingsOnly(t *testing.T) {
	t.Parallel()
	all := applied(t, variables["full"]...)
	i := slices.IndexFunc(all, func(r resource) bool {
		return r.Type == "google_cloudfunctions2_function" && strings.HasSuffix(r.text("name"), "-transmitter")
	})
	f := all[i]
	build := f.Values["build_config"].([]any)[0].(map[string]any)
	service := f.Values["service_config"].([]any)[0].(map[string]any)
	if build["entry_point"] != httpapi.TransmitterFunction || service["max_instance_count"] != 2.0 {
		t.Errorf("%v %v", build, service)
	}
	environment := service["environment_variables"].(map[string]any)
	getenv := func(name string) string { value, _ := environment[name].(string); return value }
	c, err := config.TransmitterFromEnv(getenv)
	if err != nil {
		t.Fatal(err)
	}
	if c.JWKSURL != c.Issuer+ssf.JWKSPath || len(environment) != 5 || functions.GC != "GOGC="+getenv("GOGC") {
		t.Errorf("%+v in %v", c, environment)
	}
	member := "serviceAccount:" + service["service_account_email"].(string)
	var granted []string
	for _, r := range all {
		if strings.Contains(r.Type, "_iam_") && r.text("member") == member {
			granted = append(granted, r.text("role")+" "+r.text("secret_id"))
		}
	}
	secret, _, _ := strings.Cut(c.PublicKeys, "/versions/")
	if len(granted) != 1 || !strings.HasSuffix(granted[0], secret) || !strings.HasPrefix(granted[0], "roles/secretmanager.secretAccessor ") {
		t.Errorf("the transmitter has %v, want the accessor role on %s", granted, secret)
	}
}

// Each function must accept its environment, and know each variable in it.
func TestTerraformFunctions_StartWithTheirSettings(t *testing.T) {
	t.Parallel()
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deployed := map[string]resource{}
			for _, r := range applied(t, vars...) {
				if r.Type == "google_cloudfunctions2_function" {
					deployed[r.text("name")] = r
				}
			}
			if len(deployed) != len(handlers.Groups)+transmitters[name] {
				t.Fatalf("%d functions", len(deployed))
			}
			for _, g := range handlers.Groups {
				own := func(name string) bool { return strings.HasSuffix(name, "-"+g.Name) }
				names := slices.Sorted(maps.Keys(deployed))
				f := deployed[names[slices.IndexFunc(names, own)]]
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
				if c.Deadline != 100*time.Second || c.IdempotencyPrefix != g.Name+"/" || c.ResultsTopic == "" ||
					c.DeadLetterTopic == "" || (c.SigningKeyRef != "") != (g.Signs && name == "full") {
					t.Errorf("%s: %+v", g.Name, c)
				}
				if got := fmt.Sprint("GOGC=", environment["GOGC"]); got != functions.GC {
					t.Errorf("%s: %s, want %s", g.Name, got, functions.GC)
				}
				for variable := range environment {
					if !config.Known(variable) && variable != "GOGC" {
						t.Errorf("%s: %s is not a setting", g.Name, variable)
					}
				}
			}
		})
	}
}

// The default subscription must behave like that of local/pubsub.
func TestTerraformDeliveries_MatchTheLocalServer(t *testing.T) {
	t.Parallel()
	n := 0
	for _, r := range applied(t, variables["minimal"]...) {
		if r.Type != "google_pubsub_subscription" || !strings.Contains(r.Address, ".push[") {
			continue
		}
		n++
		retry := r.Values["retry_policy"].([]any)[0].(map[string]any)
		dead := r.Values["dead_letter_policy"].([]any)[0].(map[string]any)
		got := []any{
			r.Values["ack_deadline_seconds"], r.text("message_retention_duration"), retry["minimum_backoff"],
			retry["maximum_backoff"], dead["max_delivery_attempts"],
		}
		seconds := func(d time.Duration) string { return fmt.Sprintf("%.0fs", d.Seconds()) }
		want := []any{
			pubsub.AckDeadline.Seconds(), seconds(pubsub.Retention), seconds(pubsub.MinBackoff),
			seconds(pubsub.MaxBackoff), float64(pubsub.MaxDeliveries),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-local +deployed):\n%s", r.Address, diff)
		}
	}
	if n != len(handlers.Groups) {
		t.Errorf("%d subscriptions", n)
	}
}

func TestTerraform_ResourcesAndVariablesHaveDescriptions(t *testing.T) {
	t.Parallel()
	for _, r := range applied(t, variables["full"]...) {
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
