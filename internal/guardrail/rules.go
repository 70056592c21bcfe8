package guardrail

import (
	"context"
	"slices"
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// superAdmin is the type of the role that last_super_admin keeps.
const superAdmin = "SUPER_ADMIN"

// InactiveWarning is the warning of a reply whose targets could not be checked for administrator
// roles.
const InactiveWarning = "administrator rules are not active: grant okta.roles.read"

// ownIdentity refuses a change of the user who owns the API token.
func (e *evaluation) ownIdentity(ctx context.Context, i int) {
	t := &e.targets[i]
	if e.policy.disabled(OwnIdentity) || !t.isUser() {
		return
	}
	owner, err := e.owner(ctx)
	switch {
	case err != nil:
		e.unavailable(i, OwnIdentity, "the owner of the API token cannot be read", err)
	case owner.ID != "" && (t.UserID == owner.ID || t.UserID == "" && t.named(owner.Names)):
		e.refuse(i, OwnIdentity, refusal(OwnIdentity,
			"this user owns the API token with which this tool works: a change could end the tool's own access; "+
				"change the user in Okta"))
	}
}

// protected refuses a change of a user whom the policy protects.
func (e *evaluation) protected(ctx context.Context, i int) {
	t := &e.targets[i]
	if !t.isUser() {
		return
	}
	var unread error
	for n, entry := range e.policy.Protected {
		if !entry.appliesTo(e.call.Action) {
			continue
		}
		matches, err := e.matches(ctx, t, n)
		if matches {
			e.refuse(i, Protection, refusal(Protection,
				"the policy protects this user (%s: %s): change the user in Okta, or ask the owner of the policy for an override",
				entry.ID, strings.TrimRight(entry.Reason, ". ")))
			return
		}
		if unread == nil {
			unread = err
		}
	}
	if unread != nil {
		e.unavailable(i, Protection, "it is unknown whether the policy protects this user", unread)
	}
}

// matches reports whether the entry n of Protected protects a user. It returns an error if that
// depends on a fact that cannot be read.
func (e *evaluation) matches(ctx context.Context, t *Target, n int) (bool, error) {
	entry := e.policy.Protected[n]
	for _, p := range e.policy.users[n] {
		if slices.ContainsFunc(t.Names, p.MatchString) {
			return true, nil
		}
	}
	if t.UserID == "" {
		return false, t.Unknown
	}
	for name, values := range entry.Profile {
		held := t.Profile[name]
		if slices.ContainsFunc(values, func(v string) bool { return slices.Contains(held, v) }) {
			return true, nil
		}
	}
	if len(entry.Roles) > 0 {
		held, err := e.rolesOf(ctx, t.UserID)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(held, func(r string) bool {
			return slices.Contains(entry.Roles, r) || slices.Contains(entry.Roles, anyRole)
		}) {
			return true, nil
		}
	}
	if len(entry.Groups) > 0 {
		groups, err := e.groupsOf(ctx, t.UserID)
		if err != nil {
			return false, err
		}
		return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(entry.Groups, g) }), nil
	}
	return false, nil
}

// assignable refuses the assignment of a role that may not be assigned, also by a group that grants
// it.
func (e *evaluation) assignable(ctx context.Context, i int) {
	effects := e.targets[i].Effects
	may := func(roleType string) bool { return e.policy.Assignable(e.call.Action, e.call.Caller, roleType) }
	for _, role := range effects.AssignsRoles {
		if !may(role) {
			e.refuse(i, AssignableRoles, refusal(AssignableRoles,
				"the policy does not allow %s to be assigned: assign it in Okta, or ask the owner of the policy", role))
			return
		}
	}
	if !slices.ContainsFunc(e.policy.limitsFor(e.call.Caller), func(l Limits) bool { return l.AssignableRoles != nil }) {
		return
	}
	for _, group := range effects.JoinsGroups {
		roles, err := e.rolesOfGroup(ctx, group)
		if err != nil {
			e.unavailable(i, AssignableRoles, "the administrator roles that the group grants cannot be read", err)
			return
		}
		for _, role := range roles {
			if !may(role) {
				e.refuse(i, AssignableRoles, refusal(AssignableRoles,
					"the group grants %s, which the policy does not allow to be assigned: add the user in Okta, "+
						"or ask the owner of the policy", role))
				return
			}
		}
	}
}

// credentials refuses a change with which another person could sign in as an administrator.
func (e *evaluation) credentials(ctx context.Context, i int) {
	t := &e.targets[i]
	if e.policy.disabled(AdminCredentials) || !t.Effects.credential() || t.UserID == "" {
		return
	}
	roles, err := e.rolesOf(ctx, t.UserID)
	switch {
	case notGranted(err) && e.withoutRoles(ctx):
		e.inactive(ctx, i, AdminCredentials)
	case err != nil:
		e.unavailable(i, AdminCredentials, "the administrator roles of the user cannot be read", err)
	case len(roles) > 0:
		e.refuse(i, AdminCredentials, refusal(AdminCredentials,
			"the user is an administrator (%s), and this tool neither sets nor returns credentials of administrators: "+
				"let Okta send the e-mail instead, or do it in Okta", strings.Join(roles, ", ")))
	}
}

// withoutRoles reports whether no administrator roles can be read at all.
func (e *evaluation) withoutRoles(ctx context.Context) bool {
	_, err := e.listed(ctx, false)
	return notGranted(err)
}

// inactive decides about a target without its roles: it refuses one that may be an administrator,
// and warns about any other.
func (e *evaluation) inactive(ctx context.Context, i int, rule Rule) {
	switch maybe, err := e.facts.MaybeAdministrator(ctx, e.targets[i].UserID); {
	case err != nil && !notGranted(err):
		e.unavailable(i, rule, "it is unknown whether the user is an administrator", err)
	case err == nil && maybe:
		e.refuse(i, rule, apierr.Errorf(apierr.GuardrailUnavailable, CodeUnavailable,
			"nothing was changed, because the guardrail %s cannot be checked and the user may be an administrator: "+
				"grant okta.roles.read to the service app, or do it in Okta", rule))
	default:
		e.warn(InactiveWarning)
	}
}
