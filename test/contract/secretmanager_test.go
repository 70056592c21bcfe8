package contract_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

// tokenSecret is the secret that the API token is read from.
const tokenSecret = "projects/acme/secrets/okta-api-token"

// kept is a World that reads its API token from Secret Manager, over the real client.
type kept struct {
	*testkit.World
	manager *fakegcp.SecretManager
}

func keepToken(t *testing.T, env map[string]string) kept {
	t.Helper()
	k := kept{manager: &fakegcp.SecretManager{}}
	options, stop, err := k.manager.Serve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	source := secrets.NewSecretManager(func() string { return "acme" }, options...)
	t.Cleanup(func() { _ = source.Close() })
	settings := map[string]string{"OKTA_API_TOKEN_SECRET": tokenSecret + "/versions/latest"}
	for name, value := range env {
		settings[name] = value
	}
	k.World = testkit.New(t, testkit.Options{Secrets: source, Env: settings})
	k.manager.Add(tokenSecret, k.Okta.Token())
	return k
}

// getAlice reads a user and wants this HTTP status.
func (k kept) getAlice(t *testing.T, status int) testkit.Reply {
	t.Helper()
	r := k.Run("users/get-user", request{Parameters: params{"User IDs Or Logins": "alice"}})
	if r.HTTP != status {
		t.Errorf("%d %s, want %d", r.HTTP, r.Body, status)
	}
	return r
}

// TestNoInvocationFailsWhileTheAPITokenIsRotated: a token is made, added as a new version, and the one before it revoked,
// twice, while 50 invocations a second go on, reads and writes.
func TestNoInvocationFailsWhileTheAPITokenIsRotated(t *testing.T) {
	t.Parallel()
	const clients, each, perSecond = 50, 20, 50
	w := keepToken(t, map[string]string{"OKTA_CONCURRENCY": "35"})
	for i := range clients {
		w.Okta.AddUser(emulator.UserSeed{Login: fmt.Sprintf("user%d@acme.test", i)})
	}
	first := w.Okta.Token()
	rotate := func(token string) {
		w.Okta.SetToken(token, true)
		w.manager.Add(tokenSecret, token)
		w.Okta.SetToken(token, false)
	}
	invokeAtOnce(t, w.World, clients, each, func(client, n int) (string, params) {
		user := fmt.Sprintf("user%d", client)
		switch n % 4 {
		case 1:
			return "users/enable-user", params{"User IDs": user, "Is Activate": false}
		case 2:
			return "users/set-password", params{"User IDs": user, "New Password": fmt.Sprintf("Canary-%d-%d", client, n)}
		case 3:
			return "groups/list-user-groups", params{"User IDs": user}
		}
		return "users/disable-user", params{"User IDs": user, "Is Deactivate": false}
	}, func(done int) {
		w.Clock.Advance(time.Second / perSecond)
		switch done {
		case 300:
			rotate("second-token-canary")
		case 600:
			w.Clock.Advance(30 * time.Second)
			rotate("third-token-canary")
		}
	})
	log := w.Log()
	for n, token := range []string{first, "second-token-canary", "third-token-canary"} {
		if version := fmt.Sprintf("%s/versions/%d", tokenSecret, n+1); strings.Count(log, version) != 1 {
			t.Errorf("the log names %s %d times", version, strings.Count(log, version))
		}
		if strings.Contains(log, token) {
			t.Errorf("token %d is in the log", n+1)
		}
	}
	if asked := w.manager.Asked(); len(asked) != 3 {
		t.Errorf("%d reads of the secret: %v", len(asked), asked)
	}
	for i := range clients {
		if u := w.User(fmt.Sprintf("user%d", i)); u.Status != "ACTIVE" || u.Password != fmt.Sprintf("Canary-%d-%d", i, each-2) {
			t.Errorf("user%d is %s", i, u.Status)
		}
	}
}

