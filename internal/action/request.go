package action

import "example.com/okta-secops/internal/apierr"

// Problem is one error of a request: the parameter and a message.
type Problem = apierr.Problem

// Request is a caller's request for an action. Parameter values are decoded JSON: string, bool,
// json.Number, []any, map[string]any or nil.
type Request struct {
	Parameters     map[string]any
	Entities       []Entity
	Context        map[string]string
	Options        Options
	EmptyOptions   []string // names of options that were given without a value
	IdempotencyKey string

	// NoSecrets is true if the request and its reply are stored, as by Pub/Sub: Bind returns an error
	// if either would contain a secret.
	NoSecrets bool
}

// Entity is a SecOps entity.
type Entity struct {
	Identifier string     `json:"identifier"`
	Type       EntityType `json:"entity_type"`
}

// Options are the options of a request.
type Options struct {
	DryRun bool `json:"dry_run"` // plan the changes, and make none
	Verify bool `json:"verify"`  // read the state again after a write
	// IfState is the state, by user ID, in which a user must be to be changed.
	IfState map[string]State `json:"if_state,omitempty"`
}

// emptyOptions returns a problem for each option that was given without a value.
func emptyOptions(names []string) []Problem {
	var problems []Problem
	for _, name := range names {
		on, off := "write nothing", "make the changes"
		if name == "verify" {
			on, off = "read again after a write", "do not"
		}
		problem := emptyBooleanError(on, off, false).Error()
		problems = append(problems, Problem{Parameter: "options." + name, Message: problem})
	}
	return problems
}
