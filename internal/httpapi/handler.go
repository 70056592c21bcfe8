// Package httpapi makes a group of actions an http.Handler, for HTTP calls and for Pub/Sub's deliveries. It is the only
// place that sees either: it authenticates, decodes, runs and encodes; what an action does, it does not know.
package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/audit"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/internal/logging"
)

// Setup is what a group is served with.
type Setup struct {
	Caller      caller.Authenticator
	Push        caller.Authenticator // of Pub/Sub's deliveries
	Deadline    time.Duration        // of one request, from its decoding to its last write
	BodyTime    time.Duration        // how long its body may take to arrive once the caller is known; 0: 30 s
	Warnings    []string             // for every reply
	InFlight    *InFlightLimiter     // of the process
	Idempotency *idempotency.Store   // on Idempotency-Keys
	Results     Topic                // of every run; nil: they are not published
	// DeadLetters gets the messages that nobody can carry out; nil: the log has them.
	DeadLetters Topic
	API         Description // of GET /openapi.json
	Audit       *audit.Log
	Log         *slog.Logger
	Deps        func(ctx context.Context) (action.Deps, error)
}

// Topic publishes messages.
type Topic interface {
	Publish(ctx context.Context, data []byte, attributes map[string]string) error
}

// maxWarnings is how many warnings a refused request gets besides its problems: there may be one for each entity.
const maxWarnings = 20

// publishTime is how long a caller waits for the result to be published as well.
const publishTime = 2 * time.Second

// Open gives the setup; with an error, its Log and Audit are enough. It is called for every request, so that a failure
// is not kept.
type Open func(ctx context.Context) (Setup, error)

// handler serves one group.
type handler struct {
	group  action.Group
	all    []action.Group
	open   Open
	events bool // it serves nothing but deliveries
}

// Handler serves a group at its root: POST /<slug>, POST / with the action in the body, POST /pubsub for a push
// subscription, GET /ping, GET /actions, GET /openapi.json and GET /health. all is the whole catalog, so that an action of
// another group can be named with its function.
func Handler(g action.Group, all []action.Group, open Open) http.Handler {
	return handler{group: g, all: all, open: open}
}

// EventHandler serves a group's Pub/Sub messages as Eventarc delivers them, CloudEvents in binary or structured mode, and
// GET /health.
func EventHandler(g action.Group, all []action.Group, open Open) http.Handler {
	return handler{group: g, all: all, open: open, events: true}
}

// ServeHTTP implements http.Handler.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, r := limitArrival(w, r)
	r = r.WithContext(logging.WithTrace(r.Context(), r.Header))
	x := &exchange{
		w: in, r: r, arrival: in, id: ulid.Make().String(), group: h.group, all: h.all, log: slog.Default(), started: time.Now(),
		path: strings.Trim(r.URL.Path, "/"),
	}
	defer func() {
		if p := recover(); p != nil {
			x.log.ErrorContext(r.Context(), fmt.Sprint("panic: ", p), "invocation_id", x.id, "stack_trace", string(debug.Stack()))
			x.fail(apierr.New(apierr.Internal, "internal", "an unexpected error occurred; the log has it under the invocation_id", nil))
		}
	}()
	setSecurityHeaders(w.Header())
	if x.path == "health" {
		if x.allow(http.MethodGet) {
			x.json(http.StatusOK, map[string]string{"status": "ok"})
		}
		return
	}
	delivery := h.events || x.path == pubsubPath
	if !delivery {
		x.named = x.path
	}
	if a, ok := h.group.Find(x.named); ok {
		x.action = &a // now, so that every reply from here on speaks for it
	}
	setup, err := h.open(r.Context())
	x.setup, x.log, x.warnings = setup, cmp.Or(setup.Log, x.log), setup.Warnings
	if refusal := x.authenticate(delivery, err); refusal != nil {
		x.fail(refusal)
		return
	}
	if err != nil {
		x.fail(err)
		return
	}
	if delivery {
		h.deliver(x)
		return
	}
	switch x.path {
	case "actions":
		if x.allow(http.MethodGet) {
			x.json(http.StatusOK, h.group.Catalog())
		}
	case "openapi.json":
		if x.allow(http.MethodGet) {
			x.json(http.StatusOK, OpenAPI(h.group, x.setup.API))
		}
	default:
		h.call(x)
	}
}

// execute carries out a request that has been read. where may name its action besides the body: the path, or an attribute.
func (h handler) execute(x *exchange, where string) {
	if err := x.place.start(); err != nil {
		x.fail(err)
		return
	}
	if err := h.choose(x, where); err != nil {
		if apierr.Is(err, apierr.BadRequest) { // the other problems may be the reason that it names no action
			err = x.body.invalid(apierr.As(err).Problems...)
		}
		x.fail(err)
		return
	}
	if err := x.mayCall(); err != nil {
		x.fail(err)
		return
	}
	inv, problems := x.action.Bind(x.body.Request)
	if x.message != nil && len(inv.Secrets) > 0 {
		x.fail(errNeedsHTTP(inv))
		return
	}
	if len(x.body.problems)+len(problems) > 0 {
		x.warnings = append(slices.Clone(x.warnings), x.body.warnings(inv.Warnings)...)
		x.fail(x.body.invalid(problems...))
		return
	}
	// The work goes on when the caller has gone away: a list of users half disabled, and nobody told,
	// is worse than a reply that nobody reads. The deadline ends it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), x.setup.Deadline)
	defer cancel()
	deps, err := x.setup.Deps(ctx)
	if err != nil {
		x.fail(err)
		return
	}
	deps.OnWrite, deps.Caller = x.recordWrite, x.callerKey()
	var claim *idempotency.Lease
	if deps.ReadOnly == "" {
		var reply *kept
		if claim, reply, err = x.once(ctx, inv); err != nil {
			x.fail(err)
			return
		}
		if reply != nil {
			x.replay(ctx, inv, deps, reply)
			return
		}
	}
	x.ran = true
	if claim == nil {
		result, err := inv.Run(ctx, deps)
		defer result.Release()
		x.finish(result, err)
		return
	}
	holding, letGo := context.WithCancel(ctx)
	go claim.KeepAlive(holding, letGo)
	inv.Request.ReachedBefore, deps.WriteGuard = claim.Done, leaseWrites{context.WithoutCancel(ctx), claim, x.log}
	result, err := inv.Run(holding, deps)
	defer result.Release()
	letGo()
	x.claim = claim
	x.finish(result, err)
}

