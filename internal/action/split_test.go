package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"context"

	"example.com/okta-secops/internal/apierr"
)

type splitParams struct {
	NamedUsers
	ScopeOn
	Level string `param:"Level" help:"The level."`
}

var splitAction = Define(Spec{
	Name: "Split It", Summary: "A test.", RunsOn: UserEntities, Mutates: true, Category: UpdatesIdentity,
}, func(context.Context, *Execution, splitParams) (*Result, error) { return &Result{}, nil })

func TestSplit_NamesEachUserOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{"parameters": {"user_ids": "a, b, A, c@x, C@X", "level": "HIGH"}}`, []string{`["a","b"] [] HIGH`, `["c@x"] [] HIGH`}},
		{`{"parameters": {"User IDs Or Logins": ["a"]}, "entities": [{"identifier": "A, b, c", "entity_type": "userUniqName"}, {"identifier": "h", "entity_type": "HOSTNAME"}, {"identifier": "x", "entity_type": "ADDRESS"}]}`,
			[]string{`["a"] [A b] <nil>`, `[] [c h] <nil>`}},
		{`{"parameters": {}, "entities": [{"identifier": "\"Doe, Jane\",bob", "entity_type": "USERUNIQNAME"}, {"identifier": "[\"a\\\"b\"]", "entity_type": "USERUNIQNAME"}]}`,
			[]string{`[] [["Doe, Jane"] bob] <nil>`, `[] [["a\"b"]] <nil>`}},
		{`{"parameters": {"User IDs": ["Doe, Jane", "[\"doe, jane\"]"]}, "entities": [{"identifier": "\"doe, jane\"", "entity_type": "USERUNIQNAME"}]}`,
			[]string{`["Doe, Jane","[\"doe, jane\"]"] [["doe, jane"]] <nil>`}},
		{`{"parameters": {}, "entities": [{"identifier": "h", "entity_type": "HOSTNAME"}, {"identifier": "H", "entity_type": "USERUNIQNAME"}]}`, []string{`[] [h H] <nil>`}},
		{`{"parameters": {"User IDs": "a", "Also Run On Scope": "false"}, "entities": [{"identifier": "b", "entity_type": "USERUNIQNAME"}]}`, []string{`["a"] [] <nil>`}},
	} {
		var r struct {
			Parameters map[string]any
			Entities   []Entity
		}
		if err := json.Unmarshal([]byte(c.body), &r); err != nil {
			t.Fatal(err)
		}
		inv, err := splitAction.Bind(Request{Parameters: r.Parameters, Entities: r.Entities, NoSecrets: true, Context: map[string]string{"case_id": "1"}})
		if err != nil {
			t.Fatal(err)
		}
		parts, err := inv.Split(2)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range parts {
			users, _ := json.Marshal(p.Parameters["User IDs Or Logins"])
			var names []string
			for _, e := range p.Entities {
				names = append(names, e.Identifier)
			}
			got = append(got, fmt.Sprint(string(users), " ", names, " ", p.Parameters["Level"]))
			if _, err := splitAction.Bind(p); err != nil || p.Context["case_id"] != "1" {
				t.Errorf("a part is not a request: %v", err)
			}
			again, err := splitAction.Bind(p)
			if err != nil {
				t.Fatal(err)
			}
			if same, err := again.Split(9); err != nil || fmt.Sprint(same) != fmt.Sprint([]Request{p}) {
				t.Errorf("%+v is split again into %+v, %v", p, same, err)
			}
			named, most := 0, 0
			for _, target := range p.NotDone(splitAction, errors.New("x")) {
				named, most = named+1+len(target.AlsoNamed), max(most, target.Names())
			}
			list, _ := p.Parameters["User IDs Or Logins"].([]any)
			if named != len(p.Entities)+len(list) || most != 1 {
				t.Errorf("%d mentions, up to %d names of a target, in %+v", named, most, p)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.body, got, c.want)
		}
	}
}

func TestSplit_StatesGoWithTheirUsers(t *testing.T) {
	t.Parallel()
	a, b, c := "00u"+strings.Repeat("a", 17), "00u"+strings.Repeat("b", 17), "00u"+strings.Repeat("c", 17)
	states := map[string]State{a: {"status": "ACTIVE"}, c: {"status": "SUSPENDED"}}
	bound := func(users string) *Invocation {
		inv, err := splitAction.Bind(Request{Parameters: map[string]any{"User IDs": users}, Options: Options{IfState: states}})
		if err != nil {
			t.Fatal(err)
		}
		return inv
	}
	parts, err := bound(a + "," + b + "," + c).Split(2)
	if err != nil || len(parts) != 2 || len(parts[0].Options.IfState) != 1 || parts[1].Options.IfState[c]["status"] != "SUSPENDED" {
		t.Errorf("%v %+v", err, parts)
	}
	// A user who is also named by login could be changed by the part that does not check the state.
	for _, users := range []string{a + "," + c + ",alice", a + "," + b} {
		if _, err := bound(users).Split(2); !apierr.Is(err, apierr.BadRequest) || !strings.Contains(err.Error(), "if_state") {
			t.Errorf("%s: %v", users, err)
		}
	}
}

func TestMerge_OneTargetForEachUser(t *testing.T) {
	t.Parallel()
	target := func(input, id string, o Outcome) *Target {
		x := &Target{Mention: Mention{input, fromParameter}, UserID: id, Outcome: o}
		if !o.Reached() {
			x.Error = &TargetError{Code: "c", Message: "m"}
		}
		return x
	}
	r := Merge([]*Target{
		target("a", "1", Failed), target("b", "2", Unchanged), target("z", "", NotFound), target("z2", "", NotFound),
		target("B", "2", Changed), target("A", "1", Unchanged), target("bb", "2", Failed),
	}, false)
	var got []string
	for _, x := range r.Targets {
		got = append(got, fmt.Sprint(x.Input, ":", x.Outcome, x.AlsoNamed))
	}
	want := "[a:unchanged[{A parameter}] b:changed[{B parameter} {bb parameter}] z:not_found[] z2:not_found[]]"
	if fmt.Sprint(got) != want || r.Status() != StatusPartial {
		t.Errorf("%v, %s", got, r.Status())
	}
}
