package users

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// The OAuth scopes of the users' risk.
const (
	riskReadScope   = "okta.userRisk.read"
	riskManageScope = "okta.userRisk.manage"
)

type getRiskParams struct {
	action.NamedUsers
	action.ScopeOn
}

var getRisk = action.Define(action.Spec{
	Name:       "Get User Risk",
	Summary:    "Get the risk level that Okta Identity Threat Protection has for users.",
	RunsOn:     action.UserEntities,
	OktaScopes: []string{"okta.users.read", riskReadScope},
	Beyond:     true,
	Example:    action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
}, func(ctx context.Context, x *action.Execution, p getRiskParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			risk, err := x.Okta.GetUserRisk(ctx, u.ID)
			return action.Plan{Value: risk, Message: u.Login + " has the risk level " + risk.Level + "."}, explainRisk(err)
		},
		Enrich: func(value any) map[string]string { return map[string]string{"risk_level": value.(okta.Risk).Level} },
	})
})

// RiskLevels are the levels that can be set.
var RiskLevels = []string{"LOW", "MEDIUM", "HIGH"}

// riskLevel is one of RiskLevels.
type riskLevel string

// Allowed implements action.Allower.
func (riskLevel) Allowed() []string { return RiskLevels }

// riskReason is a reason in the characters that Okta accepts.
type riskReason string

// maxRiskReason is the greatest length of a reason, in characters.
const maxRiskReason = 500

var notInReason = regexp.MustCompile(`[^a-zA-Z0-9 \-,.]`)

// UnmarshalParam implements action.ParamUnmarshaler.
func (r *riskReason) UnmarshalParam(text string) (warning string, err error) {
	if len([]rune(text)) > maxRiskReason {
		return "", errors.New("must have at most 500 characters")
	}
	*r = riskReason(notInReason.ReplaceAllString(text, " "))
	if string(*r) != text {
		warning = "Okta accepts letters, digits, spaces and - , . only: the other characters are replaced by spaces"
	}
	return warning, nil
}

type setRiskParams struct {
	action.NamedUsers
	Level  riskLevel  `param:"Level" required:"true" help:"The risk level that Okta's policies then act on."`
	Reason riskReason `param:"Reason" help:"Why, for Okta's administrators: at most 500 letters, digits, spaces and - , . only."`
	action.ScopeOff
}

var setRisk = action.Define(action.Spec{
	Name:       "Set User Risk",
	Summary:    "Set the risk level that Okta Identity Threat Protection has for users.",
	RunsOn:     action.UserEntities,
	OktaScopes: []string{"okta.users.read", riskReadScope, riskManageScope},
	Mutates:    true,
	Category:   action.UpdatesIdentity,
	ReadBack:   true,
	Beyond:     true,
	Example: action.Example{Parameters: map[string]any{
		"User IDs Or Logins": "alice", "Level": "HIGH", "Reason": "Case 4711",
	}},
}, func(ctx context.Context, x *action.Execution, p setRiskParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{
			Changed: "Set the risk level of", Unchanged: "Already at this risk level", Planned: "Would set the risk level of",
		},
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			plan, err := PlanSetRisk(ctx, x.Okta, u, string(p.Level), string(p.Reason))
			return plan, explainRisk(err)
		},
	})
})

// PlanSetRisk plans to set the risk level of a user: LOW, MEDIUM or HIGH. It reads the level with this
// client. Each request has an access token with its own scope. okta.LacksFeature reports whether the
// error says that the org has no user risk.
func PlanSetRisk(ctx context.Context, o *okta.Client, u okta.User, level, reason string) (action.Plan, error) {
	before, err := o.WithScopes([]string{riskReadScope}).GetUserRisk(ctx, u.ID)
	if err != nil {
		return action.Plan{}, err
	}
	plan := action.Plan{Before: riskState(before), After: action.State{"risk": level}}
	if before.Level == level {
		plan.Value = before
		return plan, nil
	}
	plan.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
		now, err := o.WithScopes([]string{riskReadScope}).GetUserRisk(ctx, u.ID)
		return riskState(now), err
	}
	plan.NotUndoable = "Okta cannot be asked to take a risk level away: Set User Risk sets another one"
	if slices.Contains(RiskLevels, before.Level) {
		plan.NotUndoable = "Okta may change the level: if it has not, set it to " + before.Level + " (Set User Risk)"
	}
	plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		return action.WriteResult{Value: map[string]any{"riskLevel": level}},
			explainRisk(o.WithScopes([]string{riskManageScope}).SetUserRisk(ctx, u.ID, level, reason))
	}
	return plan, nil
}

// riskState returns the risk level of a user as a State.
func riskState(r okta.Risk) action.State { return action.State{"risk": r.Level} }

// explainRisk returns a clear error for an org without user risk.
func explainRisk(err error) error {
	if !okta.LacksFeature(err) {
		return err
	}
	e := *apierr.As(err)
	e.Kind, e.Code = apierr.WrongState, "not_available"
	e.Message = "this org has no user risk: it is part of Okta Identity Threat Protection"
	return &e
}
