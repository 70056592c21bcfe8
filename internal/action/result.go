package action

import (
	"encoding/json"
	"fmt"

	"example.com/okta-secops/internal/apierr"
)

// Result is what a run came to.
type Result struct {
	Message  string // what happened, in sentences
	JSON     any    // json_result
	Targets  []*Target
	Entities []EnrichedEntity
	Warnings []string
	TimedOut bool // the deadline passed before all was done

	size    int // of JSON and the enrichment, in bytes
	dryRun  bool
	releaseMemory func()
}

// Release ends the use of the result: it counts until then among what the process holds of Okta's replies.
func (r *Result) Release() {
	if r != nil && r.releaseMemory != nil {
		r.releaseMemory()
	}
}

// Errors are the faults of the targets that were not reached.
func (r *Result) Errors() []*apierr.Error {
	var faults []*apierr.Error
	for _, t := range r.Targets {
		if t.err != nil {
			faults = append(faults, t.err)
		}
	}
	return faults
}

// newResult assembles the outcome of all targets.
func (c *Execution) newResult(targets []*Target, w Words) *Result {
	r := &Result{Targets: targets}
	for _, t := range targets {
		if hint := w.hint(t.Input); t.Outcome == NotFound && t.err != nil && hint != "" {
			t.advise(hint)
		}
	}
	var keyed KeyedResults
	size := 0
	for _, t := range targets {
		if !t.Outcome.Reached() || t.value == nil && !t.omitted {
			continue
		}
		var value json.RawMessage
		if !t.omitted {
			var err error
			if value, err = marshal(t.value); err != nil {
				t.fail(fmt.Errorf("encoding the result of a target: %w", err))
				continue
			}
			size += len(value)
		}
		if t.omitted || size > maxJSON {
			c.warnOmitted(len(keyed), len(targets))
			break
		}
		keyed = append(keyed, KeyedResult{Input: t.Input, Value: value})
	}
	if keyed != nil {
		r.JSON = keyed
	}
	r.size = size
	r.Message = messageOf(targets, w)
	return r
}
