package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// pubsubPath is where Pub/Sub delivers to.
const pubsubPath = "pubsub"

// The attributes of a message that are read.
const (
	actionAttribute = "action"
	keyAttribute    = "idempotency_key"
)

// message is a Pub/Sub message.
type message struct {
	id         string // "" where none can be read
	attributes map[string]string
	data       []byte
	digest     digest // of the data, or of the whole delivery where it holds no message
	readable   bool   // as a request
}

// digest tells what cannot be shown.
type digest struct {
	Size   int64  `json:"size"` // in bytes
	SHA256 string `json:"sha256"`
}

// name is what the message is known by when it comes again.
func (m *message) name() string {
	if m.id != "" {
		return m.id
	}
	return "sha256:" + m.digest.SHA256
}

// request reads the message as a request.
func (m *message) request() (request, error) {
	var q request
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

// deliver carries out the action of a message. What is wrong with the message is told by acknowledging it: Pub/Sub would
// only bring it again.
func (h handler) deliver(x *exchange) {
	if !x.allow(http.MethodPost) {
		return
	}
	place, err := x.enter()
	if err != nil {
		x.fail(err)
		return
	}
	defer place.release()
	m, err := x.receive(place)
	if m == nil { // it has not arrived, and comes again
		x.fail(err)
		return
	}
	_ = place.reserve(len(m.data)) // less than before
	x.message = m
	if err == nil {
		err = h.readMessage(x)
	}
	if err != nil {
		x.fail(err)
		return
	}
	h.execute(x, "attribute "+actionAttribute)
}

// readMessage reads the message as a request, unless its attributes name an action that the caller may not call.
func (h handler) readMessage(x *exchange) (err error) {
	m := x.message
	var unknown error
	if x.named = m.attributes[actionAttribute]; x.named != "" && action.UnfilledAnywhere(x.named) == "" {
		var a action.Action
		if a, unknown = h.find(x.named); unknown == nil {
			x.action = &a
		}
	}
	if err := x.mayCall(); err != nil {
		return err
	}
	if x.body, err = m.request(); err != nil {
		if x.action == nil {
			x.named = "" // it may be a secret
		}
		return x.body.discard(h.all, err, m.name())
	}
	x.body.hide(h.all)
	x.named = x.body.mask.Action(x.named)
	if unknown != nil {
		_, unknown = h.find(x.named) // the error does not show a secret that was given as the name
	}
	return unknown
}

// errNeedsHTTP is the error of a message that has a secret or would return one: Pub/Sub keeps both.
func errNeedsHTTP(inv *action.Invocation) error {
	reasons := make([]string, len(inv.Secrets))
	for i, p := range inv.Secrets {
		reasons[i] = strings.TrimSpace(p.Parameter + " " + p.Message)
	}
	f := apierr.New(apierr.BadRequest, "secret_needs_http", apierr.Sentence("; ", reasons...), nil)
	f.Problems = inv.Secrets
	return f
}

// ackOrNack answers Pub/Sub: a message is done with, or comes again later. What it came to is told by the run that has its
// claim, and by no other.
func (x *exchange) ackOrNack(status int, reply Reply, cause *apierr.Error, later bool) {
	ctx := context.WithoutCancel(x.r.Context())
	later = later || x.lost
	if !x.lost && (x.ran || !later) {
		if err := x.publishResult(ctx, reply); err != nil {
			x.unpublished(ctx, "the result of a message", err)
			later = true
		}
	}
	dead, owed := reply, true
	if x.kept != nil {
		// A replay has no dead letter of its own. That of the first run may not be published yet if
		// the same message comes again.
		dead, owed, cause = *x.kept, x.owesLetter, nil
	}
	if !later && owed && dead.Status == action.StatusFailure {
		if err := x.deadLetter(ctx, dead, cause); err != nil {
			x.unpublished(ctx, "a dead letter", err)
			later = true
		}
	}
	switch {
	case !later:
		status = http.StatusOK
	case status < 500:
		status = http.StatusServiceUnavailable
	}
	x.send(status, encode(reply))
}

func (x *exchange) unpublished(ctx context.Context, what string, err error) {
	x.log.LogAttrs(ctx, slog.LevelWarn, what+" could not be published", slog.String("invocation_id", x.id), slog.String("error", err.Error()))
}

// maxResult is what a message may hold, less what goes around it. https://cloud.google.com/pubsub/quotas#resource_limits
const maxResult = 9 << 20

// publishResult publishes what a run came to, without its secrets.
func (x *exchange) publishResult(ctx context.Context, reply Reply) error {
	if x.setup.Results == nil {
		return nil
	}
	reply, _, err := x.withoutSecrets(reply)
	if err != nil {
		return err
	}
	data := encode(reply)
	if len(data) > maxResult {
		data = encode(reply.withoutResults("The JSON result and the enrichment are too large for a message and left out."))
	}
	attributes := map[string]string{
		"action": reply.Action, "status": string(reply.Status), "invocation_id": reply.InvocationID, "case_id": attribute(x.body.Context["case_id"]),
	}
	if x.message != nil {
		attributes["message_id"] = attribute(x.message.id)
	}
	return x.setup.Results.Publish(ctx, data, attributes)
}

// attribute returns a text that an attribute may hold: Pub/Sub refuses a message with a longer one.
func attribute(text string) string {
	if len(text) > maxContextValue {
		return action.Shorten(text)
	}
	return text
}

// deadLetter is what is published of a message that nobody can carry out.
type deadLetter struct {
	InvocationID   string       `json:"invocation_id"`
	Function       string       `json:"function"`
	Action         string       `json:"action"`
	MessageID      string       `json:"message_id"`
	IdempotencyKey string       `json:"idempotency_key"`
	Reason         ReplyError   `json:"reason"`
	Request        *deadRequest `json:"request,omitempty"` // its secret parameters masked
	Data           *digest      `json:"data,omitempty"`    // of what is no request
}

type deadRequest struct {
	Action     string            `json:"action,omitempty"`
	Parameters map[string]any    `json:"parameters,omitempty"`
	Entities   []action.Entity   `json:"entities,omitempty"`
	Context    map[string]string `json:"context,omitempty"`
	Options    action.Options    `json:"options"`
}

// deadLetter publishes a message that came to nothing, once.
func (x *exchange) deadLetter(ctx context.Context, reply Reply, cause *apierr.Error) error {
	reason := ReplyError{Message: reply.OutputMessage, Problems: []apierr.Problem{}}
	switch {
	case cause != nil:
		reason = *replyError(cause)
	case reply.Error != nil: // of a reply that was kept
		reason = *reply.Error
	}
	if x.setup.DeadLetters == nil {
		x.log.LogAttrs(ctx, slog.LevelWarn, "DEAD_LETTER_TOPIC is not set: a message that cannot be carried out is in the log only",
			slog.String("invocation_id", x.id), slog.String("message_id", x.message.id), slog.String("error_code", reason.Code))
		return nil
	}
	letter := deadLetter{InvocationID: reply.InvocationID, Function: x.group.Function, Action: reply.Action, MessageID: x.message.id, IdempotencyKey: x.body.shownKey, Reason: reason}
	if x.message.readable {
		letter.Request = x.body.dead()
	} else {
		letter.Data = &x.message.digest
	}
	claim, _, err := x.setup.Idempotency.Begin(ctx, x.claimKey("dead letter", x.message.name()), nil)
	if err != nil || claim == nil { // a nil claim: it was published before
		return err
	}
	if err := x.setup.DeadLetters.Publish(ctx, encode(letter), map[string]string{
		"action": reply.Action, "reason": attribute(reason.Code), "invocation_id": reply.InvocationID, "message_id": attribute(x.message.id),
	}); err != nil {
		return errors.Join(err, claim.Forget(ctx))
	}
	if err := claim.Finish(ctx, []byte(`"published"`)); err != nil {
		x.log.LogAttrs(ctx, slog.LevelWarn, "that a dead letter was published is not kept: should the message come again, so will the dead letter",
			slog.String("invocation_id", x.id), slog.String("error", err.Error()))
	}
	return nil
}
