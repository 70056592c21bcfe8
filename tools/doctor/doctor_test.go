package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/functions/apiv2/functionspb"
	"google.golang.org/protobuf/proto"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/buildinfo"
)

func TestDoctor_FindsNothingInAGoodDeployment(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	out, err := d.examine()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, g := range handlers.Groups {
		if want := "okta-" + g.Name; !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Count(out, "ACTIVE") != len(handlers.Groups) || strings.Count(out, "  ok ") != len(handlers.Groups) ||
		!strings.Contains(out, " 0 warning, 0 failed,") {
		t.Error(out)
	}
	for _, g := range handlers.Groups { // the same org and the same secrets in other forms
		f := d.function(g)
		f.ServiceConfig.EnvironmentVariables["OKTA_API_ROOT"] = "https://ACME.okta.com/"
		f.ServiceConfig.EnvironmentVariables["CALLER_KEYS_SECRET"] = "okta-callers"
		d.functions.Deploy(f)
		if out, err := d.examine(); err != nil || !strings.Contains(out, " 0 warning, 0 failed,") {
			t.Errorf("%v\n%s", err, out)
		}
	}
	out, err = d.examine("-json")
	if strings.Contains(out, "null") {
		t.Errorf("a list is null in\n%s", out)
	}
	var report Report
	if err != nil || json.Unmarshal([]byte(out), &report) != nil || len(report.Functions) != len(handlers.Groups) ||
		report.Functions[0].Ping != "ok" || report.Functions[0].Version != buildinfo.Release() || report.Version == "" ||
		report.Status != OK {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctor_ReportsEachDefectWithAdvice(t *testing.T) {
	t.Parallel()
	users := handlers.Groups[0]
	for name, c := range map[string]struct {
		change  func(d *deployment, f *functionspb.Function)
		level   string
		finding string
	}{
		"failed": {func(_ *deployment, f *functionspb.Function) {
			f.State = functionspb.Function_FAILED
			f.StateMessages = []*functionspb.StateMessage{{Severity: functionspb.StateMessage_ERROR, Type: "BuildError",
				Message: "no space left"}}
		}, "failed", "Cloud Functions reports: no space left (BuildError)"},
		"deploying": {func(_ *deployment, f *functionspb.Function) { f.State = functionspb.Function_DEPLOYING },
			"failed", "its state is DEPLOYING"},
		"an old runtime": {func(_ *deployment, f *functionspb.Function) { f.BuildConfig.Runtime = "go122" }, "failed",
			"the source needs go126"},
		"another entry point": {func(_ *deployment, f *functionspb.Function) { f.BuildConfig.EntryPoint = "OktaGroups" },
			"failed", "its entry point is OktaGroups"},
		"the default identity": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.ServiceAccountEmail = "1-compute@developer.gserviceaccount.com"
		}, "failed", "default service account"},
		"a shared identity": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.ServiceAccountEmail = account(handlers.Groups[1])
		},
			"failed", "okta-users, okta-groups run as the same service account"},
		"internal ingress": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.IngressSettings = functionspb.ServiceConfig_ALLOW_INTERNAL_ONLY
		}, "warning", "SecOps"},
		"a bound secret": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.SecretEnvironmentVariables = []*functionspb.SecretEnvVar{{Key: "X"}}
		}, "warning", "1 secrets are bound"},
		"a long timeout": {func(_ *deployment, f *functionspb.Function) { f.ServiceConfig.TimeoutSeconds = 600 }, "warning",
			"from 600 s on, Pub/Sub redelivers a message"},
		"a short timeout": {func(_ *deployment, f *functionspb.Function) { f.ServiceConfig.TimeoutSeconds = 60 },
			"warning", "its timeout is 60 s, which reduces REQUEST_DEADLINE 1m40s to 55s"},
		"a missing function": {func(d *deployment, f *functionspb.Function) {
			d.functions.Delete(strings.Replace(f.Name, "okta-users", "okta-roles", 1))
		}, "skipped", "okta-roles: function okta-roles does not exist in europe-west3"},
		"a missing setting": {func(_ *deployment, f *functionspb.Function) {
			delete(f.ServiceConfig.EnvironmentVariables, "OKTA_API_ROOT")
		}, "failed", "OKTA_API_ROOT (Api Root) is not set"},
		"an open mode": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["CALLER_AUTH"] = "none"
		}, "failed", "but this is Cloud Run"},
		"a misspelled setting": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["MAX_TARGET"] = "5"
		},
			"warning", "MAX_TARGET is not a setting"},
		"no guardrails": {func(_ *deployment, f *functionspb.Function) {
			delete(f.ServiceConfig.EnvironmentVariables, "GUARDRAILS")
		}, "warning", "okta-users: GUARDRAILS is not set"},
		"a policy that does not exist": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["GUARDRAILS"] = "okta-guardrails"
		}, "failed", "GUARDRAILS: projects/acme-security/secrets/okta-guardrails/versions/latest does not exist"},
		"neither open nor closed": {func(d *deployment, _ *functionspb.Function) { d.platform, d.refusal = true, 404 }, "warning",
			"it cannot be checked that an unauthenticated request is refused: GET /actions was answered 404"},
		"no idempotency bucket": {func(_ *deployment, f *functionspb.Function) {
			delete(f.ServiceConfig.EnvironmentVariables, "IDEMPOTENCY_BUCKET")
		}, "warning", "IDEMPOTENCY_BUCKET is not set"},
		"another org": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_ROOT"] = "https://other.okta.com"
		}, "failed", "the functions call different orgs"},
		"a shared credential": {func(d *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = secretOf("groups") + "/versions/latest"
			d.secrets.Grant(secretOf("groups"), "serviceAccount:"+account(users))
		}, "warning", "okta-users, okta-groups share one Okta credential"},
		"a shared credential by another reference": {func(d *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "okta-groups/versions/1"
			d.secrets.Grant(secretOf("groups"), "serviceAccount:"+account(users))
		}, "warning", "okta-users, okta-groups share one Okta credential"},
		"a signing key for others": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["ITP_SIGNING_KEY_SECRET"] = secretOf("signing") + "/versions/1"
		},
			"failed", "only the function of signals may have the signing key"},
		"a disabled version": {func(d *deployment, _ *functionspb.Function) { d.secrets.Disable(secretOf("users")) }, "failed",
			"okta-users/versions/1 is DISABLED"},
		"no version": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "okta-gone"
		}, "failed", "projects/acme-security/secrets/okta-gone/versions/latest does not exist"},
		"a local secret": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "env:TOKEN"
		}, "failed", "which is for local work"},
		"no right to read": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = secretOf("roles") + "/versions/latest"
		}, "failed", "cannot read " + secretOf("roles")},
		"a token for its name": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = pasted
		}, "failed", "this looks like a secret, not like the name of one"},
		"a token for the org": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_ROOT"] = pasted
		}, "failed", "OKTA_API_ROOT (Api Root) must be the org's URL"},
		"a key for the mode": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["CALLER_AUTH"] = pasted
		}, "failed", "CALLER_AUTH must be"},
		"a secret of no project": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "okta-users"
			delete(f.ServiceConfig.EnvironmentVariables, "GOOGLE_CLOUD_PROJECT")
		}, "failed", "it does not name a project, and GOOGLE_CLOUD_PROJECT is not set"},
		"a secret of another project": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "okta-users"
			f.ServiceConfig.EnvironmentVariables["GOOGLE_CLOUD_PROJECT"] = "acme-other"
		}, "failed", "projects/acme-other/secrets/okta-users/versions/latest does not exist"},
		"readers that cannot be read": {func(d *deployment, _ *functionspb.Function) { d.secrets.HidePolicies() },
			"warning", "the readers of projects/acme-security/secrets/okta-users could not be checked: " +
				"roles/secretmanager.viewer is needed"},
		"secrets that cannot be read": {func(d *deployment, _ *functionspb.Function) { d.secrets.SetDenied(true) }, "warning",
			"roles/secretmanager.viewer is needed"},
		"an open function": {func(d *deployment, _ *functionspb.Function) { d.open = true }, "failed",
			"it accepts unauthenticated requests"},
		"an open function and a failing Ping": {func(d *deployment, _ *functionspb.Function) {
			d.open, d.status = true,
				http.StatusBadGateway
		},
			"failed", "it accepts unauthenticated requests"},
		"a failing Ping": {func(d *deployment, _ *functionspb.Function) {
			d.ping = `{"is_success": false, "output_message": "Failed to connect to the Okta organization. Error is x"}`
		}, "failed", "Ping: Failed to connect to the Okta organization. Error is x"},
		"another product": {func(d *deployment, _ *functionspb.Function) { d.ping = "<html>" }, "failed",
			"but not by the product"},
		"another version": {func(d *deployment, _ *functionspb.Function) { d.version = "0.0.1 1a2b3c" }, "warning",
			"okta-users: its version is 0.0.1, and doctor compares it with the catalog of version " + buildinfo.Release()},
		"not a reply": {func(d *deployment, _ *functionspb.Function) { d.ping = "{}" }, "failed",
			"but not by the product"},
		"nothing there": {func(d *deployment, _ *functionspb.Function) { d.unreachable = true }, "failed",
			"it cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deployed(t)
			f := proto.CloneOf(d.function(users))
			c.change(d, f)
			d.functions.Deploy(f)
			out, err := d.examine()
			if (err != nil) != (c.level == "failed") {
				t.Errorf("%v\n%s", err, out)
			}
			found := false
			for line := range strings.Lines(out) {
				found = found || strings.HasPrefix(line, c.level+": ") && strings.Contains(line, c.finding)
			}
			if !found {
				t.Errorf("want %s: %s, got\n%s", c.level, c.finding, out)
			}
		})
	}
}

