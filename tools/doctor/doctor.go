package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	functions "cloud.google.com/go/functions/apiv2"
	"cloud.google.com/go/functions/apiv2/functionspb"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/buildinfo"
	"example.com/okta-secops/secrets"
)

// Options are the deployment to check and the checks to make.
type Options struct {
	Project, Region string
	ProjectNumber   string // "": read from the functions
	Instance        string // "" for the default instance
	Groups          []action.Group
	// Required says that the function of each group must exist. Otherwise a missing function is a
	// note.
	Required bool
	// Header is sent with a Ping. If it is nil, Token returns the ID token to send, for an audience.
	Header  http.Header
	Token   func(ctx context.Context, audience string) (string, error)
	NoPing  bool
	Deliver bool // publish a Ping to the topic of each function

	HTTP        *http.Client          // nil: http.DefaultClient
	Functions   []option.ClientOption // of the Cloud Functions client
	Secrets     []option.ClientOption // of the Secret Manager client
	PubSub      []option.ClientOption // of the Pub/Sub clients
	DeliverTime time.Duration         // the wait for the results of deliveries; 0: 60 s
}

// Level is the severity of a finding.
type Level string

// The levels.
const (
	Error   Level = "error"   // something does not work, or is not secure
	Warning Level = "warning" // something may be unintended, or could not be checked
	Note    Level = "note"
)

// Finding is a result of a check, with advice.
type Finding struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
}

// Function is the report on one function.
type Function struct {
	Group    string    `json:"group"`
	Name     string    `json:"function"`
	State    string    `json:"state"`
	Runtime  string    `json:"runtime"`
	Auth     string    `json:"caller_auth"`
	Ping     string    `json:"ping"`
	Version  string    `json:"version"` // of the deployed source; "" if it was not read
	Delivery string    `json:"delivery"`
	Findings []Finding `json:"findings"`

	group    action.Group
	deployed *functionspb.Function
	url      string // for requests; see address
}

func (f *Function) find(level Level, format string, args ...any) {
	f.Findings = append(f.Findings, Finding{level, fmt.Sprintf(format, args...)})
}

// Report is the report on a deployment.
type Report struct {
	Version   string      `json:"version"` // of doctor and of the catalog that it compares with
	Functions []*Function `json:"functions"`
	Findings  []Finding   `json:"findings"` // of the deployment as a whole
}

// HasErrors reports whether there is a finding of the level Error.
func (r Report) HasErrors() bool {
	return hasErrors(r.Findings) || slices.ContainsFunc(r.Functions,
		func(f *Function) bool { return hasErrors(f.Findings) })
}

func hasErrors(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Error })
}

// Prefix returns the prefix of the resource names of an instance.
func Prefix(instance string) string {
	if instance == "" {
		return "okta"
	}
	return "okta-" + instance
}

// Examine checks a deployment. It returns an error if the deployment cannot be read.
func Examine(ctx context.Context, o Options) (Report, error) {
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	// The functions do not redirect, and a key must not be sent to another address.
	direct := *o.HTTP
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTP = &direct
	client, err := functions.NewFunctionClient(ctx, o.Functions...)
	if err != nil {
		return Report{}, fmt.Errorf("signing in to Cloud Functions: %w; run gcloud auth application-default login", err)
	}
	defer client.Close()
	s := newSecretClients(o.Secrets)
	defer s.close()
	if _, err := s.client(ctx, ""); err != nil { // now, not once for each secret
		return Report{}, fmt.Errorf("signing in to Secret Manager: %w", err)
	}
	r := Report{Version: buildinfo.Version(), Functions: []*Function{}, Findings: []Finding{}}
	for _, g := range o.Groups {
		f := &Function{Group: g.Name, Name: Prefix(o.Instance) + "-" + g.Name, Delivery: "not tested", Findings: []Finding{},
			group: g}
		r.Functions = append(r.Functions, f)
		if err := f.get(ctx, client, o); err != nil {
			return r, err
		}
		if f.deployed == nil {
			continue
		}
		f.examine(o)
		f.examineSecrets(ctx, s)
		f.url = f.address(o)
		f.examineAccess(ctx, o)
		f.ping(ctx, o)
	}
	if !slices.ContainsFunc(r.Functions, func(f *Function) bool { return f.deployed != nil }) && !o.Required {
		r.find(Error, "project %s has none of the functions in %s: deploy them (terraform apply), or set -instance and "+
			"-region", o.Project, o.Region)
	}
	r.compare()
	if o.Deliver {
		r.deliver(ctx, o)
	}
	return r, nil
}

// get reads the deployed function. A missing function is a finding, not an error.
func (f *Function) get(ctx context.Context, client *functions.FunctionClient, o Options) (err error) {
	name := fmt.Sprintf("projects/%s/locations/%s/functions/%s", o.Project, o.Region, f.Name)
	f.deployed, err = client.GetFunction(ctx, &functionspb.GetFunctionRequest{Name: name})
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.NotFound:
		f.deployed, f.State = nil, "missing"
		level := Note
		if o.Required {
			level = Error
		}
		f.find(level, "function %s does not exist in %s: if it is wanted, deploy it (terraform apply), or set -instance and "+
			"-region", f.Name, o.Region)
		return nil
	case codes.PermissionDenied:
		return fmt.Errorf("reading the functions of %s needs roles/cloudfunctions.viewer: %s", o.Project,
			status.Convert(err).Message())
	default:
		return fmt.Errorf("reading %s: %w", name, err)
	}
}

// compare checks the properties that functions must not share, or must share.
func (r *Report) compare() {
	accounts, roots, credentials := map[string][]string{}, map[string][]string{}, map[string][]string{}
	for _, f := range r.Functions {
		if f.deployed == nil {
			continue
		}
		service := f.deployed.GetServiceConfig()
		env := service.GetEnvironmentVariables()
		if account := service.GetServiceAccountEmail(); account != "" {
			accounts[account] = append(accounts[account], f.Name)
		}
		if root := org(env["OKTA_API_ROOT"]); root != "" {
			roots[root] = append(roots[root], f.Name)
		}
		key := env["OKTA_CLIENT_ID"]
		if token := env["OKTA_API_TOKEN_SECRET"]; token != "" {
			key = token
			if name, err := secrets.ResourceName(token, env["GOOGLE_CLOUD_PROJECT"]); err == nil {
				key = resourceName.FindString(name) // the same for every form and version of the reference
			}
		}
		if key != "" {
			credentials[key] = append(credentials[key], f.Name)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(accounts)) {
		if shared := accounts[account]; len(shared) > 1 {
			r.find(Error, "%s run as the same service account, %s: each then has the permissions of all; give each its own",
				list(shared), account)
		}
	}
	if len(roots) > 1 {
		r.find(Error, "the functions call different orgs (OKTA_API_ROOT): %s", list(sorted(roots)))
	}
	for _, key := range slices.Sorted(maps.Keys(credentials)) {
		if shared := credentials[key]; len(shared) > 1 {
			r.find(Note, "%s share one Okta credential: each has the permissions that all their actions need. "+
				"To separate them, create a service app for each group (okta_credentials)", list(shared))
		}
	}
}

// org returns the normalized org URL of an Api Root; "" if it is not a URL: it may be a misplaced
// secret.
func org(root string) string {
	u, err := url.Parse(strings.TrimSpace(root))
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

func (r *Report) find(level Level, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{level, fmt.Sprintf(format, args...)})
}

func list(names []string) string { return strings.Join(names, ", ") }

func sorted(m map[string][]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s (%s)", key, list(m[key])))
	}
	return out
}
