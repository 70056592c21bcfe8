package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/pubsub"
	"example.com/okta-secops/local/emulator"
	localpubsub "example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/secrets"
)

// The names under which Okta knows the local product, as a transmitter of signals and as a service app.
const (
	localKeyID    = "local-key"
	localIssuer   = "https://secops.acme.test"
	localClientID = "0oalocalproduct00000"
)

// keep is how many requests the emulator's log keeps, and how many messages each topic of the local Pub/Sub.
const keep = 10_000

// How the functions sign in to Okta.
const (
	authSSWS  = "ssws"
	authOAuth = "oauth"
	authDPoP  = "oauth-dpop"
)

type options struct {
	addr, oktaAddr string
	pubsubAddr     string // "" for no Pub/Sub
	auth           string
	okta           string // a real org; "" for the emulator
	write          bool
	getenv         func(string) string
}

// dryRun is what a reply says where a real org is not to be changed.
const dryRun = "Nothing was changed: this is a dry run, because go run ./local -okta was started without -write."

// checkOrg refuses what does not go with a real org, or only with one.
func (o options) checkOrg(flags *flag.FlagSet) error {
	if o.okta == "" {
		if o.write {
			return errors.New("-write goes with -okta only: the emulator can always be changed")
		}
		return nil
	}
	var err error
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "auth" || f.Name == "okta-addr" {
			err = fmt.Errorf("-%s is for the emulator, and with -okta there is none", f.Name)
		}
	})
	switch root := o.getenv("OKTA_API_ROOT"); {
	case err != nil:
		return err
	case root != "" && root != o.okta:
		return fmt.Errorf("OKTA_API_ROOT is %s and -okta is %s: give one of the two", root, o.okta)
	case o.getenv("FUNCTION_TARGET") != "":
		return errors.New("FUNCTION_TARGET serves a function as deployed, which knows no dry run: it does not go with -okta")
	}
	return nil
}

// product is the running local product.
type product struct {
	functions, okta string              // addresses, with scheme
	token           string              // of the emulator; empty where Okta is another one
	note            string              // what to know of an Okta that is no emulator
	own             map[string]string   // settings of the functions, where the caller has none
	broker          *localpubsub.Broker // nil where there is no Pub/Sub

	servers []*http.Server
	failed  chan error
}

