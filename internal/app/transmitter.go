package app

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

// publicationLogPause is the time between two log entries about keys that cannot be published: everyone can
// request them.
const publicationLogPause = 30 * time.Second

// transmitter reads what OktaTransmitter publishes.
type transmitter struct {
	app *App

	mu     sync.Mutex
	cfg    config.Transmitter
	keys   *credential[ssf.KeySet] // nil: the settings have not been read, or are not valid
	logged time.Time
}

// OpenTransmitter returns the function that returns what OktaTransmitter publishes. It reads one secret, which holds
// public keys only. The errors are of the type *apierr.Error; their messages do not name settings, because everyone
// can read them.
func (a *App) OpenTransmitter() func(context.Context) (httpapi.Publication, error) {
	t := &transmitter{app: a}
	return func(ctx context.Context) (httpapi.Publication, error) {
		a.watchSignal()
		p, err := t.publication(ctx)
		if err != nil {
			t.log(ctx, err)
			err = apierr.New(apierr.Unavailable, "unavailable", "the keys cannot be read at the moment", err)
		}
		return p, err
	}
}

func (t *transmitter) publication(ctx context.Context) (httpapi.Publication, error) {
	if err := t.configure(); err != nil {
		return httpapi.Publication{}, err
	}
	keys, err := t.keys.Get(ctx)
	if err != nil {
		return httpapi.Publication{}, err
	}
	metadata, err := json.Marshal(ssf.NewMetadata(t.cfg.Issuer, t.cfg.JWKSURL))
	return httpapi.Publication{
		Metadata: metadata, JWKS: keys.At(t.app.o.Clock.Now()).JWKS(), MaxAge: secrets.MaxAge(t.cfg.PublicKeys),
	}, err
}

// configure reads the settings. A failed read is repeated by the next request.
func (t *transmitter) configure() (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys != nil {
		return nil
	}
	if t.cfg, err = config.TransmitterFromEnv(t.app.o.Getenv); err == nil {
		t.keys = newCredential(t.app.secrets, t.cfg.PublicKeys, "ITP_PUBLIC_KEYS_SECRET", ssf.ParseKeySet)
	}
	return err
}

func (t *transmitter) log(ctx context.Context, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.app.o.Clock.Now(); now.Sub(t.logged) >= publicationLogPause {
		t.logged = now
		t.app.log().ErrorContext(ctx, "the keys of the signals cannot be published", "error", err.Error())
	}
}
