package action_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/secrets"
)

func TestBind_MatchesNamesInAnySpelling(t *testing.T) {
	t.Parallel()
	type params struct {
		Key string `param:"Private Key String" alias:"Private Key,PEM" help:"The key."`
	}
	for _, name := range []string{"Private Key String", "private key string", "PRIVATE_KEY_STRING", "private-key-string", "PrivateKeyString", " private\tkey string ", "Private Key", "privatekey", "pem"} {
		p, _, problems := bound[params](t, action.Request{Parameters: map[string]any{name: "value"}})
		if p.Key != "value" {
			t.Errorf("%q: %+v, problems %v", name, p, problems)
		}
	}
}

func TestBind_RejectsTwoSpellingsOfAName(t *testing.T) {
	t.Parallel()
	type params struct {
		Users action.Users `param:"User IDs Or Logins" alias:"User IDs" help:"Users."`
	}
	for _, second := range []string{"user_ids_or_logins", "User IDs"} {
		_, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"User IDs Or Logins": "alice", second: "bob"}})
		wantProblem(t, problems, "User IDs Or Logins", "is given twice, as ")
		if len(problems) == 1 && !strings.Contains(problems[0].Message, strconv.Quote(second)) {
			t.Errorf("the problem does not name %q: %s", second, problems[0].Message)
		}
	}
}

func TestBind_UnknownNameSuggestsNearest(t *testing.T) {
	t.Parallel()
	type params struct {
		Users     string `param:"User IDs Or Logins" alias:"User IDs" help:"Users."`
		SendEmail bool   `param:"Send Email If Activate" help:"E-mail."`
		Limit     int    `param:"Limit" help:"The most."`
	}
	for name, words := range map[string]string{
		"User ID Or Logins": `did you mean "User IDs Or Logins"?`,
		"Users":             `did you mean "User IDs Or Logins"?`,
		"user id":           `did you mean "User IDs Or Logins"?`,
		"Send Email":        `did you mean "Send Email If Activate"?`,
		"Limits":            `did you mean "Limit"?`,
		"Lmit":              `did you mean "Limit"?`,
		"Zebra Crossing":    `is not a parameter of Try It, which has "User IDs Or Logins", "Send Email If Activate", "Limit"`,
		"":                  `is not a parameter of Try It, which has`,
	} {
		_, _, problems := bound[params](t, action.Request{Parameters: map[string]any{name: "x"}})
		wantProblem(t, problems, name, words)
	}
	_, _, problems := bound[struct{}](t, action.Request{Parameters: map[string]any{"Limit": 1}})
	wantProblem(t, problems, "Limit", "Try It has no parameters")
	_, _, problems = bound[params](t, action.Request{Parameters: map[string]any{strings.Repeat("x", 5000): 1}})
	if len(problems) != 1 || len(problems[0].Parameter) > 100 {
		t.Errorf("a long name fills the reply: %v", problems)
	}
}

func TestBind_Booleans(t *testing.T) {
	t.Parallel()
	type params struct {
		On  bool `param:"On" default:"true" help:"On."`
		Off bool `param:"Off" help:"Off."`
	}
	for value, want := range map[string]bool{`true`: true, `false`: false, `"true"`: true, `"False"`: false, `" TRUE "`: true, `"FALSE"`: false} {
		p, _, problems := bound[params](t, given(t, `{"On": `+value+`, "Off": `+value+`}`))
		if len(problems) > 0 || p.On != want || p.Off != want {
			t.Errorf("%s: %+v, problems %v", value, p, problems)
		}
	}
	for _, value := range []string{`1`, `0`, `"yes"`, `"1"`, `"t"`, `[]`, `{}`} {
		_, _, problems := bound[params](t, given(t, `{"On": `+value+`}`))
		wantProblem(t, problems, "On", "must be true or false")
	}
}

