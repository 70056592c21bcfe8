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
	"example.com/okta-secops/internal/okta"
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
	// Okta reads API tokens and grants, with the rights of an administrator; nil: they are not checked.
	Okta *okta.Client
	// SigningKey says that the key that signs the signals is read, and compared with the published keys.
	SigningKey bool
	JWKS       string // URL of the published keys; "": from the metadata of the issuer

	HTTP        *http.Client          // nil: http.DefaultClient
	Functions   []option.ClientOption // of the Cloud Functions client
	Secrets     []option.ClientOption // of the Secret Manager client
	PubSub      []option.ClientOption // of the Pub/Sub clients
	DeliverTime time.Duration         // the wait for the results of deliveries; 0: 60 s
	Now         func() time.Time      // nil: time.Now
}

// Prefix returns the prefix of the resource names of an instance.
func Prefix(instance string) string {
	if instance == "" {
		return "okta"
	}
	return "okta-" + instance
}

// Examine checks a deployment.
func Examine(ctx context.Context, o Options) *Report {
	r := &Report{
		Version: buildinfo.Version(), Project: o.Project, Region: o.Region, Functions: []*Function{}, Findings: []Finding{},
	}
	defer r.finish()
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	// The functions do not redirect, and a key must not be sent to another address.
	direct := *o.HTTP
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTP = &direct
	client, err := functions.NewFunctionClient(ctx, o.Functions...)
	if err != nil {
		r.find(checkDeployment, Failed, signIn, "signing in to Cloud Functions: %s", err)
		return r
	}
	defer client.Close()
	s := newSecretClients(o.Secrets)
	defer s.close()
	if _, err := s.client(ctx, ""); err != nil { // now, not once for each secret
		r.find(checkDeployment, Failed, signIn, "signing in to Secret Manager: %s", err)
		return r
	}
	reader := newReader(ctx, o) // before the Pings, which renew the API tokens
	for _, g := range o.Groups {
		f := &Function{Group: g.Name, Name: Prefix(o.Instance) + "-" + g.Name, Delivery: notTested, report: r, group: g}
		r.Functions = append(r.Functions, f)
		if err := f.get(ctx, client, o); err != nil {
			r.find(checkDeployment, Failed, "check the permissions of your account and the connection, and run doctor again",
				"%s", err)
			return r
		}
		if f.deployed != nil {
			f.examineAll(ctx, o, s)
		}
	}
	if !slices.ContainsFunc(r.Functions, func(f *Function) bool { return f.deployed != nil }) && !o.Required {
		r.find(checkDeployment, Failed, "deploy them (terraform apply), or set -instance and -region",
			"project %s has none of the functions in %s", o.Project, o.Region)
	}
	r.passed(checkDeployment)
	r.compare()
	r.examineOkta(ctx, reader)
	r.deliver(ctx, o)
	return r
}

const signIn = "run gcloud auth application-default login"

// notTested is the state of a Ping or a delivery that was not sent.
const notTested = "not tested"

// examineAll makes all checks of a deployed function.
func (f *Function) examineAll(ctx context.Context, o Options, s secretClients) {
	f.examine(o.Project)
	f.examineSecrets(ctx, s)
	if f.url = f.address(o); f.url != "" {
		f.passed(checkAddress)
	}
	f.examineAccess(ctx, o)
	f.ping(ctx, o)
	f.examinePublished(ctx, o, s)
	f.skipRest()
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
		level := Skipped
		if o.Required {
			level = Failed
		}
		f.find(checkFunction, level, "if it is wanted, deploy it (terraform apply), or set -instance and -region",
			"function %s does not exist in %s", f.Name, o.Region)
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
		if account := f.deployed.GetServiceConfig().GetServiceAccountEmail(); account != "" {
			accounts[account] = append(accounts[account], f.Name)
		}
		if root := org(f.env()["OKTA_API_ROOT"]); root != "" {
			roots[root] = append(roots[root], f.Name)
		}
		if key := credential(f.env()); key != "" {
			credentials[key] = append(credentials[key], f.Name)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(accounts)) {
		if shared := accounts[account]; len(shared) > 1 {
			r.find(checkSharedAccount, Failed, "give each function its own service account",
				"%s run as the same service account, %s: each then has the permissions of all", list(shared), account)
		}
	}
	if len(roots) > 1 {
		r.find(checkOrg, Failed, "set the same OKTA_API_ROOT for all, or deploy an instance for each org",
			"the functions call different orgs (OKTA_API_ROOT): %s", list(sorted(roots)))
	}
	for _, key := range slices.Sorted(maps.Keys(credentials)) {
		if shared := credentials[key]; len(shared) > 1 {
			r.find(checkSharedCredential, Warning, "create a service app for each group (okta_credentials)",
				"%s share one Okta credential: each has the permissions that all their actions need", list(shared))
		}
	}
	for _, c := range []Check{checkSharedAccount, checkOrg, checkSharedCredential} {
		r.passed(c)
	}
}

// credential returns a name of the Okta credential in the settings of a function, which is the same in all functions
// that have this credential; "" without one.
func credential(env map[string]string) string {
	token := env["OKTA_API_TOKEN_SECRET"]
	if token == "" {
		return env["OKTA_CLIENT_ID"]
	}
	if name, err := secrets.ResourceName(token, env["GOOGLE_CLOUD_PROJECT"]); err == nil {
		return resourceName.FindString(name) // the same for every form and version of the reference
	}
	return token
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

func list(names []string) string { return strings.Join(names, ", ") }

func sorted(m map[string][]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s (%s)", key, list(m[key])))
	}
	return out
}
