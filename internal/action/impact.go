package action

import (
	"context"
	"strings"
	"sync"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// TokensScope is the optional scope with which a dry run that would end the access of a user reads the
// API tokens.
const TokensScope = "okta.apiTokens.read"

// tokenOwners are the names of the org's API tokens by the user ID of the owner. They are read once for
// a run.
type tokenOwners struct {
	once  sync.Once
	names map[string][]string
}

// takesAccess reports whether the write ends the access of a user, or takes roles away.
func (w planWrite) takesAccess() bool {
	e := w.effects
	return e.Deactivates || e.Suspends || len(e.RemovesRoles) > 0
}

// warnOfImpact warns of the administrator roles that a user who would lose access or roles holds, and of
// the API tokens that the user owns. A token acts with the roles of its owner,
// and only while the owner is ACTIVE.
//
// https://developer.okta.com/docs/guides/create-an-api-token/main/
func (x *Execution) warnOfImpact(ctx context.Context, t *Target) {
	switch roles, err := x.Okta.WithScopes([]string{rolesScope}).ListRoles(ctx, t.UserID); {
	case apierr.Is(err, apierr.NotFound):
		return
	case err != nil:
		x.warnTarget(t, apierr.Sentence(": ", "the administrator roles of the user are unknown", apierr.As(err).Message))
	case len(roles) > 0:
		x.warnTarget(t, "the user holds "+Enumerate(roleNames(roles))+".")
	}
	x.tokens.once.Do(func() {
		x.tokens.names = map[string][]string{}
		all, err := facts{x}.with(TokensScope).ListAPITokens(ctx)
		for _, token := range all {
			x.tokens.names[token.UserID] = append(x.tokens.names[token.UserID], token.Name)
		}
		if err != nil {
			x.Warn("The API tokens that the users own are unknown: %s.", strings.TrimRight(apierr.As(err).Message, ". "))
		}
	})
	if names := x.tokens.names[t.UserID]; len(names) > 0 {
		x.warnTarget(t, "the user owns "+Count(len(names), "API token")+", which may stop working: "+
			Enumerate(names)+".")
	}
}

// roleNames returns the types of roles, or the labels of custom ones.
func roleNames(roles []okta.Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		if names[i] = r.Type; r.Type == okta.CustomRole {
			names[i] = r.Label
		}
	}
	return names
}
