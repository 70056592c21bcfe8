package action

import "slices"

// Category is SecOps' name of the purpose of an action. Google's remediation agent chooses actions by it. The names and
// their expected outcomes are those of OutcomeCategories in github.com/chronicle/content-hub.
type Category string

// The categories of the actions.
const (
	DisablesIdentity Category = "disable_identity"        // revokes access and prevents sign-in
	EnablesIdentity  Category = "enable_identity"         // restores access
	ResetsPassword   Category = "reset_identity_password" // invalidates the password
	UpdatesIdentity  Category = "update_identity"         // changes groups, roles, factors, sessions or risk
	EnrichesAsset    Category = "enrich_asset"            // returns data about a user or a resource
	SearchesEvents   Category = "search_events"           // returns log events
	Uncategorized    Category = "none"                    // none of SecOps' categories
)

// Categories are all categories.
var Categories = []Category{
	DisablesIdentity, EnablesIdentity, ResetsPassword, UpdatesIdentity, EnrichesAsset, SearchesEvents, Uncategorized,
}

// categoryOf returns the declared category of an action. An action that only reads needs none: it enriches an asset.
func categoryOf(s Spec) Category {
	if s.Category == "" && !s.Mutates {
		return EnrichesAsset
	}
	if !slices.Contains(Categories, s.Category) {
		panic("action " + s.Name + ": a Category is required")
	}
	return s.Category
}
