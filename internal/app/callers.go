package app

import (
	"cmp"
	"net/http"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/secrets"
)

func (a *App) authenticator(cfg config.Callers) (caller.Authenticator, error) {
	switch cfg.CallerAuth {
	case caller.IAM:
		return caller.ByPlatform(), nil
	case caller.APIKey:
		return caller.ByKey(cfg.CallerKeyHeader, newCredential(a.secrets, cfg.CallerKeysRef, "CALLER_KEYS_SECRET",
			a.parseKeys)), nil
	case caller.OIDC:
		return a.byIDToken(cfg.CallerAudiences, cfg.CallerEmails)
	case caller.None:
		return caller.Loopback(), nil
	default:
		return nil, apierr.Errorf(apierr.Misconfigured, "misconfigured", "CALLER_AUTH is not served")
	}
}

// pushAuthenticator returns the Authenticator of Pub/Sub deliveries. It accepts neither keys nor ID
// tokens of callers.
func (a *App) pushAuthenticator(cfg config.Callers, callers caller.Authenticator) (caller.Authenticator, error) {
	switch {
	case len(cfg.PushAudiences) > 0:
		return a.byIDToken(cfg.PushAudiences, cfg.PushEmails)
	case cfg.CallerAuth == caller.IAM || cfg.CallerAuth == caller.None:
		return callers, nil
	default:
		return caller.RefuseAll("PUSH_AUDIENCE and PUSH_EMAILS are not set: no push subscription is known"), nil
	}
}

func (a *App) byIDToken(audiences, emails []string) (caller.Authenticator, error) {
	check, err := caller.ByIDToken(audiences, emails, cmp.Or(a.o.Google, http.DefaultTransport))
	if err != nil {
		return nil, apierr.New(apierr.Internal, "internal", "the check of callers cannot be set up", err)
	}
	return check, nil
}

// parseKeys parses the keys of callers, and warns of those that the secret holds in plain text.
func (a *App) parseKeys(text secrets.Value) (caller.Keys, error) {
	var resolve func(name string) (string, bool)
	if a.o.Groups != nil {
		resolve = func(name string) (string, bool) { return action.SlugOf(a.o.Groups, name) }
	}
	keys, err := caller.ParseKeys(text, resolve)
	if plain := keys.Plain(); len(plain) > 0 {
		a.log().Warn(`CALLER_KEYS_SECRET holds keys in plain text: replace each "key" by "sha256", the SHA-256 of the key`,
			"ids", strings.Join(plain, ", "))
	}
	return keys, err
}
