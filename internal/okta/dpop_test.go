package okta_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/local/emulator"
)

func TestDPoP_IsUsedOnceOktaRequiresIt(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{DPoP: true}, appKey())
	s.get(t)
	if n := s.tokens(); n != 3 {
		t.Errorf("%d token requests for the first token: one without a proof, one without a nonce, one with both", n)
	}
	s.okta.RevokeTokens()
	s.get(t)
	if n := s.tokens(); n != 1 {
		t.Errorf("%d token requests for the second token: the nonce is kept", n)
	}
	s.clock.Advance(21 * time.Minute)
	s.okta.RevokeTokens()
	s.get(t)
	if n := s.tokens(); n != 2 {
		t.Errorf("%d token requests for the third token: the nonce is renewed", n)
	}
}

// TestDPoP_RequirementMeetsTwoTokenRequestsAtOnce: both token requests are in flight before Okta
// rejects the first.
func TestDPoP_RequirementMeetsTwoTokenRequestsAtOnce(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{DPoP: true}, appKey())
	s.hold(2)
	var both sync.WaitGroup
	for _, scopes := range [][]string{{"okta.users.read"}, appScopes} {
		both.Go(func() {
			if _, err := s.WithScopes(scopes).GetUser(t.Context(), "alice"); err != nil {
				t.Errorf("%v: %v", scopes, err)
			}
		})
	}
	both.Wait()
}

func TestDPoP_EachRequestHasItsProof(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{DPoP: true, APINonce: true}, appKey())
	s.okta.AddFault(emulator.Fault{Path: "/api/*", Status: 503, Times: 2})
	if _, err := s.ListUsers(t.Context(), okta.UserQuery{}, 5); err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	var keyUsed any
	proofs := 0
	for _, r := range s.sent {
		proof := r.Header.Get("DPoP")
		if proof == "" {
			continue
		}
		proofs++
		claims := jwt.MapClaims{}
		token, _, err := jwt.NewParser().ParseUnverified(proof, claims)
		if err != nil {
			t.Fatal(err)
		}
		if seen[claims["jti"]] {
			t.Errorf("the proof %v was used before", claims["jti"])
		}
		seen[claims["jti"]] = true
		if htu := claims["htu"].(string); strings.Contains(htu, "?") || claims["htm"] != r.Method || htu != s.Root()+r.URL.Path {
			t.Errorf("%s %s has a proof for %v %v", r.Method, r.URL, claims["htm"], htu)
		}
		keyText := fmt.Sprint(token.Header["jwk"])
		if keyUsed == nil {
			keyUsed = keyText
		}
		if keyText != keyUsed || token.Header["typ"] != "dpop+jwt" || strings.Contains(keyText, "d:") {
			t.Errorf("header %v", token.Header)
		}
		if api := strings.HasPrefix(r.URL.Path, "/api/"); api != (claims["ath"] != nil) || api != strings.HasPrefix(r.Header.Get("Authorization"), "DPoP ") {
			t.Errorf("%s: ath %v", r.URL.Path, claims["ath"])
		}
	}
	if proofs != 6 { // two for a token, three attempts, and one for the API's nonce
		t.Errorf("%d proofs", proofs)
	}
	other := newServiceApp(t, emulator.App{DPoP: true}, appKey())
	other.get(t)
	token, _, err := jwt.NewParser().ParseUnverified(other.sent[1].Header.Get("DPoP"), jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(token.Header["jwk"]) == keyUsed {
		t.Error("two instances have the same key")
	}
}

// TestDPoP_RejectedProofOfTokenRequestEndsIt: the client does not repeat a token request with a
// proof that Okta rejects.
func TestDPoP_RejectedProofOfTokenRequestEndsIt(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{DPoP: true}, appKey())
	s.okta.AddFault(emulator.Fault{Path: "/oauth2/*", Status: 400, Body: `{"error": "invalid_dpop_proof", "error_description": "The clock is wrong."}`})
	_, err := s.GetUser(t.Context(), "alice")
	wantError(t, err, apierr.Credentials, "invalid_dpop_proof", "The clock is wrong.")
	if n := s.tokens(); n != 2 {
		t.Errorf("%d token requests", n)
	}
	s.okta.Reset()
	s.clock.Advance(3 * time.Second)
	s.okta.AddFault(emulator.Fault{Path: "/oauth2/*", Status: 400, Body: `{"error": "use_dpop_nonce"}`, Headers: map[string]string{"DPoP-Nonce": "n"}})
	_, err = s.GetUser(t.Context(), "alice")
	wantError(t, err, apierr.Credentials, "use_dpop_nonce", "")
	if n := s.tokens(); n != 4 {
		t.Errorf("%d token requests", n)
	}
}
