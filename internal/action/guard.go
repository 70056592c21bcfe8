package action

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
)

// Guardrails are what the runs of one process share to evaluate guardrails.
type Guardrails struct {
	policy         func(ctx context.Context) (*guardrail.Policy, error)
	guard          *guardrail.Guard
	owner          *aged[guardrail.Owner]
	administrators *aged[[]string]
}

// NewGuardrails returns the guardrails of a process. policy returns the current policy, or an error
// that refuses every change; nil: the zero policy.
func NewGuardrails(
	policy func(ctx context.Context) (*guardrail.Policy, error), counter *guardrail.Counter,
) *Guardrails {
	return &Guardrails{
		policy: policy, guard: guardrail.NewGuard(counter),
		owner: newAged[guardrail.Owner](), administrators: newAged[[]string](),
	}
}

var errNoGuardrails = apierr.New(apierr.Misconfigured, "misconfigured",
	"nothing was changed: the guardrails are not set up", nil)

// loadPolicy reads the policy of a run that may change something.
func (x *Execution) loadPolicy(ctx context.Context) (err error) {
	x.policy = &guardrail.Policy{}
	switch {
	case !x.Action.Mutates:
		return nil
	case x.Guardrails == nil:
		return errNoGuardrails
	case x.Guardrails.policy != nil:
		var policy *guardrail.Policy
		if policy, err = x.Guardrails.policy(ctx); err == nil {
			x.policy = policy
		}
	}
	if x.replay != nil { // nothing is written
		return nil
	}
	return err
}

// suspendedInstead is the warning of a reply whose users are suspended and not deactivated.
var suspendedInstead = fmt.Sprintf(
	"The policy does not allow users to be deactivated (guardrail %s): they are suspended instead.", guardrail.Deactivate)

// SuspendInstead reports whether the policy turns a request to deactivate users into one to suspend
// them. It adds a warning if so. A replay is judged by the policy of the run that it replays, which
// the stored warning tells.
func (x *Execution) SuspendInstead() bool {
	if x.replay != nil {
		return slices.Contains(x.replay.Warnings, suspendedInstead)
	}
	if !x.policy.SuspendInstead(x.Action.Slug, x.CallerName, x.Now()) {
		return false
	}
	x.Warn("%s", suspendedInstead)
	return true
}

// MayDeactivate reports whether the policy lets the action deactivate users.
func (x *Execution) MayDeactivate() bool {
	return x.policy.MayDeactivate(x.Action.Slug, x.CallerName, x.Now())
}

// Assignable reports whether the policy lets an action assign a role of this type.
func (x *Execution) Assignable(slug, roleType string) bool {
	return x.policy.Assignable(slug, x.CallerName, roleType)
}

// plannedTarget is a target with a plan that writes.
type plannedTarget struct {
	index int // among the targets of the run
	*Target
	plan *Plan
}

// targetPlanWrite is a write of a target's plan that the guardrails evaluate.
type targetPlanWrite struct {
	planWrite
	of *plannedTarget
}

// guard evaluates the guardrails over all plans of the run, and fails the targets that they refuse.
// Release of the verdict must follow the last write.
func (x *Execution) guard(ctx context.Context, planned []*plannedTarget) *guardrail.Verdict {
	if len(planned) == 0 {
		return &guardrail.Verdict{}
	}
	seen := make([]guardrail.Target, len(planned)) // as the rules see them, without the effects
	x.forEachParallel(len(planned), func(i int) {
		if err := x.catchPanic(func() error { seen[i] = x.guardTarget(ctx, planned[i]); return nil }); err != nil {
			seen[i] = guardrail.Target{Unknown: err}
			planned[i].fail(err)
		}
	})
	targets, writes := make([]guardrail.Target, 0, len(planned)), make([]targetPlanWrite, 0, len(planned))
	for i, p := range planned {
		for _, w := range p.plan.writes() {
			t := seen[i]
			t.Effects = w.effects
			targets, writes = append(targets, t), append(writes, targetPlanWrite{w, p})
		}
	}
	verdict := x.Guardrails.guard.Evaluate(ctx, x.policy, guardrail.Call{
		Action: x.Action.Slug, Caller: x.CallerName, DryRun: x.Request.Options.DryRun, Now: x.Now(),
		Parallel: x.forEachParallel,
	}, targets, facts{x})
	evaluated := false
	defer func() {
		if !evaluated { // a panic must not keep the lock
			verdict.Release()
		}
	}()
	for _, w := range verdict.Warnings {
		x.Warn("%s", w)
	}
	for _, n := range verdict.Notices {
		x.notice(writes[n.Target].of.Target, n)
	}
	for i, refused := range verdict.Refusals {
		switch w := writes[i]; {
		case refused == nil || w.of.err != nil || x.madeBefore(w):
		case w.refused == nil:
			w.of.refuse(refused)
		default:
			if *w.refused = refused; len(w.of.plan.writes()) == 0 { // every step is refused
				w.of.Steps = w.of.plan.plannedSteps()
				w.of.refuse(refused)
			}
		}
	}
	evaluated = true
	return verdict
}

