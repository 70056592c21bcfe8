package contract_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// A step that ends as the platform knows it.
const (
	completed = 0
	failed    = 2
	timedOut  = 3
)

// disableStep is a step that suspends users, of the parameter and in scope.
func disableStep(configuration map[string]any, users string, entities ...action.Entity) playbookStep {
	return playbookStep{
		Action: "Disable User", Configuration: configuration, Entities: entities,
		Parameters: map[string]any{
			"User IDs Or Logins": users, "Is Deactivate": false, "Send Email If Deactivate": true, "Also Run On Scope": "true",
			"Dry Run": false, "Verify": "False",
		},
	}
}

// TestIntegration_Results checks everything that a step writes into the case.
func TestIntegration_Results(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	t.Run("partial, with entities of several types", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		r := p.run(t, disableStep(instance(w), "alice@acme.test, zed", action.Entity{Identifier: "BOB@ACME.TEST", Type: action.UserEntity},
			action.Entity{Identifier: "10.0.0.1", Type: "ADDRESS"}, action.Entity{Identifier: "BOB@ACME.TEST", Type: "GENERICENTITY"}))
		want := "Suspended 2 users: alice@acme.test, bob@acme.test. Not found: zed.\n" +
			"The changes can be taken back: undo_requests of the JSON result holds the steps."
		if r.Message != want || r.Value != false || r.State != completed {
			t.Errorf("%v %d %q", r.Value, r.State, r.Message)
		}
		table := "Input,Outcome,Before,After,Error\n" +
			"alice@acme.test,changed,status: ACTIVE,status: SUSPENDED,\n" +
			"zed,not_found,,," + errorOf(t, r, 1) + "\n" +
			"BOB@ACME.TEST,changed,status: ACTIVE,status: SUSPENDED,"
		if diff := cmp.Diff(table, r.table(t, "Disable User")); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
		updated := [][]any{{"BOB@ACME.TEST", "USERUNIQNAME", map[string]any{
			"OriginalIdentifier": "bob@acme.test", "is_deactivate": "False", "is_send_email_deactivate": "True",
		}, true}}
		if diff := cmp.Diff(updated, r.Updated); diff != "" {
			t.Errorf("entities (-want +got):\n%s", diff)
		}
		last := records(t, w)
		context := last[len(last)-1]["context"]
		if diff := cmp.Diff(map[string]any{
			"case_id": "4711", "alert_id": "a-1", "playbook": "Okta containment", "environment": "Default",
			"requested_by": "analyst@acme.test",
		}, context); diff != "" {
			t.Errorf("context in the audit (-want +got):\n%s", diff)
		}
	})
	t.Run("dry run", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		s := disableStep(instance(w), "alice")
		s.Parameters["Dry Run"] = "True"
		r := p.run(t, s)
		if r.Value != true || r.State != completed || w.User("alice").Status != "ACTIVE" || !strings.Contains(r.json(t), `"planned"`) {
			t.Errorf("%+v", r)
		}
		w.WantWrites()
	})
	t.Run("failure", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		r := p.run(t, disableStep(instance(w), "zed, erin"))
		if r.Value != false || r.State != failed || !strings.HasPrefix(r.Message, `Error executing action "Disable User". Reason: `) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("unicode", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		r := p.run(t, disableStep(instance(w), "zoë@acme.test, 山田"))
		if !strings.Contains(r.Message, "zoë@acme.test, 山田") || !strings.Contains(r.table(t, "Disable User"), "\n山田,not_found") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("the platform cannot store the entities", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		s := disableStep(instance(w), "", action.Entity{Identifier: "ALICE", Type: action.UserEntity})
		s.Context = map[string]any{"broken_update": true}
		r := p.run(t, s)
		if r.Value != true || r.State != completed || !strings.Contains(r.Message, "Warning: SecOps did not store all of the result (RuntimeError).") ||
			w.User("alice").Status != "SUSPENDED" || r.json(t) == "" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("the case cannot be loaded", func(t *testing.T) {
		t.Parallel()
		w := testkit.New(t, testkit.Options{})
		s := disableStep(instance(w), "alice")
		s.Context = map[string]any{"broken_entities": true}
		r := p.run(t, s)
		if r.Value != false || r.State != failed || !strings.HasSuffix(r.Message, "Nothing was changed.") || w.User("alice").Status != "ACTIVE" {
			t.Errorf("%+v", r)
		}
	})
}

// errorOf returns the error message of a target as a cell.
func errorOf(t *testing.T, r stepResult, target int) string {
	t.Helper()
	reply := replyOf(t, r)
	text, _ := reply.Get("targets", target, "error", "message").(string)
	if text == "" {
		t.Errorf("target %d has no error: %s", target, reply.Body)
	}
	return strings.ReplaceAll(text, ",", ";")
}

// TestIntegration_BadInput sends nothing to Okta, and names the parameter and the value.
func TestIntegration_BadInput(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for name, c := range map[string]struct {
		configuration, parameters map[string]any
		want                      string
	}{
		"no root":            {map[string]any{"API Root": " "}, nil, "API Root is empty, must be the URL of the functions"},
		"no group":           {map[string]any{"API Root": "https://okta.acme.test"}, nil, "API Root is https://okta.acme.test, must hold {group}"},
		"no TLS":             {map[string]any{"API Root": "http://okta-{group}.acme.test"}, nil, "API Root is http://okta-users.acme.test, must be an https URL"},
		"user in the URL":    {map[string]any{"Users API Root": "https://a:b@acme.test"}, nil, "Users API Root is not valid, must be an https URL without user"},
		"no port":            {map[string]any{"Users API Root": "https://acme.test:x"}, nil, "Users API Root is not a URL"},
		"unknown sign-in":    {map[string]any{"Authentication": "password"}, nil, "Authentication is password, must be one of API key, Service account JSON"},
		"key with a newline": {map[string]any{"API Key": "a\nb"}, nil, "API Key holds characters that a header cannot hold"},
		"header":             {map[string]any{"API Key": "a", "API Key Header": "X Key:"}, nil, `API Key Header is "X Key:", must be the name of a header`},
		"verify":             {map[string]any{"Verify SSL": "maybe"}, nil, `Verify SSL is "maybe", must be true or false`},
		"no key file":        {map[string]any{"Authentication": "service account json"}, nil, "needs the Python package google-auth with requests"},
		"dry run":            {nil, map[string]any{"Dry Run": ""}, `Dry Run is "", must be true or false`},
		"placeholder":        {nil, map[string]any{"Verify": "[Event.x]"}, `Verify is "[Event.x]", must be true or false`},
		"empty boolean":      {nil, map[string]any{"Is Deactivate": ""}, "Is Deactivate"},
		"unresolved user":    {nil, map[string]any{"User IDs Or Logins": "[Event.user]"}, "User IDs Or Logins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			s := disableStep(instance(w), "alice")
			for name, value := range c.configuration {
				s.Configuration[name] = value
			}
			for name, value := range c.parameters {
				s.Parameters[name] = value
			}
			r := p.run(t, s)
			if r.Value != false || r.State != failed || !strings.Contains(r.Message, c.want) {
				t.Errorf("%+v", r)
			}
			if asked := w.Asked(); len(asked) > 0 {
				t.Errorf("Okta was asked %v", asked)
			}
		})
	}
}

// TestIntegration_Authentication calls a deployment that knows its callers by keys.
func TestIntegration_Authentication(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := testkit.New(t, testkit.Options{
		Env: map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers"},
	})
	w.Replace("callers", secrets.New(`[{"id": "secops", "key": "a-key-of-at-least-32-characters-0", "actions": ["*"]}]`))
	for key, want := range map[string]struct {
		state int
		text  string
	}{
		"a-key-of-at-least-32-characters-0": {completed, "Suspended 1 user: alice"},
		"a-key-of-at-least-32-characters-1": {failed, `Error executing action "Disable User". Reason: `},
		"":                                  {failed, `Error executing action "Disable User". Reason: `},
	} {
		configuration := instance(w)
		configuration["API Key"] = key
		s := disableStep(configuration, "alice")
		if want.state == failed {
			s = disableStep(configuration, "bob")
		}
		r := p.run(t, s)
		if r.State != want.state || !strings.HasPrefix(r.Message, want.text) || key != "" && strings.Contains(fmt.Sprint(r), key) {
			t.Errorf("with the key %q: %+v", key, r)
		}
	}
	if w.User("bob").Status != "ACTIVE" {
		t.Error("a caller without a key changed a user")
	}
}

// function is a function that is not ours, and the requests that it received.
type function struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func (f *function) serve(t *testing.T, reply func(w http.ResponseWriter, n int)) map[string]any {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.requests, f.bodies = append(f.requests, r), append(f.bodies, string(body))
		n := len(f.requests)
		f.mu.Unlock()
		reply(heldWriter{w, r.Context().Done()}, n)
	}))
	t.Cleanup(server.Close)
	return map[string]any{"API Root": server.URL + "/{group}", "API Key": "the-key-of-secops"}
}

