package guardrail

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Policy is what a deployment allows its callers to change. The zero Policy has the rules that are
// always on, and no others.
type Policy struct {
	// Protected are the users who must not be changed.
	Protected []Protected `json:"protected,omitempty"`
	Limits
	// Callers narrows the limits for a caller: the ID of an API key, or an e-mail address.
	Callers map[string]Limits `json:"callers,omitempty"`
	// Mode is what a rule does: enforce (refuse) or observe (warn, and refuse nothing).
	Mode Mode `json:"mode,omitempty"`
	// Freeze refuses every change, with this reason.
	Freeze *string `json:"freeze,omitempty"`
	// Override lifts rules for a time.
	Override *Override `json:"override,omitempty"`
	// DisabledRules switches off rules that are always on.
	DisabledRules []Rule `json:"disabled_rules,omitempty"`

	users [][]pattern // of each entry of Protected
}

// Limits bound what callers may do.
type Limits struct {
	// AssignableRoles are the types of the roles that may be assigned; absent: all.
	AssignableRoles *PerAction[[]string] `json:"assignable_roles,omitempty"`
	// DeniedActions are the slugs of the actions that may not be run.
	DeniedActions []string `json:"denied_actions,omitempty"`
	// Deactivate is what happens to a request to deactivate users.
	Deactivate *PerAction[Deactivation] `json:"deactivate,omitempty"`
	// MaxTargetsPerCall is the number of targets that one call may change.
	MaxTargetsPerCall *PerAction[int] `json:"max_targets_per_call,omitempty"`
	// MaxUsersPerHour is the number of different users that may be changed in the running hour.
	MaxUsersPerHour *PerAction[int] `json:"max_users_per_hour,omitempty"`
}

// Protected is one set of protected users. A user belongs to it who matches any of its selectors.
type Protected struct {
	// ID names the entry in refusals and in problems of the policy.
	ID string `json:"id"`
	// Reason is shown to the caller whose change is refused.
	Reason string `json:"reason"`
	// Users are IDs, logins, e-mail addresses, or globs of them, in which * matches any text.
	Users []string `json:"users,omitempty"`
	// Groups are IDs or exact names.
	Groups []string `json:"groups,omitempty"`
	// Roles are types of administrator roles, or "any".
	Roles []string `json:"roles,omitempty"`
	// Profile lists the protected values of attributes of the profile.
	Profile map[string][]string `json:"profile,omitempty"`
	// Actions are slugs; absent: every action that changes users.
	Actions []string `json:"actions,omitempty"`
}

// anyRole protects the holders of every administrator role.
const anyRole = "any"

// Override lifts rules until a time.
type Override struct {
	// Until is when the override ends, in RFC 3339, at most 24 hours ahead.
	Until time.Time `json:"until"`
	// Rules are the rules that refuse nothing until then.
	Rules []Rule `json:"rules"`
	// Reason is logged, and shown by GET /guardrails.
	Reason string `json:"reason"`
}

// Mode is what a rule does that forbids a change.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce"
	Observe Mode = "observe"
)

// Deactivation is what happens to a request to deactivate users.
type Deactivation string

// The values of Limits.Deactivate, the widest first.
const (
	AllowDeactivation Deactivation = "allow"
	SuspendInstead    Deactivation = "suspend_instead"
	DenyDeactivation  Deactivation = "deny"
)

// Deactivations are the values of Limits.Deactivate, the widest first.
var Deactivations = []Deactivation{AllowDeactivation, SuspendInstead, DenyDeactivation}

// Rule is the name of a rule.
type Rule string

// The rules. The first three are always on, unless the policy disables them by name.
const (
	LastSuperAdmin    Rule = "last_super_admin"
	OwnIdentity       Rule = "own_identity"
	AdminCredentials  Rule = "admin_credentials"
	Protection        Rule = "protected"
	AssignableRoles   Rule = "assignable_roles"
	DeniedActions     Rule = "denied_actions"
	Deactivate        Rule = "deactivate"
	MaxTargetsPerCall Rule = "max_targets_per_call"
	MaxUsersPerHour   Rule = "max_users_per_hour"
	Freeze            Rule = "freeze"
)

// AlwaysOn are the rules that need no configuration.
var AlwaysOn = []Rule{LastSuperAdmin, OwnIdentity, AdminCredentials}

