package groups_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const (
	addMember    = "groups/add-user-to-group"
	removeMember = "groups/remove-user-from-group"
)

func TestAddMember_AddsToTheGroupsThatTheUserLacks(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	finance, engineering := groupID(t, w, "Finance"), groupID(t, w, "Engineering")
	got := w.Run(addMember, testkit.Params(map[string]any{
		"User IDs": "bob", "Group IDs Or Names": "Finance, Engineering, " + finance,
	}))
	w.WantWrites("PUT /api/v1/groups/" + finance + "/users/" + w.ID("bob"))
	if held := w.User("bob").Groups; !slices.Contains(held, "Finance") {
		t.Errorf("bob has %v", held)
	}
	got.Want(t, 200, w.Expand(fmt.Sprintf(`{
		"action": "Add User To Group", "status": "success", "is_success": true,
		"output_message": "Added 1 user: bob@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": {"bob": {"groups": [
			{"id": %[1]q, "name": "Finance", "outcome": "changed"}, {"id": %[2]q, "name": "Engineering", "outcome": "unchanged"}]}},
		"entities": [],
		"targets": [{"input": "bob", "source": "parameter", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "changed",
			"before": {"status": "ACTIVE", "groups": ["Engineering"]}, "after": {"status": "ACTIVE", "groups": ["Engineering", "Finance"]},
			"verified": false,
			"steps": [{"step": "add to Finance", "outcome": "changed"}, {"step": "add to Engineering", "outcome": "unchanged"}],
			"undo": {"action": "Remove User From Group", "parameters": {
				"User IDs Or Logins": "${id:bob}", "Group IDs Or Names": [%[1]q], "Also Run On Scope": false}}}],
		"warnings": []
	}`, finance, engineering)))
}

func TestRemoveMember_RemovesAndNamesTheRuleThatAddsAgain(t *testing.T) {
	t.Parallel()
	for _, org := range []struct {
		name    string
		lacks   []string
		warning string
	}{
		{"rules", nil, `["bob@acme.test: the group rule Builders will add the user to Engineering again: change the rule, or the user's attributes."]`},
		{"no rules", []string{emulator.GroupRules}, `[]`},
	} {
		t.Run(org.name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddGroupRule("Builders", groupID(t, w, "Engineering"), "bob@acme.test")
			for _, feature := range org.lacks {
				w.Okta.SetFeature(feature, false)
			}
			engineering := groupID(t, w, "Engineering")
			got := w.Run(removeMember, testkit.Params(map[string]any{"User IDs": "bob", "Group IDs Or Names": "Engineering"}))
			w.WantWrites("DELETE /api/v1/groups/" + engineering + "/users/" + w.ID("bob"))
			if held := w.User("bob").Groups; slices.Contains(held, "Engineering") {
				t.Errorf("bob has %v", held)
			}
			got.Want(t, 200, w.Expand(fmt.Sprintf(`{
				"action": "Remove User From Group", "status": "success", "is_success": true,
				"output_message": "Removed 1 user: bob@acme.test.",
				"script_result": {"name": "is_success", "value": true},
				"json_result": {"bob": {"groups": [{"id": %[1]q, "name": "Engineering", "outcome": "changed"}]}},
				"entities": [],
				"targets": [{"input": "bob", "source": "parameter", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "changed",
					"before": {"status": "ACTIVE", "groups": ["Engineering"]}, "after": {"status": "ACTIVE", "groups": []}, "verified": false,
					"steps": [{"step": "remove from Engineering", "outcome": "changed"}],
					"undo": {"action": "Add User To Group", "parameters": {
						"User IDs Or Logins": "${id:bob}", "Group IDs Or Names": [%[1]q], "Also Run On Scope": false}}}],
				"warnings": %[2]s
			}`, engineering, org.warning)))
		})
	}
}

// TestMembers_FinalStateIsUnchanged: nothing is sent, also in a dry run.
func TestMembers_FinalStateIsUnchanged(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, r := range []struct{ path, group string }{{addMember, "Engineering"}, {removeMember, "Finance"}} {
		for _, dryRun := range []bool{false, true} {
			got := w.Run(r.path, map[string]any{
				"parameters": map[string]any{"User IDs": "bob", "Group IDs Or Names": r.group}, "options": map[string]any{"dry_run": dryRun},
			})
			if got.HTTP != 200 || got.Get("targets", 0, "outcome") != "unchanged" || got.Get("targets", 0, "steps", 0, "outcome") != "unchanged" {
				t.Errorf("%s, dry run %v: %d %s", r.path, dryRun, got.HTTP, got.Body)
			}
		}
	}
	w.WantWrites()
}

