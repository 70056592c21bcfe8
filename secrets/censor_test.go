package secrets_test

import (
	"strings"
	"testing"

	"example.com/okta-secops/secrets"
)

func TestCensor_RemovesSecretsInEveryForm(t *testing.T) {
	t.Parallel()
	const password = `Canary "1" <&> 50%+é`
	const token = "eyJhbGciOiJSUzI1NiJ9x.eyJjYW5hcnkiOiJjYW5hcnkifQ.canaryCANARYcanaryCANARY01234"
	const pem = "-----BEGIN PRIVATE KEY-----\\ncanaryMIIEvQIBADANBgkqhkiG9w0B\\n-----END PRIVATE KEY-----"
	for _, c := range []struct{ secret, text, want string }{
		{"Hunter2-Canary!", "The password Hunter2-Canary! is too weak, Hunter2-Canary!",
			"The password [redacted] is too weak, [redacted]"},
		{"  Hunter2-Canary  ", "password 'Hunter2-Canary'", "password '[redacted]'"},
		{password, "plain " + password, "plain [redacted]"},
		{password, `JSON Canary \"1\" <&> 50%+é`, "JSON [redacted]"},
		{password, `JSON Canary \"1\" \u003c\u0026\u003e 50%+é`, "JSON [redacted]"},
		{password, "query Canary+%221%22+%3C%26%3E+50%25%2B%C3%A9", "query [redacted]"},
		{password, "path Canary%20%221%22%20%3C&%3E%2050%25+%C3%A9", "path [redacted]"},
		{password, "HTML Canary &#34;1&#34; &lt;&amp;&gt; 50%+é", "HTML [redacted]"},
		{password, "HTML Canary &quot;1&quot; &lt;&amp;&gt; 50%+é", "HTML [redacted]"},
		{password, "HTML Canary &#x22;1&#x22; &lt;&amp;&gt; 50%+é", secrets.Withheld},
		{password, "query Canary+%221%22+%3c%26%3e+50%25%2b%c3%a9", secrets.Withheld},
		{password, `JSON Canary \u00221\u0022 <&> 50%+\u00e9`, secrets.Withheld},
		{token, "not valid: " + token, "not valid: [redacted]"},
		{token, "bad signature canaryCANARYcanaryCANARY01234 of it", "bad signature [redacted] of it"},
		{pem, "line canaryMIIEvQIBADANBgkqhkiG9w0B of the key", "line [redacted] of the key"},
		{"abc", "The alphabet begins with abc.", secrets.Withheld},
		{"a&b", "a&amp;b", secrets.Withheld},
		{"abc", "nothing of it", "nothing of it"},
		{"red", "nothing of it", "nothing of it"},
		{"canary-1", "canary-", "canary-"},
		{"", "nothing", "nothing"},
		{"   ", "no  thing", "no  thing"},
	} {
		if got := secrets.NewCensor(secrets.New(c.secret)).Clean(c.text); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.secret, c.text, got, c.want)
		}
	}
	base, whole := secrets.New("Summer-Canary"), secrets.New("Summer-CanaryQx7!abcdef")
	if got := secrets.NewCensor(base,
		whole).Clean("Summer-CanaryQx7!abcdef and Summer-Canary"); got != "[redacted] and [redacted]" {
		t.Errorf("a secret that begins with another: %q", got)
	}
	if got := secrets.NewCensor(secrets.New("red"),
		secrets.New("canary-canary")).Clean("canary-canary"); got != "[redacted]" {
		t.Errorf("a short secret that occurs only in [redacted]: %q", got)
	}
}

// The cleaned text must not contain the secret, for any secret and any text around it.
func FuzzCensor(f *testing.F) {
	for _, secret := range []string{"Hunter2-Canary!", "abc", `"\`, "a%41", "&amp;", "\u212a", "[redacted]", "withheld"} {
		f.Add(secret, "before ", " after")
	}
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		trimmed := strings.TrimSpace(secret)
		if trimmed == "" || strings.Contains(secrets.Withheld, trimmed) || strings.Contains("[redacted]", trimmed) {
			return
		}
		got := secrets.NewCensor(secrets.New(secret)).Clean(before + secret + after)
		if strings.Contains(strings.ReplaceAll(got, "[redacted]", ""), trimmed) && !strings.Contains(before+after, trimmed) &&
			got != secrets.Withheld {
			t.Errorf("%q is in %q", trimmed, got)
		}
	})
}
