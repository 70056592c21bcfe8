package okta

import (
	"cmp"
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"
	"time"

	"example.com/okta-secops/secrets"
)

// defaultShare leaves half of each rate limit to the org's other clients.
const defaultShare = 0.5

// CallTimeout bounds one request to Okta, from sending it to the end of the response. The caller's
// deadline bounds it too.
const CallTimeout = 30 * time.Second

// Options configures a Client.
type Options struct {
	Root        *url.URL          // the org's URL without a path: https://acme.okta.com
	Auth        Auth              // nil: only the calls that need no credentials work
	Transport   http.RoundTripper // nil: Transport(true)
	Concurrency int               // maximum number of requests in flight, over all users of this client; at least 1
	LimitShare  float64           // the share of each rate limit that is used at full speed, up to 1; 0: 0.5
	Clock       Clock             // nil: SystemClock
}

// Client calls one Okta org. It is safe for concurrent use. Make one per process: its concurrency
// limit, and the rate limits that it learns, are meant for the process.
type Client struct {
	root    *url.URL
	auth    Auth
	sdk     sdkClient
	http    *http.Client
	clock   Clock
	scopes  []string
	from    origin
	memory  *memory
	holding *holding // nil: not counted
	usage   *usage   // nil: not counted

	readOnly bool
	planning bool
	hook     func(WriteEvent) error // nil: none
	step     string
	secrets  []secrets.Value
}

// New returns a client. It does no I/O.
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
		base: base, auth: o.Auth, memory: c.memory, concurrency: newConcurrencyLimiter(max(1, o.Concurrency)),
		rate: newRateLimiter(cmp.Or(o.LimitShare, defaultShare), c.clock),
	}}
	c.sdk = newSDKClient(o.Root.Scheme, o.Root.Host, c.http)
	return c
}

// Transport returns the connections to Okta: pooled, with HTTP/2 if Okta offers it. With verify
// false it accepts any certificate (Verify SSL off). It pings a silent HTTP/2 connection and closes
// it without a response: all requests share the connection, so that a dead one would delay each of
// them until its deadline.
func Transport(verify bool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify}
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	return t
}

// Root returns the org's URL, without a path.
func (c *Client) Root() string { return c.root.Scheme + "://" + c.root.Host }

// Host returns the host of the org.
func (c *Client) Host() string { return c.root.Host }

// HasCredentials reports whether the client can make calls that need credentials.
func (c *Client) HasCredentials() bool { return c != nil && c.auth != nil }

// IsServiceApp reports whether the credentials belong to a service app, and not to a user.
func (c *Client) IsServiceApp() bool { return c.auth != nil && !c.auth.isUser() }

// The methods below return a copy of the client that shares the connections, the limits and the
// credentials. A nil client stays nil.

// WithScopes returns a client whose access tokens have these OAuth scopes only. It has no effect on
// an API token.
func (c *Client) WithScopes(scopes []string) *Client {
	return c.with(func(n *Client) { n.scopes = scopes })
}

// For returns a client for one invocation by a caller of the functions. Urgent calls, those of an
// action that changes something, go before others, and a caller leaves places to the calls of other
// callers. Release must follow.
func (c *Client) For(caller string, urgent bool) *Client {
	return c.with(func(n *Client) {
		n.from, n.holding, n.usage = origin{caller, urgent}, &holding{memory: c.memory}, &usage{}
	})
}

// ReadOnly returns a client that refuses every request but GET before it is sent, so that a dry run
// cannot write.
func (c *Client) ReadOnly() *Client { return c.with(func(n *Client) { n.readOnly = true }) }

// Planning returns a client for the calls that an action makes before it changes anything for a
// target: the error of a failed call adds that nothing was changed.
func (c *Client) Planning() *Client { return c.with(func(n *Client) { n.planning = true }) }

// WithWriteHook returns a client that calls hook for every write: before the write is sent, which
// an error of hook prevents, and when the write has ended.
func (c *Client) WithWriteHook(hook func(WriteEvent) error) *Client {
	return c.with(func(n *Client) { n.hook = hook })
}

// WithStep returns a client whose writes belong to this step of a composed change: WriteEvent.Step.
func (c *Client) WithStep(name string) *Client {
	return c.with(func(n *Client) { n.step = name })
}

// WithSecrets returns a client that removes these secrets from every error text of Okta, besides
// the secrets that a request carries.
func (c *Client) WithSecrets(values ...secrets.Value) *Client {
	return c.with(func(n *Client) { n.secrets = slices.Concat(c.secrets, values) })
}

// with returns a copy of the client after change; nil for a nil client.
func (c *Client) with(change func(*Client)) *Client {
	if c == nil {
		return nil
	}
	n := *c
	change(&n)
	return &n
}
