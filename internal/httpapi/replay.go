package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// replay responds with the reply of an earlier run of the request. It says that nothing was done now, and reads back what
// can be read back, so that a state that has changed since is not reported as reached.
func (x *exchange) replay(ctx context.Context, inv *action.Invocation, deps action.Deps, k *kept) {
	was, err := k.decode()
	if err != nil {
		x.fail(err)
		return
	}
	status, reply := k.HTTPStatus, was
	var cause *apierr.Error
	result := &action.Result{}
	if x.action.ReadBack && len(was.Targets) > 0 {
		raw, _ := was.JSONResult.(json.RawMessage)
		result, err = inv.Replay(ctx, deps, action.StoredReply{Targets: was.Targets, Entities: was.Entities, JSON: raw, Warnings: was.Warnings})
		status, reply, cause = buildReply(x.action, action.Shorten(x.named), result, err)
		was.Targets, was.Entities = nil, nil // they are the result's now
	} else {
		reply.Warnings = append(slices.Clone(reply.Warnings), notReadWarning)
	}
	for _, w := range x.warnings { // those of the first run are there already
		if !slices.Contains(reply.Warnings, w) {
			reply.Warnings = append(reply.Warnings, w)
		}
	}
	x.kept, x.replayed = &was, &Replayed{InvocationID: was.InvocationID, At: k.At}
	completed := "at an earlier time"
	if k.At != nil {
		completed = "at " + k.At.Format(time.RFC3339)
	}
	reply.InvocationID, reply.Replayed = x.id, x.replayed
	reply.OutputMessage = "Replay of the request completed " + completed + "; nothing was done now. " + reply.OutputMessage
	x.record(status, reply, cause, result.Errors())
	if x.message != nil { // done with, whatever could be read: a later delivery would bring nothing new
		x.owesLetter = k.Message == x.message.name()
		x.ackOrNack(status, reply, cause, false) // the first run may not have published its result
		return
	}
	x.w.Header().Set("Idempotency-Replayed", "true")
	x.retryAfter(status, cause, result)
	x.send(status, encode(reply))
}

// decode returns the kept reply. Its json_result is a json.RawMessage.
func (k *kept) decode() (Reply, error) {
	var was struct {
		Reply
		JSONResult json.RawMessage `json:"json_result"`
	}
	if err := json.Unmarshal(k.Reply, &was); err != nil {
		return Reply{}, apierr.New(apierr.Internal, "internal", "the reply that was kept cannot be read", err)
	}
	was.Reply.JSONResult = was.JSONResult
	return was.Reply, nil
}

// withoutResults returns a reply without what makes it large, and a warning that says so.
func (r Reply) withoutResults(why string) Reply {
	r.JSONResult, r.Entities = nil, orEmpty[action.EnrichedEntity](nil)
	r.Warnings = append(slices.Clone(r.Warnings), why)
	return r
}

// retryAfter sets the header of a reply after which a later try can help.
func (x *exchange) retryAfter(status int, cause *apierr.Error, result *action.Result) {
	if cause != nil && (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests || status == http.StatusConflict) {
		x.w.Header().Set("Retry-After", retryAfter(append(result.Errors(), cause)))
	}
}
