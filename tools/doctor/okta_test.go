package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const day = 24 * time.Hour

// withOkta starts a deployment whose real functions call an emulator, and returns the flags with which doctor reads
// the emulator as an administrator. The settings of each function are changed by the given function.
func withOkta(t *testing.T, o testkit.Options, change func(env map[string]string)) (*deployment, *testkit.World, []string) {
	t.Helper()
	o.Env = withKeys
	d, w := deployedReal(t, o)
	for _, g := range handlers.Groups {
		f := d.function(g)
		f.ServiceConfig.EnvironmentVariables["OKTA_API_ROOT"] = w.OktaURL
		change(f.ServiceConfig.EnvironmentVariables)
		d.functions.Deploy(f)
	}
	const token = "canary-of-the-reader"
	w.Okta.SetToken(token, true)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return d, w, []string{"-okta-url", w.OktaURL, "-okta-token-file", file}
}

func TestDoctor_WarnsOfAPITokensNearTheirExpiry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		idle    time.Duration
		arrange func(d *deployment, w *testkit.World)
		args    []string
		status  Status
		message string
	}{
		"in use": {10 * day, nil, nil, OK, "the API tokens of the owner are not near their expiry"},
		"not used for 20 days": {20 * day, nil, nil, Warning, `the API token "okta-secops" of svc-secops@acme.test, the owner of ` +
			"OKTA_API_TOKEN_SECRET, was to expire at 2026-04-01T10:00:00Z when doctor began"},
		"without a Ping": {20 * day, nil, []string{"-no-ping"}, Skipped, "the owner of the API token is unknown"},
		"without the right to read tokens": {20 * day, func(_ *deployment, w *testkit.World) {
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/api-tokens", Status: http.StatusForbidden})
		}, nil, Skipped, "the API tokens of svc-secops@acme.test cannot be read: You do not have permission"},
		"without the right to read users": {20 * day, func(_ *deployment, w *testkit.World) {
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/svc-secops*", Status: http.StatusForbidden})
		}, nil, Skipped, "the API tokens of svc-secops@acme.test cannot be read: You do not have permission"},
		"no token in the list": {20 * day, func(_ *deployment, w *testkit.World) {
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/api-tokens", Status: http.StatusOK, Body: "[]"})
		}, nil, Skipped, "Okta lists no API token of svc-secops@acme.test with an expiry"},
		"another org": {20 * day, func(d *deployment, _ *testkit.World) {
			f := d.function(handlers.Groups[0])
			d.functions.Deploy(f)
		}, nil, Skipped, "the org of the function is not http://127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, w, flags := withOkta(t, testkit.Options{}, func(map[string]string) {})
			if c.arrange != nil {
				c.arrange(d, w)
			}
			w.Clock.Advance(c.idle)
			r := d.report(0, append(append(flags, "-groups", "users"), c.args...)...)
			r.want(checkToken, "okta-users", c.status, c.message)
			w.WantWrites()
		})
	}
}

// scopesOf returns all scopes that the actions of a group use.
func scopesOf(g action.Group) []string {
	return slices.Concat(g.Scopes(), g.OptionalScopes(), g.GuardrailScopes())
}

func TestDoctor_WarnsOfScopesThatAreNotNeeded(t *testing.T) {
	t.Parallel()
	users, groups := handlers.Groups[0], handlers.Groups[1]
	for name, c := range map[string]struct {
		scopes  []string
		groups  string
		status  Status
		message string
	}{
		"those of the group": {scopesOf(users), "users", OK, "the service app has no more scopes than its functions need"},
		"two more": {append(scopesOf(users), "okta.groups.manage", "okta.apps.manage"), "users", Warning, "OKTA_CLIENT_ID " +
			testkit.ClientID + " is granted scopes that the actions of okta-users do not need: okta.apps.manage, okta.groups.manage"},
		"an app of two functions": {append(scopesOf(users), scopesOf(groups)...), "users,groups", OK,
			"the service app has no more scopes than its functions need"},
		"more than two functions need": {slices.Concat(scopesOf(users), scopesOf(groups), []string{"okta.logs.read"}),
			"users,groups", Warning, "the actions of okta-users, okta-groups do not need: okta.logs.read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, w, flags := withOkta(t, testkit.Options{App: &emulator.App{Scopes: c.scopes}}, asServiceApp)
			r := d.report(0, append(flags, "-groups", c.groups)...)
			for name := range strings.SplitSeq(c.groups, ",") {
				r.want(checkScopes, "okta-"+name, c.status, c.message)
			}
			w.WantWrites()
		})
	}
}

// asServiceApp replaces the API token by a service app.
func asServiceApp(env map[string]string) {
	if env["OKTA_API_TOKEN_SECRET"] != "" {
		env["OKTA_PRIVATE_KEY_SECRET"] = env["OKTA_API_TOKEN_SECRET"]
		delete(env, "OKTA_API_TOKEN_SECRET")
		env["OKTA_USE_OAUTH"], env["OKTA_CLIENT_ID"], env["OKTA_KEY_ID"] = "true", testkit.ClientID, testkit.KeyID
	}
}

func TestDoctor_UnknownGrantsAreSkipped(t *testing.T) {
	t.Parallel()
	d, w, flags := withOkta(t, testkit.Options{App: &emulator.App{}}, asServiceApp)
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/apps/*", Status: http.StatusForbidden})
	d.report(0, append(flags, "-groups", "users")...).want(checkScopes, "okta-users", Skipped,
		"the scopes of OKTA_CLIENT_ID "+testkit.ClientID+" cannot be read: You do not have permission")
	d.report(0, "-groups", "users").want(checkScopes, "", Skipped, "the scopes of service apps were not checked")
}
