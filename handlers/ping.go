package handlers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// ping returns the Ping of a group. It checks the credentials that the group's actions use for
// Okta, and the signing key if they sign. It succeeds if at least one action can work, and warns of
// each that lacks an OAuth scope.
func ping(g action.Group) action.Action {
	spec := action.Spec{
		Name:     "Ping",
		Summary:  "Test the connection with Okta.",
		Category: action.Uncategorized,
		Failure:  "Failed to connect to the Okta organization. Error is ",

		OktaScopes: g.Scopes(),
	}
	return action.Define(spec, func(ctx context.Context, x *action.Execution, _ struct{}) (*action.Result, error) {
		message := fmt.Sprintf("Successfully connected to the Okta organization %s.", x.Okta.Root())
		if g.Signs {
			if x.Signing.Key.Method() == nil {
				return nil, apierr.New(apierr.Misconfigured, "misconfigured",
					"the deployment has no signing key (ITP_SIGNING_KEY_SECRET)", nil)
			}
			message += " The signing key is ready."
		}
		switch {
		case !x.Okta.HasCredentials(), x.Okta.IsServiceApp() && len(x.Action.OktaScopes) == 0:
			return &action.Result{Message: message}, x.Okta.Reach(ctx)
		case x.Okta.IsServiceApp():
			granted, err := pingScopes(ctx, x, g)
			if err == nil {
				checkGuardrails(ctx, x, g)
			}
			return &action.Result{Message: message + granted}, err
		}
		me, err := x.Okta.Me(ctx)
		if err != nil {
			return nil, err
		}
		checkGuardrails(ctx, x, g)
		return &action.Result{Message: message + ownerIs + me.Login + "."}, nil
	})
}

// ownerIs precedes the login of the owner of the API token in the message of Ping.
const ownerIs = " The credentials are those of "

// TokenOwner returns the login of the owner of the API token that the message of a Ping names; "" if it names none.
func TokenOwner(message string) string {
	_, login, _ := strings.Cut(message, ownerIs)
	return strings.TrimSuffix(login, ".")
}

// checkGuardrails warns of guardrails of the group's actions that are not active.
func checkGuardrails(ctx context.Context, x *action.Execution, g action.Group) {
	if len(g.GuardrailScopes()) > 0 {
		x.CheckAdministratorRules(ctx)
	}
}

// pingScopes checks a service app, and warns of each action of the group that lacks a scope. It
// returns an error if no action has all of its scopes. The client requests all scopes together, and
// each one alone if Okta rejects that.
func pingScopes(ctx context.Context, x *action.Execution, g action.Group) (message string, err error) {
	all := x.Action.OktaScopes
	err = x.Okta.ReadOne(ctx)
	missing := okta.NotGranted(err)
	lacks := func(scope string) bool { return slices.Contains(missing, scope) }
	i := slices.IndexFunc(g.Actions, func(a action.Action) bool { return !slices.ContainsFunc(a.OktaScopes, lacks) })
	if len(missing) == 0 || i < 0 {
		return " The service app has the scopes " + strings.Join(all, ", ") + ".", err
	}
	if err := x.Okta.WithScopes(g.Actions[i].OktaScopes).ReadOne(ctx); err != nil {
		return "", err
	}
	denied := 0
	for _, a := range g.Actions {
		without := slices.DeleteFunc(slices.Clone(a.OktaScopes), func(scope string) bool { return !lacks(scope) })
		if len(without) > 0 {
			denied++
			x.Warn("Not permitted: %s (%s)", a.Name, strings.Join(without, ", "))
		}
	}
	granted := slices.DeleteFunc(slices.Clone(all), lacks)
	verb := "are"
	if denied == 1 {
		verb = "is"
	}
	return fmt.Sprintf(" The service app has the scopes %s. %s %s not permitted: see the warnings.",
		strings.Join(granted, ", "), action.Count(denied, "action"), verb), nil
}
