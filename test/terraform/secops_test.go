package terraform_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
)

// urlOf returns the deterministic URL of a function. The stub gives every project the same number.
// https://cloud.google.com/run/docs/triggering/https-request#deterministic
func urlOf(function string) string {
	return fmt.Sprintf("https://%s-123456789012.europe-west3.run.app", function)
}

var audienceFlag = regexp.MustCompile(`--audiences=([^ )]+)`)

// TestTerraformURL_IsTheSameInOutputsSettingsAndSubscriptions: a token for one form of the URL is refused if
// the other form is the audience.
func TestTerraformURL_IsTheSameInOutputsSettingsAndSubscriptions(t *testing.T) {
	t.Parallel()
	prefixes := map[string]string{"minimal": "okta", "full": "okta-emea", "oidc": "okta-dach"}
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, out := applied(t, vars...), outputs(t, vars...)
			for _, g := range handlers.Groups {
				service := prefixes[name] + "-" + g.Name
				want := map[string]string{
					"output functions":      urlOf(service),
					"output invoke":         urlOf(service) + "/ping",
					"output secops_actions": urlOf(service) + "/ping",
					"secops_integration":    urlOf(service),
					"push endpoint":         urlOf(service) + "/pubsub",
					"push audience":         urlOf(service),
				}
				switch name {
				case "minimal":
					want["audience of invoke"] = urlOf(service)
				case "oidc":
					want["audience of invoke"], want["CALLER_AUDIENCE"] = urlOf(service), urlOf(service)
					want["PUSH_AUDIENCE"] = urlOf(service)
				default:
					want["PUSH_AUDIENCE"] = urlOf(service)
				}
				invoke := out["invoke"].(map[string]any)[g.Name].(string)
				function, step := out["functions"].(map[string]any)[g.Name], out["secops_actions"].(map[string]any)[g.Name+"/ping"]
				got := map[string]string{
					"output functions":      function.(map[string]any)["uri"].(string),
					"output invoke":         invoke[strings.LastIndex(invoke, " ")+1:],
					"output secops_actions": step.(map[string]any)["url"].(string),
				}
				integration := out["secops_integration"].(map[string]any)
				got["secops_integration"] = strings.Replace(integration["API Root"].(string), "{group}", g.Name, 1)
				if !strings.Contains(integration["Groups"].(string), g.Name) {
					t.Errorf("Groups is %s", integration["Groups"])
				}
				if audience := audienceFlag.FindStringSubmatch(invoke); audience != nil {
					got["audience of invoke"] = audience[1]
				}
				maps.Copy(got, urlsIn(all, service))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", service, diff)
				}
			}
			if text, err := json.Marshal(out); err != nil || strings.Contains(string(text), "-stub.run.app") {
				t.Errorf("an output has the hash form of a URL: %v %s", err, text)
			}
		})
	}
}

// urlsIn returns the URLs of a function in its settings and in its push subscription.
func urlsIn(all []resource, function string) map[string]string {
	first := func(block any, name string) map[string]any {
		return block.(map[string]any)[name].([]any)[0].(map[string]any)
	}
	urls := map[string]string{}
	for _, r := range all {
		switch {
		case r.text("name") != function:
		case r.Type == "google_cloudfunctions2_function":
			environment := first(r.Values, "service_config")["environment_variables"].(map[string]any)
			for _, variable := range []string{"CALLER_AUDIENCE", "PUSH_AUDIENCE"} {
				if value, has := environment[variable]; has {
					urls[variable] = value.(string)
				}
			}
		case r.Type == "google_pubsub_subscription":
			push := first(r.Values, "push_config")
			urls["push endpoint"] = push["push_endpoint"].(string)
			urls["push audience"] = first(push, "oidc_token")["audience"].(string)
		}
	}
	return urls
}

