package contract_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// invokeAtOnce runs many clients in parallel. Each sends the requests that call returns, one after another, and wants
// success each time.
// after receives the number of completed calls.
func invokeAtOnce(t *testing.T, w *testkit.World, clients, each int, call func(client, n int) (path string, p params), after func(done int)) {
	t.Helper()
	var done atomic.Int32
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for n := range each {
				path, p := call(client, n)
				if r := w.Run(path, request{Parameters: p}); r.HTTP != 200 || r.Get("status") != "success" {
					t.Errorf("%s of client %d: %d %s", path, client, r.HTTP, r.Body)
				}
				after(int(done.Add(1)))
			}
		})
	}
	all.Wait()
}

// TestRotation_TokensAndKeysFailNoInvocation has 200 clients at once. The service app's key is replaced three
// times, its tokens revoked with it; then time passes until the last tokens end too. Nonces change all the while.
// The calls in flight are few, since each that ends advances the clock and a proof lasts five minutes.
func TestRotation_TokensAndKeysFailNoInvocation(t *testing.T) {
	t.Parallel()
	const clients, each, step = 200, 5, 8 * time.Second
	w := testkit.New(t, testkit.Options{App: &emulator.App{DPoP: true, APINonce: true, Scopes: everyScope()}, Env: map[string]string{"OKTA_CONCURRENCY": "12"}})
	for i := range clients {
		w.Okta.AddUser(emulator.UserSeed{Login: fmt.Sprintf("user%d@acme.test", i)})
	}
	rotate := func() {
		key, err := keys.GenerateEC()
		if err != nil {
			t.Error(err)
			return
		}
		w.Okta.RevokeTokens() // first: none that is issued from here on is refused, whose call may have been refused once already
		w.Replace("app-key", key.PEM())
		w.Okta.RegisterApp(emulator.App{ClientID: testkit.ClientID, JWKS: key.JWKS(testkit.KeyID), Scopes: everyScope(), DPoP: true, APINonce: true})
	}
	invokeAtOnce(t, w, clients, each, func(client, n int) (string, params) {
		user := fmt.Sprintf("user%d", client)
		switch n % 5 {
		case 1:
			return "users/enable-user", params{"User IDs": user, "Is Activate": false}
		case 2:
			return "roles/list-roles", params{"User IDs": user}
		case 3:
			return "groups/list-user-groups", params{"User IDs": user}
		case 4:
			return "providers/list-providers", params{}
		}
		return "users/disable-user", params{"User IDs": user, "Is Deactivate": false}
	}, func(done int) {
		w.Clock.Advance(step)
		if done%100 == 0 && done <= 300 {
			rotate()
		}
	})
	renewed := 0
	for _, r := range w.Okta.Requests() {
		if r.Path == "/oauth2/v1/token" && r.Status == 200 && r.Time.Sub(testkit.Now) > 300*step+50*time.Minute {
			renewed++
		}
	}
	if renewed == 0 {
		t.Error("no token ended")
	}
}
