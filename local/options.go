package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
)

// maxStored limits the request log of the emulator and the messages of each topic of the local
// Pub/Sub.
const maxStored = 10_000

// The values of -auth.
const (
	authSSWS  = "ssws"
	authOAuth = "oauth"
	authDPoP  = "oauth-dpop"
)

// The values of -guardrails.
const (
	guardrailsSample = "sample"
	guardrailsOff    = "off"
)

// samplePolicy protects the break-glass account of the emulator's organization.
const samplePolicy = `{"protected": [{"id": "break-glass", "reason": "it is the last way into the organization", ` +
	`"users": ["breakglass@acme.test"]}]}`

type options struct {
	addr, oktaAddr string
	transmitter    string // address
	pubsubAddr     string // "": no Pub/Sub
	auth           string
	okta           string // URL of a real org; "": the emulator
	write          bool
	guardrails     string // sample, off; "": sample
	headless       bool   // without the console
	getenv         func(string) string
}

// addTo adds the flags of the options.
func (o *options) addTo(flags *flag.FlagSet) {
	flags.StringVar(&o.addr, "addr", defaultAddr, "loopback `address` of the functions; port 0 selects a free port")
	flags.StringVar(&o.oktaAddr, "okta-addr", defaultOktaAddr,
		"loopback `address` of the Okta emulator; port 0 selects a free port")
	flags.StringVar(&o.transmitter, "transmitter-addr", defaultTransmitterAddr, "loopback `address` of the "+
		"transmitter, from which the emulator fetches the keys of the signals; port 0 selects a free port, and so does the "+
		"default if it is in use")
	flags.StringVar(&o.pubsubAddr, "pubsub-addr", defaultPubSubAddr,
		"loopback `address` of Pub/Sub; port 0 selects a free port, and so does the default if it is in use")
	flags.StringVar(&o.auth, "auth", authSSWS, "how the functions authenticate to the emulator: ssws (API token), "+
		"oauth (service app) or oauth-dpop (service app that requires DPoP)")
	flags.StringVar(&o.okta, "okta", "", "`URL` of a real org to use instead of the emulator, with the credentials "+
		"in the environment (OKTA_API_TOKEN_SECRET=file:..., or OKTA_USE_OAUTH and its settings)")
	flags.StringVar(&o.guardrails, "guardrails", guardrailsSample, "the policy of the emulator's organization: sample "+
		"(breakglass is protected) or off (only the rules that are always on); GUARDRAILS overrides sample")
	flags.BoolVar(&o.headless, "headless", false, "serve the functions without the console at /")
	flags.BoolVar(&o.write, "write", false, "with -okta: make changes, for requests with the "+
		"start token that is printed; without it every change is a dry run")
}

// check returns an error for an unknown -auth and for options that contradict each other.
func (o options) check(flags *flag.FlagSet) error {
	if !slices.Contains([]string{authSSWS, authOAuth, authDPoP}, o.auth) {
		return fmt.Errorf("-auth %s is not valid; use %s, %s or %s", o.auth, authSSWS, authOAuth, authDPoP)
	}
	switch {
	case o.guardrails != guardrailsSample && o.guardrails != guardrailsOff:
		return fmt.Errorf("-guardrails %s is not valid; use %s or %s", o.guardrails, guardrailsSample, guardrailsOff)
	case o.guardrails == guardrailsOff && o.getenv("GUARDRAILS") != "":
		return errors.New("GUARDRAILS is set, and -guardrails is off: use only one of them")
	}
	if o.okta == "" {
		if o.write {
			return errors.New("-write requires -okta: changes to the emulator are always allowed")
		}
		return nil
	}
	var err error
	flags.Visit(func(f *flag.Flag) {
		switch {
		case slices.Contains([]string{"auth", "okta-addr", "transmitter-addr", "guardrails"}, f.Name):
			err = fmt.Errorf("-%s is a setting of the emulator, which does not run with -okta", f.Name)
		case f.Name == "pubsub-addr" && o.write:
			err = errors.New("-pubsub-addr cannot be used with -write: any process of this machine could publish, and " +
				"change the org")
		}
	})
	switch root := o.getenv("OKTA_API_ROOT"); {
	case err != nil:
		return err
	case root != "" && root != o.okta:
		return fmt.Errorf("OKTA_API_ROOT is %s and -okta is %s: use only one of them", root, o.okta)
	case o.getenv("FUNCTION_TARGET") != "":
		return errors.New("FUNCTION_TARGET cannot be used with -okta: a function as deployed does not support dry runs")
	}
	return nil
}

// readOnlyReason is the warning in the replies of a product that must not change a real org.
const readOnlyReason = "Nothing was changed: this is a dry run, " +
	"because go run ./local -okta was started without -write."
