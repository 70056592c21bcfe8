package handlers_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
)

// Playbooks, Terraform and SecOps depend on these declarations. Actions may be added.
//
// With OAuth the incumbent always requests the same two read scopes, so that it cannot write (its
// defect 4). An unneeded scope is an error too: if it is not granted, Okta issues no token.
func TestCatalog_PublishedActionsAreUnchanged(t *testing.T) {
	t.Parallel()
	type published struct {
		Function, Slug string
		Scopes         []string
		Mutates        bool
		ReadBack       bool // a replay reads the state again
		OnScope        any  // default of Also Run On Scope; nil: no such parameter
	}
	readUsers, manageUsers := []string{"okta.users.read"}, []string{"okta.users.read", "okta.users.manage"}
	manageRoles := []string{"okta.users.read", "okta.roles.read", "okta.roles.manage"}
	for name, want := range map[string]published{
		"Get User":                {"OktaUsers", "get-user", readUsers, false, false, true},
		"List Users":              {"OktaUsers", "list-users", readUsers, false, false, nil},
		"Enable User":             {"OktaUsers", "enable-user", manageUsers, true, true, true},
		"Disable User":            {"OktaUsers", "disable-user", manageUsers, true, true, true},
		"Reset Password":          {"OktaUsers", "reset-password", manageUsers, true, false, false},
		"Set Password":            {"OktaUsers", "set-password", manageUsers, true, false, false},
		"Add Group":               {"OktaGroups", "add-group", []string{"okta.groups.read", "okta.groups.manage"}, true, false, nil},
		"Get Group":               {"OktaGroups", "get-group", []string{"okta.groups.read"}, false, false, nil},
		"List User Groups":        {"OktaGroups", "list-user-groups", readUsers, false, false, true},
		"Assign Role":             {"OktaRoles", "assign-role", manageRoles, true, true, true},
		"List Roles":              {"OktaRoles", "list-roles", []string{"okta.users.read", "okta.roles.read"}, false, false, true},
		"Unassign Role":           {"OktaRoles", "unassign-role", manageRoles, true, true, false},
		"Clear Okta User Session": {"OktaSessions", "clear-okta-user-session", manageUsers, true, false, false},
		"List Providers":          {"OktaProviders", "list-providers", []string{"okta.idps.read"}, false, false, nil},
		"Send ITP Signal":         {"OktaSignals", "send-itp-signal", nil, true, false, nil},
	} {
		var got published
		for _, g := range handlers.Groups {
			if a, ok := g.Find(name); ok && a.Name == name {
				got = published{g.Function, a.Slug, a.OktaScopes, a.Mutates, a.ReadBack, nil}
				if i := slices.IndexFunc(a.Params, func(p action.Param) bool { return p.Name == "Also Run On Scope" }); i >= 0 {
					got.OnScope = a.Params[i].Default
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCatalog_PingIsLastInEachGroup(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, g := range handlers.Groups {
		got[g.Name] = g.Function
		if last := g.Actions[len(g.Actions)-1]; last.Name != "Ping" || last.Slug != "ping" || last.Mutates {
			t.Errorf("the last action of %s is %s", g.Name, last.Name)
		}
	}
	want := map[string]string{
		"users": "OktaUsers", "groups": "OktaGroups", "roles": "OktaRoles",
		"sessions": "OktaSessions", "providers": "OktaProviders", "signals": "OktaSignals",
		"logs": "OktaLogs", "containment": "OktaContainment",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}
