// Command transmitter operates the transmitter of signals: it makes and rotates the keys that sign them, registers the
// transmitter in Okta, and checks what it publishes.
//
//	go run ./tools/transmitter keygen     makes the first key
//	go run ./tools/transmitter rotate     replaces the key that signs
//	go run ./tools/transmitter register   registers the transmitter in Okta
//	go run ./tools/transmitter list       lists the transmitters that are registered in Okta
//	go run ./tools/transmitter activate   lets Okta accept signals of a transmitter
//	go run ./tools/transmitter deactivate lets Okta refuse them
//	go run ./tools/transmitter remove     removes a registration
//	go run ./tools/transmitter check      compares what is published with the key and the registration
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/internal/transmitter"
	"example.com/okta-secops/secrets"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := environment{getenv: os.Getenv, store: secrets.Default(os.Getenv), clock: okta.SystemClock{}, out: os.Stdout}
	err := e.run(ctx, os.Args[1:])
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "transmitter:", err)
	stop()
	os.Exit(1)
}

// environment has the parts of the machine that the commands use.
type environment struct {
	getenv func(string) string
	store  secrets.Store
	clock  okta.Clock
	out    io.Writer
}

// command is one command with its flags.
type command struct {
	name, args, help string
	flags            func(*options, *flag.FlagSet)
	run              func(environment, context.Context, options) error
}

// options are the values of the flags.
type options struct {
	signing, published, kind string
	jwks, wellKnown, issuer  string
	settle, timeout          time.Duration
	name, appType, okta      string
	replace                  bool
	id                       string // the argument of activate, deactivate and remove
}

var commands = []command{
	{"keygen", "-key REF -published REF", "makes the first key: its public half is published, then its private half is " +
		"stored", (*options).keyFlags, environment.keygen},
	{"rotate", "-key REF -published REF -jwks URL", "replaces the key that signs: the new key is published first, and " +
		"signs when no copy of the old keys is in use; the old key is published for one more day",
		(*options).rotateFlags, environment.rotate},
	{"register", "-name NAME (-well-known URL | -issuer URL -jwks URL)", "registers the transmitter in Okta",
		(*options).registerFlags, environment.register},
	{"list", "", "lists the transmitters that are registered in Okta", (*options).oktaFlag, environment.list},
	{"activate", "ID", "lets Okta accept the signals of a transmitter", (*options).oktaFlag, environment.activate},
	{"deactivate", "ID", "lets Okta refuse the signals of a transmitter", (*options).oktaFlag, environment.deactivate},
	{"remove", "ID", "removes the registration of a transmitter in Okta", (*options).oktaFlag, environment.remove},
	{"check", "(-well-known URL | -issuer URL -jwks URL)", "fetches the published documents as Okta does, and compares " +
		"them with the signing key and, if OKTA_API_ROOT is set, with the registration",
		(*options).checkFlags, environment.check},
}

const usage = "usage: go run ./tools/transmitter COMMAND [flags]; the commands are "

func (e environment) run(ctx context.Context, args []string) error {
	i := -1
	if len(args) > 0 {
		i = slices.IndexFunc(commands, func(c command) bool { return c.name == args[0] })
	}
	names := make([]string, len(commands))
	for j, c := range commands {
		names[j] = c.name
	}
	switch {
	case len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]):
		fmt.Fprintln(e.out, usage+strings.Join(names, ", "))
		for _, c := range commands {
			fmt.Fprintf(e.out, "  %-10s %s\n", c.name, c.help)
		}
		fmt.Fprintln(e.out, "COMMAND -h shows its flags. "+settingsHelp)
		return flag.ErrHelp
	case len(args) == 0:
		return errors.New(usage + strings.Join(names, ", "))
	case i < 0:
		return fmt.Errorf("unknown command %q; the commands are %s", args[0], strings.Join(names, ", "))
	}
	c := commands[i]
	o, err := e.parse(c, args[1:])
	if err != nil {
		return err
	}
	return c.run(e, ctx, o)
}

const settingsHelp = "Okta is called with the settings of the functions (docs/configuration.md): OKTA_API_ROOT, and " +
	"OKTA_API_TOKEN_SECRET or those of OAuth. REF is a reference to a secret: file:PATH, or projects/P/secrets/S."

// parse parses the flags of a command. With -h it prints them and returns flag.ErrHelp.
func (e environment) parse(c command, args []string) (o options, err error) {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	c.flags(&o, flags)
	err = flags.Parse(args)
	takesID := c.args == "ID"
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(e.out, "usage: go run ./tools/transmitter %s %s\n%s.\n%s\n", c.name, c.args, c.help, settingsHelp)
		flags.SetOutput(e.out)
		flags.PrintDefaults()
		return o, err
	case err != nil:
		return o, fmt.Errorf("%w; see go run ./tools/transmitter %s -h", err, c.name)
	case takesID && flags.NArg() != 1:
		return o, fmt.Errorf("%s takes the ID of one provider, such as sse1qg25RpusjUP6m0g5; list shows the IDs", c.name)
	case !takesID && flags.NArg() > 0:
		return o, fmt.Errorf("%s takes flags only, not %q", c.name, flags.Arg(0))
	}
	o.id = flags.Arg(0)
	o.signing, o.published = reference(o.signing), reference(o.published)
	return o, nil
}