// received returns the requests and their bodies.
func (f *function) received() ([]*http.Request, []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests), slices.Clone(f.bodies)
}

// heldWriter lets a handler wait until the client has gone.
type heldWriter struct {
	http.ResponseWriter
	ended <-chan struct{}
}

func (w heldWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// replyText is a reply of a function with a status.
func replyText(status string, more string) string {
	return fmt.Sprintf(`{"action": "Disable User", "status": %q, "is_success": %v, "output_message": "Done.", "targets": []%s}`,
		status, status == "success", more)
}

// TestIntegration_Transport covers the responses of functions and of what stands before them.
func TestIntegration_Transport(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	const unknown = "It is not known whether the action was carried out"
	busy := replyText("failure", `, "error": {"code": "busy"}`)
	respond := func(status int, header, body string) func(http.ResponseWriter, int) {
		return func(w http.ResponseWriter, _ int) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	after := func(first, then func(http.ResponseWriter, int)) func(http.ResponseWriter, int) {
		return func(w http.ResponseWriter, n int) {
			if n == 1 {
				first(w, n)
			} else {
				then(w, n)
			}
		}
	}
	cut := func(w http.ResponseWriter, _ int) {
		c, _, _ := http.NewResponseController(w).Hijack()
		_ = c.Close()
	}
	silent := func(w http.ResponseWriter, _ int) { <-w.(heldWriter).ended }
	endless := func(w http.ResponseWriter, n int) {
		_ = http.NewResponseController(w).Flush()
		silent(w, n)
	}
	done := respond(200, "", replyText("success", ""))
	for name, c := range map[string]struct {
		reply    func(http.ResponseWriter, int)
		state    int
		value    any
		want     string
		requests int
		waits    []float64
		lessTime bool
	}{
		"success":                          {done, completed, true, "Done.", 1, nil, false},
		"429, then success":                {after(respond(429, "Retry-After: 3", busy), done), completed, true, "Done.", 2, []float64{3}, false},
		"503 without a wait, then success": {after(respond(503, "", busy), done), completed, true, "Done.", 2, []float64{2}, false},
		"503 always":                       {respond(503, "Retry-After: 7", busy), failed, false, "Done.", 5, []float64{7, 7, 7, 7}, false},
		"a duplicate runs":                 {after(respond(409, "Retry-After: 5", busy), done), completed, true, "Done.", 2, []float64{5}, false},
		"a wait beyond the step":           {respond(429, "Retry-After: 9000", busy), failed, false, "Done.", 1, nil, false},
		"Cloud Run is busy":                {after(respond(429, "", "Rate exceeded."), done), completed, true, "Done.", 2, []float64{2}, false},
		"no instance":                      {after(respond(503, "", "no available instance"), done), completed, true, "Done.", 2, []float64{2}, false},
		"a lost response":                  {after(cut, done), completed, true, "Done.", 2, []float64{2}, false},
		"lost responses":                   {cut, failed, false, unknown, 5, []float64{2, 4, 8, 16}, false},
		"lost, then busy":                  {after(cut, respond(503, "Retry-After: 9000", busy)), failed, false, unknown, 2, []float64{2}, false},
		"a login page":                     {respond(200, "Content-Type: text/html", "<html>Sign in</html>"), failed, false, unknown, 5, []float64{2, 4, 8, 16}, false},
		"a redirect":                       {respond(302, "Location: https://login.acme.test", ""), failed, false, "the server replied 302, and not as a function does", 1, nil, false},
		"Google's 403":                     {respond(403, "", "<html>Forbidden</html>"), failed, false, "check API Root and the credentials. Nothing was changed.", 1, nil, false},
		"success, HTTP 500":                {respond(500, "", replyText("success", "")), failed, false, "Done.", 1, nil, false},
		"is_success is a text":             {respond(200, "", `{"status": "success", "is_success": "true", "output_message": "", "targets": []}`), failed, false, unknown, 5, []float64{2, 4, 8, 16}, false},
		"a list":                           {respond(200, "", "[]"), failed, false, unknown, 5, []float64{2, 4, 8, 16}, false},
		"no reply in time":                 {silent, timedOut, false, "did not reply in the time of the step. " + unknown, 1, nil, true},
		"a reply without end":              {endless, timedOut, false, "the reply did not end in the time of the step. " + unknown, 1, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f function
			s := disableStep(f.serve(t, c.reply), "alice")
			if c.lessTime {
				s.Context = map[string]any{"time_ms": 12_000} // 10 seconds remain for the case
			}
			r := p.run(t, s)
			if r.State != c.state || r.Value != c.value || !strings.Contains(r.Message, c.want) {
				t.Errorf("%+v", r)
			}
			requests, bodies := f.received()
			if len(requests) != c.requests || !slices.Equal(r.Waits, c.waits) {
				t.Errorf("%d requests, want %d; waits %v, want %v", len(requests), c.requests, r.Waits, c.waits)
			}
			if strings.Contains(fmt.Sprint(r), "the-key-of-secops") {
				t.Errorf("the result holds the key: %+v", r)
			}
			for i, q := range requests {
				if q.Method != http.MethodPost || q.URL.Path != "/users/disable-user" || q.Header.Get("X-Api-Key") != "the-key-of-secops" || bodies[i] != bodies[0] {
					t.Errorf("request %d is %s %s %v %s", i, q.Method, q.URL, q.Header, bodies[i])
				}
			}
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		// Port 1 has no server, and is not one that the server of another test gets.
		r := p.run(t, disableStep(map[string]any{"API Root": "http://127.0.0.1:1/{group}"}, "alice"))
		if r.State != failed || !strings.Contains(r.Message, "cannot be reached") || !strings.HasSuffix(r.Message, "Nothing was changed.") ||
			!slices.Equal(r.Waits, []float64{2, 4, 8, 16}) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("untrusted certificate", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { done(w, 1) }))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		configuration := map[string]any{"API Root": server.URL + "/{group}"}
		r := p.run(t, disableStep(configuration, "alice"))
		if r.State != failed || !strings.Contains(r.Message, "is not trusted") || len(r.Waits) > 0 {
			t.Errorf("%+v", r)
		}
		configuration["Verify SSL"] = "False"
		if r := p.run(t, disableStep(configuration, "alice")); r.State != completed {
			t.Errorf("without verification: %+v", r)
		}
	})
	t.Run("larger than the platform stores", func(t *testing.T) {
		t.Parallel()
		var f function
		text := replyText("success", `, "undo_requests": [{"action": "Enable User"}], "json_result": {"alice": "`+strings.Repeat("x", 16<<20)+`"}`)
		r := p.run(t, disableStep(f.serve(t, respond(200, "", text)), "alice"))
		if r.State != completed || r.Value != true || !strings.Contains(r.Message, "Warning: json_result is not in the JSON result, which SecOps limits to 15 MB") ||
			!strings.Contains(r.json(t), "Enable User") {
			t.Errorf("%d %v %s", r.State, r.Value, r.Message)
		}
	})
	t.Run("larger than the platform stores as text in text", func(t *testing.T) {
		t.Parallel()
		var f function
		// Each quote takes four characters in the platform's result, and the letter twelve.
		text := replyText("success", `, "json_result": "`+strings.Repeat(`\"é`, 100_000)+`"`)
		s := disableStep(f.serve(t, respond(200, "", text)), "alice")
		s.Context = map[string]any{"max_json_result_size": 2}
		if r := p.run(t, s); r.State != completed || !strings.Contains(r.Message, "which SecOps limits to 2 MB") {
			t.Errorf("%d %v %s", r.State, r.Value, r.Message)
		}
	})
	t.Run("larger than a function replies", func(t *testing.T) {
		t.Parallel()
		var f function
		text := replyText("success", `, "json_result": "`+strings.Repeat("x", 33<<20)+`"`)
		r := p.run(t, disableStep(f.serve(t, respond(200, "", text)), "alice"))
		if r.State != failed || !strings.Contains(r.Message, "the reply is larger than 32 MB. "+unknown) {
			t.Errorf("%+v", r)
		}
	})
}

// TestIntegration_IdempotencyKey is the same for a second delivery of a step, and another one for other targets. It does
// not depend on secrets.
func TestIntegration_IdempotencyKey(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	keyOf := func(user, password, instance, dryRun string) string {
		var f function
		s := playbookStep{
			Action:        "Set Password",
			Configuration: f.serve(t, func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, replyText("success", "")) }),
			Parameters: map[string]any{
				"User IDs Or Logins": user, "New Password": password, "Add 10 Random Chars": false, "Also Run On Scope": false,
				"Dry Run": dryRun, "Verify": false,
			},
			Context: map[string]any{"workflow_instance_id": instance},
		}
		if r := p.run(t, s); r.State != completed {
			t.Errorf("%+v", r)
		}
		requests, _ := f.received()
		return requests[0].Header.Get("Idempotency-Key")
	}
	once := keyOf("alice", "Correct-Horse-7", "w-1", "false")
	if !strings.HasPrefix(once, "w-1-set-password-") || keyOf("alice", "Correct-Horse-8", "w-1", "false") != once {
		t.Errorf("the key is %s", once)
	}
	others := []string{
		once, keyOf("bob", "Correct-Horse-7", "w-1", "false"), keyOf("alice", "Correct-Horse-7", "w-2", "false"),
		keyOf("alice", "Correct-Horse-7", "w-1", "true"), keyOf("alice", "Correct-Horse-7", "", "false"),
		keyOf("alice", "Correct-Horse-7", "", "false"),
	}
	slices.Sort(others)
	if len(slices.Compact(others)) != 6 {
		t.Errorf("two keys are equal: %v", others)
	}
	// A step that is decided from the state has another key each time, so that a later run has its effect.
	var f function
	s := disableStep(f.serve(t, func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, replyText("success", "")) }), "alice")
	p.run(t, s)
	p.run(t, s)
	s.Action, s.Parameters = "Get User", map[string]any{"User IDs Or Logins": "alice", "Also Run On Scope": false}
	p.run(t, s)
	requests, _ := f.received()
	first, second := requests[0].Header.Get("Idempotency-Key"), requests[1].Header.Get("Idempotency-Key")
	if !strings.HasSuffix(first, "-disable-user") || first == second || requests[2].Header["Idempotency-Key"] != nil {
		t.Errorf("the keys are %q, %q and %q", first, second, requests[2].Header["Idempotency-Key"])
	}
}

