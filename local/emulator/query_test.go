package emulator_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/oktaspec"
)

func TestQuery_RejectsUndeclaredParameters(t *testing.T) {
	t.Parallel()
	o := start(t)
	alice := o.user("alice").ID
	for _, c := range []struct {
		method, path, wrong string // wrong is the rejected parameter, or ""
	}{
		{"GET", "/api/v1/users?limit=1&q=a", ""},
		{"GET", "/api/v1/users?limits=1", "limits"},
		{"GET", "/api/v1/users?Limit=1", "Limit"},
		{"GET", "/api/v1/users?limit=1&limit=2", "limit"},
		{"GET", "/api/v1/users?sortBy=id", "sortBy"}, // declared in Okta, but the emulator does not sort
		{"GET", "/api/v1/users/alice?expand=x", "expand"},
		{"POST", "/api/v1/users/alice/lifecycle/suspend?sendEmail=true", "sendEmail"},
		{"POST", "/api/v1/users/alice/lifecycle/deactivate?send_email=true", "send_email"},
		{"DELETE", "/api/v1/users/" + alice + "/sessions?oauthToken=true", "oauthToken"},
		{"GET", "/api/v1/idps?type=OIDC&limit=2", ""},
		{"GET", "/api/v1/groups?query=x", "query"},
	} {
		a := o.do(c.method, c.path, "")
		if refused := a.status == 400 && a.code() == "E0000001" && strings.Contains(a.body,
			`"`+c.wrong+": "); refused != (c.wrong != "") {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	if u := o.user("alice"); u.Status != "ACTIVE" || u.Sessions != 2 {
		t.Errorf("a rejected request was executed: %+v", u)
	}
}

func TestQuery_ParametersAreInSpecification(t *testing.T) {
	t.Parallel()
	spec, err := oktaspec.Load()
	if err != nil {
		t.Fatal(err)
	}
	// These are in the documentation of DELETE /users/{id}/sessions, but not in the OpenAPI document
	// of the SDK.
	newer := map[string]bool{"forgetDevices": true}
	known := 0
	for pattern, names := range emulator.QueryParameters() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{user}", "00u1", "{group}", "00g1", "{assignment}", "ra1").Replace(path)
		for _, name := range names {
			if newer[name] {
				continue
			}
			known++
			r := httptest.NewRequest(method, "http://127.0.0.1"+path+"?"+name+"=1", nil)
			for _, problem := range spec.Check(emulator.Observed{Request: r, Fault: true}) {
				if strings.Contains(problem, "is not declared") || strings.Contains(problem, "no matching operation") {
					t.Error(problem)
				}
			}
		}
	}
	if known < 20 {
		t.Errorf("%d query parameters are known", known)
	}
}
