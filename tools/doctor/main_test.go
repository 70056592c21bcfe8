package main

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/functions/apiv2/functionspb"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/buildinfo"
	"example.com/okta-secops/test/fakegcp"
)

const (
	project     = "acme-security"
	number      = "123456789012"
	region      = "europe-west3"
	callerKey   = "canary-key-of-secops-0123456789"
	callerToken = "canary-id-token"
	pasted      = "00canaryPASTEDabcdefghijklmnopqrst123456" // a secret in the wrong place
)

// deployment is a deployment without errors, and the options to check it.
type deployment struct {
	t         *testing.T
	functions *fakegcp.Functions
	secrets   *fakegcp.SecretManager
	options   Options
	server    *url.URL

	open        bool   // the functions do not authenticate callers
	openPush    bool   // nor deliveries
	platform    bool   // Cloud Run refuses unauthenticated requests
	unreachable bool   // requests fail
	refusal     int    // status of the refusals of Cloud Run; 0: 403
	status      int    // of the response to a Ping; 0: 200
	ping        string // the body of the response to a Ping
	version     string // of the deployed source
	elsewhere   string // the functions redirect to this address
	issuer      string // host that publishes keys; "": none
	wrongHosts  atomic.Int32
}

func deployed(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{t: t, functions: &fakegcp.Functions{}, secrets: &fakegcp.SecretManager{},
		version: buildinfo.Release()}
	d.ping = `{"is_success": true, "output_message": "Successfully connected to the Okta organization"}`
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.server, _ = url.Parse(server.URL)
	d.options.HTTP = &http.Client{Transport: d}
	var stop func()
	var err error
	if d.options.Functions, stop, err = d.functions.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if d.options.Secrets, stop, err = d.secrets.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
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

// RoundTrip implements http.RoundTripper: only the deterministic addresses of the functions lead to
// the server.
func (d *deployment) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.unreachable {
		return nil, errors.New("connection refused")
	}
	if r.URL.Host == d.issuer {
		return http.DefaultTransport.RoundTrip(r)
	}
	if d.elsewhere == "" || !strings.HasPrefix(d.elsewhere, "http://"+r.URL.Host) {
		if !strings.HasSuffix(r.URL.Host, "-"+number+"."+region+".run.app") || r.URL.Scheme != "https" ||
			!strings.HasPrefix(r.URL.Host, "okta-") {
			d.wrongHosts.Add(1)
			return nil, errors.New("no such host")
		}
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = d.server.Scheme, d.server.Host
	}
	return http.DefaultTransport.RoundTrip(r)
}

// ServeHTTP implements http.Handler as Cloud Run with a function.
func (d *deployment) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	authenticated := r.Header.Get("X-Api-Key") == callerKey || r.Header.Get("Authorization") == "Bearer "+callerToken
	delivery := r.URL.Path == "/pubsub"
	switch {
	case d.elsewhere != "":
		http.Redirect(w, r, d.elsewhere, http.StatusFound)
	case d.platform && !authenticated:
		w.WriteHeader(cmp.Or(d.refusal, http.StatusForbidden))
		_, _ = io.WriteString(w, "<html><title>403 Forbidden</title></html>")
	case !delivery && !authenticated && !d.open, delivery && !d.openPush:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w,
			`{"output_message": "the caller is not authenticated", "error": {"code": "unauthenticated"}}`)
	case r.URL.Path == "/actions":
		_, _ = io.WriteString(w, `{"name": "users", "actions": []}`)
	case r.URL.Path == "/openapi.json":
		_, _ = io.WriteString(w, `{"info": {"version": "`+d.version+`"}}`)
	default:
		w.WriteHeader(cmp.Or(d.status, http.StatusOK))
		_, _ = io.WriteString(w, d.ping)
	}
}

func secretOf(name string) string { return "projects/" + project + "/secrets/okta-" + name }

func account(g action.Group) string {
	return "okta-" + g.Name + "@" + project + ".iam.gserviceaccount.com"
}

func address(g action.Group) string {
	return "https://okta-" + g.Name + "-" + number + "." + region + ".run.app"
}

// function returns the function of a group as Terraform deploys it.
func (d *deployment) function(g action.Group) *functionspb.Function {
	env := map[string]string{
		"OKTA_API_ROOT": "https://acme.okta.com", "CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": secretOf("callers") +
			"/versions/latest",
		"IDEMPOTENCY_BUCKET": "acme-idempotency", "GUARDRAILS": `{"max_users_per_hour": 100}`, "GOOGLE_CLOUD_PROJECT": project, "PUSH_AUDIENCE": address(g),
		"PUSH_EMAILS": "push@acme.test",
	}
	if g.NeedsOkta() {
		env["OKTA_API_TOKEN_SECRET"] = secretOf(g.Name) + "/versions/latest"
	}
	if g.Signs {
		env["ITP_SIGNING_KEY_SECRET"] = "okta-signing"
	}
	return &functionspb.Function{
		Name:  "projects/" + project + "/locations/" + region + "/functions/okta-" + g.Name,
		State: functionspb.Function_ACTIVE,
		BuildConfig: &functionspb.BuildConfig{
			Runtime: "go126", EntryPoint: g.Function, Build: "projects/" + number + "/locations/" + region + "/builds/0a1b",
		},
		ServiceConfig: &functionspb.ServiceConfig{
			ServiceAccountEmail: account(g), TimeoutSeconds: 540, Uri: "https://okta-" + g.Name + "-abcdefghij-ew.a.run.app",
			IngressSettings: functionspb.ServiceConfig_ALLOW_ALL, EnvironmentVariables: env,
		},
	}
}

