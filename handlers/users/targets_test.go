package users_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// A user named several times is suspended once, and every entity that names the user is enriched.
func TestTargets_UserNamedSeveralTimesIsOneTarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddUser(emulator.UserSeed{Login: "judy@acme.test", Email: "judith@mail.test"})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": []any{"judith@mail.test", w.ID("judy"), "bob", "Judy"}, "Is Deactivate": false},
		"entities": []any{entity("JUDY@ACME.TEST", "USERUNIQNAME"), entity("judy", "USERUNIQNAME"), entity("JUDY@acme.test", "HOSTNAME"),
			entity("zed", "USERUNIQNAME"), entity("ZED", "USERUNIQNAME")},
	})
	enriched := `"enrichment": {"is_deactivate": "False", "is_send_email_deactivate": "True"}`
	got.Want(t, 200, w.Expand(`{
		"action": "Disable User", "status": "partial", "is_success": false,
		"output_message": "Suspended 2 users: judy@acme.test, bob@acme.test. Not found: zed.",
		"script_result": {"name": "is_success", "value": false},
		"json_result": {"judith@mail.test": {"status": "SUSPENDED"}, "bob": {"status": "SUSPENDED"}},
		"entities": [
			{"identifier": "JUDY@ACME.TEST", "entity_type": "USERUNIQNAME", `+enriched+`},
			{"identifier": "judy", "entity_type": "USERUNIQNAME", `+enriched+`},
			{"identifier": "JUDY@acme.test", "entity_type": "HOSTNAME", `+enriched+`},
			{"identifier": "zed", "entity_type": "USERUNIQNAME", "enrichment": {}},
			{"identifier": "ZED", "entity_type": "USERUNIQNAME", "enrichment": {}}
		],
		"targets": [
			{"input": "judith@mail.test", "source": "parameter", "user_id": "${id:judy}", "login": "judy@acme.test", "outcome": "changed",
			 "also_named": [{"input": "${id:judy}", "source": "parameter"}, {"input": "Judy", "source": "parameter"},
				{"input": "JUDY@ACME.TEST", "source": "entity"}, {"input": "judy", "source": "entity"}, {"input": "JUDY@acme.test", "source": "entity"}],
			 "before": {"status": "ACTIVE"}, "after": {"status": "SUSPENDED"}, "verified": false,
			 "undo": {"action": "Enable User", "parameters": {"User IDs Or Logins": "${id:judy}", "Is Activate": false, "Also Run On Scope": false}}},
			{"input": "bob", "source": "parameter", "user_id": "${id:bob}", "login": "bob@acme.test", "outcome": "changed",
			 "before": {"status": "ACTIVE"}, "after": {"status": "SUSPENDED"}, "verified": false,
			 "undo": {"action": "Enable User", "parameters": {"User IDs Or Logins": "${id:bob}", "Is Activate": false, "Also Run On Scope": false}}},
			{"input": "zed", "source": "entity", "also_named": [{"input": "ZED", "source": "entity"}], "outcome": "not_found",
			 "error": {"code": "E0000007", "message": "Not found: Resource not found: zed (User)", "retryable": false}}
		],
		"warnings": []
	}`))
	w.WantWrites("POST /api/v1/users/"+w.ID("judy")+"/lifecycle/suspend", "POST /api/v1/users/"+w.ID("bob")+"/lifecycle/suspend")
}

func TestEntities_OtherTypesAreIgnored(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"Is Deactivate": false},
		"entities": []any{entity("10.0.0.1", "ADDRESS"), entity("BOB", "HOSTNAME"), entity("WS-17", "HOSTNAME"),
			entity("BOB@ACME.TEST", "hostname"), entity("10.0.0.2", "ADDRESS")},
	})
	wantHTTP(t, got, 200)
	want(t, got, "success", "status")
	wantOutcomes(t, got, "changed")
	want(t, got, "BOB@ACME.TEST", "targets", 0, "input")
	want(t, got, "entity", "targets", 0, "source")
	want(t, got, []any{
		"The entities 10.0.0.1 (ADDRESS), 10.0.0.2 (ADDRESS) are ignored: Disable User runs on USERUNIQNAME and HOSTNAME.",
		"The entities BOB (HOSTNAME), WS-17 (HOSTNAME) are ignored: none is the full login of a user.",
	}, "warnings")
	want(t, got, nil, "entities", 1)
}

func TestEntities_HostThatMayBeAUserIsATarget(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/BOB*", Status: 403})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false},
		"entities":   []any{entity("BOB@ACME.TEST", "HOSTNAME")},
	})
	want(t, got, "partial", "status")
	wantOutcomes(t, got, "changed", "failed")
}

