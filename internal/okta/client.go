// Package okta is the Okta client: typed calls on okta-sdk-golang/v5, one file per resource.
//
// The SDK builds the requests. Everything after that is ours, because a response to an attack must know
// what happened: the transport puts on the credentials, keeps calls within Okta's limits and keeps Okta's reply
// as it came, so that no field is lost and no error text is guessed. The SDK itself never sees a reply it
// could retry, cache or fail to decode; what is tried again, and when, is decided here (do).
package okta

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	sdk "github.com/okta/okta-sdk-golang/v5/okta"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// defaultShare leaves half of Okta's rate limits to the org's other clients.
const defaultShare = 0.5

// CallTimeout bounds one call to Okta from the moment it is sent; the caller's deadline bounds it too.
const CallTimeout = 30 * time.Second

// Options is what a Client is made of.
type Options struct {
	Root        *url.URL          // the org's URL without a path: https://acme.okta.com
	Auth        Auth              // nil: only the calls that need no credentials work
	Transport   http.RoundTripper // nil: Transport(true)
	Concurrency int               // calls in flight at once, over all users of this client; at least 1
	LimitShare  float64           // share of each of Okta's rate limits to use at full speed, up to 1; 0: 0.5
	Clock       Clock             // nil: SystemClock
}

// Client calls one Okta org. It is safe for concurrent use; make one per process, because its bound on
// calls in flight, and what it knows of Okta's rate limits, are meant for the process.
type Client struct {
	root   *url.URL
	auth   Auth
	api    *sdk.APIClient
	http   *http.Client
	clock  Clock
	scopes []string
	from   origin
	memory *memory
	kept   *holding // nil: it is not counted

	readOnly bool
	planning bool
	hook     func(WriteEvent) error // nil: none
	secrets  []secrets.Value
}

// New makes a client. It does no I/O.
func New(o Options) *Client {
	base := o.Transport
	if base == nil {
		base = Transport(true)
	}
	c := &Client{root: o.Root, auth: o.Auth, clock: o.Clock, memory: newMemory()}
	if c.clock == nil {
		c.clock = SystemClock{}
	}
	c.http = &http.Client{Transport: &capturingTransport{
		base: base, auth: o.Auth, gate: newConcurrencyLimiter(max(1, o.Concurrency)), pacer: newRateLimiter(cmp.Or(o.LimitShare, defaultShare), c.clock), memory: c.memory,
	}}
	// Built by hand: NewConfiguration reads files and OKTA_* variables, drops the port, and lets a
	// variable replace the HTTP client.
	cfg := &sdk.Configuration{
		Host:           o.Root.Host,
		Scheme:         o.Root.Scheme,
		DefaultHeader:  map[string]string{},
		UserAgentExtra: "okta-secops",
		Servers:        sdk.ServerConfigurations{{URL: o.Root.Scheme + "://" + o.Root.Host}},
		HTTPClient:     c.http,
		Context:        context.Background(),
	}
	cfg.Okta.Client.OrgUrl = o.Root.String()
	cfg.Okta.Client.AuthorizationMode = "SSWS"
	c.api = sdk.NewAPIClient(cfg)
	return c
}

// Transport is the connection to Okta: pooled, HTTP/2 where offered. verify false accepts any
// certificate (Verify SSL off). An HTTP/2 connection that has gone silent is pinged and given up: all calls share it, so
// that a dead one would hold each of them, and every later one, until its deadline.
func Transport(verify bool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify}
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	return t
}

// Root is the org's URL, without a path.
func (c *Client) Root() string { return c.root.Scheme + "://" + c.root.Host }

// HasCredentials tells whether calls that need credentials can be made.
func (c *Client) HasCredentials() bool { return c.auth != nil }

// WithScopes returns the client with credentials of these OAuth scopes only, sharing all else. To an API token
// scopes mean nothing. No client stays none.
func (c *Client) WithScopes(scopes []string) *Client {
	return c.with(func(n *Client) { n.scopes = scopes })
}

// For returns the client for one invocation by a caller of the functions, sharing all else. Urgent calls, those of an
// action that changes something, go before others; a caller's calls leave places to those of other callers. Release
// must follow. A nil client stays nil.
func (c *Client) For(caller string, urgent bool) *Client {
	return c.with(func(n *Client) { n.from, n.kept = origin{caller, urgent}, &holding{memory: c.memory} })
}

// IsServiceApp tells whether the credentials are a service app's, which is no user.
func (c *Client) IsServiceApp() bool { return c.auth != nil && !c.auth.isUser() }

// ReadOnly returns a client that refuses every call but GET before it is sent, sharing all else, so that a dry run
// cannot write even by mistake. A nil client stays nil.
func (c *Client) ReadOnly() *Client { return c.with(func(n *Client) { n.readOnly = true }) }

