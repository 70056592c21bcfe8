// The local product: every function and an Okta to try them on, in one process, on loopback.
//
//	go run ./local                         serves until Ctrl-C
//	go run ./local -okta https://acme.okta.com  the same on a real org, without changing it
//	go run ./local invoke "Get User" 'User IDs Or Logins=alice'
//	go run ./local publish users '{"action": "Get User", "parameters": {"User IDs": "alice"}}'
//	go run ./local results                 follows what the functions publish
//	go run ./local help "Disable User"     lists the parameters of an action
//	FUNCTION_TARGET=OktaUsers go run ./local    one function through the functions framework, as deployed
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// The default addresses of the functions, of Okta and of Pub/Sub.
const (
	defaultAddr       = "127.0.0.1:8080"
	defaultOktaAddr   = "127.0.0.1:8081"
	defaultPubSubAddr = "127.0.0.1:8085"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: brief})))
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	if !errors.Is(err, errNotDone) { // invoke has said what there is to say
		fmt.Fprintln(os.Stderr, "local:", err)
	}
	stop()
	os.Exit(1)
}

// brief leaves out of a line on the terminal what is for machines.
func brief(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == "audit" || a.Key == "labels") {
		return slog.Attr{}
	}
	return a
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "invoke":
			return invoke(ctx, args[1:], getenv, stdout, stderr)
		case "publish":
			return publish(ctx, args[1:], getenv, stdout)
		case "results":
			return results(ctx, args[1:], getenv, stdout)
		case "help":
			return help(args[1:], stdout, func(args ...string) error { return run(ctx, args, getenv, stdout, stderr) })
		}
	}
	flags := newFlags("")
	o := options{getenv: getenv}
	flags.StringVar(&o.addr, "addr", defaultAddr, "loopback `address` of the functions; port 0 picks a free one")
	flags.StringVar(&o.oktaAddr, "okta-addr", defaultOktaAddr, "loopback `address` of the Okta emulator; port 0 picks a free one")
	flags.StringVar(&o.pubsubAddr, "pubsub-addr", defaultPubSubAddr, "loopback `address` of Pub/Sub; port 0, or this one where it is taken, picks a free one")
	flags.StringVar(&o.auth, "auth", authSSWS, "how the functions sign in to the emulator: ssws (an API token), oauth (a service app) or oauth-dpop (one that requires DPoP)")
	flags.StringVar(&o.okta, "okta", "", "`URL` of a real org to work on instead of the emulator, with the credentials that the environment refers to (OKTA_API_TOKEN_SECRET=file:..., or OKTA_USE_OAUTH and what goes with it)")
	flags.BoolVar(&o.write, "write", false, "with -okta: make changes; without it every change is a dry run")
	showVersion := flags.Bool("version", false, "print the version and end")
	words, err := parse(flags, args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		printActions(stdout)
	}
	switch {
	case err != nil:
		return err
	case *showVersion:
		fmt.Fprintln(stdout, version())
		return nil
	case len(words) > 0 && slices.Contains(commands, words[0]):
		return fmt.Errorf("the command comes first: %s", usages[words[0]])
	case len(words) > 0:
		return fmt.Errorf("there is no command %q; the commands are %s", words[0], strings.Join(commands, ", "))
	}
	if !slices.Contains([]string{authSSWS, authOAuth, authDPoP}, o.auth) {
		return fmt.Errorf("-auth %s is not known; use %s, %s or %s", o.auth, authSSWS, authOAuth, authDPoP)
	}
	if err := o.checkOrg(flags); err != nil {
		return err
	}
	if target := getenv("FUNCTION_TARGET"); target != "" {
		return serveTarget(ctx, o, target, stdout)
	}
	p, err := start(o)
	if err != nil {
		return err
	}
	p.announce(stdout)
	return p.wait(ctx)
}