// TestTerraformInvoke_HasTheCredentialsThatTheCallNeeds: a token has an e-mail address only if the command
// impersonates a service account and asks for it.
func TestTerraformInvoke_HasTheCredentialsThatTheCallNeeds(t *testing.T) {
	t.Parallel()
	const token = `-H "Authorization: Bearer $(gcloud auth print-identity-token ` +
		`--impersonate-service-account=%s --include-email --audiences=%s)"`
	const key = `-H "X-Api-Key: $KEY"`
	least, all, oidc := urlOf("okta-users"), urlOf("okta-emea-users"), urlOf("okta-dach-users")
	const soar = "soar@acme.iam.gserviceaccount.com"
	for name, c := range map[string]struct {
		vars []string
		want string
	}{
		"iam": {
			append(variables["minimal"], `-var=invokers=["group:soc@acme.test","serviceAccount:`+soar+`"]`),
			fmt.Sprintf("curl "+token+" %s/ping", soar, least, least),
		},
		"iam without a service account": {
			variables["minimal"], fmt.Sprintf("curl "+token+" %s/ping", "SERVICE_ACCOUNT", least, least),
		},
		"oidc":   {variables["oidc"], fmt.Sprintf("curl "+token+" %s/ping", soar, oidc, oidc)},
		"apikey": {variables["full"], "curl " + key + " " + all + "/ping"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outputs(t, c.vars...)["invoke"].(map[string]any)["users"]; got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestSecOpsFeed_HasTheFullNameOfItsLogType as the provider documents it.
// https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/chronicle_feed
func TestSecOpsFeed_HasTheFullNameOfItsLogType(t *testing.T) {
	t.Parallel()
	const want = "projects/acme-security/locations/eu/instances/00000000-0000-0000-0000-000000000000/logTypes/OKTA_ACTION_RESULT"
	n := 0
	for _, r := range applied(t, variables["full"]...) {
		if r.Type != "google_chronicle_feed" {
			continue
		}
		n++
		if got := r.Values["details"].([]any)[0].(map[string]any)["log_type"]; got != want {
			t.Errorf("log type %v, want %s", got, want)
		}
	}
	if n != 1 {
		t.Errorf("%d feeds", n)
	}
}

// placeholder matches a SecOps placeholder of a suggested body.
var placeholder = regexp.MustCompile(`\[[A-Z]\w*\.[^\]"]+\]`)

// TestSecOpsActions_HoldEntityPlaceholdersAndMarkedValuesOnly: the author of a playbook chooses every
// other placeholder. test/contract sends the bodies.
func TestSecOpsActions_HoldEntityPlaceholdersAndMarkedValuesOnly(t *testing.T) {
	t.Parallel()
	steps := outputs(t, variables["minimal"]...)["secops_actions"].(map[string]any)
	n := 0
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			n++
			step, is := steps[g.Name+"/"+a.Slug].(map[string]any)
			if !is {
				t.Errorf("%s/%s is missing", g.Name, a.Slug)
				continue
			}
			body := step["body"].(string)
			for _, p := range placeholder.FindAllString(body, -1) {
				if p != "[Entity.Identifier]" && p != "[Entity.Type]" {
					t.Errorf("%s: the body has %s", a.Name, p)
				}
			}
			var sent struct{ Parameters map[string]any }
			if err := json.Unmarshal([]byte(body), &sent); err != nil {
				t.Errorf("%s: %v: %s", a.Name, err, body)
			}
			for parameter, value := range sent.Parameters {
				if text, is := value.(string); is && !strings.HasPrefix(text, action.FillIn) || !is && parameter != action.ScopeParameter {
					t.Errorf("%s: %s is %v", a.Name, parameter, value)
				}
			}
			if has := strings.Contains(body, action.FillIn); has != strings.Contains(step["note"].(string), action.FillIn) {
				t.Errorf("%s: the note does not fit the body: %q", a.Name, step["note"])
			}
			checkOptional(t, a, step["optional_parameters"].([]any))
			for _, path := range step["outputs"].([]any) {
				if !strings.HasPrefix(path.(string), "response_data.") {
					t.Errorf("%s: output %s", a.Name, path)
				}
			}
		}
	}
	if len(steps) != n {
		t.Errorf("%d steps for %d actions", len(steps), n)
	}
}

// checkOptional compares the listed optional parameters with those of the action.
func checkOptional(t *testing.T, a action.Action, listed []any) {
	t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for _, p := range a.Params {
		if !p.Required {
			want[p.Name] = fmt.Sprintf("%s, default %v", p.Type, p.Default)
		}
	}
	for _, item := range listed {
		p := item.(map[string]any)
		got[p["name"].(string)] = fmt.Sprintf("%s, default %v", p["type"], p["default"])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", a.Name, diff)
	}
}
