package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/buildinfo"
	"example.com/okta-secops/internal/caller"
)

// requestTime bounds a request to a function, including its cold start.
const requestTime = 20 * time.Second

var buildNumber = regexp.MustCompile(`^projects/([0-9]+)/`)

// address returns the deterministic URL of the function, which Terraform sets as the audience of
// callers and deliveries and as the push endpoint. It needs the project number. The name of the
// function's build has it in every mode of CALLER_AUTH; PUSH_AUDIENCE and CALLER_AUDIENCE do not
// exist with iam. Without a number it returns the URL that Cloud Functions reports, which has a hash
// instead: audiences do not match it.
// https://cloud.google.com/run/docs/triggering/https-request#deterministic
func (f *Function) address(o Options) string {
	number := o.ProjectNumber
	if m := buildNumber.FindStringSubmatch(f.deployed.GetBuildConfig().GetBuild()); m != nil {
		number = cmp.Or(number, m[1])
	}
	env := f.deployed.GetServiceConfig().GetEnvironmentVariables()
	deterministic := regexp.MustCompile("^https://" + regexp.QuoteMeta(f.Name) + `-([0-9]+)\.` +
		regexp.QuoteMeta(o.Region) + `\.run\.app$`)
	for _, audience := range append(split(env["PUSH_AUDIENCE"]), split(env["CALLER_AUDIENCE"])...) {
		if m := deterministic.FindStringSubmatch(audience); m != nil {
			number = cmp.Or(number, m[1])
		}
	}
	if number != "" {
		return "https://" + f.Name + "-" + number + "." + o.Region + ".run.app"
	}
	uri := f.deployed.GetServiceConfig().GetUri()
	if uri == "" {
		f.find(checkAddress, Failed, "deploy it again (terraform apply)", "it has no URL")
	} else {
		f.find(checkAddress, Warning, "set -project-number",
			"its project number is unknown: requests use %s, for which ID tokens may be refused", uri)
	}
	return uri
}

// audience returns the audience of ID tokens for the function. With oidc the function may accept
// others than its URL.
func (f *Function) audience() string {
	accepted := split(f.deployed.GetServiceConfig().GetEnvironmentVariables()["CALLER_AUDIENCE"])
	if f.Auth != caller.OIDC || len(accepted) == 0 || slices.Contains(accepted, f.url) {
		return f.url
	}
	return accepted[0]
}

// split returns the items of a comma-separated setting.
func split(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// response is a response of a function, or of Cloud Run in its place.
type response struct {
	code int
	// The product's responses have an output message.
	IsSuccess     bool     `json:"is_success"`
	OutputMessage string   `json:"output_message"`
	Warnings      []string `json:"warnings"`
	Error         struct {
		Code string `json:"code"`
	} `json:"error"`
	Info struct { // of GET /openapi.json
		Version string `json:"version"`
	} `json:"info"`
}

// product reports whether the function itself has responded, and not Cloud Run.
func (r response) product() bool { return r.OutputMessage != "" }

// refused reports whether the caller was refused.
func (r response) refused() bool {
	return r.code == http.StatusUnauthorized || r.code == http.StatusForbidden
}

// send sends a request to a function.
func (f *Function) send(ctx context.Context, o Options, method, path string, header http.Header, body []byte) (response,
	error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, f.url+path, bytes.NewReader(body))
	if err != nil {
		return response{}, err
	}
	if r.Header = header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := o.HTTP.Do(r)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	out := response{}
	if json.Unmarshal(text, &out) != nil {
		out = response{}
	}
	out.code = res.StatusCode
	return out, err
}

// examineAccess checks that requests and deliveries without authentication are refused, and that
// the intended side refuses them: Cloud Run with iam, the function otherwise.
func (f *Function) examineAccess(ctx context.Context, o Options) {
	if f.url == "" {
		return
	}
	// Unlike Ping, this path needs nothing but authentication to succeed.
	request, err := f.send(ctx, o, http.MethodGet, "/actions", nil, nil)
	if err != nil {
		f.Ping = "not reached"
		f.find(checkAccess, Failed, "check its ingress and your connection", "it cannot be reached: %s", err)
		f.url = ""
		return
	}
	switch {
	case request.code == http.StatusOK:
		f.find(checkAccess, Failed, "check CALLER_AUTH and its invokers", "it accepts unauthenticated requests")
	case !request.refused():
		f.find(checkAccess, Warning, readLog,
			"it cannot be checked that an unauthenticated request is refused: GET /actions was answered %d", request.code)
	}
	delivery := f.deliverUnsigned(ctx, o)
	own := f.Auth == caller.APIKey || f.Auth == caller.OIDC
	switch {
	case own && delivery.refused() && !delivery.product():
		f.find(checkAccess, Failed, "make the service public (allow_public_invocation), or use CALLER_AUTH iam",
			"CALLER_AUTH is %s, but Cloud Run checks the invoker role and removes the signature of ID tokens: "+
				"the function refuses every delivery", f.Auth)
	case f.Auth == caller.IAM && delivery.product():
		f.find(checkAccess, Failed, "remove the invoker role from allUsers, or use CALLER_AUTH apikey or oidc",
			"CALLER_AUTH is iam, but Cloud Run does not check callers: the function would accept forged tokens")
	}
	f.passed(checkAccess)
}

