package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// Topic publishes messages.
type Topic interface {
	Publish(ctx context.Context, data []byte, attributes map[string]string) error
}

// pubsubPath is the path of the push endpoint.
const pubsubPath = "pubsub"

// The attributes of a message that are read.
const (
	actionAttribute = "action"
	keyAttribute    = "idempotency_key"
)

// message is a Pub/Sub message.
type message struct {
	id         string // "" if it cannot be read
	attributes map[string]string
	data       []byte
	digest     digest // of the data; of the whole delivery if it has no message
	readable   bool   // the data is a request
	attempt    int    // of the delivery, from 1; 0: unknown
}

// digest identifies data that is not shown.
type digest struct {
	Size   int64  `json:"size"` // in bytes
	SHA256 string `json:"sha256"`
}

// name identifies the message over its deliveries.
func (m *message) name() string {
	if m.id != "" {
		return m.id
	}
	return "sha256:" + m.digest.SHA256
}

// readDelivery reads a delivery of Pub/Sub. Without a message in the input, the delivery has not
// arrived. An error of a message is final: a later delivery would have the same.
func (s service) readDelivery(conn *arrival, r *http.Request, in *input) error {
	if err := allow(r.Method, http.MethodPost); err != nil {
		return err
	}
	if err := conn.enter(*s.Setup, in.callerKey()); err != nil {
		return err
	}
	m, err := receive(conn, r)
	if m != nil {
		_ = conn.admission.reserve(len(m.data)) // less than before
		in.message = m
	}
	if err == nil {
		err = s.readMessage(r.Context(), in)
	}
	if err != nil {
		return err
	}
	return conn.start()
}

// readMessage reads the message as a request, unless its attribute names an action that the caller
// may not run.
func (s service) readMessage(ctx context.Context, in *input) error {
	if in.message.attributes[jobAttribute] != "" {
		return s.readBatch(ctx, in)
	}
	in.address = in.message.attributes[actionAttribute]
	in.action, _ = s.resolve(in) // process returns the error, without secrets
	err := in.permitted()
	if err != nil {
		return err
	}
	if in.request, err = in.message.request(); err != nil {
		if in.action == nil {
			in.address = "" // it may be a secret
		}
		return in.request.discard(s.names(), err, in.message.name())
	}
	in.request.hide(s.names())
	in.address = in.request.mask.Action(in.address)
	return nil
}

// request reads the message as a request. Its key is that of the attribute, or the message's name.
func (m *message) request() (request, error) {
	q := request{Request: action.Request{NoSecrets: true}}
	for _, name := range slices.Sorted(maps.Keys(m.attributes)) {
		if unfilled := action.UnfilledAnywhere(m.attributes[name]); unfilled != "" && name != keyAttribute {
			q.problem("attribute "+action.Shorten(name), "%s", unfilled)
		}
	}
	q.key("attribute "+keyAttribute, m.attributes[keyAttribute])
	if q.IdempotencyKey == "" {
		q.IdempotencyKey, q.shownKey = m.name(), m.name()
	}
	err := q.read("data", m.data, nil)
	m.readable = err == nil
	return q, err
}

// ackOrNack returns the reply that acknowledges the message, or asks Pub/Sub to deliver it
// again. Only the run that holds the lease publishes the result.
func (s service) ackOrNack(ctx context.Context, in *input, out outcome) httpReply {
	ctx = context.WithoutCancel(ctx)
	if in.job != nil {
		return s.ackBatch(ctx, in, out)
	}
	redeliver := out.redeliver || out.lost
	if !out.lost && (out.ran || !redeliver) {
		if err := s.publishResult(ctx, in, out.reply, out.body); err != nil {
			s.warnUnpublished(ctx, in, "the result of a message", err)
			redeliver = true
		}
	}
	if !redeliver && out.deadLetter != nil {
		if err := s.publishDeadLetter(ctx, in, *out.deadLetter); err != nil {
			s.warnUnpublished(ctx, in, "a dead letter", err)
			redeliver = true
		}
	}
	return deliveryReply(out, redeliver)
}

// deliveryReply returns the reply that acknowledges a message, or asks Pub/Sub to deliver it again.
func deliveryReply(out outcome, redeliver bool) httpReply {
	res := httpReply{status: http.StatusOK, body: out.body, result: out.result}
	if redeliver {
		res.header = out.header
		if res.status = out.status; res.status < http.StatusInternalServerError {
			res.status = http.StatusServiceUnavailable
		}
	}
	return res
}

// ackBatch acknowledges the message of a batch, or asks for another delivery.
func (s service) ackBatch(ctx context.Context, in *input, out outcome) httpReply {
	return deliveryReply(out, s.endBatch(context.WithoutCancel(ctx), in, out))
}

