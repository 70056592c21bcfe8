package users_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/test/testkit"
)

// lifecycle tests an action on a user in each of the eight statuses, as a real run and a dry run.
type lifecycle struct {
	path   string
	params map[string]any // besides the user
	after  bool           // the action predicts the status after it
	rows   []transition
}

type transition struct {
	user, status string // the seeded user with the status
	outcome      string
	becomes      string // the status in Okta afterwards; empty: as before
	write        string // the POST to Okta, {user} for the user's path; empty: nothing is written
	code         string // of the error
	words        string // in the output message
	dryRun       string // outcome of the dry run; empty: planned instead of changed, otherwise that of the real run
}

func (l lifecycle) run(t *testing.T) {
	t.Helper()
	if len(l.rows) != 8 {
		t.Fatalf("Okta has eight statuses, the table %d", len(l.rows))
	}
	for _, row := range l.rows {
		if row.becomes == "" {
			row.becomes = row.status
		}
		if row.dryRun == "" {
			row.dryRun = strings.ReplaceAll(row.outcome, "changed", "planned")
			if row.outcome == "unchanged" {
				row.dryRun = row.outcome
			}
		}
		params := map[string]any{"User IDs Or Logins": row.user}
		for k, v := range l.params {
			params[k] = v
		}
		t.Run(row.status, func(t *testing.T) {
			t.Parallel()
			l.real(t, row, params)
		})
		t.Run(row.status+" dry run", func(t *testing.T) {
			t.Parallel()
			l.dry(t, row, params)
		})
	}
}

func (l lifecycle) real(t *testing.T, row transition, params map[string]any) {
	w := testkit.New(t, testkit.Options{})
	got := w.Run(l.path, testkit.Params(params))

	status, httpStatus := "success", 200
	if row.outcome != "changed" && row.outcome != "unchanged" {
		status, httpStatus = "failure", 422
	}
	wantHTTP(t, got, httpStatus)
	want(t, got, status, "status")
	want(t, got, row.outcome, "targets", 0, "outcome")
	want(t, got, row.status, "targets", 0, "before", "status")
	wantText(t, got, row.words, "output_message")
	if row.code != "" {
		want(t, got, row.code, "error", "code")
		want(t, got, row.code, "targets", 0, "error", "code")
		want(t, got, false, "targets", 0, "error", "retryable")
	}
	if row.write != "" {
		w.WantWrites(strings.ReplaceAll(row.write, "{user}", "POST /api/v1/users/"+w.ID(row.user)))
	} else {
		w.WantWrites()
	}
	if is := w.User(row.user).Status; is != row.becomes {
		t.Errorf("the user is %s in Okta, want %s", is, row.becomes)
	}
}

func (l lifecycle) dry(t *testing.T, row transition, params map[string]any) {
	w := testkit.New(t, testkit.Options{})
	got := w.Run(l.path, map[string]any{"parameters": params, "options": map[string]any{"dry_run": true}})

	status, httpStatus := "planned", 200
	if row.dryRun != "planned" && row.dryRun != "unchanged" {
		status, httpStatus = "failure", 422
	}
	wantHTTP(t, got, httpStatus)
	want(t, got, status, "status")
	want(t, got, httpStatus == 200, "is_success")
	want(t, got, row.dryRun, "targets", 0, "outcome")
	want(t, got, row.status, "targets", 0, "before", "status")
	want(t, got, nil, "targets", 0, "undo")
	if row.dryRun == "planned" {
		want(t, got, nil, "json_result")
		if l.after && row.outcome == "changed" {
			want(t, got, row.becomes, "targets", 0, "after", "status")
		}
	}
	w.WantWrites()
	if len(w.Asked()) == 0 {
		t.Error("a dry run reads the user's state, but Okta received no request")
	}
	if is := w.User(row.user).Status; is != row.status {
		t.Errorf("a dry run made the user %s", is)
	}
}

// want compares one value of the reply.
func want(t *testing.T, got testkit.Reply, value any, path ...any) {
	t.Helper()
	if diff := cmp.Diff(value, got.Get(path...)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", path, diff)
	}
}

// wantText checks that one text of the reply contains words.
func wantText(t *testing.T, got testkit.Reply, words string, path ...any) {
	t.Helper()
	if text, _ := got.Get(path...).(string); !strings.Contains(text, words) {
		t.Errorf("%v is %q, want %q in it", path, text, words)
	}
}

func wantHTTP(t *testing.T, got testkit.Reply, status int) {
	t.Helper()
	if got.HTTP != status {
		t.Errorf("HTTP status %d, want %d: %s", got.HTTP, status, got.Body)
	}
}

