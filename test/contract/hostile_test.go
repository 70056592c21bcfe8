package contract_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"example.com/okta-secops/test/testkit"
)

// hostile are strings that have broken programs. As identifiers they try other paths, other searches and other users.
var hostile = []string{
	"../../api/v1/users/me", "..%2f..%2fusers", "%2e%2e/", "/", "//", "a/../b", "a/b", `..\..`, "?limit=1", "#", "alice?sendEmail=true", "alice#", "alice;x=1", "alice%00", "%",
	"%zz", `" or profile.login sw "a`, `alice" or "1" eq "1`, `\" or true`, `profile.login eq "alice"`, "(", "*", "a*", `\`, `'`, "';--", "alice\u0000", "alice\r\nX-Evil: 1",
	"a\nb", "\u202egnp.exe", "\ufeff", "\u200b", "ａｌｉｃｅ", "İ", "ß", "ﬀ", "e\u0301", "👩‍👩‍👧‍👧", "\U000e0041", "\xed\xa0\xbd", "Ω≈ç√∫", "田中さん", "الإعلان", "<script>alert(1)</script>",
	"${jndi:ldap://evil.test/a}", "{{7*7}}", "$(reboot)", "`reboot`", "| reboot", "; reboot", "%s%n%d", "%!s(MISSING)", "[Event.userid]", "[High] alert", "me", "ME", " me ", ".", "..",
	"true", "null", "undefined", "NaN", "-1", "0x10", "1e309", "9223372036854775808", "00u1", "00u" + strings.Repeat("x", 17), strings.Repeat("a", 256), strings.Repeat("a", 257),
	strings.Repeat("a,", 500), strings.Repeat(`"`, 7), `"a,b`, ",", " ", "", "alice@acme.test@acme.test", "@", "a@", "@acme.test", strings.Repeat("a", 100_000),
}

// bodies returns invalid requests and some valid ones, all made from the action's example.
func (s subject) bodies(random *rand.Rand) []string {
	good := s.example().String()
	bodies := []string{
		"", " ", "null", "true", "7", `"x"`, "[]", "{", "}", "{}{}", good + good, good + "x", "\x00" + good, "\ufeff" + good, strings.ReplaceAll(good, `"`, `'`), good[1:], "//\n" + good,
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 50_000), `{"parameters":` + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + "}", `{"parameters": {"a": 1e400}}`,
		`{"parameters": {}, "parameters": {}}`, `{"parameters": {}, "Parameters": {}}`, `{"__proto__": {}}`, `{"context": {"a": ` + strings.Repeat(`"x`, 3) + `}}`,
		`{"entities": [{}]}`, `{"entities": [{"identifier": 7, "entity_type": []}]}`, `{"entities": {"identifier": "x"}}`, `{"options": {"dry_run": "perhaps"}}`, `{"options": []}`,
		`{"context": "x"}`, `{"action": {}}`, `{"action": "` + strings.Repeat("x", 10_000) + `"}`, strings.Repeat(" ", 2<<20),
	}
	for _, p := range s.action.Params {
		for _, text := range hostile {
			if p.Secret {
				text = "canary-" + text // the check for secrets must not find it in other parameters
			}
			bodies = append(bodies, s.example().with(p.Name, text).String())
			if p.Type == "list" { // for other types any list is a wrong type, see below
				bodies = append(bodies, s.example().with(p.Name, []any{text, "alice"}).String())
			}
		}
		for _, value := range []any{nil, 7, -1, 1.5, true, []any{}, []any{"alice", "bob"}, []any{nil}, []any{[]any{}}, map[string]any{"a": 1}, json.Number("1e99")} {
			bodies = append(bodies, s.example().with(p.Name, value).String())
		}
	}
	for _, text := range hostile {
		bodies = append(bodies, s.example().with(text, text).String())
		for _, r := range s.onEntities(text) {
			bodies = append(bodies, r.String())
		}
	}
	for range 60 { // random damage
		b := []byte(good)
		for range 1 + random.IntN(4) {
			switch i := random.IntN(len(b)); random.IntN(4) {
			case 0:
				b = b[:max(1, i)]
			case 1:
				b[i] = byte(random.IntN(256))
			case 2:
				b = append(b[:i:i], append([]byte{`{}[]":,\`[random.IntN(8)]}, b[i:]...)...)
			case 3:
				b = append(b[:i:i], b[min(len(b), i+1+random.IntN(5)):]...)
				if len(b) == 0 {
					b = []byte("{")
				}
			}
		}
		bodies = append(bodies, string(b))
	}
	return bodies
}

// TestHostile_RequestsChangeNothing sends hundreds of bodies to each action: no reply is a 5xx, Okta changes nothing unless
// the reply reports the change, and the product asks for known paths of Okta only (every World checks that, and secrets).
func TestHostile_RequestsChangeNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: it sends thousands of requests")
	}
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		bodies := s.bodies(rand.New(rand.NewPCG(1, uint64(len(s.action.Name)))))
		if want := 150 + len(hostile)*len(s.action.Params); len(bodies) < want {
			t.Errorf("only %d bodies, want %d", len(bodies), want)
		}
		for _, body := range bodies {
			s.Forget()
			r := s.Run(s.path(), body)
			name := fmt.Sprintf("%.200q", body)
			if r.HTTP >= 500 {
				t.Errorf("%s: %d %.300s", name, r.HTTP, r.Body)
			}
			for _, q := range s.Okta.Requests() {
				if q.Method != http.MethodGet && r.HTTP >= 400 && (q.Status < 300 || r.HTTP != 422) {
					t.Errorf("%s: answered %d, but Okta was asked for %s %s (%d)", name, r.HTTP, q.Method, q.Path, q.Status)
				}
			}
		}
	})
}
