package serve

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/fault"
)

func decodeBody(t testing.TB, body string) (request, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/disable-user", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return decode(r, []byte(body), func([]byte) bool { return false })
}

func TestDecodeReadsEveryMember(t *testing.T) {
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

func TestDecodeTellsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	q, err := decodeBody(t, `{"action": 1, "parameters": [], "entities": [7], "context": {"a": []}, "options": {"x": 1}, "extra": 1}`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range q.problems {
		names = append(names, p.Parameter)
	}
	want := []string{"action", "parameters", "entities[0].identifier", "entities[0].entity_type", "context.a", "options.x", "options.x", "extra"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestDecodeTakesAnIdempotencyKey(t *testing.T) {
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

func TestAParseErrorQuotesNoValue(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"parameters":{"New Password":"canary`, `{"parameters":{"New Password":canary}}`, `{"parameters":{"New Password":"canary"}} canary`, `canary`,
		`{"New Password":"canary","New Password":"canary"}`, `{"parameters":{"New Password":"canary` + "\x01" + `"}}`,
	} {
		_, err := decodeBody(t, body)
		if f := fault.As(err); f == nil || f.Kind != fault.BadRequest || strings.Contains(f.Error(), "canary") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// FuzzDecode holds decode to what it promises for any body: it does not panic, an error is a fault of the
// request, and what it accepts is JSON that encoding/json reads the same way.
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
			if fault.As(err).Kind == fault.Internal {
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

// flatten empties what is nested in a parameter's value.
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
