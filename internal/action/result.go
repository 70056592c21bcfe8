package action

import (
	"encoding/json"
	"fmt"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// Result is the result of a run. Its Status is derived from the targets.
type Result struct {
	Message  string // for output_message
	JSON     any    // json_result
	Targets  []*Target
	Entities []EnrichedEntity
	Warnings []string
	TimedOut bool // the deadline passed during the run
	Usage    okta.Usage

	size          int // of JSON and the enrichment, in bytes
	dryRun        bool
	releaseMemory func()
}

// Release releases the memory that is reserved for the result in the process's limit.
func (r *Result) Release() {
	if r != nil && r.releaseMemory != nil {
		r.releaseMemory()
	}
}

// Errors returns the errors of the targets that were not reached.
func (r *Result) Errors() []*apierr.Error {
	var errs []*apierr.Error
	for _, t := range r.Targets {
		if t.err != nil {
			errs = append(errs, t.err)
		}
	}
	return errs
}

// newResult builds the result from the targets: the JSON result of those that were reached, up to
// maxJSON, and the message about all.
func (x *Execution) newResult(targets []*Target, w Words) *Result {
	for _, t := range targets {
		if hint := w.hint(t.Input); t.Outcome == NotFound && t.err != nil && hint != "" {
			t.addHint(hint)
		}
	}
	r := &Result{Targets: targets}
	if keyed := x.keyedResults(r); keyed != nil {
		r.JSON = keyed
	}
	r.Message = messageOf(targets, w)
	return r
}

// keyedResults encodes the results of the targets that were reached, and those that report the steps
// of a failed target, in order, until they exceed maxJSON, and counts their size.
func (x *Execution) keyedResults(r *Result) KeyedResults {
	var keyed KeyedResults
	for _, t := range r.Targets {
		if !t.Outcome.Reached() && len(t.Steps) == 0 || t.value == nil && !t.omitted {
			continue
		}
		var value json.RawMessage
		if !t.omitted {
			var err error
			if value, err = marshal(t.value); err != nil {
				t.fail(fmt.Errorf("encoding the result of a target: %w", err))
				continue
			}
			r.size += len(value)
		}
		if t.omitted || r.size > maxJSON {
			x.warnOmitted(len(keyed), len(r.Targets))
			break
		}
		keyed = append(keyed, KeyedResult{Input: t.Input, Value: value})
	}
	return keyed
}
