package guardrail

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/okta-secops/internal/apierr"
)

// Call is a run whose plans are evaluated.
type Call struct {
	Action   string // slug
	Caller   string // the ID of an API key, or an e-mail address; "" if it is not known
	DryRun   bool   // nothing is counted
	Now      time.Time
	Parallel func(n int, work func(i int)) // runs work(0) … work(n-1) and returns when all have ended
}

// Target is a target that a plan would change, or one step of such a plan.
type Target struct {
	Identity string // distinguishes targets when they are counted; the steps of a target share it
	UserID   string // "" if the target is not a user of Okta
	Names    []string
	Active   bool // the user's status is ACTIVE
	Profile  map[string][]string
	Unknown  error // the user could not be read, so that facts about the user are missing
	Effects  Effects
}

// isUser reports whether the target is a user, or the name of one.
func (t *Target) isUser() bool { return len(t.Names) > 0 }

// named reports whether one of the target's names equals one of these, ignoring case.
func (t *Target) named(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.ContainsFunc(t.Names, func(own string) bool { return strings.EqualFold(own, name) })
	})
}

// Verdict is the result of an evaluation.
type Verdict struct {
	Refusals []*apierr.Error // by target; nil: the change is allowed
	Notices  []Notice        // of changes that a rule forbids and that are made all the same
	Warnings []string        // about the run

	release func()
}

// Release ends the evaluation, after the last write of the run.
func (v *Verdict) Release() {
	if v.release != nil {
		v.release()
	}
}

// Notice is a change that a rule forbids and that is made all the same.
type Notice struct {
	Target int
	Rule   Rule
	Why    NoticeKind
	Text   string // what the refusal would have said
}

// NoticeKind says why a rule did not refuse a change.
type NoticeKind string

// The kinds of notices.
const (
	Observed   NoticeKind = "observed"   // the policy's mode is observe
	Overridden NoticeKind = "overridden" // an override lifts the rule
)

// Guard evaluates policies for the runs of one process.
type Guard struct {
	counter *Counter
	// superAdmins is held from the evaluation of a run that takes super administrators away to the
	// end of its writes, so that two runs of this process cannot together take away the last one.
	superAdmins chan struct{}
}

// NewGuard returns a Guard that counts the changed users with the counter.
func NewGuard(counter *Counter) *Guard { return &Guard{counter, make(chan struct{}, 1)} }

// evaluation is one evaluation.
type evaluation struct {
	*Guard
	policy  *Policy
	call    Call
	targets []Target
	facts   Facts
	verdict *Verdict

	roles, groups, groupRoles memo[[]string] // by user, by user, and by group
	owners                    memo[Owner]
	administrators            memo[[]string]

	mu sync.Mutex // guards the notices and the warnings
}

// Evaluate applies all rules to the targets that a run would change. Rules that need no fact come
// first, and a target that is refused is not evaluated further. Release must follow.
func (g *Guard) Evaluate(ctx context.Context, p *Policy, call Call, targets []Target, facts Facts) *Verdict {
	e := &evaluation{Guard: g, policy: p, call: call, targets: targets, facts: facts}
	e.verdict = &Verdict{Refusals: make([]*apierr.Error, len(targets))}
	defer func() {
		if p := recover(); p != nil {
			e.verdict.Release()
			panic(p)
		}
	}()
	e.wholeCall()
	call.Parallel(len(targets), func(i int) {
		defer e.refusePanic(i)
		for _, rule := range []func(ctx context.Context, i int){e.ownIdentity, e.protected, e.assignable, e.credentials} {
			if e.allowed(i) {
				rule(ctx, i)
			}
		}
	})
	e.lastSuperAdmin(ctx)
	e.usersPerHour(ctx)
	return e.verdict
}

// Submit applies the rules that concern a call as a whole to a call that is carried out later, in parts which Evaluate
// checks again: freeze, denied_actions, max_targets_per_call and max_users_per_hour. It counts nothing. names
// distinguishes the targets. The error is that of the first refusal; nil without one.
func (g *Guard) Submit(ctx context.Context, p *Policy, call Call, names []string) *apierr.Error {
	e := &evaluation{Guard: g, policy: p, call: call, targets: make([]Target, len(names))}
	e.call.DryRun = true
	e.verdict = &Verdict{Refusals: make([]*apierr.Error, len(names))}
	for i, name := range names {
		e.targets[i].Identity = name
	}
	e.wholeCall()
	e.usersPerHour(ctx)
	for _, refused := range e.verdict.Refusals {
		if refused != nil {
			return refused
		}
	}
	return nil
}

// allowed reports whether no rule has refused the target yet.
func (e *evaluation) allowed(i int) bool { return e.verdict.Refusals[i] == nil }

