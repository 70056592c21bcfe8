// Package httpapi serves a group of actions over HTTP and as the push endpoint of a Pub/Sub
// subscription. It is the only package that knows HTTP; it does not know what an action does.
//
// A request passes the same steps however it arrived: authenticate, read, resolve the action, bind
// its parameters, acquire the lease of the idempotency key, run, record, reply. The first two stand
// in service.answer, the last two in service.finish, the others in service.process. All errors are
// of the type *apierr.Error or wrap one.
package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/audit"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/internal/jobs"
	"example.com/okta-secops/internal/logging"
)

// Setup is the dependencies of the requests to a group.
type Setup struct {
	Caller      caller.Authenticator // of HTTP calls
	Push        caller.Authenticator // of the deliveries of Pub/Sub
	Deadline    time.Duration        // of one request, from its decoding to its last write to Okta
	PublishTime time.Duration        // until an HTTP call does not wait any more for its result to be published; 0: 2 s
	BodyTime    time.Duration        // until the body has arrived, once the caller is authenticated; 0: 30 s
	Warnings    []string             // for every reply
	InFlight    *InFlightLimiter     // of the process
	Idempotency *idempotency.Store
	Policy      func(ctx context.Context) (*guardrail.Policy, error)
	Jobs        *jobs.Store
	JobsTopic   Topic       // of the group, for the batches of jobs; nil: it has no jobs
	Results     Topic       // gets the reply of every run; nil: replies are not published
	DeadLetters Topic       // gets the messages that failed finally; nil: they are logged
	API         Description // of GET /openapi.json
	Audit       *audit.Log
	Log         *slog.Logger
	Deps        func(ctx context.Context) (action.Deps, error) // reads the secrets that actions need
}

// Open returns the Setup. With an error, the Setup has a Log and an Audit, and the authenticators
// if they are known. It is called for every request, so that an error is not kept.
type Open func(ctx context.Context) (Setup, error)

// handler serves one group.
type handler struct {
	group  action.Group
	all    []action.Group
	open   Open
	names  func() *action.Vocabulary // of all
	events bool                      // only deliveries of Pub/Sub
}

func newHandler(g action.Group, all []action.Group, open Open, events bool) handler {
	return handler{g, all, open, sync.OnceValue(func() *action.Vocabulary { return action.NewVocabulary(all) }), events}
}

// Handler serves a group at its root: POST /<slug>, POST / with the action in the body, POST
// /pubsub for a push subscription, GET /ping, GET /actions, GET /guardrails, GET /openapi.json and
// GET /health. all
// is the whole catalog: the error for an action of another group names the function of that group.
func Handler(g action.Group, all []action.Group, open Open) http.Handler {
	return newHandler(g, all, open, false)
}

// EventHandler serves the Pub/Sub messages of a group as Eventarc delivers them, in CloudEvents of
// binary or structured mode, and GET /health.
func EventHandler(g action.Group, all []action.Group, open Open) http.Handler {
	return newHandler(g, all, open, true)
}

// Mount serves every group of one process under its name, as the local product does:
// POST /users/disable-user, GET /users/ping. In the cloud each group is a separate function and
// is served at the root. Other handlers on the same server need LimitArrival.
func Mount(groups []action.Group, open func(action.Group) Open) *http.ServeMux {
	mux := http.NewServeMux()
	for _, g := range groups {
		prefix := "/" + g.Name
		h := http.StripPrefix(prefix, Handler(g, groups, open(g)))
		mux.Handle(prefix, h)
		mux.Handle(prefix+"/", h)
	}
	return mux
}

// service is a handler with the Setup of one request.
type service struct {
	handler
	*Setup
}

// httpReply is a reply, or a document, as it is sent.
type httpReply struct {
	status int
	header map[string]string
	body   []byte
	result *action.Result // to be released after the reply was sent; may be nil
}

// ServeHTTP implements http.Handler.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, r := limitArrival(w, r)
	defer conn.release()
	setSecurityHeaders(w.Header())
	res := h.serve(conn, r.WithContext(logging.WithTrace(r.Context(), r.Header)))
	defer res.result.Release()
	conn.send(res)
}

// serve returns the reply to a request. A panic becomes a 500.
func (h handler) serve(conn *arrival, r *http.Request) (res httpReply) {
	s := service{h, &Setup{Log: slog.Default()}}
	in := &input{id: ulid.Make().String(), started: time.Now()}
	defer func() {
		if p := recover(); p != nil {
			s.Log.ErrorContext(r.Context(), fmt.Sprint("panic: ", p), "invocation_id", in.id,
				"stack_trace", string(debug.Stack()))
			res = s.finish(r.Context(), in, s.failure(in, errPanic))
		}
	}()
	return s.finish(r.Context(), in, s.answer(conn, r, in))
}

