package action

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
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
	release func()
}

// Release ends the use of the result: it counts until then among what the process holds of Okta's replies.
func (r *Result) Release() {
	if r != nil && r.release != nil {
		r.release()
	}
}

// Status is the state of a run as a whole.
type Status string

// The statuses.
const (
	StatusSuccess Status = "success" // every target reached the asked state
	StatusPartial Status = "partial"
	StatusFailure Status = "failure" // none did and nothing was changed
	StatusPlanned Status = "planned" // a dry run in which every target is planned or unchanged
)

// Statuses are all statuses.
var Statuses = []Status{StatusSuccess, StatusPartial, StatusFailure, StatusPlanned}

// Status sums the targets up. A result without targets is a success: a list may be empty.
func (r *Result) Status() Status {
	var reached, planned, unchanged, changed int
	for _, t := range r.Targets {
		switch {
		case t.Outcome == Planned:
			planned++
		case t.Outcome.Reached():
			reached++
		}
		if t.Outcome == Unchanged {
			unchanged++
		}
		if t.touched {
			changed++
		}
	}
	switch all := len(r.Targets); {
	case r.dryRun && all > 0 && planned+unchanged == all:
		return StatusPlanned
	case reached == all:
		return StatusSuccess
	case reached+planned+changed == 0:
		return StatusFailure
	default:
		return StatusPartial
	}
}

