package secops

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
)

// PlaybooksName is the name of the archive of playbooks.
const PlaybooksName = Identifier + "Playbooks.zip"

// Playbook is a playbook that uses the integration.
type Playbook struct {
	Name        string
	UseCase     string // of the product document
	Description string
	Inputs      []string // of a block; a playbook has none
	Adapt       []string // what its author changes
	Steps       []Node   // in order; the last one may have branches
}

// Node is a step of a playbook, with the steps after it in its branches.
type Node struct {
	Name       string         // of the step in the playbook, unique in it
	Action     string         // of the integration, or Case Comment of SecOps; "" for a decision
	Parameters map[string]any // over the defaults of the action
	Question   string         // a decision of the analyst
	Field      string         // a decision by a value, such as [Step.is_success]
	Branches   []Branch       // of a decision
}

// Branch are the steps after an answer or a value.
type Branch struct {
	Value string // of Field, or the answer; "" if no other branch of a condition fits
	Steps []Node
}

// caseComment is the action of SecOps that adds a comment to the case.
const caseComment = "Case Comment"

// onScope is the scope of steps of actions that run on entities.
const (
	usersScope  = "All users"
	everyEntity = "All entities"
)

// File returns the name of the playbook's file.
func (p Playbook) File() string {
	return strings.ReplaceAll(strings.ToLower(p.Name), " ", "_") + ".json"
}

// id returns an identifier in the form of a UUID, the same for the same names.
func (p Playbook) id(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{Identifier, p.Name}, names...), "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8, RFC 9562 section 5.8
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// ParametersOf returns the parameters of a step, those that it does not set with their defaults.
func ParametersOf(n Node) (map[string]any, error) {
	if n.Action == caseComment {
		return n.Parameters, nil
	}
	_, a, ok := action.Find(handlers.Groups, n.Action)
	if !ok || a.Name != n.Action {
		return nil, fmt.Errorf("the step %s: no action is named %q", n.Name, n.Action)
	}
	all := map[string]any{}
	for _, p := range (scriptAction{Action: a}).parameters() {
		if all[p.Name] = p.Default; p.Default == nil {
			all[p.Name] = ""
		}
	}
	for name, value := range n.Parameters {
		if _, ok := all[name]; !ok {
			return nil, fmt.Errorf("the step %s: %s has no parameter %q", n.Name, n.Action, name)
		}
		all[name] = value
	}
	return all, nil
}

// exported returns the playbook in the form in which SecOps exports it: BuiltPlaybook of packages/mp in
// github.com/chronicle/content-hub. It is disabled: its author enables it.
func (p Playbook) exported() (map[string]any, error) {
	steps := []map[string]any{}
	if err := p.addSteps(&steps, p.Steps, nil, ""); err != nil {
		return nil, err
	}
	kind := 0
	trigger := map[string]any{
		"Identifier": p.id("trigger"), "IsEnabled": true, "DefinitionIdentifier": p.id(), "Type": 10, "WorkflowName": nil,
		"LogicalOperator": 0, "Environments": []string{"*"}, "Conditions": []map[string]any{{
			"FieldName": "[Event.event_metadata_vendorName]", "Value": "Okta", "MatchType": 1, "CustomOperatorName": nil,
		}},
	}
	if p.Inputs != nil {
		kind, trigger["Type"] = 1, 11
		conditions := []map[string]any{}
		for _, name := range p.Inputs {
			conditions = append(conditions, map[string]any{"FieldName": name, "Value": "", "MatchType": 0,
				"CustomOperatorName": nil})
		}
		trigger["Conditions"] = conditions
	}
	return map[string]any{
		"CategoryName": "Okta", "OverviewTemplatesDetails": []any{}, "WidgetTemplates": []any{},
		"Definition": map[string]any{
			"Identifier": p.id(), "IsEnable": false, "Version": 0.0, "IsArchived": false, "IsAutomatic": kind == 0,
			"Name":     p.Name,
			"Category": 2, "Description": p.Description, "Priority": 2, "Creator": p.id("creator"), "VersionCreator": nil,
			"VersionComment": nil, "OriginalWorkflowIdentifier": p.id("original"), "TemplateName": nil, "PlaybookType": kind,
			"IsDebugMode": false, "DebugBaseAlertIdentifier": nil, "DebugAlertIdentifier": nil, "SimulationClone": false,
			"DefaultAccessLevel": 2, "CreationSource": 1, "Steps": steps, "Triggers": []any{trigger},
			"OverviewTemplates": []any{},
			"Permissions":       []any{}, "Environments": []string{"*"},
		},
	}, nil
}

// addSteps adds steps in order. parent is the step before the first one, and order the branch of it.
func (p Playbook) addSteps(all *[]map[string]any, nodes []Node, parent *Node, order string) error {
	for i := range nodes {
		n := &nodes[i]
		step, err := p.step(*n)
		if err != nil {
			return err
		}
		step["ParentStepIdentifiers"], step["ParentStepIdentifier"], step["PreviousResultCondition"] = []string{}, "", nil
		if parent != nil {
			id := p.id(parent.Name)
			step["ParentStepIdentifiers"], step["ParentStepIdentifier"] = []string{id}, id
			step["PreviousResultCondition"] = "{}"
			if order != "" {
				step["PreviousResultCondition"] = fmt.Sprintf("{%q:%q}", id, order)
			}
		}
		*all = append(*all, step)
		for b, branch := range n.Branches {
			if err := p.addSteps(all, branch.Steps, n, fmt.Sprint(b+1)); err != nil {
				return err
			}
		}
		if len(n.Branches) > 0 && i < len(nodes)-1 {
			return fmt.Errorf("the playbook %s: steps follow the decision %s outside of its branches", p.Name, n.Name)
		}
		parent, order = n, ""
	}
	return nil
}

