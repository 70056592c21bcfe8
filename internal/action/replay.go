package action

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// CodeChangedSince is the code of a target that an earlier run reached and whose state is no longer as asked.
const CodeChangedSince = "changed_since"

// StoredReply is the reply of an earlier run, as far as Replay needs it.
type StoredReply struct {
	Targets  []*Target
	Entities []EnrichedEntity
	JSON     json.RawMessage // json_result
	Warnings []string
}

// Replay returns what a kept reply of the same request says, corrected by the state of its targets as read now. It writes
// nothing. Users are read by the ids that were kept: a login may name another user by now. The action must have ReadBack.
func (inv *Invocation) Replay(ctx context.Context, d Deps, k StoredReply) (*Result, error) {
	replayed := *inv
	replayed.Warnings = k.Warnings
	return replayed.execute(ctx, &Execution{Deps: d, replay: &k})
}

// replayUsers reads the targets of a kept reply again. Those that the earlier run neither reached nor changed stay as kept.
func (c *Execution) replayUsers(ctx context.Context, w UserWork) *Result {
	var values map[string]json.RawMessage
	_ = json.Unmarshal(c.replay.JSON, &values) // null, or missing members, if it was too large to be kept
	targets := c.replay.Targets
	c.forEachParallel(len(targets), func(i int) {
		t := targets[i]
		t.restoreError()
		if t.UserID == "" || !t.Outcome.Reached() && !t.touched {
			return
		}
		if value := values[t.Input]; value != nil && t.Outcome.Reached() {
			t.value = value
		}
		if err := c.catchPanic(func() error { return c.replayUser(ctx, t, w) }); err != nil {
			t.failWithoutState(err)
		}
	})
	w.Unchanged = "Still as asked"
	r := c.newResult(targets, w.Words)
	r.Entities = c.replay.Entities
	holds := map[Mention]bool{}
	for _, t := range targets {
		for _, n := range append([]Mention{t.Mention}, t.AlsoNamed...) {
			holds[n] = t.Outcome.Reached()
		}
	}
	for i, e := range r.Entities {
		if !entityHolds(e.Identifier, holds) {
			r.Entities[i].Enrichment = map[string]string{}
		}
	}
	return r
}

// entityHolds reports whether all users that an entity lists are as asked. A listed name that did
// not become a target, such as that of a host, does not count.
func entityHolds(identifier string, holds map[Mention]bool) bool {
	names, _, err := entityNames(identifier)
	if len(names) == 1 {
		names[0] = identifier // as given
	}
	targets := 0
	for _, name := range names {
		held, isTarget := holds[Mention{name, fromEntity}]
		if isTarget && !held {
			return false
		}
		if isTarget {
			targets++
		}
	}
	return err == nil && targets > 0
}

// replayUser reads a target of a kept reply by its id.
func (c *Execution) replayUser(ctx context.Context, t *Target, w UserWork) error {
	u, err := c.lookUp(ctx, t.UserID)
	switch {
	case err != nil:
		return err
	case u.ID != t.UserID:
		return apierr.New(apierr.NotFound, okta.CodeNotFound, "no user has this id any more", nil)
	}
	t.Login = u.Login
	p, err := w.Plan(ctx, u)
	return c.readBack(t, p, err)
}

// readBack compares a target, as an earlier run left it, with the plan for its state as read now.
// The plan decides whether the target is as asked: the kept state may not have been as asked, and
// two equal states may be of different roles. It returns an error if the state could not be read.
func (c *Execution) readBack(t *Target, p Plan, err error) error {
	if p.Before == nil && err != nil {
		return err
	}
	p.dropRolesRemovedBefore(t.Roles)
	same, reached := sameState(p.Before, t.After), t.Outcome.Reached()
	switch {
	case err == nil && p.Err == nil && (p.Write == nil || same && sameState(p.Before, p.After)):
		if !same || !reached {
			t.value, t.Undo = p.Value, nil
		}
		t.Outcome, t.Roles, t.Before, t.After, t.touched = Unchanged, p.Roles, p.Before, p.Before, false
		t.Error, t.err, t.Verified = nil, nil, &c.Request.Options.Verify
	case same && !reached && !p.changesAgain(t.Roles): // the part that could be done was done, and still holds
	default:
		t.changedSince(t.After, p)
	}
	return nil
}

