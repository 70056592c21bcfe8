package httpapi

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// storedReply is the record of a completed request.
type storedReply struct {
	HTTPStatus int             `json:"http_status"`
	At         *time.Time      `json:"at"` // when the run ended; null in a record of an earlier version
	Reply      json.RawMessage `json:"reply"`
	Message    string          `json:"message,omitempty"` // the name of the Pub/Sub message that was carried out
}

// replay returns the outcome of a request that an earlier run completed. The reply of that run is
// corrected by the state of its targets as read now; nothing is written.
func (s service) replay(ctx context.Context, in *input, stored *storedReply, t task) outcome {
	first, err := stored.decode()
	if err != nil {
		return s.failure(in, err)
	}
	out := outcome{status: stored.HTTPStatus, reply: first, result: &action.Result{}}
	if in.message != nil && stored.Message == in.message.name() && first.Status == action.StatusFailure {
		out.deadLetter = newDeadReason(first, nil) // the first run may not have published it
	}
	if in.action.ReadBack && len(first.Targets) > 0 {
		raw, _ := first.JSONResult.(json.RawMessage)
		out.result, err = t.inv.Replay(ctx, t.deps, t.run, action.StoredReply{
			Targets: first.Targets, Entities: first.Entities, JSON: raw, Warnings: first.Warnings,
		})
		out.status, out.reply, out.cause = buildReply(s.all, in.action, in.name(), out.result, err)
	} else {
		out.reply.Warnings = append(slices.Clone(first.Warnings), notReadWarning)
	}
	for _, w := range s.Warnings {
		if !slices.Contains(out.reply.Warnings, w) {
			out.reply.Warnings = append(out.reply.Warnings, w)
		}
	}
	completed := "at an earlier time"
	if stored.At != nil {
		completed = "at " + stored.At.Format(time.RFC3339)
	}
	out.reply.Replayed = &Replayed{InvocationID: first.InvocationID, At: stored.At}
	out.reply.InvocationID, out.reply.Org = in.id, in.org
	out.reply.OutputMessage = "Replay of the request completed " + completed + "; nothing was done now. " +
		out.reply.OutputMessage
	out.header = retryAfterHeader(out.status, out.result, out.cause)
	out.header["Idempotency-Replayed"] = "true"
	if out.body, err = out.reply.encode(); err != nil {
		return s.failure(in, err)
	}
	return out
}

// decode returns the stored reply. Its json_result is a json.RawMessage.
func (k *storedReply) decode() (Reply, error) {
	var first struct {
		Reply
		JSONResult json.RawMessage `json:"json_result"`
	}
	if err := json.Unmarshal(k.Reply, &first); err != nil {
		return Reply{}, errStoredReply(err)
	}
	first.Reply.JSONResult = first.JSONResult
	return first.Reply, nil
}

func errStoredReply(err error) error {
	return apierr.New(apierr.Internal, "internal", "the stored reply cannot be read", err)
}

// withoutResults returns a reply without its JSON result and its enrichment, and with a warning.
func (r Reply) withoutResults(warning string) Reply {
	r.JSONResult, r.Entities = nil, orEmpty[action.EnrichedEntity](nil)
	r.Warnings = append(slices.Clone(r.Warnings), warning)
	return r
}
