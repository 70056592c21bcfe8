package config_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/internal/config"
)

// read reads the least that is valid, changed by these.
func read(t *testing.T, credentials bool, changes map[string]string) (config.Config, []string) {
	t.Helper()
	env := map[string]string{"OKTA_API_ROOT": "https://acme.okta.com", "OKTA_API_TOKEN_SECRET": "okta-token", "CALLER_AUTH": "none"}
	maps.Copy(env, changes)
	c, err := config.FromEnv(func(name string) string { return env[name] }, credentials)
	if err == nil {
		return c, nil
	}
	var problems *config.Error
	if !errors.As(err, &problems) {
		t.Fatalf("%v is no *config.Error", err)
	}
	if c.Root != nil || c.CallerAuth != "" {
		t.Errorf("settings come with an error: %+v", c)
	}
	if !strings.Contains(err.Error(), strings.Join(problems.Problems, "; ")) {
		t.Errorf("the text %q leaves a problem out", err)
	}
	return c, problems.Problems
}

func TestSettings_Defaults(t *testing.T) {
	t.Parallel()
	empty := map[string]string{} // an empty variable counts as not set
	for _, name := range []string{
		"OKTA_VERIFY_SSL", "OKTA_CONCURRENCY", "MAX_TARGETS", "REQUEST_DEADLINE", "OKTA_USE_OAUTH", "GUARDRAILS", "K_SERVICE",
		"ITP_SIGNING_KEY_SECRET", "ITP_KEY_ID", "ITP_ISSUER_URL", "OKTA_CLIENT_ID", "OKTA_KEY_ID", "OKTA_PRIVATE_KEY_SECRET",
	} {
		empty[name] = ""
	}
	for _, changes := range []map[string]string{nil, empty} {
		c, problems := read(t, true, changes)
		if problems != nil {
			t.Fatal(problems)
		}
		if c.Root.String() != "https://acme.okta.com" || c.TokenRef != "okta-token" || !c.VerifySSL || c.Concurrency != 8 || c.LimitShare != 0.5 || c.OAuth ||
			c.MaxTargets != 100 || c.Deadline != 100*time.Second || c.CallerAuth != "none" || c.SigningKeyRef+c.SigningKeyID+c.Issuer != "" {
			t.Errorf("%+v", c)
		}
	}
}

func TestSettings_AreRead(t *testing.T) {
	t.Parallel()
	c, problems := read(t, true, map[string]string{
		"OKTA_API_ROOT": " https://acme.okta.com:8443/ ", "OKTA_API_TOKEN_SECRET": "file:/run/token", "OKTA_VERIFY_SSL": "False", "OKTA_CONCURRENCY": "16", "OKTA_LIMIT_SHARE": "1",
		"ITP_SIGNING_KEY_SECRET": "projects/p/secrets/s/versions/7", "ITP_KEY_ID": "kid", "ITP_ISSUER_URL": "https://soc.example.com/t",
		"MAX_TARGETS": "7", "REQUEST_DEADLINE": "1m30s", "OKTA_USE_OAUTH": "FALSE",
	})
	if problems != nil {
		t.Fatal(problems)
	}
	if c.Root.String() != "https://acme.okta.com:8443" || c.TokenRef != "file:/run/token" || c.VerifySSL || c.Concurrency != 16 || c.LimitShare != 1 ||
		c.SigningKeyRef != "projects/p/secrets/s/versions/7" || c.SigningKeyID != "kid" || c.Issuer != "https://soc.example.com/t" ||
		c.MaxTargets != 7 || c.Deadline != 90*time.Second {
		t.Errorf("%+v", c)
	}
}

