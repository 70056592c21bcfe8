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
		f.find(Error, "it has no URL")
	} else {
		f.find(Warning, "its project number is unknown: requests use %s, for which ID tokens may be refused; set "+
			"-project-number", uri)
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
		f.find(Error, "it cannot be reached: %s", err)
		f.url = ""
		return
	}
	if request.code == http.StatusOK {
		f.find(Error, "it accepts unauthenticated requests: check CALLER_AUTH and its invokers")
	}
	delivery := f.deliverUnsigned(ctx, o)
	own := f.Auth == caller.APIKey || f.Auth == caller.OIDC
	switch {
	case own && delivery.refused() && !delivery.product():
		f.find(Error, "CALLER_AUTH is %s, but Cloud Run checks the invoker role and removes the signature of ID tokens: "+
			"the function refuses every delivery. Make the service public (allow_public_invocation), or use CALLER_AUTH iam",
			f.Auth)
	case f.Auth == caller.IAM && delivery.product():
		f.find(Error, "CALLER_AUTH is iam, but Cloud Run does not check callers: the function would accept forged tokens. "+
			"Remove the invoker role from allUsers, or use CALLER_AUTH apikey or oidc")
	}
}

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
		f.find(Warning, "it cannot be checked that an unsigned delivery is refused: %s", err)
	case delivery.refused():
	case delivery.code == http.StatusOK, delivery.product() && delivery.Error.Code != "misconfigured":
		f.find(Error, "it accepts unsigned deliveries (POST /pubsub was answered %d): check CALLER_AUTH, PUSH_AUDIENCE and "+
			"its invokers", delivery.code)
	default:
		f.find(Warning, "it cannot be checked that an unsigned delivery is refused: POST /pubsub was answered %d",
			delivery.code)
	}
	return delivery
}

// ping sends an authenticated Ping.
func (f *Function) ping(ctx context.Context, o Options) {
	if f.url == "" {
		return
	}
	if o.NoPing {
		f.Ping = "not tested"
		return
	}
	header, err := f.identity(ctx, o)
	if err != nil {
		f.Ping = "not tested"
		f.find(Error, "Ping cannot be tested: %s; set a service account that may call the function (-as) or a key "+
			"(-header), or use -no-ping", err)
		return
	}
	reply, err := f.send(ctx, o, http.MethodGet, "/ping", header, nil)
	switch {
	case err != nil:
		f.Ping = "not reached"
		f.find(Error, "Ping: %s", err)
	case !reply.product():
		f.Ping = strconv.Itoa(reply.code)
		f.find(Error, "Ping was answered %d, but not by the product: does this caller have roles/run.invoker?", reply.code)
	case !reply.IsSuccess:
		f.Ping = strconv.Itoa(reply.code)
		f.find(Error, "Ping: %s", reply.OutputMessage)
	default:
		f.Ping = "ok"
		for _, w := range reply.Warnings {
			f.find(Warning, "Ping: %s", w)
		}
	}
	if err == nil && reply.product() {
		f.readVersion(ctx, o, header)
	}
}

// readVersion reads the version of the deployed source from the function's description.
func (f *Function) readVersion(ctx context.Context, o Options, header http.Header) {
	reply, err := f.send(ctx, o, http.MethodGet, "/openapi.json", header, nil)
	if err != nil || reply.code != http.StatusOK {
		return // Ping reports the errors of the connection and of the caller
	}
	f.Version = reply.Info.Version
	release, _, _ := strings.Cut(f.Version, " ")
	if release != "" && release != buildinfo.Release() {
		f.find(Warning, "its version is %s, and doctor compares it with the catalog of version %s: deploy this source, or "+
			"run doctor from the source that is deployed", release, buildinfo.Release())
	}
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
