package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"example.com/okta-secops/internal/fault"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
)

// Deps is what actions need of the deployment.
type Deps struct {
	Okta *okta.Client
	// Signing is how this deployment signs security event tokens; the zero value where it does not.
	Signing    ssf.Transmitter
	MaxTargets int    // of an action that mutates
	Workers    int    // targets that one invocation works on side by side
	ReadOnly   string // why every change is a dry run, as a warning; "" where changes are made
	Now        func() time.Time
	Log        *slog.Logger
	Record     func(Write) // is told of every write to Okta, before and after; may be nil
	Once       Once        // nil: the request has no key by which a repeat would be known
}

// Once lets a write that must not happen twice happen once, over all runs of a request that is repeated under its key. A
// target is known by its Key. An error is a fault that keeps the write from being sent.
type Once interface {
	Intend(target string) (madeBefore bool, err error) // before it is sent
	Made(target string)
	Withdraw(target string) // it was certainly not made
}

// Write is a write to Okta on behalf of a target.
type Write struct {
	okta.Write
	Target        Target // as far as it is known
	Before, After State  // After is what is to come of it
}

// Call is one run of an action: what it may use, and what it was asked besides its parameters.
type Call struct {
	Deps
	Request Request
	Action  Action

	scope    []Entity
	mu       sync.Mutex
	warnings []string
}

// Run carries the invocation out. The error is a fault of the run as a whole; what became of each target
// is in the result. ctx carries the deadline: what was not done by then is in the result as failed.
func (inv *Invocation) Run(ctx context.Context, d Deps) (*Result, error) {
	c := &Call{Deps: d, Request: inv.Request, Action: inv.Action, scope: inv.scope, warnings: inv.Warnings}
	c.Okta = d.Okta.WithScopes(inv.Action.OktaScopes)
	c.Request.Parameters = nil // decoded; the raw ones may hold a secret
	if dryRun := &c.Request.Options.DryRun; d.ReadOnly != "" && inv.Action.Mutates && !*dryRun {
		*dryRun = true
		c.Warn("%s", d.ReadOnly)
	}
	runCtx := ctx
	if c.Request.Options.DryRun || d.ReadOnly != "" {
		runCtx = okta.ReadOnly(ctx)
	}
	var result *Result
	err := c.guard(func() (err error) {
		result, err = inv.run(runCtx, c)
		return err
	})
	if result == nil {
		result = &Result{}
	}
	result.Warnings = append(c.warnings, result.Warnings...)
	result.TimedOut = ctx.Err() != nil
	result.dryRun = c.Request.Options.DryRun
	return result, err
}

// guard turns a panic into a fault: one target's surprise must not take down the others, or the instance.
func (c *Call) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.Log.Error(fmt.Sprintf("panic in %s: %v", c.Action.Name, p), "stack_trace", string(debug.Stack()))
			err = fault.New(fault.Internal, "internal", "an unexpected error occurred", fmt.Errorf("panic: %v", p))
		}
	}()
	return f()
}