func TestSettings_ErrorNamesTheSetting(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"OKTA_API_ROOT (Api Root)": {
			"", " ", "acme.okta.com", "http://acme.okta.com", "ftp://acme.okta.com", "https://", "https://acme.okta.com/api/v1", "https://acme.okta.com?x=1",
			"https://acme.okta.com#x", "https://user:canary@acme.okta.com", "https://acme-admin.okta.com", "https://acme-admin.oktapreview.com", "https://a b",
			"http://127.0.0.1.evil.test", "http://192.0.2.1", "https://192.0.2.1", "https://[2001:db8::1]",
			// Addresses in every notation.
			"https://2852039166", "https://0xa9fea9fe", "https://0XA9FEA9FE", "https://0x7f.1", "http://127.1", "http://2130706433", "https://0177.0.0.1",
			"https://169.254.169.254.", "https://1.", "https://0x", "https://acme.0x7f", "https://[fe80::1%25eth0]", "http://[::1%25lo]", "https://[::ffff:169.254.169.254]",
			"http://[::ffff:127.0.0.1]", "http://[::127.0.0.1]", "https://[::]", "https://[v1.x]", "https://1.2.3.4.5",
			// Invalid names.
			"https://acme.okta.com.", "https://-", "https://*", "https://*.okta.com", "https://-acme.okta.com", "https://acme-.okta.com", "https://acme..okta.com", "https://.okta.com",
			"https://acme_x.okta.com", "https://ácme.okta.com", "https://acme.okta.com%00", "https://%61%20", "https://" + strings.Repeat("a.", 130) + "com",
			"https://" + strings.Repeat("a", 64) + ".com", "https://acme.okta.com?", "https://localhost.",
			"https://acme.okta.com:0", "https://acme.okta.com:65536", "https://acme.okta.com:99999999999", "https://acme.okta.com:-1", "https://acme.okta.com:http",
			"https://acme-ADMIN.okta.com", "https://ACME-Admin.OKTA.com", "https://acme-admin.okta-emea.com", "http://LOCALHOST.evil.test",
		},
		"OKTA_API_TOKEN_SECRET (Api Token)":             {"", "a b", "env:", "file:", "projects/p/secrets/s", "00canary-GHIJKLMNOPqrst12345uvwxyzABCDEFGH"},
		"ITP_SIGNING_KEY_SECRET (Private Key String)":   {"-----BEGIN PRIVATE KEY-----\ncanary", "a b"},
		"OKTA_VERIFY_SSL (Verify SSL)":                  {"no thanks", "2"},
		"OKTA_USE_OAUTH (Use Oauth Authentication)":     {"perhaps"},
		"OKTA_CLIENT_ID (Client ID)":                    {"0oa1"},
		"OKTA_KEY_ID (Key ID)":                          {"k1"},
		"ITP_KEY_ID (Key ID)":                           {"soc 1", "-----BEGIN PRIVATE KEY-----canary", `{"d":"canary"`, "schlüssel-canary", strings.Repeat("canary", 50)},
		"OKTA_PRIVATE_KEY_SECRET (Private Key)":         {"okta-key"},
		"OKTA_LIMIT_SHARE":                              {"0", "-0.5", "1.1", "half", "NaN"},
		"OKTA_CONCURRENCY":                              {"0", "-1", "36", "8.0", "many"},
		"MAX_TARGETS":                                   {"0", "10001", "many"},
		"REQUEST_DEADLINE":                              {"0s", "500ms", "536s", "100", "soon"},
		"ITP_ISSUER_URL (Issuer URL)":                   {"soc.example.com", "http://soc.example.com", "https://"},
		"CALLER_AUTH":                                   {"", "password", "IAM", "iam"},
		"CALLER_KEYS_SECRET":                            {"callers"},
		"CALLER_KEY_HEADER":                             {"X-Key"},
		"CALLER_AUDIENCE":                               {"https://users.run.app"},
		"CALLER_EMAILS":                                 {"soar@acme.iam.gserviceaccount.com"},
		"K_SERVICE":                                     {"okta-users"},
		"GUARDRAILS":                                    {"[]", "a policy"},
		"CLAIMS_BUCKET is now named IDEMPOTENCY_BUCKET": {"acme"},
		"CLAIMS_PREFIX is now named IDEMPOTENCY_PREFIX": {"okta-users/"},
		"PUSH_AUDIENCE":                                 {"https://users.run.app"},
		"PUSH_EMAILS":                                   {"push@acme.iam.gserviceaccount.com"},
		"RESULTS_TOPIC":                                 {"results", "projects/p/topics/", "projects/p/topic/t", "https://pubsub.googleapis.com/projects/p/topics/t", "no"},
		"DEAD_LETTER_TOPIC":                             {"dead letters", "projects/P/topics/dead", "goog", strings.Repeat("d", 256), "projects/p/topics/" + strings.Repeat("d", 256)},
	} {
		variable, _, _ := strings.Cut(name, " ")
		for _, value := range values {
			_, problems := read(t, true, map[string]string{variable: value})
			if len(problems) != 1 || !strings.Contains(problems[0], name) {
				t.Errorf("%s=%q: %q, want one problem that names it", variable, value, problems)
			}
			if strings.Contains(strings.Join(problems, ""), "canary") {
				t.Errorf("%s: a secret is quoted: %q", variable, problems)
			}
		}
	}
}

