package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/functions/apiv2/functionspb"
	"cloud.google.com/go/iam/apiv1/iampb"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/secrets"
)

// leastRuntime is the version of Go that the source needs.
const leastRuntime = 126

// ackDeadline is the longest that Pub/Sub waits for a delivery, in seconds.
const ackDeadline = 600

// platforms are variables that the platform sets.
var platforms = []string{"FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "LOG_EXECUTION_ID", "GOOGLE_CLOUD_PROJECT"}

// examine holds one function against the catalog.
func (f *Function) examine(o Options) {
	build, service := f.deployed.GetBuildConfig(), f.deployed.GetServiceConfig()
	env := service.GetEnvironmentVariables()
	f.State, f.Runtime, f.Auth = f.deployed.GetState().String(), build.GetRuntime(), env["CALLER_AUTH"]
	if !slices.Contains([]string{"", caller.IAM, caller.OIDC, caller.APIKey, caller.None}, f.Auth) {
		f.Auth = "unknown" // what stands there may be a key, in the wrong place
	}
	if f.deployed.GetState() != functionspb.Function_ACTIVE {
		f.find(Trouble, "its state is %s", f.State)
	}
	for _, m := range f.deployed.GetStateMessages() {
		level := Warning
		if m.GetSeverity() == functionspb.StateMessage_ERROR {
			level = Trouble
		}
		f.find(level, "the platform says: %s (%s)", m.GetMessage(), m.GetType())
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(f.Runtime, "go")); err != nil || n < leastRuntime {
		f.find(Trouble, "its runtime is %s: the source needs go%d", f.Runtime, leastRuntime)
	}
	if target := build.GetEntryPoint(); target != f.group.Function {
		f.find(Trouble, "its entry point is %s, and the group's is %s", target, f.group.Function)
	}
	switch account := service.GetServiceAccountEmail(); {
	case strings.HasSuffix(account, "-compute@developer.gserviceaccount.com"), strings.HasSuffix(account, "@appspot.gserviceaccount.com"), account == "":
		f.find(Trouble, "it runs as the project's default service account, which may do far more than it needs: give it its own")
	}
	if service.GetIngressSettings() == functionspb.ServiceConfig_ALLOW_INTERNAL_ONLY {
		f.find(Warning, "only internal traffic reaches it: SecOps, outside of the project's networks, cannot call it")
	}
	if n := len(service.GetSecretEnvironmentVariables()) + len(service.GetSecretVolumes()); n > 0 {
		f.find(Warning, "%d secrets are bound to it as variables or volumes: it reads its secrets itself, and these are only where they can leak", n)
	}
	timeout := int(service.GetTimeoutSeconds())
	if timeout >= ackDeadline {
		f.find(Warning, "its timeout is %d s: from %d s on Pub/Sub delivers a message again while it is being carried out", timeout, ackDeadline)
	}
	f.examineSettings(o.Project, timeout, env)
}

// examineSettings reads the settings as the function does.
func (f *Function) examineSettings(project string, timeout int, env map[string]string) {
	read := map[string]bool{}
	settings := func(timeout string) (config.Config, error) {
		return config.FromEnv(func(name string) string {
			read[name] = true
			switch name {
			case "K_SERVICE":
				return f.Name
			case "CLOUD_RUN_TIMEOUT_SECONDS":
				return timeout
			}
			return env[name]
		}, f.group.NeedsOkta())
	}
	c, err := settings(strconv.Itoa(timeout))
	if err != nil {
		for _, problem := range err.(*config.Error).Problems {
			f.find(Trouble, "%s", problem)
		}
	} else {
		if c.IdempotencyBucket == "" {
			f.find(Warning, "IDEMPOTENCY_BUCKET is not set: a request that is repeated at another instance is carried out again")
		}
		if asked, err := settings(""); err == nil && c.Deadline < asked.Deadline {
			f.find(Warning, "its timeout is %d s, and REQUEST_DEADLINE %s: it ends a request after %s already; make the timeout at least 5 s longer than REQUEST_DEADLINE", timeout, asked.Deadline, c.Deadline)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !read[name] && !slices.Contains(platforms, name) {
			f.find(Warning, "nobody reads %s: is it misspelt?", name)
		}
	}
	if env["ITP_SIGNING_KEY_SECRET"] != "" && !f.group.Signs {
		f.find(Trouble, "ITP_SIGNING_KEY_SECRET is set, and it signs nothing: the signing key is for the function of signals alone")
	}
	if other := env["GOOGLE_CLOUD_PROJECT"]; other != "" && other != project {
		f.find(Warning, "GOOGLE_CLOUD_PROJECT is %s, and it runs in %s", other, project)
	}
}

// references are the settings that refer to secrets.
var references = []string{"OKTA_API_TOKEN_SECRET", "OKTA_PRIVATE_KEY_SECRET", "ITP_SIGNING_KEY_SECRET", "CALLER_KEYS_SECRET"}

var resourceName = regexp.MustCompile(`^projects/[^/]+/(?:locations/[^/]+/)?secrets/[^/]+`)

// examineSecrets looks whether the secrets are there and can be read by the function. Their values are not asked for.
func (f *Function) examineSecrets(ctx context.Context, v vaults) {
	service := f.deployed.GetServiceConfig()
	env := service.GetEnvironmentVariables()
	for _, setting := range references {
		ref := env[setting]
		if ref == "" || secrets.CheckRef(ref) != nil { // the settings have said so; it may be the secret, which nobody is told
			continue
		}
		if strings.HasPrefix(ref, "env:") || strings.HasPrefix(ref, "file:") {
			f.find(Trouble, "%s refers to a variable or a file, which is for local work: put the secret into Secret Manager", setting)
			continue
		}
		ref, err := secrets.ResourceName(ref, env["GOOGLE_CLOUD_PROJECT"])
		if err != nil {
			f.find(Trouble, "%s: %s", setting, err)
			continue
		}
		vault, err := v.client(ctx, ref)
		if err != nil {
			f.find(Warning, "%s: %s could not be checked: signing in to Secret Manager: %s", setting, ref, err)
			continue
		}
		version, err := vault.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: ref})
		switch status.Code(err) {
		case codes.OK:
			if version.GetState() != secretmanagerpb.SecretVersion_ENABLED {
				f.find(Trouble, "%s: %s is %s: enable it, or add a version", setting, version.GetName(), version.GetState())
			}
		case codes.NotFound:
			f.find(Trouble, "%s: there is no %s: add a version (docs/deploy.md)", setting, ref)
		default:
			f.find(Warning, "%s: %s could not be checked: %s", setting, ref, refusal(err))
			continue
		}
		f.examineReader(ctx, vault, setting, resourceName.FindString(ref), "serviceAccount:"+service.GetServiceAccountEmail())
	}
}

