package groups

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type addParams struct {
	Name        string `param:"Group Name" required:"true" help:"The name of the group."`
	Description string `param:"Group Description" help:"The description of the group."`
}

// controlCharacters returns a problem for each parameter with control characters.
func (p addParams) controlCharacters() (problems []action.Problem) {
	for _, text := range []struct{ parameter, value string }{
		{"Group Name", p.Name}, {"Group Description", p.Description},
	} {
		if strings.ContainsFunc(text.value, unicode.IsControl) {
			problems = append(problems, action.Problem{
				Parameter: text.parameter, Message: fmt.Sprintf("has control characters: %q", action.Shorten(text.value)),
			})
		}
	}
	return problems
}

var add = action.Define(action.Spec{
	Name:       "Add Group",
	Summary:    "Add a group. A group that exists already is returned unchanged.",
	OktaScopes: []string{"okta.groups.read", "okta.groups.manage"},
	Mutates:    true,
	Category:   action.UpdatesIdentity,
	Example: action.Example{Parameters: map[string]any{
		"Group Name": "Quarantine", "Group Description": "Accounts under investigation",
	}},
}, func(ctx context.Context, x *action.Execution, p addParams) (*action.Result, error) {
	if problems := p.controlCharacters(); len(problems) > 0 {
		return nil, apierr.Invalid(problems...)
	}
	words := action.Words{Noun: "group", Changed: "Added", Unchanged: "The group exists already", Planned: "Would add"}
	result, err := x.Each(ctx, []string{p.Name}, words, func(ctx context.Context, name string) (action.Plan, error) {
		if x.Request.Options.DryRun {
			groups, err := x.Okta.FindGroups(ctx, name)
			if err != nil {
				return action.Plan{}, err
			}
			if i := slices.IndexFunc(groups, isOktaGroup); i >= 0 {
				return action.Plan{Value: groups[i]}, nil
			}
		}
		return planAdd(name, p.Description), nil
	})
	if err != nil {
		return nil, err
	}
	result.JSON = result.Only()
	return result, nil
})

// planAdd plans to create the group. It searches for an existing one only if Okta reports a
// duplicate.
func planAdd(name, description string) action.Plan {
	var created okta.Group
	return action.Plan{
		After:       action.State{"name": name},
		NotUndoable: "no action of this tool deletes a group: delete it in Okta",
		Write: func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
			var err error
			if created, err = o.CreateGroup(ctx, name, description); nameTaken(err) {
				existing, err := existingGroup(ctx, o, name, err)
				return action.WriteResult{Value: existing, Outcome: action.Unchanged}, err
			}
			return action.WriteResult{Value: created}, err
		},
		Read: func(ctx context.Context, o *okta.Client) (action.State, error) {
			g, err := o.GetGroup(ctx, created.ID)
			return action.State{"name": g.Name}, err
		},
	}
}

// nameTaken reports whether Okta rejected a group because its name exists already.
func nameTaken(err error) bool {
	e := apierr.As(err)
	return e != nil && e.Code == okta.CodeValidation && strings.Contains(e.Message, "already exists")
}

// existingGroup returns the group that has the name, after Okta rejected another. The search index
// may lag behind, so existingGroup also reads the list by prefix before it returns a group that an
// application manages.
func existingGroup(ctx context.Context, o *okta.Client, name string, rejection error) (okta.Group, error) {
	const message = "a group of this name already exists, but it could not be read: "
	var apps []okta.Group
	var failed error
	for _, list := range []func(context.Context, string) ([]okta.Group, error){o.FindGroups, o.QueryGroups} {
		groups, err := list(ctx, name)
		if i := slices.IndexFunc(groups, isOktaGroup); i >= 0 {
			return groups[i], nil
		}
		apps, failed = append(apps, groups...), cmp.Or(err, failed)
	}
	slices.SortFunc(apps, func(a, b okta.Group) int { return cmp.Compare(a.ID, b.ID) })
	apps = slices.CompactFunc(apps, func(a, b okta.Group) bool { return a.ID == b.ID })
	switch {
	case failed != nil:
		e := *apierr.As(failed)
		e.Message = message + e.Message
		return okta.Group{}, &e
	case len(apps) == 1:
		return apps[0], nil
	case len(apps) > 1:
		return okta.Group{}, ambiguous(len(apps))
	}
	e := *apierr.As(rejection)
	e.Message = message + "Okta's search does not show it yet"
	return okta.Group{}, &e
}

// isOktaGroup reports whether Okta manages the group. Groups that applications manage may have the
// same name.
func isOktaGroup(g okta.Group) bool { return g.Type != okta.AppGroup }
