package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
)

// Step is one step of a composed plan. Its plan is that of an action.
type Step struct {
	Name string // "suspend"
	Plan Plan
	// Err is the error of a step that is not made: its plan failed, or a guardrail refuses it. The
	// other steps are made all the same.
	Err error
	// Missing is the step's message if the org does not have the feature that it needs; "" if every org
	// has it. Such a step is not a failure.
	Missing string
}

// StepResult is the result of a step in the reply.
type StepResult struct {
	Step    string       `json:"step"`
	Outcome Outcome      `json:"outcome"`
	Message string       `json:"message,omitempty"`
	Error   *TargetError `json:"error,omitempty"`

	Err error `json:"-"`
}

// NotAvailable is the outcome of a step whose feature the org does not have.
const NotAvailable Outcome = "not_available"

// Composed is the result of the steps of a plan.
type Composed struct {
	Steps   []StepResult
	Before  State
	After   State // without the members that are in doubt
	Touched bool  // a step changed something
	InDoubt bool  // a step may have changed something

	notUndoable []string // why the steps that were made cannot be taken back
}

// Result returns the result of the step with this name, nil if there is none.
func (c *Composed) Result(name string) *StepResult {
	for i := range c.Steps {
		if c.Steps[i].Step == name {
			return &c.Steps[i]
		}
	}
	return nil
}

// Err returns the most severe error of the steps, nil if there is none.
func (c *Composed) Err() error { return stepsErr(c.Steps) }

// Leaves sets the state of the target after the steps. If a step is in doubt, nothing is known of it.
func (c *Composed) Leaves(after State) {
	if c.After = after; c.InDoubt {
		c.After = State{}
	}
}

// WriteResult returns the result for Plan.Write with a value for json_result. If a step failed, the
// message about the target, which has this name, lists all of them.
func (c *Composed) WriteResult(name string, value any) WriteResult {
	w := WriteResult{Value: value, After: c.After, Touched: c.Touched}
	w.NotUndoable = apierr.Sentence("; ", c.notUndoable...)
	if !c.Touched {
		w.Outcome = Unchanged
	}
	if c.Err() != nil {
		w.Message = c.sentence(name)
	}
	return w
}

// sentence returns what was done: "alice@acme.test: done: clear_sessions; not done: suspend (…)."
func (c *Composed) sentence(name string) string {
	var done []string
	type failure struct{ word, reason string }
	var failures []failure
	undone := map[failure][]string{}
	for _, s := range c.Steps {
		if s.Error == nil {
			if s.Outcome.wrote() || s.Outcome == Unchanged {
				done = append(done, s.Step)
			}
			continue
		}
		f := failure{"not done", strings.TrimRight(s.Error.Message, ". ")}
		if apierr.InDoubt(s.Err) {
			f.word = "in doubt"
		}
		if undone[f] == nil {
			failures = append(failures, f)
		}
		undone[f] = append(undone[f], s.Step)
	}
	var clauses []string
	if len(done) > 0 {
		clauses = append(clauses, "done: "+strings.Join(done, ", "))
	}
	for _, f := range failures {
		clauses = append(clauses, fmt.Sprintf("%s: %s (%s)", f.word, strings.Join(undone[f], ", "), f.reason))
	}
	for _, s := range c.Steps {
		if s.Outcome == NotAvailable {
			clauses = append(clauses, s.Message)
		}
	}
	return name + ": " + strings.Join(clauses, "; ") + "."
}

// NewStep returns the step whose plan a function of its action makes. A plan that fails because the
// org lacks a feature, or because of any other error, is the error of the step and not of the target.
func NewStep(name, missing string, plan Plan, err error) Step {
	return Step{Name: name, Missing: missing, Plan: plan, Err: cmp.Or(err, plan.Err)}
}

// Compose returns the plan that makes the steps in their order. A step that fails does not prevent
// the next ones. The guardrails evaluate each step, and the target counts once. finish makes the
// result of the target from those of its steps.
//
// The plan has no Write if no step has one: every step is done already, or cannot be done.
func (x *Execution) Compose(
	steps []Step, finish func(ctx context.Context, o *okta.Client, c *Composed) (WriteResult, error),
) Plan {
	p := Plan{Steps: steps, Before: State{}, After: State{}}
	writes := false
	for _, s := range steps {
		maps.Copy(p.Before, s.Plan.Before)
		maps.Copy(p.After, s.Plan.Before)
		if s.Err == nil {
			maps.Copy(p.After, s.Plan.After)
			writes = writes || s.Plan.Write != nil
		}
	}
	if !writes {
		return p
	}
	p.Read = readSteps(steps)
	p.Write = func(ctx context.Context, o *okta.Client) (WriteResult, error) {
		c := &Composed{Before: maps.Clone(p.Before), After: maps.Clone(p.Before)}
		for _, s := range steps {
			c.add(s, x.makeStep(ctx, o, s))
		}
		result, err := finish(ctx, o, c)
		result.Steps = c.Steps
		return result, err
	}
	return p
}

