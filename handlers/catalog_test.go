package handlers_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
)

// What playbooks, Terraform and SecOps rely on stays as it is; more may come.
//
// With OAuth the incumbent asks for two read scopes whatever it does, so that it can write nothing (its
// defect 4). A scope too many is as bad: one that the service app was not granted fails the whole token.
func TestPublishedActionsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	type published struct {
		Function, Slug string
		Scopes         []string
		Mutates        bool
		OnScope        any // default of Also Run On Scope; nil: no such parameter
	}
	readUsers, manageUsers := []string{"okta.users.read"}, []string{"okta.users.read", "okta.users.manage"}
	manageRoles := []string{"okta.users.read", "okta.roles.read", "okta.roles.manage"}
	for name, want := range map[string]published{
		"Get User":                {"OktaUsers", "get-user", readUsers, false, true},
		"List Users":              {"OktaUsers", "list-users", readUsers, false, nil},
		"Enable User":             {"OktaUsers", "enable-user", manageUsers, true, true},
		"Disable User":            {"OktaUsers", "disable-user", manageUsers, true, true},
		"Reset Password":          {"OktaUsers", "reset-password", manageUsers, true, false},
		"Set Password":            {"OktaUsers", "set-password", manageUsers, true, false},
		"Add Group":               {"OktaGroups", "add-group", []string{"okta.groups.read", "okta.groups.manage"}, true, nil},
		"Get Group":               {"OktaGroups", "get-group", []string{"okta.groups.read"}, false, nil},
		"List User Groups":        {"OktaGroups", "list-user-groups", readUsers, false, true},
		"Assign Role":             {"OktaRoles", "assign-role", manageRoles, true, true},
		"List Roles":              {"OktaRoles", "list-roles", []string{"okta.users.read", "okta.roles.read"}, false, true},
		"Unassign Role":           {"OktaRoles", "unassign-role", manageRoles, true, false},
		"Clear Okta User Session": {"OktaSessions", "clear-okta-user-session", manageUsers, true, false},
		"List Providers":          {"OktaProviders", "list-providers", []string{"okta.idps.read"}, false, nil},
		"Send ITP Signal":         {"OktaSignals", "send-itp-signal", nil, true, nil},
	} {
		var got published
		for _, g := range handlers.Groups {
			if a, ok := g.Find(name); ok && a.Name == name {
				got = published{g.Function, a.Slug, a.OktaScopes, a.Mutates, nil}
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

// TestCatalog_SaysWhichResultsCanBeReadBack: a replay of these reads the state again, and so needs
// it to be readable.
func TestCatalog_SaysWhichResultsCanBeReadBack(t *testing.T) {
	t.Parallel()
	var got []string
	for _, g := range handlers.Groups {
		for _, entry := range g.Catalog().Actions {
			if entry.ReadBack {
				got = append(got, entry.Name)
			}
		}
	}
	if diff := cmp.Diff([]string{"Enable User", "Disable User", "Assign Role", "Unassign Role"}, got); diff != "" {
		t.Errorf("actions with read_back (-want +got):\n%s", diff)
	}
}

func TestEveryGroupHasItsNamesAndPingsLast(t *testing.T) {
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
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}
