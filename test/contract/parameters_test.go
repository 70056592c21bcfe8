package contract_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/test/testkit"
)

func TestParameters_NamesMissing(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, p := range s.action.Params {
			if !p.Required {
				continue
			}
			s.refused(t, s.example().without(p.Name), p.Name, "required")
			for _, nothing := range []any{"", nil} {
				s.refused(t, s.example().with(p.Name, nothing), p.Name, "required")
			}
			if p.Type == "list" {
				s.refused(t, s.example().with(p.Name, " , ,"), p.Name, "required")
				s.refused(t, s.example().with(p.Name, []string{""}), p.Name, "required")
			}
		}
		if s.users() != "" {
			r := s.example().without(s.users())
			r.Entities = nil
			s.refused(t, r, s.users(), "no user is named")
		}
	})
}

func TestParameters_ReportsAllProblems(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		r := request{Options: map[string]bool{"dryrun": true}}
		want := 1
		for _, p := range s.action.Params {
			r = r.with(p.Name, map[string]any{})
			want++
		}
		reply := s.refused(t, r, "options.dryrun")
		if problems := reply.Get("error", "problems").([]any); len(problems) != want {
			t.Errorf("%d problems, want %d: %v", len(problems), want, problems)
		}
	})
}

func TestParameters_UnknownNameGetsTheNearest(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		s.refused(t, s.example().with("Color Of The Sky", "blue"), "Color Of The Sky")
		for _, p := range s.action.Params {
			near := p.Name[:len(p.Name)-1]
			s.refused(t, s.example().with(near, s.value(p)), near, fmt.Sprintf("did you mean %q", p.Name))
		}
	})
}

func TestParameters_RefusesTwoSpellings(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, p := range s.action.Params {
			for _, other := range append([]string{respell(p.Name)}, p.Aliases...) {
				s.refused(t, s.example().with(p.Name, s.value(p)).with(other, s.value(p)), p.Name, "given twice")
			}
		}
	})
}

func TestParameters_SpellingsAndAliasesAreEquivalent(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, p := range s.action.Params {
			for _, other := range append([]string{respell(p.Name)}, p.Aliases...) {
				s.Okta.Reset()
				want := s.run(t, s.example().with(p.Name, s.value(p)))
				s.Okta.Reset()
				got := s.run(t, s.example().without(p.Name).with(other, s.value(p)))
				if got.HTTP != want.HTTP || got.Get("output_message") != want.Get("output_message") || !cmp.Equal(got.Outcomes(), want.Outcomes()) {
					t.Errorf("%q: %d %s, but %q: %d %s", p.Name, want.HTTP, want.Get("output_message"), other, got.HTTP, got.Get("output_message"))
				}
			}
		}
	})
}

func TestParameters_NamesWrongType(t *testing.T) {
	wrong := map[string][]any{
		"string":  {7, []string{"a"}, map[string]any{}},
		"boolean": {"yes", 1, "2", []bool{true}, map[string]any{}},
		"integer": {"many", 1.5, "1.5", true, "1e2", []int{1}, map[string]any{}, "99999999999999999999"},
		"list":    {7, true, map[string]any{}, []any{1}, []any{[]any{"a"}}, []any{nil}},
	}
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, p := range s.action.Params {
			if len(wrong[p.Type]) == 0 {
				t.Errorf("no test knows the type %q of %s", p.Type, p.Name)
			}
			for _, v := range wrong[p.Type] {
				s.refused(t, s.example().with(p.Name, v), p.Name, "must be")
			}
		}
	})
}

func TestParameters_BooleansAndIntegersMayBeStrings(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, p := range s.action.Params {
			pairs := map[string]any{"True": true, "FALSE": false}
			if p.Type == "integer" {
				pairs = map[string]any{fmt.Sprint(*p.Min): *p.Min}
			} else if p.Type != "boolean" {
				continue
			}
			for text, value := range pairs {
				s.Okta.Reset()
				want := s.run(t, s.example().with(p.Name, value))
				s.Okta.Reset()
				got := s.run(t, s.example().with(p.Name, text))
				if got.HTTP != want.HTTP || got.HTTP == 400 || got.Get("output_message") != want.Get("output_message") {
					t.Errorf("%s: the reply to %q is %d %s, to %v %s", p.Name, text, got.HTTP, got.Get("output_message"), value, want.Get("output_message"))
				}
			}
		}
	})
}

func TestParameters_NamesTheRange(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, p := range s.action.Params {
			if p.Min != nil {
				s.refused(t, s.example().with(p.Name, *p.Min-1), p.Name, fmt.Sprint(*p.Min))
			}
			if p.Max != nil {
				s.refused(t, s.example().with(p.Name, *p.Max+1), p.Name, fmt.Sprint(*p.Max))
			}
			if p.Allowed != nil {
				s.refused(t, s.example().with(p.Name, "nothing of the sort"), p.Name, p.Allowed...)
			}
		}
	})
}