func TestSecretManagerDownIsBridged(t *testing.T) {
	t.Parallel()
	t.Run("for as long as the token is known", func(t *testing.T) {
		t.Parallel()
		w := keepToken(t, nil)
		w.getAlice(t, 200)
		w.manager.SetDown(true)
		w.Clock.Advance(10 * time.Minute)
		for range 2 {
			w.getAlice(t, 200)
		}
		if log := w.Log(); !strings.Contains(log, "goes on being used") || !strings.Contains(log, tokenSecret+"/versions/1") {
			t.Errorf("log: %s", log)
		}
	})
	t.Run("at a cold start the caller is told to come again", func(t *testing.T) {
		t.Parallel()
		w := keepToken(t, nil)
		w.manager.SetDown(true)
		r := w.getAlice(t, 503)
		if r.Header.Get("Retry-After") == "" || r.Get("error", "code") != "secret_unavailable" || !strings.Contains(r.Get("error", "message").(string), "OKTA_API_TOKEN_SECRET (Api Token)") {
			t.Errorf("%v %s", r.Header, r.Body)
		}
		if asked := w.Asked(); len(asked) > 0 {
			t.Errorf("Okta was asked %v", asked)
		}
		w.manager.SetDown(false)
		w.getAlice(t, 200)
	})
}

func TestWhatKeepsATokenFromBeingReadIsNamed(t *testing.T) {
	t.Parallel()
	latest := tokenSecret + "/versions/latest"
	for name, c := range map[string]struct {
		break_ func(k kept)
		ref    string
		say    []string
	}{
		"no such secret":     {func(kept) {}, "projects/acme/secrets/other/versions/latest", []string{"projects/acme/secrets/other/versions/latest", "no such secret"}},
		"no such version":    {func(kept) {}, tokenSecret + "/versions/7", []string{tokenSecret + "/versions/7", "no such version"}},
		"no role":            {func(k kept) { k.manager.SetDenied(true) }, latest, []string{latest, "the function's service account needs roles/secretmanager.secretAccessor"}},
		"a disabled version": {func(k kept) { k.manager.Disable(tokenSecret) }, latest, []string{latest, "disabled or destroyed", "enable this version"}},
		"a private key":      {func(k kept) { k.manager.Add(tokenSecret, k.Key.PEM().Reveal()) }, latest, []string{"this is a private key, not an Okta API token"}},
		"a JWK":              {func(k kept) { k.manager.Add(tokenSecret, `{"kty": "RSA", "d": "canary"}`) }, latest, []string{"this is a private key, not an Okta API token"}},
		"nothing":            {func(k kept) { k.manager.Add(tokenSecret, "\n") }, latest, []string{latest, "empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := keepToken(t, map[string]string{"OKTA_API_TOKEN_SECRET": c.ref})
			c.break_(w)
			for range 2 { // it is not kept, and not made up for
				r := w.getAlice(t, 500)
				message, _ := r.Get("error", "message").(string)
				for _, say := range append(c.say, "OKTA_API_TOKEN_SECRET (Api Token)") {
					if r.Get("error", "code") != "misconfigured" || !strings.Contains(message, say) {
						t.Errorf("%q is not in %s", say, message)
					}
				}
			}
			if asked := w.Asked(); len(asked) > 0 {
				t.Errorf("Okta was asked %v", asked)
			}
		})
	}
}

func TestAnAPITokenWhereAKeyBelongsIsNamed(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{App: &emulator.App{}})
	w.Replace("app-key", secrets.New("00canary-canary-canary-canary-canary-canary"))
	r := w.Run("users/get-user", request{Parameters: params{"User IDs Or Logins": "alice"}})
	const want = "the secret of OKTA_PRIVATE_KEY_SECRET (Private Key) cannot be used: this looks like an API token, not like a private key"
	if r.HTTP != 500 || r.Get("error", "message") != want || strings.Contains(string(r.Body)+w.Log(), "canary") {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
}
