package action

import (
	"cmp"
	"context"
	"errors"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// WriteGuard lets a write that must not happen twice happen once, over all runs of a request that is repeated under its key. A
// target is known by its Key. An error is a fault that keeps the write from being sent.
type WriteGuard interface {
	BeginWrite(target string) (madeBefore bool, err error) // before it is sent
	CommitWrite(target string)
	AbortWrite(target string) // it was certainly not made
}

// TargetWrite is a write to Okta on behalf of a target.
type TargetWrite struct {
	okta.WriteEvent
	Target        Target // as far as it is known
	Before, After State  // After is what is to come of it
}

// applyPlan carries out one plan and records what it came to.
func (c *Execution) applyPlan(ctx context.Context, t *Target, p Plan) error {
	t.Before, t.Roles, t.message = p.Before, p.Roles, p.Message
	dryRun := c.Request.Options.DryRun
	switch {
	case p.Err != nil && (p.Write == nil || dryRun):
		if t.touched = p.Write != nil; t.touched {
			t.After = p.After
		}
		return p.Err
	case p.Write == nil && !c.Action.Mutates:
		t.Outcome, t.value = Found, p.Value
		return nil
	case p.Write == nil:
		t.unchanged(c.Request.Options, p.Before, p.Value)
		return nil
	case dryRun:
		t.Outcome, t.After = Planned, p.After
		return nil
	}
	done, err := p.Write(ctx, c.client.WithWriteHook(func(w okta.WriteEvent) error { return c.onWriteEvent(t, p, w) }))
	if so := okta.AlreadyApplied(err); so != nil {
		done, err = p.alreadyApplied(so), nil
	}
	if errors.Is(err, errMadeBefore) {
		c.recordMadeBefore(t, p)
		return nil
	}
	done.Outcome = cmp.Or(done.Outcome, p.Success, Changed)
	t.touched = done.Touched || err == nil && done.Outcome.wrote()
	t.Roles, t.value, t.message = done.Roles, done.Value, done.Message
	if t.touched {
		t.After, t.Undo = p.After, cmp.Or(done.Undo, p.Undo)
		if done.After != nil {
			t.After = done.After
		}
		if unmade := c.verify(ctx, t, p); err == nil && unmade != nil {
			t.value, t.message = nil, ""
			err = unmade
		}
	}
	if err != nil {
		return err
	}
	if done.Outcome == Unchanged {
		t.unchanged(c.Request.Options, done.After, done.Value)
	}
	t.Outcome = done.Outcome
	return nil
}

// unchanged records that the target was found as asked, in a state that was just read and so needs
// no verification. A dry run verifies nothing.
func (t *Target) unchanged(o Options, state State, value any) {
	t.Outcome, t.After, t.value = Unchanged, state, value
	if !o.DryRun {
		t.Verified = &o.Verify
	}
}

// alreadyApplied is the result of a write that Okta refused because another caller had made the change: the target is
// unchanged, in the state as read after the refusal.
func (p Plan) alreadyApplied(so *okta.AlreadyAppliedError) WriteResult {
	d := WriteResult{Outcome: Unchanged, Value: p.Value}
	if so.User.ID != "" {
		d.After = StatusOf(so.User)
	}
	if d.Value == nil {
		d.Value = d.After
	}
	return d
}

// onWriteEvent is told of a write to Okta, before and after.
func (c *Execution) onWriteEvent(t *Target, p Plan, w okta.WriteEvent) error {
	kept := c.WriteGuard != nil && (w.Once || w.Notifies)
	if kept && !w.Ended {
		made, err := c.WriteGuard.BeginWrite(t.Identity())
		switch {
		case made:
			return errMadeBefore
		case err != nil && (w.Once || !apierr.Is(err, apierr.UnknownResult)): // what is no once is told by the state, as just read
			return err
		}
	}
	if c.OnWrite != nil {
		c.OnWrite(TargetWrite{w, Target{Mention: t.Mention, UserID: t.UserID, Login: t.Login}, p.Before, p.After})
	}
	if kept && w.Ended && !w.Open {
		if w.Code == "" {
			c.WriteGuard.CommitWrite(t.Identity())
		} else {
			c.WriteGuard.AbortWrite(t.Identity())
		}
	}
	return nil
}
