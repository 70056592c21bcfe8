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

// StoredReply is the part of an earlier run's reply that Replay needs.
type StoredReply struct {
	Targets  []*Target
	Entities []EnrichedEntity
	JSON     json.RawMessage // json_result
	Warnings []string
}

// Replay returns the result of a stored reply to the same request, corrected by the current state
// of its targets. It writes nothing. Users are read by the IDs in the reply, because a login may
// belong to another user now. The action must have ReadBack. The errors are those of Run.
func (inv *Invocation) Replay(ctx context.Context, d Deps, r Run, stored StoredReply) (*Result, error) {
	replayed := *inv
	replayed.Warnings = stored.Warnings
	return replayed.execute(ctx, &Execution{Deps: d, Run: r, replay: &stored})
}

// replayUsers reads the targets of the stored reply again. Targets that the earlier run neither
// reached nor changed stay as stored.
func (x *Execution) replayUsers(ctx context.Context, w UserWork) *Result {
	var values map[string]json.RawMessage
	_ = json.Unmarshal(x.replay.JSON, &values) // null, or without some members, if it was too large to store
	targets := x.replay.Targets
	x.forEachParallel(len(targets), func(i int) {
		t := targets[i]
		t.restoreError()
		if t.UserID == "" || !t.Outcome.Reached() && !t.touched {
			return
		}
		if value := values[t.Input]; value != nil && t.Outcome.Reached() {
			t.value = value
		}
		if err := x.catchPanic(func() error { return x.replayUser(ctx, t, w) }); err != nil {
			t.failWithoutState(err)
		}
	})
	w.Unchanged = "Still as asked"
	r := x.newResult(targets, w.Words)
	r.Entities = x.replay.Entities
	reached := map[Mention]bool{}
	for _, t := range targets {
		for _, m := range append([]Mention{t.Mention}, t.AlsoNamed...) {
			reached[m] = t.Outcome.Reached()
		}
	}
	for i, e := range r.Entities {
		if !entityReached(e.Identifier, reached) {
			r.Entities[i].Enrichment = map[string]string{}
		}
	}
	return r
}

// entityReached reports whether all users that an entity lists were reached. A listed name that is
// not a target, such as that of a host, does not count.
func entityReached(identifier string, reached map[Mention]bool) bool {
	names, _, err := entityNames(identifier)
	if len(names) == 1 {
		names[0] = identifier // as given
	}
	targets := 0
	for _, name := range names {
		ok, isTarget := reached[Mention{name, fromEntity}]
		if isTarget && !ok {
			return false
		}
		if isTarget {
			targets++
		}
	}
	return err == nil && targets > 0
}

// replayUser reads a target of the stored reply by its ID.
func (x *Execution) replayUser(ctx context.Context, t *Target, w UserWork) error {
	u, err := x.lookUp(ctx, t.UserID)
	switch {
	case err != nil:
		return err
	case u.ID != t.UserID:
		return apierr.New(apierr.NotFound, okta.CodeNotFound, "no user has this ID any more", nil)
	}
	t.Login = u.Login
	p, err := w.Plan(ctx, u)
	return x.readBack(t, &p, err)
}

// isAsLeft reports whether a target is as the earlier part of this run left it.
func (x *Execution) isAsLeft(t *Target, p *Plan) bool {
	return x.Continues && t.Outcome.wrote() && sameState(p.Before, t.After)
}

// readBack compares a target, as an earlier run left it, with the plan for its current state. The
// plan decides whether the target is as asked: the stored state may not have been as asked, and two
// equal states may be of different roles. It returns an error if the state could not be read.
func (x *Execution) readBack(t *Target, p *Plan, err error) error {
	if p.Before == nil && err != nil {
		return err
	}
	p.dropRolesRemovedBefore(t.Roles)
	same, reached := sameState(p.Before, t.After), t.Outcome.Reached()
	switch {
	case err == nil && p.Err == nil && (p.Write == nil || same && sameState(p.Before, p.After)):
		if !same || !reached {
			t.value, t.Undo, t.NotUndoable = p.Value, nil, ""
		}
		t.Outcome, t.Roles, t.Before, t.After, t.touched = Unchanged, p.Roles, p.Before, p.Before, false
		t.Error, t.err, t.Verified = nil, nil, &x.Request.Options.Verify
	case same && !reached && !p.changesAgain(t.Roles): // the part that the earlier run changed still holds
	default:
		t.changedSince(t.After, p)
	}
	return nil
}

// dropRolesRemovedBefore drops the plan's NotFound errors of roles that an earlier run of the
// request reached: an assignment that was removed by its ID cannot be found by this ID again.
func (p *Plan) dropRolesRemovedBefore(stored []RoleOutcome) {
	if len(stored) == 0 {
		return
	}
	roles, failed := slices.Clone(p.Roles), false
	for i, r := range roles {
		if r.Outcome == NotFound && reachedRole(stored, r.Role) {
			roles[i] = RoleOutcome{Role: r.Role, Outcome: Unchanged}
		}
		failed = failed || roles[i].Error != nil
	}
	if p.Roles = roles; !failed {
		p.Err = nil
	}
}

// changesAgain reports whether the plan changes a role that an earlier run of the request reached.
func (p *Plan) changesAgain(stored []RoleOutcome) bool {
	return slices.ContainsFunc(p.Roles, func(r RoleOutcome) bool {
		return r.Outcome == Planned && reachedRole(stored, r.Role)
	})
}

func reachedRole(stored []RoleOutcome, role string) bool {
	return slices.ContainsFunc(stored, func(r RoleOutcome) bool { return r.Role == role && r.Outcome.Reached() })
}

// changedSince fails a target that an earlier run reached and that is no longer as asked. was is
// the state in which that run left it; nil if it is not known.
func (t *Target) changedSince(was State, p *Plan) {
	err := errChangedSince(was, p.Before)
	t.failWithoutState(err)
	t.Before, t.Roles = p.Before, rolesChangedSince(p.Roles, err)
}

// errChangedSince returns the error of a target that is no longer as asked. was is the state when
// the request completed; nil if it is not known.
func errChangedSince(was, now State) *apierr.Error {
	var changes []string
	compare := was != nil && !sameState(was, now)
	for _, k := range sortedKeys(now) {
		if compare {
			changes = append(changes,
				fmt.Sprintf("%s: %s when the request completed, %s now", k, valueText(was[k]), valueText(now[k])))
		} else { // the stored state was not as asked, or it is of different roles
			changes = append(changes, fmt.Sprintf("%s: %s now, which is not as asked", k, valueText(now[k])))
		}
	}
	return apierr.Errorf(apierr.WrongState, CodeChangedSince,
		"%s; send the request with a new Idempotency-Key to do it again", strings.Join(changes, "; "))
}

// rolesChangedSince returns the plan's outcomes of roles, with the error for those that the plan
// would change: they are no longer as asked.
func rolesChangedSince(roles []RoleOutcome, err *apierr.Error) []RoleOutcome {
	var out []RoleOutcome
	for _, r := range roles {
		if r.Outcome == Planned {
			r.Outcome, r.Error = WrongState, NewTargetError(err)
		}
		out = append(out, r)
	}
	return out
}
