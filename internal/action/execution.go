package action

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
)

// Deps are the dependencies that all runs of a deployment share.
type Deps struct {
	Okta       *okta.Client
	Signing    ssf.Transmitter // signs security event tokens; the zero value has no key
	MaxTargets int             // bounds the targets of a change; a read takes namesPerTarget times as many
	Workers    int             // how many targets one invocation handles in parallel
	Guardrails *Guardrails     // nil: no action that changes something is run
	// QuarantineGroup is the ID or the name of the group for evicted users; "": none.
	QuarantineGroup string
	ReadOnly        string // the warning that every change is a dry run; "" if changes are made
	Now             func() time.Time
	Log             *slog.Logger
}

// Run is the part of an execution that is specific to one run of a request.
type Run struct {
	Caller     string            // the concurrency limit of Okta requests is shared between callers
	CallerName string            // the ID of an API key, or an e-mail address; "" if it is not known
	OnWrite    func(TargetWrite) // receives every write before it is sent and after it ended; may be nil

	// Of a request with an idempotency key; nil without one.
	WriteGuard    WriteGuard
	ReachedBefore map[string]json.RawMessage // targets that earlier runs reached, by Identity: Result.ReachedTargets
	// Continues declares that the earlier runs are parts of this one: their changes count as changes of this run.
	Continues bool
}

// Execution is one run of an action. Its Okta client is read-only: only Plan.Write gets a client
// that can write.
type Execution struct {
	Deps
	Run
	Request Request // without its parameters
	Action  Action

	policy          *guardrail.Policy
	client          *okta.Client // for writes, and for reads after them
	scope           []scopeEntity
	ignoredEntities []ignoredEntity
	replay          *StoredReply // the reply to replay; nil if the action is carried out
	mu              sync.Mutex
	warnings        []string
	targetWarnings  []targetWarning
	tokens          tokenOwners
	unchecked       error // if_state has a member that the action does not read
}

// Run runs the action. ctx carries the deadline: a target that is not started by then is failed in
// the result. Run returns an error if the run as a whole failed; the result holds the outcome and
// the error of each target. The caller must call Result.Release.
func (inv *Invocation) Run(ctx context.Context, d Deps, r Run) (*Result, error) {
	return inv.execute(ctx, &Execution{Deps: d, Run: r})
}

// execute runs the action's function with an Execution that has its Deps.
func (inv *Invocation) execute(ctx context.Context, x *Execution) (*Result, error) {
	inv.prepare(x)
	var result *Result
	err := x.catchPanic(func() (err error) {
		if err = x.loadPolicy(ctx); err == nil {
			result, err = inv.run(ctx, x)
		}
		return err
	})
	if result == nil {
		result = &Result{}
	}
	result.Warnings = append(x.allWarnings(), result.Warnings...)
	result.TimedOut = ctx.Err() != nil
	result.releaseMemory, result.Usage = x.Okta.Release, x.Okta.Usage()
	result.dryRun = x.Request.Options.DryRun
	return result, err
}

// prepare gives the execution its request, its entities and its two clients.
func (inv *Invocation) prepare(x *Execution) {
	x.Request, x.Action, x.warnings = inv.Request, inv.Action, inv.Warnings
	x.scope, x.ignoredEntities = inv.scope, inv.ignoredEntities
	x.Request.Parameters = nil // the raw parameters may hold a secret
	if dryRun := &x.Request.Options.DryRun; x.ReadOnly != "" && inv.Action.Mutates && !*dryRun {
		*dryRun = true
		x.Warn("%s", x.ReadOnly)
	}
	urgent := inv.Action.Mutates && !x.Request.Options.DryRun
	x.client = x.Deps.Okta.WithScopes(inv.Action.OktaScopes).For(x.Caller, urgent).WithSecrets(inv.secrets...)
	if x.Request.Options.DryRun || x.ReadOnly != "" || x.replay != nil {
		x.client = x.client.ReadOnly()
	}
	if x.Okta = x.client.ReadOnly(); inv.Action.Mutates {
		x.Okta = x.Okta.Planning()
	}
}

// catchPanic returns the error of f, or an error of the kind Internal if f panics: a panic for one
// target must not stop the others, or end the process.
func (x *Execution) catchPanic(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			x.Log.Error(fmt.Sprintf("panic in %s: %v", x.Action.Name, p), "stack_trace", string(debug.Stack()))
			err = apierr.New(apierr.Internal, "internal", "an unexpected error occurred", fmt.Errorf("panic: %v", p))
		}
	}()
	return f()
}