func TestSettings_AllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{
		"OKTA_API_ROOT": "", "OKTA_API_TOKEN_SECRET": "", "OKTA_VERIFY_SSL": "?", "OKTA_USE_OAUTH": "?", "OKTA_CLIENT_ID": "c", "OKTA_KEY_ID": "k",
		"OKTA_PRIVATE_KEY_SECRET": "s", "OKTA_CONCURRENCY": "?", "OKTA_LIMIT_SHARE": "?", "MAX_TARGETS": "?", "REQUEST_DEADLINE": "?", "ITP_SIGNING_KEY_SECRET": "a b",
		"ITP_ISSUER_URL": "?", "CALLER_AUTH": "", "GUARDRAILS": "?",
	}
	_, problems := read(t, true, wrong)
	for name := range wrong {
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, name) }) {
			t.Errorf("%s is not named: %q", name, problems)
		}
	}
	if len(problems) != len(wrong) {
		t.Errorf("%d problems, want %d: %q", len(problems), len(wrong), problems)
	}
}

func TestCredentials_NeededOnlyForCallsThatUseThem(t *testing.T) {
	t.Parallel()
	if _, problems := read(t, false, map[string]string{"OKTA_API_TOKEN_SECRET": ""}); problems != nil {
		t.Error(problems)
	}
	if c, problems := read(t, false, nil); problems != nil || c.TokenRef != "okta-token" {
		t.Errorf("%+v %q", c, problems)
	}
}

var oauth = map[string]string{
	"OKTA_API_TOKEN_SECRET": "", "OKTA_USE_OAUTH": "true", "OKTA_CLIENT_ID": "0oa1", "OKTA_KEY_ID": "k1", "OKTA_PRIVATE_KEY_SECRET": "okta-key",
}

func TestCredentials_ServiceAppNeedsAllItsSettings(t *testing.T) {
	t.Parallel()
	for _, credentials := range []bool{true, false} {
		c, problems := read(t, credentials, oauth)
		if problems != nil || !c.OAuth || c.ClientID != "0oa1" || c.KeyID != "k1" || c.KeyRef != "okta-key" || c.TokenRef != "" {
			t.Errorf("%+v %q", c, problems)
		}
	}
	lacking := map[string]string{"OKTA_API_TOKEN_SECRET": "", "OKTA_USE_OAUTH": "true"}
	wantProblems(t, lacking, "OKTA_CLIENT_ID (Client ID) is not set", "OKTA_KEY_ID (Key ID) is not set", "OKTA_PRIVATE_KEY_SECRET (Private Key) is not set")
	for _, name := range []string{"OKTA_CLIENT_ID", "OKTA_KEY_ID", "OKTA_PRIVATE_KEY_SECRET"} {
		lacking := maps.Clone(oauth)
		lacking[name] = ""
		wantProblems(t, lacking, name)
	}
}

func TestCredentials_TokenAndServiceAppExcludeEachOther(t *testing.T) {
	t.Parallel()
	both := maps.Clone(oauth)
	both["OKTA_API_TOKEN_SECRET"] = "okta-token"
	wantProblems(t, both, "choose one of them")
	off := maps.Clone(oauth)
	off["OKTA_USE_OAUTH"] = ""
	wantProblems(t, off, "OKTA_CLIENT_ID (Client ID) is an OAuth setting", "OKTA_KEY_ID (Key ID) is an OAuth setting",
		"OKTA_PRIVATE_KEY_SECRET (Private Key) is an OAuth setting", "OKTA_API_TOKEN_SECRET (Api Token) is not set")
	wantProblems(t, map[string]string{"OKTA_API_TOKEN_SECRET": ""}, "or turn OKTA_USE_OAUTH (Use Oauth Authentication) on")
}

// wantProblems wants as many problems as there are words, each with its own, in any order.
func wantProblems(t *testing.T, changes map[string]string, words ...string) {
	t.Helper()
	_, problems := read(t, true, changes)
	if len(problems) != len(words) {
		t.Errorf("%q, want %d problems", problems, len(words))
	}
	for _, word := range words {
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, word) }) {
			t.Errorf("%q does not say %q", problems, word)
		}
	}
}

func TestRoot_HTTPOnlyOnLoopback(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"http://127.0.0.1:8081", "http://localhost:8081", "http://[::1]:8081"} {
		if c, problems := read(t, true, map[string]string{"OKTA_API_ROOT": root, "ITP_ISSUER_URL": root}); problems != nil || c.Root.String() != root {
			t.Errorf("%s: %q", root, problems)
		}
	}
}