// TestIntegration_SecondDeliveryOfAPassword sets the password once.
func TestIntegration_SecondDeliveryOfAPassword(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := testkit.New(t, testkit.Options{})
	s := playbookStep{
		Action: "Set Password", Configuration: instance(w), Parameters: map[string]any{
			"User IDs Or Logins": "alice", "New Password": "Correct-Horse-7", "Add 10 Random Chars": true,
			"Also Run On Scope": false, "Dry Run": false, "Verify": false,
		},
	}
	first, second := p.run(t, s), p.run(t, s)
	password, _ := replyOf(t, first).Get("json_result", "alice", "password").(string)
	if len(password) != len("Correct-Horse-7")+10 || w.User("alice").Password != password {
		t.Errorf("the password in the JSON result is %q", password)
	}
	if strings.Contains(first.Message+first.table(t, s.Action)+second.Message+second.json(t), password) {
		t.Error("the password is outside of the JSON result")
	}
	if !strings.Contains(second.Message, "nothing was done now") || len(w.Writes()) != 1 {
		t.Errorf("the second delivery: %s, writes %v", second.Message, w.Writes())
	}
}

// googleModules is a google.auth that issues tokens which show their audience and their source.
var googleModules = map[string]string{
	"google/__init__.py": "", "google/oauth2/__init__.py": "", "google/auth/transport/__init__.py": "",
	"google/auth/__init__.py":           "def default(scopes):\n    return 'adc', None\n",
	"google/auth/transport/requests.py": "class Request:\n    pass\n",
	"google/auth/impersonated_credentials.py": `
class Credentials:
    def __init__(self, source, target_principal, target_scopes):
        self.name = f"{source}-{target_principal}"


class IDTokenCredentials:
    def __init__(self, target, target_audience, include_email):
        self.valid, self.text = False, f"{target.name}-{target_audience}"

    def refresh(self, request):
        assert not self.valid
        self.valid, self.token = True, self.text
`,
	"google/oauth2/service_account.py": `
class IDTokenCredentials:
    @classmethod
    def from_service_account_info(cls, info, target_audience):
        self = cls()
        self.valid, self.text = False, f"{info['client_email']}-{target_audience}"
        return self

    def refresh(self, request):
        assert not self.valid
        self.valid, self.token = True, self.text
`,
}

