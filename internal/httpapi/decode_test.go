package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

func decodeBody(t testing.TB, body string) (request, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/disable-user", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return decode(r, []byte(body), func([]byte) bool { return false })
}

func TestDecode_ReadsEveryMember(t *testing.T) {
	t.Parallel()
	q, err := decodeBody(t, ` {
		"action": "Disable User",
		"parameters": {"A": "x", "B": true, "C": 12345678901234567890, "D": ["y"], "E": null},
		"entities": [{"identifier": "BOB", "entity_type": "USERUNIQNAME", "is_suspicious": false}],
		"context": {"case_id": "4711", "attempt": 2, "live": true, "nothing": null},
		"options": {"dry_run": true, "verify": "True"}
	} `)
	if err != nil || len(q.problems) > 0 {
		t.Fatal(err, q.problems)
	}
	want := action.Request{
		Parameters: map[string]any{"A": "x", "B": true, "C": json.Number("12345678901234567890"), "D": []any{"y"}, "E": nil},
		Entities:   []action.Entity{{Identifier: "BOB", Type: action.UserEntity}},
		Context:    map[string]string{"case_id": "4711", "attempt": "2", "live": "true"},
		Options:    action.Options{DryRun: true, Verify: true},
	}
	if diff := cmp.Diff(want, q.Request); diff != "" || q.action != "Disable User" {
		t.Errorf("action %q (-want +got):\n%s", q.action, diff)
	}
}

