package providers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// listed returns the names of the providers in a reply.
func listed(t *testing.T, got testkit.Reply) []string {
	t.Helper()
	names := []string{}
	list, ok := got.Get("json_result").([]any)
	if !ok {
		t.Fatalf("json_result is not an array: %s", got.Body)
	}
	for i := range list {
		names = append(names, got.Get("json_result", i, "name").(string))
	}
	return names
}

func TestListProviders_ReturnsOktaObjects(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	want := `{
		"action": "List Providers", "status": "success", "is_success": true, "output_message": "Found 2 providers.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": ` + w.AsOktaHasIt("/api/v1/idps?type=GOOGLE") + `, "entities": [], "targets": [], "warnings": []
	}`
	w.Run("providers/list-providers", testkit.Params(map[string]any{"Type": "google", "Limit": 20})).Want(t, 200, want)
	if diff := cmp.Diff([]string{"GET /api/v1/idps?limit=20&type=GOOGLE"}, w.Asked()); diff != "" {
		t.Errorf("requests to Okta (-want +got):\n%s", diff)
	}
}

// The incumbent repeats the first page up to the limit, and without a limit forever (its defect 5).
func TestListProviders_FollowsPagesWithoutDuplicates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit    any
		pageSize int
		want     int
	}{
		"one page":                 {22, 0, 22},
		"pages of 5":               {22, 5, 22},
		"pages of 1":               {json.Number("22"), 1, 22},
		"the limit as a string":    {"22", 10, 22},
		"a limit at a page's end":  {20, 5, 20},
		"more than there are":      {5000, 10, 27},
		"20 unless told otherwise": {nil, 7, 20},
		"an empty limit is not 0":  {"", 7, 20},
		"one":                      {1, 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{PageSize: c.pageSize})
			var all []struct{ Name string }
			unpaged := testkit.New(t, testkit.Options{})
			if err := json.Unmarshal([]byte(unpaged.AsOktaHasIt("/api/v1/idps?limit=200")), &all); err != nil {
				t.Fatal(err)
			}
			want := []string{}
			for _, p := range all[:c.want] {
				want = append(want, p.Name)
			}
			got := w.Run("providers/list-providers", testkit.Params(map[string]any{"Limit": c.limit}))
			if diff := cmp.Diff(want, listed(t, got)); diff != "" || got.Get("status") != "success" {
				t.Errorf("providers (-want +got):\n%s", diff)
			}
			if c.pageSize > 0 && len(w.Asked()) != (c.want+c.pageSize-1)/c.pageSize {
				t.Errorf("pages asked for: %v", w.Asked())
			}
		})
	}
}

func TestListProviders_StopsAtCircularLinks(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/idps", Status: 200, Body: `[{"id": "0oa1", "name": "One"}]`,
		Headers: map[string]string{"Link": "<" + w.OktaURL + `/api/v1/idps?after=x>; rel="next"`}})
	got := w.Run("providers/list-providers", testkit.Params(map[string]any{"Limit": 5000}))
	if got.HTTP != 502 || got.Get("error", "code") != "bad_reply" || got.Get("status") != "failure" {
		t.Errorf("reply: %d %s", got.HTTP, got.Body)
	}
}

// Following a next link to another host would send the credentials there.
func TestListProviders_DoesNotFollowLinkToAnotherHost(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/idps", Status: 200, Body: `[{"id": "0oa1", "name": "One"}]`,
		Headers: map[string]string{"Link": `<https://okta.example.com/api/v1/idps?after=x>; rel="next"`}})
	got := w.Run("providers/list-providers", "")
	if got.HTTP != 502 || got.Get("error", "code") != "bad_reply" || len(w.Asked()) != 1 {
		t.Errorf("reply: %d %s", got.HTTP, got.Body)
	}
}

func TestListProviders_Filters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		params map[string]any
		query  string
		want   []string
	}{
		"by type":                             {map[string]any{"Type": "OIDC", "Limit": 2}, "limit=2&type=OIDC", []string{"Acme Keycloak", "Acme Auth Server"}},
		"by type in any case":                 {map[string]any{"Type": "Microsoft"}, "limit=20&type=MICROSOFT", []string{"Microsoft", "Microsoft Contractors"}},
		"by type with blanks":                 {map[string]any{"Type": " saml2 ", "Limit": 1}, "limit=1&type=SAML2", []string{"Acme ADFS"}},
		"by a type new to us":                 {map[string]any{"Type": "new_one"}, "limit=20&type=NEW_ONE", []string{}},
		"by another Okta org":                 {map[string]any{"Type": "okta_integration"}, "limit=20&type=OKTA_INTEGRATION", []string{"Acme Subsidiary Okta"}},
		"by its former type":                  {map[string]any{"Type": "okta"}, "limit=20&type=OKTA_INTEGRATION", []string{"Acme Subsidiary Okta"}},
		"by the beginning of a name":          {map[string]any{"Query": "partner"}, "limit=20&q=partner", []string{"Partner Blue", "Partner Green", "Partner Red", "Partner Yellow", "Partner Violet"}},
		"by both":                             {map[string]any{"Query": "Partner", "Type": "OIDC"}, "limit=20&q=Partner&type=OIDC", []string{"Partner Violet"}},
		"a name that needs escaping in a URL": {map[string]any{"Query": `a&type=OIDC#"é`}, "limit=20&q=a%26type%3DOIDC%23%22%C3%A9", []string{}},
		"by nothing":                          {map[string]any{"Query": "", "Type": nil, "Limit": "1"}, "limit=1", []string{"Acme ADFS"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			got := w.Run("providers/list-providers", testkit.Params(c.params))
			if diff := cmp.Diff(c.want, listed(t, got)); diff != "" || got.HTTP != 200 || got.Get("is_success") != true {
				t.Errorf("%d; providers (-want +got):\n%s", got.HTTP, diff)
			}
			if diff := cmp.Diff([]string{"GET /api/v1/idps?" + c.query}, w.Asked()); diff != "" {
				t.Errorf("requests to Okta (-want +got):\n%s", diff)
			}
		})
	}
}

