package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/idempotency"
)

// kept is the reply of a final run, as it is kept for its repeats.
type kept struct {
	HTTPStatus int             `json:"http_status"`
	At         *time.Time      `json:"at"` // when the run ended; null in a record of an earlier version
	Reply      json.RawMessage `json:"reply"`
	Message    string          `json:"message,omitempty"` // the name of the Pub/Sub message that the run carried out
}

// once claims the request's Idempotency-Key where the action changes something. It returns the claim, nil where there is
// nothing to claim, or the reply that was kept. Without its store nothing is changed: a fault says so.
func (x *exchange) once(ctx context.Context, inv *action.Invocation) (*idempotency.Lease, *kept, error) {
	if x.body.IdempotencyKey == "" || !x.action.Mutates || inv.Request.Options.DryRun {
		return nil, nil, nil
	}
	request, err := json.Marshal([]any{x.body.Parameters, x.body.Entities, x.body.Context, x.body.Options})
	if err != nil {
		return nil, nil, apierr.New(apierr.Internal, "internal", "the request cannot be told from others", err)
	}
	claim, reply, err := x.setup.Idempotency.Begin(ctx, x.claimKey(x.action.Slug, x.body.IdempotencyKey), request)
	var running *idempotency.RunningError
	switch {
	case errors.As(err, &running):
		return nil, nil, &apierr.Error{Kind: apierr.Conflict, Code: "request_running", RetryAfter: running.For, Cause: err,
			Message: "the request with this Idempotency-Key is still being carried out; ask again for its reply"}
	case errors.Is(err, idempotency.ErrOtherRequest):
		return nil, nil, apierr.New(apierr.Rejected, "idempotency_key_reused", "this Idempotency-Key was used for another request in the last 24 hours; give each request its own", err)
	case err != nil:
		return nil, nil, apierr.New(apierr.Unavailable, "idempotency_unavailable", "nothing was changed: the idempotency store is unavailable (IDEMPOTENCY_BUCKET)", err)
	case claim != nil:
		return claim, nil, nil
	}
	var k kept
	if err := json.Unmarshal(reply, &k); err != nil {
		return nil, nil, apierr.New(apierr.Internal, "internal", "the reply that was kept cannot be read", err)
	}
	return nil, &k, nil
}

// claimKey is the caller's key for what is done under a text.
func (x *exchange) claimKey(what, text string) idempotency.RequestKey {
	return idempotency.RequestKey{Caller: x.callerKey(), Action: what, Text: text}
}

// keep ends a claim with what the run came to: its reply where it is final, else the targets that were reached; of a
// request that was refused as a whole, nothing.
func (x *exchange) keep(ctx context.Context, claim *idempotency.Lease, result *action.Result, status int, reply Reply, cause *apierr.Error) {
	var err error
	switch {
	case final(result, status, cause):
		err = x.keepReply(ctx, claim, status, reply)
	case len(result.Targets) == 0 && len(claim.Done) == 0:
		err = claim.Forget(ctx)
	default:
		var done map[string]json.RawMessage
		if done, err = result.ReachedTargets(x.action.SecretResults); err == nil {
			for target, before := range claim.Done { // this run may not even have come to it
				if _, again := done[target]; !again {
					done[target] = before
				}
			}
			err = claim.Suspend(ctx, done)
		}
	}
	x.lost = errors.Is(err, idempotency.ErrLost)
	if err != nil {
		x.log.LogAttrs(ctx, slog.LevelWarn, "what the request came to is not kept under its Idempotency-Key: a repeat runs again", slog.String("invocation_id", x.id), slog.String("error", err.Error()))
	}
}

const (
	notKeptWarning  = "This is the reply of an earlier request with the same Idempotency-Key; its passwords, links and tokens were shown once and are not kept."
	tooLargeWarning = "The JSON result and the enrichment of the first reply were too large to be kept."
	notReadWarning  = "The result of this action cannot be read back from Okta: it may have changed since the request completed."
)

