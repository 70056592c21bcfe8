package secops

import (
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
)

// replacedAction is an action in Google's Okta integration, version 18: its parameters with their defaults, and the
// result that a later step reads.
type replacedAction struct {
	name       string // of our action
	oldName    string // "" if it is the same
	parameters []replacedParameter
	result     string // how its result is read
	now        string // how the same is read now
}

// replacedParameter is a parameter of an action in Google's integration.
type replacedParameter struct {
	name      string
	byDefault any // nil: none
	secret    bool
}

// on are the parameters of an action on users in Google's integration; its scope is off by default.
func on(users string, more ...replacedParameter) []replacedParameter {
	return append(append([]replacedParameter{{name: users}}, more...), replacedParameter{name: action.ScopeParameter,
		byDefault: false})
}

func flag(name string) replacedParameter  { return replacedParameter{name: name, byDefault: false} }
func field(name string) replacedParameter { return replacedParameter{name: name} }

const (
	keyedText = "ScriptResult: JSON text, by user"
	perTarget = "`json_result.<user>`, `targets.outcome`"
)

// replacedActions are the actions in Google's integration.
var replacedActions = []replacedAction{
	{"Add Group", "", []replacedParameter{field("Group Name"), field("Group Description")},
		"ScriptResult: the group as JSON text", "`json_result.id`"},
	{"Assign Role", "", on("User IDs", field("Role Types")), keyedText, perTarget},
	{"Clear Okta User Session", "", on("User IDs Or Logins"), "ScriptResult: true if one user was reached",
		"`is_success`: all users were reached"},
	{"Disable User", "", on("User IDs Or Logins", flag("Is Deactivate"), flag("Send Email If Deactivate")), keyedText,
		perTarget},
	{"Enable User", "", on("User IDs Or Logins", flag("Is Activate"), flag("Send Email If Activate")), keyedText,
		perTarget},
	{"Get Group", "", []replacedParameter{field("Group Ids Or Names"), flag("Is Id")},
		"ScriptResult: JSON text, by group", "`json_result.<group>`"},
	{"Get User", "", on("User Ids Or Logins"), "JsonResult: the list of users, `id`", "`json_result.id`"},
	{"List Providers", "", []replacedParameter{field("Query"), field("Type"), {name: "Limit", byDefault: 20}},
		"ScriptResult: the list as JSON text", "`json_result`"},
	{"List Roles", "", on("User IDs"), keyedText, "`json_result.<user>`"},
	{"List User Groups", "", on("User IDs Or Logins"), keyedText + ", the first page", "`json_result.<user>`, all pages"},
	{"List Users", "", []replacedParameter{field("Query"), field("Filter"), field("Search"), {name: "Limit",
		byDefault: 200}}, "ScriptResult: the list as JSON text", "`json_result`"},
	{"Ping", "", nil, "Success", "`is_success`"},
	{"Reset Password", "", on("User IDs Or Logins", flag("Send Email")), keyedText + ", with the link",
		"`json_result.<user>.resetPasswordUrl`"},
	{"Send ITP Signal", "Send ITP Signal To Okta", []replacedParameter{
		field("Key ID"), {name: "Private Key", secret: true}, field("User Email"), field("Timestamp"), field("Reason"),
		{name: "Severity", byDefault: "Medium"}, field("Issuer URL"),
	}, "JsonResult: `status`, `payload`", "`json_result.status`, `json_result.payload`"},
	{"Set Password", "", on("User IDs Or Logins", field("New Password"), flag("Add 10 Random Chars")),
		keyedText + ", with the password", "`json_result.<user>.password`, if random"},
	{"Unassign Role", "", on("User IDs", field("Role IDs Or Names"), flag("Is Id")),
		`ScriptResult: the text "true" or "false"`, perTarget},
}

// MigrationTable returns the table of docs/migration.md: what differs from Google's integration, action by action.
func MigrationTable() (string, error) {
	var b strings.Builder
	b.WriteString("| Action | Parameters that differ | Result before | Result now |\n|---|---|---|---|\n")
	for _, old := range replacedActions {
		_, a, ok := action.Find(handlers.Groups, old.name)
		if !ok {
			return "", fmt.Errorf("no action is named %q", old.name)
		}
		differs, err := differences(old, scriptAction{Action: a})
		if err != nil {
			return "", err
		}
		name := old.name
		if old.oldName != "" {
			name += " (before: " + old.oldName + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, strings.Join(differs, "<br>"), old.result, old.now)
	}
	return b.String(), nil
}

// differences compares the parameters of an action with those in Google's integration.
func differences(old replacedAction, a scriptAction) ([]string, error) {
	var out, added []string
	known := map[string]bool{}
	for _, before := range old.parameters {
		i := slices.IndexFunc(a.Params, func(p action.Param) bool {
			return slices.ContainsFunc(append([]string{p.Name}, p.Aliases...), func(name string) bool {
				return strings.EqualFold(name, before.name)
			})
		})
		if i < 0 {
			return nil, fmt.Errorf("%s has no parameter for %q", a.Name, before.name)
		}
		known[a.Params[i].Name] = true
		out = append(out, before.differences(a.Params[i])...)
	}
	for _, p := range a.parameters() {
		if !known[p.Name] {
			added = append(added, p.Name)
		}
	}
	if added != nil {
		out = append(out, "New: "+strings.Join(added, ", "))
	}
	if out == nil {
		out = []string{"-"}
	}
	return out, nil
}

// differences compares a parameter with ours.
func (r replacedParameter) differences(p action.Param) (out []string) {
	if p.Name != r.name {
		out = append(out, fmt.Sprintf("%s: was %s", p.Name, r.name))
	}
	now, was := parameterOf(p), fmt.Sprint(r.byDefault)
	switch {
	case now.Default == nil && r.byDefault != nil:
		out = append(out, fmt.Sprintf("%s: has no default, was %s", p.Name, was))
	case now.Default != nil && fmt.Sprint(now.Default) != was:
		out = append(out, fmt.Sprintf("**%s: %v by default, was %s**", p.Name, now.Default, was))
	}
	if p.Secret && !r.secret {
		out = append(out, p.Name+": is a password field, was text")
	}
	return out
}

// ActionsTable returns the table of docs/secops.md: every action of the integration.
func ActionsTable() string {
	var b strings.Builder
	b.WriteString("| Action | Group | Runs on | Outcome category |\n|---|---|---|---|\n")
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			on := "-"
			if len(a.RunsOn) > 0 {
				on = strings.Join(entityNames(a.RunsOn), ", ")
			}
			if a.Slug != "ping" {
				fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", a.Name, g.Name, on, a.Category)
			}
		}
	}
	b.WriteString("| Ping | all | - | `none` |\n")
	return b.String()
}
