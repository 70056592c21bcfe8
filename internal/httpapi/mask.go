package httpapi

import (
	"slices"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// hide takes the secrets of the request out of everything else that it says and that replies and
// records repeat: names of parameters, the action, the context. A password is pasted into the
// wrong field now and then. The Idempotency-Key stays as it is, since it names the request;
// records show it without them.
func (q *request) hide(groups []action.Group) {
	q.mask = action.NewMask(groups, q.Parameters)
	q.Parameters, q.action, q.Context = q.mask.Names(q.Parameters), q.mask.Action(q.action), q.mask.Context(q.Context)
	q.shownKey = q.mask.Text(q.IdempotencyKey)
}

// discard removes what the records would show of a request that was read only in part, because it
// may contain a secret that the mask does not know. It returns the error without the secrets that
// were read. Records show the key as shown.
func (q *request) discard(groups []action.Group, err error, shown string) error {
	mask := action.NewMask(groups, q.Parameters)
	*q = request{shownKey: shown}
	f := apierr.As(err)
	if f.Kind != apierr.BadRequest || len(f.Problems) == 0 {
		return err
	}
	return apierr.Invalid(masked(mask, f.Problems)...)
}

// invalid returns the error of a request that has its own problems and these of its action.
func (q *request) invalid(problems ...apierr.Problem) error {
	all := masked(q.mask, q.problems)
	repeated := q.mask.Repeated(q.Parameters, q.Entities)
	for _, p := range problems {
		if repeated && !q.mask.Secret(p.Parameter) { // a secret's own problem does not show its value
			p = masked(q.mask, []apierr.Problem{p})[0]
		}
		all = append(all, p)
	}
	return apierr.Invalid(all...)
}

// masked returns the problems without secrets.
func masked(mask action.Mask, problems []apierr.Problem) []apierr.Problem {
	out := slices.Clone(problems)
	for i, p := range out {
		out[i] = apierr.Problem{Parameter: mask.Name(p.Parameter), Message: mask.Text(p.Message)}
	}
	return out
}

// warnings returns the first warnings about the request, without its secrets.
func (q *request) warnings(warnings []string) []string {
	out := slices.Clone(warnings[:min(len(warnings), maxWarnings)])
	for i, w := range out {
		out[i] = q.mask.Text(w)
	}
	return out
}

// dead returns the request as a dead letter holds it.
func (q *request) dead() *deadRequest {
	return &deadRequest{q.action, q.mask.Parameters(q.Parameters), q.mask.Entities(q.Entities), q.Context, q.Options}
}
