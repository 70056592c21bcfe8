package contract_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// deployment is a product whose settings can change while it runs.
type deployment struct {
	t         *testing.T
	server    *httptest.Server
	tokenFile string

	mu  sync.Mutex
	env map[string]string
	log lockedLog
}

// lockedLog keeps a log.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// deploy starts the product and an Okta, with changes to the standard settings; "" unsets.
func deploy(t *testing.T, changes map[string]string) *deployment {
	t.Helper()
	okta := emulator.New(emulator.Options{})
	org := httptest.NewServer(okta)
	t.Cleanup(org.Close)
	d := &deployment{t: t, tokenFile: filepath.Join(t.TempDir(), "token")}
	d.env = map[string]string{
		"OKTA_API_ROOT": org.URL, "OKTA_API_TOKEN_SECRET": "file:" + d.tokenFile, "CALLER_AUTH": "none",
		"ITP_KEY_ID": "k", "ITP_ISSUER_URL": testkit.Issuer,
	}
	d.set(changes)
	d.write(okta.Token())
	a := app.New(app.Options{Getenv: d.getenv, Log: slog.New(slog.NewJSONHandler(&d.log, nil)), Groups: handlers.Groups})
	d.server = httptest.NewServer(httpapi.Mount(handlers.Groups, a.Open))
	t.Cleanup(d.server.Close)
	return d
}

func (d *deployment) getenv(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.env[name]
}

func (d *deployment) set(changes map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.Copy(d.env, changes)
}

// write makes text the secret that holds the API token.
func (d *deployment) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.tokenFile, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *deployment) do(method, path string) testkit.Reply { return d.with(method, path, nil) }

func (d *deployment) with(method, path string, header http.Header) testkit.Reply {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.server.URL+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	r := testkit.Reply{HTTP: res.StatusCode, Header: res.Header}
	if r.Body, err = io.ReadAll(res.Body); err != nil {
		d.t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(r.Body))
	dec.UseNumber()
	if err := dec.Decode(&r.JSON); err != nil {
		d.t.Fatalf("%s %s: %d %s", method, path, r.HTTP, r.Body)
	}
	return r
}

// misconfigured are settings that must be refused, with the text that the reply must have for each.
var misconfigured = map[string]struct {
	env     map[string]string
	say     []string
	signals bool // the group signals is concerned too
	closed  bool // no caller can be authenticated: the log alone says it
}{
	"no address":            {map[string]string{"OKTA_API_ROOT": ""}, []string{"OKTA_API_ROOT (Api Root)"}, true, false},
	"no token":              {map[string]string{"OKTA_API_TOKEN_SECRET": ""}, []string{"OKTA_API_TOKEN_SECRET (Api Token)"}, false, false},
	"no caller auth":        {map[string]string{"CALLER_AUTH": ""}, []string{"CALLER_AUTH"}, true, true},
	"an unknown auth":       {map[string]string{"CALLER_AUTH": "password"}, []string{"CALLER_AUTH must be iam, oidc, apikey or none"}, true, true},
	"none on Cloud Run":     {map[string]string{"K_SERVICE": "okta-users"}, []string{"CALLER_AUTH", "K_SERVICE"}, true, true},
	"guardrails":            {map[string]string{"GUARDRAILS": "[]"}, []string{"GUARDRAILS"}, true, false},
	"plain http":            {map[string]string{"OKTA_API_ROOT": "http://acme.okta.com"}, []string{"OKTA_API_ROOT (Api Root)", "https"}, true, false},
	"no URL":                {map[string]string{"OKTA_API_ROOT": "acme.okta.com"}, []string{"OKTA_API_ROOT (Api Root)"}, true, false},
	"the admin console":     {map[string]string{"OKTA_API_ROOT": "https://acme-admin.okta.com"}, []string{"OKTA_API_ROOT (Api Root)", "-admin"}, true, false},
	"an address with path":  {map[string]string{"OKTA_API_ROOT": "https://acme.okta.com/api/v1"}, []string{"OKTA_API_ROOT (Api Root)"}, true, false},
	"the token itself":      {map[string]string{"OKTA_API_TOKEN_SECRET": "00abcdefGHIJKLMNOPqrst12345uvwxyz-canary"}, []string{"OKTA_API_TOKEN_SECRET (Api Token)"}, true, false},
	"mixed sign-in":         {map[string]string{"OKTA_CLIENT_ID": "0oa1"}, []string{"OKTA_CLIENT_ID (Client ID)"}, true, false},
	"a secret that is none": {map[string]string{"OKTA_API_TOKEN_SECRET": "file:/nowhere/token"}, []string{"OKTA_API_TOKEN_SECRET (Api Token)", "not found"}, true, false},
	"all at once": {map[string]string{
		"OKTA_API_ROOT": "", "OKTA_API_TOKEN_SECRET": "", "CALLER_AUTH": "", "GUARDRAILS": "[]", "OKTA_VERIFY_SSL": "perhaps", "OKTA_CONCURRENCY": "0",
		"MAX_TARGETS": "many", "REQUEST_DEADLINE": "2h", "OKTA_KEY_ID": "k", "ITP_ISSUER_URL": "nowhere",
	}, []string{
		"OKTA_API_ROOT (Api Root)", "OKTA_API_TOKEN_SECRET (Api Token)", "CALLER_AUTH", "GUARDRAILS", "OKTA_VERIFY_SSL (Verify SSL)", "OKTA_CONCURRENCY",
		"MAX_TARGETS", "REQUEST_DEADLINE", "OKTA_KEY_ID (Key ID)", "ITP_ISSUER_URL (Issuer URL)",
	}, false, true},
}

