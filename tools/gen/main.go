// Command gen writes docs/actions.md, docs/guardrails.schema.json, terraform/catalog.json and the tables of README.md
// and of other documents from the declarations of the actions, the policy, the settings, the errors and Terraform's
// modules. For the example replies it runs each action's example on the emulator's seeded organization, with a stopped
// clock.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/secops"
)

func main() {
	root := flag.String("root", ".", "the `directory` of the module")
	flag.Parse()
	in := func(name string) string { return filepath.Join(*root, filepath.FromSlash(name)) }
	for name, write := range map[string]func(io.Writer) error{
		"docs/actions.md": actions, "terraform/catalog.json": catalog,
		"docs/guardrails.schema.json": func(w io.Writer) error { return policySchema(w, in("internal/guardrail/policy.go")) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(in(name), b.Bytes(), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	migration, err := secops.MigrationTable()
	if err != nil {
		log.Fatal(err)
	}
	errors, err := errorTables(*root)
	if err != nil {
		log.Fatal(err)
	}
	parts, err := moduleTables(*root)
	if err != nil {
		log.Fatal(err)
	}
	maps.Copy(parts, map[string]string{
		"README.md": actionsTable(), "docs/configuration.md": settingsTable(), "docs/migration.md": migration,
		"docs/secops.md": secops.ActionsTable(), "docs/errors.md": errors, "docs/okta-setup.md": scopesTable(),
	})
	for name, part := range parts {
		if err := writeGenerated(in(name), part); err != nil {
			log.Fatal(err)
		}
	}
}

// deployedAction is an action with the playbook step that calls it.
type deployedAction struct {
	action.Entry
	SecOps secops.Step `json:"secops"`
}

// deployed is a group as Terraform deploys it.
type deployed struct {
	action.Catalog
	Actions         []deployedAction `json:"actions"` // instead of the catalog's
	EventFunction   string           `json:"event_function"`
	NeedsOkta       bool             `json:"needs_okta"` // credentials
	Signs           bool             `json:"signs"`      // it reads the signing key of signals
	Scopes          []string         `json:"oauth_scopes"`
	GuardrailScopes []string         `json:"guardrail_scopes"` // besides Scopes
	OptionalScopes  []string         `json:"optional_scopes"`  // besides Scopes
}

// catalog writes the groups by their names.
func catalog(w io.Writer) error {
	groups := map[string]deployed{}
	for _, g := range handlers.Groups {
		d := deployed{
			Catalog: g.Catalog(), EventFunction: g.EventFunction(), NeedsOkta: g.NeedsOkta(), Signs: g.Signs,
			Scopes: append([]string{}, g.Scopes()...), GuardrailScopes: g.GuardrailScopes(),
			OptionalScopes: append([]string{}, g.OptionalScopes()...),
		}
		for i, entry := range d.Catalog.Actions {
			_, reply, _, err := secops.Example(g, g.Actions[i])
			if err != nil {
				return fmt.Errorf("the example of %s: %w", entry.Name, err)
			}
			step, err := secops.StepOf(g.Actions[i], reply)
			if err != nil {
				return fmt.Errorf("the step of %s: %w", entry.Name, err)
			}
			d.Actions = append(d.Actions, deployedAction{entry, step})
		}
		groups[g.Name] = d
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(groups)
}

// scopesOf returns the scopes of an action, with those of its optional requests and its guardrails.
func scopesOf(a action.Action) string {
	text := orDash(codes(a.OktaScopes))
	if len(a.OptionalScopes) > 0 {
		text += "; optional " + codes(a.OptionalScopes)
	}
	if scopes := a.GuardrailScopes(); len(scopes) > 0 {
		text += " (" + codes(scopes) + ")"
	}
	return text
}

const head = `<!-- Generated from the declarations in handlers/ by go generate ./...; do not edit. -->

# Actions

All actions have the same form of request and reply; ` + "`GET /openapi.json`" + ` of
each function describes the fields. Parameter names match ignoring case,
spaces, ` + "`_` and `-`" + `. A list is a JSON array of strings, a string that holds such
an array, or one string with commas. The examples ran on the organization that
` + "`go run ./local`" + ` starts with; their ` + "`_links`" + ` are left out.

The actions of the product document:

` + tableHead

const beyondHead = "\nActions beyond the product document:\n\n" + tableHead

const tableHead = `| Action | Function | Path | Changes Okta | Runs on | OAuth scopes (of guardrails) |
|---|---|---|---|---|---|
`

func actions(w io.Writer) error {
	fmt.Fprint(w, head)
	for _, a := range documented(false) {
		row(w, a)
	}
	fmt.Fprint(w, "| [Ping](#ping) | all | `GET /ping`, `POST /ping` | no | - | "+
		"`okta.users.read`; none in `OktaSignals` |\n")
	if beyond := documented(true); len(beyond) > 0 {
		fmt.Fprint(w, beyondHead)
		for _, a := range beyond {
			row(w, a)
		}
	}
	for _, a := range slices.Concat(documented(false), documented(true)) {
		if err := section(w, a.group, a.Action); err != nil {
			return err
		}
	}
	g := handlers.Groups[0]
	return section(w, g, g.Actions[len(g.Actions)-1])
}

// groupAction is an action with its group.
type groupAction struct {
	action.Action
	group action.Group
}

// documented returns the actions except Ping, in order: those of the product document, or the others.
func documented(beyond bool) []groupAction {
	var list []groupAction
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			if a.Slug != "ping" && a.Beyond == beyond {
				list = append(list, groupAction{a, g})
			}
		}
	}
	return list
}

func row(w io.Writer, a groupAction) {
	fmt.Fprintf(w, "| [%s](#%s) | `%s` | `POST /%s` | %s | %s | %s |\n", a.Name, a.Slug, a.group.Function, a.Slug,
		yes(a.Mutates), orDash(codes(a.RunsOn)), scopesOf(a.Action))
}

func section(w io.Writer, g action.Group, a action.Action) error {
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n", a.Name, a.Summary)
	if a.Aliases != nil {
		fmt.Fprintf(w, "Also: %s (`%s`).\n\n", strings.Join(a.Aliases, ", "), strings.Join(a.Slugs()[1:], "`, `"))
	}
	if len(a.Params) == 0 {
		fmt.Fprint(w, "No parameters.\n")
	} else {
		fmt.Fprint(w, "| Parameter | Type | Default | |\n|---|---|---|---|\n")
		for _, p := range a.Params {
			fmt.Fprintf(w, "| %s | %s | %s | %s |\n", p.Name, kind(p), standard(p), strings.Join(notes(p), " "))
		}
	}
	request, reply, status, err := secops.Example(g, a)
	if err != nil {
		return fmt.Errorf("the example of %s: %w", a.Name, err)
	}
	fmt.Fprintf(w, "\n`POST /%s`\n\n```json\n%s\n```\n\nreturns %d:\n\n```json\n%s\n```\n", a.Slug, request, status, reply)
	return nil
}

func kind(p action.Param) string {
	if p.Secret {
		return p.Type + ", secret"
	}
	return p.Type
}

func standard(p action.Param) string {
	switch {
	case p.Required:
		return "required"
	case p.Default != nil:
		return fmt.Sprintf("`%v`", p.Default)
	default:
		return "-"
	}
}

func notes(p action.Param) []string {
	out := []string{strings.ReplaceAll(p.Description, "|", "\\|")}
	if p.Allowed != nil {
		out = append(out, "One of "+codes(p.Allowed)+".")
	}
	if p.Min != nil && p.Max != nil {
		out = append(out, fmt.Sprintf("From %d to %d.", *p.Min, *p.Max))
	}
	if p.Aliases != nil {
		out = append(out, "Also: "+strings.Join(p.Aliases, ", ")+".")
	}
	return out
}

func codes[S ~string](words []S) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "`" + string(w) + "`"
	}
	return strings.Join(quoted, ", ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
