package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/functions/apiv2/functionspb"
	"google.golang.org/protobuf/proto"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/test/fakegcp"
)

const (
	project     = "acme-security"
	region      = "europe-west3"
	callerKey   = "canary-key-of-secops-0123456789"
	callerToken = "canary-id-token"
	pasted      = "00canaryPASTEDabcdefghijklmnopqrst123456" // a secret where its name belongs
)

// deployment is one in which all is well, and how it is looked at.
type deployment struct {
	t         *testing.T
	functions *fakegcp.Functions
	secrets   *fakegcp.SecretManager
	options   Options
	uri       string
	open      bool   // nobody is checked
	status    int    // what Ping is answered with, if not 200
	ping      string // what Ping is answered
	elsewhere string // where callers are sent instead
}

func deployed(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{t: t, functions: &fakegcp.Functions{}, secrets: &fakegcp.SecretManager{}}
	d.ping = `{"is_success": true, "output_message": "Successfully connected to the Okta organization"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.elsewhere != "" {
			http.Redirect(w, r, d.elsewhere, http.StatusFound)
			return
		}
		if r.Header.Get("X-Api-Key") != callerKey && r.Header.Get("Authorization") != "Bearer "+callerToken && !d.open {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/ping" {
			w.WriteHeader(cmp.Or(d.status, http.StatusOK))
		}
		_, _ = io.WriteString(w, d.ping)
	}))
	t.Cleanup(server.Close)
	d.uri = server.URL
	for _, serve := range []struct {
		start func() error
	}{{func() (err error) {
		options, stop, err := d.functions.Serve()
		d.options.Functions = options
		t.Cleanup(stop)
		return err
	}}, {func() (err error) {
		options, stop, err := d.secrets.Serve()
		d.options.Secrets = options
		t.Cleanup(stop)
		return err
	}}} {
		if err := serve.start(); err != nil {
			t.Fatal(err)
		}
	}
	d.secrets.Add(secretOf("callers"), "[]")
	d.secrets.Add(secretOf("signing"), "key")
	for _, g := range handlers.Groups {
		d.secrets.Add(secretOf(g.Name), "token")
		for _, secret := range []string{g.Name, "callers", "signing"} {
			d.secrets.Grant(secretOf(secret), "serviceAccount:"+account(g))
		}
		d.functions.Deploy(d.function(g))
	}
	return d
}

func secretOf(name string) string { return "projects/" + project + "/secrets/okta-" + name }

func account(g action.Group) string {
	return "okta-" + g.Name + "@" + project + ".iam.gserviceaccount.com"
}

// function is one as it should be.
func (d *deployment) function(g action.Group) *functionspb.Function {
	env := map[string]string{
		"OKTA_API_ROOT": "https://acme.okta.com", "CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": secretOf("callers") + "/versions/latest",
		"IDEMPOTENCY_BUCKET": "acme-claims", "GOOGLE_CLOUD_PROJECT": project,
	}
	if g.NeedsOkta() {
		env["OKTA_API_TOKEN_SECRET"] = secretOf(g.Name) + "/versions/latest"
	}
	if g.Signs {
		env["ITP_SIGNING_KEY_SECRET"] = "okta-signing"
	}
	return &functionspb.Function{
		Name:        "projects/" + project + "/locations/" + region + "/functions/okta-" + g.Name,
		State:       functionspb.Function_ACTIVE,
		BuildConfig: &functionspb.BuildConfig{Runtime: "go126", EntryPoint: g.Function},
		ServiceConfig: &functionspb.ServiceConfig{
			ServiceAccountEmail: account(g), TimeoutSeconds: 540, Uri: d.uri, IngressSettings: functionspb.ServiceConfig_ALLOW_ALL, EnvironmentVariables: env,
		},
	}
}

// examine runs the command.
func (d *deployment) examine(args ...string) (string, error) {
	d.t.Helper()
	var out bytes.Buffer
	err := examine(d.t.Context(), append([]string{"-project", project, "-region", region, "-header", "X-Api-Key: " + callerKey}, args...), d.options, &out)
	if strings.Contains(out.String(), "canary") || err != nil && strings.Contains(err.Error(), "canary") {
		d.t.Errorf("a secret is in %v\n%s", err, out.String())
	}
	if asked := d.secrets.Asked(); len(asked) > 0 {
		d.t.Errorf("asked for the values of %q", asked)
	}
	return out.String(), err
}

func TestDoctorFindsNothingWhereAllIsWell(t *testing.T) {
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
	if strings.Count(out, "ACTIVE") != 6 || strings.Count(out, "  ok ") != 6 || !strings.Contains(out, "All is as the catalog has it.") {
		t.Error(out)
	}
	for _, g := range handlers.Groups { // the same org and the same secrets, written otherwise
		f := d.function(g)
		f.ServiceConfig.EnvironmentVariables["OKTA_API_ROOT"] = "https://ACME.okta.com/"
		f.ServiceConfig.EnvironmentVariables["CALLER_KEYS_SECRET"] = "okta-callers"
		d.functions.Deploy(f)
		if out, err := d.examine(); err != nil || !strings.Contains(out, "All is as the catalog has it.") {
			t.Errorf("%v\n%s", err, out)
		}
	}
	out, err = d.examine("-json")
	if strings.Contains(out, "null") {
		t.Errorf("a list is null in\n%s", out)
	}
	var report Report
	if err != nil || json.Unmarshal([]byte(out), &report) != nil || len(report.Functions) != 6 || report.Functions[0].Ping != "ok" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctorSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	users := handlers.Groups[0]
	for name, c := range map[string]struct {
		change  func(d *deployment, f *functionspb.Function)
		level   string
		finding string
	}{
		"failed": {func(_ *deployment, f *functionspb.Function) {
			f.State = functionspb.Function_FAILED
			f.StateMessages = []*functionspb.StateMessage{{Severity: functionspb.StateMessage_ERROR, Type: "BuildError", Message: "no space left"}}
		}, "trouble", "the platform says: no space left (BuildError)"},
		"deploying":           {func(_ *deployment, f *functionspb.Function) { f.State = functionspb.Function_DEPLOYING }, "trouble", "its state is DEPLOYING"},
		"an old runtime":      {func(_ *deployment, f *functionspb.Function) { f.BuildConfig.Runtime = "go122" }, "trouble", "the source needs go126"},
		"another entry point": {func(_ *deployment, f *functionspb.Function) { f.BuildConfig.EntryPoint = "OktaGroups" }, "trouble", "its entry point is OktaGroups"},
		"the default identity": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.ServiceAccountEmail = "1-compute@developer.gserviceaccount.com"
		}, "trouble", "default service account"},
		"a shared identity": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.ServiceAccountEmail = account(handlers.Groups[1])
		},
			"trouble", "okta-users, okta-groups run as one service account"},
		"internal ingress": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.IngressSettings = functionspb.ServiceConfig_ALLOW_INTERNAL_ONLY
		}, "warning", "SecOps"},
		"a bound secret": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.SecretEnvironmentVariables = []*functionspb.SecretEnvVar{{Key: "X"}}
		}, "warning", "1 secrets are bound"},
		"a long timeout": {func(_ *deployment, f *functionspb.Function) { f.ServiceConfig.TimeoutSeconds = 600 }, "warning", "from 600 s on Pub/Sub delivers a message again"},
		"a short timeout": {func(_ *deployment, f *functionspb.Function) { f.ServiceConfig.TimeoutSeconds = 60 },
			"warning", "its timeout is 60 s, and REQUEST_DEADLINE 1m40s: it ends a request after 55s already"},
		"a missing function": {func(d *deployment, f *functionspb.Function) {
			d.functions.Delete(strings.Replace(f.Name, "okta-users", "okta-roles", 1))
		}, "trouble", "okta-roles: there is no function okta-roles in europe-west3"},
		"a missing setting": {func(_ *deployment, f *functionspb.Function) {
			delete(f.ServiceConfig.EnvironmentVariables, "OKTA_API_ROOT")
		}, "trouble", "OKTA_API_ROOT (Api Root) is not set"},
		"an open mode": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["CALLER_AUTH"] = "none"
		}, "trouble", "never serves on Cloud Run"},
		"a misspelt setting": {func(_ *deployment, f *functionspb.Function) { f.ServiceConfig.EnvironmentVariables["MAX_TARGET"] = "5" },
			"warning", "nobody reads MAX_TARGET"},
		"no claims": {func(_ *deployment, f *functionspb.Function) {
			delete(f.ServiceConfig.EnvironmentVariables, "IDEMPOTENCY_BUCKET")
		}, "warning", "IDEMPOTENCY_BUCKET is not set"},
		"another org": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_ROOT"] = "https://other.okta.com"
		}, "trouble", "the functions call different orgs"},
		"a shared credential": {func(d *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = secretOf("groups") + "/versions/latest"
			d.secrets.Grant(secretOf("groups"), "serviceAccount:"+account(users))
		}, "note", "okta-users, okta-groups share one Okta credential"},
		"a shared credential in other words": {func(d *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "okta-groups/versions/1"
			d.secrets.Grant(secretOf("groups"), "serviceAccount:"+account(users))
		}, "note", "okta-users, okta-groups share one Okta credential"},
		"a signing key for others": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["ITP_SIGNING_KEY_SECRET"] = secretOf("signing") + "/versions/1"
		},
			"trouble", "the signing key is for the function of signals alone"},
		"a disabled version": {func(d *deployment, _ *functionspb.Function) { d.secrets.Disable(secretOf("users")) }, "trouble", "okta-users/versions/1 is DISABLED"},
		"no version": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "okta-gone"
		}, "trouble", "there is no projects/acme-security/secrets/okta-gone/versions/latest"},
		"a local secret": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "env:TOKEN"
		}, "trouble", "which is for local work"},
		"no right to read": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = secretOf("roles") + "/versions/latest"
		}, "trouble", "may not read " + secretOf("roles")},
		"a token for its name": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = pasted
		}, "trouble", "this looks like a secret, not like the name of one"},
		"a token for the org": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_ROOT"] = pasted
		}, "trouble", "OKTA_API_ROOT (Api Root) must be the org's URL"},
		"a key for the mode": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["CALLER_AUTH"] = pasted
		}, "trouble", "CALLER_AUTH must be"},
		"a secret of no project": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "okta-users"
			delete(f.ServiceConfig.EnvironmentVariables, "GOOGLE_CLOUD_PROJECT")
		}, "trouble", "it does not name a project, and GOOGLE_CLOUD_PROJECT is not set"},
		"a secret of another project": {func(_ *deployment, f *functionspb.Function) {
			f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = "okta-users"
			f.ServiceConfig.EnvironmentVariables["GOOGLE_CLOUD_PROJECT"] = "acme-other"
		}, "trouble", "there is no projects/acme-other/secrets/okta-users/versions/latest"},
		"readers that cannot be looked at": {func(d *deployment, _ *functionspb.Function) { d.secrets.HidePolicies() },
			"warning", "who may read projects/acme-security/secrets/okta-users could not be checked: roles/secretmanager.viewer is needed"},
		"secrets that cannot be looked at": {func(d *deployment, _ *functionspb.Function) { d.secrets.SetDenied(true) }, "warning", "roles/secretmanager.viewer is needed"},
		"an open door":                     {func(d *deployment, _ *functionspb.Function) { d.open = true }, "trouble", "it serves callers whom nobody knows"},
		"an open door and a failing Okta": {func(d *deployment, _ *functionspb.Function) { d.open, d.status = true, http.StatusBadGateway },
			"trouble", "it serves callers whom nobody knows"},
		"a failing Ping": {func(d *deployment, _ *functionspb.Function) {
			d.ping = `{"is_success": false, "output_message": "Failed to connect to the Okta organization. Error is x"}`
		}, "trouble", "Ping: Failed to connect to the Okta organization. Error is x"},
		"another product": {func(d *deployment, _ *functionspb.Function) { d.ping = "<html>" }, "trouble", "not by the product"},
		"not a reply":     {func(d *deployment, _ *functionspb.Function) { d.ping = "{}" }, "trouble", "not by the product"},
		"nothing there":   {func(_ *deployment, f *functionspb.Function) { f.ServiceConfig.Uri = "http://127.0.0.1:1" }, "trouble", "it cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deployed(t)
			f := proto.CloneOf(d.function(users))
			c.change(d, f)
			d.functions.Deploy(f)
			out, err := d.examine()
			if (err != nil) != (c.level == "trouble") {
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

func TestDoctorLooksForARegionalSecretInItsRegion(t *testing.T) {
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
	if out, err := d.examine(); err != nil || !strings.Contains(out, "All is as the catalog has it.") {
		t.Errorf("%v\n%s", err, out)
	}
	if n := called["secretmanager."+region+".rep.googleapis.com:443"]; n != 2 { // its version and its readers
		t.Errorf("the region was asked %d times: %v", n, called)
	}
}

func TestDoctorPingsWithAnIDTokenForTheFunction(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	for _, g := range handlers.Groups {
		f := d.function(g)
		f.Name = strings.Replace(f.Name, "okta-", "okta-emea-", 1)
		f.ServiceConfig.EnvironmentVariables["CALLER_AUTH"] = "iam"
		delete(f.ServiceConfig.EnvironmentVariables, "CALLER_KEYS_SECRET")
		d.functions.Deploy(f)
	}
	d.options.Token = func(_ context.Context, audience string) (string, error) {
		if audience != d.uri {
			t.Errorf("the audience is %q", audience)
		}
		return callerToken, nil
	}
	if out, err := d.examine("-instance", "emea", "-header", ""); err != nil || strings.Count(out, "  ok ") != 6 || strings.Count(out, "okta-emea-") != 6 {
		t.Errorf("%v\n%s", err, out)
	}
	d.options.Token = func(context.Context, string) (string, error) { return "", errors.New("nobody is signed in") }
	if out, err := d.examine("-instance", "emea", "-header", ""); err == nil || strings.Count(out, "Ping cannot be tried: no ID token is to be had (nobody is signed in)") != 6 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctorKeepsTheKeyFromOthers(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	var got atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.Add(1) }))
	t.Cleanup(other.Close)
	d.elsewhere = other.URL
	out, err := d.examine()
	if err == nil || strings.Count(out, "Ping was answered 302, and not by the product") != 6 || strings.Contains(out, "whom nobody knows") {
		t.Errorf("%v\n%s", err, out)
	}
	if n := got.Load(); n > 0 {
		t.Errorf("the other was called %d times", n)
	}
}

func TestDoctorSaysWhenItCannotLook(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	if out, err := d.examine("-instance", "emea"); err == nil || strings.Count(out, "there is no function okta-emea-") != 6 {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := d.examine("-header", "X-Api-Key: wrong")
	if err == nil || !strings.Contains(out, "Ping was answered 401, and not by the product") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := d.examine("-header", ""); err == nil || strings.Count(out, "Ping cannot be tried") != 6 {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := d.examine("-header", "", "-no-ping"); err != nil || strings.Count(out, "not tried") != 6 {
		t.Errorf("%v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(callerKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := d.examine("-header", "", "-header-file", file); err != nil || strings.Count(out, "  ok ") != 6 {
		t.Errorf("%v\n%s", err, out)
	}
	d.functions.SetDenied(true)
	if _, err := d.examine(); err == nil || !strings.Contains(err.Error(), "roles/cloudfunctions.viewer is needed") {
		t.Errorf("%v", err)
	}
	for _, args := range [][]string{nil, {"-project", project}, {"-project", project, "-region", region, "-header", "x"}, {"users"}} {
		if err := examine(t.Context(), args, Options{}, io.Discard); err == nil || !strings.Contains(err.Error(), "-") && !strings.Contains(err.Error(), "takes flags only") {
			t.Errorf("%q: %v", args, err)
		}
	}
}
