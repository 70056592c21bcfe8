package guardrail

import (
	"maps"
	"slices"
	"time"
)

// View is what a caller may see of a policy: its own limits, and neither the protected users nor
// the limits of others.
type View struct {
	Mode     Mode         `json:"mode"`
	Rules    []RuleStatus `json:"rules"`    // that are always on unless they are disabled
	Limits   Limits       `json:"limits"`   // of this caller
	Freeze   *string      `json:"freeze"`   // the reason why nothing may be changed; null: no freeze
	Override *Override    `json:"override"` // null: no rule is lifted
}

// RuleStatus says whether a rule is active.
type RuleStatus struct {
	Rule   Rule `json:"rule"`
	Active bool `json:"active"`
}

// View returns what a caller may see of the policy.
func (p *Policy) View(caller string, now time.Time) View {
	v := View{Mode: p.ModeOrDefault(), Freeze: p.Freeze}
	for _, rule := range AlwaysOn {
		v.Rules = append(v.Rules, RuleStatus{rule, !p.disabled(rule)})
	}
	if p.Override != nil && now.Before(p.Override.Until) {
		v.Override = p.Override
	}
	for _, l := range p.limitsFor(caller) {
		v.Limits = v.Limits.narrowed(l)
	}
	return v
}

// narrowed returns the limits that hold if both apply.
func (l Limits) narrowed(other Limits) Limits {
	return Limits{
		AssignableRoles: both(l.AssignableRoles, other.AssignableRoles, func(a, b []string) []string {
			return slices.DeleteFunc(slices.Clone(a), func(t string) bool { return !slices.Contains(b, t) })
		}),
		DeniedActions: slices.Compact(slices.Sorted(slices.Values(slices.Concat(l.DeniedActions, other.DeniedActions)))),
		Deactivate: both(l.Deactivate, other.Deactivate, func(a, b Deactivation) Deactivation {
			return Deactivations[max(slices.Index(Deactivations, a), slices.Index(Deactivations, b))]
		}),
		MaxTargetsPerCall: both(l.MaxTargetsPerCall, other.MaxTargetsPerCall, func(a, b int) int { return min(a, b) }),
		MaxUsersPerHour:   both(l.MaxUsersPerHour, other.MaxUsersPerHour, func(a, b int) int { return min(a, b) }),
	}
}

// both returns the values of a or b, or, where both have one, those that narrower returns.
func both[T any](a, b *PerAction[T], narrower func(a, b T) T) *PerAction[T] {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	merged := &PerAction[T]{Actions: map[string]T{}}
	value := func(slug string) (T, bool) {
		x, okX := a.For(slug)
		y, okY := b.For(slug)
		switch {
		case okX && okY:
			return narrower(x, y), true
		case okX:
			return x, true
		}
		return y, okY
	}
	for _, actions := range []map[string]T{a.Actions, b.Actions} {
		for slug := range maps.Keys(actions) {
			merged.Actions[slug], _ = value(slug)
		}
	}
	if rest, ok := value(""); ok {
		merged.Default = &rest
	}
	return merged
}