// Warn adds a sentence to the reply's warnings.
func (c *Call) Warn(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// sideBySide runs work for 0 … n-1, Workers at a time, and returns when all have ended.
func (c *Call) sideBySide(n int, work func(i int)) {
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

// Words are an action's words for its outcomes, as they begin a sentence.
type Words struct {
	Noun      string // "user", also the default
	Changed   string // "Suspended"
	Unchanged string // "Already suspended"
	Planned   string // "Would suspend"
	Found     string // "Found", also the default
}

// Each runs an action on named targets that are no users.
func (c *Call) Each(ctx context.Context, names []string, w Words, plan func(ctx context.Context, name string) (Plan, error)) (*Result, error) {
	targets := make([]*Target, len(names))
	for i, n := range names {
		targets[i] = &Target{Naming: Naming{n, fromParameter}}
	}
	if err := c.allow(len(targets)); err != nil {
		return nil, err
	}
	c.work(ctx, targets, func(t *Target) (Plan, error) { return plan(ctx, t.Input) })
	return c.result(targets, w), nil
}

// allow refuses more targets than one call may change.
func (c *Call) allow(targets int) error {
	if !c.Action.Mutates || targets <= c.MaxTargets {
		return nil
	}
	return fault.Invalid(Problem{Parameter: c.usersParam(), Message: fmt.Sprintf(
		"%d targets are named; one call changes at most %d (MAX_TARGETS): split the list", targets, c.MaxTargets)})
}

// work decides and acts for every target that has not failed yet.
func (c *Call) work(ctx context.Context, targets []*Target, plan func(t *Target) (Plan, error)) {
	c.sideBySide(len(targets), func(i int) {
		t := targets[i]
		if t.fault != nil || t.resume(c.Request.Prior) {
			return
		}
		if ctx.Err() != nil {
			t.fail(fault.New(fault.Deadline, "deadline_exceeded", "not started: the time for the request ran out", ctx.Err()))
			return
		}
		if err := c.guard(func() error {
			p, err := plan(t)
			if err != nil {
				t.Before = p.Before // the state that stood in the way
				return err
			}
			return c.perform(ctx, t, p)
		}); err != nil {
			t.fail(err)
		}
	})
}

// perform carries out one plan and records what it came to.
func (c *Call) perform(ctx context.Context, t *Target, p Plan) error {
	t.Before, t.Roles, t.say = p.Before, p.Roles, p.Say
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
	done, err := p.Write(okta.Watch(ctx, func(w okta.Write) error { return c.watch(t, p, w) }))
	if errors.Is(err, errMadeBefore) {
		c.Warn("%s: done by an earlier run of this request; what it returned then is not kept.", t.name())
		done, err = Done{}, nil
	}
	done.Outcome = cmp.Or(done.Outcome, p.Success, Changed)
	t.touched = done.Touched || err == nil && done.Outcome.wrote()
	t.Roles, t.value, t.say = done.Roles, done.Value, done.Say
	if t.touched {
		t.After, t.Undo = p.After, cmp.Or(done.Undo, p.Undo)
		if done.After != nil {
			t.After = done.After
		}
		c.verify(ctx, t, p)
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

// errMadeBefore is a write that must not happen twice and was made by an earlier run of the request.
var errMadeBefore = errors.New("made before")

// watch is told of a write to Okta, before and after.
func (c *Call) watch(t *Target, p Plan, w okta.Write) error {
	kept := c.Once != nil && (w.Once || w.Notifies)
	if kept && !w.Ended {
		made, err := c.Once.Intend(t.Key())
		switch {
		case made:
			return errMadeBefore
		case err != nil && (w.Once || !fault.Is(err, fault.UnknownResult)): // what is no once is told by the state, as just read
			return err
		}
	}
	if c.Record != nil {
		c.Record(Write{w, Target{Naming: t.Naming, UserID: t.UserID, Login: t.Login}, p.Before, p.After})
	}
	if kept && w.Ended && !w.Open {
		if w.Code == "" {
			c.Once.Made(t.Key())
		} else {
			c.Once.Withdraw(t.Key())
		}
	}
	return nil
}

// verify reads the target again after a write, where the caller asked for it.
func (c *Call) verify(ctx context.Context, t *Target, p Plan) {
	verified := false
	t.Verified = &verified
	if !c.Request.Options.Verify {
		return
	}
	if p.Read == nil {
		c.Warn("%s: the result cannot be read back from Okta, so it is not verified.", t.name())
		return
	}
	now, err := p.Read(ctx)
	if err != nil {
		c.Warn("%s: the change was made but could not be read back: %s", t.name(), fault.As(err).Message)
		return
	}
	verified = true
	if len(t.After) > 0 && !reflect.DeepEqual(now, t.After) {
		verified = false
		c.Warn("%s: Okta accepted the change, but reads back as %s instead of %s.", t.name(), describe(now), describe(t.After))
	}
	t.After = now
}

func describe(s State) string {
	var words []string
	for _, k := range sortedKeys(s) {
		words = append(words, fmt.Sprint(s[k]))
	}
	return strings.Join(words, ", ")
}
