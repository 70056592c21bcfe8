package action_test

import (
	"testing"

	"example.com/okta-secops/internal/action"
)

func TestPlaceholder_MatchesWholeValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"[Event.event_principal_user_emailAddresses]": true,
		"[Event.x]":                                true,
		" [Entity.Identifier]\n":                   true,
		`[Get User.JsonResult| "id"]`:              true,
		`[Get User_1.JsonResult| "profile.login"]`: true,
		`[Okta_Get-User_1.ScriptResult]`:           true,
		`[Step.JsonResult|"[0].id"]`:               true,
		`[Étape.Résultat]`:                         true,
		"[High] alert":                             false,
		"[High] alert on [Event.x]":                false,
		"[Event.x] was seen":                       false,
		"seen: [Event.x]":                          false,
		"[Event.x][Event.y]":                       false,
		"[Event]":                                  false,
		"[Event.]":                                 false,
		"[.x]":                                     false,
		"[]":                                       false,
		"[2026.03.02]":                             false,
		"[1.2]":                                    false,
		`["alice", "bob"]`:                         false,
		"Event.x":                                  false,
		"alice@acme.test":                          false,
		"":                                         false,
	} {
		if action.IsPlaceholder(text) != want {
			t.Errorf("%q: placeholder %v, want %v", text, !want, want)
		}
	}
}

func TestUnfilled_FindsTheMarkerAnywhere(t *testing.T) {
	t.Parallel()
	const marked = "holds FILL_IN, which marks a value to replace"
	const left = "holds the placeholder [Event.x], which SecOps did not fill in"
	for text, want := range map[string]struct{ whole, anywhere string }{
		"FILL_IN":                        {marked, marked},
		"FILL_IN Group Name":             {marked, marked},
		"4711-set-password-fill_in_step": {marked, marked},
		"[Event.x]":                      {left, left},
		"see [Event.x]":                  {"", left},
		"[Event.x]-FILL_IN_STEP_NAME":    {marked, marked},
		"fill in the form":               {"", ""},
		"":                               {"", ""},
	} {
		if got := action.Unfilled(text); got != want.whole {
			t.Errorf("%q as a whole: %q, want %q", text, got, want.whole)
		}
		if got := action.UnfilledAnywhere(text); got != want.anywhere {
			t.Errorf("%q anywhere: %q, want %q", text, got, want.anywhere)
		}
	}
}