func TestBind_Integers(t *testing.T) {
	t.Parallel()
	type params struct {
		Limit int `param:"Limit" default:"20" min:"1" max:"50" help:"The most."`
		Free  int `param:"Free" help:"Any."`
	}
	for value, want := range map[string]int{`7`: 7, `"7"`: 7, `" 50 "`: 50, `1`: 1} {
		p, _, problems := bound[params](t, given(t, `{"Limit": `+value+`, "Free": `+value+`}`))
		if len(problems) > 0 || p.Limit != want || p.Free != want {
			t.Errorf("%s: %+v, problems %v", value, p, problems)
		}
	}
	for _, value := range []string{`0`, `51`, `-1`, `7.5`, `1e1`, `"7.0"`, `"seven"`, `true`, `[7]`, `99999999999999999999`} {
		_, _, problems := bound[params](t, given(t, `{"Limit": `+value+`}`))
		wantProblem(t, problems, "Limit", "must be a whole number from 1 to 50")
	}
	_, _, problems := bound[params](t, given(t, `{"Free": "x"}`))
	wantProblem(t, problems, "Free", "must be a whole number")
}

func TestBind_EmptyAndNullAreNotGiven(t *testing.T) {
	t.Parallel()
	type params struct {
		Text  string   `param:"Text" help:"Text."`
		On    bool     `param:"On" default:"true" help:"On."`
		Limit int      `param:"Limit" default:"20" min:"1" help:"The most."`
		List  []string `param:"List" help:"List."`
		Level level    `param:"Level" help:"Level."`
		Way   switched `param:"Way" help:"Way."`
	}
	for _, value := range []string{`null`, `""`, `"  "`} {
		r := given(t, strings.ReplaceAll(`{"Text": V, "On": V, "Limit": V, "List": V, "Level": V, "Way": V}`, "V", value))
		p, _, problems := bound[params](t, r)
		if diff := cmp.Diff(params{On: true, Limit: 20}, p, cmp.AllowUnexported(switched{})); diff != "" || len(problems) > 0 {
			t.Errorf("%s: problems %v (-want +got):\n%s", value, problems, diff)
		}
	}
	type required struct {
		Text string   `param:"Text" required:"true" help:"The text to send."`
		List []string `param:"List" required:"true" help:"IDs of things."`
	}
	for _, parameters := range []string{`{}`, `{"Text": "", "List": []}`, `{"Text": null, "List": " , "}`, `{"List": ["", " "]}`} {
		_, _, problems := bound[required](t, given(t, parameters))
		want := []action.Problem{{Parameter: "Text", Message: "is required: the text to send."}, {Parameter: "List", Message: "is required: IDs of things."}}
		if diff := cmp.Diff(want, problems); diff != "" {
			t.Errorf("%s (-want +got):\n%s", parameters, diff)
		}
	}
}

