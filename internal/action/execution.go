package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
)

// Deps is what actions need of the deployment.
type Deps struct {
	Okta *okta.Client
	// Signing is how this deployment signs security event tokens; the zero value where it does not.
	Signing    ssf.Transmitter
	MaxTargets int    // of an action that mutates; a call names at most 10 times as many
	Caller     string // who has called: calls to Okta are shared out between callers
	Workers    int    // targets that one invocation works on side by side
	ReadOnly   string // why every change is a dry run, as a warning; "" where changes are made
	Now        func() time.Time
	Log        *slog.Logger
	OnWrite    func(TargetWrite) // is told of every write to Okta, before and after; may be nil
	WriteGuard WriteGuard        // nil: the request has no key by which a repeat would be known
}

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

// Execution is one run of an action: what it may use, and what it was asked besides its parameters.
type Execution struct {
	Deps
	Request Request
	Action  Action

	client   *okta.Client // for writes and for reads after them; Okta is a read-only copy for plans
	scope    []scopeEntity
	ignored  []ignored    // entities that are not in scope
	replay   *StoredReply // the reply that is replayed; nil: the action is carried out
	mu       sync.Mutex
	warnings []string
	remarks  []remark
}

// Run carries the invocation out. The error is a fault of the run as a whole; what became of each target
// is in the result. ctx carries the deadline: what was not done by then is in the result as failed.
func (inv *Invocation) Run(ctx context.Context, d Deps) (*Result, error) {
	return inv.execute(ctx, &Execution{Deps: d})
}

// execute runs the action's function with a call that has its Deps.
func (inv *Invocation) execute(ctx context.Context, c *Execution) (*Result, error) {
	d := c.Deps
	c.Request, c.Action, c.scope, c.ignored, c.warnings = inv.Request, inv.Action, inv.scope, inv.ignored, inv.Warnings
	c.Request.Parameters = nil // decoded; the raw ones may hold a secret
	if dryRun := &c.Request.Options.DryRun; d.ReadOnly != "" && inv.Action.Mutates && !*dryRun {
		*dryRun = true
		c.Warn("%s", d.ReadOnly)
	}
	c.client = d.Okta.WithScopes(inv.Action.OktaScopes).For(d.Caller, inv.Action.Mutates && !c.Request.Options.DryRun).WithSecrets(inv.secrets...)
	if c.Request.Options.DryRun || d.ReadOnly != "" || c.replay != nil {
		c.client = c.client.ReadOnly()
	}
	if c.Okta = c.client.ReadOnly(); inv.Action.Mutates {
		c.Okta = c.Okta.Planning()
	}
	var result *Result
	err := c.guard(func() (err error) {
		result, err = inv.run(ctx, c)
		return err
	})
	if result == nil {
		result = &Result{}
	}
	for _, r := range c.remarks {
		c.warnings = append(c.warnings, Enumerate(r.targets)+": "+r.text)
	}
	result.Warnings = append(c.warnings, result.Warnings...)
	result.TimedOut = ctx.Err() != nil
	result.release = c.Okta.Release
	result.dryRun = c.Request.Options.DryRun
	return result, err
}

// guard turns a panic into a fault: one target's surprise must not take down the others, or the instance.
func (c *Execution) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.Log.Error(fmt.Sprintf("panic in %s: %v", c.Action.Name, p), "stack_trace", string(debug.Stack()))
			err = apierr.New(apierr.Internal, "internal", "an unexpected error occurred", fmt.Errorf("panic: %v", p))
		}
	}()
	return f()
}