func TestDecode_ReturnsAllProblems(t *testing.T) {
	t.Parallel()
	q, err := decodeBody(t, `{"action": 1, "parameters": [], "entities": [7], "context": {"a": []}, "options": {"x": 1}, "extra": 1}`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range q.problems {
		names = append(names, p.Parameter)
	}
	want := []string{"action", "parameters", "entities[0].identifier", "entities[0].entity_type", "context.a", "options.x", "extra"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestDecode_IdempotencyKey(t *testing.T) {
	t.Parallel()
	for key, problems := range map[string]int{"case-4711": 0, strings.Repeat("k", 255): 0, strings.Repeat("k", 256): 1} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header.Set("Idempotency-Key", key)
		q, err := decode(r, nil, nil)
		if err != nil || q.IdempotencyKey != key || len(q.problems) != problems {
			t.Errorf("%d characters: %v %v", len(key), q.problems, err)
		}
	}
}

func TestDecode_SyntaxErrorDoesNotQuoteValues(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"parameters":{"New Password":"canary`, `{"parameters":{"New Password":canary}}`, `{"parameters":{"New Password":"canary"}} canary`, `canary`,
		`{"New Password":"canary","New Password":"canary"}`, `{"parameters":{"New Password":"canary` + "\x01" + `"}}`,
	} {
		_, err := decodeBody(t, body)
		if f := apierr.As(err); f == nil || f.Kind != apierr.BadRequest || strings.Contains(f.Error(), "canary") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestDecode_SyntaxErrorHasItsPosition(t *testing.T) {
	t.Parallel()
	const hint = "; a placeholder's value may hold a double quote or a backslash, which JSON must escape"
	for body, want := range map[string]string{
		`{"context": {"reason": "she said "no" twice"}}`: "is not JSON at line 1, column 35, near `she said \"no\" twice\"`",
		"{\n \"context\": {\n  \"é\": \"ü\" x}}":         "is not JSON at line 3, column 12, near ` \"é\": \"ü\" x}}`",
		`{"context": {"path": "C:\Users\x"}}`:            "is not JSON at line 1, column 26, near `ath\": \"C:\\Users\\x\"}}`",
		`{"a": "b`:                                       "is not JSON: it ends too early, at line 1, column 9, near `{\"a\": \"b`",
		"{\"a\": \"`\x01\u202e\"}":                       "is not JSON at line 1, column 9, near `{\"a\": \"   \"}`",
	} {
		q := request{}
		err := q.read("body", []byte(body), func([]byte) bool { return true })
		if f := apierr.As(err); f == nil || f.Problems[0].Message != want+hint {
			t.Errorf("%s:\n got %v\nwant %s", body, err, want+hint)
		}
		if err := (&request{}).read("data", []byte(body), nil); strings.Contains(err.Error(), "near") || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: without an excerpt: %v", body, err)
		}
	}
}

func TestDecode_BoundsEndTheReading(t *testing.T) {
	t.Parallel()
	list := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	numbered := func(n int) string {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"m%d": 0`, i))
		}
		return strings.Join(members, ",")
	}
	for _, c := range []struct{ body, parameter, message string }{
		{`{"entities": [` + list(10001, "0") + `]}`, "entities", "has more than 10000 entities; one call takes at most 10000"},
		{`{"parameters": {"Users": [` + list(10001, `"a"`) + `]}}`, "Users", "has more than 10000 items; one call takes at most 10000: split the list"},
		{`{"parameters": {` + strings.Join([]string{`"a":[`, `"b":[`, `"e":[1]`}, list(10000, "0")+"],") + `}}`, "parameters", "have lists of more than 20000 items altogether"},
		{`{"parameters": {` + numbered(101) + `}}`, "parameters", "has more than 100 members"},
		{`{"options": {` + numbered(21) + `}}`, "options", "has more than 20 members"},
		{`{` + numbered(1001) + `}`, "body", "has an object with more than 1000 members"},
		{`{"parameters": {"a": ` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}}`, "body", "is nested more than 64 levels deep"},
		{strings.Repeat("[", 20_000), "body", "is nested more than 64 levels deep"},
		{`{"entities": [{"identifier": "a", "entity_type": "` + strings.Repeat("x", 257) + `"}]}`, "entities[0].entity_type", "is required and must be a string, such as USERUNIQNAME"},
	} {
		q, err := decodeBody(t, c.body)
		if err == nil {
			err = apierr.Invalid(q.problems...)
		}
		if p := apierr.As(err).Problems; len(p) != 1 || p[0].Parameter != c.parameter || p[0].Message != c.message {
			t.Errorf("%.40s: %v", c.body, err)
		}
	}
	if q, err := decodeBody(t, `{"parameters": {"a": [`+list(10000, `"x"`)+`]}, "entities": [`+list(10000, `{"identifier": "a", "entity_type": "b"}`)+`]}`); err != nil || len(q.problems) > 0 || len(q.Entities) != 10000 {
		t.Errorf("within the bounds: %v %v", err, q.problems)
	}
}

// FuzzDecode checks for any body that decode does not panic, that its error is one of the request,
// and that encoding/json reads the accepted JSON in the same way.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, ` {"parameters":{"User IDs":"a, b","Limit":3,"On":true,"L":["x",null]},"entities":[{"identifier":"A","entity_type":"HOSTNAME"}]}`,
		`{"context":{"a":1.5e300,"b":"\ud800"},"options":{"dry_run":"TRUE"}}`, `{"a":1,"A":2}`, `{"a":[[[[{}]]]]}`, `[}`, `{"a":}`, `{"a" 1}`, `{,}`, `[1 2]`,
		`{}{}`, `null`, "\xff", `"\u0000"`, `{"parameters":{"` + strings.Repeat("k", 200) + `":1}}`, strings.Repeat("[", 100), `{"a":1e999999999}`, `-`, `tru`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		q, err := decodeBody(t, body)
		if err != nil {
			if apierr.As(err).Kind == apierr.Internal {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if strings.TrimSpace(body) == "" {
			return
		}
		var plain struct {
			Parameters map[string]any `json:"parameters"`
		}
		d := json.NewDecoder(strings.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&plain); len(q.problems) == 0 && err != nil {
			t.Errorf("%q is accepted, but is not JSON: %v", body, err)
		}
		for _, value := range plain.Parameters {
			flatten(value)
		}
		if diff := cmp.Diff(plain.Parameters, q.Parameters); len(q.problems) == 0 && diff != "" {
			t.Errorf("%q (-encoding/json +decode):\n%s", body, diff)
		}
	})
}

// flatten empties the nested values in a parameter's value.
func flatten(value any) {
	switch v := value.(type) {
	case map[string]any:
		clear(v)
	case []any:
		for i, item := range v {
			switch item.(type) {
			case map[string]any:
				v[i] = map[string]any{}
			case []any:
				v[i] = []any{}
			}
		}
	}
}
