package action

import (
	"fmt"
	"slices"
	"strings"
)

// EnrichedEntity is an entity that became a target, with what the action adds to it.
type EnrichedEntity struct {
	Entity
	Enrichment map[string]string `json:"enrichment"`
}

// takeEntities chooses the entities in scope that the action runs on; the others are named in warnings.
func (inv *Invocation) takeEntities(entities []Entity) []Problem {
	var problems []Problem
	if len(entities) > MaxItems {
		return []Problem{{Parameter: "entities", Message: fmt.Sprintf("has %d entities; one call takes at most %d", len(entities), MaxItems)}}
	}
	for i, e := range entities {
		e.Type = EntityType(strings.ToUpper(strings.TrimSpace(string(e.Type))))
		name := strings.TrimSpace(e.Identifier)
		if !slices.Contains(inv.Action.RunsOn, e.Type) {
			inv.Warnings = append(inv.Warnings, fmt.Sprintf("The entity %s (%s) is ignored: %s runs on %s.", Shorten(name), e.Type, inv.Action.Name, runsOn(inv.Action.RunsOn)))
			continue
		}
		where := fmt.Sprintf("entities[%d].identifier", i)
		if name == "" {
			problems = append(problems, Problem{Parameter: where, Message: "is empty"})
		} else if IsPlaceholder(name) {
			problems = append(problems, Problem{Parameter: where, Message: fmt.Sprintf("holds the placeholder %s, which SecOps did not fill in", Shorten(name))})
		} else if err := checkIdentifier(name, true); err != nil {
			problems = append(problems, Problem{Parameter: where, Message: err.Error()})
		} else {
			inv.scope = append(inv.scope, e)
		}
	}
	return problems
}

func runsOn(types []EntityType) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = string(t)
	}
	return strings.Join(words, " and ")
}