// Rules are all rules.
var Rules = append(slices.Clone(AlwaysOn), Protection, AssignableRoles, DeniedActions, Deactivate, MaxTargetsPerCall,
	MaxUsersPerHour, Freeze)

// CodePrefix begins the error code of a refusal; the rule follows.
const CodePrefix = "guardrail_"

// CodeUnavailable is the error code of a change that is refused because the policy, or a fact that
// a rule needs, cannot be read.
const CodeUnavailable = CodePrefix + "unavailable"

// Code returns the error code of a refusal by the rule.
func (r Rule) Code() string { return CodePrefix + string(r) }

// PerAction is a value that may differ by action. Its JSON is the value, or an object of values by
// slug, with that of all other actions under "default".
type PerAction[T any] struct {
	Default *T           // of the actions without an entry; nil: none
	Actions map[string]T // by slug
}

// For returns the value for an action, and whether there is one.
func (p *PerAction[T]) For(slug string) (value T, ok bool) {
	if p == nil {
		return value, false
	}
	if value, ok = p.Actions[slug]; ok || p.Default == nil {
		return value, ok
	}
	return *p.Default, true
}

// ModeOrDefault returns the mode: enforce unless the policy says otherwise.
func (p *Policy) ModeOrDefault() Mode { return cmp.Or(p.Mode, Enforce) }

// limitsFor returns the limits that apply to a caller: those of all callers, and the caller's own.
func (p *Policy) limitsFor(caller string) []Limits {
	all := []Limits{p.Limits}
	for name, own := range p.Callers {
		if strings.EqualFold(name, caller) {
			all = append(all, own)
		}
	}
	return all
}

// deactivation returns the narrowest value of Deactivate for an action and a caller.
func (p *Policy) deactivation(action, caller string) Deactivation {
	narrowest := 0
	for _, l := range p.limitsFor(caller) {
		if value, ok := l.Deactivate.For(action); ok {
			narrowest = max(narrowest, slices.Index(Deactivations, value))
		}
	}
	return Deactivations[narrowest]
}

// SuspendInstead reports whether an action must suspend the users that a caller wants to
// deactivate.
func (p *Policy) SuspendInstead(action, caller string, now time.Time) bool {
	return p.deactivation(action, caller) == SuspendInstead && p.enforced(Deactivate, now)
}

// MayDeactivate reports whether an action may deactivate users for a caller.
func (p *Policy) MayDeactivate(action, caller string, now time.Time) bool {
	return p.deactivation(action, caller) == AllowDeactivation || !p.enforced(Deactivate, now)
}

// enforced reports whether the rule refuses changes now.
func (p *Policy) enforced(r Rule, now time.Time) bool { return p.Mode != Observe && !p.lifted(r, now) }

// NeedsFacts reports whether the entries of Protected for an action compare more than names.
func (p *Policy) NeedsFacts(action string) bool {
	return slices.ContainsFunc(p.Protected, func(entry Protected) bool {
		return entry.appliesTo(action) && len(entry.Groups)+len(entry.Roles)+len(entry.Profile) > 0
	})
}

// appliesTo reports whether the entry protects its users from an action.
func (p Protected) appliesTo(action string) bool {
	return p.Actions == nil || slices.Contains(p.Actions, action)
}

// Assignable reports whether a caller may assign a role of this type.
func (p *Policy) Assignable(action, caller, roleType string) bool {
	for _, l := range p.limitsFor(caller) {
		if types, ok := l.AssignableRoles.For(action); ok && !slices.Contains(types, roleType) {
			return false
		}
	}
	return true
}

// disabled reports whether the policy switches the rule off.
func (p *Policy) disabled(r Rule) bool { return slices.Contains(p.DisabledRules, r) }

// lifted reports whether an override lifts the rule at this time.
func (p *Policy) lifted(r Rule, now time.Time) bool {
	return p.Override != nil && now.Before(p.Override.Until) && slices.Contains(p.Override.Rules, r)
}

// ProfileAttributes returns the attributes of a user's profile that the rules compare.
func (p *Policy) ProfileAttributes() []string {
	var names []string
	for _, entry := range p.Protected {
		for name := range entry.Profile {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// pattern matches the names of users.
type pattern = *regexp.Regexp

// glob returns the pattern of a text in which * matches any text, ignoring case.
func glob(text string) pattern {
	return regexp.MustCompile(`(?is)^` + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `.*`) + `$`)
}
