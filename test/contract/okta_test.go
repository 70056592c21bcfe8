package contract_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

const errorPage = "<html><head><title>Error</title></head><body>canary of a page</body></html>"

// failures are the errors of Okta as a whole, with the expected replies.
var failures = map[string]struct {
	fault emulator.Fault
	http  int
	code  string
}{
	"401":               {emulator.Fault{Status: 401}, 502, "E0000011"},
	"403 no permission": {emulator.Fault{Status: 403}, 502, "E0000006"},
	"404":               {emulator.Fault{Status: 404}, 422, "E0000007"},
	"403 of the target": {emulator.Fault{Status: 403, Body: `{"errorCode":"E0000014","errorSummary":"Update of credentials failed"}`}, 422, "E0000014"},
	"400":               {emulator.Fault{Status: 400}, 422, "E0000001"},
	"429":               {emulator.Fault{Status: 429}, 503, "E0000047"},
	"429 bare":          {emulator.Fault{Status: 429, Body: "slow down", Headers: map[string]string{"Date": "", "X-Rate-Limit-Reset": ""}}, 503, "rate_limited"},
	"500":               {emulator.Fault{Status: 500}, 503, "E0000009"},
	"503":               {emulator.Fault{Status: 503}, 503, "E0000010"},
	"504 of a proxy":    {emulator.Fault{Status: 504, Body: errorPage}, 503, "okta_504"},
	"a dropped call":    {emulator.Fault{Drop: true}, 503, "okta_unreachable"},
	"403 HTML":          {emulator.Fault{Status: 403, Body: errorPage}, 502, "bad_reply"},
	"401 HTML":          {emulator.Fault{Status: 401, Body: errorPage}, 502, "okta_401"},
	"200 HTML":          {emulator.Fault{Status: 200, Body: errorPage}, 502, "bad_reply"},
	"200 broken JSON":   {emulator.Fault{Status: 200, Body: `[{"id":`}, 502, "bad_reply"},
	"a redirect":        {emulator.Fault{Status: 302}, 502, "bad_reply"},
}

// needsNoToken reports whether the action's calls carry no credentials: only a lookup of the user and
// the guardrails need them.
func (s subject) needsNoToken() bool { return s.action.Mutates && len(s.action.OktaScopes) == 0 }

// readFacts makes the product read the facts of its guardrails that it keeps.
func (s subject) readFacts(t *testing.T) {
	t.Helper()
	request := s.example()
	request.Options = map[string]bool{"dry_run": true}
	s.run(t, request)
	s.Forget()
}

func TestOkta_ErrorFailsEveryTarget(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed: %s %s", r.Method, r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		s.readFacts(t)
		for name, f := range failures {
			f.fault.Path = "*"
			if f.fault.Status == 302 {
				f.fault.Headers = map[string]string{"Location": elsewhere.URL + "/?token=canary"}
			}
			s.Okta.Reset()
			s.Okta.AddFault(f.fault)
			r := s.run(t, s.example())

			wantHTTP, wantCode, outcome := f.http, f.code, "failed"
			isRead := !s.action.Mutates && len(r.Outcomes()) > 0
			if f.fault.Status == 404 {
				outcome = "not_found"
				if isRead {
					wantHTTP = 200
				}
			}
			if r.HTTP != wantHTTP {
				t.Errorf("%s: HTTP %d %s, want %d", name, r.HTTP, r.Get("output_message"), wantHTTP)
			}
			if r.HTTP != 200 && r.Get("error", "code") != wantCode {
				t.Errorf("%s: error.code %v, want %s", name, r.Get("error", "code"), wantCode)
			}
			for i, o := range r.Outcomes() {
				if o != outcome || r.Get("targets", i, "error", "code") != wantCode {
					t.Errorf("%s: target %v, want %s %s", name, r.Get("targets", i), outcome, wantCode)
				}
				retryable := wantHTTP == 503
				if r.Get("targets", i, "error", "retryable") != retryable {
					t.Errorf("%s: retryable is not %v: %v", name, retryable, r.Get("targets", i))
				}
			}
			if r.Get("json_result") != nil && isRead && !emptyArray(r.Get("json_result")) {
				t.Errorf("%s: json_result %v", name, r.Get("json_result"))
			}
			if body := string(r.Body); strings.Contains(body, "canary") {
				t.Errorf("%s: the reply quotes what Okta did not say as Okta: %s", name, body)
			}
		}
	})
}

func emptyArray(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0
}

