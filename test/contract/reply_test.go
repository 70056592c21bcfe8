package contract_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/test/testkit"
)

var (
	ulid = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)
	// unfit matches text that no sentence of a reply may contain: an address with a query, a key, a token, a stack trace.
	unfit = regexp.MustCompile(`https?://[^\s"]*\?|PRIVATE KEY|SSWS|eyJ[A-Za-z0-9_-]+\.|goroutine \d|\.go:\d`)
)

// checker collects what is wrong with the form of a reply.
type checker struct {
	testing.TB
	reply testkit.Reply
}

// checkReply holds a reply against the contract: every field, its type, and that the fields agree with one
// another. a is nil where the request names no action of the group.
func checkReply(t testing.TB, a *action.Action, r testkit.Reply) {
	t.Helper()
	c := checker{t, r}
	j := r.JSON
	fields := []string{"action", "entities", "invocation_id", "is_success", "json_result", "output_message", "replayed", "script_result", "status", "targets", "warnings"}
	if r.HTTP >= 400 {
		fields = append(fields, "error")
	}
	if _, mutates := j["undo_requests"]; a != nil && a.Mutates && r.HTTP != 401 && r.HTTP != 403 || a == nil && mutates { // which may be in the path
		fields = append(fields, "not_undoable", "undo_requests")
	}
	if org, named := j["org"]; named || r.HTTP == 200 { // before the run, the reply names no org
		fields = append(fields, "org")
		if text, _ := org.(string); !strings.HasPrefix(text, "127.0.0.1:") && text != "localhost" {
			t.Errorf("the org is %v", org)
		}
	}
	c.fields("the reply", j, fields)
	if h := r.Header; h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", h)
	}

	name, message := c.text("action", j["action"]), c.text("output_message", j["output_message"])
	status := c.text("status", j["status"])
	if !ulid.MatchString(c.text("invocation_id", j["invocation_id"])) {
		t.Errorf("invocation_id %v is not a ULID", j["invocation_id"])
	}
	if message == "" {
		t.Error("output_message is empty")
	}
	c.sentence(message)
	success := status == "success" || status == "planned"
	if j["is_success"] != success {
		t.Errorf("is_success is %v in status %s", j["is_success"], status)
	}
	if diff := cmp.Diff(map[string]any{"name": "is_success", "value": success}, j["script_result"]); diff != "" {
		t.Errorf("script_result (-want +got):\n%s", diff)
	}
	if a != nil && name != a.Name {
		t.Errorf("action is %q, want %q", name, a.Name)
	}
	if lead := failureLead(a); status == "failure" && !strings.HasPrefix(message, lead) {
		t.Errorf("the message of a failure does not begin with %q: %s", lead, message)
	}
	for _, w := range c.list("warnings", j["warnings"]) {
		c.sentence(c.text("a warning", w))
	}
	targets := c.list("targets", j["targets"])
	inputs := map[string]bool{}
	for _, target := range targets {
		inputs[c.target(target)] = true
	}
	want := statusOf(targets)
	if status == "planned" && !slices.ContainsFunc(r.Outcomes(), func(o string) bool { return o != "unchanged" }) {
		want = "planned" // a dry run that would change nothing
	}
	if r.HTTP == 200 && len(targets) > 0 && status != want {
		t.Errorf("status is %s, but the targets say %s", status, want)
	}
	switch result := j["json_result"].(type) {
	case nil, []any:
	case map[string]any:
		if a != nil && a.TakesUsers() {
			for key := range result {
				if !inputs[key] {
					t.Errorf("json_result has the key %q, which is not a target's input", key)
				}
			}
		}
	default:
		t.Errorf("json_result is a %T", result)
	}
	c.entities()
	if r.HTTP >= 400 {
		c.error(status)
	}
}

