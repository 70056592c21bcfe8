package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
)

// input is a request to run an action, as far as it has been read.
type input struct {
	id      string // invocation_id
	started time.Time
	caller  caller.Identity
	address string         // the action's name in the path, or in the attribute of a message; "" without one
	action  *action.Action // nil until it is known
	org     string         // the host of the Okta org; "" until the request is permitted and valid
	request request
	message *message  // nil: an HTTP call, or a delivery that has not been read
	async   bool      // the caller prefers a job
	job     *jobBatch // the batch that the message starts; nil: the message is a request
	jobID   string    // "" if the request concerns no job
	// operation on the job: submit or cancel; "" for a look at it, and for a batch.
	operation string
}

// canBeJob reports whether the request is carried out as a job: it changes a list of users. A server may ignore the
// preference of other requests.
func (in *input) canBeJob() bool { return in.async && in.action.ChangesUsers() }

// name returns the action's name as the request gives it.
func (in *input) name() string { return action.Shorten(cmp.Or(in.address, in.request.action)) }

// callerKey distinguishes callers.
func (in *input) callerKey() string { return in.caller.Mode + ":" + in.caller.Name }

// permitted returns an error if the caller may not run the action. An action that is not known yet
// is permitted.
func (in *input) permitted() error {
	if in.action == nil {
		return nil
	}
	return in.caller.May(in.action.Slug)
}

// outcome is the end of a request. The HTTP reply and the acknowledgement derive from it.
type outcome struct {
	status   int    // HTTP
	reply    Reply  // not of a document
	body     []byte // the reply or the document, encoded
	document bool   // the body is not a reply, and is neither recorded nor published
	header   map[string]string
	result   *action.Result // of the run or of the replay; nil for a document

	cause      *apierr.Error // of a failure; nil otherwise
	redeliver  bool          // a later attempt can succeed
	ran        bool          // the action was run now
	lost       bool          // another run has taken over the lease, and publishes its own result
	deadLetter *deadReason   // if the message is acknowledged; nil: it gets no dead letter
}

// process carries out a request that has been read: resolve, bind, acquire, run.
func (s service) process(ctx context.Context, in *input) outcome {
	inv, err := s.bind(in)
	if err != nil {
		return s.failure(in, err)
	}
	// The run continues after the client disconnects, up to the deadline: otherwise a list of users
	// would be half disabled and the result lost.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Deadline)
	defer cancel()
	deps, err := s.Deps(ctx)
	if err != nil {
		return s.failure(in, err)
	}
	if deps.Okta != nil {
		in.org = deps.Okta.Host()
	}
	if in.canBeJob() {
		return s.submit(ctx, in, inv, deps)
	}
	t := task{inv, deps, action.Run{
		Caller: in.callerKey(), CallerName: in.caller.Name, Continues: in.job != nil,
		OnWrite: func(w action.TargetWrite) { s.recordWrite(ctx, in, w) },
	}}
	if in.job != nil {
		if ok, err := s.begins(ctx, in); err != nil {
			return s.failure(in, err)
		} else if !ok {
			in.job.closed = true
			return batchOutcome(in, "dropped")
		}
	}
	lease, stored, err := s.acquire(ctx, in, deps)
	switch {
	case err != nil:
		return s.failure(in, err)
	case stored != nil && in.job != nil:
		in.job.closed = true
		return batchOutcome(in, "done before")
	case stored != nil:
		return s.replay(ctx, in, stored, t)
	}
	result, err := lease.run(ctx, t)
	out := s.outcome(in, result, err)
	out.ran = true
	out.lost = s.endLease(ctx, in, lease, out)
	return out
}

// task is an invocation with everything that its run needs.
type task struct {
	inv  *action.Invocation
	deps action.Deps
	run  action.Run
}