// TestMembers_GroupsThatCannotBeFoundChangeNobody: one bad name fails every user, and nothing is sent.
func TestMembers_GroupsThatCannotBeFoundChangeNobody(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddGroup("Twice", "")
	w.Okta.AddAppGroup("Twice")
	for names, code := range map[string]string{
		"Finance, Finanse": "E0000007", "finance": "E0000007", "00gAAAAAAAAAAAAAAAAA": "E0000007", "Twice": "ambiguous",
	} {
		got := w.Run(addMember, testkit.Params(map[string]any{"User IDs": "alice, bob", "Group IDs Or Names": names}))
		text := string(got.Body)
		if got.Get("status") != "failure" || got.Get("targets", 1, "error", "code") != code || !strings.Contains(text, "Group IDs Or Names: ") || !strings.Contains(text, "nothing was sent") {
			t.Errorf("%s: %d %s", names, got.HTTP, text)
		}
	}
	w.WantWrites()
}

// TestMembers_GroupsOfOthersAreWrongState: an application or Okta masters them. The other groups are
// changed all the same.
func TestMembers_GroupsOfOthersAreWrongState(t *testing.T) {
	t.Parallel()
	for kind, words := range map[string]string{"app": "an application masters it: change the members there", "built in": "Okta manages it"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			name, id := "Everyone", groupID(t, w, "Everyone")
			path, verb := removeMember, "remove from "
			if kind == "app" {
				name, id = "Payroll", w.Okta.AddAppGroup("Payroll")
				path, verb = addMember, "add to "
			}
			other := map[string]string{addMember: "Finance", removeMember: "Engineering"}[path]
			got := w.Run(path, testkit.Params(map[string]any{"User IDs": "bob", "Group IDs Or Names": id + ", " + other}))
			if len(w.Writes()) != 1 || slices.Contains(w.User("bob").Groups, other) != (path == addMember) {
				t.Errorf("writes %v", w.Writes())
			}
			if got.Get("status") != "partial" || got.Get("targets", 0, "outcome") != "wrong_state" ||
				got.Get("targets", 0, "steps", 0, "outcome") != "wrong_state" || got.Get("targets", 0, "steps", 1, "outcome") != "changed" {
				t.Errorf("%d %s", got.HTTP, got.Body)
			}
			want := fmt.Sprintf("bob@acme.test: done: %s%s; not done: %s%s (the members of the group %s cannot be changed: %s).", verb, other, verb, name, name, words)
			if message := fmt.Sprint(got.Get("output_message")); !strings.Contains(message, want) {
				t.Errorf("%s\nwant %s", message, want)
			}
		})
	}
}

// TestMembers_DoubtIsNotDenied: if the response about a group is lost, the reply has no groups after.
func TestMembers_DoubtIsNotDenied(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/groups/" + groupID(t, w, "VPN Users") + "/users/*", Drop: true, CarriedOut: true})
	got := w.Run(addMember, testkit.Params(map[string]any{"User IDs": "bob", "Group IDs Or Names": "Finance, VPN Users"}))
	if after, _ := got.Get("targets", 0, "after").(map[string]any); after["groups"] != nil {
		t.Errorf("after: %v", after)
	}
	if got.Get("targets", 0, "steps", 0, "outcome") != "changed" || got.Get("targets", 0, "outcome") != "failed" ||
		!strings.Contains(string(got.Body), "done: add to Finance; in doubt: add to VPN Users (") {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
}

// TestMembers_GroupsOfOneNameAreTwoSteps: groups of applications may share a name.
func TestMembers_GroupsOfOneNameAreTwoSteps(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	first, second := w.Okta.AddGroup("Twice", ""), w.Okta.AddAppGroup("Twice")
	got := w.Run(addMember, testkit.Params(map[string]any{"User IDs": "bob", "Group IDs Or Names": first + ", " + second}))
	w.WantWrites("PUT /api/v1/groups/" + first + "/users/" + w.ID("bob"))
	if got.Get("targets", 0, "steps", 0, "step") != "add to Twice" || got.Get("targets", 0, "steps", 1, "step") != "add to Twice ("+second+")" {
		t.Errorf("%s", got.Body)
	}
}