// Done are the targets that were reached, by Key: what a repeat of the request need not do again. Members of their results
// that are secret are left out.
func (r *Result) Done(secret []string) (map[string]json.RawMessage, error) {
	done := map[string]json.RawMessage{}
	for _, t := range r.Targets {
		if !t.Outcome.Reached() {
			continue
		}
		p := prior{Target: t, Enrichment: t.enriched}
		var err error
		if t.value != nil {
			if p.Value, err = marshal(t.value); err != nil {
				return nil, err
			}
			if p.Value, _, err = WithoutSecrets(p.Value, secret); err != nil {
				return nil, err
			}
		}
		if done[t.Identity()], err = marshal(p); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// notKept stands in the place of a secret of a result that is kept.
const notKept = "[shown once, in the first reply]"

// WithoutSecrets replaces the members of these names, wherever they are in a JSON value, and tells whether there were any.
// The order of members stays.
func WithoutSecrets(value json.RawMessage, secret []string) (json.RawMessage, bool, error) {
	found := false
	if len(secret) > 0 {
		member := regexp.MustCompile(`("(?:` + strings.Join(secret, "|") + `)"\s*:\s*)"(?:[^"\\]|\\.)*"`)
		found = member.Match(value)
		value = member.ReplaceAll(value, []byte(`${1}"`+notKept+`"`))
	}
	if !json.Valid(value) {
		return nil, found, errors.New("the result is not JSON")
	}
	return value, found, nil
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

// maxJSON is where json_result stops growing, in bytes; SecOps takes no reply above 15 MB.
const maxJSON = okta.MaxListBytes

// KeyedResults is a json_result keyed by the targets' inputs, in the order of the request.
type KeyedResults []KeyedResult

// KeyedResult is one member of a Keyed.
type KeyedResult struct {
	Key   string
	Value json.RawMessage
}

// MarshalJSON writes the members in their order.
func (k KeyedResults) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	size := 2
	for _, m := range k {
		size += len(m.Key) + len(m.Value) + len(`"":,`)
	}
	b.Grow(size)
	b.WriteByte('{')
	for i, m := range k {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := marshal(m.Key)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(m.Value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// result assembles the outcome of all targets.
func (c *Execution) result(targets []*Target, w Words) *Result {
	r := &Result{Targets: targets}
	for _, t := range targets {
		if hint := w.hint(t.Input); t.Outcome == NotFound && t.err != nil && hint != "" {
			t.advise(hint)
		}
	}
	var keyed KeyedResults
	size := 0
	for _, t := range targets {
		if !t.Outcome.Reached() || t.value == nil && !t.cut {
			continue
		}
		var value json.RawMessage
		if !t.cut {
			var err error
			if value, err = marshal(t.value); err != nil {
				t.fail(fmt.Errorf("encoding the result of a target: %w", err))
				continue
			}
			size += len(value)
		}
		if t.cut || size > maxJSON {
			c.warnCut(len(keyed), len(targets))
			break
		}
		keyed = append(keyed, KeyedResult{Key: t.Input, Value: value})
	}
	if keyed != nil {
		r.JSON = keyed
	}
	r.size = size
	r.Message = sentences(targets, w)
	return r
}

// marshal is json.Marshal without its care for HTML, which would alter what Okta sent.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// Values gives the results of the targets without their keys, for actions that return an array.
func (r *Result) Values() []json.RawMessage {
	values := []json.RawMessage{}
	if keyed, ok := r.JSON.(KeyedResults); ok {
		for _, m := range keyed {
			values = append(values, m.Value)
		}
	}
	return values
}

// Only gives the result of the only target, nil where it was not reached.
func (r *Result) Only() any {
	if values := r.Values(); len(values) > 0 {
		return values[0]
	}
	return nil
}

// sentences says what became of the targets: names are listed together where the same is to be said.
func sentences(targets []*Target, w Words) string {
	var out []string
	list := func(o Outcome, lead string, name func(t *Target) string) {
		var names []string
		for _, t := range targets {
			if t.Outcome == o && t.say != "" {
				out = append(out, t.say)
			} else if t.Outcome == o {
				names = append(names, name(t))
			}
		}
		if len(names) > 0 {
			if lead == "" { // the words count
				lead = fmt.Sprintf("%s %s", w.lead(o), Count(len(names), w.noun()))
			}
			out = append(out, lead+": "+Enumerate(names)+".")
		}
	}
	plain := (*Target).name
	list(Changed, "", plain)
	list(Accepted, "", plain)
	list(Unchanged, w.Unchanged, func(t *Target) string {
		if t.After["status"] != nil {
			return t.name() + " (" + describe(t.After) + ")"
		}
		return t.name()
	})
	list(Found, "", plain)
	list(Planned, "", plain)
	for _, o := range []struct {
		outcome Outcome
		lead    string
		since   bool // the code is CodeChangedSince
	}{{WrongState, "Changed since", true}, {WrongState, "Not done", false}, {Refused, "Refused", false}, {Failed, "Failed", false}} {
		names := map[string][]string{}
		var reasons []string
		for _, t := range targets {
			switch {
			case t.Outcome != o.outcome || (t.Error.Code == CodeChangedSince) != o.since:
			case t.say != "":
				out = append(out, t.say)
			default:
				if names[t.Error.Message] == nil {
					reasons = append(reasons, t.Error.Message)
				}
				names[t.Error.Message] = append(names[t.Error.Message], t.name())
			}
		}
		for _, reason := range reasons {
			out = append(out, fmt.Sprintf("%s: %s: %s.", o.lead, Enumerate(names[reason]), strings.TrimSuffix(reason, ".")))
		}
	}
	list(NotFound, "Not found", func(t *Target) string {
		if t.hint != "" {
			return t.name() + " (" + t.hint + ")"
		}
		return t.name()
	})
	return strings.Join(out, " ")
}

func (w Words) hint(name string) string {
	if w.Hint == nil {
		return userHint(name)
	}
	return w.Hint(name)
}

func (w Words) noun() string {
	if w.Noun == "" {
		return "user"
	}
	return w.Noun
}

func (w Words) lead(o Outcome) string {
	switch o {
	case Changed, Accepted:
		return w.Changed
	case Planned:
		return w.Planned
	}
	if w.Found == "" {
		return "Found"
	}
	return w.Found
}

// Count is a number of things in words: "1 user", "2 users".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Enumerate lists names, and stops where nobody reads on.
func Enumerate(names []string) string {
	const most = 50
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// ListResult is the result of a list action: the objects as Okta sent them, counted in the message.
func (c *Execution) ListResult(list okta.List, noun string) *Result {
	switch {
	case list.Cut && len(list.Items) == 0:
		c.Warn("The list is empty: its first object is too large for a reply, which stops growing at %d MB.", okta.MaxListBytes>>20)
	case list.Cut:
		c.Warn("The list is cut: a reply stops growing at %d MB. Ask for less at a time.", okta.MaxListBytes>>20)
	}
	return &Result{JSON: append([]json.RawMessage{}, list.Items...), Message: "Found " + Count(len(list.Items), noun) + "."}
}
