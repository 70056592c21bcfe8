package groups_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestListUserGroups_ReportsEveryTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("groups/list-user-groups", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice, zed"},
		"entities": []any{
			map[string]any{"identifier": "ALICE@ACME.TEST", "entity_type": "HOSTNAME"},
			map[string]any{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME"},
			map[string]any{"identifier": "srv-01", "entity_type": "HOSTNAME"},
		},
	})
	w.WantWrites()
	for _, asked := range w.Asked() { // the incumbent adds ?id= (its defect 16)
		if strings.Contains(asked, "/groups?") {
			t.Errorf("requests to Okta: %s", asked)
		}
	}
	const everyone = `{"description":"All users in your organization","name":"Everyone"}`
	const engineering = `{"description":"Builds the product","name":"Engineering"}`
	const vpn = `{"description":"May connect from outside","name":"VPN Users"}`
	got.Want(t, 200, w.Expand(fmt.Sprintf(`{
		"action": "List User Groups", "status": "partial", "is_success": false,
		"output_message": "alice@acme.test belongs to 3 groups: Everyone, Engineering, VPN Users. bob@acme.test belongs to 2 groups: Everyone, Engineering. Not found: zed.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"alice": %s, "BOB@ACME.TEST": %s},
		"entities": [
			{"identifier": "ALICE@ACME.TEST", "entity_type": "HOSTNAME", "enrichment": {"profile": %q, "name": "Everyone, Engineering, VPN Users"}},
			{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {"profile": %q, "name": "Everyone, Engineering"}}
		],
		"targets": [
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "found",
			 "also_named": [{"input": "ALICE@ACME.TEST", "source": "entity"}]},
			{"input": "zed", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}},
			{"input": "BOB@ACME.TEST", "source": "entity", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "found"}
		],
		"warnings": ["The entity srv-01 (HOSTNAME) is ignored: it is not the full login of a user."]
	}`, w.AsOktaHasIt("/api/v1/users/alice/groups"), w.AsOktaHasIt("/api/v1/users/bob/groups"),
		"["+everyone+","+engineering+","+vpn+"]", "["+everyone+","+engineering+"]")))
}

func TestListUserGroups_EntitiesKeepOrder(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("groups/list-user-groups", map[string]any{"entities": []any{
		map[string]any{"identifier": "zed", "entity_type": "USERUNIQNAME"},
		map[string]any{"identifier": "bob@acme.test", "entity_type": "USERUNIQNAME"},
	}})
	if diff := cmp.Diff([]any{
		map[string]any{"identifier": "zed", "entity_type": "USERUNIQNAME", "enrichment": map[string]any{}},
		map[string]any{"identifier": "bob@acme.test", "entity_type": "USERUNIQNAME", "enrichment": got.Get("entities", 1, "enrichment")},
	}, got.Get("entities")); diff != "" || got.Get("entities", 1, "enrichment", "name") != "Everyone, Engineering" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
	w.Forget()
	off := w.Run("groups/list-user-groups", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice", "Also Run On Scope": "false"},
		"entities":   []any{map[string]any{"identifier": "bob@acme.test", "entity_type": "USERUNIQNAME"}},
	})
	if diff := cmp.Diff([]string{"found"}, off.Outcomes()); diff != "" || len(off.Get("entities").([]any)) != 0 {
		t.Errorf("with Also Run On Scope off: %s", off.Body)
	}
}

// The incumbent reads the first page only (its defect 14).
func TestListUserGroups_ReadsEveryPage(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PageSize: 2})
	var names []string
	for i := range 7 {
		names = append(names, fmt.Sprintf("Project %d", i))
	}
	w.Okta.AddUser(emulator.UserSeed{Login: "many@acme.test", Groups: names})
	got := w.Run("groups/list-user-groups", testkit.Params(map[string]any{"User IDs Or Logins": "many"}))
	var listed []string
	for i := range got.Get("json_result", "many").([]any) {
		listed = append(listed, got.Get("json_result", "many", i, "profile", "name").(string))
	}
	if diff := cmp.Diff(append([]string{"Everyone"}, names...), listed); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	pages := slices.DeleteFunc(w.Asked(), func(asked string) bool { return !strings.Contains(asked, "/groups") })
	if len(pages) != 4 {
		t.Errorf("pages asked for: %v", pages)
	}
}

// The incumbent reports "The user with id {0} doesn't belong to any group" (its defect 20).
func TestListUserGroups_UserWithoutGroups(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*/groups", Status: 200, Body: "[]"})
	got := w.Run("groups/list-user-groups", map[string]any{"entities": []any{map[string]any{"identifier": "bob", "entity_type": "USERUNIQNAME"}}})
	got.Want(t, 200, w.Expand(`{
		"action": "List User Groups", "status": "success", "is_success": true,
		"output_message": "bob@acme.test belongs to no group.",
		"script_result": {"name": "is_success", "value": true}, "json_result": {"bob": []},
		"entities": [{"identifier": "bob", "entity_type": "USERUNIQNAME", "enrichment": {"profile": "[]", "name": ""}}],
		"targets": [{"input": "bob", "source": "entity", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "found"}],
		"warnings": []
	}`))
}

func TestListUserGroups_OneErrorDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status        int
		outcome, code string
		retryable     bool
	}{
		{403, "failed", "E0000006", false},
		{404, "not_found", "E0000007", false},
		{500, "failed", "E0000009", true},
	} {
		for _, path := range []string{"/api/v1/users/alice", "/api/v1/users/${id:alice}/groups"} {
			t.Run(fmt.Sprint(c.status, path), func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{})
				w.Okta.AddFault(emulator.Fault{Path: w.Expand(path), Status: c.status})
				got := w.Run("groups/list-user-groups", testkit.Params(map[string]any{"User IDs": "alice,bob"}))
				if diff := cmp.Diff([]string{c.outcome, "found"}, got.Outcomes()); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
				if got.HTTP != 200 || got.Get("status") != "partial" || got.Get("targets", 0, "error", "code") != c.code || got.Get("targets", 0, "error", "retryable") != c.retryable {
					t.Errorf("reply: %d %s", got.HTTP, got.Body)
				}
				if _, there := got.Get("json_result").(map[string]any)["alice"]; there {
					t.Error("a target that was not reached has a result")
				}
			})
		}
	}
}

func TestListUserGroups_RequiresTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for name, request := range map[string]any{
		"an empty body":        "",
		"nothing":              map[string]any{},
		"empty items only":     testkit.Params(map[string]any{"User IDs Or Logins": " , ,"}),
		"an unresolved field":  testkit.Params(map[string]any{"User IDs Or Logins": "[Event.event_principal_user_emailAddresses]"}),
		"the credentials' own": testkit.Params(map[string]any{"User IDs Or Logins": "ME"}),
		"entities out of scope": map[string]any{
			"parameters": map[string]any{"Also Run On Scope": false},
			"entities":   []any{map[string]any{"identifier": "bob", "entity_type": "USERUNIQNAME"}},
		},
	} {
		got := w.Run("groups/list-user-groups", request)
		if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != "User IDs Or Logins" {
			t.Errorf("%s: %d %s", name, got.HTTP, got.Body)
		}
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}
