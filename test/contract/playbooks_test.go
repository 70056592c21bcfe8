package contract_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/secops"
	"example.com/okta-secops/test/testkit"
)

// playbookFile is a playbook as SecOps exports it, as far as a run needs it.
type playbookFile struct {
	Definition struct {
		Steps []playbookFileStep
	}
}

type playbookFileStep struct {
	Identifier, InstanceName, ActionName string
	ParentStepIdentifier                 string
	PreviousResultCondition              *string
	Type                                 int
	Parameters                           []struct {
		Name  string
		Value *string
	}
}

func (s playbookFileStep) value(name string) string {
	for _, p := range s.Parameters {
		if p.Name == name && p.Value != nil {
			return *p.Value
		}
	}
	return ""
}

// playbookRun runs a playbook file with the scripts of the integration, as SecOps does: it resolves the placeholders,
// follows the branches, and stops at a step that fails.
type playbookRun struct {
	t        *testing.T
	p        platform
	w        *testkit.World
	answers  map[string]string // to the questions, by step
	fields   map[string]string // of the alert, the event and the inputs
	entities []action.Entity

	results  map[string]stepResult
	done     []string
	comments []string
}

var playbookField = regexp.MustCompile(`\[([A-Z][^\].|]*)\.(?:JsonResult\| \\?"([^"\\]+)\\?"|(\w+))\]`)

// resolve replaces the placeholders of a text. Several values are joined by commas.
func (r *playbookRun) resolve(text string) string {
	return playbookField.ReplaceAllStringFunc(text, func(field string) string {
		m := playbookField.FindStringSubmatch(field)
		if value, ok := r.fields[m[1]+"."+m[3]]; ok {
			return value
		}
		result, ok := r.results[m[1]]
		switch {
		case !ok:
			r.t.Errorf("%s has no value", field)
			return field
		case m[3] == "is_success":
			return map[any]string{true: "True", false: "False"}[result.Value]
		}
		var members any
		if err := json.Unmarshal([]byte(result.json(r.t)), &members); err != nil {
			r.t.Fatal(err)
		}
		var texts []string
		for _, v := range testkit.ValuesAt(members, strings.Split(m[2], ".")) {
			texts = append(texts, fmt.Sprint(v))
		}
		return strings.Join(texts, ", ")
	})
}

// run runs the steps after a step, whose result is branch.
func (r *playbookRun) run(f playbookFile, after, branch string) {
	for _, s := range f.Definition.Steps {
		if s.ParentStepIdentifier != after {
			continue
		}
		if branch != "" && *s.PreviousResultCondition != fmt.Sprintf("{%q:%q}", after, branch) {
			continue
		}
		r.done = append(r.done, s.InstanceName)
		if next, goesOn := r.step(s); goesOn {
			r.run(f, s.Identifier, next)
		}
	}
}

// step runs one step and returns the branch that follows.
func (r *playbookRun) step(s playbookFileStep) (branch string, goesOn bool) {
	switch s.ActionName {
	case "MultiChoiceQuestion":
		var answers map[string]string
		if err := json.Unmarshal([]byte(s.value("Answers")), &answers); err != nil {
			r.t.Fatal(err)
		}
		for order, answer := range answers {
			if answer == r.answers[s.InstanceName] {
				return order, true
			}
		}
		r.t.Errorf("the question %s has no answer %q", s.InstanceName, r.answers[s.InstanceName])
		return "", false
	case "IfFlowCondition":
		return r.condition(s), true
	case "OutputAction":
		r.comments = append(r.comments, r.resolve(s.value("NestedWorkflowOutput")))
		return "", true
	}
	var parameters map[string]any
	if err := json.Unmarshal([]byte(s.value("ScriptParametersEntityFields")), &parameters); err != nil {
		r.t.Fatal(err)
	}
	for name, value := range parameters {
		if text, is := value.(string); is {
			parameters[name] = r.resolve(text)
		}
	}
	if s.ActionName == "Siemplify_Case Comment" {
		r.comments = append(r.comments, parameters["Comment"].(string))
		return "", true
	}
	var entities []action.Entity
	if s.value("SelectedScopeName") == "All users" {
		entities = r.entities
	}
	result := r.p.run(r.t, playbookStep{
		Action: strings.TrimPrefix(s.ActionName, secops.Identifier+"_"), Form: builtForm, Parameters: parameters, Entities: entities,
		Configuration: instance(r.w),
	})
	r.results[s.InstanceName] = result
	return "", result.State == completed
}

func (r *playbookRun) condition(s playbookFileStep) string {
	var branches []struct {
		Order           int
		IsDefaultBranch bool
		Conditions      []struct {
			Operator         int
			FieldName, Value string
		}
	}
	if err := json.Unmarshal([]byte(s.value("Branches")), &branches); err != nil {
		r.t.Fatal(err)
	}
	other := ""
	for _, b := range branches {
		if b.IsDefaultBranch {
			other = fmt.Sprint(b.Order)
		} else if c := b.Conditions[0]; c.Operator == 0 && r.resolve(c.FieldName) == c.Value {
			return fmt.Sprint(b.Order)
		}
	}
	return other
}

