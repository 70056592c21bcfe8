package action

// Catalog is a group as callers see it.
type Catalog struct {
	Group    string  `json:"group"`
	Function string  `json:"function"`
	Summary  string  `json:"summary"`
	Actions  []Entry `json:"actions"`
}

// Entry is an action as callers see it.
type Entry struct {
	Name        string       `json:"name"`
	Slug        string       `json:"slug"`
	Aliases     []string     `json:"aliases,omitempty"`
	Summary     string       `json:"summary"`
	Mutates     bool         `json:"mutates"`
	ReadBack    bool         `json:"read_back"` // the result can be read back later
	Parameters  []Param      `json:"parameters"`
	EntityTypes []EntityType `json:"entity_types"`
	OAuthScopes []string     `json:"oauth_scopes"`
}

// Catalog describes the group.
func (g Group) Catalog() Catalog {
	c := Catalog{Group: g.Name, Function: g.Function, Summary: g.Summary}
	for _, a := range g.Actions {
		c.Actions = append(c.Actions, Entry{
			Name: a.Name, Slug: a.Slug, Aliases: a.Aliases, Summary: a.Summary,
			Mutates: a.Mutates, ReadBack: a.ReadBack,
			Parameters:  append([]Param{}, a.Params...),
			EntityTypes: append([]EntityType{}, a.RunsOn...),
			OAuthScopes: append([]string{}, a.OktaScopes...),
		})
	}
	return c
}