// answer returns the outcome of a request: authenticate, read, process.
func (s service) answer(conn *arrival, r *http.Request, in *input) outcome {
	path := strings.Trim(r.URL.Path, "/")
	if path == "health" {
		return s.document(in, r.Method, func() any { return map[string]string{"status": "ok"} })
	}
	delivery := s.events || path == pubsubPath
	if !delivery {
		in.address = path
		in.action, _ = s.resolve(in) // readCall returns the error, to authenticated callers only
	}
	setup, broken := s.open(r.Context())
	setup.Log = cmp.Or(setup.Log, s.Log)
	*s.Setup = setup
	if err := s.authenticate(in, r, delivery, broken); err != nil {
		return s.failure(in, err)
	}
	read := s.readCall
	switch {
	case delivery:
		read = s.readDelivery
	case path == "actions":
		return s.document(in, r.Method, func() any { return s.group.Catalog() })
	case path == "guardrails":
		return s.guardrails(r.Context(), in, r.Method)
	case path == "openapi.json":
		return s.document(in, r.Method, func() any { return OpenAPI(s.group, s.API) })
	case strings.HasPrefix(path, "jobs/"):
		in.address = ""
		return s.job(conn, r, in, strings.TrimPrefix(path, "jobs/"))
	}
	in.async = !delivery && prefersAsync(r.Header)
	if err := read(conn, r, in); err != nil {
		return s.failure(in, err)
	}
	return s.process(r.Context(), in)
}

var errPanic = apierr.New(apierr.Internal, "internal",
	"an unexpected error occurred; the log has it under the invocation_id", nil)

// authenticate sets the caller. broken is the error of Open. The details of a misconfigured
// deployment are for the log and for authenticated callers.
func (s service) authenticate(in *input, r *http.Request, delivery bool, broken error) (err error) {
	authenticator := s.Caller
	if delivery {
		authenticator = s.Push
	}
	if authenticator == nil {
		return undisclosed(cmp.Or(broken, errNoAuthenticator))
	}
	in.caller, err = authenticator.Authenticate(r)
	switch {
	case apierr.Is(err, apierr.Misconfigured):
		return undisclosed(err)
	case err != nil && apierr.Is(broken, apierr.Misconfigured):
		return undisclosed(broken)
	case err != nil:
		return err
	}
	return broken
}

var errNoAuthenticator error = apierr.New(apierr.Misconfigured, "misconfigured", "callers cannot be authenticated", nil)

// undisclosed returns the error without the details of a misconfigured deployment.
func undisclosed(err error) error {
	if !apierr.Is(err, apierr.Misconfigured) {
		return err
	}
	return apierr.New(apierr.Misconfigured, "misconfigured", "the function is misconfigured; its log has the details", err)
}

// document returns the outcome of a GET of a document.
func (s service) document(in *input, method string, content func() any) outcome {
	if err := allow(method, http.MethodGet); err != nil {
		return s.failure(in, err)
	}
	body, err := encode(content())
	if err != nil {
		return s.failure(in, err)
	}
	return outcome{status: http.StatusOK, body: body, document: true}
}

// methodError is the error of a request whose path has no such method.
type methodError struct {
	used    string
	allowed []string
}

// Error implements error.
func (e *methodError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the error for the caller.
func (e *methodError) Unwrap() error {
	return apierr.Errorf(apierr.MethodNotAllowed, "method_not_allowed", "use %s here, not %s",
		strings.Join(e.allowed, " or "), action.Shorten(e.used))
}

func allow(method string, allowed ...string) error {
	if slices.Contains(allowed, method) {
		return nil
	}
	return &methodError{method, allowed}
}

// readCall reads an HTTP call. The action of the path, the method and the caller's permission are
// checked before the body is read.
func (s service) readCall(conn *arrival, r *http.Request, in *input) error {
	if in.action == nil && in.address != "" {
		_, err := s.resolve(in)
		return err
	}
	methods := []string{http.MethodPost}
	if in.action != nil && in.action.Slug == "ping" {
		methods = []string{http.MethodGet, http.MethodPost}
	}
	if err := allow(r.Method, methods...); err != nil {
		return err
	}
	if err := in.permitted(); err != nil {
		return err
	}
	if err := conn.enter(*s.Setup, in.callerKey()); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		if err := s.readRequest(conn, r, in); err != nil {
			return in.request.discard(s.names(), err, "")
		}
		in.request.hide(s.names())
	}
	return conn.start()
}

// readRequest reads the body of an HTTP call.
func (s service) readRequest(conn *arrival, r *http.Request, in *input) error {
	if err := checkCall(r); err != nil {
		return err
	}
	body, err := conn.readBody(r.Body, maxBody)
	if err != nil {
		return err
	}
	in.request, err = decode(r, body, func(body []byte) bool {
		secret := in.action != nil && slices.ContainsFunc(in.action.Params, func(p action.Param) bool { return p.Secret })
		return !secret && !action.MayHoldSecret(s.all, string(body))
	})
	return err
}

// finish records an outcome and returns the reply.
func (s service) finish(ctx context.Context, in *input, out outcome) httpReply {
	switch {
	case out.document && in.job != nil:
		return s.ackBatch(ctx, in, out)
	case out.document:
		return httpReply{status: out.status, header: out.header, body: out.body}
	}
	s.record(ctx, in, out)
	if in.message != nil {
		return s.ackOrNack(ctx, in, out)
	}
	return s.replyHTTP(ctx, in, out)
}

// publishTime is how long a caller waits until the result of a run is published. It is within the time that the
// configuration leaves for the reply after the deadline.
const publishTime = 2 * time.Second

// replyHTTP returns the reply to an HTTP call, and to a delivery whose message could not be read.
func (s service) replyHTTP(ctx context.Context, in *input, out outcome) httpReply {
	if out.ran {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(s.PublishTime, publishTime))
		defer cancel()
		if err := s.publishResult(ctx, in, out.reply, out.body); err != nil {
			s.warnUnpublished(ctx, in, "the result of a call", err)
		}
	}
	return httpReply{out.status, out.header, out.body, out.result}
}
