package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"google.golang.org/api/idtoken"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/local/doctor"
)

// examine compares a deployment with the catalog, and prints what it finds.
func examine(ctx context.Context, args []string, o doctor.Options, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Project, "project", "", "the `project` that is deployed to")
	flags.StringVar(&o.Region, "region", "", "the `region` of the functions")
	flags.StringVar(&o.Instance, "instance", "", "the `instance`, where several are deployed")
	flags.StringVar(&o.Header, "header", "", "a `header` to Ping with, as 'X-Api-Key: ...'; else an ID token of whom you are signed in as (a service account)")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: go run ./local doctor -project P -region R [-instance I] [flags]\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("doctor takes no %q", flags.Arg(0))
	case o.Project == "":
		return errors.New("give the project that is deployed to: -project acme-security")
	case o.Region == "":
		return errors.New("give the region of the functions: -region europe-west3")
	case o.Header != "" && !strings.Contains(o.Header, ":"):
		return errors.New("-header is no header; write it as 'X-Api-Key: ...'")
	}
	o.Groups = handlers.Groups
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

// googleToken is an ID token of whom the machine is signed in as.
func googleToken(ctx context.Context, audience string) (string, error) {
	source, err := idtoken.NewTokenSource(ctx, audience)
	if err != nil {
		return "", err
	}
	token, err := source.Token()
	if err != nil {
		return "", err
	}
	return token.AccessToken, nil
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
