package okta

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// attempt is one request's way through the transport. It travels in the request's context, because
// the SDK returns neither the response to a failed request nor the reason of a lost one.
type attempt struct {
	route      route
	scopes     []string // of the access token
	anonymous  bool
	from       origin
	hook       *writeHook
	usage      *usage
	readOnly   bool
	needsProof bool   // a failure counts as certain only if Okta proves it, because the write must not be repeated
	scheme     string // of the credentials in the request: SSWS, Bearer or DPoP
	hidden     []secrets.Value
	sent       atomic.Bool // bytes of the request may have reached Okta

	newCredentials bool  // Okta rejected the credentials, and there are others now
	renewError     error // Okta rejected the credentials, and others could not be obtained
	response       *response
	err            error
}

type attemptKey struct{}

// errNoResponse is the error that the SDK gets for a failed connection. It is not io.EOF, after
// which the SDK would send the request again without limit, writes included.
var errNoResponse = errors.New("no response from Okta")

// errReadOnly is the error of a write by a client of ReadOnly.
var errReadOnly = errors.New("a write was attempted in a dry run")

// capturingTransport is the transport under the SDK. It waits for the limits, adds the credentials,
// sends the request, and keeps the response in the request's attempt. The SDK and net/http get an
// empty 204 in its place: the SDK neither decodes nor retries, and net/http follows no redirect,
// which would turn a POST into a GET that looks like a success, and could send the credentials to
// another port.
type capturingTransport struct {
	base        http.RoundTripper
	auth        Auth
	concurrency *concurrencyLimiter
	rate        *rateLimiter
	memory      *memory
}

// RoundTrip implements http.RoundTripper.
func (k *capturingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	x, ok := r.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		return nil, errors.New("a request to Okta without an attempt")
	}
	x.response, x.err = k.exchange(r, x)
	if x.err != nil {
		return nil, errNoResponse
	}
	return &http.Response{
		StatusCode: http.StatusNoContent, Status: "204 No Content", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: r,
	}, nil
}

// exchange sends a request when the limits allow it, and returns the response.
func (k *capturingTransport) exchange(r *http.Request, x *attempt) (re *response, err error) {
	ctx := r.Context()
	if x.readOnly && r.Method != http.MethodGet {
		return nil, errReadOnly
	}
	if !x.anonymous {
		if err := k.auth.ready(ctx, x.scopes); err != nil {
			return nil, err
		}
	}
	p, err := k.acquire(ctx, x.route, x.from)
	if err != nil {
		return nil, err
	}
	defer func() {
		k.rate.release(x.route, p, re)
		k.concurrency.release(x.from, re)
	}()
	r = r.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// This is before anything is flushed, over HTTP/2 too.
		WroteHeaderField: func(string, []string) { x.sent.Store(true) },
	}))
	r.Header.Del("Authorization") // the SDK has set an empty one
	if !x.anonymous {
		if err := k.auth.authorize(ctx, r, x.scopes); err != nil {
			return nil, err
		}
	}
	if err := x.hook.begin(); err != nil {
		return nil, err
	}
	x.noteCredentials(r)
	if re, err = send(k.base, r, k.memory); err != nil {
		return nil, err
	}
	re.route, re.received, re.hidden = x.route, k.rate.clock.Now(), x.hidden
	re.path, re.hasProof = r.URL.Path, r.Header.Get("DPoP") != ""
	x.usage.add(re)
	if !x.anonymous {
		x.newCredentials, x.renewError = k.auth.afterResponse(r, re)
	}
	return re, nil
}

// noteCredentials records the credentials of a request that is about to be sent.
func (x *attempt) noteCredentials(r *http.Request) {
	var credential string
	x.scheme, credential, _ = strings.Cut(r.Header.Get("Authorization"), " ")
	x.hidden = append(slices.Clip(x.hidden), secrets.New(credential), secrets.New(r.Header.Get("DPoP")))
}

// acquire waits until the concurrency limit and the rate limit allow the request. A request that
// waits for the rate limit holds no place, so that requests of other buckets can use it.
func (k *capturingTransport) acquire(ctx context.Context, r route, from origin) (permit, error) {
	var s slot
	for {
		if err := k.concurrency.acquire(ctx, from); err != nil {
			return permit{}, err
		}
		p, wait := k.rate.acquire(r, from.urgent, &s)
		if wait == nil {
			return p, nil
		}
		k.concurrency.release(from, nil)
		if err := wait(ctx); err != nil {
			return permit{}, err
		}
	}
}

// send sends a request and reads the response to its end, within CallTimeout.
func send(base http.RoundTripper, r *http.Request, m *memory) (*response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), CallTimeout)
	defer cancel()
	res, err := base.RoundTrip(r.WithContext(ctx))
	if invalid := (*tls.CertificateVerificationError)(nil); errors.As(err, &invalid) {
		return nil, apierr.New(apierr.InvalidResponse, "bad_certificate",
			"Okta's TLS certificate is not trusted"+certificateProblem(invalid.Err)+
				": check OKTA_API_ROOT (Api Root) and any TLS-inspecting proxy", err)
	}
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, release, err := m.read(ctx, res.Body, res.ContentLength)
	if errors.Is(err, errTooLarge) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("reading the response: %w", err)
	}
	return &response{status: res.StatusCode, header: res.Header, body: body, giveBack: release}, nil
}

// connectionFailed reports whether the connection failed or the response took too long.
func (x *attempt) connectionFailed() bool {
	var reported *apierr.Error
	return x.err != nil && !errors.As(x.err, &reported) && !errors.Is(x.err, errReadOnly)
}
