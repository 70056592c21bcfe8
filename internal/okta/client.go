// Package okta is the Okta client: typed calls on okta-sdk-golang/v5, one file per resource.
//
// The SDK builds the requests. Everything after that is ours, because a response to an attack must know
// what happened: the transport puts on the credentials, bounds the calls in flight and keeps Okta's reply
// as it came, so that no field is lost and no error text is guessed. The SDK itself never sees a reply it
// could retry, cache or fail to decode.
package okta

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	sdk "github.com/okta/okta-sdk-golang/v5/okta"

	"example.com/okta-secops/internal/fault"
)

// CallTimeout bounds one call to Okta from the moment it is its turn; the caller's deadline bounds it too.
const CallTimeout = 30 * time.Second

// Options is what a Client is made of.
type Options struct {
	Root        *url.URL          // the org's URL without a path: https://acme.okta.com
	Auth        Auth              // nil: only the calls that need no credentials work
	Transport   http.RoundTripper // nil: Transport(true)
	Concurrency int               // calls in flight at once, over all users of this client; at least 1
}

// Client calls one Okta org. It is safe for concurrent use; make one per process, because its bound on
// calls in flight is meant for the process.
type Client struct {
	root *url.URL
	auth Auth
	api  *sdk.APIClient
	http *http.Client
}

// New makes a client. It does no I/O.
func New(o Options) *Client {
	base := o.Transport
	if base == nil {
		base = Transport(true)
	}
	c := &Client{root: o.Root, auth: o.Auth}
	c.http = &http.Client{Transport: &keeper{base: base, auth: o.Auth, slots: make(chan struct{}, max(1, o.Concurrency))}}
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
// certificate (Verify SSL off).
func Transport(verify bool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify}
	return t
}

// Root is the org's URL, without a path.
func (c *Client) Root() string { return c.root.Scheme + "://" + c.root.Host }

// HasCredentials tells whether calls that need credentials can be made.
func (c *Client) HasCredentials() bool { return c.auth != nil }

type readOnlyKey struct{}

// ReadOnly returns a context under which every call but GET is refused before it leaves: a dry run that
// would write is a defect, not an accident in the org.
func ReadOnly(ctx context.Context) context.Context {
	return context.WithValue(ctx, readOnlyKey{}, true)
}

// call is one request as the SDK (or next) makes it.
type call struct {
	send func(ctx context.Context) error
	// once marks a write that must not happen twice: when its reply is lost, the fault says that the
	// result is unknown instead of inviting another try.
	once bool
	// anonymous leaves the credentials off.
	anonymous bool
}

// do runs one call and returns Okta's reply with its body read. Every failure is a *fault.Error.
func (c *Client) do(ctx context.Context, k call) (*reply, error) {
	if c.auth == nil && !k.anonymous {
		return nil, fault.New(fault.Misconfigured, "misconfigured", "no Okta credentials are configured: set OKTA_API_TOKEN_SECRET (Api Token)", nil)
	}
	x := &exchange{anonymous: k.anonymous}
	err := k.send(context.WithValue(ctx, exchangeKey{}, x))
	if x.err == nil && x.reply == nil {
		x.err = fault.New(fault.Internal, "internal", "the request to Okta could not be built", err)
	}
	f := x.fault(ctx)
	if f != nil && k.once && x.uncertain() {
		f = unknownResult(fault.UnknownResult, "Okta's answer was lost after the request was sent", f)
	}
	if f != nil {
		return nil, f
	}
	// An answer to a write is read by nobody where it holds nothing of interest; a login page of some
	// proxy, though, is no success.
	if body := bytes.TrimSpace(x.reply.body); len(body) > 0 && !json.Valid(body) {
		return nil, k.nonsense(x.reply, errNotJSON)
	}
	return x.reply, nil
}

// nonsense is the fault of a 2xx reply that does not say what such a reply says.
func (k call) nonsense(r *reply, err error) *fault.Error {
	f := r.nonsense(err)
	if k.once {
		f = unknownResult(fault.Nonsense, "Okta's answer is not what Okta sends", f)
	}
	return f
}

// unknownResult is the fault of a write that must not happen twice and may have taken effect.
func unknownResult(kind fault.Kind, what string, cause *fault.Error) *fault.Error {
	return &fault.Error{
		Kind: kind, Code: "unknown_result", RequestID: cause.RequestID, Cause: cause,
		Message: what + ": it may or may not have taken effect, and it is not repeated by itself; look at the user in Okta before trying again",
	}
}
