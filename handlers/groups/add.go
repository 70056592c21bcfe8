package groups

import (
	"context"
	"strings"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/fault"
	"example.com/okta-secops/internal/okta"
)

type addParams struct {
	Name        string `param:"Group Name" required:"true" help:"The name of the group."`
	Description string `param:"Group Description" help:"The description of the group."`
}

var add = action.Define(action.Spec{
	Name:       "Add Group",
	Summary:    "Add a group; one that exists already is returned as it is.",
	OktaScopes: []string{"okta.groups.read", "okta.groups.manage"},
	Mutates:    true,
	Example:    action.Example{Parameters: map[string]any{"Group Name": "Quarantine", "Group Description": "Accounts under investigation"}},
}, func(ctx context.Context, c *action.Call, p addParams) (*action.Result, error) {
	words := action.Words{Noun: "group", Changed: "Added", Unchanged: "The group exists already", Planned: "Would add"}
	result, err := c.Each(ctx, []string{p.Name}, words, func(ctx context.Context, name string) (action.Plan, error) {
		existing, err := c.Okta.FindGroups(ctx, name)
		if err != nil {
			return action.Plan{}, err
		}
		if len(existing) > 0 {
			return action.Plan{Value: existing[0]}, nil
		}
		var created okta.Group
		return action.Plan{
			After: action.State{"name": name},
			Write: func(ctx context.Context) (action.Done, error) {
				var err error
				created, err = c.Okta.CreateGroup(ctx, name, p.Description)
				if nameTaken(err) { // someone was faster, or Okta's search does not show the group yet
					if existing, findErr := c.Okta.FindGroups(ctx, name); findErr == nil && len(existing) > 0 {
						return action.Done{Value: existing[0], Outcome: action.Unchanged}, nil
					}
				}
				return action.Done{Value: created}, err
			},
			Read: func(ctx context.Context) (action.State, error) {
				g, err := c.Okta.GetGroup(ctx, created.ID)
				return action.State{"name": g.Name}, err
			},
		}, nil
	})
	if err != nil {
		return nil, err
	}
	result.JSON = result.Only()
	return result, nil
})

// nameTaken tells Okta's refusal of a second group of one name from its other validation errors.
func nameTaken(err error) bool {
	f := fault.As(err)
	return f != nil && f.Code == okta.CodeValidation && strings.Contains(f.Message, "already exists")
}