// TestIntegration_IDTokens sends ID tokens whose audience is the URL of the function, one for all tries.
func TestIntegration_IDTokens(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	modules := t.TempDir()
	for name, text := range googleModules {
		unpack(t, modules, map[string][]byte{name: []byte(text)})
	}
	for how, c := range map[string]struct {
		configuration map[string]any
		want          string // before the audience; "" if no token is issued
	}{
		"Service account JSON": {map[string]any{"Service Account JSON": `{"client_email": "soar@acme.test"}`}, "soar@acme.test"},
		"Workload identity":    {map[string]any{"Workload Identity Email": "soar@acme.test"}, "adc-soar@acme.test"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			var f function
			configuration := f.serve(t, func(w http.ResponseWriter, n int) {
				if n == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				_, _ = io.WriteString(w, replyText("success", ""))
			})
			configuration["Authentication"] = how
			for name, value := range c.configuration {
				configuration[name] = value
			}
			s := disableStep(configuration, "alice")
			s.Modules = modules
			if r := p.run(t, s); r.State != completed {
				t.Fatalf("%+v", r)
			}
			audience := strings.Replace(configuration["API Root"].(string), "{group}", "users", 1)
			requests, _ := f.received()
			for _, q := range requests {
				if got := q.Header.Get("Authorization"); got != "Bearer "+c.want+"-"+audience || q.Header.Get("X-Api-Key") != "" {
					t.Errorf("the headers are %v", q.Header)
				}
			}
			for name := range c.configuration {
				configuration[name] = ""
			}
			if r := p.run(t, s); r.State != failed || !strings.Contains(r.Message, " is empty") || len(requests) != 2 {
				t.Errorf("without its parameter: %+v", r)
			}
		})
	}
}

