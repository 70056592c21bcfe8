// Local runs every function, an Okta emulator and a Pub/Sub server in one process on loopback
// addresses.
//
//	go run ./local                         serves until Ctrl-C
//	go run ./local -okta https://acme.okta.com  uses a real org, without changing it
//	go run ./local invoke "Get User" 'User IDs Or Logins=alice'
//	go run ./local undo REPLY.json         takes the changes of a saved reply back
//	go run ./local publish users '{"action": "Get User", "parameters": {"User IDs": "alice"}}'
//	go run ./local results                 prints what the functions publish
//	go run ./local wire "Disable User"     prints the fields of the playbook step that calls an action
//	go run ./local help "Disable User"     lists the parameters of an action
//	FUNCTION_TARGET=OktaUsers go run ./local    serves one function with the functions framework
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

// The default addresses of the functions, of Okta, of the transmitter and of Pub/Sub.
const (
	defaultAddr            = "127.0.0.1:8080"
	defaultOktaAddr        = "127.0.0.1:8081"
	defaultTransmitterAddr = "127.0.0.1:8082"
	defaultPubSubAddr      = "127.0.0.1:8085"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: brief})))
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	if !errors.Is(err, errNotDone) { // invoke has printed the reply
		fmt.Fprintln(os.Stderr, "local:", err)
	}
	stop()
	os.Exit(1)
}

// brief removes the attributes for log analysis from lines on the terminal.
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
		case "undo":
			return undo(ctx, args[1:], getenv, os.Stdin, stdout, stderr)
		case "publish":
			return publish(ctx, args[1:], getenv, stdout)
		case "results":
			return results(ctx, args[1:], getenv, stdout)
		case "wire":
			return wire(args[1:], stdout)
		case "help":
			return help(args[1:], stdout, func(args ...string) error { return run(ctx, args, getenv, stdout, stderr) })
		}
	}
	return serve(ctx, args, getenv, stdout)
}

// serve runs the command without a name: it serves the product until ctx ends.
func serve(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := newFlags("")
	o := options{getenv: getenv}
	o.addTo(flags)
	showVersion := flags.Bool("version", false, "print the version and exit")
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
		return fmt.Errorf("the command must be the first argument: %s", usages[words[0]])
	case len(words) > 0:
		return fmt.Errorf("unknown command %q; the commands are %s", words[0], strings.Join(commands, ", "))
	}
	if err := o.check(flags); err != nil {
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
