package serve

import "example.com/okta-secops/internal/action"

// hide takes the secrets of the request out of everything else that it says and that replies and
// records repeat: names of parameters, the action, the context. A password is pasted into the
// wrong field now and then. The Idempotency-Key stays as it is, since it names the request;
// records show it without them.
func (q *request) hide(groups []action.Group) {
	q.mask = action.NewMask(groups, q.Parameters)
	q.Parameters, q.action, q.Context = q.mask.Names(q.Parameters), q.mask.Action(q.action), q.mask.Context(q.Context)
	q.shownKey = q.mask.Text(q.IdempotencyKey)
	for i := range q.problems {
		q.problems[i].Parameter = q.mask.Text(q.problems[i].Parameter)
	}
}

// dead returns the request as a dead letter holds it.
func (q *request) dead() *deadRequest {
	return &deadRequest{q.action, q.mask.Parameters(q.Parameters), q.mask.Entities(q.Entities), q.Context, q.Options}
}
