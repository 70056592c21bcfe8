package guardrail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxOverride is how far ahead the end of an override may be.
const maxOverride = 24 * time.Hour

// Vocabulary holds the names that a policy may use.
type Vocabulary struct {
	Changing []string // slugs of the actions that change something
	Reading  []string // slugs of the others
	Roles    []string // types of administrator roles
}

// Parse returns the policy of a JSON text. The error lists every problem by its member: an unknown
// member, slug, role type or rule, a value that is not valid, and a contradiction.
func Parse(text []byte, v Vocabulary, now time.Time) (*Policy, error) {
	p := &Policy{}
	if err := decode(text, p); err != nil {
		return nil, err
	}
	c := checker{v: v}
	c.policy(p, now)
	if len(c.problems) > 0 {
		return nil, errors.New(strings.Join(c.problems, "; "))
	}
	for _, entry := range p.Protected {
		patterns := make([]pattern, len(entry.Users))
		for i, user := range entry.Users {
			patterns[i] = glob(user)
		}
		p.users = append(p.users, patterns)
	}
	return p, nil
}

// decode reads one JSON value without unknown and duplicate members.
func decode(text []byte, v any) error {
	if err := uniqueMembers(text); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("has something after the JSON value")
	}
	return nil
}

// uniqueMembers returns an error if an object has a member twice, because a reader of the policy could
// take the other one to be in force, or if a value is null, which would read as no rule.
func uniqueMembers(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	var objects []map[string]bool // nil for an array
	isName, name := false, ""
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("is not JSON: %w", err)
		}
		switch t := token.(type) {
		case nil:
			return fmt.Errorf("%s is null: leave it out", member(name))
		case json.Delim:
			switch t {
			case '{':
				objects = append(objects, map[string]bool{})
			case '[':
				objects = append(objects, nil)
			default:
				objects = objects[:len(objects)-1]
			}
		case string:
			if isName {
				members := objects[len(objects)-1]
				if name := strings.ToLower(t); members[name] {
					return fmt.Errorf("the member %q occurs twice", t)
				}
				members[strings.ToLower(t)] = true
				isName, name = false, t
				continue
			}
		}
		isName = len(objects) > 0 && objects[len(objects)-1] != nil
	}
}

// member names a value for an error: by its member, or the whole policy.
func member(name string) string {
	if name == "" {
		return "the policy"
	}
	return strconv.Quote(name)
}

