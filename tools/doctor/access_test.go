package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/functions/apiv2/functionspb"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

func TestDoctor_UsesTheDeterministicAddressInEveryMode(t *testing.T) {
	t.Parallel()
	users := handlers.Groups[0]
	for name, c := range map[string]struct {
		change   func(f *functionspb.Function, env map[string]string)
		args     []string
		audience string
		warned   bool
	}{
		"iam": {func(_ *functionspb.Function, env map[string]string) { env["CALLER_AUTH"] = "iam" }, nil, address(users),
			false},
		"oidc": {func(_ *functionspb.Function, env map[string]string) {
			env["CALLER_AUTH"], env["CALLER_AUDIENCE"], env["CALLER_EMAILS"] = "oidc", address(users), "soar@acme.test"
		}, nil, address(users), false},
		"oidc for another audience": {func(_ *functionspb.Function, env map[string]string) {
			env["CALLER_AUTH"], env["CALLER_AUDIENCE"], env["CALLER_EMAILS"] = "oidc",
				"https://okta.acme.test, https://b.acme.test", "soar@acme.test"
		}, nil, "https://okta.acme.test", false},
		"the number in the audience": {func(f *functionspb.Function, env map[string]string) {
			f.BuildConfig.Build = ""
			env["CALLER_AUTH"], env["CALLER_AUDIENCE"], env["CALLER_EMAILS"] = "oidc", "https://okta.acme.test,"+address(users),
				"soar@acme.test"
		}, nil, address(users), false},
		"the number in a flag": {func(f *functionspb.Function, env map[string]string) {
			f.BuildConfig.Build, env["CALLER_AUTH"] = "projects/9/locations/x/builds/y", "iam"
		}, []string{"-project-number", number}, address(users), false},
		"no number": {func(f *functionspb.Function, env map[string]string) {
			f.BuildConfig.Build, env["CALLER_AUTH"] = "projects/acme-security/locations/x/builds/y", "iam"
			f.ServiceConfig.Uri = "https://okta-users-" + number + "." + region + ".run.app" // where the test serves
		}, nil, address(users), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deployed(t)
			f := d.function(users)
			env := f.ServiceConfig.EnvironmentVariables
			for _, setting := range []string{"CALLER_KEYS_SECRET", "PUSH_AUDIENCE", "PUSH_EMAILS"} {
				delete(env, setting)
			}
			c.change(f, env)
			d.platform = env["CALLER_AUTH"] == "iam"
			d.functions.Deploy(f)
			var audience string
			d.options.Token = func(_ context.Context, asked string) (string, error) {
				audience = asked
				return callerToken, nil
			}
			out, err := d.examine(append([]string{"-header", "", "-groups", "users"}, c.args...)...)
			if err != nil || strings.Count(out, "  ok ") != 1 || audience != c.audience || d.wrongHosts.Load() > 0 {
				t.Errorf("%v, the audience is %q, %d requests to other hosts\n%s", err, audience, d.wrongHosts.Load(), out)
			}
			if strings.Contains(out, "set -project-number") != c.warned {
				t.Error(out)
			}
		})
	}
}

func TestDoctor_PingsWithAnIDToken(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	d.withIAM("emea")
	d.options.Token = func(_ context.Context, audience string) (string, error) {
		if !strings.HasPrefix(audience, "https://okta-emea-") || !strings.HasSuffix(audience,
			"-"+number+"."+region+".run.app") {
			t.Errorf("the audience is %q", audience)
		}
		return callerToken, nil
	}
	if out, err := d.examine("-instance", "emea", "-header", ""); err != nil || strings.Count(out, "  ok ") != len(handlers.Groups) ||
		strings.Count(out, "  okta-emea-") != len(handlers.Groups) {
		t.Errorf("%v\n%s", err, out)
	}
	d.options.Token = func(context.Context, string) (string, error) { return "", errors.New("not signed in") }
	if out, err := d.examine("-instance", "emea", "-header", ""); err == nil || strings.Count(out,
		"Ping cannot be tested: getting an ID token failed (not signed in)") != len(handlers.Groups) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctor_SendsTheKeyToTheFunctionsOnly(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	var got atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.Add(1) }))
	t.Cleanup(other.Close)
	d.elsewhere = other.URL
	out, err := d.examine()
	if err == nil || strings.Count(out, "Ping was answered 302, but not by the product") != len(handlers.Groups) || strings.Contains(out,
		"it accepts") ||
		strings.Count(out, "it cannot be checked that an unsigned delivery is refused: POST /pubsub was answered 302") != len(handlers.Groups) {
		t.Errorf("%v\n%s", err, out)
	}
	if n := got.Load(); n > 0 {
		t.Errorf("the other server was called %d times", n)
	}
}

