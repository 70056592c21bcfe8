package groups_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestAddGroup_ReturnsAddedGroup(t *testing.T) {
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

func TestAddGroup_ReturnsExistingGroup(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("groups/add-group", testkit.Params(map[string]any{"Group Name": "Engineering", "Group Description": "Another text"}))
	w.WantWrites("POST /api/v1/groups")
	if asked := w.Asked(); !strings.HasPrefix(asked[0], "POST ") {
		t.Errorf("the group was looked for before Okta reported the duplicate: %v", asked)
	}
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

func TestAddGroup_ExistingGroupHasExactName(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]string{
		"a name with which another begins":         "Engineer",
		"a name that begins with another":          "Engineering Managers",
		"a name in another case":                   "engineering",
		"quotes, commas and markup":                `Zoë's "A, B" & <C>`,
		"another script":                           "隔離 🔒",
		"characters that need escaping in a query": "a&q=b#c?d/e%2F+f",
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
			w.WantWrites("POST /api/v1/groups", "POST /api/v1/groups")
		})
	}
}

// The incumbent treats every 400 as "already exists" and drops Okta's message (its defect 15).
func TestAddGroup_ReportsOtherValidationErrors(t *testing.T) {
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

// TestAddGroup_ReturnsTheDuplicate tests which group is returned after Okta reported a duplicate.
func TestAddGroup_ReturnsTheDuplicate(t *testing.T) {
	t.Parallel()
	const twice = "ambiguous"
	appGroups := func(ids ...string) string {
		var groups []string
		for _, id := range ids {
			groups = append(groups, `{"id": "`+id+`", "type": "APP_GROUP", "profile": {"name": "SOC"}}`)
		}
		return "[" + strings.Join(groups, ",") + "]"
	}
	duplicate := emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 400,
		Body: `{"errorCode":"E0000001","errorSummary":"Api validation failed: name","errorCauses":[{"errorSummary":"name: An object with this field already exists in the current organization"}]}`}
	get := func(f emulator.Fault) emulator.Fault { f.Method, f.Path = "GET", "/api/v1/groups"; return f }
	unread := "a group of this name already exists, but it could not be read: "
	for name, c := range map[string]struct {
		lag     bool // the search index does not have the group yet
		apps    int  // groups with this name that applications manage
		faults  []emulator.Fault
		group   string // the ID that is returned: own, or of a fault
		http    int
		code    string
		message string
		reads   int
	}{
		"the search shows it":                  {group: "own", reads: 1},
		"the search does not show it yet":      {lag: true, group: "own", reads: 2},
		"among app groups":                     {apps: 2, group: "own", reads: 1},
		"among app groups, not shown yet":      {apps: 1, lag: true, group: "own", reads: 2},
		"the search fails, the list shows it":  {faults: []emulator.Fault{get(emulator.Fault{Times: 4, Status: 500})}, group: "own", reads: 5},
		"an app group alone":                   {faults: []emulator.Fault{duplicate, get(emulator.Fault{Status: 200, Body: appGroups("00gApp1")})}, group: "00gApp1", reads: 2},
		"two app groups":                       {faults: []emulator.Fault{duplicate, get(emulator.Fault{Status: 200, Body: appGroups("00gApp1", "00gApp2")})}, http: 422, code: twice, message: "2 groups have this name", reads: 2},
		"nothing shows it":                     {faults: []emulator.Fault{get(emulator.Fault{Status: 200, Body: "[]"})}, http: 422, code: "E0000001", message: unread + "Okta's search does not show it yet", reads: 2},
		"another name is shown":                {faults: []emulator.Fault{get(emulator.Fault{Status: 200, Body: `[{"id": "00g1", "profile": {"name": "SOC 2"}}]`})}, http: 422, code: "E0000001", message: unread, reads: 2},
		"Okta has an error":                    {faults: []emulator.Fault{get(emulator.Fault{Status: 500})}, http: 503, code: "E0000009", message: unread, reads: 8},
		"no permission to read":                {faults: []emulator.Fault{get(emulator.Fault{Status: 403})}, http: 502, code: "E0000006", message: unread, reads: 2},
		"the list is not what Okta would send": {faults: []emulator.Fault{get(emulator.Fault{Status: 200, Body: `{}`})}, http: 502, code: "bad_reply", message: unread, reads: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{OffSpecification: true})
			for range c.apps {
				w.Okta.AddAppGroup("SOC")
			}
			w.Clock.Advance(time.Hour)
			own := w.Okta.AddGroup("SOC", "")
			if c.lag {
				w.Okta.SetSearchLag(time.Minute)
			}
			for _, f := range c.faults {
				w.Okta.AddFault(f)
			}
			got := w.Run("groups/add-group", testkit.Params(map[string]any{"Group Name": "SOC"}))
			w.WantWrites("POST /api/v1/groups")
			if reads := len(w.Asked()) - 1; reads != c.reads {
				t.Errorf("%d reads, want %d: %v", reads, c.reads, w.Asked())
			}
			if c.group == "" {
				if got.HTTP != c.http || got.Get("error", "code") != c.code || !strings.Contains(fmt.Sprint(got.Get("error", "message")), c.message) || got.Get("targets", 0, "outcome") != "failed" {
					t.Errorf("reply: %d %s", got.HTTP, got.Body)
				}
				return
			}
			if c.group == "own" {
				c.group = own
			}
			if got.HTTP != 200 || got.Get("status") != "success" || got.Get("targets", 0, "outcome") != "unchanged" || got.Get("json_result", "id") != c.group {
				t.Errorf("reply: %d %s, want the group %s", got.HTTP, got.Body, c.group)
			}
		})
	}
}

