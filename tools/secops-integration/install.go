package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2/google"

	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/secops"
)

// cloudScope is the OAuth scope of the Chronicle API.
const cloudScope = "https://www.googleapis.com/auth/cloud-platform"

// maxResponse bounds a response of the Chronicle API, in bytes.
const maxResponse = 4 << 20

// newClient returns a client with the application default credentials. Tests replace it.
var newClient = func(ctx context.Context) (*http.Client, error) {
	c, err := google.DefaultClient(ctx, cloudScope)
	if err != nil {
		return nil, fmt.Errorf("no Google credentials: run gcloud auth application-default login: %w", err)
	}
	c.Timeout = 2 * time.Minute
	return c, nil
}

// installer imports the package into one instance of SecOps, with the Chronicle API:
// https://cloud.google.com/chronicle/docs/reference/rest/v1beta/projects.locations.instances.integrations/import
type installer struct {
	client   *http.Client
	endpoint string // without a slash at its end
	parent   string // projects/P/locations/L/instances/I
	staging  bool
}

// details are those of a package, before it is imported.
type details struct {
	Identifier string   `json:"integrationIdentifier"`
	Version    string   `json:"version"`
	Actions    []string `json:"actions"`
	Managers   []string `json:"managers"`
	Existing   *struct {
		Version any `json:"version"`
	} `json:"existingIntegration"`
}

// install shows what an import would change, and imports the package with -yes.
func install(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("secops-integration install", flag.ContinueOnError)
	flags.SetOutput(stdout)
	root := flags.String("root", ".", "the `directory` of the module")
	project := flags.String("project", "", "the `project` of the SecOps instance (required)")
	location := flags.String("location", "", "the `location` of the instance, such as eu or us (required)")
	instance := flags.String("instance", "", "the `ID` of the instance: SIEM Settings > Profile > Customer ID (required)")
	endpoint := flags.String("endpoint", "",
		"the `URL` of the Chronicle API; the default is https://chronicle.LOCATION.rep.googleapis.com")
	staging := flags.Bool("staging", false, "import into staging mode")
	yes := flags.Bool("yes", false, "import the package; without it, install only shows what would change")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	for name, value := range map[string]string{"project": *project, "location": *location, "instance": *instance} {
		if !regexp.MustCompile(`^[a-z0-9][a-z0-9:.-]*$`).MatchString(value) {
			return fmt.Errorf("-%s is %q, must be the %s of the SecOps instance", name, value, name)
		}
	}
	if *endpoint == "" {
		*endpoint = "https://chronicle." + *location + ".rep.googleapis.com"
	}
	if !caller.IsSecureURL(*endpoint) {
		return fmt.Errorf("-endpoint is %q, must be an https URL", *endpoint)
	}
	integration, err := load(*root)
	if err != nil {
		return err
	}
	archive, err := integration.Package()
	if err != nil {
		return err
	}
	client, err := newClient(ctx)
	if err != nil {
		return err
	}
	i := installer{
		client: client, endpoint: strings.TrimRight(*endpoint, "/"), staging: *staging,
		parent: fmt.Sprintf("projects/%s/locations/%s/instances/%s", *project, *location, *instance),
	}
	return i.install(ctx, archive, *yes, stdout)
}

func (i installer) install(ctx context.Context, archive []byte, yes bool, stdout io.Writer) error {
	before, err := i.preview(ctx, archive)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "package    %s %s with %d actions\ninstalled  %s\n", before.Identifier, before.Version,
		len(before.Actions), before.installed())
	if !yes {
		fmt.Fprintln(stdout, "Nothing was imported. Add -yes to import the package.")
		return nil
	}
	var imported struct {
		Successful *bool  `json:"isSuccessful"`
		Message    string `json:"message"`
	}
	if err := i.upload(ctx, "import", archive, &imported); err != nil {
		return err
	}
	if imported.Successful != nil && !*imported.Successful {
		return fmt.Errorf("SecOps did not import the package: %q", imported.Message)
	}
	after, err := i.preview(ctx, archive)
	if err != nil {
		return fmt.Errorf("the package was imported, but the instance was not read again: %w", err)
	}
	if after.Existing == nil {
		return errors.New("SecOps accepted the package, but the instance does not list the integration: look at " +
			"Response > IDE")
	}
	fmt.Fprintf(stdout, "imported   %s\nNext: Response > Integrations Setup, add an instance of Okta SecOps. See "+
		"docs/secops.md.\n", after.installed())
	return nil
}

func (d details) installed() string {
	if d.Existing == nil {
		return "no version"
	}
	return fmt.Sprint("version ", d.Existing.Version)
}

// preview returns the details of the package as SecOps reads them.
func (i installer) preview(ctx context.Context, archive []byte) (d details, err error) {
	if err := i.upload(ctx, "extractIntegrationDetails", archive, &d); err != nil {
		return d, err
	}
	if d.Identifier != secops.Identifier {
		return d, fmt.Errorf("SecOps read the package as the integration %q, want %s", d.Identifier, secops.Identifier)
	}
	return d, nil
}

// upload sends the package to a method of the integrations. Google's upload URIs take the metadata and the content as
// one multipart/related request: https://cloud.google.com/storage/docs/uploading-objects#rest-upload-objects.
func (i installer) upload(ctx context.Context, method string, archive []byte, into any) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	metadata, err := json.Marshal(map[string]any{"staging": i.staging})
	if err != nil {
		return err
	}
	for _, part := range []struct {
		kind    string
		content []byte
	}{{"application/json; charset=UTF-8", metadata}, {"application/zip", archive}} {
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {part.kind}})
		if err != nil {
			return err
		}
		if _, err := p.Write(part.content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	address := fmt.Sprintf("%s/upload/v1beta/%s/integrations:%s?uploadType=multipart", i.endpoint, i.parent, method)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "multipart/related; boundary="+w.Boundary())
	res, err := i.client.Do(r)
	if err != nil {
		return fmt.Errorf("calling %s: %w", method, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("reading the response of %s: %w", method, err)
	}
	if res.StatusCode != http.StatusOK {
		return i.refusal(method, res.StatusCode, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s returned a response that is not JSON: %w", method, err)
	}
	return nil
}

// advice are the usual causes of the statuses of the Chronicle API.
var advice = map[int]string{
	http.StatusUnauthorized: "run gcloud auth application-default login",
	http.StatusForbidden: "your account needs roles/chronicle.soarAdmin, or a role with " +
		"chronicle.integrations.import, in this project",
	http.StatusNotFound: "check -project, -location and -instance; the instance must use the Chronicle API " +
		"for SOAR",
	http.StatusConflict: "another import runs, or an integration with this identifier exists that is not custom",
	http.StatusServiceUnavailable: "the import may go on: run install again without -yes, which shows the installed " +
		"version",
}

// refusal returns the error of a response: https://cloud.google.com/apis/design/errors.
func (i installer) refusal(method string, status int, text []byte) error {
	var body struct {
		Error struct{ Message string }
	}
	message := "without a message"
	if json.Unmarshal(text, &body) == nil && body.Error.Message != "" {
		message = fmt.Sprintf("%q", body.Error.Message)
	}
	err := fmt.Errorf("%s for %s returned %d: %s", method, i.parent, status, message)
	if hint, ok := advice[status]; ok {
		return fmt.Errorf("%w; %s", err, hint)
	}
	return err
}
