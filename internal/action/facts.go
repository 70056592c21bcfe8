package action

import (
	"context"
	"sync/atomic"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
)

// factAge is how long the list of administrators and the owner of the API token are kept.
const factAge = 5 * time.Minute

// failureAge is how long the error of a failed read is kept.
const failureAge = 5 * time.Second

// The scopes of the facts. Each fact is read with a separate token, so that a scope that is not granted
// does not break the token of the action. UsersScope is that of FindUser too.
const (
	UsersScope = "okta.users.read"
	rolesScope = "okta.roles.read"
)

// The group of all administrators, which Okta manages.
const administratorsGroup = "Okta Administrators"

// facts implements guardrail.Facts for one run.
type facts struct{ x *Execution }

// Owner implements guardrail.Facts.
//
//	GET /api/v1/users/me
func (f facts) Owner(ctx context.Context) (guardrail.Owner, error) {
	if !f.x.Okta.HasCredentials() || f.x.Okta.IsServiceApp() {
		return guardrail.Owner{}, nil
	}
	return f.x.Guardrails.owner.get(ctx, f.x.Now(), factAge, func() (guardrail.Owner, error) {
		me, err := f.x.Okta.Me(ctx)
		return guardrail.Owner{ID: me.ID, Names: []string{me.Login, me.Email}}, unreadable(UsersScope, err)
	})
}

// Administrators implements guardrail.Facts.
//
//	GET /api/v1/iam/assignees/users
func (f facts) Administrators(ctx context.Context, fresh bool) ([]string, error) {
	age := factAge
	if fresh {
		age = 0
	}
	return f.x.Guardrails.administrators.get(ctx, f.x.Now(), age, func() ([]string, error) {
		ids, err := f.with(rolesScope).ListAdministrators(ctx)
		return ids, unreadable(rolesScope, err)
	})
}

// Roles implements guardrail.Facts. A user who does not exist any more holds no roles.
//
//	GET /api/v1/users/{userId}/roles
func (f facts) Roles(ctx context.Context, userID string) ([]string, error) {
	return typesOf(f.with(rolesScope).ListRoles(ctx, userID))
}

// GroupRoles implements guardrail.Facts.
//
//	GET /api/v1/groups/{groupId}/roles
func (f facts) GroupRoles(ctx context.Context, groupID string) ([]string, error) {
	return typesOf(f.with(rolesScope).ListGroupRoles(ctx, groupID))
}

func typesOf(roles []okta.Role, err error) ([]string, error) {
	if apierr.Is(err, apierr.NotFound) {
		return nil, nil
	}
	types := make([]string, len(roles))
	for i, r := range roles {
		types[i] = r.Type
	}
	return types, unreadable(rolesScope, err)
}

// Active implements guardrail.Facts.
//
//	GET /api/v1/users/{userId}
func (f facts) Active(ctx context.Context, userID string) (bool, error) {
	u, err := f.with(UsersScope).GetUserByID(ctx, userID)
	if apierr.Is(err, apierr.NotFound) {
		return false, nil
	}
	return u.FinalStatus() == okta.Active, unreadable(UsersScope, err)
}

// Groups implements guardrail.Facts.
//
//	GET /api/v1/users/{userId}/groups
func (f facts) Groups(ctx context.Context, userID string) ([]string, error) {
	groups, err := f.with(UsersScope).ListUserGroups(ctx, userID)
	names := make([]string, 0, 2*len(groups))
	for _, g := range groups {
		names = append(names, g.ID, g.Name)
	}
	return names, unreadable(UsersScope, err)
}

// MaybeAdministrator implements guardrail.Facts.
//
//	GET /api/v1/users/{userId}/groups
func (f facts) MaybeAdministrator(ctx context.Context, userID string) (bool, error) {
	groups, err := f.with(UsersScope).ListUserGroups(ctx, userID)
	for _, g := range groups {
		if g.Type == okta.BuiltInGroup && g.Name == administratorsGroup {
			return true, nil
		}
	}
	return false, unreadable(UsersScope, err)
}

// with returns a client for a fact.
func (f facts) with(scope string) *okta.Client { return f.x.Okta.WithScopes([]string{scope}) }

// unreadable returns the error of a fact, nil for nil.
func unreadable(scope string, err error) error {
	if err == nil {
		return nil
	}
	return &guardrail.UnreadableError{Scope: scope, NotGranted: okta.LacksPermission(err), Err: err}
}

// aged keeps a value for all runs of the process.
type aged[T any] struct {
	busy  chan struct{} // held by the run that reads
	value T
	err   error       // of the last read, kept for failureAge
	read  time.Time   // when the value or the error was read; zero: never
	stale atomic.Bool // the value may have changed since
}

func newAged[T any]() *aged[T] { return &aged[T]{busy: make(chan struct{}, 1)} }

// get returns a value that is at most maxAge old. The error of a failed read is kept for failureAge, so
// that requests do not wait for one failed read after another.
func (a *aged[T]) get(ctx context.Context, now time.Time, maxAge time.Duration, read func() (T, error)) (T, error) {
	select {
	case a.busy <- struct{}{}:
	case <-ctx.Done():
		var none T
		return none, errNotStarted(ctx)
	}
	defer func() { <-a.busy }()
	if a.err != nil {
		maxAge = failureAge
	}
	if !a.read.IsZero() && now.Before(a.read.Add(maxAge)) && !a.stale.Load() {
		return a.value, a.err
	}
	a.stale.Store(false)
	value, err := read()
	if err == nil || ctx.Err() == nil { // otherwise the error is that of this run's deadline
		a.value, a.err, a.read = value, err, now
	}
	return value, err
}
