package terraform_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/test/testkit"
)

// setting returns a variable of the environment of the function of users.
func setting(resources []resource, name string) string {
	for _, r := range resources {
		if r.Type == "google_cloudfunctions2_function" && strings.HasSuffix(r.text("name"), "-users") {
			service := r.Values["service_config"].([]any)[0].(map[string]any)
			value, _ := service["environment_variables"].(map[string]any)[name].(string)
			return value
		}
	}
	return ""
}

// TestTerraformGuardrails_AreReadByTheFunctions parses the policy of each variant as the functions do.
func TestTerraformGuardrails_AreReadByTheFunctions(t *testing.T) {
	t.Parallel()
	whole := `guardrails={protected=[{id="p",reason="r",users=["breakglass@acme.com"]}],per_action={disable-user={max_users_per_hour=20,deactivate="suspend_instead"}},` +
		`max_users_per_hour=50,callers={soar={max_targets_per_call=5}},mode="observe",disabled_rules=["own_identity"]}`
	for want, variant := range map[string][]string{
		`{"assignable_roles":["APP_ADMIN","USER_ADMIN","HELP_DESK_ADMIN","GROUP_MEMBERSHIP_ADMIN","REPORT_ADMIN","READ_ONLY_ADMIN",` +
			`"API_ACCESS_MANAGEMENT_ADMIN","WORKFLOWS_ADMIN","ACCESS_CERTIFICATIONS_ADMIN","ACCESS_REQUESTS_ADMIN"],"max_users_per_hour":100}`: nil,
		`{"callers":{"soar":{"max_targets_per_call":5}},"deactivate":{"disable-user":"suspend_instead"},"disabled_rules":["own_identity"],` +
			`"max_users_per_hour":{"default":50,"disable-user":20},"mode":"observe","protected":[{"id":"p","reason":"r","users":["breakglass@acme.com"]}]}`: {"-var=" + whole},
		`{}`: {"-var=guardrails={}"},
	} {
		got := setting(applied(t, append(slices.Clone(variables["minimal"]), variant...)...), "GUARDRAILS")
		if got != want {
			t.Errorf("GUARDRAILS is %s, want %s", got, want)
		}
		if _, err := guardrail.Parse([]byte(got), action.PolicyVocabulary(handlers.Groups), testkit.Now); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}

func TestTerraformGuardrails_KnowTheRolesOfOkta(t *testing.T) {
	t.Parallel()
	list := strings.Join(okta.RoleTypes[2:], `","`)
	if got := setting(applied(t, variables["minimal"]...), "GUARDRAILS"); !strings.Contains(got, `["`+list+`"]`) {
		t.Errorf("%s does not list %s", got, list)
	}
}

func TestTerraformGuardrails_CanBeInASecret(t *testing.T) {
	t.Parallel()
	resources := applied(t, append(slices.Clone(variables["minimal"]), "-var=guardrails_secret=true", `-var=guardrails_writers=["group:secops@acme.com"]`)...)
	if got := setting(resources, "GUARDRAILS"); got != "projects/acme-security/secrets/okta-guardrails/versions/latest" {
		t.Errorf("GUARDRAILS is %q", got)
	}
	readers, writers := 0, 0
	for _, r := range resources {
		switch {
		case r.Type != "google_secret_manager_secret_iam_member" || !strings.Contains(r.Address, "guardrails"):
		case r.text("role") == "roles/secretmanager.secretAccessor":
			readers++
		case r.text("role") == "roles/secretmanager.secretVersionAdder" && r.text("member") == "group:secops@acme.com":
			writers++
		}
	}
	if readers != len(handlers.Groups) || writers != 1 {
		t.Errorf("%d readers and %d writers", readers, writers)
	}
}

// TestTerraformGuardrails_FunctionsOnlyAddChanges: no function may change or delete a counted change.
func TestTerraformGuardrails_FunctionsOnlyAddChanges(t *testing.T) {
	t.Parallel()
	n := 0
	for _, r := range applied(t, variables["minimal"]...) {
		if r.Type == "google_storage_managed_folder_iam_member" && strings.Contains(r.text("managed_folder"), guardrail.BucketPrefix) {
			n++
			if r.text("role") != "roles/storage.objectCreator" {
				t.Errorf("%s: %s", r.Address, r.text("role"))
			}
		}
	}
	if n != len(handlers.Groups) {
		t.Errorf("%d bindings", n)
	}
}