func TestLostResponse_WriteIsReportedAsUnknown(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if !s.action.Mutates {
			return
		}
		for name, f := range map[string]emulator.Fault{"500": {Status: 500}, "a dropped call": {Drop: true}} {
			s.Okta.Reset()
			f.Path = "*"
			for _, f.Method = range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
				s.Okta.AddFault(f)
			}
			r := s.run(t, s.example())
			switch {
			case !s.action.NonIdempotent:
				if r.HTTP != 503 {
					t.Errorf("%s: %d %s", name, r.HTTP, r.Get("output_message"))
				}
			case r.HTTP != 502 || r.Get("error", "code") != "unknown_result":
				t.Errorf("%s: %d %s", name, r.HTTP, r.Get("output_message"))
			case len(s.Writes()) != len(r.Outcomes()):
				t.Errorf("%s: %d writes for %d targets: %v", name, len(s.Writes()), len(r.Outcomes()), s.Writes())
			}
		}
	})
}

func TestOkta_RejectedTokenIsNamed(t *testing.T) {
	eachAction(t, testkit.Options{Env: map[string]string{"OKTA_API_TOKEN_SECRET": "wrong-token"}}, func(t *testing.T, s subject) {
		r := s.run(t, s.example())
		if s.needsNoToken() {
			if len(s.action.OptionalScopes) == 0 { // it is not about a user
				if r.HTTP != 200 {
					t.Errorf("%d %s", r.HTTP, r.Get("output_message"))
				}
			} else if r.HTTP != 503 || r.Get("error", "code") != guardrail.CodeUnavailable || !strings.Contains(string(r.Body), "OKTA_API_TOKEN_SECRET") {
				t.Errorf("%d %s", r.HTTP, r.Get("output_message"))
			}
		} else if r.HTTP != 502 || !strings.Contains(r.Get("error", "message").(string), "OKTA_API_TOKEN_SECRET") {
			t.Errorf("%d %s", r.HTTP, r.Get("output_message"))
		}
		if strings.Contains(string(r.Body)+s.Log(), "revoked-token-canary") {
			t.Error("the token is in the reply or in the log")
		}
	})
}

func TestOkta_HangEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	var cases sync.WaitGroup // all at once: each waits for its deadline
	for _, g := range handlers.Groups {
		cases.Go(func() {
			a := g.Actions[0]
			s := subject{testkit.New(t, testkit.Options{Env: map[string]string{"REQUEST_DEADLINE": "4s"}}), g, a}
			s.readFacts(t)
			s.Okta.AddFault(emulator.Fault{Path: "*", LatencyMS: 60_000})
			r := s.run(t, s.example())
			if r.HTTP != 504 || r.Get("error", "code") != "deadline_exceeded" {
				t.Errorf("%s: %d %v %s", a.Name, r.HTTP, r.Get("error", "code"), r.Get("output_message"))
			}
		})
	}
	cases.Wait()
}

func TestTargets_MissingUserDoesNotStopOthers(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if s.users() == "" {
			return
		}
		r := s.example().with(s.users(), []string{"zed", s.firstUser(), "nobody@acme.test"})
		r.Entities = nil
		got := s.run(t, r)
		if got.HTTP != 200 || got.Get("status") != "partial" {
			t.Errorf("%d %s", got.HTTP, got.Get("output_message"))
		}
		if o := got.Outcomes(); len(o) != 3 || o[0] != "not_found" || slices.Contains(missed, o[1]) || o[2] != "not_found" {
			t.Errorf("outcomes %v", o)
		}
		switch result := got.Get("json_result").(type) {
		case []any:
			if len(result) != 1 {
				t.Errorf("json_result %v", result)
			}
		case map[string]any:
			if _, ok := result[s.firstUser()]; len(result) != 1 || !ok {
				t.Errorf("json_result %v", result)
			}
		default:
			t.Errorf("json_result is a %T", result)
		}
	})
}

func TestTargets_NamesOfOneUserAreOneTarget(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if s.users() == "" {
			return
		}
		u := s.User(s.firstUser())
		for _, r := range s.onEntities(strings.ToUpper(u.Login)) {
			s.Okta.Reset()
			r.Entities = r.Entities[len(r.Entities)-1:]
			got := s.run(t, r.with(s.users(), []string{s.firstUser(), u.ID}))
			if o := got.Outcomes(); len(o) != 1 || got.Get("targets", 0, "input") != s.firstUser() {
				t.Errorf("%s: targets %v", r, got.Get("targets"))
				continue
			}
			also, _ := got.Get("targets", 0, "also_named").([]any)
			if len(also) != 2 || got.Get("targets", 0, "also_named", 1, "source") != "entity" {
				t.Errorf("also_named %v", also)
			}
			if entities, _ := got.Get("entities").([]any); len(entities) != 1 {
				t.Errorf("entities %v", entities)
			}
		}
	})
}

