package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/idempotency"
)

// lease is the right to carry out a request under its idempotency key.
type lease interface {
	// run runs the task while the lease is held.
	run(ctx context.Context, t task) (*action.Result, error)
	// end stores the outcome of the run for repeats of the request.
	end(ctx context.Context, in *input, out outcome) error
}

// noLease is that of a request without a key, and of one that changes nothing.
type noLease struct{}

func (noLease) run(ctx context.Context, t task) (*action.Result, error) {
	return t.inv.Run(ctx, t.deps, t.run)
}

func (noLease) end(context.Context, *input, outcome) error { return nil }

// keyLease is a lease of the idempotency store.
type keyLease struct {
	*idempotency.Lease
	now func() time.Time
	log *slog.Logger
}

// run renews the lease in the meantime. It cancels the run if another run takes over the lease.
func (l keyLease) run(ctx context.Context, t task) (*action.Result, error) {
	t.run.ReachedBefore, t.run.WriteGuard = l.Done, writeGuard{context.WithoutCancel(ctx), l}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go l.KeepAlive(ctx, stop)
	return t.inv.Run(ctx, t.deps, t.run)
}

// acquire takes the lease of the request's idempotency key. If an earlier run completed the
// request, it returns the stored reply instead. An action that changes something is not run while
// the store is unavailable.
func (s service) acquire(ctx context.Context, in *input, d action.Deps) (lease, *storedReply, error) {
	if in.job == nil &&
		(in.request.IdempotencyKey == "" || !in.action.Mutates || in.request.Options.DryRun || d.ReadOnly != "") {
		return noLease{}, nil, nil
	}
	if in.job != nil {
		held, reply, err := s.Idempotency.Begin(ctx, batchKey(in.job.Job, in.job.number), in.job.Batches[in.job.number])
		if held != nil {
			return keyLease{held, s.Idempotency.Now, s.Log}, nil, nil
		}
		return nil, &storedReply{Reply: reply}, leaseError(err)
	}
	request, err := json.Marshal([]any{in.request.Parameters, in.request.Entities, in.request.Context, in.request.Options})
	if err != nil {
		return nil, nil, apierr.New(apierr.Internal, "internal", "the request cannot be compared with others", err)
	}
	held, reply, err := s.Idempotency.Begin(ctx, requestKey(in, in.action.Slug, in.request.IdempotencyKey), request)
	switch {
	case err != nil:
		return nil, nil, leaseError(err)
	case held != nil:
		return keyLease{held, s.Idempotency.Now, s.Log}, nil, nil
	}
	var stored storedReply
	if err := json.Unmarshal(reply, &stored); err != nil {
		return nil, nil, errStoredReply(err)
	}
	return nil, &stored, nil
}

// leaseError returns the error of a lease that cannot be taken, for the caller.
func leaseError(err error) error {
	var running *idempotency.RunningError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &running):
		return &apierr.Error{Kind: apierr.Conflict, Code: "request_running", RetryAfter: running.For, Cause: err,
			Message: "the request with this Idempotency-Key is still running; send it again to get its reply"}
	case errors.Is(err, idempotency.ErrOtherRequest):
		return apierr.New(apierr.Rejected, "idempotency_key_reused",
			"this Idempotency-Key was used for another request in the last 24 hours; use a new key for each request", err)
	}
	return apierr.New(apierr.Unavailable, "idempotency_unavailable",
		"nothing was changed: the idempotency store is unavailable (IDEMPOTENCY_BUCKET)", err)
}

// requestKey returns a key of the caller.
func requestKey(in *input, kind, text string) idempotency.RequestKey {
	return idempotency.RequestKey{Caller: in.callerKey(), Action: kind, Text: text}
}

// endLease ends the lease of a run. It reports whether another run has taken over the lease.
func (s service) endLease(ctx context.Context, in *input, l lease, out outcome) (lost bool) {
	err := l.end(context.WithoutCancel(ctx), in, out)
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn,
			"the outcome is not stored under the Idempotency-Key: a repeat of the request runs again",
			slog.String("invocation_id", in.id), slog.String("error", err.Error()))
	}
	return errors.Is(err, idempotency.ErrLost)
}

// end stores a final reply. Of another outcome it stores the targets that were reached: a repeat of
// the request runs the others.
func (l keyLease) end(ctx context.Context, in *input, out outcome) error {
	switch {
	case out.final():
		return l.storeReply(ctx, in, out)
	case len(out.result.Targets) == 0 && len(l.Done) == 0:
		return l.Forget(ctx)
	}
	done, err := out.result.ReachedTargets(in.action.SecretResults)
	if err != nil {
		return err
	}
	for target, before := range l.Done { // the run may have ended before this target
		if _, again := done[target]; !again {
			done[target] = before
		}
	}
	return l.Suspend(ctx, done)
}