func TestDoctor_ReportsACallerThatIsRefused(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	out, err := d.examine("-header", "X-Api-Key: wrong")
	if err == nil || strings.Count(out, "failed: okta-") != len(handlers.Groups) || strings.Count(out,
		"Ping: the caller is not authenticated") != len(handlers.Groups) {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := d.examine("-header", ""); err == nil || strings.Count(out,
		"Ping cannot be tested: no credentials are set") != len(handlers.Groups) {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := d.examine("-header", "", "-no-ping"); err != nil || strings.Count(out, "not tested  not tested") != len(handlers.Groups) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctor_ChecksThatDeliveriesAreAuthenticated(t *testing.T) {
	t.Parallel()
	const stripped, forged = "removes the signature of ID tokens: the function refuses every delivery",
		"the function would accept forged tokens"
	for name, c := range map[string]struct {
		change  func(d *deployment)
		finding string // "": none
	}{
		"apikey, public": {func(*deployment) {}, ""},
		"apikey behind IAM": {func(d *deployment) { d.platform = true },
			"failed: okta-users: CALLER_AUTH is apikey, but Cloud Run checks the invoker role and " + stripped},
		"iam behind IAM": {func(d *deployment) { d.withIAM("") }, ""},
		"iam, public": {func(d *deployment) { d.withIAM(""); d.platform = false },
			"failed: okta-users: CALLER_AUTH is iam, but Cloud Run does not check callers: " + forged},
		"an unsigned push succeeds": {func(d *deployment) { d.openPush = true },
			"failed: okta-users: it accepts unsigned deliveries (POST /pubsub was answered 200)"},
		"an unsigned push is failed": {func(d *deployment) { d.openPush, d.status = true, 503 },
			"failed: okta-users: it accepts unsigned deliveries (POST /pubsub was answered 503)"},
		"misconfigured": {func(d *deployment) {
			d.openPush, d.status, d.ping = true, 500,
				`{"output_message": "the function is misconfigured", "error": {"code": "misconfigured"}}`
		}, "warning: okta-users: it cannot be checked that an unsigned delivery is refused: POST /pubsub was answered 500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deployed(t)
			c.change(d)
			out, err := d.examine("-no-ping", "-groups", "users")
			if (err != nil) != strings.HasPrefix(c.finding, "failed") || c.finding != "" && !strings.Contains(out, c.finding) {
				t.Errorf("%v\n%s", err, out)
			}
			if c.finding == "" && !strings.Contains(out, " 0 warning, 0 failed,") {
				t.Error(out)
			}
		})
	}
}

// forward sends the requests for a function to the group of a System.
type forward struct{ base string }

func (f forward) RoundTrip(r *http.Request) (*http.Response, error) {
	group := strings.TrimSuffix(strings.TrimPrefix(r.URL.Host, "okta-"), "-"+number+"."+region+".run.app")
	target, err := url.Parse(f.base + "/" + group + r.URL.Path)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL, r.Host = target, ""
	return http.DefaultTransport.RoundTrip(r)
}

// deployedReal starts a deployment whose requests go to the real functions. Their callers' key may Ping.
func deployedReal(t *testing.T, o testkit.Options) (*deployment, *testkit.World) {
	t.Helper()
	o.Google = &fakegcp.Accounts{}
	w := testkit.New(t, o)
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(callerKey)))
	w.Replace("callers", secrets.New(`[{"id": "doctor", "sha256": "`+digest+`", "actions": ["ping"]}]`))
	d := deployed(t)
	d.options.HTTP, d.options.Now = &http.Client{Transport: forward{w.URL}}, w.Clock.Now
	return d, w
}

// withKeys are the settings of functions that authenticate callers by a key.
var withKeys = map[string]string{
	"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers", "PUSH_EMAILS": "push@acme.test",
	"PUSH_AUDIENCE": address(handlers.Groups[0]),
}

func TestDoctor_ExaminesTheRealFunctions(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string][]string{
		"apikey": nil,
		"none": {"failed: okta-users: it accepts unauthenticated requests",
			"failed: okta-users: it accepts unsigned deliveries (POST /pubsub was answered 200)"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"CALLER_AUTH": mode}
			if mode == "apikey" {
				env = withKeys
			}
			d, _ := deployedReal(t, testkit.Options{Env: env})
			out, err := d.examine()
			if (err != nil) != (want != nil) || strings.Count(out, "  ok    not tested  ") != len(handlers.Groups) {
				t.Errorf("%v\n%s", err, out)
			}
			for _, finding := range want {
				if !strings.Contains(out, finding) {
					t.Errorf("want %s, got\n%s", finding, out)
				}
			}
			if n := strings.Count(out, ": okta-users: "); n != len(want) {
				t.Errorf("%d findings in\n%s", n, out)
			}
		})
	}
}
