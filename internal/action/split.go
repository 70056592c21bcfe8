package action

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
)

// Split returns the request in parts that name at most size users each: those of the parameter, then those of the
// entities in scope. A name that is given several times is in the first of these parts only, as often as it was
// given: it is one user, and an entity among the mentions is enriched. The warnings about the request concern no
// part. Split returns an *InvalidError if if_state is given and users are not named by their IDs, and nothing for an
// action that takes no list of users.
func (inv *Invocation) Split(size int) ([]Request, error) {
	param := inv.Action.usersParam()
	if param == "" {
		return nil, nil
	}
	named := inv.distinctNames()
	if problems := inv.splitStateProblems(named); len(problems) > 0 {
		return nil, &InvalidError{Problems: problems}
	}
	var parts []Request
	for chunk := range slices.Chunk(named, size) {
		parts = append(parts, inv.part(param, chunk))
	}
	return parts, nil
}

// splitStateProblems returns the problems of if_state in a request that is split. Every user must be named by ID then:
// a user with two names could be in a part that does not check the state.
func (inv *Invocation) splitStateProblems(named []splitName) (problems []Problem) {
	add := func(name, format string) {
		problems = append(problems, Problem{Parameter: "options.if_state", Message: fmt.Sprintf(format, Shorten(name))})
	}
	if len(inv.Request.Options.IfState) == 0 {
		return nil
	}
	ids := map[string]bool{}
	for _, n := range slices.Concat(named...) {
		if ids[n.text] = true; !okta.IsUserID(n.text) {
			add(n.text, "needs the IDs of all users in a job, and %s is not an ID")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(inv.Request.Options.IfState)) {
		if !ids[id] {
			add(id, "names the user %s, whom the list does not name")
		}
	}
	return problems
}

// splitName is a name in a request that is split, with all mentions of it.
type splitName []splitMention

type splitMention struct {
	text   string
	entity EntityType // "": of the parameter
}

func (inv *Invocation) distinctNames() []splitName {
	var all []splitMention
	for _, u := range inv.users {
		all = append(all, splitMention{text: u})
	}
	for _, e := range inv.scope {
		for _, text := range e.names {
			all = append(all, splitMention{text, e.Type})
		}
	}
	at := map[string]int{}
	var distinct []splitName
	for _, m := range all {
		i, again := at[foldName(m.text)]
		if !again {
			i = len(distinct)
			at[foldName(m.text)] = i
			distinct = append(distinct, nil)
		}
		distinct[i] = append(distinct[i], m)
	}
	return distinct
}

// identifier returns the identifier of an entity that lists this name only.
func identifier(name string) string {
	if names, _, err := entityNames(name); err == nil && len(names) == 1 && names[0] == name {
		return name
	}
	text, _ := json.Marshal([]string{name}) // strings can be encoded
	return string(text)
}

// part returns the request for some of the names.
func (inv *Invocation) part(param string, names []splitName) Request {
	r := inv.Request
	r.Parameters = map[string]any{}
	given, _, _ := match(&inv.Action, inv.Request.Parameters)
	maps.Copy(r.Parameters, given)
	r.Entities, r.Options.IfState = nil, nil
	users := []any{}
	for _, n := range slices.Concat(names...) {
		if n.entity != "" {
			r.Entities = append(r.Entities, Entity{Identifier: identifier(n.text), Type: n.entity})
		} else {
			users = append(users, n.text)
		}
		if state, ok := inv.Request.Options.IfState[n.text]; ok {
			if r.Options.IfState == nil {
				r.Options.IfState = map[string]State{}
			}
			r.Options.IfState[n.text] = state
		}
	}
	r.Parameters[param] = users
	return r
}

// Submit returns the refusal of the guardrails that concern the request as a whole, before it is carried out in parts.
// caller is the ID of an API key, or an e-mail address; "" if it is not known.
func (inv *Invocation) Submit(ctx context.Context, d Deps, caller string) error {
	if !inv.Action.Mutates {
		return nil
	}
	x := &Execution{Deps: d, Action: inv.Action}
	if err := x.loadPolicy(ctx); err != nil {
		return err
	}
	named := inv.distinctNames()
	names := make([]string, len(named))
	for i, n := range named {
		names[i] = foldName(n[0].text)
	}
	if refused := d.Guardrails.guard.Submit(ctx, x.policy, guardrail.Call{
		Action: inv.Action.Slug, Caller: caller, Now: d.Now(), Parallel: x.forEachParallel,
	}, names); refused != nil {
		return refused
	}
	return nil
}

// NotDone returns the targets of a part of Split that was not carried out, with this error.
func (r Request) NotDone(a Action, err error) []*Target {
	var targets []*Target
	byName := map[string]*Target{}
	add := func(input any, source string) {
		m := Mention{fmt.Sprint(input), source}
		if t := byName[m.name()]; t != nil {
			t.AlsoNamed = append(t.AlsoNamed, m)
			return
		}
		t := &Target{Mention: m}
		t.fail(err)
		byName[m.name()] = t
		targets = append(targets, t)
	}
	users, _ := r.Parameters[a.usersParam()].([]any)
	for _, u := range users {
		add(u, fromParameter)
	}
	for _, e := range r.Entities {
		add(e.Identifier, fromEntity)
	}
	return targets
}

// Names returns how many names the request has for the target, ignoring case.
func (t *Target) Names() int {
	names := map[string]bool{t.Mention.name(): true}
	for _, m := range t.AlsoNamed {
		names[m.name()] = true
	}
	return len(names)
}

// name returns the name of a mention in a part of Split, in lower case.
func (m Mention) name() string {
	if names, _, err := entityNames(m.Input); m.Source == fromEntity && err == nil && len(names) == 1 {
		return foldName(names[0])
	}
	return foldName(m.Input)
}

// Merge returns the result of the parts of a request, in the order of the request. A user who is named in several parts
// is one target: the one that was changed, otherwise the first that was reached, otherwise the first.
func Merge(targets []*Target, dryRun bool) *Result {
	r := &Result{dryRun: dryRun}
	at := map[string]int{}
	better := func(a, b *Target) bool {
		return a.Outcome.wrote() && !b.Outcome.wrote() || a.Outcome.Reached() && !b.Outcome.Reached()
	}
	for _, t := range targets {
		t.restoreError()
		i, again := at[t.UserID]
		switch {
		case t.UserID == "" || !again:
			at[t.UserID] = len(r.Targets)
			r.Targets = append(r.Targets, t)
			continue
		case better(t, r.Targets[i]):
			first := r.Targets[i]
			merged := *t
			merged.Mention = first.Mention
			merged.AlsoNamed = slices.Concat(first.AlsoNamed, []Mention{t.Mention}, t.AlsoNamed)
			r.Targets[i] = &merged
		default:
			r.Targets[i].AlsoNamed = slices.Concat(r.Targets[i].AlsoNamed, []Mention{t.Mention}, t.AlsoNamed)
		}
	}
	return r
}