// final reports whether every repeat of the request would have the same outcome.
func (out outcome) final() bool {
	switch out.status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return false
	}
	return out.status < 500 && !out.redeliver
}

const (
	notKeptWarning = "This is the reply of an earlier request with the same Idempotency-Key; " +
		"its passwords, links and tokens were shown once and are not stored."
	tooLargeWarning = "The JSON result and the enrichment of the first reply were too large to be stored."
	notReadWarning  = "The result of this action cannot be read back from Okta: " +
		"it may have changed since the request completed."
)

// storeReply stores a final reply without its secrets, and without its results if it is too large.
func (l keyLease) storeReply(ctx context.Context, in *input, out outcome) error {
	reply, found, err := withoutSecrets(in, out.reply)
	if err != nil {
		return err
	}
	if found {
		reply.Warnings = append(append([]string{}, reply.Warnings...), notKeptWarning)
	}
	at := l.now().UTC().Truncate(time.Second)
	finish := func(reply Reply) error {
		body, err := reply.encode()
		if err != nil {
			return err
		}
		stored := storedReply{HTTPStatus: out.status, At: &at, Reply: body}
		if in.message != nil {
			stored.Message = in.message.name()
		}
		data, err := json.Marshal(stored)
		if err != nil {
			return err
		}
		return l.Finish(ctx, data)
	}
	if err = finish(reply); errors.Is(err, idempotency.ErrTooLarge) {
		reply.Warnings = nil
		err = finish(reply.withoutResults(tooLargeWarning))
	}
	if errors.Is(err, idempotency.ErrTooLarge) { // the run has ended all the same
		err = errors.Join(err, l.Suspend(ctx, nil))
	}
	return err
}

// withoutSecrets returns the reply as it may be stored, and whether it contained a secret.
func withoutSecrets(in *input, reply Reply) (_ Reply, found bool, err error) {
	if reply.JSONResult == nil || in.action == nil || len(in.action.SecretResults) == 0 {
		return reply, false, nil
	}
	result, err := encode(reply.JSONResult)
	if err != nil {
		return reply, false, err
	}
	reply.JSONResult, found, err = action.WithoutSecrets(result, in.action.SecretResults)
	return reply, found, err
}

// intentTime bounds the recording of a write intent, which holds one of the concurrent calls to
// Okta.
const intentTime = 2 * time.Second

// writeGuard records the writes of a run in the idempotency store.
type writeGuard struct {
	ctx   context.Context
	lease keyLease
}

// BeginWrite implements action.WriteGuard.
func (g writeGuard) BeginWrite(target string) (madeBefore bool, err error) {
	ctx, cancel := context.WithTimeout(g.ctx, intentTime)
	defer cancel()
	intent, err := g.lease.BeginWrite(ctx, target)
	switch {
	case err != nil:
		return false, apierr.New(apierr.Unavailable, "idempotency_unavailable",
			"nothing was changed: the write cannot be recorded in the idempotency store (IDEMPOTENCY_BUCKET)", err)
	case intent == idempotency.InDoubt:
		return false, apierr.New(apierr.UnknownResult, apierr.CodeUnknownResult,
			"an earlier run of this request ended while it made this change: the change may or may not have been made, "+
				"and is not repeated automatically; check the user in Okta before you try again", nil)
	}
	return intent == idempotency.Committed, nil
}

// WasMade implements action.WriteGuard. An error counts as no: the write is guarded again when it is
// sent.
func (g writeGuard) WasMade(target string) bool {
	ctx, cancel := context.WithTimeout(g.ctx, intentTime)
	defer cancel()
	made, err := g.lease.WasMade(ctx, target)
	return err == nil && made
}

// CommitWrite implements action.WriteGuard.
func (g writeGuard) CommitWrite(target string) { g.warn(g.lease.CommitWrite(g.ctx, target)) }

// AbortWrite implements action.WriteGuard.
func (g writeGuard) AbortWrite(target string) { g.warn(g.lease.AbortWrite(g.ctx, target)) }

func (g writeGuard) warn(err error) {
	if err != nil {
		g.lease.log.Warn("the result of a write is not stored: a repeat of the request will not send the write again",
			"error", err.Error())
	}
}