// Planning returns a client for the calls that an action makes before it changes anything for a target, sharing all
// else: the error of a failed call adds that nothing was changed. A nil client stays nil.
func (c *Client) Planning() *Client { return c.with(func(n *Client) { n.planning = true }) }

// WithWriteHook returns a client that calls hook for every write, sharing all else: before the write is sent, which an
// error of hook prevents, and when it has ended. A nil client stays nil.
func (c *Client) WithWriteHook(hook func(WriteEvent) error) *Client {
	return c.with(func(n *Client) { n.hook = hook })
}

// WithSecrets returns a client that removes these secrets from every error text of Okta, besides those that a request
// carries. It shares all else. A nil client stays nil.
func (c *Client) WithSecrets(values ...secrets.Value) *Client {
	return c.with(func(n *Client) { n.secrets = slices.Concat(c.secrets, values) })
}

// with returns a copy of the client that change has changed; nil for a nil client.
func (c *Client) with(change func(*Client)) *Client {
	if c == nil {
		return nil
	}
	n := *c
	change(&n)
	return &n
}

// call is one request as the SDK (or next) makes it.
type call struct {
	op   string // "POST /api/v1/users/{userId}": the route, which is what Okta limits the rate of
	send func(ctx context.Context) error
	// nonIdempotent marks a write that must not happen twice: when its reply is lost, the fault says that the
	// result is unknown instead of inviting another try.
	nonIdempotent bool
	// sendsEmail marks a write of which the user gets a link: its repeat finds another state, and would send another.
	sendsEmail bool
	// applied reads the state of the object that the write is about: after a lost response, to learn whether the
	// write was made, and after a refusal, to learn whether the asked state holds already. A write that is neither
	// idempotent by its method nor has this is not made again by itself.
	applied func(ctx context.Context) (objectState, error)
	// mootOnly marks a write of which settled cannot tell whether it was made: it is read after a refusal only.
	mootOnly bool
	statuses []int // that say that it was done; nil: every 2xx
	// object returns an error if the body of a 2xx response is not the object that the write returns; nil: any object
	// and an empty body will do.
	object func(body []byte) error
	// anonymous leaves the credentials off.
	anonymous bool
	hidden    []secrets.Value // in the request's body, besides those of WithSecrets
	// name is the name that callers gave and that the path of a read holds: Okta may not take it in a path.
	name string
}

// objectState is the state of the object that a write is about.
type objectState struct {
	made bool // the state that the write makes
	moot bool // another state that leaves the write nothing to do, such as DEPROVISIONED for a suspend
	user User // the zero User if the state is not a user's status
}

// AlreadyAppliedError is the error of a write that Okta refused although the asked state holds, because another caller
// made the change first. It wraps Okta's refusal.
type AlreadyAppliedError struct {
	User    User // as read after the refusal; the zero User if the state is not a user's status
	refusal *apierr.Error
}

// Error implements error.
func (e *AlreadyAppliedError) Error() string {
	return "the asked state holds already: " + e.refusal.Error()
}

// Unwrap returns Okta's refusal, a *apierr.Error.
func (e *AlreadyAppliedError) Unwrap() error { return e.refusal }

// AlreadyApplied returns the AlreadySoError in err's chain, nil if there is none.
func AlreadyApplied(err error) *AlreadyAppliedError {
	var so *AlreadyAppliedError
	_ = errors.As(err, &so)
	return so
}

// repeatable tells whether a call may be made again although the first may have taken effect.
func (k call) repeatable() bool {
	byMethod := k.reads() || strings.HasPrefix(k.op, http.MethodDelete)
	return !k.nonIdempotent && (byMethod || k.applied != nil)
}

func (k call) reads() bool { return strings.HasPrefix(k.op, http.MethodGet) }

// do makes one call, again where that is safe and can help, and returns Okta's reply with its body read.
// Every failure is a *apierr.Error or wraps one.
func (c *Client) do(ctx context.Context, k call) (*response, error) {
	if c.auth == nil && !k.anonymous {
		return nil, apierr.New(apierr.Misconfigured, "misconfigured", "no Okta credentials are configured: set OKTA_API_TOKEN_SECRET (Api Token), or OKTA_USE_OAUTH (Use Oauth Authentication) and what goes with it", nil)
	}
	w := newWriteHook(c.hook, k)
	re, err := c.try(ctx, k, w)
	w.end(re, err)
	if !k.reads() {
		re.release() // what answers a write is small
	}
	return re, err
}