func TestBind_Lists(t *testing.T) {
	t.Parallel()
	type params struct {
		List []string `param:"List" help:"List."`
	}
	for value, want := range map[string][]string{
		`"alice"`:                                {"alice"},
		`"alice, bob ,carol"`:                    {"alice", "bob", "carol"},
		`",alice,, ,bob,"`:                       {"alice", "bob"},
		`"\"Doe, Jane\", bob"`:                   {"Doe, Jane", "bob"},
		`"say \"a, b\" twice, c"`:                {`say "a, b" twice`, "c"},
		`"\"a \"\"b\"\", c\""`:                   {`a "b", c`},
		`"\"\", \" \", x"`:                       {"x"},
		`"a,A, a ,b"`:                            {"a", "b"},
		"\"kim,\u212aim,KIM\"":                   {"kim", "\u212aim"}, // the Kelvin sign is not k
		`"line\nbreak"`:                          nil,                 // a control character
		`["alice, bob", " carol ", "", "CAROL"]`: {"alice, bob", "carol"},
		`["say \"x"]`:                            {`say "x`},
		`"[High] alert, [1]"`:                    {"[High] alert", "[1]"},
		`"Grüße, 東京"`:                            {"Grüße", "東京"},
	} {
		p, _, problems := bound[params](t, given(t, `{"List": `+value+`}`))
		if want == nil {
			wantProblem(t, problems, "List", "control characters")
			continue
		}
		if diff := cmp.Diff(want, p.List); diff != "" || len(problems) > 0 {
			t.Errorf("%s: problems %v (-want +got):\n%s", value, problems, diff)
		}
	}
	for value, words := range map[string]string{
		`"a, \"b"`:                           "has an unmatched double quote",
		`["a", 1]`:                           "must be an array of strings, or one string with commas",
		`["a", null]`:                        "must be an array of strings, or one string with commas",
		`7`:                                  "must be an array of strings, or one string with commas",
		`{"a": "b"}`:                         "must be an array of strings, or one string with commas",
		`true`:                               "must be an array of strings, or one string with commas",
		`"a, [Event.x]"`:                     "holds the placeholder [Event.x], which SecOps did not fill in",
		`["a", "[Event.x]"]`:                 "holds the placeholder [Event.x], which SecOps did not fill in",
		`"[Step.JsonResult| \"id"`:           "has an unmatched double quote",
		`"\u007fx"`:                          "control characters",
		`"` + strings.Repeat("x", 257) + `"`: "has an item of more than 256 characters: xxx",
		`"\ud800"`:                           "not valid Unicode",
	} {
		_, _, problems := bound[params](t, given(t, `{"List": `+value+`}`))
		wantProblem(t, problems, "List", words)
		if len(problems) == 1 && len(problems[0].Message) > 200 {
			t.Errorf("the item fills the reply: %s", problems[0].Message)
		}
	}
	p, _, problems := bound[params](t, given(t, `{"List": "`+strings.Repeat("ü", 256)+`"}`)) // characters, not bytes
	if len(p.List) != 1 {
		t.Errorf("an item of 256 characters: %v", problems)
	}
}

func TestBind_RejectsMeAndDots(t *testing.T) {
	t.Parallel()
	type params struct {
		Users action.Users `param:"Users" help:"Users."`
		List  []string     `param:"List" help:"List."`
	}
	const me = `"me" is the owner of the Okta credentials: give the ID or the login of a user`
	for name, words := range map[string]string{
		"me": me, "ME": me, " Me ": me, `"me"`: me, "alice,me": me,
		".": `"." is not a user: give an ID, a login or an e-mail address`, "..": `".." is not a user: give an ID, a login or an e-mail address`,
	} {
		_, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"Users": name}})
		wantProblem(t, problems, "Users", words)
	}
	if _, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"Users": "melanie, me@acme.test", "List": "me, ."}}); len(problems) > 0 {
		t.Error(problems)
	}
	_, _, problems := bound[params](t, action.Request{})
	wantProblem(t, problems, "Users", "no user is named: give IDs, logins or e-mail addresses")
}

func TestBind_AllowedValuesInAnyCase(t *testing.T) {
	t.Parallel()
	type params struct {
		Level level `param:"Level" help:"Level."`
	}
	for value, want := range map[string]level{"low": "Low", "HIGH": "High", " High ": "High"} {
		if p, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"Level": value}}); p.Level != want {
			t.Errorf("%q: %q, problems %v", value, p.Level, problems)
		}
	}
	_, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"Level": "medium"}})
	wantProblem(t, problems, "Level", `"medium" is not one of Low, High`)
	_, _, problems = bound[params](t, action.Request{Parameters: map[string]any{"Level": true}})
	wantProblem(t, problems, "Level", "must be a string")
}

