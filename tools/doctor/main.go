// Command doctor compares a deployment on Google Cloud with the catalog and sends a Ping to each function.
//
//	go run ./tools/doctor -project P -region R [-instance I] [flags]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/impersonate"

	"example.com/okta-secops/handlers"
)

// errFound is the error of a report with errors: the report is already on stdout.
var errFound = errors.New("the deployment has errors")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := examine(ctx, os.Args[1:], Options{}, os.Stdout)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	if !errors.Is(err, errFound) {
		fmt.Fprintln(os.Stderr, "doctor:", err)
	}
	stop()
	os.Exit(1)
}

// examine compares a deployment with the catalog and prints a report. It returns errFound if the report has errors.
func examine(ctx context.Context, args []string, o Options, stdout io.Writer) error {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Project, "project", "", "the `project` that is deployed to")
	flags.StringVar(&o.Region, "region", "", "the `region` of the functions")
	flags.StringVar(&o.Instance, "instance", "", "the `instance`, where several are deployed")
	as := flags.String("as", "", "the `service account` to Ping as, by its e-mail address: you need roles/iam.serviceAccountTokenCreator on it")
	header := flags.String("header", "", "a `header` to Ping with instead, as 'X-Api-Key: ...'")
	headerFile := flags.String("header-file", "", "a `file` that holds a key, sent as X-Api-Key")
	flags.BoolVar(&o.NoPing, "no-ping", false, "do not Ping")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, "usage: go run ./tools/doctor -project P -region R [-instance I] [flags]")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return err
	case err != nil:
		return fmt.Errorf("%w; see go run ./tools/doctor -h", err)
	case flags.NArg() > 0:
		return fmt.Errorf("doctor takes flags only, not %q", flags.Arg(0))
	case o.Project == "":
		return errors.New("give the project that is deployed to: -project acme-security")
	case o.Region == "":
		return errors.New("give the region of the functions: -region europe-west3")
	}
	if *headerFile != "" {
		key, err := os.ReadFile(*headerFile)
		if err != nil {
			return err
		}
		*header = "X-Api-Key: " + string(key)
	}
	if o.Header, err = parseHeader(*header); err != nil {
		return err
	}
	o.Groups = handlers.Groups
	if o.Token == nil {
		o.Token = googleToken(*as)
	}
	report, err := Examine(ctx, o)
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return err
		}
	} else {
		printReport(stdout, report)
	}
	if report.Troubled() {
		return errFound
	}
	return nil
}

// googleToken gives ID tokens: of a service account, or of whom the machine is signed in as.
func googleToken(account string) func(ctx context.Context, audience string) (string, error) {
	return func(ctx context.Context, audience string) (string, error) {
		var source oauth2.TokenSource
		var err error
		if account != "" {
			source, err = impersonate.IDTokenSource(ctx, impersonate.IDTokenConfig{Audience: audience, TargetPrincipal: account, IncludeEmail: true})
		} else {
			source, err = idtoken.NewTokenSource(ctx, audience)
		}
		if err != nil {
			return "", err
		}
		token, err := source.Token()
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	}
}

func printReport(w io.Writer, r Report) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GROUP\tFUNCTION\tSTATE\tRUNTIME\tCALLERS\tPING\tFINDINGS")
	for _, f := range r.Functions {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", f.Group, f.Name, f.State, f.Runtime, f.Auth, f.Ping, len(f.Findings))
	}
	_ = table.Flush()
	for _, f := range r.Functions {
		for _, finding := range f.Findings {
			fmt.Fprintf(w, "%s: %s: %s\n", finding.Level, f.Name, finding.Text)
		}
	}
	for _, finding := range r.Findings {
		fmt.Fprintf(w, "%s: %s\n", finding.Level, finding.Text)
	}
	if !r.Troubled() {
		fmt.Fprintln(w, "All is as the catalog has it.")
	}
}

// parseHeader reads the value of -header; an empty value is no header. The error does not repeat the value: it may be
// a key.
func parseHeader(text string) (http.Header, error) {
	if text == "" {
		return nil, nil
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return nil, errors.New("-header is not a header: write it as 'X-Api-Key: ...'")
	}
	return http.Header{http.CanonicalHeaderKey(strings.TrimSpace(name)): {strings.TrimSpace(value)}}, nil
}