// examineReader looks whether the function may read a secret.
func (f *Function) examineReader(ctx context.Context, vault *secretmanager.Client, setting, secret, member string) {
	policy, err := vault.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: secret})
	if err != nil {
		f.find(Warning, "%s: who may read %s could not be checked: %s", setting, secret, refusal(err))
		return
	}
	for _, b := range policy.GetBindings() {
		if b.GetRole() == "roles/secretmanager.secretAccessor" && slices.Contains(b.GetMembers(), member) {
			return
		}
	}
	f.find(Trouble, "%s: %s may not read %s: it needs roles/secretmanager.secretAccessor on that secret (on the project, it would open them all)", setting, member, secret)
}

// refusal says why Secret Manager gives no answer, and which role is missing where one is.
func refusal(err error) string {
	s := status.Convert(err)
	if s.Code() == codes.PermissionDenied {
		return "roles/secretmanager.viewer is needed (" + s.Message() + ")"
	}
	return s.Message()
}

// ping calls the function as nobody, who must be refused, and then as somebody.
func (f *Function) ping(ctx context.Context, o Options) {
	uri := f.deployed.GetServiceConfig().GetUri()
	if uri == "" {
		f.find(Trouble, "it has no address")
		return
	}
	code, _, err := get(ctx, o.HTTP, uri+"/ping", nil)
	if err != nil {
		f.Ping = "not reached"
		f.find(Trouble, "it cannot be reached: %s", err)
		return
	}
	if !slices.Contains([]int{http.StatusOK, http.StatusUnauthorized, http.StatusForbidden}, code) {
		// Perhaps Ping was served to nobody, and failed. This cannot fail.
		code, _, _ = get(ctx, o.HTTP, uri+"/actions", nil)
	}
	if code == http.StatusOK {
		f.find(Trouble, "it serves callers whom nobody knows: see CALLER_AUTH and its invokers")
	}
	if o.NoPing {
		f.Ping = "not tried"
		return
	}
	header, err := f.identity(ctx, o, uri)
	if err != nil {
		f.Ping = "not tried"
		f.find(Trouble, "Ping cannot be tried: %s; give a service account that may call it (-as), or a key (-header), or leave Ping out (-no-ping)", err)
		return
	}
	code, body, err := get(ctx, o.HTTP, uri+"/ping", header)
	var reply struct {
		IsSuccess     bool     `json:"is_success"`
		OutputMessage string   `json:"output_message"`
		Warnings      []string `json:"warnings"`
	}
	switch {
	case err != nil:
		f.Ping = "not reached"
		f.find(Trouble, "Ping: %s", err)
	case json.Unmarshal(body, &reply) != nil || reply.OutputMessage == "":
		f.Ping = strconv.Itoa(code)
		f.find(Trouble, "Ping was answered %d, and not by the product: may this caller call it (roles/run.invoker)?", code)
	case !reply.IsSuccess:
		f.Ping = strconv.Itoa(code)
		f.find(Trouble, "Ping: %s", reply.OutputMessage)
	default:
		f.Ping = "ok"
		for _, w := range reply.Warnings {
			f.find(Warning, "Ping: %s", w)
		}
	}
}

// identity is the header of whoever asks.
func (f *Function) identity(ctx context.Context, o Options, uri string) (http.Header, error) {
	if o.Header != nil {
		return o.Header, nil
	}
	if o.Token == nil || f.Auth == caller.APIKey {
		return nil, errNoIdentity
	}
	token, err := o.Token(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("no ID token is to be had (%w)", err)
	}
	return http.Header{"Authorization": {"Bearer " + token}}, nil
}

func get(ctx context.Context, client *http.Client, url string, header http.Header) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	r.Header = header
	res, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, body, err
}

func sorted(m map[string][]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s (%s)", key, list(m[key])))
	}
	return out
}