// step returns a step without its place.
func (p Playbook) step(n Node) (map[string]any, error) {
	values := map[string]any{
		"AssignedUsers": nil, "HasApprovalLink": nil, "MessageToAssignee": nil, "PendingActionTimeout": nil,
		"SelectedScopeName": everyEntity, "UseEntitiesLoopScope": "true",
	}
	step := map[string]any{
		"Identifier": p.id(n.Name), "OriginalStepIdentifier": p.id(n.Name, "original"), "ParentWorkflowIdentifier": p.id(),
		"InstanceName": n.Name, "IsAutomatic": true, "IsSkippable": false, "AutoSkipOnFailure": false,
		"IsDebugMockData": false,
		"StepDebugData":   nil, "ParentStepContainerId": nil, "IsTouchedByAi": false, "StartLoopStepIdentifier": nil,
		"ParallelActions": []any{}, "ActionProvider": "Flow", "Integration": "Flow",
	}
	var err error
	switch {
	case n.Action != "":
		err = p.actionStep(n, step, values)
	case n.Question != "":
		step["Name"], step["ActionName"], step["Type"], step["IsAutomatic"] = "MultiChoiceQuestion", "MultiChoiceQuestion",
			1, false
		step["Description"] = "A decision of the analyst"
		answers := map[string]string{}
		for i, b := range n.Branches {
			answers[fmt.Sprint(i+1)] = b.Value
		}
		values["Question"], values["SelectedScopeName"], values["DistinctDuplicateEntities"] = n.Question, nil, "true"
		values["Answers"], err = text(answers)
	case n.Field != "":
		step["Name"], step["ActionName"], step["Type"] = "Condition", "IfFlowCondition", 4
		step["Description"] = "A decision by the result of a step"
		values["Branches"], err = text(conditions(n))
		values["ErrorFallbackBranch"] = nil
	default: // the end of a block
		step["Name"], step["ActionName"], step["Type"], step["Description"] = "Output", "OutputAction", 6, ""
		values = map[string]any{"NestedWorkflowOutput": n.Parameters["Output"]}
	}
	if err != nil {
		return nil, err
	}
	parameters := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		parameters = append(parameters, map[string]any{
			"ParentStepIdentifier": p.id(n.Name), "ParentWorkflowIdentifier": p.id(), "Name": name, "Value": values[name],
		})
	}
	step["Parameters"] = parameters
	return step, nil
}

// actionStep fills in the step of an action.
func (p Playbook) actionStep(n Node, step, values map[string]any) error {
	parameters, err := ParametersOf(n)
	if err != nil {
		return err
	}
	integration, description := Identifier, "Adds a comment to the case"
	if n.Action == caseComment {
		integration = "Siemplify"
	} else {
		_, a, _ := action.Find(handlers.Groups, n.Action)
		description = a.Summary
		if parameters[action.ScopeParameter] == true {
			values["SelectedScopeName"] = usersScope
		}
		if a.CanBeJob() { // in seconds; the platform's own interval may be an hour, and a job is known for a day
			values["AsyncPollingInterval"], values["AsyncActionTimeout"] = "30", "86400"
		}
	}
	name := integration + "_" + n.Action
	step["Name"], step["ActionName"], step["Type"], step["Description"] = name, name, 0, description
	step["ActionProvider"], step["Integration"] = "Scripts", integration
	values["UseEntitiesLoopScope"], values["DynamicInjectionInstancePlaceholder"] = nil, ""
	values["FallbackIntegrationInstance"], values["FetchInstanceByName"] = nil, "false"
	values["IntegrationInstance"], values["ScriptName"] = "AutomaticEnvironment", name
	values["RetryConfiguration"] = `{"Enabled":false,"IntervalInSeconds":30,"NumberOfRetries":1}`
	values["ScriptParametersEntityFields"], err = text(parameters)
	return err
}

// conditions returns the branches of a condition. Operator 0 is "equal"; Type 7 is a placeholder.
func conditions(n Node) []map[string]any {
	var all []map[string]any
	for i, b := range n.Branches {
		branch := map[string]any{
			"LogicalOperator": 0, "Conditions": []any{}, "Order": i + 1, "IsDefaultBranch": b.Value == "", "Name": "Else",
		}
		if b.Value != "" {
			branch["Name"] = b.Value
			branch["Conditions"] = []map[string]any{{
				"Operator": 0, "FieldName": n.Field, "Type": 7, "Value": b.Value, "CustomOperatorName": nil,
			}}
		}
		all = append(all, branch)
	}
	return all
}

func text(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}

// PlaybookFiles returns the playbooks by the names of their files.
func PlaybookFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, p := range Playbooks {
		exported, err := p.exported()
		if err != nil {
			return nil, err
		}
		if files[p.File()], err = encode(exported); err != nil {
			return nil, err
		}
	}
	return files, nil
}
