package users_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/testkit"
)

// TestLookup_RejectsUserWithOtherName: a user whose names differ from the given one is never a
// target.
func TestLookup_RejectsUserWithOtherName(t *testing.T) {
	t.Parallel()
	bob := func(path string) func(w *testkit.World) {
		return func(w *testkit.World) {
			body := w.AsOktaHasIt("/api/v1/users/bob")
			if path == "/api/v1/users" {
				body = "[" + body + "]"
			}
			w.Okta.AddFault(emulator.Fault{Path: w.Expand(path), Method: "GET", Status: 200, Body: body})
		}
	}
	for name, c := range map[string]struct {
		given   string
		prepare func(w *testkit.World)
	}{
		"the search returns another user":           {"zed@acme.test", bob("/api/v1/users")},
		"the path of a login returns another user":  {"alice@acme.test", bob("/api/v1/users/alice@acme.test")},
		"the path of a short login":                 {"alice", bob("/api/v1/users/alice")},
		"the path of an id":                         {"${id:alice}", bob("/api/v1/users/${id:alice}")},
		"an id in another case":                     {"${ID:alice}", bob("/api/v1/users/*")},
		"a longer name than the user's":             {"bob@acme.test.example", bob("/api/v1/users*")},
		"an address without its domain":             {"bob@", bob("/api/v1/users")},
		"the Kelvin sign is not k":                  {"\u212Aate", func(w *testkit.World) { w.Okta.AddUser(emulator.UserSeed{Login: "kate@acme.test"}) }},
		"the ID of a hit returns another user":      {"m@mail.test", func(w *testkit.World) { mallory(w); bob("/api/v1/users/${id:mallory}")(w) }},
		"the address of a hit has moved":            {"m@mail.test", func(w *testkit.World) { moveAddress(w, mallory(w)) }},
		"the user of a hit is deleted":              {"m@mail.test", func(w *testkit.World) { gone(w, mallory(w)) }},
		"Okta cannot take the short login in paths": {"al~ice", func(w *testkit.World) { frontEnd(w, "al~ice") }},
		"nor the login, which no user has":          {"al~ice@acme.test", func(w *testkit.World) { frontEnd(w, "al~ice@acme.test") }},
	} {
		for _, kind := range []string{"parameter", "USERUNIQNAME", "HOSTNAME"} {
			t.Run(name+", by "+kind, func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{OffSpecification: true})
				c.prepare(w)
				given := strings.ReplaceAll(c.given, "${ID:alice}", "${id:alice}")
				if given = w.Expand(given); strings.Contains(c.given, "${ID:") {
					given = strings.ToUpper(given)
				}
				request := testkit.Params(map[string]any{"User IDs Or Logins": given})
				if kind != "parameter" {
					request = map[string]any{"entities": []any{entity(given, kind)}}
				}
				w.Forget()
				got := w.Run("users/disable-user", request)
				w.WantWrites()
				if kind == "HOSTNAME" { // a host that is not a user is ignored, so the request has no target
					wantHTTP(t, got, 400)
					return
				}
				wantHTTP(t, got, 422)
				wantOutcomes(t, got, "not_found")
				want(t, got, "E0000007", "error", "code")
				want(t, got, nil, "targets", 0, "user_id")
				want(t, got, "Error executing action \"Disable User\". Reason: Not found: "+given+".", "output_message")
			})
		}
	}
}

// mallory adds a user whose e-mail address differs from the login.
func mallory(w *testkit.World) (id string) {
	return w.Okta.AddUser(emulator.UserSeed{Login: "mallory@acme.test", Email: "m@mail.test"})
}

// moveAddress gives a user another address, which the search index does not have yet.
func moveAddress(w *testkit.World, id string) {
	w.Clock.Advance(time.Hour)
	w.Okta.SetSearchLag(time.Minute)
	w.Okta.SetProfile(id, map[string]any{"email": "mallory@acme.test"})
}

// gone makes Okta respond 404 for an ID.
func gone(w *testkit.World, id string) {
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + id, Status: 404})
}

// frontEnd makes Okta's front end reject a path.
func frontEnd(w *testkit.World, element string) {
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + strings.ReplaceAll(element, "%20", " "), Status: 400, Body: "<html>Bad Request</html>"})
	w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/" + element, Status: 400, Body: "<html>Bad Request</html>"})
}

// TestLookup_AcceptsEveryNameOfTheUser, in any case.
func TestLookup_AcceptsEveryNameOfTheUser(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	id := w.Okta.AddUser(emulator.UserSeed{Login: "Zoë@acme.test", Email: "z@mail.test"})
	for _, given := range []string{id, "Zoë@acme.test", "ZOË@ACME.TEST", "zoË", "z@mail.test", "Z@Mail.Test"} {
		got := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs Or Logins": given}))
		want(t, got, id, "targets", 0, "user_id")
	}
}

