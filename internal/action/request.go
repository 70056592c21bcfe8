package action

import (
	"encoding/json"

	"example.com/okta-secops/internal/apierr"
)

// Problem is one thing wrong with a request.
type Problem = apierr.Problem

// Request is what a caller asks of an action, its JSON decoded: parameter values are string, bool,
// json.Number, []any, map[string]any or nil.
type Request struct {
	Parameters     map[string]any
	Entities       []Entity
	Context        map[string]string
	Options        Options
	EmptyOptions   []string // the options that were given without a value
	IdempotencyKey string

	// ReachedBefore are the targets that earlier runs of the request have reached, by Key, as Result.Done gave them.
	ReachedBefore map[string]json.RawMessage
}

// Entity is a SecOps entity.
type Entity struct {
	Identifier string     `json:"identifier"`
	Type       EntityType `json:"entity_type"`
}

// Options change how an action runs, not what it does.
type Options struct {
	DryRun bool `json:"dry_run"` // read, predict, write nothing
	Verify bool `json:"verify"`  // read again after a write
}

// emptyOptions returns a problem for each option that is to change something and was given without
// a value.
func emptyOptions(names []string) []Problem {
	var problems []Problem
	for _, name := range names {
		on, off := "write nothing", "make the changes"
		if name == "verify" {
			on, off = "read again after a write", "do not"
		}
		problems = append(problems, Problem{Parameter: "options." + name, Message: emptyBooleanError(on, off, false).Error()})
	}
	return problems
}
