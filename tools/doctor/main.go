// Command doctor compares a deployment on Google Cloud with the catalog, checks that
// unauthenticated requests are refused, and sends a Ping to each function.
//
//	go run ./tools/doctor -project P -region R [-instance I] [-groups users,groups] [flags]
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
	"regexp"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/impersonate"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const exitHelp = `Exit codes:
  0  no check failed; there may be warnings
  1  a check failed
  2  the flags are not valid: nothing was checked, and stdout is empty
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], Options{}, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run checks a deployment, prints a report and returns the exit code.
func run(ctx context.Context, args []string, o Options, stdout, stderr io.Writer) int {
	asJSON, err := o.parse(ctx, args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "doctor:", err)
		return exitUsage
	}
	report := Examine(ctx, o)
	write := report.writeText
	if asJSON {
		write = report.writeJSON
	}
	if err := write(stdout); err != nil {
		fmt.Fprintln(stderr, "doctor: writing the report:", err)
		return exitFailed
	}
	if report.Status == Failed {
		return exitFailed
	}
	return exitOK
}

const usage = "usage: go run ./tools/doctor -project P -region R [-instance I] [-groups users,groups] [flags]"

// parse sets the options from the flags. With -h it prints the usage and returns flag.ErrHelp.
func (o *Options) parse(ctx context.Context, args []string, stdout io.Writer) (asJSON bool, err error) {
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
	oktaURL := flags.String("okta-url", "", "`URL` of the org, for -okta-token-file")
	tokenFile := flags.String("okta-token-file", "", "`file` with an API token of an administrator with the rights to "+
		"read API tokens, users and the grants of apps (not the token of the functions): check the expiry of API tokens and "+
		"the scopes of service apps")
	flags.BoolVar(&o.SigningKey, "signing-key", false, "read the key that signs the signals, and compare it with the "+
		"published keys: you need roles/secretmanager.secretAccessor on its secret")
	flags.StringVar(&o.JWKS, "jwks", "", "`URL` of the published keys (default: from the metadata of the issuer)")
	flags.BoolVar(&asJSON, "json", false, "print the report as one JSON document, with the checks that are OK")
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		fmt.Fprint(stdout, exitHelp)
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
	o.Okta, err = oktaClient(ctx, *oktaURL, *tokenFile)
	return asJSON, err
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