// TestIntegration_Ping tests each deployed function.
func TestIntegration_Ping(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, form := range []string{sourceForm, builtForm} {
		w := testkit.New(t, testkit.Options{})
		s := playbookStep{Action: "Ping", Form: form, Configuration: instance(w), Parameters: map[string]any{}}
		r := p.run(t, s)
		const connected = "Successfully connected to the Okta functions with the provided parameters: users, groups, roles, sessions, providers, logs, signals, containment."
		if r.State != completed || r.Value != true || !strings.HasPrefix(r.Message, connected) {
			t.Errorf("%s: %+v", form, r)
		}
		s.Configuration["Groups"] = "users, Groups"
		if r := p.run(t, s); r.State != completed || !strings.HasSuffix(r.Message, "parameters: users, groups.") {
			t.Errorf("%s: %+v", form, r)
		}
		s.Configuration["Groups"] = "user"
		if r := p.run(t, s); r.State != failed || r.Message != `Failed to connect to the Okta functions. Error is Groups holds "user", must be of users, groups, roles, sessions, providers, logs, signals, containment` {
			t.Errorf("%s: %+v", form, r)
		}
		s.Configuration["Groups"] = "users, groups"
		w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/me", Status: 401})
		if r := p.run(t, s); r.State != failed || r.Value != false || !strings.HasPrefix(r.Message, "Failed to connect to the Okta functions. Error is users: ") {
			t.Errorf("%s: %+v", form, r)
		}
	}
}

