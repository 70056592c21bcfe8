package groups_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestGetGroup_ByIDReportsEveryTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	engineering, finance := groupID(t, w, "Engineering"), groupID(t, w, "Finance")
	got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": finance + ", 00gNobody, " + engineering}))
	w.WantWrites()
	got.Want(t, 200, fmt.Sprintf(`{
		"action": "Get Group", "status": "partial", "is_success": false,
		"output_message": "Found 2 groups: %[1]s, %[2]s. Not found: 00gNobody.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {%[1]q: %[3]s, %[2]q: %[4]s}, "entities": [],
		"targets": [
			{"input": %[1]q, "source": "parameter", "outcome": "found"},
			{"input": "00gNobody", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: 00gNobody (UserGroup)", "retryable": false}},
			{"input": %[2]q, "source": "parameter", "outcome": "found"}
		],
		"warnings": []
	}`, finance, engineering, w.AsOktaHasIt("/api/v1/groups/"+finance), w.AsOktaHasIt("/api/v1/groups/"+engineering)))
}

// Okta's search matches prefixes of names in any case; the caller means the exact name.
func TestGetGroup_ByNameRequiresExactName(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddGroup("Engineering Managers", "")
	w.Okta.AddGroup(`R/D "East", & <West>`, "")
	got := w.Run("groups/get-group", testkit.Params(map[string]any{
		"Group Ids Or Names": []string{"Engineering", "Engineer", "FINANCE", `R/D "East", & <West>`}, // the incumbent's spelling (its defect 19)
		"Is Id":              "False",
	}))
	if diff := cmp.Diff([]string{"found", "not_found", "not_found", "found"}, got.Outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	result, _ := got.Get("json_result").(map[string]any)
	if len(result) != 2 || got.Get("json_result", "Engineering", "id") != groupID(t, w, "Engineering") ||
		got.Get("json_result", `R/D "East", & <West>`, "id") != groupID(t, w, `R/D "East", & <West>`) {
		t.Errorf("json_result: %v", result)
	}
	if got.Get("status") != "partial" || got.Get("output_message") != `Found 2 groups: Engineering, R/D "East", & <West>. Not found: Engineer, FINANCE.` {
		t.Errorf("reply: %s", got.Body)
	}
}

func TestGetGroup_ByNameOfSeveralIsAmbiguous(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/groups", Status: 200, Body: `[
		{"id": "00g1", "type": "OKTA_GROUP", "profile": {"name": "VPN"}},
		{"id": "00g2", "type": "APP_GROUP", "profile": {"name": "VPN"}},
		{"id": "00g3", "type": "APP_GROUP", "profile": {"name": "VPN Users"}}]`})
	got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": "VPN", "Is Id": false}))
	got.Want(t, 422, `{
		"action": "Get Group", "status": "failure", "is_success": false,
		"output_message": "Error executing action \"Get Group\". Reason: Failed: VPN: 2 groups have this name: give the ID of the group that you mean.",
		"script_result": {"name": "is_success", "value": false}, "json_result": null, "entities": [],
		"targets": [{"input": "VPN", "source": "parameter", "outcome": "failed",
			"error": {"code": "ambiguous", "message": "2 groups have this name: give the ID of the group that you mean", "retryable": false}}],
		"warnings": [], "error": {"code": "ambiguous", "message": "2 groups have this name: give the ID of the group that you mean", "problems": []}
	}`)
}

func TestGetGroup_NoGroupFoundIsAFailure(t *testing.T) {
	t.Parallel()
	const noID = "it does not look like the ID of a group: set Is Id to false to find a group by its name"
	for _, c := range []struct {
		isID                bool
		code, message, hint string
	}{
		{true, "E0000007", "Not found: Resource not found: Missing (UserGroup); " + noID, " (" + noID + ")"},
		{false, "E0000007", "no group has exactly this name", ""},
	} {
		w := testkit.New(t, testkit.Options{})
		w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": "Missing", "Is Id": c.isID})).Want(t, 200, fmt.Sprintf(`{
			"action": "Get Group", "status": "failure", "is_success": false,
			"output_message": "Error executing action \"Get Group\". Reason: Not found: Missing%s.",
			"script_result": {"name": "is_success", "value": false}, "json_result": null, "entities": [],
			"targets": [{"input": "Missing", "source": "parameter", "outcome": "not_found", "error": {"code": %q, "message": %q, "retryable": false}}],
			"warnings": []
		}`, c.hint, c.code, c.message))
	}
}

// The incumbent does not escape IDs in the path (its defect 9).
func TestGetGroup_IDIsEscapedInPath(t *testing.T) {
	t.Parallel()
	t.Run("escaped", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": []string{"a=b&c", "a b", "", " "}}))
		if diff := cmp.Diff([]string{"not_found", "not_found"}, got.Outcomes()); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		for _, asked := range w.Asked() {
			switch asked {
			case "GET /api/v1/groups/a=b&c", "GET /api/v1/groups/a%20b":
			default:
				t.Errorf("requests to Okta: %s", asked)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		for _, id := range []string{"a/b", "..", ".", "/", "00g1/users", "a?b", "a#b", "a[b", "a]b", `a\b`, "a;b", "a%2Fb"} {
			got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": []string{groupID(t, w, "Finance"), id}}))
			want := fmt.Sprintf("Group IDs Or Names: %q is not a group ID: turn Is Id off to find a group by its name", id)
			if got.HTTP != 400 || got.Get("error", "message") != want || got.Get("error", "problems", 0, "parameter") != "Group IDs Or Names" {
				t.Errorf("%q: %d %s", id, got.HTTP, got.Body)
			}
		}
		for _, name := range []any{"", " , ", nil, "[Event.group]", 7, []any{"A", 7}} {
			got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": name}))
			if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != "Group IDs Or Names" {
				t.Errorf("%v: %d %s", name, got.HTTP, got.Body)
			}
		}
		if asked := w.Asked(); len(asked) > 0 {
			t.Errorf("requests to Okta: %v", asked)
		}
	})
}

func TestGetGroup_OneErrorDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status    int
		outcome   string
		code      string
		retryable bool
		aloneHTTP int
	}{
		{403, "failed", "E0000006", false, 502},
		{404, "not_found", "E0000007", false, 200},
		{500, "failed", "E0000009", true, 503},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			engineering, finance := groupID(t, w, "Engineering"), groupID(t, w, "Finance")
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/groups/" + engineering, Status: c.status})
			got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": engineering + "," + finance}))
			if diff := cmp.Diff([]string{c.outcome, "found"}, got.Outcomes()); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if got.HTTP != 200 || got.Get("status") != "partial" || got.Get("targets", 0, "error", "code") != c.code || got.Get("targets", 0, "error", "retryable") != c.retryable {
				t.Errorf("reply: %d %s", got.HTTP, got.Body)
			}
			alone := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": engineering + ", 00gNobody"}))
			if alone.HTTP != c.aloneHTTP || alone.Get("status") != "failure" {
				t.Errorf("with nothing found: %d %s", alone.HTTP, alone.Body)
			}
		})
	}
}

// The incumbent follows a next link of the group search forever, and counts groups twice (its
// defect 5).
func TestGetGroup_ByNameStopsAtCircularLinks(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{
		Path: "/api/v1/groups", Status: 200, Body: `[{"id": "00g1", "profile": {"name": "VPN"}}]`,
		Headers: map[string]string{"Link": fmt.Sprintf(`<%s/api/v1/groups?q=VPN&after=x>; rel="next"`, w.OktaURL)},
	})
	got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": "VPN", "Is Id": false}))
	if got.HTTP != 502 || got.Get("targets", 0, "error", "code") != "bad_reply" {
		t.Errorf("reply: %d %s", got.HTTP, got.Body)
	}
}

func TestGetGroup_ByNameReadsEveryHit(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{
		Path: "/api/v1/groups", Times: 1, Status: 200, Body: `[{"id": "00g1", "profile": {"name": "Finance Interns"}}]`,
		Headers: map[string]string{"Link": fmt.Sprintf(`<%s/api/v1/groups?q=Fin&after=x>; rel="next"`, w.OktaURL)},
	})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/groups", Status: 200, Body: `[{"id": "00g2", "profile": {"name": "Finance"}}]`})
	got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": "Finance", "Is Id": false}))
	if got.Get("json_result", "Finance", "id") != "00g2" {
		t.Errorf("reply: %s", got.Body)
	}
}

// TestGetGroup_RejectsAnotherGroup: the group that Okta returns must have the ID or the name.
func TestGetGroup_RejectsAnotherGroup(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	engineering := groupID(t, w, "Engineering")
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/groups*", Status: 200, Body: w.AsOktaHasIt("/api/v1/groups/" + groupID(t, w, "Finance"))})
	got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": engineering}))
	if got.HTTP != 200 || got.Get("status") != "failure" || got.Get("targets", 0, "outcome") != "not_found" || got.Get("json_result") != nil {
		t.Errorf("reply: %d %s", got.HTTP, got.Body)
	}
}

// TestGetGroup_FindsANameAmongMany: the name is also a prefix of the names of 300 other groups.
func TestGetGroup_FindsANameAmongMany(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PageSize: 100})
	for i := range 300 {
		w.Okta.AddGroup(fmt.Sprintf("SOC %d", i), "")
	}
	id := w.Okta.AddGroup("SOC", "")
	quoted := w.Okta.AddGroup(`SOC "\x"`, "")
	got := w.Run("groups/get-group", testkit.Params(map[string]any{"Group IDs Or Names": []string{"SOC", `SOC "\x"`, "SO"}, "Is Id": false}))
	if diff := cmp.Diff([]string{"found", "found", "not_found"}, got.Outcomes()); diff != "" || got.Get("json_result", "SOC", "id") != id || got.Get("json_result", `SOC "\x"`, "id") != quoted {
		t.Errorf("%s %s", diff, got.Body)
	}
	for _, asked := range w.Asked() {
		if !strings.Contains(asked, "search=profile.name+eq+") {
			t.Errorf("requests to Okta: %s", asked)
		}
	}
}