func (c *Client) try(ctx context.Context, k call, w *writeHook) (*response, error) {
	unsure, refusedProofs := false, map[string]bool{}
	pending, unmade := false, false // the write may take effect later; it had not when the state was read last
	status, alike := 0, 0           // of the last reply, and how many replies in a row had it
	for try := 1; ; try++ {
		x := &attempt{
			op: k.op, scopes: c.scopes, from: c.from, anonymous: k.anonymous, watcher: w, provable: k.nonIdempotent || k.sendsEmail,
			readOnly: c.readOnly, hidden: slices.Concat(c.secrets, k.hidden),
		}
		err := k.send(context.WithValue(ctx, attemptKey{}, x))
		if w != nil && w.kept != nil {
			return nil, w.kept
		}
		if x.err == nil && x.reply == nil {
			x.err = apierr.New(apierr.Internal, "internal", "the request to Okta could not be built", err)
		}
		f := x.apiError(ctx)
		if f == nil {
			if f = k.unreadable(x.reply); f == nil {
				return x.reply, nil
			}
		}
		x.reply.release() // the reply to a failed call is of use only in part
		if f.Kind == apierr.Unavailable && x.reply != nil && x.reply.status >= http.StatusInternalServerError {
			if x.reply.status != status {
				status, alike = x.reply.status, 0
			}
			alike++
			f.Message = x.reply.answered(f.Message, try, alike)
		} else {
			status = 0
		}
		if f.Kind == apierr.Credentials && !k.anonymous && x.reply != nil {
			f.Message = strings.TrimRight(f.Message, ". ")
			c.auth.explain(f, c.scopes)
			if x.unrenewed != nil {
				f = apierr.As(x.unrenewed)
			}
		}
		if k.name != "" && x.refusesPath() {
			return nil, notByPath(k.name, f)
		}
		wait, again := x.again(try)
		if x.reply != nil && x.reply.proofRefused() {
			reason := x.reply.challenge("DPoP").Error
			if reason == useNonce {
				reason += " " + x.reply.header.Get("DPoP-Nonce")
			}
			again = again && !refusedProofs[reason] // a fresh proof is tried once, and each new nonce
			refusedProofs[reason] = true
		}
		uncertain := x.uncertain()
		unsure = unsure || uncertain
		pending = pending || uncertain && (x.reply == nil || x.reply.errorCode() == "")
		unmade = false
		if uncertain && k.applied != nil && !k.mootOnly {
			now, err := k.applied(ctx)
			unmade = err == nil
			if now.made && err == nil {
				return &response{status: http.StatusNoContent}, nil
			}
			again = again && err == nil // in an unknown state the write is not repeated
		}
		if again && (!uncertain || k.repeatable()) && c.clock.Sleep(ctx, wait) == nil {
			continue
		}
		if !uncertain && k.applied != nil && (unsure || refusesTarget(f)) {
			now, err := k.applied(ctx)
			switch {
			case err != nil:
			case unsure && now.made: // an earlier try was carried out, so Okta refuses its repeat
				return &response{status: http.StatusNoContent}, nil
			case !unsure && (now.made || now.moot):
				return nil, &AlreadyAppliedError{User: now.user, refusal: f}
			}
		}
		if unsure && x.writes && (pending || !unmade || k.sendsEmail) {
			w.open()
			return nil, k.unknown(f)
		}
		return nil, k.advise(c.planning, f) // Okta ended each try with its own error, and the state is as before
	}
}

// refusesTarget reports whether a fault is Okta's own refusal of a write to this target, which another caller's
// change may have caused. E0000006 is among them: Okta may answer it for a user who is DEPROVISIONED by now.
func refusesTarget(f *apierr.Error) bool {
	switch f.Kind {
	case apierr.NotFound, apierr.WrongState, apierr.Rejected:
		return true
	}
	return f.Code == apierr.CodeNoPermission
}

// unknown is the fault of a write of which is not known whether it has taken effect: it says so, and of one that must
// not happen twice also what to do.
func (k call) unknown(f *apierr.Error) *apierr.Error {
	if !k.nonIdempotent {
		told := *f
		told.Message = strings.TrimSuffix(f.Message, ".") + ": the change may or may not have been made"
		return &told
	}
	kind, what := apierr.UnknownResult, "Okta's answer was lost after the request was sent"
	if f.Kind == apierr.InvalidResponse || f.Kind == apierr.Credentials || f.Code == codeRateLimited {
		kind, what = apierr.InvalidResponse, "Okta's answer is not what Okta sends"
	}
	return &apierr.Error{
		Kind: kind, Code: apierr.CodeUnknownResult, RequestID: f.RequestID, Cause: f,
		Message: what + ": it may or may not have taken effect, and it is not repeated by itself; look at the user in Okta before trying again",
	}
}