// start serves the functions and Okta, and returns once both listen.
func start(o options) (*product, error) {
	listener, forOkta, err := o.listen()
	if err != nil {
		return nil, err
	}
	p := &product{failed: make(chan error, 2)}
	env, err := p.startOkta(o, forOkta)
	if err == nil && o.pubsubAddr != "" {
		err = p.startPubSub(o, env, "http://"+listener.Addr().String())
	}
	if err != nil {
		closeAll(listener, forOkta)
		p.close()
		return nil, err
	}
	settings := app.Options{Getenv: env, Groups: handlers.Groups}
	if p.broker != nil {
		settings.PubSub = localpubsub.ClientOptions(p.broker.Addr)
	}
	if o.okta != "" && !o.write {
		settings.ReadOnly = dryRun
	}
	mux := httpapi.Mount(handlers.Groups, app.New(settings).Open)
	for _, path := range []string{"GET /health", "GET /health/{$}"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"status":"ok"}`+"\n")
		})
	}
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("/", elsewhere)
	p.functions = p.serve(listener, httpapi.LimitArrival(singleSlashes(ownPages(mux))))
	return p, nil
}

// startPubSub starts a Pub/Sub that delivers to the functions at an address.
func (p *product) startPubSub(o options, env func(string) string, functions string) error {
	p.own["RESULTS_TOPIC"], p.own["DEAD_LETTER_TOPIC"] = localpubsub.ResultsTopic, localpubsub.DeadLetterTopic
	b := localpubsub.Options{Addr: o.pubsubAddr, Functions: functions, Speed: 100, Keep: keep}
	for _, setting := range []string{"RESULTS_TOPIC", "DEAD_LETTER_TOPIC"} {
		if name, err := pubsub.FullName(env(setting), env("GOOGLE_CLOUD_PROJECT")); err == nil {
			b.Topics = append(b.Topics, name)
		}
	}
	var err error
	p.broker, err = localpubsub.Start(b)
	if err != nil && o.pubsubAddr == defaultPubSubAddr { // nobody has asked for that one, and the one that it is instead is printed
		b.Addr = "127.0.0.1:0"
		p.broker, err = localpubsub.Start(b)
	}
	return err
}

// startOkta starts the emulator and returns the settings of the functions: the caller's own over those
// that fit the emulator, which serves at the listener. There is no emulator if -okta or OKTA_API_ROOT names another Okta.
func (p *product) startOkta(o options, listener net.Listener) (func(string) string, error) {
	p.own = map[string]string{"CALLER_AUTH": "none", "OKTA_API_ROOT": o.okta}
	env := over(o.getenv, p.own)
	if o.okta != "" {
		cfg, err := config.FromEnv(env, true)
		if err != nil {
			return nil, fmt.Errorf("-okta needs the settings of a real org: %w", err)
		}
		if err := checkSecrets(context.Background(), cfg, secrets.Default(env)); err != nil {
			return nil, fmt.Errorf("-okta needs the secrets of a real org: %w", err)
		}
		p.okta, p.note = cfg.Root.String(), "This is a real org. Every change is a dry run until this is started with -write."
		if o.write {
			p.note = "This is a real org, and what you change is changed."
		}
		return env, nil
	}
	if root := o.getenv("OKTA_API_ROOT"); root != "" {
		// Nothing asks a local caller who they are, so a real org is not worked on by accident.
		if u, err := url.Parse(root); err != nil || !caller.IsLoopback(u.Hostname()) {
			return nil, fmt.Errorf("OKTA_API_ROOT is not on loopback: to work on a real org, start with -okta %s", root)
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
	if err := p.registerTransmitter(okta, o, env); err != nil {
		return nil, err
	}
	if o.auth != authSSWS {
		if err := p.registerApp(okta, o, env); err != nil {
			return nil, err
		}
	}
	p.okta = p.serve(listener, okta)
	p.token = okta.Token()
	p.own["OKTA_API_ROOT"] = p.okta
	return env, nil
}

// newOkta makes the emulator. The API token that it accepts is the functions' where they sign in with one.
func (p *product) newOkta(o options, env func(string) string) (*emulator.Emulator, error) {
	if o.auth != authSSWS {
		return emulator.New(emulator.Options{Keep: keep}), nil
	}
	p.own["OKTA_API_TOKEN_SECRET"], p.own["LOCAL_OKTA_TOKEN"] = "env:LOCAL_OKTA_TOKEN", emulator.DefaultToken
	token, err := secrets.Default(env).Get(context.Background(), env("OKTA_API_TOKEN_SECRET"))
	if err != nil {
		return nil, fmt.Errorf("OKTA_API_TOKEN_SECRET: %w", err)
	}
	return emulator.New(emulator.Options{Token: strings.TrimSpace(token.Reveal()), Keep: keep}), nil
}

// registerTransmitter tells Okta whose signals to believe: those signed with the caller's key, or with one made
// for the purpose.
func (p *product) registerTransmitter(okta *emulator.Emulator, o options, env func(string) string) error {
	if o.getenv("ITP_SIGNING_KEY_SECRET") == "" {
		p.own["ITP_KEY_ID"], p.own["ITP_ISSUER_URL"] = localKeyID, localIssuer
	}
	key, err := p.ownKey(o, env, "ITP_SIGNING_KEY_SECRET", "LOCAL_SIGNING_KEY")
	if err != nil {
		return err
	}
	okta.RegisterTransmitter(env("ITP_ISSUER_URL"), key.JWKS(env("ITP_KEY_ID")))
	return nil
}

// registerApp makes a service app in Okta that is granted all that the actions need.
func (p *product) registerApp(okta *emulator.Emulator, o options, env func(string) string) error {
	p.own["OKTA_USE_OAUTH"], p.own["OKTA_CLIENT_ID"], p.own["OKTA_KEY_ID"] = "true", localClientID, localKeyID
	key, err := p.ownKey(o, env, "OKTA_PRIVATE_KEY_SECRET", "LOCAL_PRIVATE_KEY")
	if err != nil {
		return err
	}
	app := emulator.App{ClientID: env("OKTA_CLIENT_ID"), JWKS: key.JWKS(cmp.Or(key.ID(), env("OKTA_KEY_ID"))), DPoP: o.auth == authDPoP}
	for _, g := range handlers.Groups {
		app.Scopes = append(app.Scopes, g.Scopes()...)
	}
	okta.RegisterApp(app)
	return nil
}

// ownKey reads the key that a setting refers to, made first where the caller has none; variable then holds it.
func (p *product) ownKey(o options, env func(string) string, setting, variable string) (keys.Key, error) {
	if o.getenv(setting) == "" {
		key, err := keys.Generate()
		if err != nil {
			return key, err
		}
		p.own[setting], p.own[variable] = "env:"+variable, key.PEM().Reveal()
		return key, nil
	}
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

// over looks a variable up in getenv, then in own.
func over(getenv func(string) string, own map[string]string) func(string) string {
	return func(name string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return own[name]
	}
}

// serve serves h and returns the address.
func (p *product) serve(l net.Listener, h http.Handler) string {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	p.servers = append(p.servers, s)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
	return "http://" + l.Addr().String()
}

// wait serves until ctx ends, then lets requests finish.
func (p *product) wait(ctx context.Context) error {
	select {
	case err := <-p.failed:
		p.close()
		return err
	case <-ctx.Done():
	}
	p.closeBroker() // nothing new is delivered
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.DrainTime)
	defer cancel()
	for i := len(p.servers) - 1; i >= 0; i-- { // the functions before Okta, which they still call
		if err := p.servers[i].Shutdown(drain); err != nil {
			p.close()
			return fmt.Errorf("some requests did not end within %s", app.DrainTime)
		}
	}
	return nil
}

func (p *product) closeBroker() {
	if p.broker != nil {
		_ = p.broker.Close()
		p.broker = nil
	}
}

func (p *product) close() {
	p.closeBroker()
	for _, s := range p.servers {
		_ = s.Close()
	}
}

// announce prints where everything is. The first lines are for programs: one word, one address.
func (p *product) announce(w io.Writer) {
	fmt.Fprintf(w, "functions %s\nokta %s\n", p.functions, p.okta)
	if p.token != "" {
		fmt.Fprintf(w, "token %s\n", p.token)
	}
	if p.broker != nil {
		fmt.Fprintf(w, "PUBSUB_EMULATOR_HOST=%s\n", p.broker.Addr)
	}
	if p.note != "" {
		fmt.Fprintf(w, "\n%s\n\nTry:\n  curl -s %s/users/ping\n\n%s/ lists the actions. Ctrl-C ends.\n", p.note, p.functions, p.functions)
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

%s/ lists the actions. Ctrl-C ends.
`, p.functions, p.addrFlag(), p.pubsubFlag(), p.pubsubFlag(), p.functions)
}

// addrFlag returns the flag by which invoke finds this product, "" at the default address.
func (p *product) addrFlag() string {
	if addr := strings.TrimPrefix(p.functions, "http://"); addr != defaultAddr {
		return " -addr " + addr
	}
	return ""
}

// pubsubFlag returns the flag by which publish and results find this product, "" at the default address.
func (p *product) pubsubFlag() string {
	if p.broker != nil && p.broker.Addr != defaultPubSubAddr {
		return " -pubsub-addr " + p.broker.Addr
	}
	return ""
}