// refuse refuses the target by a rule, unless the policy only observes or an override lifts the
// rule.
func (e *evaluation) refuse(i int, rule Rule, err *apierr.Error) {
	why := Observed
	switch {
	case e.policy.lifted(rule, e.call.Now):
		why = Overridden
	case e.policy.Mode != Observe:
		e.verdict.Refusals[i] = err
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.verdict.Notices = append(e.verdict.Notices, Notice{i, rule, why, err.Message})
}

// refusePanic refuses a target whose evaluation panics: a rule that was not evaluated allows
// nothing. It must be deferred.
func (e *evaluation) refusePanic(i int) {
	if p := recover(); p != nil {
		e.verdict.Refusals[i] = apierr.New(apierr.Internal, "internal",
			"nothing was changed: an unexpected error occurred in a guardrail", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}
}

// refusal returns the error of a change that a rule forbids.
func refusal(rule Rule, format string, args ...any) *apierr.Error {
	return apierr.Errorf(apierr.Refused, rule.Code(), format, args...)
}

// warn adds a warning once.
func (e *evaluation) warn(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.verdict.Warnings, text) {
		e.verdict.Warnings = append(e.verdict.Warnings, text)
	}
}

// wholeCall applies the rules that concern every target of the call alike.
func (e *evaluation) wholeCall() {
	for i, t := range e.targets {
		if e.policy.Freeze != nil {
			e.refuse(i, Freeze, refusal(Freeze,
				"changes are frozen (%s): wait until the freeze is lifted, or make the change in Okta", *e.policy.Freeze))
		}
		if e.allowed(i) && len(e.policy.Callers) > 0 && e.call.Caller == "" {
			e.refuse(i, DeniedActions, refusal(DeniedActions, "the policy has limits by caller, and the name of this caller is "+
				"not known: call with an API key, or with an ID token that has an e-mail address"))
		}
		if e.allowed(i) && e.denied() {
			e.refuse(i, DeniedActions, refusal(DeniedActions,
				"the policy does not allow the action %s: make the change in Okta, or ask the owner of the policy", e.call.Action))
		}
		if e.allowed(i) && t.Effects.Deactivates && e.policy.deactivation(e.call.Action, e.call.Caller) != AllowDeactivation {
			e.refuse(i, Deactivate, refusal(Deactivate,
				"the policy does not allow users to be deactivated: suspend the user, or ask the owner of the policy"))
		}
	}
	e.targetsPerCall()
}

// targetsPerCall refuses every target of a call that has too many.
func (e *evaluation) targetsPerCall() {
	count := e.count()
	for _, l := range e.policy.limitsFor(e.call.Caller) {
		most, ok := l.MaxTargetsPerCall.For(e.call.Action)
		if !ok || count <= most {
			continue
		}
		for i := range e.targets {
			if e.allowed(i) {
				e.refuse(i, MaxTargetsPerCall, refusal(MaxTargetsPerCall,
					"this request would change %d targets, and the policy allows %d in one request: split the list, "+
						"or check whether it is the list that you meant", count, most))
			}
		}
		return
	}
}

// count returns the number of different targets: the steps of one target share its Identity.
func (e *evaluation) count() int {
	different := map[string]bool{}
	for _, t := range e.targets {
		different[t.Identity] = true
	}
	return len(different)
}

func (e *evaluation) denied() bool {
	return slices.ContainsFunc(e.policy.limitsFor(e.call.Caller), func(l Limits) bool {
		return slices.Contains(l.DeniedActions, e.call.Action)
	})
}

// usersPerHour counts the targets that no rule has refused, and refuses all of them if they are too
// many.
func (e *evaluation) usersPerHour(ctx context.Context) {
	limits := e.hourLimits()
	use := Use{ID: rand.Text(), Caller: strings.ToLower(e.call.Caller), Action: e.call.Action}
	var counted []int
	for i, t := range e.targets {
		if e.allowed(i) {
			use.Users, counted = append(use.Users, t.Identity), append(counted, i)
		}
	}
	slices.Sort(use.Users)
	use.Users = slices.Compact(use.Users)
	if len(limits) == 0 || len(counted) == 0 {
		return
	}
	exceeded, err := e.claim(ctx, use, limits)
	for _, i := range counted {
		switch {
		case err != nil:
			e.unavailable(i, MaxUsersPerHour, "the number of users that were changed in this hour cannot be read", err)
		case exceeded != nil:
			e.refuse(i, MaxUsersPerHour, exceeded.refusal(e.call.Now, len(use.Users)))
		}
	}
}

// claim counts the users of the call. A call that is not refused in spite of a limit is counted
// too.
func (e *evaluation) claim(ctx context.Context, use Use, limits []HourLimit) (*HourExceeded, error) {
	if e.call.DryRun {
		return e.counter.Check(ctx, use, limits)
	}
	if e.policy.enforced(MaxUsersPerHour, e.call.Now) {
		return e.counter.Claim(ctx, use, limits)
	}
	exceeded, err := e.counter.Check(ctx, use, limits)
	if err == nil {
		_, err = e.counter.Claim(ctx, use, nil)
	}
	return exceeded, err
}

// refusal returns the error of a call that would change n more users.
func (x *HourExceeded) refusal(now time.Time, n int) *apierr.Error {
	if n > x.Most {
		return refusal(MaxUsersPerHour,
			"this request would change %d users, and the policy allows %d in an hour: split the list, or check whether it is "+
				"the list that you meant", n, x.Most)
	}
	err := apierr.Errorf(apierr.LimitReached, MaxUsersPerHour.Code(),
		"%d users were changed since the hour began, this request would change %d, and the policy allows %d: nothing was "+
			"changed; check whether a playbook runs away, then wait until %s or change fewer users",
		x.Counted, n, x.Most, x.Until.UTC().Format("15:04 MST"))
	err.RetryAfter = x.Until.Sub(now)
	return err
}

// hourLimits returns the limits of the users that are changed in an hour. An action with its own value
// is counted alone; all others are counted together.
func (e *evaluation) hourLimits() []HourLimit {
	var limits []HourLimit
	for i, l := range e.policy.limitsFor(e.call.Caller) {
		most, ok := l.MaxUsersPerHour.For(e.call.Action)
		if !ok {
			continue
		}
		own, caller := l.MaxUsersPerHour.Actions, ""
		if i > 0 {
			caller = strings.ToLower(e.call.Caller)
		}
		_, alone := own[e.call.Action]
		limits = append(limits, HourLimit{Most: most, Counts: func(by, action string) bool {
			_, other := own[action]
			return (caller == "" || by == caller) && (alone && action == e.call.Action || !alone && !other)
		}})
	}
	return limits
}