// keepReply keeps a final reply. One that is too large is kept without its results.
func (x *exchange) keepReply(ctx context.Context, claim *idempotency.Lease, status int, reply Reply) error {
	reply, found, err := x.withoutSecrets(reply)
	if err != nil {
		return err
	}
	if found {
		reply.Warnings = append(append([]string{}, reply.Warnings...), notKeptWarning)
	}
	at := x.setup.Idempotency.Now().UTC().Truncate(time.Second)
	finish := func(reply Reply) error {
		k := kept{HTTPStatus: status, At: &at, Reply: encode(reply)}
		if x.message != nil {
			k.Message = x.message.name()
		}
		b, err := json.Marshal(k)
		if err != nil {
			return err
		}
		return claim.Finish(ctx, b)
	}
	if err = finish(reply); errors.Is(err, idempotency.ErrTooLarge) {
		reply.Warnings = nil
		err = finish(reply.withoutResults(tooLargeWarning))
	}
	if errors.Is(err, idempotency.ErrTooLarge) { // the run has ended all the same
		err = errors.Join(err, claim.Suspend(ctx, nil))
	}
	return err
}

// withoutSecrets is a reply that may be kept, and whether there was a secret in it.
func (x *exchange) withoutSecrets(reply Reply) (_ Reply, found bool, err error) {
	if reply.JSONResult == nil || x.action == nil {
		return reply, false, nil
	}
	reply.JSONResult, found, err = action.WithoutSecrets(encode(reply.JSONResult), x.action.SecretResults)
	return reply, found, err
}

// shouldRedeliver tells whether the same request may come to more when it is made again.
func shouldRedeliver(result *action.Result, cause *apierr.Error) bool {
	return cause != nil && isTransient(cause) || slices.ContainsFunc(result.Errors(), isTransient)
}

// isTransient tells whether a fault may have passed by a later try, by itself or because somebody mends the deployment.
func isTransient(f *apierr.Error) bool {
	switch f.Kind {
	case apierr.Credentials:
		return f.Code != apierr.CodeNoPermission // which is of the user: an admin role that does not cover this one
	case apierr.InvalidResponse, apierr.Internal, apierr.Misconfigured:
		return f.Code != apierr.CodeUnknownResult
	default:
		return f.Retryable()
	}
}

// final tells whether a repeat of the request could come to nothing else. A request that was refused as a whole has come to
// nothing yet.
func final(result *action.Result, status int, cause *apierr.Error) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return false
	}
	return status < 500 && !shouldRedeliver(result, cause)
}

// intentTime bounds the record of an intent, for which a place among the calls to Okta is held.
const intentTime = 2 * time.Second

// leaseWrites is a claim as actions know it.
type leaseWrites struct {
	ctx   context.Context
	claim *idempotency.Lease
	log   *slog.Logger
}

// BeginWrite implements action.Once.
func (c leaseWrites) BeginWrite(target string) (madeBefore bool, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, intentTime)
	defer cancel()
	switch intent, err := c.claim.BeginWrite(ctx, target); {
	case err != nil:
		return false, apierr.New(apierr.Unavailable, "idempotency_unavailable", "nothing was changed: it cannot be recorded that this is about to be done (IDEMPOTENCY_BUCKET)", err)
	case intent == idempotency.Unknown:
		return false, apierr.New(apierr.UnknownResult, apierr.CodeUnknownResult,
			"an earlier run of this request was about to do this when it ended: it may or may not have been done, and it is not repeated by itself; look at the user in Okta before trying again", nil)
	default:
		return intent == idempotency.Made, nil
	}
}

// CommitWrite implements action.Once.
func (c leaseWrites) CommitWrite(target string) { c.tell(c.claim.CommitWrite(c.ctx, target)) }

// AbortWrite implements action.Once.
func (c leaseWrites) AbortWrite(target string) { c.tell(c.claim.AbortWrite(c.ctx, target)) }

func (c leaseWrites) tell(err error) {
	if err != nil {
		c.log.Warn("what became of a write is not kept: a repeat of the request will not do it again", "error", err.Error())
	}
}
