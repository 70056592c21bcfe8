package containment_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const investigateUser = "containment/investigate-user"

// TestInvestigate_ReadsEveryPart: alice has something of everything.
func TestInvestigate_ReadsEveryPart(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	got := w.Run(investigateUser, testkit.Params(map[string]any{"User IDs": "alice"}))
	want := "alice@acme.test has the status ACTIVE: 3 groups, 0 administrator roles, 3 factors, 1 device, 2 grants, 2 applications, risk NONE."
	if got.Get("status") != "success" || got.Get("output_message") != want {
		t.Errorf("%d %s", got.HTTP, got.Body)
	}
	for part, n := range map[string]int{"groups": 3, "factors": 3, "devices": 1, "grants": 2, "apps": 2, "sign_ins": 3} {
		if list, _ := got.Get("json_result", "alice", part).([]any); len(list) != n {
			t.Errorf("%s: %v", part, list)
		}
	}
	if got.Get("json_result", "alice", "sign_ins", 0, "client", "geographicalContext", "country") != "Nigeria" ||
		got.Get("json_result", "alice", "factors", 2, "factorType") != "carrier_pigeon" ||
		got.Get("json_result", "alice", "user", "profile", "login") != "alice@acme.test" {
		t.Errorf("%s", got.Body)
	}
	w.WantWrites()
}

// TestInvestigate_NamesThePartsThatCannotBeRead, and returns the others.
func TestInvestigate_NamesThePartsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for part, path := range map[string]string{
		"groups": "*/groups", "roles": "*/roles", "factors": "*/factors", "devices": "*/devices", "grants": "*/grants",
		"apps": "*/appLinks", "risk": "*/risk", "sign_ins": "/api/v1/logs",
	} {
		for reason, f := range map[string]emulator.Fault{
			"You do not have permission":      {Status: 403},
			"it is not available in this org": {Status: 403, Body: `{"errorCode": "E0000015", "errorSummary": "No such feature"}`},
			"500":                             {Status: 500},
		} {
			t.Run(part+" "+reason, func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{OffSpecification: true})
				f := f // the cases run in parallel
				f.Path, f.Method = path, "GET"
				w.Okta.AddFault(f)
				got := w.Run(investigateUser, testkit.Params(map[string]any{"User IDs": "alice"}))
				why := fmt.Sprint(got.Get("json_result", "alice", "unreadable", part))
				if got.Get("status") != "success" || !strings.Contains(why, reason) ||
					!strings.Contains(got.Get("output_message").(string), " Not readable: "+part+".") {
					t.Errorf("%q: %d %s", why, got.HTTP, got.Body)
				}
				noun := map[string]string{"roles": "administrator role", "apps": "application"}[part]
				if noun == "" {
					noun = strings.TrimSuffix(part, "s")
				}
				if strings.Contains(strings.Split(got.Get("output_message").(string), ". Not")[0], noun) {
					t.Errorf("the message counts what cannot be read: %s", got.Get("output_message"))
				}
				if n := len(got.Get("json_result", "alice", "unreadable").(map[string]any)); n != 1 {
					t.Errorf("%d parts are unreadable: %s", n, got.Body)
				}
			})
		}
	}
}

// TestInvestigate_AppThatLacksTheOptionalScopes reads the rest.
func TestInvestigate_AppThatLacksTheOptionalScopes(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{App: &emulator.App{Scopes: []string{"okta.users.read"}}})
	got := w.Run(investigateUser, testkit.Params(map[string]any{"User IDs": "alice"}))
	unreadable, _ := got.Get("json_result", "alice", "unreadable").(map[string]any)
	var parts []string
	for part, why := range unreadable {
		parts = append(parts, part)
		if !strings.Contains(fmt.Sprint(why), "is not granted okta.") {
			t.Errorf("%s: %v", part, why)
		}
	}
	slices.Sort(parts)
	if !slices.Equal(parts, []string{"risk", "roles", "sign_ins"}) {
		t.Errorf("%v: %s", parts, got.Body)
	}
}
