package contract_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/test/testkit"
)

// description is the OpenAPI document of a group, as served, and the way to find its operations.
func description(t *testing.T, w *testkit.World, g action.Group) (*openapi3.T, routers.Router) {
	t.Helper()
	r := w.Do(http.MethodGet, g.Name+"/openapi.json", "", nil)
	if r.HTTP != 200 {
		t.Fatalf("%d %s", r.HTTP, r.Body)
	}
	doc, err := openapi3.NewLoader().LoadFromData(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: w.URL + "/" + g.Name}} // ./ is where it was read
	router, err := legacy.NewRouter(doc, openapi3.IsOpenAPI31OrLater())
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

func TestOpenAPI_IsValid31(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, g := range handlers.Groups {
		doc, _ := description(t, w, g)
		if doc.OpenAPI != "3.1.0" || !doc.IsOpenAPI31OrLater() {
			t.Errorf("%s: version %s", g.Name, doc.OpenAPI)
		}
		if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater(), openapi3.EnableMultiError(), openapi3.EnableSchemaFormatValidation()); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
		ids := []string{}
		for _, item := range doc.Paths.Map() {
			for _, o := range item.Operations() {
				ids = append(ids, o.OperationID)
			}
		}
		slices.Sort(ids)
		if len(slices.Compact(slices.Clone(ids))) != len(ids) {
			t.Errorf("%s: an operationId twice: %v", g.Name, ids)
		}
	}
}

// TestOpenAPI_LintFindsNothing runs Redocly's recommended rules on the documents of all groups.
func TestOpenAPI_LintFindsNothing(t *testing.T) {
	t.Parallel()
	redocly, err := exec.LookPath("redocly")
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal("npm package @redocly/cli is not installed; .ci/run installs it")
	case err != nil:
		t.Skip("skipped without npm package @redocly/cli")
	}
	dir, args := t.TempDir(), []string{"lint", "--extends=recommended", "--format=json"}
	for _, g := range handlers.Groups {
		text, err := json.MarshalIndent(httpapi.OpenAPI(g, httpapi.Description{CallerAuth: "apikey", KeyHeader: "X-Api-Key", Version: "v1"}), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, g.Name+".json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	lint := exec.CommandContext(t.Context(), redocly, args...)
	lint.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "NO_COLOR=1")
	out, err := lint.Output()
	reports := 0
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); reports++ {
		var report struct {
			Totals struct{ Errors, Warnings, Ignored int }
		}
		if decoded := d.Decode(&report); decoded != nil || report.Totals.Errors+report.Totals.Warnings+report.Totals.Ignored > 0 {
			t.Fatalf("%v\n%s", decoded, out)
		}
	}
	if err != nil || reports != len(handlers.Groups) {
		t.Errorf("%v: %d reports\n%s", err, reports, out)
	}
}

// statuses are those of the replies to a request for an action, by the contract of the product.
var statuses = []string{"200", "400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "500", "502", "503", "504"}

// TestOpenAPI_NamesTheSecurityOfTheDeployment: the document describes the configured CALLER_AUTH and the build.
func TestOpenAPI_NamesTheSecurityOfTheDeployment(t *testing.T) {
	t.Parallel()
	for auth, want := range map[string]*openapi3.SecurityScheme{
		"none":   nil,
		"iam":    {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
		"oidc":   {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
		"apikey": {Type: "apiKey", In: "header", Name: "X-Soc-Key"},
	} {
		text, err := json.Marshal(httpapi.OpenAPI(handlers.Groups[0], httpapi.Description{CallerAuth: auth, KeyHeader: "X-Soc-Key", Version: "v1.2.3"}))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			t.Fatal(err)
		}
		if doc.Info.Version != "v1.2.3" || len(doc.Security) == 0 != (want == nil) || len(*doc.Paths.Value("/health").Get.Security) != 0 {
			t.Errorf("%s: version %s, security %v", auth, doc.Info.Version, doc.Security)
		}
		if want == nil {
			continue
		}
		got := *doc.Components.SecuritySchemes["caller"].Value
		got.Description = ""
		if diff := cmp.Diff(*want, got, cmpopts.IgnoreUnexported(openapi3.SecurityScheme{}), cmpopts.IgnoreFields(openapi3.SecurityScheme{}, "Origin")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", auth, diff)
		}
	}
}

func TestOpenAPI_HasEveryParameter(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		doc, _ := description(t, s.World, s.group)
		item := doc.Paths.Value("/" + s.action.Slug)
		if item == nil || item.Post == nil || (item.Get != nil) != (s.action.Slug == "ping") {
			t.Fatalf("the operations of /%s: %v", s.action.Slug, item)
		}
		if item.Post.Summary != s.action.Summary {
			t.Errorf("summary %q", item.Post.Summary)
		}
		want := statuses
		if s.action.ChangesUsers() { // it can be a job
			want = slices.Sorted(slices.Values(append(slices.Clone(statuses), "202", "501")))
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(item.Post.Responses.Map()))); diff != "" {
			t.Errorf("the described statuses (-contract +document):\n%s", diff)
		}
		for _, status := range []string{"409", "429", "503"} {
			if item.Post.Responses.Value(status).Value.Headers["Retry-After"] == nil {
				t.Errorf("%s has no Retry-After", status)
			}
		}
		if described := item.Post.Parameters.GetByInAndName("header", "Idempotency-Key") != nil; described != s.action.Mutates {
			t.Errorf("Idempotency-Key described: %v", described)
		}
		schema := item.Post.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties["parameters"].Value
		for _, p := range s.action.Params {
			for _, name := range append([]string{p.Name}, p.Aliases...) {
				property := schema.Properties[name]
				if property == nil {
					t.Errorf("%q is not described", name)
				} else if property.Value.WriteOnly != p.Secret {
					t.Errorf("%q: writeOnly is %v, secret is %v", name, property.Value.WriteOnly, p.Secret)
				}
			}
			if slices.Contains(schema.Required, p.Name) != p.Required {
				t.Errorf("required: %v", schema.Required)
			}
		}
	})
}

