package app

import (
	"context"
	"strings"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/secrets"
)

const (
	policyAge          = 30 * time.Second // after which GUARDRAILS is read again
	policyFailurePause = 5 * time.Second  // after a read that failed
)

// policyLoader reads the policy of GUARDRAILS. It does not keep an old policy: while the current
// one cannot be used, nothing may be changed.
type policyLoader struct {
	ref   string // "": the zero policy
	read  func(ctx context.Context, ref string) (secrets.Value, error)
	parse func(text string) (*guardrail.Policy, error)
	now   func() time.Time
	log   func(p *guardrail.Policy)

	busy   chan struct{} // held by the caller that reads
	due    time.Time
	text   secrets.Value
	policy *guardrail.Policy
	err    error
}

// Policy returns the current policy. The error is of the kind GuardrailUnavailable.
func (l *policyLoader) Policy(ctx context.Context) (*guardrail.Policy, error) {
	select {
	case l.busy <- struct{}{}:
		defer func() { <-l.busy }()
	case <-ctx.Done():
		return nil, errPolicy("it could not be read before the deadline of the request", ctx.Err())
	}
	if l.now().Before(l.due) {
		return l.policy, l.err
	}
	l.policy, l.err = l.load(context.WithoutCancel(ctx))
	l.due = l.now().Add(policyAge)
	if l.err != nil {
		l.due = l.now().Add(policyFailurePause)
	}
	return l.policy, l.err
}

// load reads and parses the policy. A policy with the same text is not parsed again.
func (l *policyLoader) load(ctx context.Context) (*guardrail.Policy, error) {
	if l.ref == "" {
		return &guardrail.Policy{}, nil
	}
	text, err := secrets.New(l.ref), error(nil)
	if !isInline(l.ref) {
		text, err = l.read(ctx, l.ref)
	}
	switch {
	case secrets.Terminal(err):
		return nil, errPolicy(err.Error(), err)
	case err != nil:
		return nil, errPolicy("it cannot be read at the moment", err)
	case l.policy != nil && text.Equal(l.text):
		return l.policy, nil
	}
	policy, err := l.parse(text.Reveal())
	if err != nil { // the problems may show whom the policy protects
		return nil, errPolicy("it has a mistake, which the log names", err)
	}
	if !text.Equal(l.text) {
		l.log(policy)
	}
	l.text = text
	return policy, nil
}

func errPolicy(problem string, cause error) error {
	return apierr.New(apierr.GuardrailUnavailable, guardrail.CodeUnavailable,
		"nothing was changed: the policy of the guardrails (GUARDRAILS) cannot be used: "+problem, cause)
}

// isInline reports whether the setting is the policy itself, and not a reference to it.
func isInline(setting string) bool { return strings.HasPrefix(strings.TrimSpace(setting), "{") }

// newPolicyLoader returns the loader of the policy of a setting.
func (a *App) newPolicyLoader(setting string) *policyLoader {
	return &policyLoader{
		ref: setting, read: a.o.Secrets.Get, parse: a.parsePolicy, now: a.o.Clock.Now, log: a.logPolicy,
		busy: make(chan struct{}, 1),
	}
}

// parsePolicy parses a policy for the actions of this product.
func (a *App) parsePolicy(text string) (*guardrail.Policy, error) {
	return guardrail.Parse([]byte(text), action.PolicyVocabulary(a.o.Groups), a.o.Clock.Now())
}

// logPolicy logs a new policy, and warns of the rules that it does not enforce.
func (a *App) logPolicy(p *guardrail.Policy) {
	a.log().Info("a policy of the guardrails is in force", "mode", string(p.ModeOrDefault()))
	if p.Mode == guardrail.Observe {
		a.log().Warn("the mode of the guardrails is observe: they refuse nothing")
	}
	if len(p.DisabledRules) > 0 {
		a.log().Warn("guardrails that are always on are switched off", "rules", p.DisabledRules)
	}
	if o := p.Override; o != nil && a.o.Clock.Now().Before(o.Until) {
		a.log().Warn("an override lifts guardrails", "rules", o.Rules, "until", o.Until, "reason", o.Reason)
	}
}

// checkInlinePolicy returns the problem of a policy that stands in the setting itself.
func (a *App) checkInlinePolicy(setting string) error {
	if !isInline(setting) {
		return nil
	}
	if _, err := a.parsePolicy(setting); err != nil {
		return apierr.New(apierr.Misconfigured, "misconfigured",
			"GUARDRAILS: the policy has a mistake, which the log names", err)
	}
	return nil
}