func failureLead(a *action.Action) string {
	switch {
	case a == nil:
		return "Error executing action "
	case a.Slug == "ping":
		return "Failed to connect to the Okta organization. Error is "
	case a.Slug == "send-itp-signal":
		return "Failed to send the ITP signal to Okta. Error is "
	default:
		return `Error executing action "` + a.Name + `". Reason: `
	}
}

// statusOf returns the status for the outcomes of the targets.
func statusOf(targets []any) string {
	var reached, planned, changed int
	for _, target := range targets {
		t, _ := target.(map[string]any)
		switch t["outcome"] {
		case "changed", "unchanged", "accepted", "found":
			reached++
		case "planned":
			planned++
		default:
			roles, _ := t["roles"].([]any)
			steps, _ := t["steps"].([]any)
			roles = append(roles, steps...)
			if slices.ContainsFunc(roles, func(r any) bool {
				o := r.(map[string]any)["outcome"]
				return o == "changed" || o == "planned"
			}) {
				changed++
			}
		}
	}
	switch {
	case reached == len(targets):
		return "success"
	case reached+planned == len(targets):
		return "planned"
	case reached+planned+changed == 0:
		return "failure"
	}
	return "partial"
}

var (
	outcomes = []string{"changed", "unchanged", "accepted", "found", "not_found", "refused", "wrong_state", "failed", "planned"}
	missed   = []string{"not_found", "refused", "wrong_state", "failed"}
)

// target checks one target and returns its input.
func (c checker) target(v any) string {
	c.Helper()
	t := c.object("a target", v)
	c.known("a target", t, "input", "source", "outcome", "also_named", "user_id", "login", "before", "after", "verified", "roles", "steps", "undo", "not_undoable", "error")
	outcome := c.outcome(t["outcome"])
	c.naming(t)
	for _, n := range c.optionalList(t, "also_named") {
		c.naming(c.object("also_named", n))
	}
	for _, key := range []string{"user_id", "login"} {
		if v, ok := t[key]; ok {
			c.text(key, v)
		}
	}
	for _, key := range []string{"before", "after"} {
		if v, ok := t[key]; ok {
			c.object(key, v)
		}
	}
	if v, ok := t["verified"]; ok {
		if _, isBool := v.(bool); !isBool {
			c.Errorf("verified is a %T", v)
		}
	}
	changed := outcome == "changed"
	for _, v := range c.optionalList(t, "roles") {
		role := c.object("a role", v)
		c.known("a role", role, "role", "outcome", "error")
		c.text("role", role["role"])
		o := c.outcome(role["outcome"])
		changed = changed || o == "changed"
		c.targetError(o, role)
	}
	for _, v := range c.optionalList(t, "steps") {
		step := c.object("a step", v)
		c.known("a step", step, "step", "outcome", "message", "error")
		c.text("step", step["step"])
		if step["outcome"] == "not_available" {
			c.text("message", step["message"])
			continue
		}
		o := c.outcome(step["outcome"])
		changed = changed || o == "changed"
		c.targetError(o, step)
	}
	if undo, ok := t["undo"]; ok {
		if !changed {
			c.Errorf("a target that is %s has an undo", outcome)
		}
		c.undo(c.object("undo", undo))
	}
	c.targetError(outcome, t)
	return c.text("input", t["input"])
}

func (c checker) undo(undo map[string]any) {
	c.Helper()
	c.fields("undo", undo, []string{"action", "parameters"})
	parameters := c.object("undo.parameters", undo["parameters"])
	if parameters["Also Run On Scope"] != false {
		c.Errorf("an undo widens the scope: %v", undo)
	}
}

func (c checker) naming(n map[string]any) {
	c.Helper()
	c.text("input", n["input"])
	if n["source"] != "parameter" && n["source"] != "entity" {
		c.Errorf("source is %v", n["source"])
	}
}

func (c checker) outcome(v any) string {
	c.Helper()
	outcome := c.text("outcome", v)
	if !slices.Contains(outcomes, outcome) {
		c.Errorf("unknown outcome %q", outcome)
	}
	return outcome
}

