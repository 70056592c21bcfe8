package contract_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
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

func TestTheDescriptionIsOpenAPI31(t *testing.T) {
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

func TestTheDescriptionHasEveryParameter(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		doc, _ := description(t, s.World, s.group)
		item := doc.Paths.Value("/" + s.action.Slug)
		if item == nil || item.Post == nil || (item.Get != nil) != (s.action.Slug == "ping") {
			t.Fatalf("the operations of /%s: %v", s.action.Slug, item)
		}
		if item.Post.Summary != s.action.Summary {
			t.Errorf("summary %q", item.Post.Summary)
		}
		for _, status := range []string{"200", "400", "401", "403", "404", "405", "413", "415", "422", "500", "502", "503", "504"} {
			if item.Post.Responses.Value(status) == nil {
				t.Errorf("the status %s is not described", status)
			}
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

// TestRequestsAndRepliesAreAsDescribed holds real traffic against the served description.
func TestRequestsAndRepliesAreAsDescribed(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		_, router := description(t, s.World, s.group)
		bad := s.example()
		bad.Options = map[string]bool{"dryrun": true}
		bodies := []request{bad, s.example().with("Colour Of The Sky", "blue")}
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
