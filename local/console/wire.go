package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/secops"
)

// maxRequest bounds the body of a request to the console, in bytes.
const maxRequest = 1 << 20

// wireRequest is a form as it is filled in.
type wireRequest struct {
	Group   string          `json:"group"`
	Slug    string          `json:"slug"`
	AsJob   bool            `json:"as_job"`
	Request json.RawMessage `json:"request"`
	Origin  string          `json:"origin"` // of the page
}

// snippet is a text to copy.
type snippet struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// formRequest is a request of a form.
type formRequest struct {
	Parameters map[string]any  `json:"parameters,omitzero"`
	Entities   []action.Entity `json:"entities,omitempty"`
	Options    map[string]bool `json:"options,omitempty"`
}

// wire returns the texts that call an action with the values of a form. Secrets are replaced by $SECRET.
func (c *console) wire(w http.ResponseWriter, r *http.Request) {
	var q wireRequest
	var request formRequest
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&q)
	if err == nil {
		err = json.Unmarshal(q.Request, &request)
	}
	g, a, ok := action.Find(handlers.Groups, q.Slug)
	if a.Slug == "ping" {
		g, ok = groupNamed(q.Group)
	}
	if err != nil || !ok {
		http.Error(w, "the form is not valid", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	headers := "-H 'content-type: application/json'"
	if c.Started != nil {
		headers += ` -H "Start-Token: $START_TOKEN"`
	}
	if q.AsJob {
		headers += " -H 'prefer: respond-async'"
	}
	_ = json.NewEncoder(w).Encode(snippets(g, a, request, q.AsJob, strings.TrimRight(q.Origin, "/"), headers))
}

func groupNamed(name string) (action.Group, bool) {
	i := slices.IndexFunc(handlers.Groups, func(g action.Group) bool { return g.Name == name })
	if i < 0 {
		return action.Group{}, false
	}
	return handlers.Groups[i], true
}

func snippets(g action.Group, a action.Action, q formRequest, asJob bool, origin, headers string) []snippet {
	for _, p := range a.Params {
		if value, ok := q.Parameters[p.Name]; ok && p.Secret && value != "" {
			q.Parameters[p.Name] = "$SECRET"
		}
	}
	if q.Parameters == nil {
		q.Parameters = map[string]any{}
	}
	body, message := indented(q), withAction(a, q)
	httpStep := secops.Step{IdempotencyKey: secops.StepKey(a), Body: body}
	if asJob {
		httpStep = secops.JobStep(a, body)
	}
	list := []snippet{
		{"curl", fmt.Sprintf("curl -s %s/%s/%s %s \\\n  -d %s", origin, g.Name, a.Slug, headers, quoted(body))},
		{"SecOps integration", step(a, q)},
		{"SecOps HTTP V2", httpStep.Fields("https://URL_OF_"+g.Function+"/"+a.Slug, false)},
		{"Pub/Sub", fmt.Sprintf("gcloud pubsub topics publish okta-%s --message=%s", g.Name, quoted(message))},
		{"Access", access(g, a)},
	}
	if slices.ContainsFunc(a.Params, func(p action.Param) bool { return p.Secret && q.Parameters[p.Name] != nil }) {
		list[3].Text = "Pub/Sub refuses a request with a secret: send it over HTTP."
	}
	return list
}

// step returns the fields of the step with the response integration.
func step(a action.Action, q formRequest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Action  Okta SecOps: %s\n", a.Name)
	if len(q.Entities) > 0 {
		fmt.Fprintf(&b, "Scope   All users\n")
	}
	for _, p := range a.Params {
		value, ok := q.Parameters[p.Name]
		if !ok {
			value = p.Default
		}
		if list, is := value.([]any); is {
			texts := make([]string, len(list))
			for i, v := range list {
				texts[i] = fmt.Sprint(v)
			}
			value = strings.Join(texts, ", ")
		}
		if value == nil {
			value = ""
		}
		fmt.Fprintf(&b, "%s: %v\n", p.Name, value)
	}
	if a.Mutates {
		fmt.Fprintf(&b, "Dry Run: %v\nVerify: %v\n", q.Options["dry_run"], q.Options["verify"])
	}
	return strings.TrimSpace(b.String())
}

// access returns what the deployment and Okta must allow.
func access(g action.Group, a action.Action) string {
	lines := []string{fmt.Sprintf("Function         %s (groups = [%q] in Terraform)", g.Function, g.Name)}
	for _, s := range []struct {
		name   string
		scopes []string
	}{
		{"OAuth scopes     ", a.OktaScopes},
		{"Optional scopes  ", a.OptionalScopes},
		{"Guardrail scopes ", a.GuardrailScopes()},
	} {
		if len(s.scopes) > 0 {
			lines = append(lines, s.name+strings.Join(s.scopes, ", "))
		}
	}
	if g.Signs {
		lines = append(lines, "Signing key      okta_credentials.signals or signals.publish in Terraform: docs/signals.md")
	}
	return strings.Join(append(lines, fmt.Sprintf(`Key of a caller  {"id": "secops", "actions": [%q]}`, a.Name)), "\n")
}

func indented(q formRequest) string {
	text, _ := json.MarshalIndent(q, "", "  ")
	return string(text)
}

// withAction returns the request as a message.
func withAction(a action.Action, q formRequest) string {
	text, _ := json.Marshal(struct {
		Action string `json:"action"`
		formRequest
	}{a.Name, q})
	return string(text)
}

// quoted returns a text as one word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