// TestIntegration_OldPython holds the scripts to the syntax of Python 3.11, without warnings.
func TestIntegration_OldPython(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	var files []string
	for _, pattern := range []string{"okta_secops/*/*.py", "built/*/*.py"} {
		found, err := filepath.Glob(filepath.Join(p.dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	list := filepath.Join(p.dir, "check.py")
	if err := os.WriteFile(list, []byte("import ast, sys\nfor f in sys.argv[1:]:\n    with open(f, encoding='utf-8') as text:\n        ast.parse(text.read(), f, feature_version=(3, 11))\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.check(t, append([]string{list}, files...)...)
}

// TestIntegration_LostResponseOfAContainment: the second request is the same one, so the step has the record of the first.
func TestIntegration_LostResponseOfAContainment(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := testkit.New(t, testkit.Options{})
	var lost atomic.Bool
	target, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if lost.CompareAndSwap(false, true) {
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			c, _, _ := http.NewResponseController(rw).Hijack()
			_ = c.Close()
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	r := p.run(t, playbookStep{
		Action: "Contain User", Configuration: map[string]any{"API Root": server.URL + "/{group}"}, Parameters: map[string]any{
			"User IDs Or Logins": "alice", "Level": "contain", "Allow Deactivate": false, "Verify In System Log": false,
			"Also Run On Scope": false, "Dry Run": false, "Verify": false,
		},
	})
	reply := replyOf(t, r)
	record, _ := reply.Get("undo_requests", 0, "body", "parameters", "Record").(string)
	if r.State != completed || r.Value != true || !strings.Contains(r.Message, "nothing was done now") ||
		!strings.Contains(record, `"step":"suspend","outcome":"changed"`) || w.User("alice").Status != "SUSPENDED" {
		t.Errorf("%+v", r)
	}
	suspensions := 0
	for _, write := range w.Writes() {
		if strings.HasSuffix(write, "/lifecycle/suspend") {
			suspensions++
		}
	}
	if suspensions != 1 {
		t.Errorf("writes %v", w.Writes())
	}
}
