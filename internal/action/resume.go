package action

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ReachedTargets are the targets that were reached, by Key: what a repeat of the request need not do again. Members of their results
// that are secret are left out.
func (r *Result) ReachedTargets(secret []string) (map[string]json.RawMessage, error) {
	done := map[string]json.RawMessage{}
	for _, t := range r.Targets {
		if !t.Outcome.Reached() {
			continue
		}
		p := storedTarget{Target: t, Enrichment: t.enriched}
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

// storedTarget is what is kept of a target that was reached, for a repeat of the request.
type storedTarget struct {
	Target     *Target           `json:"target"`
	Value      json.RawMessage   `json:"value,omitempty"`
	Enrichment map[string]string `json:"enrichment,omitempty"`
}

// secretNote stands in the place of a secret of a result that is kept.
const secretNote = "[shown once, in the first reply]"

// WithoutSecrets replaces the members of these names, wherever they are in a JSON value, and tells whether there were any.
// The order of members stays.
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

// resume makes the target what an earlier run of the request has made of it.
func (t *Target) resume(kept map[string]json.RawMessage) bool {
	var p storedTarget
	raw, ok := kept[t.Identity()]
	if !ok || json.Unmarshal(raw, &p) != nil || p.Target == nil {
		return false
	}
	was := *t
	*t = *p.Target
	t.Mention, t.AlsoNamed, t.Login, t.enriched = was.Mention, was.AlsoNamed, was.Login, p.Enrichment
	t.touched, t.resumed = t.Outcome.wrote(), true
	if len(p.Value) > 0 {
		t.value = p.Value
	}
	return true
}

// errMadeBefore is a write that must not happen twice and was made by an earlier run of the request.
var errMadeBefore = errors.New("made before")

// recordMadeBefore records a write that an earlier run of the request made, and whose result is not kept.
// It reports the state that was just read, not the predicted one: it may have changed since.
func (c *Execution) recordMadeBefore(t *Target, p Plan) {
	verified := false
	t.Roles, t.message = nil, ""
	switch {
	case !c.Action.ReadBack:
		t.Outcome, t.touched, t.Undo, t.Verified = cmp.Or(p.Success, Changed), true, p.Undo, &verified
	case sameState(p.Before, p.After):
		t.unchanged(c.Request.Options, p.Before, p.Before)
		t.message = fmt.Sprintf("Done by an earlier run of this request: %s (%s).", t.name(), describe(p.Before))
	default:
		t.changedSince(nil, p)
	}
	c.warnTarget(t, "done by an earlier run of this request, whose result for it is not kept.")
}

// warnResumed says which targets were reached by an earlier run of the request.
func (c *Execution) warnResumed(targets []*Target) {
	var names []string
	for _, t := range targets {
		if t.resumed && t.Outcome.Reached() {
			names = append(names, t.name())
		}
	}
	switch {
	case len(names) == 0:
	case c.Action.ReadBack:
		c.Warn("Done by an earlier run of this request, not now: %s.", Enumerate(names))
	default:
		c.Warn("Done by an earlier run of this request, not now: %s. The result was not read back and may have changed since.", Enumerate(names))
	}
}