// reference completes the name of a secret with its version, which the operator leaves out.
func reference(ref string) string {
	if strings.HasPrefix(ref, "projects/") && !strings.Contains(ref, "/versions/") {
		return ref + "/versions/latest"
	}
	return ref
}

func (o *options) keyFlags(flags *flag.FlagSet) {
	flags.StringVar(&o.signing, "key", "", "`reference` to the secret of the private key (ITP_SIGNING_KEY_SECRET)")
	flags.StringVar(&o.published, "published", "", "`reference` to the secret of the public keys (ITP_PUBLIC_KEYS_SECRET)")
	flags.StringVar(&o.kind, "type", transmitter.KeyKinds[0], "`type` of the new key: "+
		strings.Join(transmitter.KeyKinds, ", "))
}

func (o *options) rotateFlags(flags *flag.FlagSet) {
	o.keyFlags(flags)
	flags.StringVar(&o.jwks, "jwks", "", "`URL` of the published keys")
	flags.DurationVar(&o.settle, "settle", 0, "`time` from the publication of the new key until it signs (default: twice "+
		"the max-age of the published keys)")
	flags.DurationVar(&o.timeout, "timeout", 15*time.Minute, "`time` for the new key to be published")
}

func (o *options) oktaFlag(flags *flag.FlagSet) {
	flags.StringVar(&o.okta, "okta", "", "`URL` of the org (default: OKTA_API_ROOT)")
}

func (o *options) documentFlags(flags *flag.FlagSet) {
	o.oktaFlag(flags)
	flags.StringVar(&o.wellKnown, "well-known", "", "`URL` of the metadata, which ends with "+ssf.MetadataPath)
	flags.StringVar(&o.issuer, "issuer", "", "`URL` of the issuer of the signals (ITP_ISSUER_URL)")
	flags.StringVar(&o.jwks, "jwks", "", "`URL` of the published keys")
}

func (o *options) registerFlags(flags *flag.FlagSet) {
	o.documentFlags(flags)
	flags.StringVar(&o.name, "name", "", "`name` of the transmitter in Okta")
	flags.StringVar(&o.appType, "type", "okta-secops", "`type` of the transmitter in Okta, any text")
	flags.BoolVar(&o.replace, "replace", false, "change the registration of the issuer if it has other settings")
}

func (o *options) checkFlags(flags *flag.FlagSet) {
	o.documentFlags(flags)
	flags.StringVar(&o.signing, "key", "", "`reference` to the secret of the private key, to compare it with the "+
		"published one")
}

// checkDocuments returns an error unless either the metadata or the issuer and the keys are given.
func (o options) checkDocuments(metadataOnly bool) error {
	switch {
	case o.wellKnown == "" && (o.issuer == "" || o.jwks == ""):
		return errors.New("give -well-known, or both -issuer and -jwks")
	case metadataOnly && o.wellKnown != "" && (o.issuer != "" || o.jwks != ""):
		return errors.New("give either -well-known, from which Okta reads the issuer and the URL of the keys, or " +
			"-issuer and -jwks")
	}
	return nil
}

// keys returns the keys of the flags -key and -published.
func (e environment) keys(o options) (transmitter.Keys, error) {
	for name, ref := range map[string]string{"-key": o.signing, "-published": o.published} {
		if ref == "" {
			return transmitter.Keys{}, errors.New("-key and -published are required: references such as " +
				"projects/acme-security/secrets/okta-signing-key and projects/acme-security/secrets/okta-public-keys")
		}
		if err := secrets.CheckRef(ref); err != nil {
			return transmitter.Keys{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if o.signing == o.published {
		return transmitter.Keys{}, errors.New("-key and -published are the same secret: everyone can read the public keys")
	}
	if !slices.Contains(transmitter.KeyKinds, o.kind) {
		return transmitter.Keys{}, fmt.Errorf("-type %s is not valid; use %s", o.kind,
			strings.Join(transmitter.KeyKinds, ", "))
	}
	return transmitter.Keys{Store: e.store, Signing: o.signing, Published: o.published, Kind: o.kind, Clock: e.clock}, nil
}

func (e environment) keygen(ctx context.Context, o options) error {
	k, err := e.keys(o)
	if err != nil {
		return err
	}
	kid, err := k.Generate(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "The key %s was added to %s and stored in %s.\n", kid, o.published, o.signing)
	return nil
}

func (e environment) rotate(ctx context.Context, o options) error {
	k, err := e.keys(o)
	if err != nil {
		return err
	}
	if o.jwks == "" {
		return errors.New("-jwks is required: the URL of the published keys, so that the new key signs only when it is " +
			"published")
	}
	_, err = k.Rotate(ctx, transmitter.Rotation{
		HTTP: http.DefaultClient, JWKSURL: o.jwks, Settle: o.settle, Timeout: o.timeout,
		Report: func(sentence string) { fmt.Fprintln(e.out, sentence) },
	})
	return err
}