// TestOpenAPI_DescribesRequestsAndReplies holds real traffic against the served description.
func TestOpenAPI_DescribesRequestsAndReplies(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		_, router := description(t, s.World, s.group)
		bad := s.example()
		bad.Options = map[string]bool{"dryrun": true}
		bodies := []request{bad, s.example().with("Color Of The Sky", "blue")}
		if s.users() != "" {
			bodies = append(bodies, s.example().with(s.users(), []string{"zed"}), s.example().with(s.users(), []string{"alice", "erin", "zed"}))
		}
		bodies = append(bodies, s.requests()...)
		for i, body := range bodies {
			httpRequest, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/"+s.path(), strings.NewReader(body.String()))
			if err != nil {
				t.Fatal(err)
			}
			httpRequest.Header.Set("Content-Type", "application/json")
			route, pathParams, err := router.FindRoute(httpRequest)
			if err != nil {
				t.Fatal(err)
			}
			input := &openapi3filter.RequestValidationInput{Request: httpRequest, PathParams: pathParams, Route: route}
			if err := openapi3filter.ValidateRequest(t.Context(), input); (err != nil) != (i == 0) {
				t.Errorf("the request %s: %v", body, err)
			}
			s.Okta.Reset()
			r := s.run(t, body)
			if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
				RequestValidationInput: input, Status: r.HTTP, Header: r.Header, Body: io.NopCloser(bytes.NewReader(r.Body)),
			}); err != nil {
				t.Errorf("the reply to %s: %v", body, err)
			}
		}
	})
}

// TestOpenAPI_DescribesTheReplyOfGuardrails: with and without limits, a freeze and an override.
func TestOpenAPI_DescribesTheReplyOfGuardrails(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{
		"",
		`{"freeze": "x", "disabled_rules": ["own_identity"], "assignable_roles": {"assign-role": ["REPORT_ADMIN"]}, "deactivate": "deny",
			"max_targets_per_call": {"default": 3, "disable-user": 1}, "max_users_per_hour": 5, "denied_actions": ["set-password"],
			"override": {"until": "2026-03-02T18:00:00Z", "rules": ["freeze"], "reason": "case 4711"}}`,
	} {
		w := testkit.New(t, testkit.Options{Env: map[string]string{"GUARDRAILS": policy}})
		for _, g := range handlers.Groups {
			doc, _ := description(t, w, g)
			schema := doc.Paths.Value("/guardrails").Get.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
			if len(schema.Properties) != 5 || schema.Properties["limits"].Value.Properties["max_users_per_hour"] == nil {
				t.Fatalf("%s: the schema does not name the members of the reply", g.Name)
			}
			r := w.Do(http.MethodGet, g.Name+"/guardrails", "", nil)
			if changes := slices.ContainsFunc(g.Actions, func(a action.Action) bool { return a.Mutates }); r.HTTP != 200 {
				t.Errorf("%s (changes: %v): %d %s", g.Name, changes, r.HTTP, r.Body)
			}
			var reply any
			if err := json.Unmarshal(r.Body, &reply); err != nil {
				t.Fatal(err)
			}
			if err := schema.VisitJSON(reply, openapi3.MultiErrors(), openapi3.EnableJSONSchema2020()); err != nil {
				t.Errorf("%s: %v: %s", g.Name, err, r.Body)
			}
		}
	}
}