// choose settles which action is asked for: the one that the path or an attribute named, or the body's.
func (h handler) choose(x *exchange, where string) error {
	if x.body.action == "" {
		if x.action == nil {
			if where == "path" {
				where += " (POST /" + h.group.Actions[0].Slug + ")"
			}
			return apierr.Invalid(apierr.Problem{Parameter: "action", Message: "name the action, in the " + where + " or as \"action\" in the body"})
		}
		return nil
	}
	x.named = cmp.Or(x.named, x.body.action)
	a, err := h.find(x.body.action)
	if err != nil {
		return err
	}
	if x.action != nil && x.action.Slug != a.Slug {
		return apierr.Invalid(apierr.Problem{Parameter: "action", Message: fmt.Sprintf("the %s says %s and the body says %s", where, x.action.Name, a.Name)})
	}
	x.action = &a
	return nil
}

// find looks an action up in the group. One of another group is named with the function that has it.
func (h handler) find(name string) (action.Action, error) {
	if a, ok := h.group.Find(name); ok {
		return a, nil
	}
	if g, a, ok := action.Find(h.all, name); ok {
		return a, apierr.Errorf(apierr.UnknownAction, "unknown_action", "%s is an action of the function %s (%s), not of %s", a.Name, g.Function, g.Name, h.group.Function)
	}
	slugs := make([]string, len(h.group.Actions))
	for i, a := range h.group.Actions {
		slugs[i] = a.Slug
	}
	return action.Action{}, apierr.Errorf(apierr.UnknownAction, "unknown_action", "%s has no action %q; it has %s", h.group.Function, action.Shorten(name), strings.Join(slugs, ", "))
}

// exchange is one request on its way to its reply.
type exchange struct {
	w        http.ResponseWriter
	r        *http.Request
	arrival  *arrival
	id       string
	group    action.Group
	all      []action.Group
	path     string
	setup    Setup
	log      *slog.Logger
	started  time.Time
	message  *message // nil for an HTTP call
	body     request
	place    *admission         // among the invocations of the process
	ran      bool               // an action was run
	claim    *idempotency.Lease // of a run that has ended
	lost     bool               // another run has taken that over
	replayed *Replayed
	kept     *Reply // the reply that is replayed
	// owesLetter says that the message is the one whose reply is replayed.
	owesLetter bool
	warnings   []string
	caller     caller.Identity
	named      string         // what the request calls its action
	action     *action.Action // nil until it is known
}

// allow answers 405 unless the method is one of these.
func (x *exchange) allow(methods ...string) bool {
	for _, m := range methods {
		if x.r.Method == m {
			return true
		}
	}
	x.w.Header().Set("Allow", strings.Join(methods, ", "))
	x.fail(apierr.Errorf(apierr.MethodNotAllowed, "method_not_allowed", "use %s here, not %s", strings.Join(methods, " or "), action.Shorten(x.r.Method)))
	return false
}

// fail ends with a fault of the request as a whole.
func (x *exchange) fail(err error) { x.finish(nil, err) }

// finish keeps what the run came to, writes its record, publishes the result and replies.
func (x *exchange) finish(result *action.Result, err error) {
	if result == nil {
		result = &action.Result{}
	}
	result.Warnings = append(result.Warnings, x.warnings...)
	status, reply, cause := buildReply(x.action, action.Shorten(x.named), result, err)
	reply.InvocationID = x.id
	x.retryAfter(status, cause, result)
	body := encode(reply)
	if x.claim != nil {
		x.keep(context.WithoutCancel(x.r.Context()), x.claim, result, status, reply, cause)
	}
	x.record(status, reply, cause, result.Errors())
	if x.message != nil {
		x.ackOrNack(status, reply, cause, shouldRedeliver(result, cause))
		return
	}
	if x.ran {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), publishTime)
		defer cancel()
		if err := x.publishResult(ctx, reply); err != nil {
			x.unpublished(ctx, "the result of a call", err)
		}
	}
	x.send(status, body)
}

// json replies with what is no run's result.
func (x *exchange) json(status int, v any) { x.send(status, encode(v)) }

func encode(v any) []byte {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // before anything is sent or recorded, so that the reply is a 500 and not an empty 200
	}
	return body.Bytes()
}

// send writes a reply. Nothing is left to do about a caller who has gone away.
func (x *exchange) send(status int, body []byte) {
	x.w.Header().Set("Content-Type", "application/json")
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.arrival.reply(status, body)
}