// readSteps returns a function that reads the states of all steps.
func readSteps(steps []Step) func(ctx context.Context, o *okta.Client) (State, error) {
	var reads []func(ctx context.Context, o *okta.Client) (State, error)
	for _, s := range steps {
		if s.Err == nil && s.Plan.Read != nil {
			reads = append(reads, s.Plan.Read)
		}
	}
	if len(reads) == 0 {
		return nil
	}
	return func(ctx context.Context, o *okta.Client) (State, error) {
		all := State{}
		for _, read := range reads {
			state, err := read(ctx, o)
			if err != nil {
				return nil, err
			}
			maps.Copy(all, state)
		}
		return all, nil
	}
}

// stepDone is the result of a step that was made, or of its failure.
type stepDone struct {
	WriteResult
	err error
}

// stepsErr returns the most severe error of the steps, nil if there is none.
func stepsErr(steps []StepResult) (worst error) {
	for _, s := range steps {
		worst = apierr.MoreSevere(worst, s.Err)
	}
	return worst
}

// makeStep makes one step, unless it has an error already or the deadline has passed.
func (x *Execution) makeStep(ctx context.Context, o *okta.Client, s Step) (done stepDone) {
	switch {
	case s.Err != nil:
		return stepDone{err: s.Err}
	case s.Plan.Write == nil:
		return stepDone{WriteResult: WriteResult{Outcome: Unchanged, Value: s.Plan.Value, After: s.Plan.Before}}
	case ctx.Err() != nil:
		return stepDone{err: errNotStarted(ctx)}
	}
	done.err = x.catchPanic(func() (err error) {
		done.WriteResult, err = s.Plan.Write(ctx, o.WithStep(s.Name))
		return err
	})
	if already := okta.AlreadyApplied(done.err); already != nil {
		done = stepDone{WriteResult: s.Plan.alreadyApplied(already)}
	}
	if errors.Is(done.err, errMadeBefore) {
		done = stepDone{WriteResult: WriteResult{Message: "made by an earlier run of this request"}}
	}
	return done
}

// add adds the result of a step.
func (c *Composed) add(s Step, done stepDone) {
	r := s.result(done.err, cmp.Or(done.Outcome, s.Plan.Success, Changed))
	r.Message = cmp.Or(r.Message, done.Message)
	c.Steps = append(c.Steps, r)
	touched := done.Touched || done.err == nil && r.Outcome.wrote()
	switch {
	case touched, r.Outcome == Unchanged:
		after := done.After
		if after == nil && done.err == nil {
			after = s.Plan.After
		}
		maps.Copy(c.After, after)
	case apierr.InDoubt(done.err):
		c.InDoubt = true
		for member := range s.Plan.After {
			delete(c.After, member)
		}
	}
	if touched {
		c.Touched = true
		if reason := cmp.Or(done.NotUndoable, s.Plan.NotUndoable); reason != "" && !slices.Contains(c.notUndoable, reason) {
			c.notUndoable = append(c.notUndoable, reason)
		}
	}
}

// plannedSteps returns the steps of a plan as a dry run reports them, or as they are if all of them
// are done already.
func (p *Plan) plannedSteps() []StepResult {
	var results []StepResult
	for _, s := range p.Steps {
		outcome := Planned
		if s.Plan.Write == nil {
			outcome = Unchanged
		}
		results = append(results, s.result(s.Err, outcome))
	}
	return results
}

// writes returns the writes of the plan that the guardrails evaluate.
func (p *Plan) writes() []planWrite {
	if len(p.Steps) == 0 {
		return []planWrite{{p.Effects, "", nil}}
	}
	var writes []planWrite
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Err == nil && s.Plan.Write != nil {
			writes = append(writes, planWrite{s.Plan.Effects, s.Name, &s.Err})
		}
	}
	return writes
}

// planWrite is a write that the guardrails evaluate.
type planWrite struct {
	effects guardrail.Effects
	step    string
	refused *error // the error of the step; nil: the plan has no steps
}

// makesAdministrators reports whether the write may give a user administrator roles.
func (w planWrite) makesAdministrators() bool {
	return len(w.effects.AssignsRoles)+len(w.effects.JoinsGroups) > 0
}

// step returns the step with this name, nil if there is none.
func (p *Plan) step(name string) *Step {
	for i := range p.Steps {
		if p.Steps[i].Name == name {
			return &p.Steps[i]
		}
	}
	return nil
}

// StepDone returns the result of a step that changes nothing and that an action makes itself: Found,
// or that of its error.
func StepDone(name string, err error) StepResult { return Step{Name: name}.result(err, Found) }

// result returns the result of the step: that of its error, or else the outcome.
func (s Step) result(err error, outcome Outcome) StepResult {
	switch {
	case err == nil:
		return StepResult{Step: s.Name, Outcome: outcome}
	case s.Missing != "" && okta.LacksFeature(err):
		return StepResult{Step: s.Name, Outcome: NotAvailable, Message: s.Missing}
	}
	return StepResult{Step: s.Name, Outcome: OutcomeOf(err), Error: NewTargetError(err), Err: err}
}
