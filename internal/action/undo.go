package action

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// UndoRequest is a request that takes changes back, as a caller sends it.
type UndoRequest struct {
	Function string   `json:"function"` // the function target
	Path     string   `json:"path"`     // of the function
	Body     UndoBody `json:"body"`
}

// UndoBody is the body of an UndoRequest.
type UndoBody struct {
	Parameters map[string]any `json:"parameters"`
	Options    UndoOptions    `json:"options"`
}

// UndoOptions keep the request from changing a user who has changed since.
type UndoOptions struct {
	IfState map[string]State `json:"if_state"` // by user ID
}

// NotUndoable is a change that cannot be taken back, or only in part.
type NotUndoable struct {
	Target string `json:"target"`
	Reason string `json:"reason"`
}

// Undo returns the requests that take the changes of the targets back, and the changes that cannot
// be taken back. Targets that need the same request share one.
func (r *Result) Undo(groups []Group) ([]UndoRequest, []NotUndoable) {
	requests, not := []UndoRequest{}, []NotUndoable{}
	byRequest := map[string]int{}
	for _, t := range r.Targets {
		if t.NotUndoable != "" {
			not = append(not, NotUndoable{t.name(), t.NotUndoable})
		}
		if t.Undo == nil {
			continue
		}
		if len(t.After.checkable()) == 0 { // nothing would protect a change that another caller made since
			not = append(not, NotUndoable{t.name(), "the state after the change is unknown: check it in Okta"})
			continue
		}
		g, a, ok := Find(groups, t.Undo.Action)
		if !ok {
			continue // every undo names an action of the catalog
		}
		users := a.usersParam()
		key := a.Slug
		for _, name := range sortedKeys(t.Undo.Parameters) {
			if name != users {
				key += fmt.Sprintf(" %q %v", name, t.Undo.Parameters[name])
			}
		}
		i, shared := byRequest[key]
		if !shared {
			i = len(requests)
			byRequest[key] = i
			parameters := maps.Clone(t.Undo.Parameters)
			parameters[users] = []string{}
			requests = append(requests, UndoRequest{
				g.Function, "/" + a.Slug, UndoBody{parameters, UndoOptions{map[string]State{}}},
			})
		}
		body := requests[i].Body
		body.Parameters[users] = append(body.Parameters[users].([]string), t.UserID)
		body.Options.IfState[t.UserID] = t.After.checkable()
	}
	return requests, not
}

// usersParam returns the name of the parameter that names users, "" if there is none.
func (a *Action) usersParam() string {
	i := slices.IndexFunc(a.Params, func(p Param) bool { return p.users })
	if i < 0 {
		return ""
	}
	return a.Params[i].Name
}

// The members of a state that if_state may have.
const (
	statusMember = "status"
	rolesMember  = "roles"
)

// StateMembers are the members of a state that if_state may have.
var StateMembers = []string{statusMember, rolesMember}

// checkable returns the members of the state that if_state may have.
func (s State) checkable() State {
	out := State{}
	for _, name := range StateMembers {
		if value, ok := s[name]; ok {
			out[name] = value
		}
	}
	if len(out) == len(s) {
		return s // which other targets share
	}
	return out
}

// CodeChangedSince is the error code of a target that is no longer in the state in which an earlier
// run left it.
const CodeChangedSince = "changed_since"

// ifStateProblems returns the problems of if_state that do not depend on the targets.
func ifStateProblems(a *Action, ifState map[string]State) []Problem {
	if len(ifState) == 0 || a.ChangesUsers() {
		return nil
	}
	return []Problem{{
		Parameter: "options.if_state", Message: a.Name + " does not change users, so it cannot check their state",
	}}
}

// unknownIfState returns the problems of users in if_state whom the request does not name: the
// option would protect no user of it.
func (x *Execution) unknownIfState(targets []*Target) []Problem {
	var problems []Problem
	for _, id := range slices.Sorted(maps.Keys(x.Request.Options.IfState)) {
		if !slices.ContainsFunc(targets, func(t *Target) bool { return t.isNamed(id) }) {
			problems = append(problems, Problem{
				Parameter: "options.if_state", Message: Shorten(id) + " is not the ID of a user whom this request names",
			})
		}
	}
	return problems
}

// isNamed reports whether the request names a user by this ID, or by a name that belongs to it. A user
// who cannot be read has no ID.
func (t *Target) isNamed(id string) bool {
	return t.UserID == id || slices.ContainsFunc(append([]Mention{t.Mention}, t.AlsoNamed...),
		func(m Mention) bool { return m.Input == id })
}

// checkIfState returns an error if the target is not in the state that the request expects.
func (x *Execution) checkIfState(t *Target, now State) error {
	for _, name := range StateMembers {
		want, asked := x.Request.Options.IfState[t.UserID][name]
		if !asked || t.UserID == "" {
			continue
		}
		is, known := now[name]
		if !known {
			x.mu.Lock()
			x.unchecked = errUnchecked(x.Action.Name, name)
			x.mu.Unlock()
			return x.unchecked
		}
		if sortedText(is) != sortedText(want) {
			return errNotInState(name, want, is)
		}
	}
	return nil
}

// sortedText returns a value of a state as text. The order of a list does not matter.
func sortedText(v any) string {
	if list, isList := v.([]string); isList {
		list = slices.Sorted(slices.Values(list))
		return strings.Join(list, ", ")
	}
	return fmt.Sprint(v)
}

func errUnchecked(action, member string) error {
	return apierr.Invalid(Problem{Parameter: "options.if_state", Message: action + " does not read " + member +
		", so it cannot check it: leave it out"})
}

func errNotInState(member string, want, is any) error {
	return apierr.Errorf(apierr.WrongState, CodeChangedSince,
		"%s: %s was expected (if_state), and it is %s now, so the user has changed since: nothing was sent",
		member, valueText(want), valueText(is))
}