// Warn adds a sentence to the reply's warnings.
func (c *Execution) Warn(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// remark is a warning about targets.
type remark struct {
	text    string
	targets []string
}

// remark adds a sentence about a target to the reply's warnings. One about several targets is said
// once.
func (c *Execution) remark(t *Target, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.remarks, func(r remark) bool { return r.text == text })
	if i < 0 {
		i, c.remarks = len(c.remarks), append(c.remarks, remark{text: text})
	}
	c.remarks[i].targets = append(c.remarks[i].targets, t.name())
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

// Words are an action's words for its outcomes, as they begin a sentence.
type Words struct {
	Noun      string // "user", also the default
	Changed   string // "Suspended"
	Unchanged string // "Already suspended"
	Planned   string // "Would suspend"
	Found     string // "Found", also the default
	// Hint returns the likely reason that no object has a name, "" if there is none; nil: of a
	// user.
	Hint func(name string) string
}

// Each runs an action on named targets that are no users.
func (c *Execution) Each(ctx context.Context, names []string, w Words, plan func(ctx context.Context, name string) (Plan, error)) (*Result, error) {
	targets := make([]*Target, len(names))
	for i, n := range names {
		targets[i] = &Target{Naming: Naming{n, fromParameter}}
	}
	if err := c.allow(len(names), len(targets)); err != nil {
		return nil, err
	}
	c.runTargets(ctx, targets, func(t *Target) (Plan, error) { return plan(ctx, t.Input) })
	return c.result(targets, w), nil
}

// namesPerTarget is how many names a call may give for each target that it may change.
const namesPerTarget = 10

// allow refuses more names than one call may give, since each costs a call to Okta, and more targets than it may
// change.
func (c *Execution) allow(names, targets int) error {
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
	room := c.room(len(targets))
	c.forEachParallel(len(targets), func(i int) {
		t := targets[i]
		if t.err != nil {
			return
		}
		resumed := t.resume(c.Request.Prior)
		if resumed && !c.Action.ReadBack {
			return
		}
		fail := t.fail
		if resumed {
			fail = t.failRead
		}
		if ctx.Err() != nil {
			fail(apierr.New(apierr.Deadline, "deadline_exceeded", "not started: the time for the request ran out", ctx.Err()))
			return
		}
		if err := c.guard(func() error {
			p, err := plan(t)
			if resumed { // done already: whatever the plan says, nothing is written again
				return c.readBack(t, p, err)
			}
			if err != nil {
				t.Before = p.Before // the state that stood in the way
				return err
			}
			if err := c.execute(ctx, t, p); err != nil {
				return err
			}
			if t.cut {
				t.value = nil
				return nil
			}
			return room.take(i, sizeOf(t.value), func() { t.value, t.cut = nil, true })
		}); err != nil {
			fail(err)
		}
	})
	c.warnResumed(targets)
}

// execute carries out one plan and records what it came to.
func (c *Execution) execute(ctx context.Context, t *Target, p Plan) error {
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
	done, err := p.Write(ctx, c.client.WithWriteHook(func(w okta.WriteEvent) error { return c.watch(t, p, w) }))
	if so := okta.AlreadyApplied(err); so != nil {
		done, err = p.alreadySo(so), nil
	}
	if errors.Is(err, errMadeBefore) {
		c.madeBefore(t, p)
		return nil
	}
	done.Outcome = cmp.Or(done.Outcome, p.Success, Changed)
	t.touched = done.Touched || err == nil && done.Outcome.wrote()
	t.Roles, t.value, t.say = done.Roles, done.Value, done.Say
	if t.touched {
		t.After, t.Undo = p.After, cmp.Or(done.Undo, p.Undo)
		if done.After != nil {
			t.After = done.After
		}
		if unmade := c.verify(ctx, t, p); err == nil && unmade != nil {
			t.value, t.say = nil, ""
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

// alreadySo is the result of a write that Okta refused because another caller had made the change: the target is
// unchanged, in the state as read after the refusal.
func (p Plan) alreadySo(so *okta.AlreadyAppliedError) WriteResult {
	d := WriteResult{Outcome: Unchanged, Value: p.Value}
	if so.User.ID != "" {
		d.After = StatusOf(so.User)
	}
	if d.Value == nil {
		d.Value = d.After
	}
	return d
}

// errMadeBefore is a write that must not happen twice and was made by an earlier run of the request.
var errMadeBefore = errors.New("made before")

// watch is told of a write to Okta, before and after.
func (c *Execution) watch(t *Target, p Plan, w okta.WriteEvent) error {
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
		c.OnWrite(TargetWrite{w, Target{Naming: t.Naming, UserID: t.UserID, Login: t.Login}, p.Before, p.After})
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
