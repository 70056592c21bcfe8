package groups_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestAddGroupAddsTheGroupAndReturnsIt(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("groups/add-group", testkit.Params(map[string]any{"Group Name": "Quarantine", "Group Description": "Accounts under investigation"}))

	w.WantWrites("POST /api/v1/groups")
	requests := w.Okta.Requests()
	if diff := cmp.Diff(`{"profile":{"description":"Accounts under investigation","name":"Quarantine"}}`, strings.TrimSpace(requests[len(requests)-1].Body)); diff != "" {
		t.Errorf("the body that Okta was sent (-want +got):\n%s", diff)
	}
	group, ok := w.Okta.Group("Quarantine")
	if want := (emulator.GroupState{ID: group.ID, Name: "Quarantine", Description: "Accounts under investigation", Type: "OKTA_GROUP"}); !ok || !cmp.Equal(want, group) {
		t.Errorf("the group in Okta: %+v, want %+v", group, want)
	}
	got.Want(t, 200, fmt.Sprintf(`{
		"action": "Add Group", "status": "success", "is_success": true,
		"output_message": "Added 1 group: Quarantine.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": %s, "entities": [],
		"targets": [{"input": "Quarantine", "source": "parameter", "outcome": "changed", "after": {"name": "Quarantine"}, "verified": false}],
		"warnings": []
	}`, w.AsOktaHasIt("/api/v1/groups/"+group.ID)))
}

func TestAddGroupReturnsAGroupThatExists(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("groups/add-group", testkit.Params(map[string]any{"Group Name": "Engineering", "Group Description": "Another text"}))
	w.WantWrites()
	if group, _ := w.Okta.Group("Engineering"); group.Description != "Builds the product" {
		t.Errorf("the description of a group that exists became %q", group.Description)
	}
	got.Want(t, 200, fmt.Sprintf(`{
		"action": "Add Group", "status": "success", "is_success": true,
		"output_message": "The group exists already: Engineering.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": %s, "entities": [],
		"targets": [{"input": "Engineering", "source": "parameter", "outcome": "unchanged", "verified": false}],
		"warnings": []
	}`, w.AsOktaHasIt("/api/v1/groups/"+groupID(t, w, "Engineering"))))
}

func TestAddGroupTakesOnlyTheExactNameForTheGroup(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]string{
		"a name with which another begins": "Engineer",
		"a name that begins with another":  "Engineering Managers",
		"a name in another case":           "engineering",
		"quotes, commas and markup":        `Zoë's "A, B" & <C>`,
		"another script":                   "隔離 🔒",
		"what a query would take apart":    "a&q=b#c?d/e%2F+f",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			request := testkit.Params(map[string]any{"Group Name": given})
			first := w.Run("groups/add-group", request)
			group, ok := w.Okta.Group(given)
			if !ok || first.Get("status") != "success" || first.Get("json_result", "profile", "name") != given {
				t.Fatalf("Okta has the group: %v; reply: %s", ok, first.Body)
			}
			second := w.Run("groups/add-group", request)
			if second.Get("targets", 0, "outcome") != "unchanged" || second.Get("json_result", "id") != group.ID {
				t.Errorf("the same once more: %s", second.Body)
			}
			w.WantWrites("POST /api/v1/groups")
		})
	}
}

// The incumbent takes every 400 for "already exists" and drops Okta's text (its defect 15).
func TestAddGroupReportsARefusalThatIsNoDuplicate(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	name := strings.Repeat("x", 256)
	got := w.Run("groups/add-group", testkit.Params(map[string]any{"Group Name": name}))
	const reason = "Api validation failed: name: name: The field is too long"
	got.Want(t, 422, fmt.Sprintf(`{
		"action": "Add Group", "status": "failure", "is_success": false,
		"output_message": "Error executing action \"Add Group\". Reason: Failed: %s…: %s.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": null, "entities": [],
		"targets": [{"input": %q, "source": "parameter", "outcome": "failed", "error": {"code": "E0000001", "message": %q, "retryable": false}}],
		"warnings": [], "error": {"code": "E0000001", "message": %[4]q, "problems": []}
	}`, name[:80], reason, name, reason))
}

// Okta's search may not show a group yet that Okta refuses to make a second time.
func TestAddGroupFindsAGroupThatWasAddedMeanwhile(t *testing.T) {
	t.Parallel()
	t.Run("and then returns it", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddFault(emulator.Fault{Method: "GET", Path: "/api/v1/groups", Times: 1, Status: 200, Body: "[]"})
		got := w.Run("groups/add-group", testkit.Params(map[string]any{"Group Name": "Finance"}))
		if got.Get("status") != "success" || got.Get("targets", 0, "outcome") != "unchanged" || got.Get("json_result", "id") != groupID(t, w, "Finance") {
			t.Errorf("reply: %s", got.Body)
		}
		w.WantWrites("POST /api/v1/groups")
	})
	t.Run("and says what Okta says where the search never shows it", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddFault(emulator.Fault{Method: "GET", Path: "/api/v1/groups", Status: 200, Body: "[]"})
		got := w.Run("groups/add-group", testkit.Params(map[string]any{"Group Name": "Finance"}))
		if got.HTTP != 422 || !strings.Contains(fmt.Sprint(got.Get("error", "message")), "already exists") {
			t.Errorf("reply: %d %s", got.HTTP, got.Body)
		}
	})
}

