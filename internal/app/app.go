// Package app is the composition root: settings, secrets, the Okta client, and what each group's actions
// need of them. Nothing happens before the first request, and a build that failed is not kept.
package app

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/fault"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/serve"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

// Options is what an App is made of; Getenv is required.
type Options struct {
	Getenv    func(string) string
	Secrets   secrets.Source    // nil: secrets.Default
	Transport http.RoundTripper // nil: okta.Transport
	Clock     okta.Clock        // nil: okta.SystemClock
	Log       *slog.Logger      // nil: what slog.Default is at a request
}

// App builds what the functions of one process share. The groups share the Okta client, because its bound
// on calls in flight, and what it knows of Okta's rate limits, are the process's.
type App struct {
	o Options

	settings sync.Mutex
	configs  map[bool]*config.Config // by whether credentials are needed

	building sync.Mutex // held while secrets are read, so that one read serves all who wait
	client   *okta.Client
	signer   *ssf.Transmitter
}

// New makes an App. It does no I/O and reads no settings.
func New(o Options) *App {
	if o.Secrets == nil {
		o.Secrets = secrets.Default(o.Getenv)
	}
	if o.Clock == nil {
		o.Clock = okta.SystemClock{}
	}
	return &App{o: o, configs: map[bool]*config.Config{}}
}

func (a *App) log() *slog.Logger { return cmp.Or(a.o.Log, slog.Default()) }

// Open returns what one group is served with: a function that builds it at the first call and keeps it
// once it succeeded.
func (a *App) Open(g action.Group) serve.Open {
	return func(ctx context.Context) (serve.Setup, error) {
		cfg, err := a.config(g.NeedsOkta())
		if err != nil {
			return serve.Setup{Log: a.log()}, err
		}
		setup := serve.Setup{Caller: cfg.Caller, Deadline: cfg.Deadline, Log: a.log()}
		if !cfg.VerifySSL {
			setup.Warnings = []string{"Verify SSL is off (OKTA_VERIFY_SSL): Okta's certificate is not checked, so the credentials may go to anyone."}
		}
		// Whether the caller may be served does not hang on Okta's secrets.
		setup.Deps = func(ctx context.Context) (action.Deps, error) { return a.deps(ctx, g, cfg) }
		return setup, nil
	}
}

func (a *App) config(credentials bool) (*config.Config, error) {
	a.settings.Lock()
	defer a.settings.Unlock()
	if a.configs[credentials] == nil {
		cfg, err := config.FromEnv(a.o.Getenv, credentials)
		if err != nil {
			return nil, fault.New(fault.Misconfigured, "misconfigured", err.Error(), nil)
		}
		if !cfg.VerifySSL {
			a.log().Warn("Verify SSL is off (OKTA_VERIFY_SSL): Okta's certificate is not checked")
		}
		a.configs[credentials] = &cfg
	}
	return a.configs[credentials], nil
}

func (a *App) deps(ctx context.Context, g action.Group, cfg *config.Config) (action.Deps, error) {
	a.building.Lock()
	defer a.building.Unlock()
	d := action.Deps{MaxTargets: cfg.MaxTargets, Workers: cfg.Concurrency, Now: a.o.Clock.Now, Log: a.log()}
	var err error
	if d.Okta, err = a.okta(ctx, cfg); err != nil {
		return d, err
	}
	if g.Signs {
		d.Signing, err = a.transmitter(ctx, cfg)
	}
	return d, err
}

// okta builds the client once per process.
func (a *App) okta(ctx context.Context, cfg *config.Config) (*okta.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	o := okta.Options{Root: cfg.Root, Concurrency: cfg.Concurrency, LimitShare: cfg.LimitShare, Transport: a.o.Transport, Clock: a.o.Clock}
	if o.Transport == nil {
		o.Transport = okta.Transport(cfg.VerifySSL)
	}
	var err error
	switch {
	case cfg.OAuth:
		o.Auth, err = a.serviceApp(ctx, cfg, o.Transport)
	case cfg.TokenRef != "":
		o.Auth, err = a.apiToken(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	a.client = okta.New(o)
	return a.client, nil
}

func (a *App) apiToken(ctx context.Context, cfg *config.Config) (okta.Auth, error) {
	token, err := a.secret(ctx, cfg.TokenRef, "OKTA_API_TOKEN_SECRET (Api Token)")
	if err != nil {
		return nil, err
	}
	words := strings.Fields(token.Reveal())
	if len(words) > 0 && strings.EqualFold(words[0], "SSWS") { // people paste the header's value
		words = words[1:]
	}
	if len(words) != 1 {
		return nil, fault.New(fault.Misconfigured, "misconfigured", "the secret of OKTA_API_TOKEN_SECRET (Api Token) does not hold an API token: it must be one word", nil)
	}
	return okta.SSWS(secrets.New(words[0])), nil
}

// serviceApp reads the app's key once, so that a wrong one is told before anything is sent.
func (a *App) serviceApp(ctx context.Context, cfg *config.Config, transport http.RoundTripper) (okta.Auth, error) {
	key := func(ctx context.Context) (keys.Key, error) {
		return a.key(ctx, cfg.KeyRef, "OKTA_PRIVATE_KEY_SECRET (Private Key)")
	}
	first, err := key(ctx)
	if err != nil {
		return nil, err
	}
	return okta.OAuth(okta.ServiceApp{
		Root: cfg.Root, ClientID: cfg.ClientID, KeyID: cfg.KeyID, Key: first, ReadKey: key, Transport: transport, Clock: a.o.Clock,
	}), nil
}

func (a *App) transmitter(ctx context.Context, cfg *config.Config) (ssf.Transmitter, error) {
	if a.signer != nil {
		return *a.signer, nil
	}
	t := ssf.Transmitter{KeyID: cfg.SigningKeyID, Issuer: cfg.Issuer}
	if cfg.SigningKeyRef != "" {
		var err error
		if t.Key, err = a.key(ctx, cfg.SigningKeyRef, "ITP_SIGNING_KEY_SECRET (Private Key String)"); err != nil {
			return t, err
		}
		t.KeyID = cmp.Or(t.Key.ID(), t.KeyID)
	}
	a.signer = &t
	return t, nil
}

// key reads a private key.
func (a *App) key(ctx context.Context, ref, name string) (keys.Key, error) {
	text, err := a.secret(ctx, ref, name)
	if err != nil {
		return keys.Key{}, err
	}
	key, err := keys.Parse(text)
	if err != nil {
		return key, fault.New(fault.Misconfigured, "misconfigured", "the secret of "+name+" is not a usable key: "+err.Error(), nil)
	}
	return key, nil
}

// secret reads a secret. What only an operator can mend is told apart from what a later try may.
func (a *App) secret(ctx context.Context, ref, name string) (secrets.Value, error) {
	v, err := a.o.Secrets.Get(ctx, ref)
	switch {
	case err == nil:
		return v, nil
	case secrets.Terminal(err):
		return v, fault.New(fault.Misconfigured, "misconfigured", name+": "+err.Error(), err)
	default:
		return v, fault.New(fault.Unavailable, "secret_unavailable", "the secret of "+name+" cannot be read at the moment", err)
	}
}
