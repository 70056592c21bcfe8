// Package app is the composition root. It builds the settings, the secrets, the Okta client and the
// dependencies of each group's actions at the first request; importing the package does nothing. A
// failed build is repeated by the next request. Its errors are of the type *apierr.Error.
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
	"example.com/okta-secops/internal/bucket"
	"example.com/okta-secops/internal/buildinfo"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/internal/jobs"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/pubsub"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

// Options configures an App; only Getenv is required.
type Options struct {
	Getenv    func(string) string
	Secrets   secrets.Source        // nil: secrets.Default
	Transport http.RoundTripper     // to Okta; nil: okta.Transport
	Google    http.RoundTripper     // to Google's public keys; nil: http.DefaultTransport
	Storage   []option.ClientOption // of the Cloud Storage client
	PubSub    []option.ClientOption // of the Pub/Sub client
	Publish   time.Duration         // limits one call to Pub/Sub, and the wait of a reply for it; 0: 5 s and 2 s
	Clock     okta.Clock            // nil: okta.SystemClock
	Records   int                   // room for idempotency records in memory, in bytes; 0: 64 MiB
	Lease     time.Duration         // of an idempotency key; 0: idempotency.LeaseDuration
	Log       *slog.Logger          // nil: slog.Default at the time of the request
	Exit      func(code int)        // ends the process after SIGTERM; nil: the caller handles the signal
	ReadOnly  string                // a warning: every change is a dry run; "" if changes are made
	Groups    []action.Group        // whose actions the keys of callers may name; nil: any name is accepted
}

// App builds the parts that the functions of one process share. All groups share one Okta client,
// because Okta's rate limits and the limit on concurrent calls apply to the process.
type App struct {
	o Options

	signals sync.Once

	settings sync.Mutex
	configs  map[bool]*config.Config // by whether credentials are needed
	audit    *audit.Log

	secrets *secrets.Cached

	building       sync.Mutex
	authenticators *authenticators
	built          *built
}

// authenticators are kept, because they cache the keys that they check.
type authenticators struct{ callers, push caller.Authenticator }

// built is built once per process, without reading a secret.
type built struct {
	version     string
	inFlight    *httpapi.InFlightLimiter
	idempotency *idempotency.Store
	jobs        *jobs.Store
	topics      *pubsub.Publisher
	okta        *okta.Client
	signIn      func(ctx context.Context) error // reads the credentials of the client
	signing     *credential[keys.Key]           // nil: the deployment has none
	policy      *policyLoader
	guardrails  *action.Guardrails
}

// New returns an App. It does no I/O and reads no settings.
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

// Open returns the function that builds the Setup of a group.
func (a *App) Open(g action.Group) httpapi.Open {
	return func(context.Context) (httpapi.Setup, error) {
		a.watchSignal()
		cfg, err := a.config(g.NeedsOkta())
		auth, unknown := a.authentication()
		switch {
		case unknown != nil:
			return httpapi.Setup{Log: a.log(), Audit: a.auditLog()}, cmp.Or(err, unknown)
		case err != nil:
			return httpapi.Setup{Log: a.log(), Audit: a.auditLog(), Caller: auth.callers, Push: auth.push}, err
		}
		return a.setup(g, cfg, auth, a.build(cfg)), nil
	}
}

// setup returns the Setup of a group. Its Deps reads Okta's secrets, which the authentication of a
// caller does not need.
func (a *App) setup(g action.Group, cfg *config.Config, auth *authenticators, b *built) httpapi.Setup {
	return httpapi.Setup{
		Log: a.log(), Audit: a.auditLog(), Caller: auth.callers, Push: auth.push,
		Deadline: cfg.Deadline, PublishTime: a.o.Publish, InFlight: b.inFlight, Idempotency: b.idempotency,
		Jobs: b.jobs, JobsTopic: b.topic(cfg.JobsTopic(g.Name)), Policy: b.policy.Policy, Warnings: warnings(cfg),
		Results: b.topic(cfg.ResultsTopic), DeadLetters: b.topic(cfg.DeadLetterTopic),
		API:  httpapi.Description{CallerAuth: cfg.CallerAuth, KeyHeader: cfg.CallerKeyHeader, Version: b.version},
		Deps: func(ctx context.Context) (action.Deps, error) { return a.deps(ctx, g, cfg, b) },
	}
}