// The product document shows Type as a checkbox (the incumbent's defect 19). The value of a
// checkbox is not a type.
func TestListProviders_CheckboxValueSelectsNoType(t *testing.T) {
	t.Parallel()
	for _, checked := range []any{true, false, "true", "False", "TRUE"} {
		w := testkit.New(t, testkit.Options{})
		got := w.Run("providers/list-providers", testkit.Params(map[string]any{"Type": checked, "Limit": 3}))
		if diff := cmp.Diff([]any{"Type: true and false select no type and are ignored; give a type such as SAML2, OIDC or GOOGLE"}, got.Get("warnings")); diff != "" {
			t.Errorf("%v: warnings (-want +got):\n%s", checked, diff)
		}
		if len(listed(t, got)) != 3 || got.Get("status") != "success" {
			t.Errorf("%v: %s", checked, got.Body)
		}
		if diff := cmp.Diff([]string{"GET /api/v1/idps?limit=3"}, w.Asked()); diff != "" {
			t.Errorf("%v: requests to Okta (-want +got):\n%s", checked, diff)
		}
	}
}

func TestListProviders_NoMatchIsSuccess(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Run("providers/list-providers", testkit.Params(map[string]any{"Query": "Nobody"})).Want(t, 200, `{
		"action": "List Providers", "status": "success", "is_success": true, "output_message": "Found 0 providers.",
		"script_result": {"name": "is_success", "value": true}, "json_result": [], "entities": [], "targets": [], "warnings": []
	}`)
}

func TestListProviders_Failures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault     emulator.Fault
		http      int
		code, say string
	}{
		"a type that Okta refuses": {emulator.Fault{Status: 400, Body: `{"errorCode": "E0000001", "errorSummary": "Api validation failed: type", "errorCauses": [{"errorSummary": "type: Invalid identity provider type"}]}`},
			422, "E0000001", "Api validation failed: type: type: Invalid identity provider type"},
		"no permission":        {emulator.Fault{Status: 403}, 502, "E0000006", "You do not have permission to perform the requested action; the owner of the API token lacks the admin role for this"},
		"the token is refused": {emulator.Fault{Status: 401}, 502, "E0000011", "Invalid token provided; check Okta's credentials (Api Token, OKTA_API_TOKEN_SECRET)"},
		"Okta has an error":    {emulator.Fault{Status: 500}, 503, "E0000009", "Okta returned status 500 (E0000009) in all 4 attempts; try again"},
		"Okta answers a page":  {emulator.Fault{Status: 200, Body: "<html>"}, 502, "bad_reply", "the response is not a valid Okta response: not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			c.fault.Path = "/api/v1/idps"
			w.Okta.AddFault(c.fault)
			got := w.Run("providers/list-providers", testkit.Params(map[string]any{"Type": "NOPE"}))
			if got.HTTP != c.http || got.Get("error", "code") != c.code || got.Get("status") != "failure" || got.Get("json_result") != nil {
				t.Errorf("reply: %d %s", got.HTTP, got.Body)
			}
			if diff := cmp.Diff(`Error executing action "List Providers". Reason: `+c.say, got.Get("output_message")); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListProviders_RejectsInvalidRequest(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, limit := range []any{0, -1, 5001, "many", "1.5", 1.5, true, "99999999999999999999", []any{1}} {
		got := w.Run("providers/list-providers", testkit.Params(map[string]any{"Limit": limit}))
		message, _ := got.Get("error", "problems", 0, "message").(string)
		if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != "Limit" || !strings.HasPrefix(message, "must be a whole number from 1 to 5000, not ") {
			t.Errorf("Limit %v: %d %s", limit, got.HTTP, got.Body)
		}
	}
	got := w.Run("providers/list-providers", testkit.Params(map[string]any{"Limit": 0, "Type": []any{"OIDC"}, "Querry": "x"}))
	if got.HTTP != 400 || len(got.Get("error", "problems").([]any)) != 3 || !strings.Contains(string(got.Body), `did you mean \"Query\"?`) {
		t.Errorf("several: %d %s", got.HTTP, got.Body)
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}
