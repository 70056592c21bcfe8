package action

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// storedTarget is the JSON of a target in an idempotency record, for a repeat of the request.
type storedTarget struct {
	Target     *Target           `json:"target"`
	Value      json.RawMessage   `json:"value,omitempty"`
	Enrichment map[string]string `json:"enrichment,omitempty"`
}

// ReachedTargets returns the targets that were reached, by Identity, for Run.ReachedBefore of a
// repeat of the request. Members of their results with the names in secret are replaced.
func (r *Result) ReachedTargets(secret []string) (map[string]json.RawMessage, error) {
	reached := map[string]json.RawMessage{}
	for _, t := range r.Targets {
		if !t.Outcome.Reached() {
			continue
		}
		stored := storedTarget{Target: t, Enrichment: t.enriched}
		var err error
		if t.value != nil {
			if stored.Value, err = marshal(t.value); err != nil {
				return nil, err
			}
			if stored.Value, _, err = WithoutSecrets(stored.Value, secret); err != nil {
				return nil, err
			}
		}
		if reached[t.Identity()], err = marshal(stored); err != nil {
			return nil, err
		}
	}
	return reached, nil
}

// secretNote replaces a secret of a result that is stored.
const secretNote = "[shown once, in the first reply]"

// WithoutSecrets replaces the string members with the names in secret, at any level of a JSON
// value, and reports whether there were any. The order of members stays. It returns an error if the
// result is not JSON.
func WithoutSecrets(value json.RawMessage, secret []string) (json.RawMessage, bool, error) {
	found := false
	if len(secret) > 0 {
		member := regexp.MustCompile(`("(?:` + strings.Join(secret, "|") + `)"\s*:\s*)"(?:[^"\\]|\\.)*"`)
		found = member.Match(value)
		value = member.ReplaceAll(value, []byte(`${1}"`+secretNote+`"`))
	}
	if !json.Valid(value) {
		return nil, found, errors.New("the result is not JSON")
	}
	return value, found, nil
}

// resume restores the target as an earlier run of the request reached it, and reports whether one
// did. The target stays named as in this request.
func (t *Target) resume(reachedBefore map[string]json.RawMessage) bool {
	var stored storedTarget
	raw, ok := reachedBefore[t.Identity()]
	if !ok || json.Unmarshal(raw, &stored) != nil || stored.Target == nil {
		return false
	}
	now := *t
	*t = *stored.Target
	t.Mention, t.AlsoNamed, t.Login, t.enriched = now.Mention, now.AlsoNamed, now.Login, stored.Enrichment
	t.user = now.user
	t.touched, t.resumed = t.Outcome.wrote(), true
	if len(stored.Value) > 0 {
		t.value = stored.Value
	}
	return true
}

// recordMadeBefore records a write that an earlier run of the request made and whose result is not
// stored. It reports the state as just read, not as predicted: it may have changed since.
func (x *Execution) recordMadeBefore(t *Target, p *Plan) {
	verified := false
	t.Roles, t.message = nil, ""
	switch {
	case !x.Action.ReadBack:
		t.Outcome, t.touched, t.Undo, t.Verified = cmp.Or(p.Success, Changed), true, p.undo(), &verified
		t.NotUndoable = p.NotUndoable
	case sameState(p.Before, p.After):
		t.unchanged(x.Request.Options, p.Before, p.Before)
		t.message = fmt.Sprintf("Done by an earlier run of this request: %s (%s).", t.name(), describe(p.Before))
	default:
		t.changedSince(nil, p)
	}
	x.warnTarget(t, "done by an earlier run of this request; the result of that run was not stored.")
}

// warnResumed adds a warning that names the targets that an earlier run of the request reached.
func (x *Execution) warnResumed(targets []*Target) {
	var names []string
	for _, t := range targets {
		if t.resumed && t.Outcome.Reached() {
			names = append(names, t.name())
		}
	}
	switch {
	case len(names) == 0, x.Continues:
	case x.Action.ReadBack:
		x.Warn("Done by an earlier run of this request, not now: %s.", Enumerate(names))
	default:
		x.Warn("Done by an earlier run of this request, not now: %s. "+
			"The result was not read back and may have changed since.", Enumerate(names))
	}
}
