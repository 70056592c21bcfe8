package action

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"example.com/okta-secops/internal/apierr"
)

// Each runs an action on named targets that are not users. It returns an error for too many names.
func (x *Execution) Each(
	ctx context.Context, names []string, w Words, plan func(ctx context.Context, name string) (Plan, error),
) (*Result, error) {
	targets := make([]*Target, len(names))
	for i, n := range names {
		targets[i] = &Target{Mention: Mention{n, fromParameter}}
	}
	if err := x.checkTargetCount(len(names), len(targets)); err != nil {
		return nil, err
	}
	if err := x.runTargets(ctx, targets, func(t *Target) (Plan, error) { return plan(ctx, t.Input) }); err != nil {
		return nil, err
	}
	return x.newResult(targets, w), nil
}

// namesPerTarget is how many names a request may give for each target that it may change.
const namesPerTarget = 10

// checkTargetCount returns an error if the request gives too many names, each of which costs a
// request to Okta, or changes too many targets.
func (x *Execution) checkTargetCount(names, targets int) error {
	var message string
	switch most := namesPerTarget * x.MaxTargets; {
	case x.Action.Mutates && targets > x.MaxTargets:
		message = fmt.Sprintf("%d targets are named; one request changes at most %d (MAX_TARGETS)", targets, x.MaxTargets)
	case names > most:
		message = fmt.Sprintf("%d targets are named; one request names at most %d (%d x MAX_TARGETS)",
			names, most, namesPerTarget)
	default:
		return nil
	}
	return apierr.Invalid(Problem{Parameter: x.targetParam(), Message: message + ": split the list"})
}

// targetParam returns the name of the parameter that names the targets, "" if there is none.
func (x *Execution) targetParam() string {
	first := ""
	for _, p := range x.Action.Params {
		if p.users {
			return p.Name
		}
		if p.Type == typeList && first == "" {
			first = p.Name
		}
	}
	return first
}

// runTargets plans the change of every target that has not failed yet, evaluates the guardrails
// over all plans, and then makes the changes. A read ends with its plan. It returns an error before
// any change if if_state cannot be checked.
func (x *Execution) runTargets(ctx context.Context, targets []*Target, plan func(t *Target) (Plan, error)) error {
	budget := x.newResultBudget(len(targets))
	finish := func(i int, p *Plan) error {
		t := targets[i]
		if err := x.applyPlan(ctx, t, p); err != nil {
			return err
		}
		if t.omitted {
			t.value = nil
			return nil
		}
		return budget.reserve(i, sizeOf(t.value), func() { t.value, t.omitted = nil, true })
	}
	all := make([]*plannedTarget, len(targets))
	x.forEachParallel(len(targets), func(i int) {
		if targets[i].err != nil {
			return
		}
		if p := x.planTarget(ctx, targets[i], plan, func(p *Plan) error { return finish(i, p) }); p != nil {
			all[i] = &plannedTarget{index: i, Target: targets[i], plan: p}
		}
	})
	if x.unchecked != nil {
		return x.unchecked
	}
	planned := slices.DeleteFunc(all, func(p *plannedTarget) bool { return p == nil })
	verdict := x.guard(ctx, planned)
	defer verdict.Release()
	x.forEachParallel(len(planned), func(i int) {
		if p := planned[i]; p.err == nil {
			x.finishTarget(ctx, p.Target, func() error { return finish(p.index, p.plan) })
		}
		planned[i] = nil // a call has thousands: the memory of the plans is for the results
	})
	x.warnResumed(targets)
	for _, t := range targets {
		t.user, t.profile = nil, nil
	}
	return nil
}

// planTarget plans the change of one target, and returns the plan if it writes; any other plan it
// finishes. A target that an earlier run of the request reached is only read back, if the action
// can be.
func (x *Execution) planTarget(
	ctx context.Context, t *Target, plan func(t *Target) (Plan, error), finish func(p *Plan) error,
) (writes *Plan) {
	resumed := t.resume(x.ReachedBefore)
	if resumed && !x.Action.ReadBack {
		return nil
	}
	fail := t.fail
	if resumed {
		fail = t.failWithoutState
	}
	if ctx.Err() != nil {
		fail(errNotStarted(ctx))
		return nil
	}
	if err := x.catchPanic(func() error {
		made, err := plan(t)
		p := &made
		switch {
		case resumed && x.isAsLeft(t, p):
			return nil
		case resumed:
			return x.readBack(t, p, err)
		case err == nil || p.Before != nil:
			if changed := x.checkIfState(t, t.stateNow(p)); changed != nil {
				t.Before = p.Before
				return changed
			}
		}
		switch {
		case err != nil:
			t.Before = p.Before // the state for which the action cannot be done
			return err
		case p.Write != nil:
			writes = p
			return nil
		}
		return finish(p)
	}); err != nil {
		fail(err)
		return nil
	}
	return writes
}

// stateNow returns the state of a target as read: the user's status, and the state that the plan has read.
func (t *Target) stateNow(p *Plan) State {
	now := maps.Clone(p.Before)
	if now == nil {
		now = State{}
	}
	if t.user != nil {
		now[statusMember] = string(t.user.Status)
	}
	return now
}

// finishTarget makes the change of one target, unless the deadline has passed.
func (x *Execution) finishTarget(ctx context.Context, t *Target, finish func() error) {
	if ctx.Err() != nil {
		t.fail(errNotStarted(ctx))
		return
	}
	if err := x.catchPanic(finish); err != nil {
		t.fail(err)
	}
}

// errNotStarted returns the error of a target that was not started before the deadline.
func errNotStarted(ctx context.Context) *apierr.Error {
	return apierr.New(apierr.Deadline, "deadline_exceeded", "not started: the deadline of the request passed", ctx.Err())
}

// forEachParallel calls work with 0 … n-1, up to Workers at a time, and returns when all calls have
// returned.
func (x *Execution) forEachParallel(n int, work func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, max(1, x.Workers)) {
		wg.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
