package httpapi

import (
	"slices"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// hide removes the secrets of the request from the other texts that replies and records repeat:
// names of parameters, the action, the context. A password may have been pasted into the wrong
// field. The Idempotency-Key stays as it is, because it identifies the request; records show
// shownKey.
func (q *request) hide(v *action.Vocabulary) {
	q.mask = v.Mask(q.Parameters)
	q.Parameters, q.action, q.Context = q.mask.Names(q.Parameters), q.mask.Action(q.action), q.mask.Context(q.Context)
	q.shownKey = q.mask.Text(q.IdempotencyKey)
}

// discard removes what the records would show of a request that was read only in part, because it
// may contain a secret that the mask does not know. It returns the error without the secrets that
// were read. Records show the key as shown.
func (q *request) discard(v *action.Vocabulary, err error, shown string) error {
	mask := v.Mask(q.Parameters)
	*q = request{shownKey: shown}
	f := apierr.As(err)
	if f.Kind != apierr.BadRequest || len(f.Problems) == 0 {
		return err
	}
	return apierr.Invalid(masked(mask, f.Problems)...)
}

// invalid returns the error of a request that has its own problems and those of its action, without
// its secrets.
func (q *request) invalid(of *action.InvalidError) error {
	all := masked(q.mask, q.problems)
	repeated := q.mask.Repeated(q.Parameters, q.Entities)
	for _, p := range of.Problems {
		if repeated && !q.mask.Secret(p.Parameter) { // a secret's own problem does not show its value
			p = masked(q.mask, []apierr.Problem{p})[0]
		}
		all = append(all, p)
	}
	warnings := slices.Clone(of.Warnings[:min(len(of.Warnings), maxWarnings)])
	for i, w := range warnings {
		warnings[i] = q.mask.Text(w)
	}
	return &action.InvalidError{Problems: all, Warnings: warnings}
}

// maxWarnings is the number of warnings in the reply to an invalid request: there may be one for
// each entity.
const maxWarnings = 20

// masked returns the problems without secrets.
func masked(mask action.Mask, problems []apierr.Problem) []apierr.Problem {
	out := slices.Clone(problems)
	for i, p := range out {
		out[i] = apierr.Problem{Parameter: mask.Name(p.Parameter), Message: mask.Text(p.Message)}
	}
	return out
}

// dead returns the request for a dead letter, its secrets masked.
func (q *request) dead() *deadRequest {
	return &deadRequest{q.action, q.mask.Parameters(q.Parameters), q.mask.Entities(q.Entities), q.Context, q.Options}
}