// madeBefore reports whether an earlier run of the request made the write: to refuse it would say that
// nothing was changed.
func (x *Execution) madeBefore(w targetPlanWrite) bool {
	return x.WriteGuard != nil && x.WriteGuard.WasMade(writeID(w.of.Target, w.step))
}

// refuse fails a target that a guardrail refuses, with the roles that it would have changed.
func (p *plannedTarget) refuse(refused *apierr.Error) {
	p.Before, p.Roles = p.plan.Before, slices.Clone(p.plan.Roles)
	for i, r := range p.Roles {
		if r.Outcome == Planned {
			p.Roles[i].Outcome, p.Roles[i].Error = Refused, NewTargetError(refused)
		}
	}
	p.fail(refused)
}

// notice reports a change that a rule forbids and that is made all the same.
func (x *Execution) notice(t *Target, n guardrail.Notice) {
	text := fmt.Sprintf("%s %s", n.Why, n.Rule.Code())
	if slices.Contains(t.Notices, text) { // of another step
		return
	}
	t.Notices = append(t.Notices, text)
	text = "The guardrail " + string(n.Rule) + " would refuse this change"
	if n.Why == guardrail.Overridden {
		o := x.policy.Override
		text = fmt.Sprintf("An override lifts the guardrail %s until %s (%s)", n.Rule, o.Until.UTC().Format("15:04 MST"),
			strings.TrimRight(o.Reason, ". "))
		x.Log.Warn("an override lifted a guardrail", "guardrail", string(n.Rule), "reason", o.Reason,
			"action", x.Action.Name, "user_id", t.UserID)
	}
	x.warnTarget(t, text+": "+n.Text+".")
}

// guardTarget returns a target as the rules see it. A target that is only the e-mail address of a
// user is looked up if the policy compares more than names.
func (x *Execution) guardTarget(ctx context.Context, p *plannedTarget) guardrail.Target {
	var u okta.User
	if p.user != nil {
		u = *p.user
	}
	t := guardrail.Target{Identity: p.Identity(), UserID: u.ID, Profile: p.profile}
	if p.plan.Email != "" {
		t.Names = []string{p.plan.Email}
		if x.Okta.HasCredentials() && x.policy.NeedsFacts(x.Action.Slug) {
			u, t.Unknown = x.userOf(ctx, p.plan.Email)
			t.UserID, t.Profile = u.ID, x.profileOf(u)
		}
	}
	if u.ID != "" {
		short, _, _ := strings.Cut(u.Login, "@")
		t.Names = append(t.Names, u.ID, u.Login, cmp.Or(u.Email, u.Login), short)
		t.Active = u.FinalStatus() == okta.Active
	}
	return t
}

// profileOf returns the attributes of a user that the policy compares.
func (x *Execution) profileOf(u okta.User) map[string][]string {
	names := x.policy.ProfileAttributes()
	if len(names) == 0 || u.ID == "" {
		return nil
	}
	profile := make(map[string][]string, len(names))
	for _, name := range names {
		profile[name] = u.ProfileValues(name)
	}
	return profile
}

// userOf returns the user with an e-mail address; the zero User if there is none.
func (x *Execution) userOf(ctx context.Context, email string) (okta.User, error) {
	u, err := x.FindUser(ctx, email)
	if apierr.Is(err, apierr.NotFound) {
		return okta.User{}, nil
	}
	return u, unreadable(UsersScope, err)
}

// CheckAdministratorRules warns if the credentials may not read administrator roles, so that the
// rules about administrators are not active.
func (x *Execution) CheckAdministratorRules(ctx context.Context) {
	_, err := x.Okta.WithScopes([]string{rolesScope}).ListAdministrators(ctx)
	if okta.LacksPermission(err) {
		x.Warn("%s", guardrail.InactiveWarning)
	}
}