func TestEntities_OnlyOtherTypesIsAnError(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", map[string]any{"entities": []any{entity("WS-17", "HOSTNAME"), entity("10.0.0.1", "ADDRESS")}})
	wantHTTP(t, got, 400)
	want(t, got, "User IDs Or Logins", "error", "problems", 0, "parameter")
	w.WantWrites()
	got = w.Run("users/disable-user", map[string]any{"entities": []any{entity("10.0.0.1", "ADDRESS")}})
	wantHTTP(t, got, 400)
	wantText(t, got, "no user is named", "error", "problems", 0, "message")
}

func TestEntities_AreIgnoredIfScopeIsOff(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run("users/disable-user", map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice", "Also Run On Scope": false},
		"entities":   []any{entity("BOB@ACME.TEST", "USERUNIQNAME"), entity("CAROL", "USERUNIQNAME"), entity("1.1.1.1", "ADDRESS")},
	})
	wantHTTP(t, got, 200)
	wantOutcomes(t, got, "changed")
	want(t, got, []any{}, "entities")
	want(t, got, []any{}, "warnings")
	if is := w.User("bob").Status; is != "ACTIVE" {
		t.Errorf("bob is %s", is)
	}
}

func TestEntities_RejectIdentifierWithoutAName(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for identifier, words := range map[string]string{
		"[Entity.Identifier]": "holds the placeholder [Entity.Identifier]", " ": "is empty", "ME": `"me" is the owner of the Okta credentials: give the ID or the login of a user`, "..": `".." is not a user: give an ID, a login or an e-mail address`,
		"a\nb": "control characters",
	} {
		got := w.Run("users/disable-user", map[string]any{"entities": []any{entity("ALICE@ACME.TEST", "USERUNIQNAME"), entity(identifier, "USERUNIQNAME")}})
		wantHTTP(t, got, 400)
		want(t, got, "entities[1].identifier", "error", "problems", 0, "parameter")
		wantText(t, got, words, "error", "problems", 0, "message")
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}

func TestTargets_MaxTargetsBoundsChanges(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"MAX_TARGETS": "2"}})
	three := map[string]any{
		"parameters": map[string]any{"User IDs Or Logins": "alice, carol", "Is Deactivate": false},
		"entities":   []any{entity("BOB@ACME.TEST", "USERUNIQNAME")},
	}
	got := w.Run("users/disable-user", three)
	wantHTTP(t, got, 400)
	want(t, got, "User IDs Or Logins", "error", "problems", 0, "parameter")
	want(t, got, "3 targets are named; one request changes at most 2 (MAX_TARGETS): split the list", "error", "problems", 0, "message")
	w.WantWrites()
	three["options"] = map[string]any{"dry_run": true}
	wantHTTP(t, w.Run("users/disable-user", three), 400)

	// Three names of one kind are three users: no request to Okta is needed.
	w.Forget()
	for _, names := range []string{"alice, bob, carol", "alice@acme.test, bob@acme.test, carol@acme.test", w.ID("alice") + "," + w.ID("bob") + "," + w.ID("carol")} {
		got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": names}))
		wantHTTP(t, got, 400)
		want(t, got, "3 targets are named; one request changes at most 2 (MAX_TARGETS): split the list", "error", "problems", 0, "message")
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}

	// A user who is named several times is one target.
	w.Forget()
	same := w.Run("users/enable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice, alice@acme.test, bob, " + w.ID("alice") + ", " + w.ID("bob")}))
	wantHTTP(t, same, 200)
	wantOutcomes(t, same, "unchanged", "unchanged")

	// Hosts are counted after the lookup has found which of them are users.
	hosts := []any{entity("WS-17", "HOSTNAME"), entity("ALICE@ACME.TEST", "HOSTNAME"), entity("bob@acme.test", "HOSTNAME")}
	got = w.Run("users/disable-user", map[string]any{"entities": append(hosts, entity("carol@acme.test", "HOSTNAME"))})
	wantHTTP(t, got, 400)
	w.WantWrites()
	got = w.Run("users/disable-user", map[string]any{"entities": hosts})
	wantHTTP(t, got, 200)
	wantOutcomes(t, got, "changed", "changed")

	// MAX_TARGETS bounds changes, not reads.
	got = w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice, bob, carol"}))
	wantOutcomes(t, got, "found", "found", "found")
}