// topic returns the topic of this name; nil if it is not set.
func (b *built) topic(name string) httpapi.Topic {
	if name == "" {
		return nil
	}
	return b.topics.Topic(name)
}

func warnings(cfg *config.Config) []string {
	if cfg.VerifySSL {
		return nil
	}
	return []string{"Verify SSL is off (OKTA_VERIFY_SSL): Okta's certificate is not checked, " +
		"so the credentials may be sent to an attacker."}
}

func (a *App) config(credentials bool) (*config.Config, error) {
	a.settings.Lock()
	defer a.settings.Unlock()
	if a.configs[credentials] == nil {
		cfg, err := config.FromEnv(a.o.Getenv, credentials)
		if err != nil {
			return nil, apierr.New(apierr.Misconfigured, "misconfigured", err.Error(), nil)
		}
		if err := a.checkInlinePolicy(cfg.Guardrails); err != nil {
			return nil, err
		}
		if !cfg.VerifySSL {
			a.log().Warn("Verify SSL is off (OKTA_VERIFY_SSL): Okta's certificate is not checked")
		}
		a.configs[credentials] = &cfg
	}
	return a.configs[credentials], nil
}

// auditLog does not depend on valid settings: requests to a misconfigured deployment are recorded
// too. Logins are hashed unless AUDIT_LOGINS is empty or plain.
func (a *App) auditLog() *audit.Log {
	a.settings.Lock()
	defer a.settings.Unlock()
	if a.audit == nil {
		logins := a.o.Getenv("AUDIT_LOGINS")
		a.audit = audit.New(a.log, a.o.Getenv("K_REVISION"), logins != "" && logins != "plain")
	}
	return a.audit
}

// targetsPerPlace is how many targets a run handles at once for each request to Okta in flight. The steps
// of one target wait for each other, so that more targets than places keep the places in use.
const targetsPerPlace = 4

// deps returns the dependencies of the group's actions. It reads the secrets that the group needs,
// in parallel, so that a missing or invalid secret is an error before any request to Okta.
func (a *App) deps(ctx context.Context, g action.Group, cfg *config.Config, b *built) (action.Deps, error) {
	var reads sync.WaitGroup
	var signing ssf.Transmitter
	var unsigned error
	if g.Signs {
		signing = ssf.Transmitter{KeyID: cfg.SigningKeyID, Issuer: cfg.Issuer, InSeconds: cfg.TimestampInSeconds}
		if b.signing != nil {
			reads.Go(func() { signing.Key, unsigned = b.signing.Get(ctx) })
		}
	}
	err := b.signIn(ctx)
	reads.Wait()
	signing.KeyID = cmp.Or(signing.Key.ID(), signing.KeyID)
	return action.Deps{
		Okta: b.okta, Signing: signing, MaxTargets: cfg.MaxTargets, Workers: targetsPerPlace * cfg.Concurrency,
		Guardrails: b.guardrails, QuarantineGroup: cfg.QuarantineGroup, ReadOnly: a.o.ReadOnly,
		Now: a.o.Clock.Now, Log: a.log(),
	}, cmp.Or(err, unsigned)
}