func TestParameters_RefusesUnresolvedPlaceholders(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, p := range s.action.Params {
			for _, placeholder := range []string{"[Event.userid]", `[Get User.JsonResult| "id"]`, " [Event.userid] "} {
				r := s.refused(t, s.example().with(p.Name, placeholder), p.Name, "placeholder")
				if echoed := strings.Contains(string(r.Body), "[Event.userid]"); p.Secret && echoed {
					t.Errorf("%s: the value of a secret parameter is echoed: %s", p.Name, r.Body)
				}
			}
			if p.Type == "list" {
				item := append(p.Allowed, "alice")[0]
				s.refused(t, s.example().with(p.Name, item+", [Event.userid]"), p.Name, "[Event.userid]")
				s.refused(t, s.example().with(p.Name, []string{item, "[Event.userid]"}), p.Name, "[Event.userid]")
			}
		}
		for i, r := range s.onEntities("[Event.userid]") {
			s.refused(t, r, fmt.Sprintf("entities[%d].identifier", i), "[Event.userid]")
		}
	})
}

// onEntities gives, for each entity type that the action runs on, the example with such an entity in scope
// after as many good ones as its key says.
func (s subject) onEntities(identifier string) map[int]request {
	requests := map[int]request{}
	for i, kind := range s.action.RunsOn {
		r := s.example().with("Also Run On Scope", true)
		r.Entities = nil
		for range i {
			r.Entities = append(r.Entities, action.Entity{Identifier: "ALICE@ACME.TEST", Type: action.UserEntity})
		}
		r.Entities = append(r.Entities, action.Entity{Identifier: identifier, Type: kind})
		requests[i] = r
	}
	return requests
}

func TestTargets_RefusesNamesOfNoUser(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if s.users() == "" {
			return
		}
		for _, user := range []string{"me", "ME", " Me ", ".", ".."} {
			s.refused(t, s.example().with(s.users(), "alice, "+user), s.users())
			s.refused(t, s.example().with(s.users(), []string{user}), s.users())
			for i, r := range s.onEntities(user) {
				s.refused(t, r, fmt.Sprintf("entities[%d].identifier", i))
			}
		}
	})
}

func TestParameters_BoundsListItems(t *testing.T) {
	long := strings.Repeat("é", 257)
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, p := range s.action.Params {
			if p.Type != "list" {
				continue
			}
			s.refused(t, s.example().with(p.Name, []string{long}), p.Name)
			s.refused(t, s.example().with(p.Name, "alice,"+long), p.Name)
			s.refused(t, s.example().with(p.Name, []string{"al\u0007ice"}), p.Name)
			s.refused(t, s.example().with(p.Name, "alice\u0000"), p.Name)
		}
		for _, bad := range []string{long, "al\u0007ice", ""} {
			for i, r := range s.onEntities(bad) {
				s.refused(t, r, fmt.Sprintf("entities[%d].identifier", i))
			}
		}
	})
}

func TestTargets_TooManyAreRefusedBeforeTheFirstWrite(t *testing.T) {
	eachAction(t, testkit.Options{Env: map[string]string{"MAX_TARGETS": "2"}}, func(t *testing.T, s subject) {
		if s.users() == "" {
			return
		}
		r := s.example().with(s.users(), "alice, bob, carol")
		r.Entities = nil
		got := s.Run(s.path(), r)
		checkReply(t, &s.action, got)
		if !s.action.Mutates {
			if got.HTTP != 200 {
				t.Errorf("a read is bounded like a change: %d %s", got.HTTP, got.Get("output_message"))
			}
			return
		}
		message, _ := got.Get("error", "problems", 0, "message").(string)
		if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != s.users() || !strings.Contains(message, "MAX_TARGETS") {
			t.Errorf("%d %s", got.HTTP, got.Get("output_message"))
		}
		if writes := s.Writes(); len(writes) > 0 {
			t.Errorf("writes %v", writes)
		}
		// One user under several names is one target.
		if got := s.run(t, r.with(s.users(), []string{"alice", "alice@acme.test", s.ID("alice")})); got.HTTP == 400 {
			t.Errorf("one user under three names: %s", got.Get("output_message"))
		}
	})
}

// TestTargets_NamesAreBounded: each name costs a call to Okta, also if nothing is to be changed, and also if it is an
// entity that turns out to be no user.
func TestTargets_NamesAreBounded(t *testing.T) {
	eachAction(t, testkit.Options{Env: map[string]string{"MAX_TARGETS": "2"}}, func(t *testing.T, s subject) {
		parameter := s.users()
		if s.action.Name == "Get Group" {
			parameter = "Group IDs Or Names"
		}
		if parameter == "" {
			return
		}
		names := make([]string, 21)
		for i := range names {
			names[i] = fmt.Sprintf("name%d", i)
		}
		requests := []request{s.example().with(parameter, names)}
		requests[0].Entities = nil
		if s.users() != "" && len(s.action.RunsOn) > 1 {
			hosts := s.example().with(parameter, names[:1]).with("Also Run On Scope", true)
			hosts.Entities = nil
			for _, name := range names[1:] {
				hosts.Entities = append(hosts.Entities, action.Entity{Identifier: name, Type: action.HostEntity})
			}
			requests = append(requests, hosts)
		}
		for _, r := range requests {
			got := s.Run(s.path(), r)
			checkReply(t, &s.action, got)
			message, _ := got.Get("error", "problems", 0, "message").(string)
			if got.HTTP != 400 || got.Get("error", "problems", 0, "parameter") != parameter || !strings.Contains(message, "21 targets are named; one request ") {
				t.Errorf("%d %s", got.HTTP, got.Get("output_message"))
			}
		}
		if asked := s.Asked(); len(asked) > 0 {
			t.Errorf("Okta was asked %v", asked)
		}
	})
}
