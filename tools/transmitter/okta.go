package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"text/tabwriter"

	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/transmitter"
)

// client returns a client of the org with the settings of the functions.
func (e environment) client(ctx context.Context, o options) (*okta.Client, error) {
	getenv := func(name string) string {
		switch name {
		case "OKTA_API_ROOT":
			return cmp.Or(o.okta, e.getenv(name))
		case "CALLER_AUTH": // nothing is served
			return caller.None
		case "CALLER_KEYS_SECRET", "CALLER_KEY_HEADER", "CALLER_AUDIENCE", "CALLER_EMAILS", "PUSH_AUDIENCE", "PUSH_EMAILS",
			"K_SERVICE":
			return ""
		}
		return e.getenv(name)
	}
	a := app.New(app.Options{Getenv: getenv, Secrets: e.store, Clock: e.clock, Log: slog.New(slog.DiscardHandler)})
	client, err := a.Okta(ctx)
	if err != nil {
		return nil, fmt.Errorf("signing in to Okta: %w", err)
	}
	return client, nil
}

func (e environment) register(ctx context.Context, o options) error {
	if o.name == "" {
		return errors.New("-name is required: the name of the transmitter in Okta, such as Google SecOps")
	}
	if err := o.checkDocuments(true); err != nil {
		return err
	}
	client, err := e.client(ctx, o)
	if err != nil {
		return err
	}
	p, changed, err := transmitter.Register(ctx, client, http.DefaultClient, okta.EventProvider{
		Name: o.name, Type: o.appType,
		Settings: okta.EventProviderSettings{WellKnownURL: o.wellKnown, Issuer: o.issuer, JWKSURL: o.jwks},
	}, o.replace)
	if err != nil {
		return err
	}
	done := "is registered already"
	if changed {
		done = "was registered"
	}
	fmt.Fprintf(e.out, "The issuer %s %s in %s as %s (%s).\n", p.Settings.Issuer, done, client.Root(), p.ID, p.Status)
	if p.Status != active {
		fmt.Fprintf(e.out, "Okta refuses its signals: go run ./tools/transmitter activate %s\n", p.ID)
	}
	return nil
}

// active is the status of a provider whose signals Okta accepts.
const active = "ACTIVE"

func (e environment) list(ctx context.Context, o options) error {
	client, err := e.client(ctx, o)
	if err != nil {
		return err
	}
	providers, err := client.WithScopes([]string{transmitter.ReadScope}).ListEventProviders(ctx)
	if err != nil {
		return err
	}
	if len(providers) == 0 {
		fmt.Fprintf(e.out, "%s has no security events providers.\n", client.Root())
		return nil
	}
	table := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATUS\tNAME\tTYPE\tISSUER\tKEYS")
	for _, p := range providers {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Status, p.Name, p.Type, p.Settings.Issuer, p.Settings.JWKSURL)
	}
	return table.Flush()
}

func (e environment) activate(ctx context.Context, o options) error {
	return e.change(ctx, o, (*okta.Client).ActivateEventProvider)
}

func (e environment) deactivate(ctx context.Context, o options) error {
	return e.change(ctx, o, (*okta.Client).DeactivateEventProvider)
}

// change changes the status of a provider, and prints the one that Okta returned.
func (e environment) change(
	ctx context.Context, o options, to func(*okta.Client, context.Context, string) (okta.EventProvider, error),
) error {
	client, err := e.client(ctx, o)
	if err != nil {
		return err
	}
	p, err := to(client.WithScopes([]string{transmitter.ManageScope}), ctx, o.id)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s (issuer %s) is %s.\n", p.ID, p.Settings.Issuer, p.Status)
	return nil
}

func (e environment) remove(ctx context.Context, o options) error {
	client, err := e.client(ctx, o)
	if err != nil {
		return err
	}
	if err := client.WithScopes([]string{transmitter.ManageScope}).DeleteEventProvider(ctx, o.id); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s was removed from %s.\n", o.id, client.Root())
	return nil
}

// errDiffers is the error of a check with findings that are not in order.
var errDiffers = errors.New("what is published is not what Okta needs")

func (e environment) check(ctx context.Context, o options) error {
	if err := o.checkDocuments(false); err != nil {
		return err
	}
	p := transmitter.Published{HTTP: http.DefaultClient, WellKnownURL: o.wellKnown, Issuer: o.issuer, JWKSURL: o.jwks}
	if o.signing != "" {
		text, err := e.store.Get(ctx, o.signing)
		if err != nil {
			return err
		}
		if p.Key, err = keys.Parse(text); err != nil {
			return fmt.Errorf("%s: %w", o.signing, err)
		}
		if p.KeyID = cmp.Or(p.Key.ID(), e.getenv("ITP_KEY_ID")); p.KeyID == "" {
			return fmt.Errorf("%s has no kid: set ITP_KEY_ID to the ID of the key", o.signing)
		}
	}
	if cmp.Or(o.okta, e.getenv("OKTA_API_ROOT")) != "" {
		client, err := e.client(ctx, o)
		if err != nil {
			return err
		}
		p.Okta = client
	}
	var err error
	for _, f := range transmitter.Check(ctx, p) {
		mark := "ok   "
		if !f.OK {
			mark, err = "ERROR", errDiffers
		}
		fmt.Fprintf(e.out, "%s  %s\n", mark, f.Text)
	}
	return err
}