func TestDoctor_ChecksTheGroupsThatAreDeployed(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	for _, g := range handlers.Groups[2:] {
		d.functions.Delete(d.function(g).Name)
	}
	out, err := d.examine()
	if err != nil || strings.Count(out, "skipped: okta-") != len(handlers.Groups)-2 || strings.Count(out, "  ok ") != 2 {
		t.Errorf("by default: %v\n%s", err, out)
	}
	if out, err = d.examine("-groups", " users,groups,users"); err != nil || strings.Contains(out, "okta-roles") ||
		strings.Count(out, "  ok ") != 2 {
		t.Errorf("the deployed groups: %v\n%s", err, out)
	}
	if out, err = d.examine("-groups", "users,roles"); err == nil || !strings.Contains(out,
		"failed: okta-roles: function okta-roles does not exist") {
		t.Errorf("a missing group: %v\n%s", err, out)
	}
	if out, err = d.examine("-instance", "emea"); err == nil || strings.Count(out,
		"function okta-emea-") != len(handlers.Groups) ||
		!strings.Contains(out, "failed: deployment: project acme-security has none of the functions in europe-west3") {
		t.Errorf("no function: %v\n%s", err, out)
	}
}

func TestDoctor_ReadsARegionalSecretInItsRegion(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	secret := "projects/" + project + "/locations/" + region + "/secrets/okta-users"
	d.secrets.Add(secret, "token")
	d.secrets.Grant(secret, "serviceAccount:"+account(handlers.Groups[0]))
	f := d.function(handlers.Groups[0])
	f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = secret + "/versions/latest"
	d.functions.Deploy(f)
	called := map[string]int{}
	d.options.Secrets = d.secrets.Direct(func(address string) { called[strings.TrimPrefix(address, "dns:///")]++ })
	if out, err := d.examine(); err != nil || !strings.Contains(out, " 0 failed,") {
		t.Errorf("%v\n%s", err, out)
	}
	if n := called["secretmanager."+region+".rep.googleapis.com:443"]; n != 2 { // its version and its readers
		t.Errorf("the region was called %d times: %v", n, called)
	}
}
