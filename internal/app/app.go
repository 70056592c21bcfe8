// Package app is the composition root: settings, secrets, the Okta client, and what each group's actions
// need of them. Nothing happens before the first request, and a build that failed is not kept.
package app

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"google.golang.org/api/option"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/audit"
	"example.com/okta-secops/internal/buildinfo"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/pubsub"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

// Options is what an App is made of; Getenv is required.
type Options struct {
	Getenv    func(string) string
	Secrets   secrets.Source        // nil: secrets.Default
	Transport http.RoundTripper     // nil: okta.Transport
	Google    http.RoundTripper     // to fetch Google's public keys; nil: http.DefaultTransport
	Storage   []option.ClientOption // to reach Cloud Storage
	PubSub    []option.ClientOption // to reach Pub/Sub
	Clock     okta.Clock            // nil: okta.SystemClock
	Records   int                   // room for idempotency records in memory, in bytes; 0: 64 MiB
	Lease     time.Duration         // of the claims on Idempotency-Keys; 0: idempotency.Lease
	Log       *slog.Logger          // nil: what slog.Default is at a request
	Exit      func(code int)        // ends the process at SIGTERM, once nothing is in flight; nil: that is somebody else's matter
	ReadOnly  string                // why every change is a dry run; "" where changes are made
	Groups    []action.Group        // of the whole catalog, whose actions the keys of callers may name; nil: any name
}

// App builds what the functions of one process share. The groups share the Okta client, because its bound
// on calls in flight, and what it knows of Okta's rate limits, are the process's.
type App struct {
	o Options

	signals sync.Once

	settings sync.Mutex
	configs  map[bool]*config.Config // by whether credentials are needed
	audit    *audit.Log

	secrets *secrets.Cached

	building sync.Mutex
	doors    *doors
	built    *built
}

// doors are the authenticators, which cache what they check callers with.
type doors struct{ callers, push caller.Authenticator }

// built is what is made once per process, without a secret having been read.
type built struct {
	inFlight    *httpapi.InFlightLimiter
	idempotency *idempotency.Store
	topics      *pubsub.Publisher
	okta        *okta.Client
	signIn      func(ctx context.Context) error // reads what the client signs in with
	signing     *credential[keys.Key]           // nil: the deployment has none
}

// New makes an App. It does no I/O and reads no settings.
func New(o Options) *App {
	if o.Secrets == nil {
		o.Secrets = secrets.Default(o.Getenv)
	}
	if o.Clock == nil {
		o.Clock = okta.SystemClock{}
	}
	a := &App{o: o, configs: map[bool]*config.Config{}}
	a.secrets = secrets.NewCached(o.Secrets, o.Clock.Now, a.log)
	return a
}

func (a *App) log() *slog.Logger { return cmp.Or(a.o.Log, slog.Default()) }

// Open returns what one group is served with: a function that builds it at the first call and keeps it
// once it succeeded.
func (a *App) Open(g action.Group) httpapi.Open {
	return func(ctx context.Context) (httpapi.Setup, error) {
		if a.o.Exit != nil {
			a.signals.Do(a.endOnSignal)
		}
		setup := httpapi.Setup{Log: a.log(), Audit: a.auditLog()}
		cfg, err := a.config(g.NeedsOkta())
		d, unknown := a.authenticators()
		if unknown != nil {
			return setup, cmp.Or(err, unknown)
		}
		setup.Caller, setup.Push = d.callers, d.push
		if err != nil {
			return setup, err
		}
		b := a.build(cfg)
		setup.API = httpapi.Description{CallerAuth: cfg.CallerAuth, KeyHeader: cfg.CallerKeyHeader, Version: buildinfo.Version()}
		setup.InFlight, setup.Idempotency, setup.Deadline = b.inFlight, b.idempotency, cfg.Deadline
		if cfg.ResultsTopic != "" {
			setup.Results = b.topics.Topic(cfg.ResultsTopic)
		}
		if cfg.DeadLetterTopic != "" {
			setup.DeadLetters = b.topics.Topic(cfg.DeadLetterTopic)
		}
		if !cfg.VerifySSL {
			setup.Warnings = []string{"Verify SSL is off (OKTA_VERIFY_SSL): Okta's certificate is not checked, so the credentials may go to anyone."}
		}
		// Whether the caller may be served does not hang on Okta's secrets.
		setup.Deps = func(ctx context.Context) (action.Deps, error) { return a.deps(ctx, g, cfg, b) }
		return setup, nil
	}
}

func (a *App) config(credentials bool) (*config.Config, error) {
	a.settings.Lock()
	defer a.settings.Unlock()
	if a.configs[credentials] == nil {
		cfg, err := config.FromEnv(a.o.Getenv, credentials)
		if err != nil {
			return nil, apierr.New(apierr.Misconfigured, "misconfigured", err.Error(), nil)
		}
		if !cfg.VerifySSL {
			a.log().Warn("Verify SSL is off (OKTA_VERIFY_SSL): Okta's certificate is not checked")
		}
		a.configs[credentials] = &cfg
	}
	return a.configs[credentials], nil
}

