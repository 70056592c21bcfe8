package httpapi

import (
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
)

// readIfState reads the option if_state: an object of states by user ID.
func (q *request) readIfState(c *cursor) error {
	const option = "options.if_state"
	if c.null() {
		return c.skip()
	}
	if c.next() != '{' {
		q.problem(option, "must be an object of states by user ID")
		return c.skip()
	}
	q.Options.IfState = map[string]action.State{}
	return c.object(func(id string) error {
		at := option + "." + action.Shorten(id)
		if c.next() != '{' {
			q.problem(at, `must be an object, such as {"status": "SUSPENDED"}`)
			return c.skip()
		}
		state := action.State{}
		q.Options.IfState[id] = state
		return c.object(func(name string) error {
			if !slices.Contains(action.StateMembers, name) {
				q.problem(at+"."+action.Shorten(name), "is not a part of a state, which has %s",
					strings.Join(action.StateMembers, " and "))
				return c.skip()
			}
			value, err := readStateMember(c)
			if state[name] = value; err == nil && value == nil {
				q.problem(at+"."+name, "must be a text, or a list of texts for roles")
			}
			return err
		})
	})
}

// readStateMember returns a text or a list of texts; nil for any other value.
func readStateMember(c *cursor) (any, error) {
	switch c.next() {
	case '"':
		return c.scalar()
	case '[':
		list, valid := []string{}, true
		err := c.array(func(int) error {
			item, err := c.scalar()
			text, isText := item.(string)
			list, valid = append(list, text), valid && isText
			return err
		})
		if !valid {
			return nil, err
		}
		return list, err
	}
	return nil, c.skip()
}