// TestLookup_SearchesLoginThatDoesNotFitAPath: a login with a character that is not safe in a path
// is only searched. Okta would truncate the path at that character and return alice.
func TestLookup_SearchesLoginThatDoesNotFitAPath(t *testing.T) {
	t.Parallel()
	for _, login := range []string{
		"alice?x@acme.test", "alice/x@acme.test", "alice#x@acme.test", "alice[x]@acme.test", `alice\x@acme.test`, "alice;x@acme.test", "alice%x@acme.test", "alice%2Fx@acme.test",
		`ACME\alice`, "alice?x", "alice/../bob",
	} {
		t.Run(login, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			request := testkit.Params(map[string]any{"User IDs Or Logins": login, "Is Deactivate": false})
			search := "GET /api/v1/users?limit=200&search=" + url.QueryEscape(fmt.Sprintf(`profile.login eq %[1]s or profile.email eq %[1]s`, quote(login)))
			got := w.Run("users/disable-user", request)
			wantHTTP(t, got, 422)
			wantOutcomes(t, got, "not_found")
			if diff := cmp.Diff([]string{search}, w.Asked()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			id := w.Okta.AddUser(emulator.UserSeed{Login: login})
			w.Forget()
			got = w.Run("users/disable-user", request)
			wantOutcomes(t, got, "changed")
			want(t, got, id, "targets", 0, "user_id")
			if diff := cmp.Diff([]string{search, "GET /api/v1/users/" + id, "POST /api/v1/users/" + id + "/lifecycle/suspend"}, w.Asked()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if w.User(id).Status != "SUSPENDED" || w.User("alice").Status != "ACTIVE" || w.User("bob").Status != "ACTIVE" {
				t.Errorf("%s is %s, alice %s", login, w.User(id).Status, w.User("alice").Status)
			}
		})
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `\`, `\\`) + `"` }

// TestLookup_MessageWithAnOddLoginIsOneDeadLetter: the message is acknowledged.
func TestLookup_MessageWithAnOddLoginIsOneDeadLetter(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{PubSub: true})
	for i, login := range []string{`ACME\\bob`, "a[x]@acme.test", "alice?x@acme.test"} {
		r := w.Push("users", testkit.Message{ID: fmt.Sprint("m", i), Data: `{"action": "Disable User", "parameters": {"User IDs": "` + login + `"}}`})
		if letters := w.Published(pubsub.DeadLetterTopic); r.HTTP != 200 || len(letters) != i+1 {
			t.Errorf("%s: %d %s, %d dead letters", login, r.HTTP, r.Body, len(letters))
		}
	}
	w.WantWrites()
}

// TestLookup_KeepsTheHitsThatMatch: a hit counts only if its user has the name now.
func TestLookup_KeepsTheHitsThatMatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hits    []string // logins
		outcome string
		code    any
		reads   int // of hits
	}{
		"one of two":   {[]string{"alice", "mallory"}, "changed", nil, 2},
		"one, twice":   {[]string{"mallory", "mallory"}, "changed", nil, 1},
		"two of three": {[]string{"mallory", "alice", "twin"}, "failed", "ambiguous", 3},
		"none of two":  {[]string{"alice", "bob"}, "not_found", "E0000007", 2},
		"far too many": {slices.Repeat([]string{"alice", "bob", "carol"}, 7), "failed", "ambiguous", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			mallory(w)
			w.Okta.AddUser(emulator.UserSeed{Login: "twin@acme.test", Email: "m@mail.test"})
			var hits []string
			for i, login := range c.hits {
				id := w.ID(login)
				if name == "far too many" {
					id = fmt.Sprint(id, i)
				}
				hits = append(hits, `{"id": "`+id+`", "profile": {"login": "m@mail.test"}}`)
			}
			w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users", Status: 200, Body: "[" + strings.Join(hits, ",") + "]"})
			got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "m@mail.test", "Is Deactivate": false}))
			wantOutcomes(t, got, c.outcome)
			want(t, got, c.code, "error", "code")
			if reads := len(w.Asked()) - len(w.Writes()) - 2; reads != c.reads {
				t.Errorf("%d hits were read: %v", reads, w.Asked())
			}
			if c.outcome == "changed" {
				want(t, got, w.ID("mallory"), "targets", 0, "user_id")
			} else {
				w.WantWrites()
			}
		})
	}
}

// TestLookup_RefusedPathOfPlainName: a 400 page that is not Okta's JSON is not a missing user.
func TestLookup_RefusedPathOfPlainName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given   string
		fault   emulator.Fault // in addition to the rejected path of the name
		outcome string
		code    string
		http    int
		calls   int
	}{
		"a login":                     {"alice@acme.test", emulator.Fault{}, "failed", "bad_reply", 502, 3},
		"a login that no user has":    {"zed@acme.test", emulator.Fault{}, "not_found", "E0000007", 422, 2},
		"a login, the search fails":   {"zed@acme.test", emulator.Fault{Path: "/api/v1/users", Status: 403}, "failed", "E0000006", 502, 2},
		"a short login":               {"alice", emulator.Fault{}, "failed", "bad_reply", 502, 1},
		"an id":                       {"${id:alice}", emulator.Fault{}, "failed", "bad_reply", 502, 1},
		"the id of a hit":             {"m@mail.test", emulator.Fault{Path: "/api/v1/users/${id:mallory}", Status: 400, Body: "<html>Bad Request</html>"}, "failed", "bad_reply", 502, 3},
		"an odd login that no id has": {"al~ice@acme.test", emulator.Fault{}, "not_found", "E0000007", 422, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{OffSpecification: true})
			mallory(w)
			frontEnd(w, w.Expand(c.given))
			if c.fault.Path != "" {
				c.fault.Path = w.Expand(c.fault.Path)
				w.Okta.AddFault(c.fault)
			}
			w.Forget()
			got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": w.Expand(c.given)}))
			w.WantWrites()
			wantHTTP(t, got, c.http)
			wantOutcomes(t, got, c.outcome)
			want(t, got, c.code, "error", "code")
			if calls := len(w.Asked()); calls != c.calls {
				t.Errorf("%d calls, want %d: %v", calls, c.calls, w.Asked())
			}
		})
	}
}
