package guardrail

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"example.com/okta-secops/internal/apierr"
)

// lastSuperAdmin keeps one ACTIVE holder of SUPER_ADMIN. If the targets together are the last ones,
// it refuses the last of them in the order of the request.
func (e *evaluation) lastSuperAdmin(ctx context.Context) {
	if e.policy.disabled(LastSuperAdmin) {
		return
	}
	l := superAdmins{evaluation: e, asked: map[string]bool{}}
	candidates := l.candidates(ctx)
	if len(candidates) == 0 || !e.lock(ctx, candidates) {
		return
	}
	e.call.Parallel(len(candidates), func(n int) { l.check(ctx, candidates[n]) })
	if len(l.leaving) == 0 {
		e.verdict.Release()
		e.verdict.release = nil
		return
	}
	other, err := l.other(ctx)
	slices.Sort(l.leaving)
	last := e.targets[l.leaving[len(l.leaving)-1]].UserID
	for _, i := range l.leaving {
		switch {
		case err != nil:
			e.unavailable(i, LastSuperAdmin, "it is unknown whether another super administrator is left", err)
		case !other && e.targets[i].UserID == last:
			e.refuse(i, LastSuperAdmin, refusal(LastSuperAdmin,
				"no other ACTIVE user holds SUPER_ADMIN, so the org would have no administrator any more: "+
					"assign the role to another user first"))
		}
	}
}

// superAdmins is the evaluation of last_super_admin.
type superAdmins struct {
	*evaluation
	unlisted []int           // targets that end a user's access, and that the list does not have
	asked    map[string]bool // users whose roles were read
	mu       sync.Mutex
	leaving  []int // targets that are ACTIVE holders of the role
}

// candidates returns the targets that may be super administrators and would no longer be ACTIVE
// holders of the role. A user who is not in Okta's list of administrators is none, unless the plan
// has read the role.
func (l *superAdmins) candidates(ctx context.Context) []int {
	var certain, possible []int
	for i := range l.targets {
		t := &l.targets[i]
		switch {
		case !l.allowed(i) || !t.Active || t.UserID == "":
		case slices.Contains(t.Effects.RemovesRoles, superAdmin):
			certain = append(certain, i)
		case t.Effects.Deactivates || t.Effects.Suspends:
			possible = append(possible, i)
		case len(t.Effects.LeavesGroups) > 0 && l.grantsSuperAdmin(ctx, i):
			certain = append(certain, i)
		}
	}
	if len(possible) == 0 {
		return certain
	}
	listed, err := l.listed(ctx, false)
	l.call.Parallel(len(possible), func(n int) {
		i := possible[n]
		defer l.refusePanic(i)
		switch {
		case notGranted(err):
			l.inactive(ctx, i, LastSuperAdmin)
		case err != nil:
			l.unavailable(i, LastSuperAdmin, "the list of administrators cannot be read", err)
		default:
			l.mu.Lock()
			defer l.mu.Unlock()
			if slices.Contains(listed, l.targets[i].UserID) {
				certain = append(certain, i)
			} else {
				l.unlisted = append(l.unlisted, i)
			}
		}
	})
	slices.Sort(certain)
	return certain
}

// check adds a target to leaving if the user is an ACTIVE holder of the role.
func (l *superAdmins) check(ctx context.Context, i int) {
	defer l.refusePanic(i)
	holds, err := l.holdsSuperAdmin(ctx, l.targets[i].UserID)
	l.mu.Lock()
	l.asked[l.targets[i].UserID] = true
	if holds {
		l.leaving = append(l.leaving, i)
	}
	l.mu.Unlock()
	switch {
	case notGranted(err) && l.withoutRoles(ctx):
		l.inactive(ctx, i, LastSuperAdmin)
	case err != nil:
		l.unavailable(i, LastSuperAdmin, "the roles and the status of the user cannot be read", err)
	}
}

// grantsSuperAdmin reports whether a group that the user leaves grants SUPER_ADMIN. A group whose
// roles cannot be read refuses the target.
func (e *evaluation) grantsSuperAdmin(ctx context.Context, i int) bool {
	for _, group := range e.targets[i].Effects.LeavesGroups {
		roles, err := e.rolesOfGroup(ctx, group)
		if err != nil {
			e.unavailable(i, LastSuperAdmin, "the administrator roles that the group grants cannot be read", err)
			return false
		}
		if slices.Contains(roles, superAdmin) {
			return true
		}
	}
	return false
}

// lock waits for the other runs of this process that take super administrators away. It reports
// false, and refuses the candidates, if ctx ends first.
func (e *evaluation) lock(ctx context.Context, candidates []int) bool {
	if e.call.DryRun { // it takes no administrator away
		return true
	}
	select {
	case e.superAdmins <- struct{}{}:
		e.verdict.release = func() { <-e.superAdmins }
		return true
	case <-ctx.Done():
		for _, i := range candidates {
			e.verdict.Refusals[i] = apierr.New(apierr.Deadline, "deadline_exceeded",
				"not started: another request that changes super administrators was still running", ctx.Err())
		}
		return false
	}
}

// other reports whether a user who is not a target is an ACTIVE super administrator. The list of
// administrators may be old, so that it is read again before the answer is no. A target that only the
// fresh list has is leaving too.
func (l *superAdmins) other(ctx context.Context) (bool, error) {
	var unread error
	for _, fresh := range []bool{false, true} {
		listed, err := l.listed(ctx, fresh)
		if err != nil {
			return false, err
		}
		left := slices.DeleteFunc(slices.Clone(listed), func(id string) bool { return l.asked[id] })
		for _, i := range l.unlisted {
			if id := l.targets[i].UserID; slices.Contains(left, id) {
				l.check(ctx, i)
				left = slices.DeleteFunc(left, func(other string) bool { return other == id })
			}
		}
		found, err := l.anyHolds(ctx, left)
		if found {
			return true, nil
		}
		unread = cmp.Or(unread, err)
	}
	return false, unread
}

// anyHolds reports whether any of these users is an ACTIVE super administrator. It asks for more and
// more of them at a time, because most often one of the first is.
func (l *superAdmins) anyHolds(ctx context.Context, ids []string) (found bool, unread error) {
	for n := 1; len(ids) > 0 && !found; n *= 2 {
		some := ids[:min(n, len(ids))]
		ids = ids[len(some):]
		l.call.Parallel(len(some), func(k int) {
			holds, err := l.holdsSuperAdmin(ctx, some[k])
			l.mu.Lock()
			defer l.mu.Unlock()
			l.asked[some[k]], found, unread = true, found || holds, cmp.Or(unread, err)
		})
	}
	return found, unread
}

// holdsSuperAdmin reports whether a user is ACTIVE and holds SUPER_ADMIN now.
func (e *evaluation) holdsSuperAdmin(ctx context.Context, userID string) (bool, error) {
	roles, err := e.facts.Roles(ctx, userID)
	if err != nil || !slices.Contains(roles, superAdmin) {
		return false, err
	}
	return e.facts.Active(ctx, userID)
}
