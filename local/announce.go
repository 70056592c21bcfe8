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
	if p.transmitter != "" {
		fmt.Fprintf(w, "transmitter %s\n", p.transmitter)
	}
	if p.startToken != nil {
		fmt.Fprintf(w, "start-token %s\n", p.startToken.value.Reveal())
	}
	if p.note != "" {
		fmt.Fprintf(w, "\n%s\n\nTry:\n  curl -s %s/users/ping\n\n%s/ is the console. Press Ctrl-C to stop.\n",
			p.note, p.functions, p.functions)
		return
	}
	if p.token == "" {
		return
	}
	fmt.Fprintf(w, `
The organization acme.test (every login is <name>@acme.test):
  ACTIVE   alice, bob (Engineering), admin, breakglass, svc-secops (SUPER_ADMIN; svc-secops owns the token),
           helpdesk (HELP_DESK_ADMIN by group)
  others   carol SUSPENDED, dave DEPROVISIONED, erin LOCKED_OUT, frank STAGED,
           grace PASSWORD_EXPIRED, heidi PROVISIONED, ivan RECOVERY
%s
%s

Try:
  curl -s %s/users/disable-user -H 'content-type: application/json' \
    -d '{"parameters": {"User IDs Or Logins": "alice, erin, zed", "Is Deactivate": false}}'
  go run ./local invoke%s "Get User" 'User IDs Or Logins=alice'
  go run ./local publish%s users '{"action": "Disable User", "parameters": {"User IDs": "bob", "Is Deactivate": false}}'
  go run ./local results%s

%s/ is the console. Press Ctrl-C to stop.
`, p.guardrails(), p.signals(), p.functions, p.addrFlag(), p.pubsubFlag(), p.pubsubFlag(), p.functions)
}

// guardrails describes the policy.
func (p *product) guardrails() string {
	switch p.policy {
	case samplePolicy:
		return "Guardrails: breakglass is protected, besides the rules that are always on " +
			"(-guardrails off; docs/guardrails.md)"
	case "":
		return "Guardrails: only the rules that are always on (docs/guardrails.md)"
	}
	return "Guardrails: the policy of GUARDRAILS (docs/guardrails.md)"
}

// signals describes the keys of the signals.
func (p *product) signals() string {
	if p.keys == "" {
		return "Signals: signed with the key of ITP_SIGNING_KEY_SECRET (docs/signals.md)"
	}
	return "Signals: signed with a key in " + p.keys + " (go run ./tools/transmitter rotate; docs/signals.md)"
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
