package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
)

// ruleTexts are the changes that each rule refuses.
var ruleTexts = map[guardrail.Rule]string{
	guardrail.LastSuperAdmin:    "to take the access or the role of the last active super administrator",
	guardrail.OwnIdentity:       "to change the user who owns the API token of this product",
	guardrail.AdminCredentials:  "to set or return a password or a link of an administrator",
	guardrail.Protection:        "to change a protected user",
	guardrail.AssignableRoles:   "to assign a role that is not listed",
	guardrail.DeniedActions:     "to run some actions",
	guardrail.Deactivate:        "deactivations, or suspends instead",
	guardrail.MaxTargetsPerCall: "a call with too many targets",
	guardrail.MaxUsersPerHour:   "to change too many users in one clock hour",
	guardrail.Freeze:            "every change",
}

// policyView is the policy as the page shows it.
type policyView struct {
	Problem   string // the policy cannot be read
	Observe   bool
	Freeze    string
	Override  string
	Rules     []ruleView
	Protected []protectedView
	JSON      string
}

type ruleView struct{ Name, State, Text, Value string }

type protectedView struct{ ID, Who, Reason string }

// guardrails shows the policy in force, and a form that tries an action.
func (c *console) guardrails(w http.ResponseWriter, r *http.Request) {
	view := policyView{}
	if policy, err := c.Policy(r.Context()); err != nil {
		view.Problem = apierr.As(err).Message
	} else {
		view = viewOf(policy, time.Now())
	}
	c.render(w, r, http.StatusOK, page{
		Page: "guardrails", Title: "Guardrails", Guardrails: &view,
		TryActions: userActions(func(a action.Action) bool { return a.Mutates }),
	})
}

func viewOf(p *guardrail.Policy, now time.Time) policyView {
	text, _ := json.MarshalIndent(p, "", "  ") // a policy is read from JSON
	v := policyView{Observe: p.ModeOrDefault() == guardrail.Observe, JSON: string(text)}
	if p.Freeze != nil {
		v.Freeze = *p.Freeze
	}
	shown := p.View("", now)
	if o := shown.Override; o != nil {
		v.Override = fmt.Sprintf("Until %s an override lifts some rules: %s", o.Until.Format(time.RFC3339), o.Reason)
	}
	for _, rule := range guardrail.Rules {
		value := valueOf(p, rule)
		state := "on"
		switch {
		case slices.Contains(p.DisabledRules, rule):
			state = "off"
		case shown.Override != nil && slices.Contains(shown.Override.Rules, rule):
			state = "lifted"
		case value == "" && !slices.Contains(guardrail.AlwaysOn, rule):
			state = "not set"
			if setForSome(p, rule) {
				state = "for some callers"
			}
		case v.Observe:
			state = "warns only"
		}
		if rule == guardrail.Protection || rule == guardrail.Freeze {
			value = "" // shown elsewhere
		}
		v.Rules = append(v.Rules, ruleView{string(rule), state, ruleTexts[rule], value})
	}
	for _, entry := range p.Protected {
		v.Protected = append(v.Protected, protectedView{entry.ID, who(entry), entry.Reason})
	}
	return v
}

// setForSome reports whether the policy sets a rule for single callers only.
func setForSome(p *guardrail.Policy, rule guardrail.Rule) bool {
	for _, l := range p.Callers {
		if valueOf(&guardrail.Policy{Limits: l}, rule) != "" {
			return true
		}
	}
	return false
}

// valueOf returns the value of a rule that has one, of all callers; "" if the policy does not set it.
func valueOf(p *guardrail.Policy, rule guardrail.Rule) string {
	text := func(set bool, v any) string {
		if !set {
			return ""
		}
		return jsonText(v)
	}
	switch rule {
	case guardrail.Protection:
		return text(len(p.Protected) > 0, len(p.Protected))
	case guardrail.AssignableRoles:
		return text(p.AssignableRoles != nil, p.AssignableRoles)
	case guardrail.DeniedActions:
		return text(len(p.DeniedActions) > 0, p.DeniedActions)
	case guardrail.Deactivate:
		return text(p.Deactivate != nil, p.Deactivate)
	case guardrail.MaxTargetsPerCall:
		return text(p.MaxTargetsPerCall != nil, p.MaxTargetsPerCall)
	case guardrail.MaxUsersPerHour:
		return text(p.MaxUsersPerHour != nil, p.MaxUsersPerHour)
	case guardrail.Freeze:
		return text(p.Freeze != nil, p.Freeze)
	}
	return ""
}

// who describes the users of an entry.
func who(entry guardrail.Protected) string {
	var parts []string
	for _, s := range []struct {
		noun  string
		names []string
	}{{"users", entry.Users}, {"members of", entry.Groups}, {"holders of", entry.Roles}} {
		if len(s.names) > 0 {
			parts = append(parts, s.noun+" "+strings.Join(s.names, ", "))
		}
	}
	if len(entry.Profile) > 0 {
		parts = append(parts, "profiles with "+jsonText(entry.Profile))
	}
	if len(entry.Actions) > 0 {
		parts = append(parts, "only for "+strings.Join(entry.Actions, ", "))
	}
	return strings.Join(parts, "; ")
}
