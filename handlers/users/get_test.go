package users_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

func TestGetUser_ReturnsOktaObjects(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	alice, bob := w.AsOktaHasIt("/api/v1/users/alice"), w.AsOktaHasIt("/api/v1/users/bob")
	w.Forget()
	got := w.Run("users/get-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice"},
		"entities":   []any{entity("BOB@ACME.TEST", "USERUNIQNAME")},
	})
	got.Want(t, 200, w.Expand(`{
		"action": "Get User", "status": "success", "is_success": true,
		"output_message": "Found 2 users: alice@acme.test, bob@acme.test.",
		"script_result": {"name": "is_success", "value": true},
		"json_result": [`+alice+`, `+bob+`],
		"entities": [{"identifier": "BOB@ACME.TEST", "entity_type": "USERUNIQNAME", "enrichment": {}}],
		"targets": [
			{"input": "alice", "source": "parameter", "user_id": "${id:alice}", "login": "alice@acme.test", "outcome": "found"},
			{"input": "BOB@ACME.TEST", "source": "entity", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "found"}
		],
		"warnings": []
	}`))
	w.WantWrites()
}

// The incumbent reports success for every outcome, and its texts contain "{0}", "doen't" and an
// empty list of errors (defects 8 and 20).
func TestGetUser_MissingUserIsNotFound(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": "zed, missing@acme.test"}))
	got.Want(t, 200, `{
		"action": "Get User", "status": "failure", "is_success": false,
		"output_message": "Error executing action \"Get User\". Reason: Not found: zed, missing@acme.test.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": [],
		"entities": [],
		"targets": [
			{"input": "zed", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}},
			{"input": "missing@acme.test", "source": "parameter", "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: missing@acme.test (User)", "retryable": false}}
		],
		"warnings": []
	}`)
}

func TestGetUser_WorksInEveryStatus(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	everyone := []string{"alice", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan"}
	for _, dryRun := range []bool{false, true} {
		got := w.Run("users/get-user", map[string]any{
			"parameters": map[string]any{"User IDs Or Logins": strings.Join(everyone, ",")},
			"options":    map[string]any{"dry_run": dryRun},
		})
		wantHTTP(t, got, 200)
		want(t, got, "success", "status")
		for i, login := range everyone {
			want(t, got, "found", "targets", i, "outcome")
			want(t, got, w.User(login).Status, "json_result", i, "status")
		}
	}
	w.WantWrites()
}

// The incumbent does not escape names in the URL: "/", "?" and "#" change the route (defect 9).
func TestGetUser_FindsUserByEveryName(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "judy@acme.test", Email: "judith.moore@mail.test"})
	odd := []string{"team/red@acme.test", "a+b@acme.test", "o'hara@acme.test", "100%25@acme.test", "what?x=1#y@acme.test",
		`back\slash@acme.test`, "two words@acme.test", "jürgen@acme.test", "a&b;c=d@acme.test", "half@acme.test/../alice"}
	for _, login := range odd {
		w.Okta.AddUser(emulator.UserSeed{Login: login, Email: "mail-of-" + login})
	}
	names := map[string]string{
		w.ID("alice"): "alice@acme.test", "alice@acme.test": "alice@acme.test", "ALICE@Acme.Test": "alice@acme.test", "Alice": "alice@acme.test",
		"judy": "judy@acme.test", "judith.moore@mail.test": "judy@acme.test", "Judith.Moore@MAIL.test": "judy@acme.test",
	}
	for _, login := range odd {
		names[login], names[strings.ToUpper(login)], names["mail-of-"+login] = login, login, login
	}
	for name, login := range names {
		t.Run(name, func(t *testing.T) {
			got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": []any{name}}))
			wantHTTP(t, got, 200)
			wantOutcomes(t, got, "found")
			want(t, got, name, "targets", 0, "input")
			want(t, got, login, "targets", 0, "login")
			want(t, got, login, "json_result", 0, "profile", "login")
		})
	}
}

