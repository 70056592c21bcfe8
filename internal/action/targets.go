package action

import (
	"context"
	"fmt"
	"sync"

	"example.com/okta-secops/internal/apierr"
)

// Each runs an action on named targets that are no users.
func (c *Execution) Each(ctx context.Context, names []string, w Words, plan func(ctx context.Context, name string) (Plan, error)) (*Result, error) {
	targets := make([]*Target, len(names))
	for i, n := range names {
		targets[i] = &Target{Mention: Mention{n, fromParameter}}
	}
	if err := c.checkTargetCount(len(names), len(targets)); err != nil {
		return nil, err
	}
	c.runTargets(ctx, targets, func(t *Target) (Plan, error) { return plan(ctx, t.Input) })
	return c.newResult(targets, w), nil
}

// namesPerTarget is how many names a call may give for each target that it may change.
const namesPerTarget = 10

// checkTargetCount refuses more names than one call may give, since each costs a call to Okta, and more targets than it may
// change.
func (c *Execution) checkTargetCount(names, targets int) error {
	var message string
	switch most := namesPerTarget * c.MaxTargets; {
	case c.Action.Mutates && targets > c.MaxTargets:
		message = fmt.Sprintf("%d targets are named; one call changes at most %d (MAX_TARGETS)", targets, c.MaxTargets)
	case names > most:
		message = fmt.Sprintf("%d targets are named; one call names at most %d (%d x MAX_TARGETS)", names, most, namesPerTarget)
	default:
		return nil
	}
	return apierr.Invalid(Problem{Parameter: c.namesParam(), Message: message + ": split the list"})
}

// runTargets decides and acts for every target that has not failed yet.
func (c *Execution) runTargets(ctx context.Context, targets []*Target, plan func(t *Target) (Plan, error)) {
	room := c.newResultBudget(len(targets))
	c.forEachParallel(len(targets), func(i int) {
		t := targets[i]
		if t.err != nil {
			return
		}
		resumed := t.resume(c.Request.ReachedBefore)
		if resumed && !c.Action.ReadBack {
			return
		}
		fail := t.fail
		if resumed {
			fail = t.failWithoutState
		}
		if ctx.Err() != nil {
			fail(apierr.New(apierr.Deadline, "deadline_exceeded", "not started: the time for the request ran out", ctx.Err()))
			return
		}
		if err := c.catchPanic(func() error {
			p, err := plan(t)
			if resumed { // done already: whatever the plan says, nothing is written again
				return c.readBack(t, p, err)
			}
			if err != nil {
				t.Before = p.Before // the state that stood in the way
				return err
			}
			if err := c.applyPlan(ctx, t, p); err != nil {
				return err
			}
			if t.omitted {
				t.value = nil
				return nil
			}
			return room.take(i, sizeOf(t.value), func() { t.value, t.omitted = nil, true })
		}); err != nil {
			fail(err)
		}
	})
	c.warnResumed(targets)
}

// forEachParallel runs work for 0 … n-1, Workers at a time, and returns when all have ended.
func (c *Execution) forEachParallel(n int, work func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, max(1, c.Workers)) {
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

// namesParam is the name of the parameter that names the targets, "" if there is none.
func (c *Execution) namesParam() string {
	first := ""
	for _, p := range c.Action.Params {
		if p.users {
			return p.Name
		}
		if p.Type == typeList && first == "" {
			first = p.Name
		}
	}
	return first
}
