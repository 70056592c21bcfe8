package okta

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// call is one request with the rules for its attempts and its response.
type call struct {
	request
	// nonIdempotent marks a write that must not happen twice, such as one that sends an e-mail each
	// time. If its response is lost, the error says that the result is unknown and invites no
	// retry.
	nonIdempotent bool
	// idempotent marks a POST that has the same effect if it is repeated.
	idempotent bool
	// sendsEmail marks a write by which the user may get a link. A repeat finds another state, and
	// may send another link, so that a state without the change does not prove that no link was
	// sent.
	sendsEmail bool
	// applied reads the state of the object that the write changes: after a lost response, to learn
	// whether the write was made, and after a rejection, to learn whether the requested state holds
	// already. The client repeats a write only if its method is idempotent, or idempotent or
	// applied is set.
	applied func(ctx context.Context) (objectState, error)
	// onlyAfterRejection marks a write whose effect applied cannot show.
	onlyAfterRejection bool
	statuses           []int // the statuses of a success; nil: every 2xx
	// object returns an error if the body of a 2xx response is not the object that the write
	// returns; nil: any object and an empty body are accepted.
	object    func(body []byte) error
	anonymous bool            // the request carries no credentials
	hidden    []secrets.Value // in the request's body, besides those of WithSecrets
	// name is the name that the caller gave and that the path of a read contains: Okta may not
	// accept it in a path.
	name string
}

// objectState is the state of the object that a write changes.
type objectState struct {
	applied  bool // the state that the write makes
	obsolete bool // another state that leaves the write nothing to do, such as DEPROVISIONED for a suspend
	user     User // the zero User if the state is not a user's status
}

// AlreadyAppliedError is the error of a write that Okta rejected although the requested state
// holds, because another caller made the change first. It wraps Okta's rejection.
type AlreadyAppliedError struct {
	User      User // as read after the rejection; the zero User if the state is not a user's status
	rejection *apierr.Error
}

// Error implements error.
func (e *AlreadyAppliedError) Error() string {
	return "the requested state holds already: " + e.rejection.Error()
}

// Unwrap returns Okta's rejection, an *apierr.Error.
func (e *AlreadyAppliedError) Unwrap() error { return e.rejection }

// AlreadyApplied returns the AlreadyAppliedError in err's chain, nil if there is none.
func AlreadyApplied(err error) *AlreadyAppliedError {
	var applied *AlreadyAppliedError
	_ = errors.As(err, &applied)
	return applied
}

// repeatable reports whether the client may send the request again although an earlier attempt may
// have taken effect.
func (k call) repeatable() bool {
	return !k.nonIdempotent && (k.idempotent || k.route.idempotent() || k.applied != nil)
}

// do makes one call, with retries if these are safe and can help, and returns Okta's response with
// its body read.
func (c *Client) do(ctx context.Context, k call) (*response, error) {
	if c.auth == nil && !k.anonymous {
		return nil, apierr.New(apierr.Misconfigured, "misconfigured", "no Okta credentials are configured: "+
			"set OKTA_API_TOKEN_SECRET (Api Token), or OKTA_USE_OAUTH (Use Oauth Authentication) and its settings", nil)
	}
	r := &retrier{client: c, call: k, hook: newWriteHook(c.hook, c.step, k), rejectedProofs: map[string]bool{}}
	re, err := r.run(ctx)
	r.hook.end(re, err)
	if !k.route.reads() {
		re.release() // a response to a write is small, and the method decodes it at once
	}
	return re, err
}

// retrier makes the attempts of one call.
type retrier struct {
	client *Client
	call
	hook *writeHook

	attempts       int
	worst          effect          // of all attempts
	status         int             // of the last response if it was a server error
	repeats        int             // consecutive attempts with this status
	rejectedProofs map[string]bool // DPoP proofs, by the reason of the rejection
}

// effect is the effect that a failed attempt may have in Okta, the more severe the higher.
type effect int

