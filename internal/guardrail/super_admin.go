package guardrail

import (
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
	candidates := e.superAdminCandidates(ctx)
	if len(candidates) == 0 || !e.lock(ctx, candidates) {
		return
	}
	var leaving []int // ACTIVE holders of the role
	var mu sync.Mutex
	e.call.Parallel(len(candidates), func(n int) {
		i := candidates[n]
		defer e.refusePanic(i)
		holds, err := e.holdsSuperAdmin(ctx, e.targets[i].UserID)
		switch {
		case notGranted(err) && e.withoutRoles(ctx):
			e.inactive(ctx, i, LastSuperAdmin)
		case err != nil:
			e.unavailable(i, LastSuperAdmin, "the roles and the status of the user cannot be read", err)
		case holds:
			mu.Lock()
			defer mu.Unlock()
			leaving = append(leaving, i)
		}
	})
	if len(leaving) == 0 {
		e.verdict.Release()
		e.verdict.release = nil
		return
	}
	slices.Sort(leaving)
	last := leaving[len(leaving)-1]
	others, err := e.otherSuperAdmin(ctx, leaving)
	switch {
	case err != nil:
		for _, i := range leaving {
			e.unavailable(i, LastSuperAdmin, "it is unknown whether another super administrator is left", err)
		}
	case !others:
		e.refuse(last, LastSuperAdmin, refusal(LastSuperAdmin,
			"no other ACTIVE user holds SUPER_ADMIN, so the org would have no administrator any more: "+
				"assign the role to another user first"))
	}
}

// superAdminCandidates returns the targets that may be super administrators and would no longer be
// ACTIVE holders of the role. A user who is not in Okta's list of administrators is none, unless
// the plan has read the role.
func (e *evaluation) superAdminCandidates(ctx context.Context) []int {
	var certain, possible []int
	for i := range e.targets {
		t := &e.targets[i]
		switch {
		case !e.allowed(i) || !t.Active || t.UserID == "":
		case slices.Contains(t.Effects.RemovesRoles, superAdmin):
			certain = append(certain, i)
		case t.Effects.Deactivates || t.Effects.Suspends:
			possible = append(possible, i)
		case len(t.Effects.LeavesGroups) > 0 && e.grantsSuperAdmin(ctx, i):
			certain = append(certain, i)
		}
	}
	if len(possible) == 0 {
		return certain
	}
	listed, err := e.facts.Administrators(ctx, false)
	for _, i := range possible {
		switch {
		case notGranted(err):
			e.inactive(ctx, i, LastSuperAdmin)
		case err != nil:
			e.unavailable(i, LastSuperAdmin, "the list of administrators cannot be read", err)
		case slices.Contains(listed, e.targets[i].UserID):
			certain = append(certain, i)
		}
	}
	slices.Sort(certain)
	return certain
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

// otherSuperAdmin reports whether a user other than these targets is an ACTIVE super administrator.
// The list of administrators may be old, so that it is read again before the answer is no.
func (e *evaluation) otherSuperAdmin(ctx context.Context, leaving []int) (bool, error) {
	asked := map[string]bool{}
	for _, i := range leaving {
		asked[e.targets[i].UserID] = true
	}
	var unread error
	for _, fresh := range []bool{false, true} {
		listed, err := e.facts.Administrators(ctx, fresh)
		if err != nil {
			return false, err
		}
		for _, id := range listed {
			if asked[id] {
				continue
			}
			asked[id] = true
			holds, err := e.holdsSuperAdmin(ctx, id)
			if holds {
				return true, nil
			}
			if unread == nil {
				unread = err
			}
		}
	}
	return false, unread
}

// holdsSuperAdmin reports whether a user is ACTIVE and holds SUPER_ADMIN now.
func (e *evaluation) holdsSuperAdmin(ctx context.Context, userID string) (bool, error) {
	roles, err := e.facts.Roles(ctx, userID)
	if err != nil || !slices.Contains(roles, superAdmin) {
		return false, err
	}
	return e.facts.Active(ctx, userID)
}