// UnmarshalJSON implements json.Unmarshaler: the value, or an object of values by slug.
func (p *PerAction[T]) UnmarshalJSON(text []byte) error {
	*p = PerAction[T]{}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return json.Unmarshal(text, &p.Default)
	}
	if err := json.Unmarshal(text, &p.Actions); err != nil {
		return err
	}
	if value, ok := p.Actions["default"]; ok {
		p.Default = &value
		delete(p.Actions, "default")
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (p PerAction[T]) MarshalJSON() ([]byte, error) {
	if len(p.Actions) == 0 {
		return json.Marshal(p.Default)
	}
	all := maps.Clone(p.Actions)
	if p.Default != nil {
		all["default"] = *p.Default
	}
	return json.Marshal(all)
}

// checker collects the problems of a policy.
type checker struct {
	v        Vocabulary
	problems []string
}

func (c *checker) add(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *checker) policy(p *Policy, now time.Time) {
	if p.Mode != "" && p.Mode != Enforce && p.Mode != Observe {
		c.add("mode: %q is not enforce or observe", p.Mode)
	}
	if p.Freeze != nil && strings.TrimSpace(*p.Freeze) == "" {
		c.add("freeze: give the reason, or leave the member out")
	}
	if p.Freeze != nil && p.Mode == Observe {
		c.add("freeze: contradicts mode observe, which refuses nothing")
	}
	c.entries(p.Protected)
	c.limits("", p.Limits)
	for _, name := range slices.Sorted(maps.Keys(p.Callers)) {
		if strings.TrimSpace(name) == "" {
			c.add("callers: a caller without a name")
		}
		c.limits(fmt.Sprintf("callers %q: ", name), p.Callers[name])
	}
	for _, rule := range p.DisabledRules {
		if !slices.Contains(AlwaysOn, rule) {
			c.add("disabled_rules: %q is not a rule that is always on: %s", rule, quoted(AlwaysOn))
		}
	}
	if p.Override != nil {
		c.override(p, now)
	}
}

func (c *checker) entries(protected []Protected) {
	ids := map[string]bool{}
	for i, entry := range protected {
		at := fmt.Sprintf("protected[%d]", i)
		if entry.ID != "" {
			at = fmt.Sprintf("protected %q", entry.ID)
		}
		if ids[entry.ID] && entry.ID != "" {
			c.add("%s: the id occurs twice", at)
		}
		ids[entry.ID] = true
		c.protected(at, entry)
	}
}

func (c *checker) override(p *Policy, now time.Time) {
	o := p.Override
	switch {
	case o.Until.IsZero():
		c.add("override: until is required, such as 2026-01-31T18:00:00Z")
	case o.Until.After(now.Add(maxOverride)):
		c.add("override: until %s is more than 24 hours ahead", o.Until.Format(time.RFC3339))
	}
	if strings.TrimSpace(o.Reason) == "" {
		c.add("override: a reason is required")
	}
	if len(o.Rules) == 0 {
		c.add("override: name the rules")
	}
	for _, rule := range o.Rules {
		if !slices.Contains(Rules, rule) {
			c.add("override: %q is not a rule: %s", rule, quoted(Rules))
		}
		if p.disabled(rule) {
			c.add("override: %q is in disabled_rules too", rule)
		}
	}
}

func (c *checker) protected(at string, entry Protected) {
	if strings.TrimSpace(entry.ID) == "" {
		c.add("%s: an id is required", at)
	}
	if strings.TrimSpace(entry.Reason) == "" {
		c.add("%s: a reason is required", at)
	}
	if len(entry.Users)+len(entry.Groups)+len(entry.Roles)+len(entry.Profile) == 0 {
		c.add("%s: protects no user: give users, groups, roles or profile", at)
	}
	for _, text := range slices.Concat(entry.Users, entry.Groups) {
		if strings.TrimSpace(text) != text || text == "" {
			c.add("%s: %q is empty or has spaces at an end", at, text)
		}
	}
	for _, role := range entry.Roles {
		if role != anyRole {
			c.role(at+": roles", role)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(entry.Profile)) {
		if name == "" || len(entry.Profile[name]) == 0 {
			c.add("%s: profile %q: give its protected values", at, name)
		}
	}
	if entry.Actions != nil && len(entry.Actions) == 0 {
		c.add("%s: actions: an empty list protects no user; leave the member out for all actions", at)
	}
	c.slugs(at+": actions", entry.Actions)
}

func (c *checker) limits(at string, l Limits) {
	if l.AssignableRoles != nil {
		slugs := slices.Collect(maps.Keys(l.AssignableRoles.Actions))
		c.perAction(at+"assignable_roles", slugs, l.AssignableRoles.Default != nil)
		for _, types := range values(l.AssignableRoles) {
			for _, role := range types {
				c.role(at+"assignable_roles", role)
			}
		}
	}
	c.slugs(at+"denied_actions", l.DeniedActions)
	if l.Deactivate != nil {
		c.perAction(at+"deactivate", slices.Collect(maps.Keys(l.Deactivate.Actions)), l.Deactivate.Default != nil)
		for _, value := range values(l.Deactivate) {
			if !slices.Contains(Deactivations, value) {
				c.add("%sdeactivate: %q is not %s", at, value, quoted(Deactivations))
			}
		}
	}
	c.count(at+"max_targets_per_call", l.MaxTargetsPerCall)
	c.count(at+"max_users_per_hour", l.MaxUsersPerHour)
}

// values returns all values of p.
func values[T any](p *PerAction[T]) []T {
	all := slices.Collect(maps.Values(p.Actions))
	if p.Default != nil {
		all = append(all, *p.Default)
	}
	return all
}

func (c *checker) count(at string, p *PerAction[int]) {
	if p == nil {
		return
	}
	c.perAction(at, slices.Collect(maps.Keys(p.Actions)), p.Default != nil)
	for _, n := range values(p) {
		if n < 0 {
			c.add("%s: %d is negative", at, n)
		}
	}
}

// perAction checks the slugs of a value that may differ by action.
func (c *checker) perAction(at string, slugs []string, hasDefault bool) {
	if len(slugs) == 0 && !hasDefault {
		c.add("%s: has no value", at)
	}
	slices.Sort(slugs)
	c.slugs(at, slugs)
}

func (c *checker) slugs(at string, slugs []string) {
	for _, slug := range slugs {
		switch {
		case slices.Contains(c.v.Reading, slug):
			c.add("%s: %q changes nothing, so guardrails do not apply to it", at, slug)
		case !slices.Contains(c.v.Changing, slug):
			c.add("%s: %q is not an action: %s", at, slug, quoted(c.v.Changing))
		}
	}
}

func (c *checker) role(at, role string) {
	if !slices.Contains(c.v.Roles, role) {
		c.add("%s: %q is not a role type: %s", at, role, quoted(c.v.Roles))
	}
}

// quoted lists names for an error.
func quoted[S ~string](names []S) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}
