package groups

import (
	"context"
	"fmt"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

type getParams struct {
	Groups []string `param:"Group IDs Or Names" required:"true" help:"IDs or names of groups in Okta."`
	IsID   bool     `param:"Is Id" default:"true" help:"Take the values as IDs; off takes them as names."`
}

var get = action.Define(action.Spec{
	Name:       "Get Group",
	Summary:    "Get information about groups.",
	OktaScopes: []string{"okta.groups.read"},
	Example:    action.Example{Parameters: map[string]any{"Group IDs Or Names": "Engineering", "Is Id": false}},
}, func(ctx context.Context, x *action.Execution, p getParams) (*action.Result, error) {
	if p.IsID {
		for _, id := range p.Groups {
			if !okta.FitsPath(id) {
				message := fmt.Sprintf("%q is not a group ID: turn Is Id off to find a group by its name", id)
				return nil, apierr.Invalid(action.Problem{Parameter: "Group IDs Or Names", Message: message})
			}
		}
	}
	words := action.Words{Noun: "group", Hint: func(name string) string { return action.GroupHint(name, p.IsID) }}
	return x.Each(ctx, p.Groups, words, func(ctx context.Context, idOrName string) (action.Plan, error) {
		find := x.Okta.GetGroup
		if !p.IsID {
			find = func(ctx context.Context, name string) (okta.Group, error) { return byName(ctx, x.Okta, name) }
		}
		g, err := find(ctx, idOrName)
		return action.Plan{Value: g}, err
	})
})

// byName returns the group with exactly this name. Several such groups are an error.
func byName(ctx context.Context, c *okta.Client, name string) (okta.Group, error) {
	hits, err := c.FindGroups(ctx, name)
	switch {
	case err != nil:
		return okta.Group{}, err
	case len(hits) == 0:
		return okta.Group{}, apierr.New(apierr.NotFound, okta.CodeNotFound, "no group has exactly this name", nil)
	case len(hits) > 1:
		return okta.Group{}, ambiguous(len(hits))
	}
	return hits[0], nil
}

func ambiguous(groups int) error {
	return apierr.Errorf(apierr.Rejected, "ambiguous",
		"%d groups have this name: give the ID of the group that you mean", groups)
}
