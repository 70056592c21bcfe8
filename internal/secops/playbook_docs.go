package secops

import (
	"fmt"
	"strings"
)

const playbooksHead = `<!-- Generated from internal/secops/playbooks.go by go generate ./...; do not edit. -->

# Playbooks

The playbooks use the response integration: install it first, as
[secops.md](secops.md) describes. They are in ` + "`secops/playbooks/`" + `, in the form in
which SecOps exports playbooks; ` + "`go run ./tools/secops-integration`" + ` packs them into
` + "`dist/" + PlaybooksName + "`" + `.

1. **Response > Playbooks**, menu **Import**: select the archive.
2. Open each playbook, choose the instance of the integration and adapt the
   values below. The imported playbooks are disabled, so that none runs before.
3. Test it with the playbook simulator on an alert whose user you may change,
   then enable it.

Every change in Okta passes the guardrails of the deployment, also from a
playbook. A step whose targets were all missed fails, and SecOps stops the
playbook there, unless **Skip step if it fails** is on.

**Tried**: the tests run each playbook against the local product, with the
parameters, placeholders, answers and conditions of its file, and check the
state of the emulator. **Not tried on a real platform**: the import of the
archive, the name of the scope ` + "`All users`" + `, the placeholders of alerts and events
(` + "`[Alert.Name]`, `[Event.StartTime]`, `[Entity.OriginalIdentifier]`" + `), and how SecOps
joins several values of a placeholder. The form was read from the playbooks in
github.com/chronicle/content-hub.

| Playbook | Use case | |
|---|---|---|
`

// PlaybooksDocument returns docs/playbooks.md.
func PlaybooksDocument() []byte {
	var b strings.Builder
	b.WriteString(playbooksHead)
	for _, p := range Playbooks {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", p.Name, strings.ReplaceAll(strings.ToLower(p.Name), " ", "-"),
			p.UseCase, p.Description)
	}
	for _, p := range Playbooks {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\nFile: `secops/playbooks/%s`\n\n```mermaid\nflowchart TD\n",
			p.Name, p.Description, p.File())
		start := "Alert"
		if p.Inputs != nil {
			start = "Inputs: " + strings.Join(p.Inputs, ", ")
		}
		fmt.Fprintf(&b, "  start([%s])\n", start)
		d := diagram{&b, map[string]string{}}
		d.draw(p.Steps, "start", "")
		b.WriteString("```\n\nAdapt:\n\n")
		for _, line := range p.Adapt {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	return []byte(b.String())
}

// diagram draws the steps of one playbook for Mermaid.
type diagram struct {
	b   *strings.Builder
	ids map[string]string // of the steps by name
}

func (d diagram) draw(nodes []Node, parent, label string) {
	for _, n := range nodes {
		id := fmt.Sprint("s", len(d.ids)+1)
		d.ids[n.Name] = id
		text := `["` + n.Name + `"]`
		switch {
		case n.Question != "":
			text = `{"` + n.Name + `: the analyst decides"}`
		case n.Field != "":
			text = `{"` + n.Name + `"}`
		case n.Action != "":
			text = `["` + n.Name + "<br>" + n.Action + dryRun(n) + `"]`
		}
		arrow := "-->"
		if label != "" {
			arrow = `-- "` + label + `" -->`
		}
		fmt.Fprintf(d.b, "  %s %s %s%s\n", parent, arrow, id, text)
		for _, branch := range n.Branches {
			value := branch.Value
			if value == "" {
				value = "else"
			}
			d.draw(branch.Steps, id, value)
		}
		parent, label = id, ""
	}
}

func dryRun(n Node) string {
	if n.Parameters["Dry Run"] == true {
		return ", dry run"
	}
	return ""
}
