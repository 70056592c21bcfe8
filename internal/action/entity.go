package action

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// scopeEntity is an entity in scope with the names that its identifier lists.
type scopeEntity struct {
	Entity
	names []string
}

// ignoredEntity is an entity in scope that does not become a target.
type ignoredEntity struct {
	entity string // "WS-17 (HOSTNAME)"
	reason string
}

func newIgnoredEntity(name string, kind EntityType, reason string) ignoredEntity {
	return ignoredEntity{fmt.Sprintf("%s (%s)", Shorten(name), Shorten(string(kind))), reason}
}

// bindEntities checks the entities of a request. If the scope is on, it takes the entities of the
// types on which the action runs and ignores the others.
func (inv *Invocation) bindEntities(entities []Entity, inScope bool) []Problem {
	var problems []Problem
	if len(entities) > MaxItems {
		message := fmt.Sprintf("has %d entities; one request takes at most %d", len(entities), MaxItems)
		return []Problem{{Parameter: "entities", Message: message}}
	}
	names := 0
	for i, e := range entities {
		where := fmt.Sprintf("entities[%d].", i)
		bad := unfilledProblems(where, e)
		problems = append(problems, bad...)
		if !inScope || len(bad) > 0 {
			continue
		}
		e.Type = EntityType(strings.ToUpper(strings.TrimSpace(string(e.Type))))
		if !slices.Contains(inv.Action.RunsOn, e.Type) {
			inv.ignoredEntities = append(inv.ignoredEntities, newIgnoredEntity(strings.TrimSpace(e.Identifier), e.Type,
				inv.Action.Name+" runs on "+strings.Join(entityTypes(inv.Action.RunsOn), " and ")))
			continue
		}
		listed, n, err := entityNames(e.Identifier)
		if err != nil {
			problems = append(problems, Problem{Parameter: where + "identifier", Message: err.Error()})
			continue
		}
		if names += n; names > MaxItems {
			message := fmt.Sprintf("list more than %d names, the maximum for one request", MaxItems)
			return append(problems, Problem{Parameter: "entities", Message: message})
		}
		inv.scope = append(inv.scope, scopeEntity{e, listed})
	}
	return problems
}

// unfilledProblems returns the problems of an entity that was not filled in.
func unfilledProblems(where string, e Entity) []Problem {
	var problems []Problem
	if problem := Unfilled(e.Identifier); problem != "" {
		problems = append(problems, Problem{Parameter: where + "identifier", Message: problem})
	}
	if problem := Unfilled(string(e.Type)); problem != "" {
		problems = append(problems, Problem{Parameter: where + "entity_type", Message: problem})
	}
	return problems
}

// entityNames returns the names that an entity's identifier lists: SecOps joins several entities
// with commas. It returns at most MaxItems names, and the number of all.
func entityNames(identifier string) (names []string, n int, err error) {
	items, n, err := listItems(strings.TrimSpace(identifier))
	if err != nil {
		return nil, 0, err
	}
	for _, item := range items {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		if problem := Unfilled(item); problem != "" {
			return nil, 0, errors.New(problem)
		}
		if err := checkIdentifier(item, true); err != nil {
			return nil, 0, err
		}
		names = append(names, item)
	}
	if len(names) == 0 {
		return nil, 0, errors.New("is empty")
	}
	return names, n, nil
}

// ignoredReasons returns a clause for each reason, with all entities that are ignored for it.
func ignoredReasons(all []ignoredEntity) []string {
	var order []string
	entities := map[string][]string{}
	for _, i := range all {
		if entities[i.reason] == nil {
			order = append(order, i.reason)
		}
		entities[i.reason] = append(entities[i.reason], i.entity)
	}
	for n, reason := range order {
		names, subject, verb := entities[reason], "the entity ", " is ignored: "
		if len(names) > 1 {
			subject, verb = "the entities ", " are ignored: "
			reason = strings.Replace(reason, "it is not", "none is", 1)
		}
		order[n] = subject + Enumerate(names) + verb + reason
	}
	return order
}

// ignoredWarnings returns a warning for each reason for which entities are ignored.
func ignoredWarnings(all []ignoredEntity) []string {
	warnings := ignoredReasons(all)
	for i, w := range warnings {
		warnings[i] = "T" + w[1:] + "."
	}
	return warnings
}

func entityTypes(types []EntityType) []string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = string(t)
	}
	return words
}
