package action

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"example.com/okta-secops/internal/okta"
)

// State is the state of a target before or after a change, as JSON members: a user's status, or the
// types of the roles. A State is not changed once it is made, because many targets share it.
type State map[string]any

// ofStatus has the State of each status: a call may have thousands of users.
var ofStatus = func() map[okta.Status]State {
	all := map[okta.Status]State{}
	for _, s := range okta.Statuses {
		all[s] = State{statusMember: string(s)}
	}
	return all
}()

// transitioningTo is the member for the status to which Okta is changing the user.
const transitioningTo = "transitioningToStatus"

// StatusOf returns a user's status as a State.
func StatusOf(u okta.User) State {
	if u.Becoming != "" {
		return State{statusMember: string(u.Status), transitioningTo: string(u.Becoming)}
	}
	return StatusState(u.Status)
}

// StatusState returns a status as a State.
func StatusState(status okta.Status) State {
	if s, known := ofStatus[status]; known {
		return s
	}
	return State{statusMember: string(status)}
}

// ChangeStatus plans a write after which a user has a status, which is also the result.
func (p *Plan) ChangeStatus(status okta.Status, write func(ctx context.Context, o *okta.Client) error) {
	after := StatusState(status)
	p.After = after
	p.Write = func(ctx context.Context, o *okta.Client) (WriteResult, error) {
		return WriteResult{Value: after}, write(ctx, o)
	}
}

// ReadStatus returns a function that reads a user's status again, for Plan.Read.
func ReadStatus(id string) func(ctx context.Context, o *okta.Client) (State, error) {
	return func(ctx context.Context, o *okta.Client) (State, error) {
		u, err := o.GetUserByID(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("reading the user again: %w", err)
		}
		return StatusOf(u), nil
	}
}

// sameState reports whether two states are equal. Either may have been decoded from JSON.
func sameState(a, b State) bool {
	x, errX := marshal(a)
	y, errY := marshal(b)
	return errors.Join(errX, errY) == nil && bytes.Equal(x, y)
}

// describe returns a state as text: "ACTIVE, changing to DEPROVISIONED".
func describe(s State) string {
	var words []string
	for _, k := range sortedKeys(s) {
		word := valueText(s[k])
		if k == transitioningTo {
			word = "changing to " + word
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// valueText returns a value of a State as text: lists are joined by commas.
func valueText(v any) string {
	var list []string
	if raw, err := marshal(v); err == nil && json.Unmarshal(raw, &list) == nil && v != nil {
		if len(list) == 0 {
			return "none"
		}
		return strings.Join(list, ", ")
	}
	if v == nil {
		return "unknown"
	}
	return fmt.Sprint(v)
}
