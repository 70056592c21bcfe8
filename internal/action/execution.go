package action

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
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

// Execution is one run of an action: what it may use, and what it was asked besides its parameters.
type Execution struct {
	Deps
	Request Request
	Action  Action

	client   *okta.Client // for writes and for reads after them; Okta is a read-only copy for plans
	scope    []scopeEntity
	ignored  []ignoredEntity    // entities that are not in scope
	replay   *StoredReply // the reply that is replayed; nil: the action is carried out
	mu       sync.Mutex
	warnings []string
	targetWarnings  []targetWarning
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
	err := c.catchPanic(func() (err error) {
		result, err = inv.run(ctx, c)
		return err
	})
	if result == nil {
		result = &Result{}
	}
	for _, r := range c.targetWarnings {
		c.warnings = append(c.warnings, Enumerate(r.targets)+": "+r.text)
	}
	result.Warnings = append(c.warnings, result.Warnings...)
	result.TimedOut = ctx.Err() != nil
	result.releaseMemory = c.Okta.Release
	result.dryRun = c.Request.Options.DryRun
	return result, err
}

// catchPanic turns a panic into a fault: one target's surprise must not take down the others, or the instance.
func (c *Execution) catchPanic(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.Log.Error(fmt.Sprintf("panic in %s: %v", c.Action.Name, p), "stack_trace", string(debug.Stack()))
			err = apierr.New(apierr.Internal, "internal", "an unexpected error occurred", fmt.Errorf("panic: %v", p))
		}
	}()
	return f()
}
