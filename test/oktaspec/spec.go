// Package oktaspec checks calls to Okta against Okta's own OpenAPI document, the one that the SDK's module ships:
// the requests of the product and the responses of the emulator.
package oktaspec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"example.com/okta-secops/local/emulator"
)

// module is where the document comes from.
const module = "github.com/okta/okta-sdk-golang/v5"

// org stands for the org's URL, which the document leaves open.
const org = "http://org.test"

// Spec is Okta's document. It is safe for concurrent use.
type Spec struct {
	doc    *openapi3.T
	router routers.Router
}

// Load reads the document, once per process.
var Load = sync.OnceValues(func() (*Spec, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err == nil && len(bytes.TrimSpace(dir)) == 0 {
		err = errors.New("its folder is not known")
	}
	if err != nil {
		return nil, fmt.Errorf("finding the module of the SDK: %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(strings.TrimSpace(string(dir)), "okta", "api", "openapi.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading Okta's specification: %w", err)
	}
	for _, d := range Deviations {
		d.amend(doc)
	}
	doc.Servers = openapi3.Servers{{URL: org}}
	openapi3filter.RegisterBodyDecoder("application/secevent+jwt", text)
	openapi3filter.RegisterBodyDecoder("text/html", text)
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation())
	if err != nil {
		return nil, fmt.Errorf("indexing Okta's specification: %w", err)
	}
	return &Spec{doc, router}, nil
})

// text decodes a body that is text.
func text(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
	b, err := io.ReadAll(body)
	return string(b), err
}

// Check returns the problems of a call and its response by Okta's document and the Deviations. It does not check
// responses that an injected error made.
func (s *Spec) Check(c emulator.Observed) []string {
	problems := s.checkRequest(c)
	if !c.Fault {
		problems = append(problems, s.CheckReply(c)...)
	}
	return problems
}

// checkRequest returns the problems of a request.
func (s *Spec) checkRequest(c emulator.Observed) []string {
	input, err := s.input(c)
	if err != nil {
		return []string{problem(c, "request", err)}
	}
	var problems []string
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		problems = append(problems, problem(c, "request", err))
	}
	// The validation ignores undeclared parameters, as Okta would ignore a misspelled one.
	declared := slices.Concat(input.Route.Operation.Parameters, input.Route.PathItem.Parameters)
	for name := range c.Request.URL.Query() {
		if declared.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			problems = append(problems, problem(c, "request", fmt.Errorf("the query parameter %s is not declared", name)))
		}
	}
	return problems
}

// CheckReply returns the problems of a response alone. The document does not have the refusals of DPoP proofs, which Okta's
// gateway sends without a body.
func (s *Spec) CheckReply(c emulator.Observed) []string {
	if c.Status == http.StatusBadRequest && len(c.Reply) == 0 && strings.HasPrefix(c.Header.Get("WWW-Authenticate"), "DPoP error=") {
		return nil
	}
	input, err := s.input(c)
	if err != nil {
		return nil // a route that Okta does not have is a problem of the request
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: c.Status, Header: c.Header,
		Body: io.NopCloser(bytes.NewReader(c.Reply)), Options: input.Options,
	})
	if err != nil {
		return []string{problem(c, "reply", err)}
	}
	return nil
}

// input finds the operation that a request asks for.
func (s *Spec) input(c emulator.Observed) (*openapi3filter.RequestValidationInput, error) {
	target, err := url.Parse(org + c.Request.URL.RequestURI())
	if err != nil {
		return nil, err
	}
	r := &http.Request{Method: c.Request.Method, URL: target, Header: c.Request.Header, Body: io.NopCloser(bytes.NewReader(c.Body))}
	route, params, err := s.router.FindRoute(r)
	if err != nil {
		return nil, err
	}
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}, nil
}

// Scopes are the OAuth scopes that the document wants for a request; none if it needs no credentials.
func (s *Spec) Scopes(c emulator.Observed) ([]string, error) {
	input, err := s.input(c)
	if err != nil {
		return nil, err
	}
	var scopes []string
	if security := input.Route.Operation.Security; security != nil {
		for _, requirement := range *security {
			scopes = append(scopes, requirement["oauth2"]...)
		}
	}
	return scopes, nil
}

// problem describes a problem of a call in one line.
func problem(c emulator.Observed, what string, err error) string {
	line := strings.Join(strings.Fields(err.Error()), " ")
	if len(line) > 500 {
		line = line[:500] + "…"
	}
	return fmt.Sprintf("%s %s %d: the %s differs from Okta's specification: %s", c.Request.Method, c.Request.URL.Path, c.Status, what, line)
}
