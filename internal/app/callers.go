package app

import (
	"cmp"
	"net/http"

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
		return caller.ByKey(cfg.CallerKeyHeader, newCredential(a.secrets, cfg.CallerKeysRef, "CALLER_KEYS_SECRET", a.parseKeys)), nil
	case caller.OIDC:
		return a.byIDToken(cfg.CallerAudiences, cfg.CallerEmails)
	case caller.None:
		return caller.Loopback(), nil
	default:
		return nil, apierr.Errorf(apierr.Misconfigured, "misconfigured", "CALLER_AUTH is not served")
	}
}

// pushAuthenticator tells who may deliver Pub/Sub messages. A key, or another caller's ID token, is no right to.
func (a *App) pushAuthenticator(cfg config.Callers, callers caller.Authenticator) (caller.Authenticator, error) {
	switch {
	case len(cfg.PushAudiences) > 0:
		return a.byIDToken(cfg.PushAudiences, cfg.PushEmails)
	case cfg.CallerAuth == caller.IAM || cfg.CallerAuth == caller.None:
		return callers, nil
	default:
		return caller.Nobody("PUSH_AUDIENCE and PUSH_EMAILS are not set: no push subscription is known"), nil
	}
}

func (a *App) byIDToken(audiences, emails []string) (caller.Authenticator, error) {
	check, err := caller.ByIDToken(audiences, emails, cmp.Or(a.o.Google, http.DefaultTransport))
	if err != nil {
		return nil, apierr.New(apierr.Internal, "internal", "the check of callers cannot be set up", err)
	}
	return check, nil
}

func (a *App) parseKeys(text secrets.Value) (caller.Keys, error) {
	if a.o.Groups == nil {
		return caller.ParseKeys(text, nil)
	}
	return caller.ParseKeys(text, func(name string) (string, bool) { return action.SlugOf(a.o.Groups, name) })
}
