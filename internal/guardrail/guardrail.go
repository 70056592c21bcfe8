// Package guardrail decides which changes of a run are refused. It holds the policy of a deployment
// and evaluates it over all plans of a run, before the first write. It knows neither HTTP nor the
// paths of Okta's API.
//
// A refusal is an *apierr.Error whose code names the rule. It cannot be lifted by a caller.
package guardrail