func TestCallers_EachModeNeedsItsSettings(t *testing.T) {
	t.Parallel()
	oidc := map[string]string{"CALLER_AUTH": "oidc", "CALLER_AUDIENCE": "https://users.run.app, https://users-1.europe-west3.run.app", "CALLER_EMAILS": "soar@acme.iam.gserviceaccount.com"}
	c, problems := read(t, true, oidc)
	if problems != nil || len(c.CallerAudiences) != 2 || c.CallerAudiences[1] != "https://users-1.europe-west3.run.app" || len(c.CallerEmails) != 1 {
		t.Errorf("%+v %q", c, problems)
	}
	wantProblems(t, map[string]string{"CALLER_AUTH": "oidc"}, "CALLER_AUDIENCE is not set", "CALLER_EMAILS is not set")
	wantProblems(t, map[string]string{"CALLER_AUTH": "oidc", "CALLER_AUDIENCE": " , ", "CALLER_EMAILS": "soar"}, "CALLER_AUDIENCE is not set", "CALLER_EMAILS must be e-mail addresses")

	c, problems = read(t, true, map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers"})
	if problems != nil || c.CallerKeysRef != "callers" || c.CallerKeyHeader != "X-Api-Key" {
		t.Errorf("%+v %q", c, problems)
	}
	wantProblems(t, map[string]string{"CALLER_AUTH": "apikey"}, "CALLER_KEYS_SECRET is not set")
	wantProblems(t, map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "a b", "CALLER_KEY_HEADER": "X Key"}, "CALLER_KEYS_SECRET", "CALLER_KEY_HEADER must be the name of a header")
	wantProblems(t, map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers", "CALLER_EMAILS": "a@b"}, "CALLER_EMAILS is set, but CALLER_AUTH is not oidc: remove it, or change CALLER_AUTH")

	if _, problems := read(t, true, map[string]string{"CALLER_AUTH": "iam", "K_SERVICE": "okta-users"}); problems != nil {
		t.Error(problems)
	}
	wantProblems(t, map[string]string{"CALLER_AUTH": "none", "K_SERVICE": "okta-users"}, "works on loopback only, but this is Cloud Run")
}

func TestPush_HasItsOwnSettings(t *testing.T) {
	t.Parallel()
	push := map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers", "PUSH_AUDIENCE": "https://users.run.app", "PUSH_EMAILS": "push@acme.iam.gserviceaccount.com,other@acme.test"}
	c, problems := read(t, true, push)
	if problems != nil || len(c.PushAudiences) != 1 || len(c.PushEmails) != 2 {
		t.Errorf("%+v %q", c, problems)
	}
	push["PUSH_EMAILS"] = "push"
	wantProblems(t, push, "PUSH_EMAILS must be e-mail addresses")
	wantProblems(t, map[string]string{"CALLER_AUTH": "iam", "K_SERVICE": "okta-users", "PUSH_AUDIENCE": "https://users.run.app", "PUSH_EMAILS": "push@acme.test"}, "remove it and PUSH_EMAILS")
}

func TestTopics_FullNameOrInTheProject(t *testing.T) {
	t.Parallel()
	c, problems := read(t, true, map[string]string{"RESULTS_TOPIC": "okta-results", "DEAD_LETTER_TOPIC": "projects/example.com:other/topics/okta.dead", "GOOGLE_CLOUD_PROJECT": "acme"})
	if problems != nil || c.ResultsTopic != "projects/acme/topics/okta-results" || c.DeadLetterTopic != "projects/example.com:other/topics/okta.dead" {
		t.Errorf("%+v %q", c, problems)
	}
}

func TestRoot_IsNormalized(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://ACME.Okta.COM":       "https://acme.okta.com",
		"HTTPS://acme.okta.com/":      "https://acme.okta.com",
		"https://acme.okta.com:443":   "https://acme.okta.com",
		"https://acme.okta.com:00443": "https://acme.okta.com",
		"https://acme.okta.com:":      "https://acme.okta.com",
		"https://acme.okta.com:65535": "https://acme.okta.com:65535",
		"https://xn--cme-7ka.example": "https://xn--cme-7ka.example",
		"https://login.acme-admin.io": "https://login.acme-admin.io",
		"http://LocalHost:8081":       "http://localhost:8081",
		"http://127.0.0.1:80":         "http://127.0.0.1",
		"http://127.0.0.2:81":         "http://127.0.0.2:81",
		"http://[::1]":                "http://[::1]",
		"http://[0:0::1]:8081":        "http://[0:0::1]:8081",
		"https://7days.okta.com":      "https://7days.okta.com",
	} {
		c, problems := read(t, true, map[string]string{"OKTA_API_ROOT": given})
		if problems != nil || c.Root.String() != want {
			t.Errorf("%s: %v %q, want %s", given, c.Root, problems, want)
		}
	}
}
