package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/internal/transmitter"
	"example.com/okta-secops/secrets"
)

// startTransmitter publishes the keys of the signals and registers them in the emulator, as an operator does it with
// tools/transmitter.
func (p *product) startTransmitter(o options, env func(string) string, listener net.Listener) error {
	p.transmitter = "http://" + listener.Addr().String()
	p.defaults["ITP_ISSUER_URL"], p.defaults["ITP_JWKS_URL"] = p.transmitter, p.transmitter+ssf.JWKSPath
	ctx := context.Background()
	if err := p.makeKeys(ctx, o, env); err != nil {
		return err
	}
	a := app.New(app.Options{Getenv: env, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{
		Level: slog.LevelWarn, ReplaceAttr: brief, // not each secret that is read at the start
	}))})
	p.serve(listener, httpapi.TransmitterHandler(a.OpenTransmitter()))
	client, err := a.Okta(ctx)
	if err != nil {
		return err
	}
	_, _, err = transmitter.Register(ctx, client, http.DefaultClient, okta.EventProvider{
		Name: "go run ./local", Type: "okta-secops",
		Settings: okta.EventProviderSettings{WellKnownURL: p.transmitter + ssf.MetadataPath},
	}, false)
	if err != nil {
		return fmt.Errorf("registering the transmitter: %w", err)
	}
	return nil
}

// makeKeys makes keys in a folder that ends with the product, for tools/transmitter to rotate. If the environment
// names a signing key, its public half is published.
func (p *product) makeKeys(ctx context.Context, o options, env func(string) string) error {
	if o.getenv("ITP_SIGNING_KEY_SECRET") != "" {
		if o.getenv("ITP_PUBLIC_KEYS_SECRET") != "" {
			return nil
		}
		key, err := readKey(env, "ITP_SIGNING_KEY_SECRET")
		if err != nil {
			return err
		}
		kid := cmp.Or(key.ID(), env("ITP_KEY_ID"))
		if kid == "" {
			return errors.New("ITP_KEY_ID is not set, and the key of ITP_SIGNING_KEY_SECRET has no kid: " +
				"set it to the ID of the key")
		}
		p.defaults["ITP_PUBLIC_KEYS_SECRET"], p.defaults["LOCAL_PUBLIC_KEYS"] = "env:LOCAL_PUBLIC_KEYS", string(key.JWKS(kid))
		return nil
	}
	dir, err := os.MkdirTemp("", "okta-secops-")
	if err != nil {
		return err
	}
	p.keys = dir
	k := transmitter.Keys{
		Store: secrets.Default(env), Clock: okta.SystemClock{},
		Signing:   "file:" + filepath.Join(dir, "signing-key.json"),
		Published: "file:" + filepath.Join(dir, "public-keys.json"),
	}
	p.defaults["ITP_SIGNING_KEY_SECRET"], p.defaults["ITP_PUBLIC_KEYS_SECRET"] = k.Signing, k.Published
	_, err = k.Generate(ctx)
	return err
}

// removeKeys removes the folder of the keys.
func (p *product) removeKeys() {
	if p.keys != "" {
		_ = os.RemoveAll(p.keys)
	}
}
