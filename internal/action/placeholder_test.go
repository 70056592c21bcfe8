package action_test

import (
	"testing"

	"example.com/okta-secops/internal/action"
)

func TestAPlaceholderIsOneAsAWhole(t *testing.T) {
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