// dropRolesRemovedBefore drops the plan's errors of roles that are not found now and that an earlier run of the
// request reached: an assignment that was removed by its ID cannot be found by this ID again.
func (p *Plan) dropRolesRemovedBefore(kept []RoleOutcome) {
	if len(kept) == 0 {
		return
	}
	roles, failed := slices.Clone(p.Roles), false
	for i, r := range roles {
		if r.Outcome == NotFound && reachedRole(kept, r.Role) {
			roles[i] = RoleOutcome{Role: r.Role, Outcome: Unchanged}
		}
		failed = failed || roles[i].Error != nil
	}
	if p.Roles = roles; !failed {
		p.Err = nil
	}
}

// changesAgain reports whether the plan would do a role again that an earlier run of the request reached.
func (p *Plan) changesAgain(kept []RoleOutcome) bool {
	return slices.ContainsFunc(p.Roles, func(r RoleOutcome) bool {
		return r.Outcome == Planned && reachedRole(kept, r.Role)
	})
}

func reachedRole(kept []RoleOutcome, role string) bool {
	return slices.ContainsFunc(kept, func(r RoleOutcome) bool { return r.Role == role && r.Outcome.Reached() })
}

// changedSince records that a target that an earlier run reached is not as asked now. was is the
// state in which that run left it; nil if it is not known.
func (t *Target) changedSince(was State, p Plan) {
	changed := changedSince(was, p.Before)
	t.failWithoutState(changed)
	t.Before, t.Roles = p.Before, rolesChangedSince(p.Roles, changed)
}

// failWithoutState records why a target that an earlier run reached does not count as reached. What the earlier run said of it is
// not repeated: it may no longer be so.
func (t *Target) failWithoutState(err error) {
	t.Before, t.After, t.Undo, t.Roles, t.Verified, t.value, t.touched = nil, nil, nil, nil, nil, nil, false
	t.fail(err)
}

// changedSince returns the error of a target that is not as asked any more. was is the state when
// the request completed; nil if it is not known.
func changedSince(was, now State) *apierr.Error {
	var changes []string
	compare := was != nil && !sameState(was, now)
	for _, k := range sortedKeys(now) {
		if compare {
			changes = append(changes, fmt.Sprintf("%s: %s when the request completed, %s now", k, valueText(was[k]), valueText(now[k])))
		} else { // the kept state was not as asked, or it is of different roles
			changes = append(changes, fmt.Sprintf("%s: %s now, which is not as asked", k, valueText(now[k])))
		}
	}
	return apierr.Errorf(apierr.WrongState, CodeChangedSince,
		"%s; send the request with a new Idempotency-Key to do it again", strings.Join(changes, "; "))
}

// rolesChangedSince is what a plan found about roles: those that it would change again are no longer as asked.
func rolesChangedSince(roles []RoleOutcome, changed *apierr.Error) []RoleOutcome {
	var out []RoleOutcome
	for _, r := range roles {
		if r.Outcome == Planned {
			r.Outcome, r.Error = WrongState, NewTargetError(changed)
		}
		out = append(out, r)
	}
	return out
}

// restoreError gives a target that was decoded from a kept reply what is not part of its JSON.
func (t *Target) restoreError() {
	if t.Error == nil {
		return
	}
	t.touched = len(t.After) > 0
	kind := apierr.Rejected
	switch {
	case t.Outcome == NotFound:
		kind = apierr.NotFound
	case t.Outcome == Refused:
		kind = apierr.Refused
	case t.Outcome == WrongState:
		kind = apierr.WrongState
	case t.Error.Code == apierr.CodeUnknownResult:
		kind = apierr.UnknownResult
	case t.Error.Code == apierr.CodeNoPermission:
		kind = apierr.Credentials
	}
	t.err = &apierr.Error{Kind: kind, Code: t.Error.Code, Message: t.Error.Message, RequestID: t.Error.OktaRequestID}
}
