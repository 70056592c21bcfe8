package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const repository = "../.."

func TestErrors_TablesHaveTheCodesOfTheSource(t *testing.T) {
	t.Parallel()
	s, err := scanCodes(repository)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.check(); err != nil {
		t.Error(err)
	}
	if len(s.uses) < 40 {
		t.Errorf("only %d codes were found", len(s.uses))
	}
	for _, c := range errorCodes {
		checkRow(t, c.code, c.meaning, c.runbook)
		if c.fixer == "" {
			t.Errorf("%s: no fixer", c.code)
		}
	}
	for _, c := range oktaCodes {
		checkRow(t, c.code, c.todo, c.runbook)
	}
}

func checkRow(t *testing.T, code, text, runbook string) {
	t.Helper()
	if text == "" || strings.ContainsAny(text, "|\n") {
		t.Errorf("%s: the text is %q", code, text)
	}
	if _, err := os.Stat(filepath.Join(repository, "docs", "runbooks", runbook+".md")); runbook != "" && err != nil {
		t.Errorf("%s: %v", code, err)
	}
}

func TestErrors_CheckNamesEachDifference(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"handlers/x.go": `package x; const own = "own_" + "code"; var _ = apierr.New(apierr.Refused, own, "", nil)`,
		"internal/y.go": `package y; func f(e *apierr.Error, c string) { e.Kind, e.Code = apierr.Deadline, "assigned"; e.Code = c }`,
		"secrets/z.go":  `package z; var _ = apierr.Error{Kind: apierr.NotFound, Code: "literal"}`,
		"local/w.go":    `package w; func f() { writeError(nil, 400, "page", "") }`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := scanCodes(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"own_code": "[refused]", "assigned": "[deadline]", "literal": "[not_found]", "page": "[]"}
	got := map[string]string{}
	for code, kinds := range s.uses {
		got[code] = fmt.Sprint(kinds)
	}
	if !maps.Equal(want, got) {
		t.Errorf("codes %v, want %v", got, want)
	}
	err = s.check()
	for _, says := range []string{
		"own_code is in the source", "internal/y.go: c is not a constant", "ambiguous is in errorCodes, and the source does not",
		"internal/okta/oauth_errors.go: body.Err is in computedCodes",
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %s, got %v", says, err)
		}
	}
}

// TestErrors_OktaCodesHaveTheirKind lets Okta return each code of the table, and compares the HTTP status, the code and
// the advice to retry with those of its kind.
func TestErrors_OktaCodesHaveTheirKind(t *testing.T) {
	t.Parallel()
	for _, c := range oktaCodes {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			w, path, body := oktaRefuses(t, c)
			got := w.Run(path, body)
			m := c.kind.Meaning()
			found := got.Get("targets", 0, "error")
			if got.HTTP != m.HTTPStatus || got.Get("targets", 0, "outcome") != m.Outcome ||
				got.Get("targets", 0, "error", "code") != c.code || got.Get("targets", 0, "error", "retryable") != m.Retryable {
				t.Errorf("%d %v, want %d %s: %s", got.HTTP, found, m.HTTPStatus, c.kind, got.Body)
			}
		})
	}
}

// oktaRefuses returns a World in which Okta refuses a request with the code, and that request.
func oktaRefuses(t *testing.T, c oktaCode) (w *testkit.World, path, body string) {
	t.Helper()
	suspend := `{"parameters": {"User IDs": "alice", "Is Deactivate": false}}`
	fault := emulator.Fault{Path: "*/lifecycle/suspend", Method: http.MethodPost, Status: c.status}
	switch {
	case strings.HasPrefix(c.code, "E"):
		fault.Body = fmt.Sprintf(`{"errorCode": %q, "errorSummary": %q, "errorId": "oae1", "errorCauses": []}`, c.code, c.summary)
		w = testkit.New(t, testkit.Options{})
		path, body = "users/disable-user", suspend
	case strings.HasPrefix(c.summary, "Signals"):
		fault.Path = "/security/api/v1/security-events"
		fault.Body = fmt.Sprintf(`{"err": %q, "description": "refused"}`, c.code)
		w = testkit.New(t, testkit.Options{})
		path = "signals/send-itp-signal"
		body = `{"parameters": {"User Email": "alice@acme.test", "Timestamp": "2026-03-02T09:00:00Z", "Reason": "test", ` +
			`"Severity": "high"}}`
	default:
		fault.Path = "/oauth2/v1/token"
		fault.Body = fmt.Sprintf(`{"error": %q, "error_description": "refused"}`, c.code)
		w = testkit.New(t, testkit.Options{App: &emulator.App{Scopes: []string{"okta.users.read", "okta.users.manage"}}})
		path, body = "users/disable-user", suspend
	}
	w.Okta.AddFault(fault)
	return w, path, body
}

func TestErrors_ColumnsOfSeveralKinds(t *testing.T) {
	t.Parallel()
	status, again := columns([]apierr.Kind{apierr.Overloaded, apierr.Unavailable, apierr.Internal, apierr.Refused})
	if status != "422, 429, 500, 503" || again != "after the fix, no, yes" {
		t.Errorf("%s; %s", status, again)
	}
}