// withIAM deploys the functions of an instance with CALLER_AUTH iam.
func (d *deployment) withIAM(instance string) {
	for _, g := range handlers.Groups {
		f := d.function(g)
		f.Name = strings.Replace(f.Name, "okta-", Prefix(instance)+"-", 1)
		env := f.ServiceConfig.EnvironmentVariables
		env["CALLER_AUTH"] = "iam"
		for _, setting := range []string{"CALLER_KEYS_SECRET", "PUSH_AUDIENCE", "PUSH_EMAILS"} {
			delete(env, setting)
		}
		d.functions.Deploy(f)
	}
	d.platform = true
}

// examine runs the command.
func (d *deployment) examine(args ...string) (string, error) {
	d.t.Helper()
	var out, problems bytes.Buffer
	args = append([]string{"-project", project, "-region", region, "-header", "X-Api-Key: " + callerKey}, args...)
	code := run(d.t.Context(), args, d.options, &out, &problems)
	if strings.Contains(out.String()+problems.String(), "canary") {
		d.t.Errorf("a secret is in %s\n%s", problems.String(), out.String())
	}
	if read := d.secrets.Asked(); len(read) > 0 && !slices.Contains(args, "-signing-key") {
		d.t.Errorf("the values of %q were read", read)
	}
	if code == exitUsage || problems.Len() > 0 {
		d.t.Errorf("exit code %d: %s", code, problems.String())
	}
	if code == exitFailed {
		return out.String(), errFailed
	}
	return out.String(), nil
}

// errFailed stands for the exit code of a check that failed.
var errFailed = errors.New("a check failed")

func TestDoctor_RefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                               "-project is required",
		"-project p":                     "-region is required",
		"-project p -region r -header":   "flag needs an argument",
		"-project p -region r -header x": "-header is not a header",
		"-project p -region r -groups " +
			"users,user": `group "user" does not exist; the groups are users, groups, roles, sessions, providers, logs, signals, containment`,
		"-project p -region r -groups users,": `group "" does not exist; the groups are users,`,
		"-project p -region r -project-number " +
			"acme": `-project-number must be the number of the project, such as 123456789012, not "acme"`,
		"users": `doctor takes flags only, not "users"`,
		"-project p -region r -header-file /nonexistent/caller-key":                     "/nonexistent/caller-key",
		"-project p -region r -okta-url https://acme.okta.com":                          "belong together: give both or neither",
		"-project p -region r -okta-token-file token":                                   "belong together: give both or neither",
		"-project p -region r -okta-url http://acme.okta.com -okta-token-file token":    "OKTA_API_ROOT (Api Root) must begin with https://",
		"-project p -region r -okta-url https://acme.okta.com -okta-token-file /none/t": "-okta-url and -okta-token-file: ",
	} {
		var out, problems bytes.Buffer
		code := run(t.Context(), strings.Fields(args), Options{}, &out, &problems)
		if code != exitUsage || out.Len() > 0 || !strings.Contains(problems.String(), want) {
			t.Errorf("%q: exit code %d, %s%s, want %s", args, code, out.String(), problems.String(), want)
		}
	}
}

func TestDoctor_HelpHasTheExitCodes(t *testing.T) {
	t.Parallel()
	var out, problems bytes.Buffer
	if code := run(t.Context(), []string{"-help"}, Options{}, &out, &problems); code != exitOK || problems.Len() > 0 ||
		!strings.HasPrefix(out.String(), usage) || !strings.Contains(out.String(), exitHelp) ||
		!strings.Contains(out.String(), "-okta-token-file") {
		t.Errorf("exit code %d, %s%s", code, out.String(), problems.String())
	}
}

func TestDoctor_ReadsTheKeyFromAFile(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(callerKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := d.examine("-header", "", "-header-file", file); err != nil || strings.Count(out, "  ok ") != len(handlers.Groups) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctor_NeedsTheViewerRole(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	d.functions.SetDenied(true)
	if out, err := d.examine(); err == nil || !strings.Contains(out, "failed: deployment: reading the functions of "+
		"acme-security needs roles/cloudfunctions.viewer") {
		t.Errorf("%v\n%s", err, out)
	}
}
