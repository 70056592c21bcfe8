package action

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// WriteGuard records the writes of a request with an idempotency key, so that a repeat of the
// request does not send a non-idempotent write again. Target.Identity identifies the target, and the
// step of a composed plan follows it.
type WriteGuard interface {
	// BeginWrite records that a write is about to be sent, and reports whether an earlier run made
	// it. With an error the write is not sent.
	BeginWrite(target string) (madeBefore bool, err error)
	// WasMade reports whether an earlier run of the request made a write.
	WasMade(target string) bool
	CommitWrite(target string) // the write was made
	AbortWrite(target string)  // the write was certainly not made
}

// TargetWrite is a write to Okta for a target, for the audit log.
type TargetWrite struct {
	okta.WriteEvent
	Target        Target // without its outcome
	Before, After State  // After is predicted
}

// errMadeBefore is the error of a non-idempotent write that an earlier run of the request made.
var errMadeBefore = errors.New("made before")

// applyPlan makes the change of a plan, or in a dry run predicts it, and records the outcome. It
// returns an error if the target did not reach the asked state.
func (x *Execution) applyPlan(ctx context.Context, t *Target, p *Plan) error {
	t.Before, t.Roles, t.message = p.Before, p.Roles, p.Message
	dryRun := x.Request.Options.DryRun
	if len(p.Steps) > 0 {
		t.Steps = p.plannedSteps()
		p.Err = apierr.MoreSevere(p.Err, stepsErr(t.Steps))
	}
	if dryRun && p.Write != nil && slices.ContainsFunc(p.writes(), planWrite.takesAccess) {
		x.warnOfImpact(ctx, t)
	}
	switch {
	case p.Err != nil && (p.Write == nil || dryRun):
		if t.touched = p.Write != nil; t.touched {
			t.After = p.After
		}
		return p.Err
	case p.Write == nil && !x.Action.Mutates:
		t.Outcome, t.value = Found, p.Value
		return nil
	case p.Write == nil:
		t.unchanged(x.Request.Options, p.Before, p.Value)
		return nil
	case dryRun:
		t.Outcome, t.After = Planned, p.After
		return nil
	}
	return x.write(ctx, t, p)
}

// write calls Plan.Write and records its result. If Okta rejected the write because another caller
// had already made the change, the target is unchanged.
func (x *Execution) write(ctx context.Context, t *Target, p *Plan) error {
	hook := func(w okta.WriteEvent) error { return x.onWriteEvent(t, p, w) }
	done, err := p.Write(ctx, x.client.WithWriteHook(hook))
	if already := okta.AlreadyApplied(err); already != nil {
		done, err = p.alreadyApplied(already), nil
	}
	if errors.Is(err, errMadeBefore) {
		x.recordMadeBefore(t, p)
		return nil
	}
	done.Outcome = cmp.Or(done.Outcome, p.Success, Changed)
	t.Roles, t.Steps, t.value, t.message = done.Roles, done.Steps, done.Value, done.Message
	if t.touched = done.Touched || err == nil && done.Outcome.wrote(); t.touched {
		if t.After = done.After; t.After == nil {
			t.After = p.After
		}
		if slices.ContainsFunc(p.writes(), planWrite.makesAdministrators) {
			x.Guardrails.administrators.stale.Store(true)
		}
		t.Undo, t.NotUndoable = cmp.Or(done.Undo, p.undo()), cmp.Or(done.NotUndoable, p.NotUndoable)
		if notMade := x.verify(ctx, t, p); err == nil && notMade != nil {
			t.value, t.message = nil, ""
			err = notMade
		}
	}
	if err != nil {
		return err
	}
	if done.Outcome == Unchanged {
		t.unchanged(x.Request.Options, done.After, done.Value)
	}
	t.Outcome = done.Outcome
	return nil
}

// undo returns the request that takes the write of the plan back, nil if there is none.
func (p *Plan) undo() *Undo {
	if p.Undo == nil {
		return nil
	}
	return p.Undo()
}

// unchanged records that the target is already in the asked state. The state was just read, so it
// counts as verified. A dry run verifies nothing.
func (t *Target) unchanged(o Options, state State, value any) {
	t.Outcome, t.After, t.value = Unchanged, state, value
	if !o.DryRun {
		t.Verified = &o.Verify
	}
}

// alreadyApplied returns the result of a write that Okta rejected because another caller had made
// the change.
func (p *Plan) alreadyApplied(already *okta.AlreadyAppliedError) WriteResult {
	d := WriteResult{Outcome: Unchanged, Value: p.Value}
	if already.User.ID != "" {
		d.After = StatusOf(already.User)
	}
	if d.Value == nil {
		d.Value = d.After
	}
	return d
}

// writeID identifies a write in the WriteGuard.
func writeID(t *Target, step string) string {
	if step == "" {
		return t.Identity()
	}
	return t.Identity() + "/" + step
}

// onWriteEvent audits a write and records it in the WriteGuard. An error keeps the write from being
// sent. If the idempotency store is in doubt, only a non-idempotent write is held back: other
// writes were decided from the current state.
func (x *Execution) onWriteEvent(t *Target, p *Plan, w okta.WriteEvent) error {
	guarded := x.WriteGuard != nil && (w.NonIdempotent || w.SendsEmail)
	write, before, after := writeID(t, w.Step), p.Before, p.After
	if s := p.step(w.Step); s != nil {
		before, after = s.Plan.Before, s.Plan.After
	}
	if guarded && !w.Ended {
		made, err := x.WriteGuard.BeginWrite(write)
		switch {
		case made:
			return errMadeBefore
		case err != nil && (w.NonIdempotent || !apierr.Is(err, apierr.UnknownResult)):
			return err
		}
	}
	if x.OnWrite != nil {
		target := Target{Mention: t.Mention, UserID: t.UserID, Login: t.Login}
		x.OnWrite(TargetWrite{w, target, before, after})
	}
	if guarded && w.Ended && !w.InDoubt {
		if w.Code == "" {
			x.WriteGuard.CommitWrite(write)
		} else {
			x.WriteGuard.AbortWrite(write)
		}
	}
	return nil
}