func TestGetUser_SendsFewestRequests(t *testing.T) {
	t.Parallel()
	const search = "GET /api/v1/users?limit=200&search=profile.login+eq+%22"
	for _, test := range []struct {
		name  string
		asked []string
	}{
		{"alice", []string{"GET /api/v1/users/alice"}},
		{"zed", []string{"GET /api/v1/users/zed"}}, // not an e-mail address, so it is not searched
		{"zed@acme.test", []string{"GET /api/v1/users/zed@acme.test", search + "zed%40acme.test%22+or+profile.email+eq+%22zed%40acme.test%22"}},
		{`z/"\@acme.test`, []string{search + `z%2F%5C%22%5C%5C%40acme.test%22+or+profile.email+eq+%22z%2F%5C%22%5C%5C%40acme.test%22`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": []any{test.name}}))
			if diff := cmp.Diff(test.asked, w.Asked()); diff != "" {
				t.Errorf("requests to Okta (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLookup_AddressOfTwoUsersIsAmbiguous(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "shared1@acme.test", Email: "desk@mail.test"})
	w.Okta.AddUser(emulator.UserSeed{Login: "shared2@acme.test", Email: "desk@mail.test"})
	for _, path := range []string{"users/get-user", "users/disable-user"} {
		got := w.Run(path, testkit.Params(map[string]any{"User IDs Or Logins": "desk@mail.test"}))
		wantHTTP(t, got, 422)
		wantOutcomes(t, got, "failed")
		want(t, got, "ambiguous", "targets", 0, "error", "code")
		want(t, got, "ambiguous", "error", "code")
		wantText(t, got, "Failed: desk@mail.test: 2 users have this login or e-mail address: give the ID of the user that you mean.", "output_message")
	}
	w.WantWrites()
}

func TestLookup_ShortLoginOfTwoUsersIsNotFound(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "alice@other.test"})
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice"}))
	wantHTTP(t, got, 422)
	wantOutcomes(t, got, "not_found")
	w.WantWrites()
}

// Okta's SDK fails on attributes that are not of the type it expects; the incumbent flattens them.
func TestGetUser_ReturnsObjectUnaltered(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{OffSpecification: true})
	w.Okta.AddUser(oddlyTyped)
	sent := w.AsOktaHasIt("/api/v1/users/odd")
	got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": "odd"}))
	wantHTTP(t, got, 200)
	if diff := cmp.Diff("["+sent+"]", raw(t, got, "json_result")); diff != "" {
		t.Errorf("the object is not Okta's, byte for byte (-want +got):\n%s", diff)
	}
}

// oddlyTyped is a user whose profile has types that the SDK's model does not expect.
var oddlyTyped = emulator.UserSeed{Login: "odd@acme.test", Profile: map[string]any{
	"costCenter": 4711, "displayName": 7, "manager": map[string]any{"name": "<Ann & Bob>", "levels": []any{1, nil, "x"}},
	"badge": 12345678901234567, "ratio": 0.10, "secondEmail": false, "zipCode": []any{"1", 2}, "locale": nil, "x-unknown": "\u2028 </script>",
}}

func TestGetUser_InvalidResponseIsAnError(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a page of a proxy": "<html>Sign in</html>",
		"a list":            "[]",
		"no id":             `{"status": "ACTIVE"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/alice", Status: 200, Body: body})
			got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice"}))
			wantHTTP(t, got, 502)
			want(t, got, "bad_reply", "error", "code")
			got = w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice, bob, zed"}))
			wantHTTP(t, got, 200)
			wantOutcomes(t, got, "failed", "found", "not_found")
			want(t, got, "partial", "status")
		})
	}
}

// The results stop at 10 MB, in the order of the request, with a warning, and all users are found.
// An action that does not return user objects has no such limit.
func TestGetUser_LargeUsers(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{OffSpecification: true})
	var logins []string
	for _, name := range []string{"large1", "large2", "large3", "large4"} {
		logins = append(logins, name+"@acme.test")
		w.Okta.AddUser(emulator.UserSeed{Login: name + "@acme.test", Profile: map[string]any{"notes": strings.Repeat("x", 4<<20)}})
	}
	got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": logins}))
	wantHTTP(t, got, 200)
	wantOutcomes(t, got, "found", "found", "found", "found")
	wantWarning(t, got, "The JSON result has 2 of 4 targets: a reply is limited to 10 MB.")
	for i := range 2 {
		want(t, got, logins[i], "json_result", i, "profile", "login")
	}
	if users := got.Get("json_result").([]any); len(users) != 2 {
		t.Errorf("%d users are in the result", len(users))
	}
	got = w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": logins, "Is Deactivate": false}))
	wantOutcomes(t, got, "changed", "changed", "changed", "changed")
}

// A user that is too large to be read is a failed target and does not stop the others.
func TestGetUser_UserOverTheBound(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{OffSpecification: true})
	w.Okta.AddUser(emulator.UserSeed{Login: "huge@acme.test", Profile: map[string]any{"notes": strings.Repeat("x", 17<<20)}})
	got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": "huge@acme.test, alice"}))
	wantHTTP(t, got, 200)
	wantOutcomes(t, got, "failed", "found")
	want(t, got, "reply_too_large", "targets", 0, "error", "code")
	wantText(t, got, "Failed: huge@acme.test: Okta's response is over 16 MB.", "output_message")
}