func wantOutcomes(t *testing.T, got testkit.Reply, outcomes ...string) {
	t.Helper()
	if diff := cmp.Diff(outcomes, got.Outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// wantWarning checks the only warning of a reply.
func wantWarning(t *testing.T, got testkit.Reply, words string) {
	t.Helper()
	if warnings, _ := got.Get("warnings").([]any); len(warnings) != 1 {
		t.Errorf("warnings are %v, want one", warnings)
	}
	wantText(t, got, words, "warnings", 0)
}

// raw returns the JSON text of a member of the reply, byte for byte.
func raw(t *testing.T, got testkit.Reply, member string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(got.Body, &members); err != nil {
		t.Fatal(err)
	}
	return string(members[member])
}

func entity(identifier, kind string) map[string]any {
	return map[string]any{"identifier": identifier, "entity_type": kind}
}

// undo sends the undo request of a reply's only target unchanged.
func undo(t *testing.T, w *testkit.World, got testkit.Reply) testkit.Reply {
	t.Helper()
	hint, ok := got.Get("targets", 0, "undo").(map[string]any)
	if !ok {
		t.Fatalf("no undo in %s", got.Body)
	}
	return w.Run("users", hint)
}

// The incumbent creates its client and requests its token without error handling: a wrong setting
// crashes the step with a traceback (defects 11 and 21). Here the reply names the setting.
func TestSettings_WrongSettingIsReported(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, variable, value string
		http                  int
		code, words           string
	}{
		{"no token", "OKTA_API_TOKEN_SECRET", "", 500, "misconfigured", "OKTA_API_TOKEN_SECRET (Api Token)"},
		{"a token that Okta refuses", "OKTA_API_TOKEN_SECRET", "wrong-token", 502, "E0000011", "Invalid token provided"},
		{"no server at Api Root", "OKTA_API_ROOT", "http://127.0.0.1:1", 503, "okta_unreachable", "the connection to Okta failed: it was refused; nothing was changed; try again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{Env: map[string]string{test.variable: test.value}})
			got := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs Or Logins": "alice"}))
			wantHTTP(t, got, test.http)
			want(t, got, "failure", "status")
			want(t, got, test.code, "error", "code")
			wantText(t, got, `Error executing action "Disable User". Reason: `, "output_message")
			wantText(t, got, test.words, "output_message")
			if strings.Contains(string(got.Body)+w.Log(), "revoked-token-canary") {
				t.Error("the API token is in the reply or in the log")
			}
		})
	}
}

// Playbooks send booleans, or strings that hold them, and spell names as different releases of the
// incumbent did (defects 18 and 19).
func TestParameters_AcceptPlaybookSpellings(t *testing.T) {
	t.Parallel()
	for _, users := range []string{"User IDs Or Logins", "User Ids Or Logins", "User IDs", "user_ids_or_logins", "USER-IDS"} {
		for _, off := range []any{false, "False", "false", " FALSE "} {
			w := testkit.New(t, testkit.Options{})
			got := w.Run("users/disable-user", testkit.Params(map[string]any{users: "alice", "is deactivate": off, "AlsoRunOnScope": "True", "Send_Email_If_Deactivate": "true"}))
			wantHTTP(t, got, 200)
			if is := w.User("alice").Status; is != "SUSPENDED" {
				t.Errorf("%s, Is Deactivate %#v: alice is %s", users, off, is)
			}
		}
	}
}

// Neither an empty string nor a placeholder that SecOps did not fill in is a user. The incumbent
// uses both as a part of the URL (defect 9).
func TestParameters_MissingUserIsAnError(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"get-user", "enable-user", "disable-user", "reset-password", "set-password"} {
		for _, test := range []struct {
			name  string
			users any
			words string
		}{
			{"nothing", nil, "no user is named"},
			{"an empty string", "", "no user is named"},
			{"commas", " , ,", "no user is named"},
			{"an empty array", []any{}, "no user is named"},
			{"the owner of the credentials", "alice,Me", `"me" is the owner of the Okta credentials: give the ID or the login of a user`},
			{"the collection of users", ".", `"." is not a user: give an ID, a login or an e-mail address`},
			{"the API", "..", `".." is not a user: give an ID, a login or an e-mail address`},
			{"a placeholder", "[Event.event_principal_user_emailAddresses]", "holds the placeholder [Event.event_principal_user_emailAddresses]"},
			{"a placeholder in a list", `alice, [Get User.JsonResult| "id"]`, `holds the placeholder [Get User.JsonResult| "id"]`},
		} {
			t.Run(path+" "+test.name, func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{})
				params := map[string]any{"User IDs Or Logins": test.users}
				if path == "set-password" {
					params["New Password"] = "Correct-Horse-7"
				}
				got := w.Run("users/"+path, testkit.Params(params))
				wantHTTP(t, got, 400)
				want(t, got, "failure", "status")
				want(t, got, "User IDs Or Logins", "error", "problems", 0, "parameter")
				wantText(t, got, test.words, "error", "problems", 0, "message")
				if asked := w.Asked(); len(asked) > 0 {
					t.Errorf("requests to Okta: %v", asked)
				}
			})
		}
	}
}

// wantOnlyInResult checks that a secret is in json_result, once, and not in the rest of the reply
// and not in the log.
func wantOnlyInResult(t *testing.T, w *testkit.World, got testkit.Reply, secret string) {
	t.Helper()
	result := raw(t, got, "json_result")
	if !strings.Contains(result, secret) {
		t.Errorf("json_result lacks the secret: %s", result)
	}
	if strings.Contains(strings.Replace(string(got.Body), result, "", 1), secret) {
		t.Errorf("a secret is in the reply outside of json_result: %s", got.Body)
	}
	wantNotLogged(t, w, secret)
}

func wantNotLogged(t *testing.T, w *testkit.World, secret string) {
	t.Helper()
	if strings.Contains(w.Log(), secret) {
		t.Errorf("a secret is in the log: %s", w.Log())
	}
}

// given returns the parameters that have a value.
func given(parameters map[string]any) map[string]any {
	maps.DeleteFunc(parameters, func(_ string, value any) bool { return value == nil })
	return parameters
}
