package oktaspec_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/oktaspec"
)

// TestCheck_ReportsDeviations makes sure that the check can fail.
func TestCheck_ReportsDeviations(t *testing.T) {
	t.Parallel()
	spec, err := oktaspec.Load()
	if err != nil {
		t.Fatal(err)
	}
	const user = `{"id": "00u1", "status": "ACTIVE", "profile": {"login": "alice@acme.test"}}`
	for name, c := range map[string]struct {
		method, path, kind, body string
		status                   int
		reply, problem           string // "": none
	}{
		"a user":                       {"GET", "/api/v1/users/00u1", "", "", 200, user, ""},
		"an escaped login":             {"GET", "/api/v1/users/a%40b%3Fc", "", "", 200, user, ""},
		"a path unknown to Okta":       {"GET", "/api/v1/user/00u1", "", "", 200, user, "no matching operation"},
		"a method unknown to Okta":     {"PATCH", "/api/v1/users/00u1", "", "", 200, user, "no matching operation"},
		"a misspelled query parameter": {"POST", "/api/v1/users/00u1/lifecycle/deactivate?sendEmial=true", "", "", 200, `{}`, "sendEmial is not declared"},
		"a query parameter left out":   {"POST", "/api/v1/users/00u1/lifecycle/reset_password", "", "", 200, `{}`, `"sendEmail" in query`},
		"no boolean":                   {"POST", "/api/v1/users/00u1/lifecycle/deactivate?sendEmail=True1", "", "", 200, `{}`, "sendEmail"},
		"an undeclared body":           {"POST", "/api/v1/users/00u1/lifecycle/suspend", "application/json", `{"x": 1}`, 200, `{}`, "body"},
		"a body of another type":       {"POST", "/api/v1/groups", "text/plain", `x`, 200, `{}`, "text/plain"},
		"a wrong type in the body":     {"POST", "/api/v1/groups", "application/json", `{"profile": {"name": 7}}`, 200, `{}`, "/profile/name"},
		"a wrong type in the reply":    {"GET", "/api/v1/users/00u1", "", "", 200, `{"id": 7}`, "/id"},
		"another status":               {"POST", "/api/v1/users/00u1/roles", "application/json", `{"type": "USER_ADMIN"}`, 200, `{}`, "status is not supported"},
		"an error that is none":        {"GET", "/api/v1/users/00u1", "", "", 409, `{"errorCode": 7}`, "/errorCode"},
		"a security event token":       {"POST", "/security/api/v1/security-events", "application/secevent+jwt", "e30.e30.e30", 202, "", ""},
		"a refused security event":     {"POST", "/security/api/v1/security-events", "application/secevent+jwt", "e30.e30.e30", 400, `{"err": "invalid_key", "description": "x"}`, ""},
		"a token as JSON":              {"POST", "/security/api/v1/security-events", "application/json", `{}`, 202, "", "application/json"},
	} {
		r := httptest.NewRequest(c.method, "http://127.0.0.1"+c.path, nil)
		r.Header.Set("Content-Type", c.kind)
		header := http.Header{}
		if c.reply != "" {
			header.Set("Content-Type", "application/json")
		}
		problems := strings.Join(spec.Check(emulator.Observed{Request: r, Body: []byte(c.body), Status: c.status, Header: header, Reply: []byte(c.reply)}), "\n")
		if c.problem == "" && problems != "" || !strings.Contains(problems, c.problem) {
			t.Errorf("%s: %q, want %q", name, problems, c.problem)
		}
	}
}

func TestDeviations_HaveReasons(t *testing.T) {
	t.Parallel()
	if n := len(oktaspec.Deviations); n > 11 { // five of them are routes that are newer than the document
		t.Errorf("%d deviations", n)
	}
	for _, d := range oktaspec.Deviations {
		if d.Name == "" || !strings.HasSuffix(d.Reason, ".") {
			t.Errorf("%q has no reason", d.Name)
		}
	}
}
