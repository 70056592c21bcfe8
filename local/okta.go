package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/transmitter"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
)

// The IDs under which the product is registered in the emulator.
const (
	localKeyID    = "local-key"
	localClientID = "0oalocalproduct00000"
)

// startOkta starts the emulator and the transmitter, and returns the settings of the functions: getenv,
// and defaults for the emulator. It starts neither if -okta or OKTA_API_ROOT names another Okta.
func (p *product) startOkta(o options, open listeners) (func(string) string, error) {
	p.defaults = map[string]string{"CALLER_AUTH": "none", "OKTA_API_ROOT": o.okta}
	env := withDefaults(o.getenv, p.defaults)
	if o.okta != "" {
		return env, p.useRealOrg(o, env)
	}
	if root := o.getenv("OKTA_API_ROOT"); root != "" {
		// The local product does not authenticate callers, so it must not use a real org by accident.
		if u, err := url.Parse(root); err != nil || !caller.IsLoopback(u.Hostname()) {
			return nil, fmt.Errorf("OKTA_API_ROOT is not a loopback address: to use a real org, start with -okta %s", root)
		}
		p.okta = strings.TrimSuffix(root, "/")
		return env, nil
	}
	if on, err := strconv.ParseBool(o.getenv("OKTA_USE_OAUTH")); err == nil && on && o.auth == authSSWS {
		o.auth = authOAuth
	}
	okta, err := p.newOkta(o, env)
	if err != nil {
		return nil, err
	}
	if o.auth != authSSWS {
		if err := p.registerApp(okta, o, env); err != nil {
			return nil, err
		}
	}
	if o.guardrails != guardrailsOff {
		p.defaults["GUARDRAILS"] = samplePolicy
	}
	p.policy = env("GUARDRAILS")
	p.emulator = okta
	p.okta = p.serve(open.okta, okta)
	p.token = okta.Token()
	p.defaults["OKTA_API_ROOT"] = p.okta
	if err := p.startTransmitter(o, env, open.transmitter); err != nil {
		return nil, err
	}
	okta.ClearRequests() // the log is that of the user
	return env, nil
}

// useRealOrg checks the settings and secrets for the org of -okta.
func (p *product) useRealOrg(o options, env func(string) string) error {
	cfg, err := config.FromEnv(env, true)
	if err != nil {
		return fmt.Errorf("-okta needs the settings of a real org: %w", err)
	}
	if err := checkSecrets(context.Background(), cfg, secrets.Default(env)); err != nil {
		return fmt.Errorf("-okta needs the secrets of a real org: %w", err)
	}
	p.okta, p.note = cfg.Root.String(), "This is a real org. Every change is a dry run unless you start with -write."
	if o.write {
		p.note = "This is a real org. A request that changes it needs the start token: enter it in the console, or send it " +
			"as the header " + startHeader + "."
	}
	return nil
}

// newOkta returns the emulator. With -auth ssws, it accepts the API token of the functions.
func (p *product) newOkta(o options, env func(string) string) (*emulator.Emulator, error) {
	if o.auth != authSSWS {
		return emulator.New(emulator.Options{Keep: maxStored}), nil
	}
	p.defaults["OKTA_API_TOKEN_SECRET"], p.defaults["LOCAL_OKTA_TOKEN"] = "env:LOCAL_OKTA_TOKEN", emulator.DefaultToken
	token, err := secrets.Default(env).Get(context.Background(), env("OKTA_API_TOKEN_SECRET"))
	if err != nil {
		return nil, fmt.Errorf("OKTA_API_TOKEN_SECRET: %w", err)
	}
	return emulator.New(emulator.Options{Token: strings.TrimSpace(token.Reveal()), Keep: maxStored}), nil
}

// registerApp registers a service app in the emulator with all scopes that the actions need.
func (p *product) registerApp(okta *emulator.Emulator, o options, env func(string) string) error {
	p.defaults["OKTA_USE_OAUTH"] = "true"
	p.defaults["OKTA_CLIENT_ID"], p.defaults["OKTA_KEY_ID"] = localClientID, localKeyID
	key, err := p.appKey(o, env)
	if err != nil {
		return err
	}
	jwks := key.JWKS(cmp.Or(key.ID(), env("OKTA_KEY_ID")))
	app := emulator.App{ClientID: env("OKTA_CLIENT_ID"), JWKS: jwks, DPoP: o.auth == authDPoP}
	app.Scopes = []string{transmitter.ReadScope, transmitter.ManageScope}
	for _, g := range handlers.Groups {
		app.Scopes = append(app.Scopes, g.Scopes()...)
	}
	okta.RegisterApp(app)
	return nil
}

// appKey returns the key of the service app. If getenv does not have its setting, it makes a key and sets the defaults
// to it.
func (p *product) appKey(o options, env func(string) string) (keys.Key, error) {
	const setting, variable = "OKTA_PRIVATE_KEY_SECRET", "LOCAL_PRIVATE_KEY"
	if o.getenv(setting) != "" {
		return readKey(env, setting)
	}
	key, err := keys.GenerateRSA(2048)
	if err != nil {
		return key, err
	}
	p.defaults[setting], p.defaults[variable] = "env:"+variable, key.PEM().Reveal()
	return key, nil
}

// readKey returns the key that a setting refers to.
func readKey(env func(string) string, setting string) (keys.Key, error) {
	text, err := secrets.Default(env).Get(context.Background(), env(setting))
	if err != nil {
		return keys.Key{}, fmt.Errorf("%s: %w", setting, err)
	}
	key, err := keys.Parse(text)
	if err != nil {
		return key, fmt.Errorf("%s: %w", setting, err)
	}
	return key, nil
}

// withDefaults returns a getenv that returns a default for an unset variable.
func withDefaults(getenv func(string) string, defaults map[string]string) func(string) string {
	return func(name string) string { return cmp.Or(getenv(name), defaults[name]) }
}