func TestBind_UnmarshalerReturnsWarning(t *testing.T) {
	t.Parallel()
	type params struct {
		Way switched `param:"Way" help:"Way."`
	}
	p, result, _ := bound[params](t, action.Request{Parameters: map[string]any{"Way": "up"}})
	if !p.Way.on || len(result.Warnings) > 0 {
		t.Errorf("%+v, warnings %v", p, result.Warnings)
	}
	p, result, _ = bound[params](t, action.Request{Parameters: map[string]any{"Way": true}})
	if diff := cmp.Diff([]string{"Way: is ignored: say up or down"}, result.Warnings); p.Way.on || diff != "" {
		t.Errorf("%+v (-want +got):\n%s", p, diff)
	}
	_, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"Way": "left"}})
	wantProblem(t, problems, "Way", "must be up or down")
	_, _, problems = bound[params](t, given(t, `{"Way": 1}`))
	wantProblem(t, problems, "Way", "must be a string")
}

func TestBind_SecretIsUnchangedAndNotQuoted(t *testing.T) {
	t.Parallel()
	type params struct {
		Password secrets.Value `param:"New Password" secret:"true" help:"The password."`
	}
	for _, password := range []string{" a b ", "  ", `"x", y`, "[High] canary"} {
		p, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"New Password": password}})
		if p.Password.Reveal() != password {
			t.Errorf("%q became %q, problems %v", password, p.Password.Reveal(), problems)
		}
	}
	for _, value := range []any{`[Vault.JsonResult| "canary"]`, []any{"canary"}, map[string]any{"canary": "canary"}} {
		_, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"New Password": value}})
		if len(problems) != 1 || strings.Contains(problems[0].Message, "canary") {
			t.Errorf("%v: %v", value, problems)
		}
	}
}

func TestBind_ReportsAllProblems(t *testing.T) {
	t.Parallel()
	_, _, problems := bound[scoped](t, action.Request{
		Parameters: map[string]any{"Users": "me", "Limit": "many", "Nothing Like It": 1, "On": "maybe"},
		Entities:   []action.Entity{{Identifier: "ok", Type: action.UserEntity}, {Identifier: "[Event.x]", Type: action.UserEntity}},
	})
	var named []string
	for _, p := range problems {
		named = append(named, p.Parameter)
	}
	if diff := cmp.Diff([]string{"Nothing Like It", "Users", "Limit", "On", "Text", "entities[1].identifier"}, named); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// scoped are the parameters of an action that runs on entities.
type scoped struct {
	Users action.Users `param:"Users" help:"Users."`
	Limit int          `param:"Limit" help:"The most."`
	On    bool         `param:"On" help:"On."`
	Text  string       `param:"Text" required:"true" help:"Text."`
	action.ScopeOn
}

// OnEntities marks it for bound.
func (scoped) OnEntities() {}

func TestBind_EntitiesAreUsersIfScopeIsOn(t *testing.T) {
	t.Parallel()
	entities := []action.Entity{{Identifier: "ALICE", Type: "useruniqname"}}
	ask := func(scope any) []action.Problem {
		_, _, problems := bound[scoped](t, action.Request{Parameters: map[string]any{"Text": "x", "also run on scope": scope}, Entities: entities})
		return problems
	}
	if problems := ask(nil); len(problems) > 0 {
		t.Error(problems)
	}
	wantProblem(t, ask("False"), "Users", "or turn on Also Run On Scope with user entities")
	wantProblem(t, ask("maybe"), "Also Run On Scope", "must be true or false")
	entities[0].Type = "ADDRESS"
	wantProblem(t, ask(true), "Users", "no user is named")
}

func TestBind_ListIsBounded(t *testing.T) {
	t.Parallel()
	type params struct {
		Names []string `param:"Names" help:"Names."`
	}
	names := make([]any, 10001)
	for i := range names {
		names[i] = "x"
	}
	_, _, problems := bound[params](t, action.Request{Parameters: map[string]any{"Names": names}})
	wantProblem(t, problems, "Names", "has 10001 items; one request takes at most 10000: split the list")
	_, _, problems = bound[params](t, action.Request{Parameters: map[string]any{"Names": "half a character: \ufffd"}})
	wantProblem(t, problems, "Names", "is not valid Unicode")
}