const readLog = "read the log of the function"

// deliverUnsigned sends a delivery without a token, which must be refused.
func (f *Function) deliverUnsigned(ctx context.Context, o Options) response {
	unsigned, err := json.Marshal(map[string]any{
		"message":      map[string]any{"messageId": "doctor-unsigned", "data": []byte(`{"action": "Ping"}`)},
		"subscription": "doctor",
	})
	if err != nil {
		panic(err)
	}
	delivery, err := f.send(ctx, o, http.MethodPost, "/pubsub", nil, unsigned)
	switch {
	case err != nil:
		f.find(checkAccess, Warning, "run doctor again", "it cannot be checked that an unsigned delivery is refused: %s", err)
	case delivery.refused():
	case delivery.code == http.StatusOK, delivery.product() && delivery.Error.Code != "misconfigured":
		f.find(checkAccess, Failed, "check CALLER_AUTH, PUSH_AUDIENCE and its invokers",
			"it accepts unsigned deliveries (POST /pubsub was answered %d)", delivery.code)
	default:
		f.find(checkAccess, Warning, readLog,
			"it cannot be checked that an unsigned delivery is refused: POST /pubsub was answered %d", delivery.code)
	}
	return delivery
}

// ping sends an authenticated Ping.
func (f *Function) ping(ctx context.Context, o Options) {
	if f.url == "" {
		return
	}
	f.Ping = notTested
	if o.NoPing {
		f.find(checkPing, Skipped, "run doctor without -no-ping", "no Ping was sent (-no-ping)")
		f.find(checkVersion, Skipped, "run doctor without -no-ping", "the version was not read (-no-ping)")
		return
	}
	header, err := f.identity(ctx, o)
	if err != nil {
		f.find(checkPing, Failed,
			"set a service account that may call the function (-as) or a key (-header), or use -no-ping",
			"Ping cannot be tested: %s", err)
		return
	}
	reply, err := f.send(ctx, o, http.MethodGet, "/ping", header, nil)
	if err != nil {
		f.Ping = "not reached"
		f.find(checkPing, Failed, "check its ingress and your connection", "Ping: %s", err)
		return
	}
	f.Ping = strconv.Itoa(reply.code)
	switch {
	case !reply.product():
		f.find(checkPing, Failed, "grant this caller roles/run.invoker, or read the log of the service",
			"Ping was answered %d, but not by the product", reply.code)
		return
	case !reply.IsSuccess:
		f.find(checkPing, Failed, "look up the message in docs/faq.md", "Ping: %s", reply.OutputMessage)
	default:
		f.Ping, f.owner = "ok", handlers.TokenOwner(reply.OutputMessage)
		for _, w := range reply.Warnings {
			f.find(checkPing, Warning, "look up the warning in docs/okta-setup.md", "Ping: %s", w)
		}
	}
	f.passed(checkPing)
	f.readVersion(ctx, o, header)
}

// readVersion reads the version of the deployed source from the function's description.
func (f *Function) readVersion(ctx context.Context, o Options, header http.Header) {
	reply, err := f.send(ctx, o, http.MethodGet, "/openapi.json", header, nil)
	switch {
	case err != nil:
		f.find(checkVersion, Skipped, "run doctor again", "the version cannot be read: %s", err)
		return
	case reply.code != http.StatusOK || reply.Info.Version == "":
		f.find(checkVersion, Skipped, "call doctor as a caller of the function",
			"the version cannot be read: GET /openapi.json was answered %d", reply.code)
		return
	}
	f.Version = reply.Info.Version
	if release, _, _ := strings.Cut(f.Version, " "); release != buildinfo.Release() {
		f.find(checkVersion, Warning, "deploy this source, or run doctor from the source that is deployed",
			"its version is %s, and doctor compares it with the catalog of version %s", release, buildinfo.Release())
	}
	f.passed(checkVersion)
}

// identity returns the header that authenticates a Ping.
func (f *Function) identity(ctx context.Context, o Options) (http.Header, error) {
	if o.Header != nil {
		return o.Header, nil
	}
	if o.Token == nil || f.Auth == caller.APIKey {
		return nil, errors.New("no credentials are set")
	}
	token, err := o.Token(ctx, f.audience())
	if err != nil {
		return nil, fmt.Errorf("getting an ID token failed (%w)", err)
	}
	return http.Header{"Authorization": {"Bearer " + token}}, nil
}
