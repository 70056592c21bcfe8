package main

import (
	"fmt"
	"io"
	"strings"
)

// announce prints the addresses. Programs read the first lines, which have one name and one address
// each.
func (p *product) announce(w io.Writer) {
	fmt.Fprintf(w, "functions %s\nokta %s\n", p.functions, p.okta)
	if p.token != "" {
		fmt.Fprintf(w, "token %s\n", p.token)
	}
	if p.broker != nil {
		fmt.Fprintf(w, "PUBSUB_EMULATOR_HOST=%s\n", p.broker.Addr)
	}
	if p.note != "" {
		fmt.Fprintf(w, "\n%s\n\nTry:\n  curl -s %s/users/ping\n\n%s/ lists the actions. Press Ctrl-C to stop.\n",
			p.note, p.functions, p.functions)
		return
	}
	if p.token == "" {
		return
	}
	fmt.Fprintf(w, `
The organization acme.test (every login is <name>@acme.test):
  ACTIVE   alice, bob (Engineering), admin, breakglass (SUPER_ADMIN), helpdesk (HELP_DESK_ADMIN by group)
  others   carol SUSPENDED, dave DEPROVISIONED, erin LOCKED_OUT, frank STAGED,
           grace PASSWORD_EXPIRED, heidi PROVISIONED, ivan RECOVERY

Try:
  curl -s %s/users/disable-user -H 'content-type: application/json' \
    -d '{"parameters": {"User IDs Or Logins": "alice, erin, zed", "Is Deactivate": false}}'
  go run ./local invoke%s "Get User" 'User IDs Or Logins=alice'
  go run ./local publish%s users '{"action": "Disable User", "parameters": {"User IDs": "bob", "Is Deactivate": false}}'
  go run ./local results%s

%s/ lists the actions. Press Ctrl-C to stop.
`, p.functions, p.addrFlag(), p.pubsubFlag(), p.pubsubFlag(), p.functions)
}

// addrFlag returns the flag that invoke needs to find this product, "" for the default address.
func (p *product) addrFlag() string {
	if addr := strings.TrimPrefix(p.functions, "http://"); addr != defaultAddr {
		return " -addr " + addr
	}
	return ""
}

// pubsubFlag returns the flag that publish and results need to find this product, "" for the
// default address.
func (p *product) pubsubFlag() string {
	if p.broker != nil && p.broker.Addr != defaultPubSubAddr {
		return " -pubsub-addr " + p.broker.Addr
	}
	return ""
}