func TestMisconfigured_NamesEveryProblem(t *testing.T) {
	t.Parallel()
	for name, c := range misconfigured {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, c.env)
			for _, g := range handlers.Groups {
				if !g.NeedsOkta() && !c.signals {
					continue
				}
				ping := g.Actions[len(g.Actions)-1]
				r := d.do(http.MethodGet, "/"+g.Name+"/ping")
				checkReply(t, &ping, r)
				if r.HTTP != 500 || r.Get("error", "code") != "misconfigured" {
					t.Errorf("%s: %d %s", g.Name, r.HTTP, r.Get("output_message"))
				}
				said := r.Get("output_message").(string)
				if c.closed {
					if r.Get("error", "message") != undisclosed {
						t.Errorf("%s: %s", g.Name, r.Body)
					}
					said = d.log.String()
				}
				for _, say := range c.say {
					if !strings.Contains(said, say) {
						t.Errorf("%s: %q is not in %s", g.Name, say, said)
					}
				}
				if strings.Contains(string(r.Body), "canary") {
					t.Errorf("%s: the token is in the reply", g.Name)
				}
				if r := d.do(http.MethodGet, "/"+g.Name+"/health"); r.HTTP != 200 || string(r.Body) != "{\"status\":\"ok\"}\n" {
					t.Errorf("%s: health is %d %s", g.Name, r.HTTP, r.Body)
				}
			}
		})
	}
}

// TestMisconfigured_DetailsNeedAuthentication: the reply to an unauthenticated caller has no details.
func TestMisconfigured_DetailsNeedAuthentication(t *testing.T) {
	t.Parallel()
	const key = "caller-canary-caller-canary"
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(`[{"id": "secops", "key": "`+key+`", "actions": ["ping"]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	d := deploy(t, map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "file:" + file, "OKTA_API_ROOT": "https://acme-admin.okta.com", "MAX_TARGETS": "many"})
	for _, path := range []string{"/users/ping", "/users/actions", "/users/pubsub", "/users/nothing"} {
		for name, c := range map[string]struct {
			key  string
			told bool
		}{"no key": {"", false}, "another key": {"another-canary-another-canary", false}, "the key": {key, path != "/users/pubsub"}} {
			r := d.with(http.MethodGet, path, http.Header{"X-Api-Key": {c.key}})
			message, _ := r.Get("error", "message").(string)
			told := strings.Contains(message, "OKTA_API_ROOT (Api Root)") && strings.Contains(message, "MAX_TARGETS")
			if r.HTTP != 500 || r.Get("error", "code") != "misconfigured" || told != c.told || !told && message != undisclosed {
				t.Errorf("%s with %s: %d %s", path, name, r.HTTP, r.Body)
			}
		}
	}
	if log := d.log.String(); !strings.Contains(log, "OKTA_API_ROOT (Api Root)") || strings.Contains(log, "canary") {
		t.Errorf("the log: %s", log)
	}
}

func TestMisconfigured_RecoversWithoutRestart(t *testing.T) {
	t.Parallel()
	d := deploy(t, map[string]string{"CALLER_AUTH": ""})
	d.write("two words")
	ping := func(want int, say string) {
		t.Helper()
		for _, g := range handlers.Groups {
			if !g.NeedsOkta() {
				continue
			}
			r := d.do(http.MethodGet, "/"+g.Name+"/ping")
			if message, _ := r.Get("output_message").(string); r.HTTP != want || !strings.Contains(message, say) {
				t.Errorf("%s: %d %s, want %d and %q", g.Name, r.HTTP, message, want, say)
			}
		}
	}
	ping(500, undisclosed)
	d.set(map[string]string{"CALLER_AUTH": "none"})
	ping(500, "one word")
	d.write("SSWS " + emulator.DefaultToken + "\n")
	ping(200, "")
}

func TestMisconfigured_SigningKeyMattersToItsGroupOnly(t *testing.T) {
	t.Parallel()
	d := deploy(t, nil)
	for _, g := range handlers.Groups {
		r := d.do(http.MethodGet, "/"+g.Name+"/ping")
		want := 200
		if !g.NeedsOkta() {
			want = 500
		}
		if r.HTTP != want || want == 500 && !strings.Contains(r.Get("output_message").(string), "ITP_SIGNING_KEY_SECRET") {
			t.Errorf("%s: %d %s", g.Name, r.HTTP, r.Get("output_message"))
		}
	}
}

func TestTLS_SkippedVerificationIsInEveryReply(t *testing.T) {
	eachAction(t, testkit.Options{Env: map[string]string{"OKTA_VERIFY_SSL": "false"}}, func(t *testing.T, s subject) {
		for _, r := range []testkit.Reply{s.run(t, s.example()), s.run(t, `{"x":1}`)} {
			if !strings.Contains(strings.Join(texts(r.Get("warnings")), " "), "OKTA_VERIFY_SSL") {
				t.Errorf("%d: warnings %v", r.HTTP, r.Get("warnings"))
			}
		}
		if !strings.Contains(s.Log(), "OKTA_VERIFY_SSL") {
			t.Error("the log does not say it")
		}
	})
}