const (
	noEffect       effect = iota // the request was not sent, or Okta rejected it
	possibleEffect               // Okta ended it with an error code that does not exclude an effect
	pendingEffect                // the response was lost or is not Okta's: the request may take effect even later
)

// verdict is the classification of one attempt.
type verdict struct {
	err    *apierr.Error // nil: the attempt succeeded
	effect effect
	retry  retryAfter
}

// decision is what follows an attempt that failed.
type decision int

const (
	fail decision = iota
	retry
	succeed // the state shows that the write was made
)

// run makes attempts until one succeeds or decide ends them.
func (r *retrier) run(ctx context.Context) (*response, error) {
	for {
		x := r.attempt(ctx)
		if err := r.hook.refused(); err != nil {
			return nil, err
		}
		v := r.classify(ctx, x)
		if v.err == nil {
			return x.response, nil
		}
		x.response.release()
		switch next, err := r.decide(ctx, v); next {
		case retry:
		case succeed:
			return &response{status: http.StatusNoContent}, nil
		default:
			return nil, err
		}
	}
}

// attempt sends the request once.
func (r *retrier) attempt(ctx context.Context) *attempt {
	r.attempts++
	x := &attempt{
		route: r.route, scopes: r.client.scopes, from: r.client.from, anonymous: r.anonymous, hook: r.hook,
		usage:      r.client.usage,
		needsProof: r.nonIdempotent || r.sendsEmail, readOnly: r.client.readOnly,
		hidden: slices.Concat(r.client.secrets, r.hidden),
	}
	err := r.send(context.WithValue(ctx, attemptKey{}, x))
	if x.err == nil && x.response == nil {
		x.err = apierr.New(apierr.Internal, "internal", "the request to Okta could not be built", err)
	}
	return x
}

// classify returns the verdict on an attempt. ctx is the caller's.
func (r *retrier) classify(ctx context.Context, x *attempt) verdict {
	err := x.apiError(ctx)
	if err == nil {
		err = r.unreadable(x.response)
	}
	if err == nil {
		return verdict{}
	}
	err = r.explain(err, x)
	if r.name != "" && x.pathRejected() {
		return verdict{err: notByPath(r.name, err), retry: never}
	}
	v := verdict{err: err, effect: x.effect(), retry: x.retryAfter(r.attempts)}
	if x.response != nil && x.response.proofRejected() {
		reason := x.response.challenge("DPoP").Error
		if reason == useNonce {
			reason += " " + x.response.header.Get("DPoP-Nonce")
		}
		if r.rejectedProofs[reason] { // a new proof is tried once, and each new nonce once
			v.retry = never
		}
		r.rejectedProofs[reason] = true
	}
	return v
}

// explain completes the message of an error: how many attempts failed alike, and which credentials
// to check.
func (r *retrier) explain(err *apierr.Error, x *attempt) *apierr.Error {
	re := x.response
	if re == nil || re.status < http.StatusInternalServerError || err.Kind != apierr.Unavailable {
		r.status = 0
	} else {
		if re.status != r.status {
			r.status, r.repeats = re.status, 0
		}
		r.repeats++
		err.Message = re.describe(err.Message, r.attempts, r.repeats)
	}
	if re != nil && (err.Kind == apierr.Credentials || err.Kind == apierr.NoPermission) && !r.anonymous {
		err.Message = strings.TrimRight(err.Message, ". ")
		r.client.auth.explain(err, r.client.scopes)
		if x.renewError != nil {
			return apierr.As(x.renewError)
		}
	}
	return err
}