func TestAddGroupDryRunAddsNothing(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for name, want := range map[string]string{
		"Quarantine": `{
			"action": "Add Group", "status": "planned", "is_success": true, "output_message": "Would add 1 group: Quarantine.",
			"script_result": {"name": "is_success", "value": true}, "json_result": null, "entities": [],
			"targets": [{"input": "Quarantine", "source": "parameter", "outcome": "planned", "after": {"name": "Quarantine"}}],
			"warnings": []}`,
		"Finance": `{
			"action": "Add Group", "status": "planned", "is_success": true, "output_message": "The group exists already: Finance.",
			"script_result": {"name": "is_success", "value": true}, "json_result": ` + w.AsOktaHasIt("/api/v1/groups/"+groupID(t, w, "Finance")) + `, "entities": [],
			"targets": [{"input": "Finance", "source": "parameter", "outcome": "unchanged", "verified": false}],
			"warnings": []}`,
	} {
		w.Forget()
		got := w.Run("groups/add-group", map[string]any{"parameters": map[string]any{"Group Name": name}, "options": map[string]any{"dry_run": true}})
		got.Want(t, 200, want)
		w.WantWrites()
		if len(w.Asked()) == 0 {
			t.Errorf("%s: the plan was made without looking", name)
		}
	}
	if _, ok := w.Okta.Group("Quarantine"); ok {
		t.Error("the dry run added the group")
	}
}

func TestAddGroupVerifyReadsTheGroupBack(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("groups/add-group", map[string]any{"parameters": map[string]any{"Group Name": "Quarantine"}, "options": map[string]any{"verify": true}})
	if diff := cmp.Diff(map[string]any{
		"input": "Quarantine", "source": "parameter", "outcome": "changed", "after": map[string]any{"name": "Quarantine"}, "verified": true,
	}, got.Get("targets", 0)); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
	asked := w.Asked()
	if want := "GET /api/v1/groups/" + groupID(t, w, "Quarantine"); asked[len(asked)-1] != want {
		t.Errorf("Okta was asked %v, last not %s", asked, want)
	}
}

func TestAddGroupFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault emulator.Fault
		http  int
		code  string
	}{
		"no permission to add":        {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 403}, 502, "E0000006"},
		"another 403":                 {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 403, Body: `{"errorCode":"E0000005","errorSummary":"Invalid session"}`}, 422, "E0000005"},
		"the token is refused":        {emulator.Fault{Path: "/api/v1/groups", Status: 401}, 502, "E0000011"},
		"Okta has an error":           {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 500}, 503, "E0000009"},
		"the search has an error":     {emulator.Fault{Method: "GET", Path: "/api/v1/groups", Status: 500}, 503, "E0000009"},
		"Okta answers with a page":    {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 200, Body: "<html>"}, 502, "bad_reply"},
		"the group comes without id":  {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 200, Body: `{"profile":{}}`}, 502, "bad_reply"},
		"the search answers nonsense": {emulator.Fault{Method: "GET", Path: "/api/v1/groups", Status: 200, Body: `{}`}, 502, "bad_reply"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddFault(c.fault)
			got := w.Run("groups/add-group", testkit.Params(map[string]any{"Group Name": "Quarantine"}))
			if got.HTTP != c.http || got.Get("error", "code") != c.code || got.Get("targets", 0, "outcome") != "failed" || got.Get("is_success") != false {
				t.Errorf("reply: %d %s", got.HTTP, got.Body)
			}
			if got.HTTP == http.StatusServiceUnavailable && got.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
}

func TestAddGroupRefusesARequestThatIsNotValid(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for name, params := range map[string]map[string]any{
		"no name":                     {"Group Description": "x"},
		"an empty name":               {"Group Name": "  "},
		"a placeholder for the name":  {"Group Name": "[Event.group]"},
		"a list of names":             {"Group Name": []string{"A", "B"}},
		"the name in two spellings":   {"Group Name": "A", "group_name": "B"},
		"a placeholder for the text":  {"Group Name": "A", "Group Description": `[Get Group.JsonResult| "description"]`},
		"a parameter it has not":      {"Group Name": "A", "Is Id": true},
		"a number for a description ": {"Group Name": "A", "Group Description": json.Number("1")},
	} {
		got := w.Run("groups/add-group", testkit.Params(params))
		if got.HTTP != 400 || got.Get("error", "code") != "invalid_request" || got.Get("error", "problems", 0, "parameter") == "" {
			t.Errorf("%s: %d %s", name, got.HTTP, got.Body)
		}
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("Okta was asked %v", asked)
	}
}
