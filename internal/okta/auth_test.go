package okta_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// tokenUser is a client of an emulator that authenticates with an API token.
type tokenUser struct {
	*okta.Client
	okta  *emulator.Emulator
	token *testkit.Credential[secrets.Value]
}

func newTokenUser(t *testing.T) tokenUser {
	t.Helper()
	u := tokenUser{okta: emulator.New(emulator.Options{Token: apiToken}), token: testkit.NewCredential(secrets.New(apiToken))}
	server := httptest.NewServer(u.okta)
	t.Cleanup(server.Close)
	o := options(t, server.URL)
	o.Auth = okta.SSWS(u.token)
	u.Client = okta.New(o)
	return u
}

// statuses returns the statuses of the responses since the last call.
func (u tokenUser) statuses() []int {
	var statuses []int
	for _, r := range u.okta.Requests() {
		statuses = append(statuses, r.Status)
	}
	u.okta.ClearRequests()
	return statuses
}

// TestAPIToken_RevokedTokenIsReplaced: Okta rejected the request, so that it is repeated with the
// new token even if it is not idempotent.
func TestAPIToken_RevokedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	for name, m := range methods {
		if !m.byID {
			continue
		}
		u := newTokenUser(t)
		id := u.okta.AddUser(emulator.UserSeed{Login: "mallory@acme.test"})
		if name == "GetGroup" {
			g, _ := u.okta.Group("Engineering")
			id = g.ID
		}
		u.okta.SetToken("second-canary", false)
		u.token.Replace(secrets.New("second-canary"))
		err := m.call(t.Context(), u.Client, id)
		got := u.statuses()
		if len(got) < 2 || got[0] != 401 || slices.Contains(got[1:], 401) || apierr.Is(err, apierr.Credentials) {
			t.Errorf("%s: calls %v, %v", name, got, err)
		}
	}
}

func TestAPIToken_RevokedTokenWithoutReplacementIsNotRetried(t *testing.T) {
	t.Parallel()
	refused := apierr.New(apierr.Credentials, "E0000011", "check Okta's credentials (Api Token, OKTA_API_TOKEN_SECRET)", nil)
	unread := apierr.New(apierr.Unavailable, "secret_unavailable", "the secret cannot be read", errors.New("cause"))
	for name, c := range map[string]struct {
		lose error
		want *apierr.Error
	}{"nothing has come": {nil, refused}, "it cannot be read": {unread, unread}} {
		u := newTokenUser(t)
		u.okta.SetToken("second-canary", false)
		u.token.Lose(c.lose)
		err := u.SuspendUser(t.Context(), "alice")
		wantError(t, err, c.want.Kind, c.want.Code, c.want.Message)
		if got := u.statuses(); !slices.Equal(got, []int{401}) || u.token.Reads() != 1 {
			t.Errorf("%s: calls %v, %d reads", name, got, u.token.Reads())
		}
	}
	u := newTokenUser(t)
	u.okta.SetToken("third-canary", false)
	u.token.Replace(secrets.New("second-canary"))
	wantError(t, u.SuspendUser(t.Context(), "alice"), apierr.Credentials, "E0000011", "OKTA_API_TOKEN_SECRET")
	if got := u.statuses(); !slices.Equal(got, []int{401, 401}) {
		t.Errorf("the new token is revoked too: calls %v", got)
	}
}

// TestAPIToken_DPoPChallengeNamesOAuthSetting: the request had no proof, so that the message
// reports no rejected proof.
func TestAPIToken_DPoPChallengeNamesOAuthSetting(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"invalid_dpop_proof", "use_dpop_nonce"} {
		c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `DPoP error="`+code+`", error_description="The DPoP proof JWT header is missing."`)
			w.WriteHeader(http.StatusUnauthorized)
		})
		_, err := c.GetUserByID(t.Context(), "00u1")
		f := wantError(t, err, apierr.Credentials, code, "Okta requires a DPoP proof, and the request had none: "+code)
		if !strings.Contains(f.Message, "; DPoP needs OAuth: set OKTA_USE_OAUTH (Use Oauth Authentication)") ||
			strings.Contains(f.Message, "refused the DPoP proof") || strings.Contains(f.Message, "OKTA_API_TOKEN_SECRET") {
			t.Errorf("message %q", f.Message)
		}
	}
}
