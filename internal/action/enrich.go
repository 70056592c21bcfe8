package action

import (
	"encoding/json"
	"maps"
	"slices"

	"example.com/okta-secops/internal/apierr"
)

// EnrichedEntity is an entity that became a target, with what the action adds to it.
type EnrichedEntity struct {
	Entity
	Enrichment map[string]string `json:"enrichment"`
}

// enrich lists every entity that became a target, as it was given, with its enrichment if all users
// that it lists were reached.
func (c *Execution) enrich(r *Result, namings []userMention, values func(value any) map[string]string) {
	for _, t := range r.Targets { // of all, so that a later run of the request has it whatever it finds as an entity
		if _, kept := t.value.(json.RawMessage); c.Action.Mutates && values != nil && t.enriched == nil && t.Outcome.Reached() && !kept && !t.omitted {
			c.enrichTarget(t, values)
		}
	}
	targets := map[*scopeEntity][]*Target{}
	for _, n := range namings {
		if n.entity != nil && n.target != nil {
			targets[n.entity] = append(targets[n.entity], n.target)
		}
	}
	left := 0 // entities without their enrichment
	for i := range c.scope {
		e := &c.scope[i]
		if targets[e] == nil {
			continue
		}
		enriched := EnrichedEntity{Entity: e.Entity, Enrichment: map[string]string{}}
		if add := c.enrichment(e, targets[e], values); add != nil {
			for _, v := range add {
				r.size += len(v)
			}
			if r.size <= maxJSON && !slices.ContainsFunc(targets[e], func(t *Target) bool { return t.omitted }) {
				enriched.Enrichment = add
			} else {
				left++
			}
		}
		r.Entities = append(r.Entities, enriched)
	}
	if left > 0 {
		c.Warn("%d entities that were reached are not enriched: a reply stops growing at %d MB.", left, maxJSON>>20)
	}
}

// enrichTarget computes the enrichment of a target. After a panic the target has none, and the reply
// still has the results of all targets.
func (c *Execution) enrichTarget(t *Target, values func(value any) map[string]string) {
	t.enriched = map[string]string{}
	if err := c.catchPanic(func() error { t.enriched = values(t.value); return nil }); err != nil {
		c.warnTarget(t, "not enriched: "+apierr.As(err).Message+".")
	}
}

// enrichment returns what an entity is enriched with: nothing if a user that it lists was not
// reached, and of several users what is the same for all.
func (c *Execution) enrichment(
	e *scopeEntity, targets []*Target, values func(value any) map[string]string,
) map[string]string {
	var missed []string
	for _, t := range targets {
		if !t.Outcome.Reached() {
			missed = append(missed, t.name())
		} else if t.enriched == nil && values != nil && !c.Action.Mutates && !t.omitted {
			c.enrichTarget(t, values)
		}
	}
	if len(missed) > 0 {
		if len(missed) < len(targets) && !c.Request.Options.DryRun {
			c.Warn("The entity %s (%s) is not enriched: it lists users that were not reached: %s.",
				Shorten(e.Identifier), e.Type, Enumerate(missed))
		}
		return nil
	}
	shared := maps.Clone(targets[0].enriched)
	for _, t := range targets[1:] {
		maps.DeleteFunc(shared, func(name, value string) bool { return t.enriched[name] != value })
	}
	if len(shared) < len(targets[0].enriched) {
		c.Warn("The entity %s (%s) lists several users: it is enriched only with the values that all of them share; "+
			"the JSON result has the values of each.", Shorten(e.Identifier), e.Type)
	}
	return shared
}

// Bool is a boolean as entity enrichment has it.
func Bool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