// bind resolves the action and binds the parameters. All problems of the request are one error.
func (s service) bind(in *input) (inv *action.Invocation, err error) {
	if in.action, err = s.resolve(in); apierr.Is(err, apierr.BadRequest) {
		return nil, in.request.invalid(&action.InvalidError{Problems: apierr.As(err).Problems})
	} else if err != nil {
		return nil, err
	}
	if err := in.permitted(); err != nil {
		return nil, err
	}
	inJob := in.canBeJob()
	in.request.NoSecrets = in.request.NoSecrets || inJob
	inv, err = in.action.Bind(in.request.Request)
	var invalid *action.InvalidError
	switch {
	case inJob && err != nil && apierr.As(err).Code == action.CodeNeedsHTTP:
		return nil, errSecretInJob(apierr.As(err))
	case errors.As(err, &invalid):
		return nil, in.request.invalid(invalid)
	case err == nil && len(in.request.problems) > 0:
		return nil, in.request.invalid(&action.InvalidError{Warnings: inv.Warnings})
	}
	return inv, err
}

// resolve returns the action that a request names: in its address (the path, or the attribute of a
// message) and in its body. Both must name the same one. It is called before the body is read and
// after. With an error it returns the action of the address, nil if that is unknown.
func (h handler) resolve(in *input) (*action.Action, error) {
	where, a := "path", in.action
	if in.message != nil {
		where = "attribute " + actionAttribute
	}
	// An attribute with a placeholder is a problem of the request already.
	if a == nil && in.address != "" && (in.message == nil || action.UnfilledAnywhere(in.address) == "") {
		found, err := h.find(in.address)
		if err != nil {
			return nil, err
		}
		a = &found
	}
	if name := in.request.action; name != "" {
		found, err := h.find(name)
		if err != nil {
			return a, err
		}
		if a != nil && a.Slug != found.Slug {
			return a, errAction(fmt.Sprintf("the %s says %s and the body says %s", where, a.Name, found.Name))
		}
		a = &found
	}
	if a == nil {
		if in.message == nil {
			where += " (POST /" + h.group.Actions[0].Slug + ")"
		}
		return nil, errAction("name the action, in the " + where + ` or as "action" in the body`)
	}
	return a, nil
}

func errAction(problem string) error {
	return apierr.Invalid(apierr.Problem{Parameter: "action", Message: problem})
}

// find looks an action up in the group. The error for an action of another group names the function
// of that group.
func (h handler) find(name string) (action.Action, error) {
	if a, ok := h.group.Find(name); ok {
		return a, nil
	}
	if g, a, ok := action.Find(h.all, name); ok {
		return a, apierr.Errorf(apierr.UnknownAction, "unknown_action", "%s is an action of the function %s (%s), not of %s",
			a.Name, g.Function, g.Name, h.group.Function)
	}
	slugs := make([]string, len(h.group.Actions))
	for i, a := range h.group.Actions {
		slugs[i] = a.Slug
	}
	return action.Action{}, apierr.Errorf(apierr.UnknownAction, "unknown_action", "%s has no action %q; it has %s",
		h.group.Function, action.Shorten(name), strings.Join(slugs, ", "))
}

// failure returns the outcome of a request that failed before its action was run.
func (s service) failure(in *input, err error) outcome {
	result := &action.Result{}
	var invalid *action.InvalidError
	if errors.As(err, &invalid) {
		result.Warnings = invalid.Warnings
	}
	out := s.outcome(in, result, err)
	var method *methodError
	if errors.As(err, &method) {
		out.header["Allow"] = strings.Join(method.allowed, ", ")
	}
	return out
}

// outcome returns the outcome of a run. err is the error of the run as a whole.
func (s service) outcome(in *input, result *action.Result, err error) outcome {
	result.Warnings = append(result.Warnings, s.Warnings...)
	status, reply, cause := buildReply(s.all, in.action, in.name(), result, err)
	reply.InvocationID, reply.Org = in.id, in.org
	out := outcome{
		status: status, reply: reply, header: retryAfterHeader(status, result, cause), result: result, cause: cause,
		redeliver: shouldRedeliver(result, cause),
	}
	if reply.Status == action.StatusFailure {
		out.deadLetter = newDeadReason(reply, cause)
	}
	if out.body, err = reply.encode(); err != nil { // without the values that cannot be encoded
		failed := s.outcome(in, &action.Result{}, err)
		failed.result = result
		return failed
	}
	return out
}

// shouldRedeliver reports whether a later attempt of the same request can reach more targets.
func shouldRedeliver(result *action.Result, cause *apierr.Error) bool {
	return cause != nil && cause.Redeliver() || slices.ContainsFunc(result.Errors(), (*apierr.Error).Redeliver)
}
