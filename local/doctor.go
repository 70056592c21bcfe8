package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/impersonate"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/local/doctor"
)

// examine compares a deployment with the catalog, and prints what it finds.
func examine(ctx context.Context, args []string, o doctor.Options, stdout io.Writer) error {
	flags := newFlags("doctor")
	flags.StringVar(&o.Project, "project", "", "the `project` that is deployed to")
	flags.StringVar(&o.Region, "region", "", "the `region` of the functions")
	flags.StringVar(&o.Instance, "instance", "", "the `instance`, where several are deployed")
	as := flags.String("as", "", "the `service account` to Ping as, by its e-mail address: you need roles/iam.serviceAccountTokenCreator on it")
	header := flags.String("header", "", "a `header` to Ping with instead, as 'X-Api-Key: ...'")
	headerFile := flags.String("header-file", "", "a `file` that holds a key, sent as X-Api-Key")
	flags.BoolVar(&o.NoPing, "no-ping", false, "do not Ping")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	words, err := parse(flags, args, stdout)
	switch {
	case err != nil:
		return err
	case len(words) > 0:
		return fmt.Errorf("doctor takes no %q", words[0])
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
	report, err := doctor.Examine(ctx, o)
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
		return errNotDone
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

func printReport(w io.Writer, r doctor.Report) {
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
