package httpapi

import (
	"context"
	"net/http"
	"slices"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// guardrails returns the outcome of GET /guardrails: what the policy allows this caller.
func (s service) guardrails(ctx context.Context, in *input, method string) outcome {
	if err := allow(method, http.MethodGet); err != nil {
		return s.failure(in, err)
	}
	if !slices.ContainsFunc(s.all, func(g action.Group) bool {
		return slices.ContainsFunc(g.Actions, func(a action.Action) bool { return a.Mutates && in.caller.May(a.Slug) == nil })
	}) {
		return s.failure(in, apierr.New(apierr.Forbidden, "action_not_allowed",
			"the guardrails are shown to callers who may run at least one action that changes something", nil))
	}
	policy, err := s.Policy(ctx)
	if err != nil {
		return s.failure(in, err)
	}
	return s.document(in, method, func() any { return policy.View(in.caller.Name, s.Idempotency.Now()) })
}
