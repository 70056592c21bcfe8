// Command doctor compares a deployment on Google Cloud with the catalog, checks that
// unauthenticated requests are refused, and sends a Ping to each function.
//
//	go run ./tools/doctor -project P -region R [-instance I] [-groups users,groups] [flags]
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
	"regexp"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/impersonate"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
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

// examine checks a deployment and prints a report. It returns errFound if the report has errors.
func examine(ctx context.Context, args []string, o Options, stdout io.Writer) error {
	asJSON, err := o.parse(args, stdout)
	if err != nil {
		return err
	}
	report, err := Examine(ctx, o)
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return err
		}
	} else {
		printReport(stdout, report)
	}
	if report.HasErrors() {
		return errFound
	}
	return nil
}

const usage = "usage: go run ./tools/doctor -project P -region R [-instance I] [-groups users,groups] [flags]"

// parse sets the options from the flags. With -h it prints the usage and returns flag.ErrHelp.
func (o *Options) parse(args []string, stdout io.Writer) (asJSON bool, err error) {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Project, "project", "", "id of the `project` of the deployment")
	flags.StringVar(&o.ProjectNumber, "project-number", "", "`number` of the project (default: read from the functions)")
	flags.StringVar(&o.Region, "region", "", "`region` of the functions")
	flags.StringVar(&o.Instance, "instance", "", "`instance` of the deployment, if the project has several")
	groups := flags.String("groups", "", "comma-separated `groups` whose functions must exist (default: the deployed "+
		"ones of "+groupNames()+")")
	as := flags.String("as", "", "e-mail address of the `service account` to Ping as: you need "+
		"roles/iam.serviceAccountOpenIdTokenCreator on it")
	header := flags.String("header", "", "`header` to Ping with instead, as 'X-Api-Key: ...'")
	headerFile := flags.String("header-file", "", "`file` with a key, sent as X-Api-Key")
	flags.BoolVar(&o.NoPing, "no-ping", false, "do not send Pings")
	flags.BoolVar(&o.Deliver, "deliver", false, "publish a Ping to the topic of each function and wait for its result: "+
		"you need roles/pubsub.editor, or roles/pubsub.publisher on the topics, roles/pubsub.subscriber on the "+
		"results topic, and pubsub.subscriptions.create, .consume and .delete in the project")
	flags.BoolVar(&asJSON, "json", false, "print the report as JSON")
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return false, err
	case err != nil:
		return false, fmt.Errorf("%w; see go run ./tools/doctor -h", err)
	case flags.NArg() > 0:
		return false, fmt.Errorf("doctor takes flags only, not %q", flags.Arg(0))
	case o.Project == "":
		return false, errors.New("-project is required: the id of the project, such as acme-security")
	case o.Region == "":
		return false, errors.New("-region is required: the region of the functions, such as europe-west3")
	case !digits.MatchString(o.ProjectNumber):
		return false, fmt.Errorf("-project-number must be the number of the project, such as 123456789012, not %q",
			o.ProjectNumber)
	}
	if o.Groups, err = selectGroups(*groups); err != nil {
		return false, err
	}
	o.Required = *groups != ""
	if o.Header, err = readHeader(*header, *headerFile); err != nil {
		return false, err
	}
	if o.Token == nil {
		o.Token = googleToken(*as)
	}
	return asJSON, nil
}

// digits is the form of a project number, which is optional.
var digits = regexp.MustCompile(`^[0-9]*$`)

// selectGroups returns the groups with the given comma-separated names; all for an empty text.
func selectGroups(text string) ([]action.Group, error) {
	if text == "" {
		return handlers.Groups, nil
	}
	var selected []action.Group
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		hasName := func(g action.Group) bool { return g.Name == name }
		i := slices.IndexFunc(handlers.Groups, hasName)
		if i < 0 {
			return nil, fmt.Errorf("-groups: group %q does not exist; the groups are %s", name, groupNames())
		}
		if !slices.ContainsFunc(selected, hasName) {
			selected = append(selected, handlers.Groups[i])
		}
	}
	return selected, nil
}

func groupNames() string {
	names := make([]string, len(handlers.Groups))
	for i, g := range handlers.Groups {
		names[i] = g.Name
	}
	return strings.Join(names, ", ")
}

// googleToken returns a function that gets ID tokens of the service account; of the application
// default credentials if account is empty.
func googleToken(account string) func(ctx context.Context, audience string) (string, error) {
	return func(ctx context.Context, audience string) (string, error) {
		var source oauth2.TokenSource
		var err error
		if account != "" {
			source, err = impersonate.IDTokenSource(ctx, impersonate.IDTokenConfig{Audience: audience, TargetPrincipal: account,
				IncludeEmail: true})
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
	fmt.Fprintf(w, "okta-secops %s\n\n", r.Version)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GROUP\tFUNCTION\tSTATE\tRUNTIME\tVERSION\tCALLERS\tPING\tDELIVERY\tFINDINGS")
	for _, f := range r.Functions {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", f.Group, f.Name, f.State, f.Runtime, f.Version,
			f.Auth, f.Ping, f.Delivery, len(f.Findings))
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
	if !r.HasErrors() {
		fmt.Fprintln(w, "No errors were found.")
	}
}

// readHeader returns the header of -header or -header-file; nil if both are empty. The error does
// not repeat a value: it may be a key.
func readHeader(text, file string) (http.Header, error) {
	if file != "" {
		key, err := os.ReadFile(file)
		return http.Header{"X-Api-Key": {strings.TrimSpace(string(key))}}, err
	}
	if text == "" {
		return nil, nil
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return nil, errors.New("-header is not a header: write it as 'X-Api-Key: ...'")
	}
	return http.Header{http.CanonicalHeaderKey(strings.TrimSpace(name)): {strings.TrimSpace(value)}}, nil
}
