// Package nodesdk checks the emulator with another client than the product's: Okta's SDK for Node.js.
package nodesdk

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/oktaspec"
)

const (
	clientID = "0oaNodeSdkClient0000"
	keyID    = "node-key"
	scopes   = "okta.users.read okta.users.manage okta.groups.read okta.groups.manage okta.roles.read okta.roles.manage okta.idps.read"
)

// want is what calls.js prints, whatever the client authenticates with.
const want = `get "ACTIVE"
get-unknown [404,"E0000007"]
list 12
list-filter ["erin"]
list-search ["bob"]
list-q ["alice"]
list-wrong [400,"E0000031"]
suspend "SUSPENDED"
suspend-again [400,"E0000001"]
unsuspend "ACTIVE"
deactivate "DEPROVISIONED"
activate ["activationToken","activationUrl"]
reactivate ["activationToken","activationUrl"]
set-password "ACTIVE"
reset-password ["resetPasswordUrl"]
sessions null
user-groups ["Everyone","Engineering","VPN Users"]
add-group "OKTA_GROUP"
add-group-again [400,"E0000001"]
groups ["Everyone","Okta Administrators","Engineering","VPN Users","Helpdesk","Finance","Node SDK"]
groups-q ["Node SDK"]
assign-role "APP_ADMIN"
assign-role-again [409,"E0000090"]
unassign-role []
providers 27
`

// TestNodeSDK_WorksOnTheEmulator makes the same calls with an API token, as a service app and as one that requires DPoP.
func TestNodeSDK_WorksOnTheEmulator(t *testing.T) {
	t.Parallel()
	requireSDK(t)
	key, err := keys.GenerateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := oktaspec.Load()
	if err != nil {
		t.Fatal(err)
	}
	app := []string{"CLIENT_ID=" + clientID, "KEY_ID=" + keyID, "SCOPES=" + scopes, "PRIVATE_KEY=" + key.PEM().Reveal()}
	for name, c := range map[string]struct {
		env    []string
		dpop   bool
		scheme string
	}{
		"an API token":                     {[]string{"TOKEN=" + emulator.DefaultToken}, false, "SSWS"},
		"a service app":                    {app, false, "DPoP"}, // the SDK always sends a proof, and the token is bound to its key (RFC 9449, section 5)
		"a service app that requires DPoP": {app, true, "DPoP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schemes := map[string]int{}
			e := emulator.New(emulator.Options{Observe: func(o emulator.Observed) {
				scheme, _, _ := strings.Cut(o.Request.Header.Get("Authorization"), " ")
				schemes[scheme]++ // calls.js makes one call at a time
				for _, problem := range spec.CheckReply(o) {
					t.Error(problem)
				}
			}})
			e.RegisterApp(emulator.App{ClientID: clientID, JWKS: key.JWKS(keyID), Scopes: strings.Fields(scopes), DPoP: c.dpop})
			server := httptest.NewServer(e)
			defer server.Close()
			node := exec.CommandContext(t.Context(), "node", "calls.js")
			node.Env = append(append(os.Environ(), "ROOT="+server.URL), c.env...)
			out, err := node.Output()
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				t.Fatalf("%v\n%s\n%s", err, out, exit.Stderr)
			}
			if diff := cmp.Diff(want, string(out)); err != nil || diff != "" {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
			if schemes[c.scheme] < 25 {
				t.Errorf("the calls were not made with %s: %v", c.scheme, schemes)
			}
			if unknown := e.UnknownRoutes(); len(unknown) > 0 {
				t.Errorf("routes that the emulator does not have: %v", unknown)
			}
		})
	}
}

// requireSDK skips the test unless node finds the SDK.
func requireSDK(t *testing.T) {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "node", "-e", "require('@okta/okta-sdk-nodejs')").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("node does not find the npm package @okta/okta-sdk-nodejs, and CI needs it")
		}
		t.Skip("needs node and the npm package @okta/okta-sdk-nodejs: npm install --prefix DIR @okta/okta-sdk-nodejs, then NODE_PATH=DIR/node_modules")
	}
}
