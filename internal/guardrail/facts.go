package guardrail

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"example.com/okta-secops/internal/apierr"
)

// Facts reads what rules need to know of Okta. An error is an *UnreadableError or any other.
type Facts interface {
	// Owner returns the user who owns the API token; the zero Owner if there is none.
	Owner(ctx context.Context) (Owner, error)
	// Administrators returns the IDs of the users who hold administrator roles. Users who hold them
	// through a group only may be missing, and the list may be some minutes old.
	Administrators(ctx context.Context, fresh bool) ([]string, error)
	// Roles returns the types of the roles that a user holds now, also those held through a group.
	Roles(ctx context.Context, userID string) ([]string, error)
	// Active reports whether the user's status is ACTIVE now.
	Active(ctx context.Context, userID string) (bool, error)
	// Groups returns the IDs and the names of the user's groups.
	Groups(ctx context.Context, userID string) ([]string, error)
	// GroupRoles returns the types of the roles that a group grants to its members.
	GroupRoles(ctx context.Context, groupID string) ([]string, error)
	// MaybeAdministrator reports whether the user belongs to the group of all administrators. It
	// needs no permission to read roles.
	MaybeAdministrator(ctx context.Context, userID string) (bool, error)
}

// Owner is the user who owns the API token.
type Owner struct {
	ID    string
	Names []string // login and e-mail address
}

// UnreadableError is the error of a fact that Okta did not return.
type UnreadableError struct {
	Scope      string // the OAuth scope that it needs
	NotGranted bool   // the credentials have no permission to read it
	Err        error
}

// Error implements error.
func (e *UnreadableError) Error() string { return e.Scope + ": " + e.Err.Error() }

// Unwrap returns Okta's error.
func (e *UnreadableError) Unwrap() error { return e.Err }

// unavailable refuses a target because a rule cannot be evaluated. The missing fact begins
// the sentence.
func (e *evaluation) unavailable(i int, rule Rule, missing string, cause error) {
	advice := "try again; if it goes on, the log has the cause"
	var unreadable *UnreadableError
	if errors.As(cause, &unreadable) {
		advice = apierr.As(unreadable.Err).Message
		if unreadable.NotGranted {
			advice = "grant " + unreadable.Scope + " to the service app, or an admin role that may read it to the owner " +
				"of the API token"
		}
	}
	e.refuse(i, rule, apierr.New(apierr.GuardrailUnavailable, CodeUnavailable, fmt.Sprintf(
		"nothing was changed, because the guardrail %s cannot be checked: %s: %s", rule, missing, advice), cause))
}

// notGranted reports whether a fact cannot be read because the credentials have no permission.
func notGranted(err error) bool {
	var unreadable *UnreadableError
	return errors.As(err, &unreadable) && unreadable.NotGranted
}

// memo keeps the results of a function by key.
type memo[T any] struct {
	mu   sync.Mutex
	kept map[string]func() (T, error)
}

// get returns the kept result of the key, or that of read.
func (m *memo[T]) get(key string, read func() (T, error)) (T, error) {
	m.mu.Lock()
	if m.kept == nil {
		m.kept = map[string]func() (T, error){}
	}
	if m.kept[key] == nil {
		m.kept[key] = sync.OnceValues(read)
	}
	result := m.kept[key]
	m.mu.Unlock()
	return result()
}

// owner returns the owner of the API token, who is read once for the evaluation.
func (e *evaluation) owner(ctx context.Context) (Owner, error) {
	return e.owners.get("", func() (Owner, error) { return e.facts.Owner(ctx) })
}

// listed returns the list of administrators, which is read once for the evaluation: as the process
// has it, or fresh.
func (e *evaluation) listed(ctx context.Context, fresh bool) ([]string, error) {
	return e.administrators.get(strconv.FormatBool(fresh), func() ([]string, error) {
		return e.facts.Administrators(ctx, fresh)
	})
}

// groupsOf returns the groups of a user, which are read once for the evaluation.
func (e *evaluation) groupsOf(ctx context.Context, userID string) ([]string, error) {
	return e.groups.get(userID, func() ([]string, error) { return e.facts.Groups(ctx, userID) })
}

// rolesOf returns the roles of a user, which it reads once for the evaluation.
func (e *evaluation) rolesOf(ctx context.Context, userID string) ([]string, error) {
	return e.roles.get(userID, func() ([]string, error) { return e.facts.Roles(ctx, userID) })
}

// rolesOfGroup returns the roles that a group grants, which it reads once for the evaluation.
func (e *evaluation) rolesOfGroup(ctx context.Context, groupID string) ([]string, error) {
	return e.groupRoles.get(groupID, func() ([]string, error) { return e.facts.GroupRoles(ctx, groupID) })
}