// auditLog is made before the settings are known to be whole: a call that cannot be served for that is on record too. What
// is not said to be plain is hashed.
func (a *App) auditLog() *audit.Log {
	a.settings.Lock()
	defer a.settings.Unlock()
	if a.audit == nil {
		logins := a.o.Getenv("AUDIT_LOGINS")
		a.audit = audit.New(a.log, a.o.Getenv("K_REVISION"), logins != "" && logins != "plain")
	}
	return a.audit
}

// deps reads the secrets that the group needs, side by side where they are not kept yet, so that one that is missing or
// wrong is told before anything is sent.
func (a *App) deps(ctx context.Context, g action.Group, cfg *config.Config, b *built) (action.Deps, error) {
	d := action.Deps{Okta: b.okta, MaxTargets: cfg.MaxTargets, Workers: cfg.Concurrency, ReadOnly: a.o.ReadOnly, Now: a.o.Clock.Now, Log: a.log()}
	var reads sync.WaitGroup
	var unsigned error
	if g.Signs {
		d.Signing = ssf.Transmitter{KeyID: cfg.SigningKeyID, Issuer: cfg.Issuer}
		if b.signing != nil {
			reads.Go(func() { d.Signing.Key, unsigned = b.signing.Get(ctx) })
		}
	}
	err := b.signIn(ctx)
	reads.Wait()
	d.Signing.KeyID = cmp.Or(d.Signing.Key.ID(), d.Signing.KeyID)
	return d, cmp.Or(err, unsigned)
}

// authenticators returns the authenticators, which do not depend on other settings.
func (a *App) authenticators() (*doors, error) {
	a.building.Lock()
	defer a.building.Unlock()
	if a.doors != nil {
		return a.doors, nil
	}
	cfg, err := config.CallersFromEnv(a.o.Getenv)
	if err != nil {
		return nil, apierr.New(apierr.Misconfigured, "misconfigured", err.Error(), nil)
	}
	callers, err := a.authenticator(cfg)
	if err != nil {
		return nil, err
	}
	push, err := a.pushAuthenticator(cfg, callers)
	if err != nil {
		return nil, err
	}
	a.doors = &doors{callers, push}
	return a.doors, nil
}

func (a *App) build(cfg *config.Config) *built {
	a.building.Lock()
	defer a.building.Unlock()
	if a.built != nil {
		return a.built
	}
	b := &built{
		inFlight:    httpapi.NewInFlightLimiter(cfg.MaxInvocations),
		idempotency: idempotency.New(a.idempotencyObjects(cfg), a.o.Clock.Now, cmp.Or(a.o.Lease, idempotency.LeaseDuration)), topics: pubsub.NewPublisher(a.o.PubSub...),
		signIn: func(context.Context) error { return nil },
	}
	o := okta.Options{Root: cfg.Root, Concurrency: cfg.Concurrency, LimitShare: cfg.LimitShare, Transport: a.o.Transport, Clock: a.o.Clock}
	if o.Transport == nil {
		o.Transport = okta.Transport(cfg.VerifySSL)
	}
	switch {
	case cfg.OAuth:
		key := newCredential(a.secrets, cfg.KeyRef, "OKTA_PRIVATE_KEY_SECRET (Private Key)", keys.Parse)
		b.signIn = key.check
		o.Auth = okta.OAuth(okta.ServiceApp{
			Root: cfg.Root, ClientID: cfg.ClientID, KeyID: cfg.KeyID, Key: key, Transport: o.Transport, Clock: a.o.Clock,
		})
	case cfg.TokenRef != "":
		token := newCredential(a.secrets, cfg.TokenRef, "OKTA_API_TOKEN_SECRET (Api Token)", config.APIToken)
		b.signIn, o.Auth = token.check, okta.SSWS(token)
	}
	if cfg.SigningKeyRef != "" {
		b.signing = newCredential(a.secrets, cfg.SigningKeyRef, "ITP_SIGNING_KEY_SECRET (Private Key String)", keys.Parse)
	}
	b.okta = okta.New(o)
	a.built = b
	return b
}

// idempotencyObjects is where Idempotency-Keys are claimed: in a bucket, for all instances, or else in this one.
func (a *App) idempotencyObjects(cfg *config.Config) idempotency.Objects {
	if cfg.IdempotencyBucket != "" {
		return idempotency.NewBucket(cfg.IdempotencyBucket, cfg.IdempotencyPrefix, a.o.Storage...)
	}
	a.log().Info("IDEMPOTENCY_BUCKET is not set: Idempotency-Keys are claimed in this instance only, and forgotten with it")
	return &idempotency.Memory{Now: a.o.Clock.Now, Room: a.o.Records}
}
