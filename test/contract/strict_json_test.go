package contract_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/okta-secops/test/testkit"
)

func TestStrictJSON_RefusesAmbiguousBodies(t *testing.T) {
	bodies := map[string]string{
		"a key twice":                         `{"parameters":{},"parameters":{}}`,
		"a key twice in another case":         `{"parameters":{},"Parameters":{}}`,
		"a parameter twice":                   `{"parameters":{"x":1,"x":2}}`,
		"a parameter twice in another case":   `{"parameters":{"x":1,"X":2}}`,
		"a key twice, escaped":                `{"parameters":{"x":1,"\u0078":2}}`,
		"a member of an entity twice":         `{"entities":[{"identifier":"a","identifier":"b","entity_type":"USERUNIQNAME"}]}`,
		"a context twice in another case":     `{"context":{"a":"1","A":"2"}}`,
		"an option twice in another case":     `{"options":{"verify":true,"VERIFY":false}}`,
		"a key twice far down":                `{"parameters":{"a":[[{"b":1,"b":1}]]}}`,
		"a second value":                      `{} {}`,
		"trailing letters":                    `{}x`,
		"a trailing comma":                    `{},`,
		"a trailing bracket":                  `{}]`,
		"a comma before the end":              `{"parameters":{},}`,
		"an end too early":                    `{"parameters":{`,
		"single quotes":                       `{'parameters':{}}`,
		"a comment":                           `{/* none */}`,
		"an array":                            `[]`,
		"a string":                            `"disable"`,
		"a number":                            `7`,
		"null":                                `null`,
		"invalid UTF-8":                       "{\"context\":{\"a\":\"\xff\"}}",
		"a byte order mark":                   "\ufeff{}",
		"deep nesting":                        `{"parameters":{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}}`,
		"deep nesting of objects, unfinished": strings.Repeat(`{"a":`, 50_000),
	}
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for name, body := range bodies {
			t.Run(name, func(t *testing.T) { s.refused(t, body, "body") })
		}
	})
}

func TestStrictJSON_NamesUnknownAndMistypedMembers(t *testing.T) {
	bodies := map[string]string{
		`{"parametres":{}}`:                                     "parametres",
		`{"dry_run":true}`:                                      "dry_run",
		`{"extra":null}`:                                        "extra",
		`{"Options":{}}`:                                        "Options",
		`{"options":{"dryrun":true}}`:                           "options.dryrun",
		`{"options":{"dry_run":1}}`:                             "options.dry_run",
		`{"options":{"verify":"perhaps"}}`:                      "options.verify",
		`{"options":[]}`:                                        "options",
		`{"parameters":[]}`:                                     "parameters",
		`{"parameters":"User IDs"}`:                             "parameters",
		`{"entities":{}}`:                                       "entities",
		`{"entities":["alice"]}`:                                "entities[0].identifier",
		`{"entities":[{"identifier":"a"}]}`:                     "entities[0].entity_type",
		`{"entities":[{"entity_type":"A"}]}`:                    "entities[0].identifier",
		`{"entities":[{"identifier":7}]}`:                       "entities[0].identifier",
		`{"context":"4711"}`:                                    "context",
		`{"context":{"case":{}}}`:                               "context.case",
		`{"context":{"case":["4711"]}}`:                         "context.case",
		`{"action":7}`:                                          "action",
		`{"context":{"x":"` + strings.Repeat("x", 1025) + `"}}`: "context.x",
		`{"context":{` + members(33) + `}}`:                     "context",
	}
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for body, parameter := range bodies {
			s.refused(t, body, parameter)
		}
	})
}

func members(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"k%d":"v"`, i)
	}
	return strings.Join(list, ",")
}

func TestStrictJSON_AcceptsContextWithinBounds(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		r := s.example()
		r.Context = map[string]any{}
		for i := range 32 {
			r.Context[fmt.Sprint("k", i)] = strings.Repeat("x", 1024)
		}
		if got := s.run(t, r); got.HTTP != 200 {
			t.Errorf("%d %s", got.HTTP, got.Get("output_message"))
		}
	})
}

func TestStrictJSON_EmptyBodyEqualsEmptyObject(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		want := s.run(t, "{}")
		for _, body := range []string{"", " \n", `{"parameters":null,"entities":null,"context":null,"options":null,"action":null}`, `{"parameters":{},"entities":[]}`} {
			got := s.run(t, body)
			if got.HTTP != want.HTTP || got.Get("output_message") != want.Get("output_message") {
				t.Errorf("the reply to %q is %d %s, to {} %d %s", body, got.HTTP, got.Get("output_message"), want.HTTP, want.Get("output_message"))
			}
		}
	})
}

func TestStrictJSON_RequiresContentType(t *testing.T) {
	types := map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON;charset=UTF-8": true, `application/json; charset="utf-8"`: true,
		"text/plain": false, "application/x-www-form-urlencoded": false, "application/json; charset=latin1": false, "application/json;": true,
		"application/jsonx": false, "json": false, "": false, "multipart/form-data; boundary=x": false,
	}
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for kind, ok := range types {
			before := len(s.Asked())
			r := s.Do(http.MethodPost, s.path(), s.example().String(), http.Header{"Content-Type": {kind}})
			checkReply(t, &s.action, r)
			if ok && r.HTTP != 200 || !ok && r.HTTP != 415 {
				t.Errorf("Content-Type %q: %d %s", kind, r.HTTP, r.Get("output_message"))
			}
			if !ok && len(s.Asked()) > before {
				t.Errorf("Content-Type %q: Okta was asked", kind)
			}
			s.Okta.Reset()
		}
	})
}

func TestStrictJSON_BodyIsAtMostOneMebibyte(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if s.action.Slug != "ping" { // one of each function: net/http lingers half a second over every refusal
			return
		}
		fits := s.example().String()
		fits += strings.Repeat(" ", 1<<20-len(fits))
		if r := s.run(t, fits); r.HTTP != 200 {
			t.Errorf("1 MiB: %d %s", r.HTTP, r.Get("output_message"))
		}
		s.Forget()
		if r := s.run(t, fits+" "); r.HTTP != 413 || len(s.Asked()) > 0 {
			t.Errorf("1 MiB and a byte: %d %s, Okta was asked %v", r.HTTP, r.Get("output_message"), s.Asked())
		}
	})
}