// authentication returns the authenticators, which do not depend on the other settings.
func (a *App) authentication() (*authenticators, error) {
	a.building.Lock()
	defer a.building.Unlock()
	if a.authenticators != nil {
		return a.authenticators, nil
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
	a.authenticators = &authenticators{callers, push}
	return a.authenticators, nil
}

// build returns the shared parts, and builds them at the first call.
func (a *App) build(cfg *config.Config) *built {
	a.building.Lock()
	defer a.building.Unlock()
	if a.built == nil {
		transport := a.o.Transport
		if transport == nil {
			transport = okta.Transport(cfg.VerifySSL)
		}
		auth, signIn := a.oktaAuth(cfg, transport)
		var connection *bucket.Bucket // nil: records and changes are kept in memory
		if cfg.IdempotencyBucket != "" {
			connection = bucket.New(cfg.IdempotencyBucket, a.o.Storage...)
		}
		policy := a.newPolicyLoader(cfg.Guardrails)
		objects := a.idempotencyObjects(cfg, connection)
		a.built = &built{
			policy:      policy,
			version:     buildinfo.Version(),
			inFlight:    httpapi.NewInFlightLimiter(cfg.MaxInvocations),
			idempotency: idempotency.New(objects, a.o.Clock.Now, cmp.Or(a.o.Lease, idempotency.LeaseDuration)),
			jobs:        jobs.NewStore(objects, a.o.Clock.Now),
			topics:      pubsub.NewPublisher(a.o.Publish, a.o.PubSub...),
			okta: okta.New(okta.Options{
				Root: cfg.Root, Auth: auth, Concurrency: cfg.Concurrency, LimitShare: cfg.LimitShare,
				Transport: transport, Clock: a.o.Clock,
			}),
			signIn:     signIn,
			signing:    a.signingKey(cfg),
			guardrails: action.NewGuardrails(policy.Policy, guardrail.NewCounter(a.changes(connection), a.o.Clock.Now)),
		}
	}
	return a.built
}

// oktaAuth returns the authentication to Okta and a function that reads its secret.
func (a *App) oktaAuth(cfg *config.Config, transport http.RoundTripper) (okta.Auth, func(context.Context) error) {
	switch {
	case cfg.OAuth:
		key := newCredential(a.secrets, cfg.KeyRef, "OKTA_PRIVATE_KEY_SECRET (Private Key)", keys.Parse)
		return okta.OAuth(okta.ServiceApp{
			Root: cfg.Root, ClientID: cfg.ClientID, KeyID: cfg.KeyID, Key: key, Transport: transport, Clock: a.o.Clock,
		}), key.check
	case cfg.TokenRef != "":
		token := newCredential(a.secrets, cfg.TokenRef, "OKTA_API_TOKEN_SECRET (Api Token)", config.APIToken)
		return okta.SSWS(token), token.check
	}
	return nil, func(context.Context) error { return nil }
}

func (a *App) signingKey(cfg *config.Config) *credential[keys.Key] {
	if cfg.SigningKeyRef == "" {
		return nil
	}
	return newCredential(a.secrets, cfg.SigningKeyRef, "ITP_SIGNING_KEY_SECRET (Private Key String)", keys.Parse)
}

// changes returns the storage of the changes that guardrails count: the bucket that all instances
// and functions share, or the memory of this instance.
func (a *App) changes(connection *bucket.Bucket) guardrail.Store {
	if connection != nil {
		return guardrail.NewBucket(connection)
	}
	a.log().Info("IDEMPOTENCY_BUCKET is not set: max_users_per_hour counts the changes of this instance only")
	return &guardrail.Memory{}
}

// idempotencyObjects returns the storage of the idempotency records: a bucket that all instances
// share, or the memory of this instance.
func (a *App) idempotencyObjects(cfg *config.Config, connection *bucket.Bucket) idempotency.Objects {
	if connection != nil {
		return idempotency.NewBucket(connection, cfg.IdempotencyPrefix)
	}
	a.log().Info("IDEMPOTENCY_BUCKET is not set: idempotency records are kept in the memory of this instance " +
		"and lost when it ends")
	return &idempotency.Memory{Now: a.o.Clock.Now, Room: a.o.Records}
}

// Policy returns the policy of the guardrails that is in force. The error is of the type *apierr.Error.
func (a *App) Policy(ctx context.Context) (*guardrail.Policy, error) {
	cfg, err := a.config(true)
	if err != nil {
		return nil, err
	}
	return a.build(cfg).policy.Policy(ctx)
}

// Okta returns the client of the org, for the commands of operators. Its credentials are read first. The error is of
// the type *apierr.Error.
func (a *App) Okta(ctx context.Context) (*okta.Client, error) {
	cfg, err := a.config(true)
	if err != nil {
		return nil, err
	}
	b := a.build(cfg)
	return b.okta, b.signIn(ctx)
}
