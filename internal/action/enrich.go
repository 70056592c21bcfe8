package action

import (
	"encoding/json"
	"maps"
	"slices"

	"example.com/okta-secops/internal/apierr"
)

// EnrichedEntity is an entity that became a target, with its enrichment.
type EnrichedEntity struct {
	Entity
	Enrichment map[string]string `json:"enrichment"`
}

// enrich adds every entity that became a target to the result. An entity has its enrichment if all
// users that it lists were reached.
func (x *Execution) enrich(r *Result, mentions []userMention, values func(value any) map[string]string) {
	if x.Action.Mutates && values != nil {
		x.enrichTargets(r.Targets, values)
	}
	targets := map[*scopeEntity][]*Target{}
	for _, m := range mentions {
		if m.entity != nil && m.target != nil {
			targets[m.entity] = append(targets[m.entity], m.target)
		}
	}
	tooLarge := 0 // entities without their enrichment
	for i := range x.scope {
		e := &x.scope[i]
		if targets[e] == nil {
			continue
		}
		enriched := EnrichedEntity{Entity: e.Entity, Enrichment: map[string]string{}}
		if add := x.enrichment(e, targets[e], values); add != nil {
			for _, v := range add {
				r.size += len(v)
			}
			if r.size <= maxJSON && !slices.ContainsFunc(targets[e], func(t *Target) bool { return t.omitted }) {
				enriched.Enrichment = add
			} else {
				tooLarge++
			}
		}
		r.Entities = append(r.Entities, enriched)
	}
	if tooLarge > 0 {
		x.Warn("%d entities that were reached are not enriched: a reply is limited to %d MB.", tooLarge, maxJSON>>20)
	}
}

// enrichTargets computes the enrichment of all targets of a change, also of those that are not
// entities: a repeat of the request may name them by an entity. A result of an earlier run has its
// enrichment already.
func (x *Execution) enrichTargets(targets []*Target, values func(value any) map[string]string) {
	var last map[string]string // the targets of a call mostly share it
	for _, t := range targets {
		_, stored := t.value.(json.RawMessage)
		if t.enriched == nil && t.Outcome.Reached() && !stored && !t.omitted {
			x.enrichTarget(t, values)
			if maps.Equal(t.enriched, last) {
				t.enriched = last
			}
			last = t.enriched
		}
	}
}

// enrichTarget computes the enrichment of a target. After a panic the target has none, and the
// reply still has the results of all targets.
func (x *Execution) enrichTarget(t *Target, values func(value any) map[string]string) {
	t.enriched = map[string]string{}
	if err := x.catchPanic(func() error { t.enriched = values(t.value); return nil }); err != nil {
		x.warnTarget(t, "not enriched: "+apierr.As(err).Message+".")
	}
}

// enrichment returns the enrichment of an entity: nil if a user that it lists was not reached. For
// several users it returns the values that all of them share.
func (x *Execution) enrichment(
	e *scopeEntity, targets []*Target, values func(value any) map[string]string,
) map[string]string {
	var missed []string
	for _, t := range targets {
		if !t.Outcome.Reached() {
			missed = append(missed, t.name())
		} else if t.enriched == nil && values != nil && !x.Action.Mutates && !t.omitted {
			x.enrichTarget(t, values)
		}
	}
	if len(missed) > 0 {
		if len(missed) < len(targets) && !x.Request.Options.DryRun {
			x.Warn("The entity %s (%s) is not enriched: it lists users that were not reached: %s.",
				Shorten(e.Identifier), e.Type, Enumerate(missed))
		}
		return nil
	}
	shared := maps.Clone(targets[0].enriched)
	for _, t := range targets[1:] {
		maps.DeleteFunc(shared, func(name, value string) bool { return t.enriched[name] != value })
	}
	if len(shared) < len(targets[0].enriched) {
		x.Warn("The entity %s (%s) lists several users: it is enriched only with the values that all of them share; "+
			"the JSON result has the values of each.", Shorten(e.Identifier), e.Type)
	}
	return shared
}

// Bool returns a boolean as enrichment shows it.
func Bool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
