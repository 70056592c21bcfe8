package terraform_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
)

// planned returns the action of a plan on each resource that it changes, by address.
func (r root) planned(vars ...string) map[string]string {
	r.t.Helper()
	r.run(append([]string{"plan", "-out=changes", "-no-color"}, vars...)...)
	var plan struct {
		Changes []struct {
			Address string
			Change  struct{ Actions []string }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(r.run("show", "-json", "changes")), &plan); err != nil {
		r.t.Fatal(err)
	}
	changed := map[string]string{}
	for _, c := range plan.Changes {
		if action := strings.Join(c.Change.Actions, " "); action != "no-op" && action != "read" {
			changed[c.Address] = action
		}
	}
	return changed
}

// Bindings keyed by position would be replaced after a new entry, and callers refused meanwhile.
func TestTerraformPlan_NewMemberChangesNothingElse(t *testing.T) {
	t.Parallel()
	const member = "serviceAccount:%s@acme.iam.gserviceaccount.com"
	soar, aaa, bbb := fmt.Sprintf(member, "soar"), fmt.Sprintf(member, "aaa"), fmt.Sprintf(member, "bbb")
	list := func(variable string, members ...string) string {
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return "-var=" + variable + "=" + string(text)
	}
	const channel = "projects/acme-security/notificationChannels/1"
	publishers := func(members ...string) string {
		return strings.Replace(list("publishers", members...), "=[", `={"users":[`, 1) + "}"
	}
	deployed := []string{list("invokers", soar), publishers(soar), list("notification_channels", channel)}
	r := open(t, tree)
	r.run(append(append([]string{"apply", "-auto-approve", "-no-color"}, variables["minimal"]...), deployed...)...)

	binding := func(group, member string) string {
		return fmt.Sprintf("module.function[%q].google_cloud_run_v2_service_iam_member.invoker[%q]", group, member)
	}
	all := func(member, action string) map[string]string {
		want := map[string]string{}
		for _, g := range handlers.Groups {
			want[binding(g.Name, member)] = action
		}
		return want
	}
	const (
		publisher = "module.automation.google_pubsub_topic_iam_member.publisher[%q]"
		alert     = "module.monitoring.google_monitoring_alert_policy.threshold[%q]"
		audit     = "module.monitoring.google_logging_project_bucket_config.audit"
	)
	alerts := map[string]string{}
	for _, key := range []string{
		"containment", "errors", "guardrails", "latency", "dead-letters", "unacknowledged", "credentials", "secret-rotation",
	} {
		alerts[fmt.Sprintf(alert, key)] = "update"
	}
	added := all(aaa, "create")
	added[binding("roles", bbb)], added[fmt.Sprintf(publisher, "users "+aaa)], added[audit] = "create", "create", "update"
	maps.Copy(added, alerts)
	for name, test := range map[string]struct {
		variables []string
		want      map[string]string
	}{
		"duplicates": {[]string{list("invokers", soar, soar), publishers(soar, soar)}, map[string]string{}},
		"additions in front": {[]string{
			list("invokers", aaa, soar), `-var=functions={"roles":{"invokers":["` + bbb + `"]}}`,
			publishers(aaa, soar), list("notification_channels", channel+"0", channel), "-var=lock_audit=true",
		}, added},
		"no invoker": {[]string{list("invokers")}, all(soar, "delete")},
	} {
		vars := append(append(append([]string{}, variables["minimal"]...), deployed...), test.variables...)
		if diff := cmp.Diff(test.want, r.planned(vars...)); diff != "" {
			t.Errorf("%s (-want +planned):\n%s", name, diff)
		}
	}
}

// The example must not choose a region, and must apply without warnings once it is filled in.
func TestTerraformExample_AppliesOnceItIsFilledIn(t *testing.T) {
	t.Parallel()
	r := open(t, tree)
	example, err := os.ReadFile(filepath.Join(tree, "terraform.tfvars.example"))
	if err != nil {
		t.Fatal(err)
	}
	use := func(text string) []string {
		file := filepath.Join(t.TempDir(), "example.tfvars")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-no-color", "-var-file=" + file}
	}
	out, err := r.try(append([]string{"plan"}, use(string(example))...)...)
	for _, variable := range []string{"region", "notification_channels"} {
		if err == nil || !strings.Contains(out, "var."+variable) {
			t.Errorf("the example as it is: want %s refused, got %v\n%s", variable, err, out)
		}
	}
	filled := use(strings.NewReplacer(`"REGION"`, `"europe-west3"`, "CHANNEL", "1").Replace(string(example)))
	out = r.run(append([]string{"apply", "-auto-approve"}, filled...)...)
	if strings.Contains(out, "Warning") {
		t.Errorf("the example has a warning:\n%s", out)
	}
	if out, err := r.try(append([]string{"plan", "-detailed-exitcode"}, filled...)...); err != nil {
		t.Errorf("the second plan: %v\n%s", err, out)
	}
	if !strings.Contains(string(example), "\nbuild_service_account") {
		t.Error("the example has no build_service_account: builds fail in a new organization")
	}
}