// A group of an application with the same name is not the requested group.
func TestAddGroup_IgnoresAppGroups(t *testing.T) {
	t.Parallel()
	for dryRun, outcome := range map[bool]string{true: "planned", false: "changed"} {
		w := testkit.New(t, testkit.Options{})
		w.Okta.AddAppGroup("SOC")
		w.Okta.AddAppGroup("SOC")
		got := w.Run("groups/add-group", map[string]any{"parameters": map[string]any{"Group Name": "SOC"}, "options": map[string]any{"dry_run": dryRun}})
		if diff := cmp.Diff([]string{outcome}, got.Outcomes()); diff != "" {
			t.Errorf("dry run %v: %s", dryRun, diff)
		}
		if _, own := w.Okta.Group("SOC"); own == dryRun {
			t.Errorf("dry run %v: Okta's own group exists: %v", dryRun, own)
		}
	}
}

// TestAddGroup_TwoCallersAtOnce: one caller adds the group, and the other gets the same group.
func TestAddGroup_TwoCallersAtOnce(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/groups", Method: "POST", LatencyMS: 10})
	for round := range 20 {
		name := fmt.Sprintf("SOC %d", round)
		replies := w.AtOnce("groups/add-group", testkit.Params(map[string]any{"Group Name": name}), 2)
		outcomes := []string{}
		for _, r := range replies {
			outcomes = append(outcomes, r.Outcomes()...)
			if r.Get("status") != "success" || r.Get("json_result", "id") != groupID(t, w, name) {
				t.Errorf("round %d: %s", round, r.Body)
			}
		}
		slices.Sort(outcomes)
		if diff := cmp.Diff([]string{"changed", "unchanged"}, outcomes); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
	}
}

func TestAddGroup_DryRunAddsNothing(t *testing.T) {
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
			"targets": [{"input": "Finance", "source": "parameter", "outcome": "unchanged"}],
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

func TestAddGroup_VerifyReadsTheGroupBack(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("groups/add-group", map[string]any{"parameters": map[string]any{"Group Name": "Quarantine"}, "options": map[string]any{"verify": true}})
	if diff := cmp.Diff(map[string]any{
		"input": "Quarantine", "source": "parameter", "outcome": "changed", "after": map[string]any{"name": "Quarantine"}, "verified": true,
		"not_undoable": "no action of this tool deletes a group: delete it in Okta",
	}, got.Get("targets", 0)); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
	asked := w.Asked()
	if want := "GET /api/v1/groups/" + groupID(t, w, "Quarantine"); asked[len(asked)-1] != want {
		t.Errorf("requests to Okta: %v, last not %s", asked, want)
	}
}

func TestAddGroup_Failures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault emulator.Fault
		http  int
		code  string
	}{
		"no permission to add":       {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 403}, 502, "E0000006"},
		"another 403":                {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 403, Body: `{"errorCode":"E0000005","errorSummary":"Invalid session"}`}, 422, "E0000005"},
		"the token is refused":       {emulator.Fault{Path: "/api/v1/groups", Status: 401}, 502, "E0000011"},
		"Okta has an error":          {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 500}, 503, "E0000009"},
		"Okta answers with a page":   {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 200, Body: "<html>"}, 502, "bad_reply"},
		"the group comes without id": {emulator.Fault{Method: "POST", Path: "/api/v1/groups", Status: 200, Body: `{"profile":{}}`}, 502, "bad_reply"},
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

func TestAddGroup_RejectsInvalidRequest(t *testing.T) {
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
		t.Errorf("requests to Okta: %v", asked)
	}
}

// TestAddGroup_RefusesControlCharacters: all problems are reported, without a request to Okta.
func TestAddGroup_RefusesControlCharacters(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, bad := range []string{"a\x1b[31mb", "a\nb", "a\tb", "a\u009bb", "a\x00b"} {
		for _, c := range []struct {
			parameters map[string]any
			named      []string
		}{
			{map[string]any{"Group Name": bad}, []string{"Group Name"}},
			{map[string]any{"Group Name": "SOC", "Group Description": bad}, []string{"Group Description"}},
			{map[string]any{"Group Name": bad, "Group Description": bad}, []string{"Group Name", "Group Description"}},
		} {
			got := w.Run("groups/add-group", testkit.Params(c.parameters))
			var named []string
			problems, _ := got.Get("error", "problems").([]any)
			for _, p := range problems {
				named = append(named, p.(map[string]any)["parameter"].(string))
			}
			if got.HTTP != 400 || got.Get("error", "code") != "invalid_request" || !slices.Equal(named, c.named) ||
				!strings.Contains(fmt.Sprint(got.Get("error", "message")), "has control characters: ") {
				t.Errorf("%q: %d %s", bad, got.HTTP, got.Body)
			}
		}
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("asked %v", asked)
	}
}
