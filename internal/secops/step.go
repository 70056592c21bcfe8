package secops

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
)

// Step is a request with HTTP V2 as the author of a SecOps playbook pastes it, and the paths of its reply.
type Step struct {
	IdempotencyKey string   `json:"idempotency_key"` // "" if a repeat is decided from the current state
	Body           string   `json:"body"`            // indented JSON: Terraform shows several lines without escapes
	Outputs        []string `json:"outputs"`
	Note           string   `json:"note"` // the values to replace; "" if there are none
	AsJob          bool     `json:"-"`    // the list of users is carried out as a job, which the step waits for
}

// Fields returns the fields of HTTP V2 > Execute HTTP Request, in the order in which SecOps shows them. token adds the
// ID token that the first step of the playbook gets.
func (s Step) Fields(url string, token bool) string {
	headers := []string{`"Content-Type": "application/json"`}
	if s.IdempotencyKey != "" {
		headers = append(headers, fmt.Sprintf(`"Idempotency-Key": %q`, s.IdempotencyKey))
	}
	expected := "{}    (with a value, SecOps sends the request again at each poll)"
	if s.AsJob {
		headers = append(headers, `"Prefer": "respond-async"`)
		expected = `{"job_status": "ended"}    (SecOps sends the request again at each poll)`
	}
	if token {
		headers = append(headers, `"Authorization": "Bearer [Step1.JsonResult| \"response_data.token\"]"`)
	}
	return "Method                    POST\n" +
		"URL Path                  " + url + "\n" +
		"URL Params                {}    (clear the default)\n" +
		"Headers                   {" + strings.Join(headers, ", ") + "}\n" +
		"Cookie                    {}    (clear the default)\n" +
		"Body Payload\n" + s.Body + "\n" +
		"Expected Response Values  " + expected + "\n" +
		"Fail on 4xx/5xx           off, if a later step branches on the status\n" +
		"Request Timeout           120\n"
}

// stepBody is the body of a request, with the members in the order in which an author fills them in.
type stepBody struct {
	Parameters map[string]any    `json:"parameters,omitzero"`
	Entities   []action.Entity   `json:"entities,omitempty"`
	Context    map[string]string `json:"context,omitempty"`
}

// StepOf returns the suggested step of an action. reply is the reply of Example.
func StepOf(a action.Action, reply string) (Step, error) {
	body, err := json.MarshalIndent(bodyOf(a), "", "  ")
	if err != nil {
		return Step{}, err
	}
	step := Step{Body: string(body), IdempotencyKey: StepKey(a)}
	var members map[string]any
	if err := json.Unmarshal([]byte(reply), &members); err != nil {
		return Step{}, err
	}
	step.Outputs = outputs(members, a.SecretResults)
	step.Note = noteOf(a, step)
	return step, nil
}

// noteOf returns the sentences about the values that the author of a playbook replaces.
func noteOf(a action.Action, s Step) string {
	var notes []string
	if strings.Contains(s.Body+s.IdempotencyKey, action.FillIn) {
		notes = append(notes, "Replace every value that holds FILL_IN: the function refuses a request that still has one.",
			"FILL_IN_CASE_ID takes the placeholder of the case, [Case.Id].", "context is optional: the audit record holds it.")
	}
	if len(a.RunsOn) > 0 {
		notes = append(notes, "[Entity.Identifier] and [Entity.Type] stand for the one entity in the scope of the step.",
			"SecOps joins several with commas, and the function ignores an entity with such a type:",
			"loop over the entities, or name the users in a parameter.")
	}
	if s.IdempotencyKey != "" {
		notes = append(notes, "FILL_IN_STEP_NAME takes a name that no other step of the playbook has:",
			"of two steps with one key, the second is refused, or gets the reply to the first and changes nothing.",
			"To run the step again on purpose, change the key.")
	}
	return strings.Join(notes, " ")
}

// StepKey returns the idempotency key of a step with HTTP V2, or "" if a repeat is decided from Okta's state. The key
// must differ from step to step: of two steps with one key, the second gets the reply to the first.
func StepKey(a action.Action) string {
	if !a.Mutates || a.ReadBack {
		return ""
	}
	return stepKey(a)
}

func stepKey(a action.Action) string {
	return "[Case.Id]-[Alert.Identifier]-" + a.Slug + "-" + action.FillIn + "_STEP_NAME"
}

// JobStep returns the step that sends a request as a job. It needs a key: SecOps sends the request again at each poll.
func JobStep(a action.Action, body string) Step {
	return Step{IdempotencyKey: stepKey(a), Body: body, AsJob: true}
}

// bodyOf returns the least request: the entities in scope if the action runs on entities, and a
// value to replace for each parameter that the action then misses. SecOps fills in the placeholders
// of entities only; every other value depends on the playbook.
func bodyOf(a action.Action) stepBody {
	if len(a.Params) == 0 {
		return stepBody{}
	}
	parameters := map[string]any{}
	body := stepBody{Parameters: parameters, Context: map[string]string{"case_id": action.FillIn + "_CASE_ID"}}
	r := action.Request{Parameters: parameters}
	if len(a.RunsOn) > 0 {
		parameters[action.ScopeParameter] = true
		r.Entities = []action.Entity{{Identifier: "alice", Type: a.RunsOn[0]}}
		body.Entities = []action.Entity{{Identifier: "[Entity.Identifier]", Type: "[Entity.Type]"}}
	}
	var missing *action.InvalidError
	if _, err := a.Bind(r); errors.As(err, &missing) {
		for _, m := range missing.Problems {
			parameters[m.Parameter] = action.FillIn + " " + m.Parameter
		}
	}
	return body
}

// anyTarget stands in a path for a target as the request names it.
const anyTarget = "<target>"

// outputs returns the paths of the values in a reply, as a later step reads them from the result of
// an HTTP V2 step. A list adds nothing to a path. secrets are members of json_result that the example
// does not return.
func outputs(reply map[string]any, secrets []string) []string {
	const root = "response_data."
	targets := map[string]bool{}
	list, _ := reply["targets"].([]any)
	for _, t := range list {
		input, _ := t.(map[string]any)["input"].(string)
		targets[input] = true
	}
	var all []string
	for _, member := range []string{"status", "is_success", "output_message", "json_result", "targets"} {
		value := reply[member]
		if keyed, is := value.(map[string]any); is && member == "json_result" {
			value = withoutNames(keyed, targets)
		}
		if value != nil {
			all = append(all, leaves(root+member, value)...)
		}
	}
	for _, name := range secrets {
		all = append(all, root+"json_result."+anyTarget+"."+name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// withoutNames returns the results by target under one name for all of them.
func withoutNames(results map[string]any, targets map[string]bool) map[string]any {
	out := map[string]any{}
	var named []any
	for name, value := range results {
		if targets[name] {
			named = append(named, value)
		} else {
			out[name] = value
		}
	}
	if named != nil {
		out[anyTarget] = named
	}
	return out
}

// unlisted are members that no later step reads by a path: links, and requests to send as a whole.
var unlisted = []string{"_links", "_embedded", "undo"}

func leaves(path string, value any) []string {
	var all []string
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			if strings.Contains(name, ".") { // a path cannot name this member
				return []string{path}
			}
		}
		for name, member := range v {
			if !slices.Contains(unlisted, name) {
				all = append(all, leaves(path+"."+name, member)...)
			}
		}
	case []any:
		for _, item := range v {
			all = append(all, leaves(path, item)...)
		}
	default:
		all = []string{path}
	}
	return all
}