func (s service) warnUnpublished(ctx context.Context, in *input, published string, err error) {
	s.Log.LogAttrs(ctx, slog.LevelWarn, published+" could not be published",
		slog.String("invocation_id", in.id), slog.String("error", err.Error()))
}

// maxResult is the size of a message's data, less a margin for the rest of the message.
// https://cloud.google.com/pubsub/quotas#resource_limits
const maxResult = 9 << 20

// publishResult publishes the reply of a run without its secrets. data is the encoded reply.
func (s service) publishResult(ctx context.Context, in *input, reply Reply, data []byte) error {
	if s.Results == nil {
		return nil
	}
	reply, secret, err := withoutSecrets(in, reply)
	if secret && err == nil {
		data, err = reply.encode()
	}
	if err == nil && len(data) > maxResult {
		data, err = reply.withoutResults(
			"The JSON result and the enrichment are too large for a message and left out.").encode()
	}
	if err != nil {
		return err
	}
	attributes := map[string]string{
		"action": reply.Action, "status": string(reply.Status), "invocation_id": reply.InvocationID,
		"case_id": attribute(in.request.Context["case_id"]),
	}
	if reply.Job != nil {
		attributes[jobAttribute] = reply.Job.ID
	}
	if in.message != nil {
		attributes["message_id"] = attribute(in.message.id)
	}
	return s.Results.Publish(ctx, data, attributes)
}

// attribute returns a text that an attribute may hold: Pub/Sub refuses a message with a longer one.
func attribute(text string) string {
	if len(text) > maxContextValue {
		return action.Shorten(text)
	}
	return text
}

// deadLetter is published for a message that failed finally.
type deadLetter struct {
	InvocationID   string       `json:"invocation_id"`
	Function       string       `json:"function"`
	Action         string       `json:"action"`
	MessageID      string       `json:"message_id"`
	IdempotencyKey string       `json:"idempotency_key"`
	Reason         ReplyError   `json:"reason"`
	Request        *deadRequest `json:"request,omitempty"` // its secret parameters masked
	Data           *digest      `json:"data,omitempty"`    // of data that is not a request
}

type deadRequest struct {
	Action     string            `json:"action,omitempty"`
	Parameters map[string]any    `json:"parameters,omitempty"`
	Entities   []action.Entity   `json:"entities,omitempty"`
	Context    map[string]string `json:"context,omitempty"`
	Options    action.Options    `json:"options"`
}

// deadReason is the part of a dead letter that comes from a failed run.
type deadReason struct {
	invocationID, action string
	reason               ReplyError
}

// newDeadReason returns the reason of a reply that reports a failure. cause is nil if the reply is
// of an earlier run.
func newDeadReason(reply Reply, cause *apierr.Error) *deadReason {
	reason := ReplyError{Message: reply.OutputMessage, Problems: []apierr.Problem{}}
	switch {
	case cause != nil:
		reason = *replyError(cause)
	case reply.Error != nil:
		reason = *reply.Error
	}
	return &deadReason{reply.InvocationID, reply.Action, reason}
}

// publishDeadLetter publishes the dead letter of a message once.
func (s service) publishDeadLetter(ctx context.Context, in *input, d deadReason) error {
	if s.DeadLetters == nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "DEAD_LETTER_TOPIC is not set: a message that failed finally is only logged",
			slog.String("invocation_id", in.id), slog.String("message_id", in.message.id),
			slog.String("error_code", d.reason.Code))
		return nil
	}
	letter := deadLetter{
		InvocationID: d.invocationID, Function: s.group.Function, Action: d.action, MessageID: in.message.id,
		IdempotencyKey: in.request.shownKey, Reason: d.reason,
	}
	if in.message.readable {
		letter.Request = in.request.dead()
	} else {
		letter.Data = &in.message.digest
	}
	data, err := encode(letter)
	if err != nil {
		return err
	}
	held, _, err := s.Idempotency.Begin(ctx, requestKey(in, "dead letter", in.message.name()), nil)
	if err != nil || held == nil { // without a lease it was published before
		return err
	}
	if err := s.DeadLetters.Publish(ctx, data, map[string]string{
		"action": d.action, "reason": attribute(d.reason.Code), "invocation_id": d.invocationID,
		"message_id": attribute(in.message.id),
	}); err != nil {
		return errors.Join(err, held.Forget(ctx))
	}
	if err := held.Finish(ctx, []byte(`"published"`)); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn,
			"a dead letter was published, but this is not recorded: a redelivery of the message publishes it again",
			slog.String("invocation_id", in.id), slog.String("error", err.Error()))
	}
	return nil
}
