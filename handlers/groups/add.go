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

// controlCharacters returns a problem for each text that has control characters.
func (p addParams) controlCharacters() (problems []action.Problem) {
	for _, text := range []struct{ parameter, value string }{{"Group Name", p.Name}, {"Group Description", p.Description}} {
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
	Summary:    "Add a group; one that exists already is returned as it is.",
	OktaScopes: []string{"okta.groups.read", "okta.groups.manage"},
	Mutates:    true,
	Example:    action.Example{Parameters: map[string]any{"Group Name": "Quarantine", "Group Description": "Accounts under investigation"}},
}, func(ctx context.Context, c *action.Execution, p addParams) (*action.Result, error) {
	if problems := p.controlCharacters(); len(problems) > 0 {
		return nil, apierr.Invalid(problems...)
	}
	words := action.Words{Noun: "group", Changed: "Added", Unchanged: "The group exists already", Planned: "Would add"}
	result, err := c.Each(ctx, []string{p.Name}, words, func(ctx context.Context, name string) (action.Plan, error) {
		if c.Request.Options.DryRun {
			groups, err := c.Okta.FindGroups(ctx, name)
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

// planAdd makes the group first, and looks for an existing one only when Okta reports a duplicate.
func planAdd(name, description string) action.Plan {
	var created okta.Group
	return action.Plan{
		After: action.State{"name": name},
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

// nameTaken reports whether Okta refused a second group of one name.
func nameTaken(err error) bool {
	f := apierr.As(err)
	return f != nil && f.Code == okta.CodeValidation && strings.Contains(f.Message, "already exists")
}

// existingGroup returns the group because of which Okta refused to make another of its name. The search index may not
// show it yet, so the list by prefix is read too, before a group that an application masters is taken for it.
func existingGroup(ctx context.Context, o *okta.Client, name string, refusal error) (okta.Group, error) {
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
		f := *apierr.As(failed)
		f.Message = message + f.Message
		return okta.Group{}, &f
	case len(apps) == 1:
		return apps[0], nil
	case len(apps) > 1:
		return okta.Group{}, ambiguous(len(apps))
	}
	f := *apierr.As(refusal)
	f.Message = message + "Okta's search does not show it yet"
	return okta.Group{}, &f
}

// isOktaGroup reports whether a group is Okta's own. Groups that applications master may share its name.
func isOktaGroup(g okta.Group) bool { return g.Type != okta.AppGroup }
