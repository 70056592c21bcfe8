package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/okta-secops/handlers"
)

// jsonReport is the output of -json.
type jsonReport struct {
	Report
	t *testing.T
}

// report runs the command with -json, which must end with this exit code. Stdout has one JSON document and nothing else.
func (d *deployment) report(code int, args ...string) jsonReport {
	d.t.Helper()
	out, err := d.examine(append([]string{"-json"}, args...)...)
	if (err != nil) != (code != exitOK) {
		d.t.Errorf("%v, want the exit code %d\n%s", err, code, out)
	}
	r := jsonReport{t: d.t}
	decoder := json.NewDecoder(bytes.NewBufferString(out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r.Report); err != nil || decoder.More() {
		d.t.Fatalf("%v\n%s", err, out)
	}
	for _, f := range r.Findings {
		if f.Message == "" || (f.WhatToDo == "") != (f.Status == OK) {
			d.t.Errorf("%+v", f)
		}
		_ = okMessage(f.Check) // it is documented
	}
	return r
}

// want finds the findings of a check of a function ("": of the deployment). All of them must have this status, and one
// of them this text in its message.
func (r jsonReport) want(c Check, function string, status Status, text string) {
	r.t.Helper()
	found := false
	for _, f := range r.Findings {
		if f.Check == c && f.Function == function {
			found = found || strings.Contains(f.Message, text)
			if f.Status != status {
				r.t.Errorf("%s of %q is %s: %s", c, function, f.Status, f.Message)
			}
		}
	}
	if !found {
		r.t.Errorf("%s of %q has no message %q in %+v", c, function, text, r.Findings)
	}
}

// statuses returns the worst status of each check of a function.
func (r jsonReport) statuses(function string) map[Check]Status {
	worst := map[Check]Status{}
	for _, f := range r.Findings {
		if f.Function == function && (worst[f.Check] == "" || f.Status == Failed) {
			worst[f.Check] = f.Status
		}
	}
	return worst
}

func TestReport_HasEachCheckOfEachFunction(t *testing.T) {
	t.Parallel()
	d := deployedWithPubSub(t, nil)
	r := d.report(exitOK, "-project", "local", "-deliver", "-groups", "users")
	if r.Status != OK || r.Project != "local" || r.Region != region {
		t.Errorf("%+v", r.Report)
	}
	users, whole := r.statuses("okta-users"), r.statuses("")
	for _, c := range checks {
		want := OK
		if c.id == checkToken || c.id == checkScopes {
			want = Skipped // they need flags
		}
		if got := users[c.id] + whole[c.id]; got != want && c.id != checkPublished {
			t.Errorf("%s is %q", c.id, got)
		}
	}
	for i, f := range r.Findings {
		if i > 0 && f.Function != "" && r.Findings[i-1].Function == "" {
			t.Errorf("the deployment is before %s", f.Function)
		}
	}
}

func TestReport_SkipsWhatDependsOnAFailure(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	d.unreachable = true
	f := d.function(handlers.Groups[0])
	f.ServiceConfig.EnvironmentVariables["OKTA_API_TOKEN_SECRET"] = pasted
	d.functions.Deploy(f)
	got := d.report(exitFailed, "-groups", "users").statuses("okta-users")
	for c, want := range map[Check]Status{
		checkRuntime: OK, checkSettings: Failed, checkTimeout: Skipped, checkSecrets: Skipped, checkAccess: Failed,
		checkPing: Skipped, checkVersion: Skipped,
	} {
		if got[c] != want {
			t.Errorf("%s is %s, want %s", c, got[c], want)
		}
	}
}

func TestReport_StatusAndExitCode(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	if r := d.report(exitOK); r.Status != OK {
		t.Errorf("nothing to find: %s", r.Status)
	}
	f := d.function(handlers.Groups[0])
	delete(f.ServiceConfig.EnvironmentVariables, "GUARDRAILS")
	d.functions.Deploy(f)
	if r := d.report(exitOK); r.Status != Warning {
		t.Errorf("a warning: %s", r.Status)
	}
	d.open = true
	if r := d.report(exitFailed); r.Status != Failed {
		t.Errorf("a failure: %s", r.Status)
	}
	d.functions.SetDenied(true)
	r := d.report(exitFailed)
	r.want(checkDeployment, "", Failed, "needs roles/cloudfunctions.viewer")
	if r.Status != Failed {
		t.Errorf("an unreadable deployment: %s", r.Status)
	}
}

func TestReport_ChecksAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## 6. Examine the deployment")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, c := range checks {
		if !strings.Contains(table, "\n| `"+string(c.id)+"` | ") {
			t.Errorf("docs/deploy.md has no row for %s", c.id)
		}
	}
	if n := strings.Count(table, "\n| `"); n < len(checks) {
		t.Errorf("%d rows", n)
	}
}