func TestEntities_OtherTypesAreIgnoredWithAWarning(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		if len(s.action.RunsOn) == 0 {
			return
		}
		s.Okta.Reset()
		plain := s.example().with("Also Run On Scope", true)
		want := s.run(t, plain)
		for i, r := range s.onEntities("laptop-7") {
			kind := s.action.RunsOn[i]
			if kind == "USERUNIQNAME" {
				kind = "FILEHASH"
			}
			s.Okta.Reset()
			entity := r.Entities[len(r.Entities)-1]
			entity.Type = kind
			r = plain
			r.Entities = append(slices.Clone(plain.Entities), entity)
			got := s.run(t, r)
			warnings, _ := got.Get("warnings").([]any)
			if len(warnings) != 1 || !strings.Contains(warnings[0].(string), "laptop-7") {
				t.Errorf("%s: warnings %v", kind, warnings)
			}
			if got.HTTP != want.HTTP || got.Get("status") != want.Get("status") || len(got.Outcomes()) != len(want.Outcomes()) {
				t.Errorf("%s: %d %v, without the entity %d %v", kind, got.HTTP, got.Get("status"), want.HTTP, want.Get("status"))
			}
		}
	})
}

func TestDryRun_WritesNothing(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		r := s.example()
		r.Options = map[string]bool{"dry_run": true}
		got := s.run(t, r)
		if writes := s.Writes(); len(writes) > 0 {
			t.Errorf("writes %v", writes)
		}
		if got.HTTP != 200 {
			t.Errorf("%d %s", got.HTTP, got.Get("output_message"))
		}
		for i, o := range got.Outcomes() {
			if o == "changed" || s.action.Mutates && o == "found" || got.Get("targets", i, "undo") != nil || got.Get("targets", i, "verified") != nil {
				t.Errorf("target %v", got.Get("targets", i))
			}
		}
		if s.action.Mutates && !slices.Contains(got.Outcomes(), "planned") {
			t.Errorf("nothing is planned: %s", got.Body)
		}
	})
}

func TestVerify_ReplyStatesTheResult(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		for _, verify := range []bool{false, true} {
			s.Okta.Reset()
			r := s.example()
			r.Options = map[string]bool{"verify": verify}
			got := s.run(t, r)
			for i, o := range got.Outcomes() {
				verified, told := got.Get("targets", i, "verified").(bool)
				if s.action.Mutates && o == "changed" && !told || verified && !verify {
					t.Errorf("verify %v: target %v", verify, got.Get("targets", i))
				}
				unreadable := strings.Contains(strings.Join(texts(got.Get("warnings")), " "), "cannot be read back")
				if verify && o == "changed" && !verified && !unreadable {
					t.Errorf("the change is neither verified nor is it said why: %s", got.Body)
				}
			}
		}
	})
}

func texts(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, item := range list {
		text, _ := item.(string)
		out = append(out, text)
	}
	return out
}

func TestRepeat_IsUnchangedOrChangesAgain(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		first := s.run(t, s.example())
		again := s.run(t, s.example())
		if again.HTTP != 200 || again.Get("status") != first.Get("status") {
			t.Errorf("first %d %v, then %d %v %s", first.HTTP, first.Get("status"), again.HTTP, again.Get("status"), again.Get("output_message"))
		}
	})
}

func TestUndo_RevertsTheChange(t *testing.T) {
	eachAction(t, testkit.Options{}, func(t *testing.T, s subject) {
		first := s.run(t, s.example())
		for i := range first.Outcomes() {
			undo, ok := first.Get("targets", i, "undo").(map[string]any)
			if !ok {
				continue
			}
			back := s.Run(s.group.Name, undo)
			if back.HTTP != 200 || back.Get("status") != "success" {
				t.Errorf("undo %v: %d %s", undo, back.HTTP, back.Get("output_message"))
			}
		}
		s.Forget()
		again := s.run(t, s.example())
		for i, o := range again.Outcomes() {
			if first.Get("targets", i, "undo") != nil && o != "changed" {
				t.Errorf("after the undo, the same call is %s: %v", o, again.Get("targets", i))
			}
		}
	})
}
