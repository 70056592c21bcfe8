package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"example.com/okta-secops/test/testkit"
)

// TestSecret_InTheWrongPlaceIsMasked: a password is pasted into another field, or overwritten.
func TestSecret_InTheWrongPlaceIsMasked(t *testing.T) {
	t.Parallel()
	const password = "Hunter2-canary!"
	for name, c := range map[string]struct {
		body, says, parameter string
		key                   string
	}{
		"parameters given twice":        {body: `{"parameters": {"New Password": "§"}, "context": {"note": "§"}, "parameters": {}}`, key: "k-§", parameter: "body", says: `has the key \"parameters\" twice`},
		"password as a key given twice": {body: `{"parameters": {"New Password": "§", "§": 1, "§": 2}}`, parameter: "body", says: `has the key \"[redacted]\" twice`},
		"option": {body: `{"parameters": {"User IDs": "alice", "New Password": "§"}, "options": {"dry_run": "§"}}`,
			parameter: "options.dry_run", says: `must be true or false, not \"[redacted]\"`},
		"name of an option":      {body: `{"parameters": {"User IDs": "alice", "New Password": "§"}, "options": {"§": true}}`, parameter: "options.[redacted]", says: "is not an option"},
		"placeholder in context": {body: `{"parameters": {"User IDs": "alice", "New Password": "§"}, "context": {"x": "[Event.x|§]"}}`, parameter: "context.x", says: "holds the placeholder"},
		"users":                  {body: `{"parameters": {"User IDs": "§", "New Password": "§"}}`, parameter: "New Password", says: "its value is also in User IDs Or Logins"},
		"one of the users":       {body: `{"parameters": {"User IDs": ["bob", "alice §"], "New Password": "§"}}`, parameter: "New Password", says: "its value is also in User IDs Or Logins"},
		"users as JSON":          {body: `{"parameters": {"User IDs": "[\"Hunter2\\u002dcanary!\"]", "New Password": "§"}}`, parameter: "New Password", says: "its value is also in User IDs Or Logins"},
		"blanks around it":       {body: `{"parameters": {"User IDs": "§", "New Password": " § "}}`, parameter: "New Password", says: "its value is also in User IDs Or Logins"},
		"short, as a user":       {body: `{"parameters": {"User IDs": "zq7", "New Password": "zq7"}}`, parameter: "New Password", says: "its value is also in User IDs Or Logins"},
		"boolean and users":      {body: `{"parameters": {"User IDs": "§", "New Password": "§", "Add 10 Random Chars": "§"}}`, parameter: "New Password", says: "Add 10 Random Chars"},
		"entity": {body: `{"parameters": {"New Password": "§", "Also Run On Scope": true}, "entities": [{"identifier": "a, §", "entity_type": "USERUNIQNAME"}]}`,
			parameter: "New Password", says: "its value is also in entities[0]"},
		"entity that is ignored": {body: `{"parameters": {"New Password": "§", "Also Run On Scope": true}, "entities": [{"identifier": "§", "entity_type": "ADDRESS"}]}`,
			parameter: "New Password", says: "its value is also in entities[0]"},
		"entity type": {body: `{"parameters": {"User IDs": "alice", "New Password": "§", "Also Run On Scope": true}, "entities": [{"identifier": "x", "entity_type": "§"}]}`,
			parameter: "New Password", says: "its value is also in entities[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			header := http.Header{}
			if c.key != "" {
				header.Set("Idempotency-Key", strings.ReplaceAll(c.key, "§", password))
			}
			body := strings.ReplaceAll(c.body, "§", password)
			r := w.Do(http.MethodPost, "users/set-password", body, header)
			if r.HTTP != 400 || r.Get("error", "problems", 0, "parameter") != c.parameter || !strings.Contains(string(r.Body), c.says) {
				t.Errorf("%d %s", r.HTTP, r.Body)
			}
			for place, text := range map[string]string{"reply": string(r.Body), "log": w.Log()} {
				for _, secret := range []string{"hunter2", "zq7"} {
					if strings.Contains(strings.ToLower(text), secret) {
						t.Errorf("the %s holds the password: %s", place, text)
					}
				}
			}
			if asked := w.Asked(); len(asked) > 0 {
				t.Errorf("Okta was asked %v", asked)
			}
		})
	}
}

// TestSecret_MayBeginLikeAUser: short passwords occur in ordinary words.
func TestSecret_MayBeginLikeAUser(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for _, password := range []string{"ali", "Alice-canary-7"} {
		r := w.Run("users/set-password", testkit.Params(params{"User IDs": "alice", "New Password": password}))
		if r.HTTP == 400 {
			t.Errorf("%s: %s", password, r.Body)
		}
	}
}

// TestSecret_MessageNamesTheParameterThatNeedsHTTP: Pub/Sub keeps what it carries.
func TestSecret_MessageNamesTheParameterThatNeedsHTTP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ group, data, parameter, says string }{
		{"users", `{"action": "Set Password", "parameters": {"User IDs": "alice", "New Password": "Hunter2-canary!"}}`, "New Password", "New Password is a secret: send the request over HTTP"},
		{"signals", `{"action": "Send ITP Signal", "parameters": {"Private Key": "canary-of-a-key"}}`, "Private Key String", "Private Key String is a secret: send the request over HTTP"},
		{"users", `{"action": "Set Password", "parameters": {"User IDs": "alice", "Add 10 Random Chars": true}}`, "Add 10 Random Chars", "Add 10 Random Chars is on, so the password would be returned: turn it off"},
		{"users", `{"action": "Reset Password", "parameters": {"User IDs": "alice"}}`, "Send Email", "Send Email is off, so the link would be returned: turn it on or send the request over HTTP"},
		{"users", `{"action": "Enable User", "parameters": {"User IDs": "frank", "Send Email If Activate": false}}`, "Send Email If Activate", "Send Email If Activate is off, so the link would be returned: turn it on"},
	} {
		w := testkit.New(t, testkit.Options{PubSub: true})
		r := w.Push(c.group, testkit.Message{ID: "m1", Data: c.data})
		message, _ := r.Get("error", "message").(string)
		if r.Get("error", "code") != "secret_needs_http" || r.Get("error", "problems", 0, "parameter") != c.parameter || !strings.Contains(message, c.says) {
			t.Errorf("%s: %s", c.data, r.Body)
		}
		if asked := w.Asked(); len(asked) > 0 {
			t.Errorf("%s: Okta was asked %v", c.data, asked)
		}
	}
}
