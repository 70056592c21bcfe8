package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
)

// nearExpiry is the time before the expiry of an API token from which on doctor warns: the weekly Ping that
// docs/okta-setup.md asks for was left out twice.
const nearExpiry = 14 * 24 * time.Hour

// oktaClient returns a client of the org that only reads, with the API token in a file; nil if neither is given. It
// does no I/O with Okta.
func oktaClient(ctx context.Context, root, tokenFile string) (*okta.Client, error) {
	switch {
	case root == "" && tokenFile == "":
		return nil, nil
	case root == "" || tokenFile == "":
		return nil, errors.New("-okta-url and -okta-token-file belong together: give both or neither")
	}
	settings := map[string]string{
		"OKTA_API_ROOT": root, "OKTA_API_TOKEN_SECRET": "file:" + tokenFile, "CALLER_AUTH": caller.None,
	}
	getenv := func(name string) string { return settings[name] }
	a := app.New(app.Options{Getenv: getenv, Secrets: secrets.File{}, Log: slog.New(slog.DiscardHandler)})
	client, err := a.Okta(ctx)
	if err != nil {
		return nil, fmt.Errorf("-okta-url and -okta-token-file: %w", err)
	}
	return client.ReadOnly(), nil
}

// reader reads what Okta knows about the credentials of the functions, with the rights of an administrator. The
// functions do not have these rights. A service app cannot read its own grants without further scopes, and its access
// tokens have the scopes of their request only.
type reader struct {
	client    *okta.Client    // nil: none
	tokens    []okta.APIToken // as they were before the Pings
	tokensErr error
	now       time.Time
}

func newReader(ctx context.Context, o Options) reader {
	r := reader{client: o.Okta, now: o.Now()}
	if r.client != nil {
		r.tokens, r.tokensErr = r.client.ListAPITokens(ctx)
	}
	return r
}

// examineOkta checks the credentials of the functions.
func (r *Report) examineOkta(ctx context.Context, k reader) {
	if k.client == nil {
		const how = "run doctor with -okta-url and -okta-token-file"
		r.find(checkToken, Skipped, how, "the expiry of API tokens was not checked")
		r.find(checkScopes, Skipped, how, "the scopes of service apps were not checked")
		return
	}
	for _, f := range r.Functions {
		if f.deployed == nil {
			continue
		}
		env, check := f.env(), checkScopes
		if env["OKTA_API_TOKEN_SECRET"] != "" {
			check = checkToken
		}
		switch {
		case check == checkScopes && env["OKTA_CLIENT_ID"] == "": // it has no credential
		case org(env["OKTA_API_ROOT"]) != k.client.Root():
			f.find(check, Skipped, "run doctor with the -okta-url of this function", "the org of the function is not %s",
				k.client.Root())
		case check == checkToken:
			f.examineToken(ctx, k)
		default:
			f.examineScopes(ctx, k)
		}
	}
}

// examineToken warns of API tokens of the owner of the function's token that are near their expiry. Okta does not say
// which of the owner's tokens has which value.
func (f *Function) examineToken(ctx context.Context, k reader) {
	if f.owner == "" {
		f.find(checkToken, Skipped, "run doctor so that its Ping succeeds", "the owner of the API token is unknown: only a "+
			"Ping that succeeds names it")
		return
	}
	err := k.tokensErr
	var owner okta.User
	if err == nil {
		owner, err = k.client.GetUser(ctx, f.owner)
	}
	if err != nil {
		f.find(checkToken, Skipped, "give -okta-token-file a token with the rights to read API tokens and users",
			"the API tokens of %s cannot be read: %s", f.owner, apierr.As(err).Message)
		return
	}
	found := false
	for _, t := range k.tokens {
		if t.UserID != owner.ID {
			continue
		}
		found = found || !t.ExpiresAt.IsZero()
		if !t.ExpiresAt.IsZero() && t.ExpiresAt.Before(k.now.Add(nearExpiry)) {
			f.find(checkToken, Warning, "set ping in terraform.tfvars (docs/deploy.md). If this token is not used, revoke it",
				"the API token %q of %s, the owner of OKTA_API_TOKEN_SECRET, was to expire at %s when doctor began; each use "+
					"of a token renews it", t.Name, f.owner, t.ExpiresAt.UTC().Format(time.RFC3339))
		}
	}
	if !found {
		f.find(checkToken, Skipped, "look at Security > API > Tokens in Okta", "Okta lists no API token of %s with an expiry",
			f.owner)
	}
	f.passed(checkToken)
}

// examineScopes warns of scopes that the functions with the same service app do not need.
func (f *Function) examineScopes(ctx context.Context, k reader) {
	app := f.env()["OKTA_CLIENT_ID"]
	granted, err := k.client.ListAppScopes(ctx, app)
	if err != nil {
		f.find(checkScopes, Skipped, "give -okta-token-file a token with the right to read the grants of apps",
			"the scopes of OKTA_CLIENT_ID %s cannot be read: %s", app, apierr.As(err).Message)
		return
	}
	var users, needed []string
	for _, other := range f.report.Functions {
		if g := other.group; other.deployed != nil && other.env()["OKTA_CLIENT_ID"] == app {
			users = append(users, other.Name)
			needed = slices.Concat(needed, g.Scopes(), g.OptionalScopes(), g.GuardrailScopes())
		}
	}
	excess := slices.DeleteFunc(granted, func(scope string) bool { return slices.Contains(needed, scope) })
	if len(excess) > 0 {
		slices.Sort(excess)
		f.find(checkScopes, Warning, "revoke them in Okta, under Okta API Scopes of the app, unless another client uses it",
			"OKTA_CLIENT_ID %s is granted scopes that the actions of %s do not need: %s", app, list(users),
			strings.Join(excess, ", "))
	}
	f.passed(checkScopes)
}