// TestPlaybooks_RunOnTheProduct runs each playbook to its ends, and checks the state of Okta.
func TestPlaybooks_RunOnTheProduct(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	files, err := secops.PlaybookFiles()
	if err != nil {
		t.Fatal(err)
	}
	user := func(names ...string) (list []action.Entity) {
		for _, name := range names {
			list = append(list, action.Entity{Identifier: strings.ToUpper(name) + "@ACME.TEST", Type: action.UserEntity})
		}
		return list
	}
	status := func(login, want string) func(*playbookRun) {
		return func(r *playbookRun) {
			if got := r.w.User(login).Status; got != want {
				r.t.Errorf("%s is %s, want %s", login, got, want)
			}
		}
	}
	fields := map[string]string{
		"Entity.OriginalIdentifier": "alice@acme.test", "Event.StartTime": "2026-03-02T09:59:00Z", "Alert.Name": "Impossible travel",
	}
	for name, c := range map[string]struct {
		file     string
		entities []action.Entity
		answers  map[string]string
		done     string
		comment  string
		check    func(r *playbookRun)
	}{
		"suspend": {"okta_suspend_user", user("alice", "bob"), nil, "Preview Suspend Outcome Done",
			"Okta: The users are suspended. Suspended 2 users: alice@acme.test, bob@acme.test.", status("bob", "SUSPENDED")},
		"suspend some": {"okta_suspend_user", user("alice", "erin"), nil, "Preview Suspend Outcome Partly done",
			"Okta: not all targets were reached. The table of the step names each. Suspended 1 user: alice@acme.test. Not done: erin", status("erin", "LOCKED_OUT")},
		"suspend none": {"okta_suspend_user", user("erin"), nil, "Preview", "", status("erin", "LOCKED_OUT")},
		"sessions": {"okta_terminate_sessions", user("alice"), nil, "Clear sessions Find events Outcome Done", "Okta: The sessions ended. ",
			func(r *playbookRun) {
				if r.w.User("alice").Sessions != 0 || !strings.Contains(r.results["Find events"].Message, "alice") && len(r.results["Find events"].json(t)) < 200 {
					r.t.Errorf("%+v", r.results["Find events"])
				}
			}},
		"roles": {"okta_role_hygiene", user("admin"), nil, "Read roles Preview Remove role Outcome Done", "Okta: The users do not have the role. ",
			func(r *playbookRun) {
				if roles := r.w.User("admin").Roles; len(roles) > 0 {
					r.t.Errorf("admin has %v", roles)
				}
			}},
		"signal": {"okta_share_risk_signal", user("alice"), nil, "Send signal Outcome Done", "Okta: Okta accepted the signal. ",
			func(r *playbookRun) {
				if signals := r.w.Okta.Signals(); len(signals) != 1 || !signals[0].Verified {
					r.t.Errorf("%+v", signals)
				}
			}},
		"enrich": {"okta_enrich_user", user("alice"), nil, "Profile Groups Roles Factors Risk Summary", "Okta: Found 1 user", func(r *playbookRun) { r.w.WantWrites() }},
		"contain": {"okta_contain_user_with_approval", user("alice"), map[string]string{"Approval": "Contain"},
			"Investigate Preview Approval Contain Outcome Done", "Okta: The users are contained.", status("alice", "SUSPENDED")},
		"contain not": {"okta_contain_user_with_approval", user("alice"), map[string]string{"Approval": "Do not contain"},
			"Investigate Preview Approval Denied", "Okta: the containment was not approved.", func(r *playbookRun) { r.w.WantWrites() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &playbookRun{
				t: t, p: p, w: testkit.New(t, testkit.Options{}), answers: c.answers, fields: fields, entities: c.entities,
				results: map[string]stepResult{},
			}
			r.play(files[c.file+".json"])
			if got := strings.Join(r.done, " "); got != c.done {
				t.Errorf("steps %s, want %s: %+v", got, c.done, r.results)
			}
			if comment := strings.Join(r.comments, "\n"); !strings.HasPrefix(comment, c.comment) || (comment == "") != (c.comment == "") {
				t.Errorf("comment %q, want %q", comment, c.comment)
			}
			c.check(r)
		})
	}
	t.Run("contain, then restore", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		r := &playbookRun{
			t: t, p: p, w: w, answers: map[string]string{"Approval": "Contain"}, entities: user("alice"), results: map[string]stepResult{},
		}
		r.play(files["okta_contain_user_with_approval.json"])
		undo := replyOf(t, r.results["Contain"])
		body, _ := undo.Get("undo_requests", 0, "body", "parameters", "Record").(string)
		r = &playbookRun{
			t: t, p: p, w: w, answers: map[string]string{"Approval": "Restore"}, results: map[string]stepResult{},
			fields: map[string]string{"Input.User": "alice", "Input.Record": body},
		}
		r.play(files["okta_restore_user_with_approval.json"])
		if got := strings.Join(r.done, " "); got != "Preview Approval Restore Restored" || w.User("alice").Status != "ACTIVE" || strings.Join(r.comments, "") != "True" {
			t.Errorf("%s, %s: %+v", got, r.comments, r.results)
		}
	})
}

func (r *playbookRun) play(text []byte) {
	r.t.Helper()
	var f playbookFile
	if err := json.Unmarshal(text, &f); err != nil {
		r.t.Fatal(err)
	}
	r.run(f, "", "")
}