// decide returns what follows a failed attempt, after the pause before a retry, and the error of a
// call that failed. A write that may have taken effect is repeated only if it is repeatable, and
// never reported as not made unless Okta ended each attempt and the state is as before.
func (r *retrier) decide(ctx context.Context, v verdict) (decision, error) {
	r.worst = max(r.worst, v.effect)
	made, unchanged := r.afterEffect(ctx, &v)
	if made {
		return succeed, nil
	}
	mayRepeat := v.retry != never && (v.effect == noEffect || r.repeatable())
	if mayRepeat && r.client.clock.Sleep(ctx, v.retry.wait()) == nil {
		return retry, nil
	}
	if v.effect == noEffect {
		if next, err := r.afterRejection(ctx, v.err); next == succeed || err != nil {
			return next, err
		}
	}
	if !r.route.reads() && r.inDoubt(unchanged) {
		r.hook.inDoubt()
		return fail, r.unknown(v.err)
	}
	return fail, r.advise(v.err)
}

// afterEffect reads the state after an attempt that may have had an effect. It reports whether the
// write was made, or whether the state lacks the change. If the state cannot be read, the write is
// not repeated.
func (r *retrier) afterEffect(ctx context.Context, v *verdict) (made, unchanged bool) {
	if v.effect == noEffect || r.applied == nil || r.onlyAfterRejection {
		return false, false
	}
	state, err := r.applied(ctx)
	if err != nil {
		v.retry = never
		return false, false
	}
	return state.applied, !state.applied
}

// afterRejection reads the state after Okta rejected the last attempt. It returns succeed if an
// earlier attempt was made, so that Okta rejects its repeat, and an AlreadyAppliedError if another
// caller has made the change.
func (r *retrier) afterRejection(ctx context.Context, rejection *apierr.Error) (decision, error) {
	if r.applied == nil || r.worst == noEffect && !rejectsTarget(rejection) {
		return fail, nil
	}
	switch state, err := r.applied(ctx); {
	case err != nil:
	case r.worst != noEffect && state.applied:
		return succeed, nil
	case r.worst == noEffect && (state.applied || state.obsolete):
		return fail, &AlreadyAppliedError{User: state.user, rejection: rejection}
	}
	return fail, nil
}

// inDoubt reports whether a write may have been made, or may still be made. unchanged reports that
// the state, read after the last attempt, lacks the change.
func (r *retrier) inDoubt(unchanged bool) bool {
	return r.worst == pendingEffect || r.worst == possibleEffect && (!unchanged || r.sendsEmail)
}

// rejectsTarget reports whether an error is Okta's own rejection of a write to this target, which
// another caller's change may have caused. E0000006 is one: Okta may return it for a user who is
// DEPROVISIONED by then.
func rejectsTarget(err *apierr.Error) bool {
	switch err.Kind {
	case apierr.NotFound, apierr.WrongState, apierr.Rejected:
		return true
	}
	return err.Code == CodeNoPermission
}

// unknown returns the error of a write that may have taken effect. For a non-idempotent write, the
// message includes what to do.
func (k call) unknown(err *apierr.Error) *apierr.Error {
	if !k.nonIdempotent {
		doubtful := *err
		doubtful.Doubtful = true
		doubtful.Message = strings.TrimSuffix(err.Message, ".") + ": the change may or may not have been made"
		return &doubtful
	}
	cause := "Okta's response was lost after the request was sent"
	switch {
	case err.Kind == apierr.InvalidResponse, err.Kind == apierr.Credentials, err.Kind == apierr.NoPermission,
		err.Code == codeRateLimited:
		cause = notOkta
	}
	return &apierr.Error{
		Kind: apierr.UnknownResult, Code: apierr.CodeUnknownResult, RequestID: err.RequestID, Cause: err,
		Message: cause + ": the request may or may not have taken effect, and it is not retried; " +
			"check the user in Okta before you repeat it",
	}
}

// advise completes the message of an error after which a later request can succeed, for a call that
// changed nothing.
func (r *retrier) advise(err *apierr.Error) *apierr.Error {
	if err.Kind != apierr.Unavailable {
		return err
	}
	unchanged := ""
	if r.client.planning {
		unchanged = "nothing was changed"
	} else if !r.route.reads() {
		unchanged = "the change was not made"
	}
	advised := *err
	advised.Message = apierr.Sentence("; ", err.Message, unchanged, "try again")
	return &advised
}