// The incumbent handles users one by one, and loses the results when one request fails.
func TestTargets_KeepOrderAroundAFailure(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	load(w, 60)
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + w.ID("load31") + "/lifecycle/suspend", Status: 400,
		Body: `{"errorCode": "E0000001", "errorSummary": "Api validation failed: user", "errorCauses": [{"errorSummary": "mastered elsewhere"}]}`})
	var names []any
	for i := range 60 {
		names = append(names, fmt.Sprintf("load%d", 59-i))
	}
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": names, "Is Deactivate": false}))
	wantHTTP(t, got, 200)
	want(t, got, "partial", "status")
	for i, name := range names {
		want(t, got, name, "targets", i, "input")
		outcome, status := "changed", "SUSPENDED"
		if name == "load31" {
			outcome, status = "failed", "ACTIVE"
		}
		want(t, got, outcome, "targets", i, "outcome")
		if is := w.User(name.(string)).Status; is != status {
			t.Errorf("%s is %s, want %s", name, is, status)
		}
	}
	wantText(t, got, "Suspended 59 users: load59@acme.test, load58@acme.test", "output_message")
	wantText(t, got, "and 9 more. Failed: load31@acme.test: Api validation failed: user: mastered elsewhere.", "output_message")
	if n := len(w.Writes()); n != 60 {
		t.Errorf("%d writes, want 60", n)
	}
	result, order := raw(t, got, "json_result"), 0
	for _, name := range names {
		at := strings.Index(result, fmt.Sprintf("%q:", name))
		if at < order && name != "load31" {
			t.Fatalf("%s is out of order in json_result", name)
		}
		order = max(order, at)
	}
}

// The emulator rejects a request above the limit, so no rejection means that the limit holds.
func TestTargets_OktaConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"OKTA_CONCURRENCY": "3"}})
	load(w, 24)
	w.Okta.AddLimit(emulator.Limit{Path: "/api/v1/*", Concurrent: 3})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*", LatencyMS: 5}) // so that requests overlap
	var wg sync.WaitGroup
	for half := range 2 { // two callers share the limit
		wg.Go(func() {
			var names []any
			for i := range 12 {
				names = append(names, fmt.Sprintf("load%d", half*12+i))
			}
			got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": names}))
			want(t, got, "success", "status")
		})
	}
	wg.Wait()
	for _, r := range w.Okta.Requests() {
		if r.Status == 429 {
			t.Fatalf("%s %s exceeded the limit", r.Method, r.Path)
		}
	}
}

func TestDeadline_ReplyHasTargetsDoneBefore(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"REQUEST_DEADLINE": "2s"}})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + w.ID("bob") + "/*", Method: "POST", LatencyMS: 60_000})
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice, bob"}))
	wantHTTP(t, got, 200)
	want(t, got, "partial", "status")
	wantOutcomes(t, got, "changed", "failed")
	want(t, got, "deadline_exceeded", "targets", 1, "error", "code")
	want(t, got, true, "targets", 1, "error", "retryable")
	wantText(t, got, "the change may or may not have been made", "targets", 1, "error", "message")
	want(t, got, map[string]any{"alice": map[string]any{"status": "DEPROVISIONED"}}, "json_result")
	want(t, got, "ACTIVE", "targets", 1, "before", "status")
}

func TestDeadline_BeforeFirstTargetIsAFailure(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]emulator.Fault{
		"while users are looked up": {Path: "/api/v1/users/*", Method: "GET"},
		"while users are disabled":  {Path: "/api/v1/users/*", Method: "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{Env: map[string]string{"REQUEST_DEADLINE": "1s", "OKTA_CONCURRENCY": "2"}})
			f.LatencyMS = 60_000
			w.Okta.AddFault(f)
			got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice, bob, carol"}))
			wantHTTP(t, got, 504)
			want(t, got, "failure", "status")
			wantOutcomes(t, got, "failed", "failed", "failed")
			want(t, got, "deadline_exceeded", "error", "code")
			unsent := 0
			for i := range 3 {
				if got.Get("targets", i, "error", "message") == "the request's deadline passed before a call to Okta was sent" {
					unsent++
				}
			}
			if unsent != 1 {
				t.Errorf("two calls may be in flight: %s", got.Body)
			}
		})
	}
}

// Okta's search index lags behind its users, so the status in a search hit is not used.
func TestLookup_ReadsUserFoundBySearchAgain(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	id := w.Okta.AddUser(emulator.UserSeed{Login: "mallory@acme.test", Email: "m@mail.test"})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users", Method: "GET", Status: 200,
		Body: `[{"id": "` + id + `", "status": "SUSPENDED", "profile": {"login": "mallory@acme.test", "email": "m@mail.test"}}]`})
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "m@mail.test", "Is Deactivate": false}))
	wantOutcomes(t, got, "changed")
	if is := w.User("mallory").Status; is != "SUSPENDED" {
		t.Errorf("mallory is %s", is)
	}
}

// A lost response leaves a write in doubt, but not a read.
func TestWrite_OnlyASentWriteIsInDoubt(t *testing.T) {
	t.Parallel()
	const open = "the change may or may not have been made"
	w := testkit.New(t, testkit.Options{})
	w.Okta.AddFault(emulator.Fault{Path: "*/lifecycle/suspend", Drop: true})
	got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false}))
	wantText(t, got, open, "output_message")
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/*", Method: "GET", Drop: true})
	got = w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice", "Is Deactivate": false}))
	if message, _ := got.Get("output_message").(string); strings.Contains(message, open) || got.HTTP != 503 {
		t.Errorf("%d %s", got.HTTP, message)
	}
}