// targetError checks that there is an error exactly where the outcome is a miss.
func (c checker) targetError(outcome string, of map[string]any) {
	c.Helper()
	v, has := of["error"]
	if has != slices.Contains(missed, outcome) {
		c.Errorf("outcome %s with error %v", outcome, v)
	}
	if !has {
		return
	}
	e := c.object("an error", v)
	c.known("an error", e, "code", "message", "retryable", "retry_after_s", "okta_request_id")
	if c.text("code", e["code"]) == "" {
		c.Errorf("an error without a code: %v", e)
	}
	c.sentence(c.text("message", e["message"]))
	if _, isBool := e["retryable"].(bool); !isBool {
		c.Errorf("retryable is a %T", e["retryable"])
	}
}

func (c checker) entities() {
	c.Helper()
	for _, v := range c.list("entities", c.reply.JSON["entities"]) {
		e := c.object("an entity", v)
		c.fields("an entity", e, []string{"enrichment", "entity_type", "identifier"})
		c.text("identifier", e["identifier"])
		c.text("entity_type", e["entity_type"])
		for name, value := range c.object("enrichment", e["enrichment"]) {
			c.text("enrichment."+name, value)
		}
	}
}

// error checks the error of the reply as a whole.
func (c checker) error(status string) {
	c.Helper()
	if status != "failure" {
		c.Errorf("status is %s with HTTP %d", status, c.reply.HTTP)
	}
	e := maps.Clone(c.object("error", c.reply.JSON["error"]))
	if wait, known := e["retry_after_s"]; known && fmt.Sprint(wait) != c.reply.Header.Get("Retry-After") {
		c.Errorf("error.retry_after_s is %v with Retry-After %q", wait, c.reply.Header.Get("Retry-After"))
	}
	delete(e, "retry_after_s")
	delete(e, "okta_request_id")
	c.fields("error", e, []string{"code", "message", "problems"})
	if c.text("error.code", e["code"]) == "" {
		c.Error("error.code is empty")
	}
	c.sentence(c.text("error.message", e["message"]))
	for _, v := range c.list("error.problems", e["problems"]) {
		p := c.object("a problem", v)
		c.fields("a problem", p, []string{"message", "parameter"})
		c.text("parameter", p["parameter"])
		c.sentence(c.text("message", p["message"]))
	}
	if again := c.reply.Header.Get("Retry-After"); (c.reply.HTTP == 503) != (again != "") {
		c.Errorf("HTTP %d with Retry-After %q", c.reply.HTTP, again)
	}
}

func (c checker) sentence(s string) {
	c.Helper()
	if bad := unfit.FindString(s); bad != "" {
		c.Errorf("%q must not be in a reply: %s", bad, s)
	}
}

func (c checker) text(what string, v any) string {
	c.Helper()
	s, ok := v.(string)
	if !ok {
		c.Errorf("%s is a %T, want a string", what, v)
	}
	return s
}

func (c checker) object(what string, v any) map[string]any {
	c.Helper()
	o, ok := v.(map[string]any)
	if !ok {
		c.Errorf("%s is a %T, want an object", what, v)
	}
	return o
}

func (c checker) list(what string, v any) []any {
	c.Helper()
	l, ok := v.([]any)
	if !ok {
		c.Errorf("%s is a %T, want an array", what, v)
	}
	return l
}

func (c checker) optionalList(of map[string]any, key string) []any {
	c.Helper()
	if v, ok := of[key]; ok {
		return c.list(key, v)
	}
	return nil
}

// fields wants exactly these members.
func (c checker) fields(what string, o map[string]any, want []string) {
	c.Helper()
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(o))); diff != "" {
		c.Errorf("members of %s (-want +got):\n%s", what, diff)
	}
}

// known wants no other members than these.
func (c checker) known(what string, o map[string]any, names ...string) {
	c.Helper()
	for name := range o {
		if !slices.Contains(names, name) {
			c.Errorf("%s has a member %q", what, name)
		}
	}
}
