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
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// response is what Okta answered, its body read to the end.
type response struct {
	status   int
	header   http.Header
	body     []byte
	op       string          // of the call that it answers
	path     string          // of the request
	proved   bool            // the request carried a DPoP proof
	received time.Time       // by our clock
	hidden   []secrets.Value // what the request carried and the reply must not be quoted with
	memory   func()          // gives back what the body takes
}

// release is called when the body has been decoded.
func (r *response) release() {
	if r != nil && r.memory != nil {
		r.memory()
	}
}

// attempt is one request's way through the transport, kept for the method that caused it. It travels in
// the request's context, because the SDK hands its caller neither the reply of a failed call nor the
// reason of a lost one.
type attempt struct {
	op        string   // the call's, which names its rate limit
	scopes    []string // the credentials need
	anonymous bool
	from      origin
	watcher   *writeHook // is told before the request is sent; nil: nobody is
	readOnly  bool
	writes    bool   // the request is no GET
	provable  bool   // that it was not made must be proved by Okta, for it must not be repeated
	scheme    string // of the credentials that the request carried: SSWS, Bearer or DPoP
	hidden    []secrets.Value
	sent      atomic.Bool // bytes of the request may have reached Okta
	renewed   bool        // Okta refused the credentials, and there are others now
	unrenewed error       // Okta refused the credentials, and why there are no others
	reply     *response
	err       error
}

type attemptKey struct{}

// errNoReply is all that the SDK learns of a failed connection. It is not io.EOF, which the SDK would
// retry without bound, writes included.
var errNoReply = errors.New("no reply from Okta")

// errReadOnly is a write under ReadOnly.
var errReadOnly = errors.New("a write was attempted in a dry run")

// capturingTransport is the transport under the SDK: it waits for the call's turn, authorizes, sends, and keeps the reply in
// the request's exchange. Above it everyone gets a bare 204 in its place: the SDK neither decodes nor retries,
// and net/http follows no redirect, which would turn a POST into a GET that looks like success and could carry
// the credentials to another port.
type capturingTransport struct {
	base   http.RoundTripper
	auth   Auth
	gate   *concurrencyLimiter
	pacer  *rateLimiter
	memory *memory
}

// RoundTrip implements http.RoundTripper.
func (k *capturingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	x, ok := r.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		return nil, errors.New("a request to Okta without an exchange")
	}
	x.reply, x.err = k.exchange(r, x)
	if x.err != nil {
		return nil, errNoReply
	}
	return &http.Response{
		StatusCode: http.StatusNoContent, Status: "204 No Content", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: r,
	}, nil
}

func (k *capturingTransport) exchange(r *http.Request, x *attempt) (re *response, err error) {
	ctx := r.Context()
	x.writes = r.Method != http.MethodGet
	if x.readOnly && x.writes {
		return nil, errReadOnly
	}
	if !x.anonymous {
		if err := k.auth.ready(ctx, x.scopes); err != nil {
			return nil, err
		}
	}
	known, err := k.turn(ctx, x.op, x.from)
	if err != nil {
		return nil, err
	}
	defer func() {
		k.pacer.leave(x.op, known, re)
		k.gate.release(x.from, re)
	}()
	r = r.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// Before anything is flushed, over HTTP/2 too.
		WroteHeaderField: func(string, []string) { x.sent.Store(true) },
	}))
	r.Header.Del("Authorization") // the SDK has put an empty one there
	if !x.anonymous {
		if err := k.auth.authorize(ctx, r, x.scopes); err != nil {
			return nil, err
		}
	}
	if err := x.watcher.begin(); err != nil {
		return nil, err
	}
	x.carry(r)
	if re, err = send(k.base, r, k.memory); err != nil {
		return nil, err
	}
	re.op, re.received, re.hidden = x.op, k.pacer.clock.Now(), x.hidden
	re.path, re.proved = r.URL.Path, r.Header.Get("DPoP") != ""
	if !x.anonymous {
		x.renewed, x.unrenewed = k.auth.answered(r, re)
	}
	return re, nil
}

// carry notes the credentials of a request that is about to leave.
func (x *attempt) carry(r *http.Request) {
	var credential string
	x.scheme, credential, _ = strings.Cut(r.Header.Get("Authorization"), " ")
	x.hidden = append(slices.Clip(x.hidden), secrets.New(credential), secrets.New(r.Header.Get("DPoP")))
}

// turn waits until the call may leave: there is a place among the calls in flight, and Okta's rate limit has
// one left. Who waits for the rate limit holds no place, which a call to another endpoint can use.
func (k *capturingTransport) turn(ctx context.Context, op string, from origin) (known rateQuota, err error) {
	var s slot
	for {
		if err := k.gate.acquire(ctx, from); err != nil {
			return rateQuota{}, err
		}
		known, wait := k.pacer.turn(op, from.urgent, &s)
		if wait == nil {
			return known, nil
		}
		k.gate.release(from, nil)
		if err := wait(ctx); err != nil {
			return rateQuota{}, err
		}
	}
}

// send sends a request and reads the reply to its end, within CallTimeout.
func send(base http.RoundTripper, r *http.Request, m *memory) (*response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), CallTimeout)
	defer cancel()
	res, err := base.RoundTrip(r.WithContext(ctx))
	if bad := (*tls.CertificateVerificationError)(nil); errors.As(err, &bad) {
		return nil, apierr.New(apierr.InvalidResponse, "bad_certificate", "Okta's TLS certificate is not trusted"+distrust(bad.Err)+
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
		return nil, fmt.Errorf("reading the reply: %w", err)
	}
	return &response{status: res.StatusCode, header: res.Header, body: body, memory: release}, nil
}

// lost tells whether the connection failed, or the reply took too long.
func (x *attempt) lost() bool {
	var f *apierr.Error
	return x.err != nil && !errors.As(x.err, &f) && !errors.Is(x.err, errReadOnly)
}
