// Command doctor compares what is deployed with the catalog, and asks each function whether it reaches Okta.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	functions "cloud.google.com/go/functions/apiv2"
	"cloud.google.com/go/functions/apiv2/functionspb"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/secrets"
)

// Options says which deployment to look at, and how.
type Options struct {
	Project, Region string
	Instance        string // "" for the only one
	Groups          []action.Group
	// Header is sent with a Ping; nil: Token gives the ID token that is, for an audience.
	Header http.Header
	Token  func(ctx context.Context, audience string) (string, error)
	NoPing bool

	HTTP      *http.Client          // nil: http.DefaultClient
	Functions []option.ClientOption // of the client of Cloud Functions
	Secrets   []option.ClientOption // of the client of Secret Manager
}

// Level says how bad a finding is.
type Level string

// The levels.
const (
	Trouble Level = "trouble" // something does not work, or is open
	Warning Level = "warning" // something may not be as it is meant
	Note    Level = "note"
)

// Finding is one thing to know, and what to do about it.
type Finding struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
}

// Function is what was found of one function.
type Function struct {
	Group    string    `json:"group"`
	Name     string    `json:"function"`
	State    string    `json:"state"`
	Runtime  string    `json:"runtime"`
	Auth     string    `json:"caller_auth"`
	Ping     string    `json:"ping"`
	Findings []Finding `json:"findings"`

	group    action.Group
	deployed *functionspb.Function
}

func (f *Function) find(level Level, format string, args ...any) {
	f.Findings = append(f.Findings, Finding{level, fmt.Sprintf(format, args...)})
}

// Report is what was found.
type Report struct {
	Functions []*Function `json:"functions"`
	Findings  []Finding   `json:"findings"` // of all of them together
}

// Troubled tells whether anything does not work.
func (r Report) Troubled() bool {
	trouble := func(f Finding) bool { return f.Level == Trouble }
	return slices.ContainsFunc(r.Findings, trouble) ||
		slices.ContainsFunc(r.Functions, func(f *Function) bool { return slices.ContainsFunc(f.Findings, trouble) })
}

// Prefix begins the names of a deployment.
func Prefix(instance string) string {
	if instance == "" {
		return "okta"
	}
	return "okta-" + instance
}

// Examine looks at a deployment. The error says why it cannot be looked at.
func Examine(ctx context.Context, o Options) (Report, error) {
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	// A function sends nobody elsewhere, and a key is for nobody else.
	direct := *o.HTTP
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTP = &direct
	client, err := functions.NewFunctionClient(ctx, o.Functions...)
	if err != nil {
		return Report{}, fmt.Errorf("signing in to Cloud Functions: %w; run gcloud auth application-default login", err)
	}
	defer client.Close()
	v := vaults{options: o.Secrets, clients: map[string]*secretmanager.Client{}}
	defer v.close()
	if _, err := v.client(ctx, ""); err != nil { // now, not once for each secret
		return Report{}, fmt.Errorf("signing in to Secret Manager: %w", err)
	}
	r := Report{Findings: []Finding{}}
	for _, g := range o.Groups {
		f := &Function{Group: g.Name, Name: Prefix(o.Instance) + "-" + g.Name, Findings: []Finding{}, group: g}
		r.Functions = append(r.Functions, f)
		name := fmt.Sprintf("projects/%s/locations/%s/functions/%s", o.Project, o.Region, f.Name)
		f.deployed, err = client.GetFunction(ctx, &functionspb.GetFunctionRequest{Name: name})
		switch status.Code(err) {
		case codes.OK:
			f.examine(o)
			f.examineSecrets(ctx, v)
			f.ping(ctx, o)
		case codes.NotFound:
			f.State = "missing"
			f.find(Trouble, "there is no function %s in %s: deploy it (terraform apply), or give the -instance and -region that it has", f.Name, o.Region)
		case codes.PermissionDenied:
			return r, fmt.Errorf("whoever you are signed in as may not look at functions of %s: roles/cloudfunctions.viewer is needed (%s)", o.Project, status.Convert(err).Message())
		default:
			return r, fmt.Errorf("asking for %s: %w", name, err)
		}
	}
	r.compare()
	return r, nil
}

// vaults are the clients of Secret Manager: a secret of a region is at that region's endpoint alone.
type vaults struct {
	options []option.ClientOption
	clients map[string]*secretmanager.Client // by endpoint
}

// client is the one that has the version of this name; "" stands for any without a region.
func (v vaults) client(ctx context.Context, name string) (*secretmanager.Client, error) {
	endpoint := secrets.Endpoint(name)
	if c := v.clients[endpoint]; c != nil {
		return c, nil
	}
	var options []option.ClientOption
	if endpoint != "" {
		options = append(options, option.WithEndpoint(endpoint))
	}
	c, err := secretmanager.NewClient(ctx, append(options, v.options...)...)
	if err == nil {
		v.clients[endpoint] = c
	}
	return c, err
}

func (v vaults) close() {
	for _, c := range v.clients {
		_ = c.Close()
	}
}

// compare looks at what the functions have in common.
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
				key = resourceName.FindString(name) // whichever way, and whichever version, it is referred to
			}
		}
		if key != "" {
			credentials[key] = append(credentials[key], f.Name)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(accounts)) {
		if shared := accounts[account]; len(shared) > 1 {
			r.find(Trouble, "%s run as one service account, %s: give each its own, or one can do what another may", list(shared), account)
		}
	}
	if len(roots) > 1 {
		r.find(Trouble, "the functions call different orgs (OKTA_API_ROOT): %s", list(sorted(roots)))
	}
	for _, key := range slices.Sorted(maps.Keys(credentials)) {
		if shared := credentials[key]; len(shared) > 1 {
			r.find(Note, "%s share one Okta credential: each of them can do in Okta what the actions of all need. A service app for each group ends that (okta_credentials)", list(shared))
		}
	}
}

// org is the org of an Api Root, however it is written; "" where it is none, and may be anything.
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

// errNoIdentity is a Ping without anybody to ask it as.
var errNoIdentity = errors.New("there is nobody to ask it as")

// pingTime bounds one call of a function, a cold start included.
const pingTime = 20 * time.Second

func list(names []string) string { return strings.Join(names, ", ") }
