package okta_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

const (
	clientID = "0oaServiceApp"
	keyID    = "k1"
)

var appScopes = []string{"okta.users.read", "okta.users.manage"}

// appKey is the service app's first key.
var appKey = sync.OnceValue(func() keys.Key { return mustKey(keys.GenerateEC()) })

func mustKey(key keys.Key, err error) keys.Key {
	if err != nil {
		panic(err)
	}
	return key
}

// serviceApp is a client that authenticates as a service app of an emulator.
type serviceApp struct {
	*okta.Client
	okta  *emulator.Emulator
	clock *testkit.Clock

	key *testkit.Credential[keys.Key]

	mu    sync.Mutex
	sent  []*http.Request
	held  int           // requests that the others wait for
	ready chan struct{} // closed when all have arrived
}

// hold makes the next n requests wait until all of them have arrived.
func (s *serviceApp) hold(n int) { s.held, s.ready = n, make(chan struct{}) }

// arrive makes a request wait for the others of hold.
func (s *serviceApp) arrive() {
	s.mu.Lock()
	wait := s.held > 0
	if wait {
		if s.held--; s.held == 0 {
			close(s.ready)
		}
	}
	s.mu.Unlock()
	if wait {
		<-s.ready
	}
}

// newServiceApp starts an emulator with the app a and returns a client with the app's key.
func newServiceApp(t *testing.T, a emulator.App, key keys.Key) *serviceApp {
	t.Helper()
	s := &serviceApp{clock: testkit.NewClock(), key: testkit.NewCredential(key)}
	s.okta = emulator.New(emulator.Options{Now: s.clock.Now})
	server := httptest.NewServer(s.okta)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // runs first and ends requests that hang
	a.ClientID = clientID
	if a.JWKS == nil {
		a.JWKS = key.JWKS(keyID)
	}
	if a.Scopes == nil {
		a.Scopes = appScopes
	}
	s.okta.RegisterApp(a)
	o := options(t, server.URL)
	base := okta.Transport(true)
	o.Clock, o.Transport = s.clock, transportFunc(func(r *http.Request) (*http.Response, error) {
		s.mu.Lock()
		s.sent = append(s.sent, r.Clone(context.Background()))
		s.mu.Unlock()
		s.arrive()
		return base.RoundTrip(r)
	})
	o.Auth = okta.OAuth(okta.ServiceApp{
		Root: o.Root, ClientID: clientID, KeyID: keyID, Key: s.key, Transport: o.Transport, Clock: s.clock,
	})
	s.Client = okta.New(o).WithScopes(appScopes)
	return s
}

// tokens returns the number of token requests since the last call.
func (s *serviceApp) tokens() int {
	n := 0
	for _, r := range s.okta.Requests() {
		if r.Path == "/oauth2/v1/token" {
			n++
		}
	}
	s.okta.ClearRequests()
	return n
}

func (s *serviceApp) get(t *testing.T) {
	t.Helper()
	if _, err := s.GetUser(t.Context(), "alice"); err != nil {
		t.Error(err)
	}
}

func TestOAuth_AuthenticatesWithEveryKindOfKey(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := func(label string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
	}
	ec := func(curve elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return block("PRIVATE KEY", der, err)
	}
	sec1 := func(key *ecdsa.PrivateKey) string {
		der, err := x509.MarshalECPrivateKey(key)
		return block("EC PRIVATE KEY", der, err)
	}
	pkcs1 := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil)
	for name, c := range map[string]struct{ text, alg string }{
		"PKCS#1":           {pkcs1, "RS256"},
		"PKCS#8 RSA":       {pkcs8(rsaKey), "RS256"},
		"PKCS#8 EC":        {pkcs8(ec(elliptic.P256())), "ES256"},
		"SEC1 P-384":       {sec1(ec(elliptic.P384())), "ES384"},
		"SEC1 P-521":       {sec1(ec(elliptic.P521())), "ES512"},
		"\\n-escaped":      {strings.ReplaceAll(pkcs8(rsaKey), "\n", `\n`), "RS256"},
		"on one line":      {strings.ReplaceAll(pkcs1, "\n", " "), "RS256"},
		"without a blank":  {strings.ReplaceAll(sec1(ec(elliptic.P256())), "\n", ""), "ES256"},
		"Windows' endings": {strings.ReplaceAll(pkcs1, "\n", "\r\n"), "RS256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServiceApp(t, emulator.App{}, mustKey(keys.Parse(secrets.New(c.text))))
			s.get(t)
			if header, _ := s.assertion(t, 0); header["alg"] != c.alg || header["kid"] != keyID {
				t.Errorf("header %v, want alg %s and kid %s", header, c.alg, keyID)
			}
		})
	}
}

// assertion returns the header and claims of the assertion in the i-th request, which is a token
// request.
func (s *serviceApp) assertion(t *testing.T, i int) (header map[string]any, claims jwt.MapClaims) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := s.sent[i].GetBody()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		t.Fatal(err)
	}
	claims = jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(form.Get("client_assertion"), claims)
	if err != nil {
		t.Fatal(err)
	}
	return token.Header, claims
}

func TestOAuth_AssertionHasRequiredClaims(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{}, appKey())
	s.get(t)
	header, first := s.assertion(t, 0)
	endpoint := s.Root() + "/oauth2/v1/token"
	iat, _ := first.GetIssuedAt()
	exp, _ := first.GetExpirationTime()
	if header["kid"] != keyID || first["iss"] != clientID || first["sub"] != clientID || first["aud"] != endpoint ||
		!iat.Equal(testkit.Now) || exp.Sub(iat.Time) != 5*time.Minute {
		t.Errorf("%v %v", header, first)
	}
	s.okta.RevokeTokens()
	s.get(t)
	if _, second := s.assertion(t, 3); second["jti"] == first["jti"] || first["jti"] == "" {
		t.Errorf("jti %v, then %v", first["jti"], second["jti"])
	}
}

// TestOAuth_KeyIDOfJWKTakesPrecedence: a rotation to a JWK needs no change of settings.
func TestOAuth_KeyIDOfJWKTakesPrecedence(t *testing.T) {
	t.Parallel()
	const jwk = `{"kty": "EC", "crv": "P-256", "kid": "rotated", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
		"y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}` // RFC 7517, appendix A.2
	key := mustKey(keys.Parse(secrets.New(jwk)))
	s := newServiceApp(t, emulator.App{JWKS: key.JWKS("rotated")}, key)
	s.get(t)
	if header, _ := s.assertion(t, 0); header["kid"] != "rotated" {
		t.Errorf("kid %v", header["kid"])
	}
}

func TestOAuth_TokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{}, appKey())
	for range 3 {
		s.get(t)
	}
	if n := s.tokens(); n != 1 {
		t.Errorf("%d token requests for three calls", n)
	}
	s.clock.Advance(54 * time.Minute)
	s.get(t)
	if n := s.tokens(); n != 0 {
		t.Errorf("%d token requests although the token is valid", n)
	}
	s.clock.Advance(2 * time.Minute)
	s.get(t)
	s.waitForTokenRequest(t) // no call waits for the renewal of a valid token
	s.get(t)
}

// waitForTokenRequest waits until Okta has received a token request.
func (s *serviceApp) waitForTokenRequest(t *testing.T) {
	t.Helper()
	for !slices.ContainsFunc(s.okta.Requests(), func(r emulator.LoggedRequest) bool { return r.Path == "/oauth2/v1/token" }) {
		if err := s.Reach(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOAuth_EachSetOfScopesHasItsToken(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{}, appKey())
	for _, scopes := range [][]string{
		{"okta.users.read"}, {"okta.users.read", "okta.users.manage"}, {"okta.users.manage", "okta.users.read"}, {"okta.users.read", "okta.users.read"},
	} {
		if _, err := s.WithScopes(scopes).GetUser(t.Context(), "alice"); err != nil {
			t.Error(err)
		}
	}
	if n := s.tokens(); n != 2 {
		t.Errorf("%d token requests for two sets of scopes", n)
	}
	err := s.WithScopes([]string{"okta.users.read"}).SuspendUser(t.Context(), "alice")
	wantError(t, err, apierr.NoPermission, "E0000006", "needs the scopes okta.users.read, and an administrator role")
}

func TestOAuth_OneTokenRequestServesAllWaitingCalls(t *testing.T) {
	t.Parallel()
	for _, dpop := range []bool{false, true} {
		s := newServiceApp(t, emulator.App{DPoP: dpop}, appKey())
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() { s.get(t) })
		}
		calls.Wait()
		want := 1
		if dpop {
			want = 3 // without a proof, without a nonce, with both
		}
		if n := s.tokens(); n != want {
			t.Errorf("DPoP %v: %d token requests, want %d", dpop, n, want)
		}
	}
}

func TestOAuth_WaitForTokenEndsAtDeadline(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{}, appKey())
	s.okta.AddFault(emulator.Fault{Path: "/oauth2/*", Hang: true, Times: 1})
	long, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := make(chan error, 1)
	go func() { _, err := s.GetUser(long, "alice"); first <- err }()
	s.waitForTokenRequest(t)
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err := s.GetUser(ctx, "alice")
	wantError(t, err, apierr.Deadline, "deadline_exceeded", "the request's deadline passed before a call to Okta was sent")
	cancel()
	if err := <-first; !apierr.Is(err, apierr.Deadline) {
		t.Errorf("the error at the deadline is %v", err)
	}
}

func TestOAuth_RejectedKeyIsReadOnceMore(t *testing.T) {
	t.Parallel()
	second := mustKey(keys.GenerateEC())
	t.Run("and the new one is good", func(t *testing.T) {
		t.Parallel()
		s := newServiceApp(t, emulator.App{}, appKey())
		s.get(t)
		s.key.Replace(second)
		s.okta.RegisterApp(emulator.App{ClientID: clientID, JWKS: second.JWKS(keyID), Scopes: appScopes})
		s.okta.RevokeTokens()
		s.okta.ClearRequests()
		if err := s.SuspendUser(t.Context(), "alice"); err != nil {
			t.Error(err)
		}
		if u, _ := s.okta.User("alice"); u.Status != "SUSPENDED" {
			t.Errorf("alice is %s", u.Status)
		}
		if s.key.Reads() != 1 || s.tokens() != 2 {
			t.Errorf("%d reads of the key", s.key.Reads())
		}
		s.get(t)
		if n := s.key.Reads(); n != 1 {
			t.Errorf("%d reads of the key", n)
		}
	})
	t.Run("and it has not been replaced", func(t *testing.T) {
		t.Parallel()
		s := newServiceApp(t, emulator.App{JWKS: second.JWKS(keyID)}, appKey())
		_, err := s.GetUser(t.Context(), "alice")
		f := wantError(t, err, apierr.Credentials, "invalid_client", "OKTA_CLIENT_ID (Client ID), OKTA_KEY_ID (Key ID) and OKTA_PRIVATE_KEY_SECRET (Private Key)")
		if !strings.Contains(f.Message, "signature") {
			t.Errorf("Okta's reason is missing: %s", f.Message)
		}
		if n := s.tokens(); s.key.Reads() != 1 || n != 2 {
			t.Errorf("%d reads of the key, %d requests for tokens", s.key.Reads(), n)
		}
	})
	t.Run("and the new one is rejected too", func(t *testing.T) {
		t.Parallel()
		s := newServiceApp(t, emulator.App{JWKS: second.JWKS(keyID)}, appKey())
		s.key.Replace(mustKey(keys.GenerateEC()))
		_, err := s.GetUser(t.Context(), "alice")
		wantError(t, err, apierr.Credentials, "invalid_client", "OKTA_PRIVATE_KEY_SECRET (Private Key)")
		if n := s.tokens(); s.key.Reads() != 1 || n != 2 {
			t.Errorf("%d reads of the key, %d requests for tokens", s.key.Reads(), n)
		}
	})
	t.Run("and cannot be read", func(t *testing.T) {
		t.Parallel()
		unread := apierr.New(apierr.Unavailable, "secret_unavailable", "the secret cannot be read", errors.New("cause"))
		s := newServiceApp(t, emulator.App{JWKS: second.JWKS(keyID)}, appKey())
		s.key.Lose(unread)
		_, err := s.GetUser(t.Context(), "alice")
		wantError(t, err, apierr.Unavailable, "secret_unavailable", "cannot be read")
	})
}

// TestOAuth_RevokedTokenIsReplaced: Okta rejected the request, so that it is repeated with a new
// token.
func TestOAuth_RevokedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	for _, dpop := range []bool{false, true} {
		for name, m := range methods {
			if name == "Me" || !m.byID {
				continue // an app is not a user
			}
			s := newServiceApp(t, emulator.App{DPoP: dpop, APINonce: dpop, Scopes: everyScope}, appKey())
			s.Client = s.WithScopes(everyScope)
			id := s.okta.AddUser(emulator.UserSeed{Login: "mallory@acme.test"})
			s.get(t)
			s.okta.RevokeTokens()
			s.okta.ClearRequests()
			if name == "GetGroup" {
				g, _ := s.okta.Group("Engineering")
				id = g.ID
			}
			err := m.call(t.Context(), s.Client, id)
			statuses := map[int]int{}
			asked := slices.DeleteFunc(s.okta.Requests(), func(r emulator.LoggedRequest) bool { return r.Path == "/oauth2/v1/token" })
			for _, r := range asked {
				if r.Method == asked[0].Method { // after a rejected write, the client reads the state
					statuses[r.Status]++
				}
			}
			if f := apierr.As(err); f != nil && (f.Kind == apierr.Credentials || f.Retryable()) {
				t.Errorf("%s: %v", name, err)
			}
			if statuses[401] == 0 || len(statuses) != 2 {
				t.Errorf("%s: responses by status: %v, want 401 and one other", name, statuses)
			}
		}
	}
}

var everyScope = []string{
	"okta.users.read", "okta.users.manage", "okta.groups.read", "okta.groups.manage", "okta.roles.read", "okta.roles.manage", "okta.idps.read",
}

func TestOAuth_MissingScopesAreNamed(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{Scopes: []string{"okta.users.read"}}, appKey())
	for want, scopes := range map[string][]string{
		"not granted okta.users.manage: ":                   {"okta.users.read", "okta.users.manage"},
		"not granted okta.roles.manage: ":                   {"okta.roles.manage"},
		"not granted okta.roles.manage, okta.users.manage:": {"okta.users.manage", "okta.users.read", "okta.roles.manage"},
	} {
		_, err := s.WithScopes(scopes).GetUser(t.Context(), "alice")
		if f := wantError(t, err, apierr.Credentials, "invalid_scope", want); f.RequestID == "" {
			t.Error("the error has no request id")
		}
	}
}

// TestOAuth_RejectionIsCachedForAllTargets: the cached rejection expires soon.
func TestOAuth_RejectionIsCachedForAllTargets(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{Scopes: []string{"okta.users.read"}}, appKey())
	for range 100 {
		_, err := s.GetUser(t.Context(), "alice")
		wantError(t, err, apierr.Credentials, "invalid_scope", "okta.users.manage")
	}
	if n := s.tokens(); n != 3 { // for both scopes together, and for each one
		t.Errorf("%d token requests for 100 calls", n)
	}
	s.okta.RegisterApp(emulator.App{ClientID: clientID, JWKS: appKey().JWKS(keyID), Scopes: appScopes})
	s.clock.Advance(3 * time.Second)
	s.get(t)
}

func TestOAuth_TokenEndpointErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault emulator.Fault
		kind  apierr.Kind // if the endpoint keeps failing; an Unavailable one is retried
		code  string
		word  string
	}{
		"429":             {emulator.Fault{Status: 429}, apierr.Unavailable, "rate_limited", "access tokens"},
		"500":             {emulator.Fault{Status: 500}, apierr.Unavailable, "okta_token_unavailable", "500"},
		"a proxy's 502":   {emulator.Fault{Status: 502, Body: "<html>canary"}, apierr.Unavailable, "okta_token_unavailable", "502"},
		"lost":            {emulator.Fault{Drop: true}, apierr.Unavailable, "okta_unreachable", "connection"},
		"incomplete":      {emulator.Fault{Drop: true, Status: 200, Body: `{"access_token": "canary"}`}, apierr.Unavailable, "okta_unreachable", "connection"},
		"a page":          {emulator.Fault{Status: 200, Body: "<html>canary"}, apierr.InvalidResponse, "bad_reply", "200"},
		"an empty object": {emulator.Fault{Status: 200, Body: `{}`}, apierr.InvalidResponse, "bad_reply", "200"},
		"no expiry":       {emulator.Fault{Status: 200, Body: `{"access_token": "canary", "token_type": "Bearer"}`}, apierr.InvalidResponse, "bad_reply", "200"},
		"another type":    {emulator.Fault{Status: 200, Body: `{"access_token": "canary", "token_type": "MAC", "expires_in": 9}`}, apierr.InvalidResponse, "bad_reply", "200"},
		"an error":        {emulator.Fault{Status: 400, Body: `{"error": "unauthorized_client", "error_description": "See https://acme.test/help?token=canary"}`}, apierr.Credentials, "unauthorized_client", "https://acme.test/help)"},
		"a 403 page":      {emulator.Fault{Status: 403, Body: "<html>canary"}, apierr.InvalidResponse, "bad_reply", "403"},
		"a redirect":      {emulator.Fault{Status: 302, Headers: map[string]string{"Location": "https://evil.test/"}}, apierr.InvalidResponse, "bad_reply", "302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.fault.Path = "/oauth2/*"
			s := newServiceApp(t, emulator.App{}, appKey())
			s.okta.AddFault(c.fault)
			_, err := s.GetUser(t.Context(), "alice")
			f := wantError(t, err, c.kind, c.code, c.word)
			if strings.Contains(f.Error(), "canary") {
				t.Errorf("text that is not an OAuth error is quoted: %s", f.Error())
			}
			want := 1
			if c.kind == apierr.Unavailable {
				want = 4
			}
			if n := s.tokens(); n != want {
				t.Errorf("%d token requests, want %d", n, want)
			}
			s.okta.Reset()
			c.fault.Times = 3
			if s.okta.AddFault(c.fault); c.kind == apierr.Unavailable {
				s.get(t)
			}
		})
	}
}

// TestOAuth_FailedRenewalKeepsValidToken: a token is renewed before its end, so that calls succeed
// while the token endpoint fails, rejects or hangs.
func TestOAuth_FailedRenewalKeepsValidToken(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]emulator.Fault{
		"it fails":   {Status: 503},
		"it rejects": {Status: 401, Body: `{"error": "invalid_client"}`},
		"it hangs":   {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServiceApp(t, emulator.App{}, appKey())
			s.get(t)
			s.okta.ClearRequests()
			s.clock.Advance(56 * time.Minute)
			f.Path = "/oauth2/*"
			s.okta.AddFault(f)
			s.get(t)
			s.waitForTokenRequest(t)
			for range 3 {
				s.clock.Advance(3 * time.Second)
				s.get(t)
			}
			if f.Hang {
				return
			}
			s.clock.Advance(5 * time.Minute)
			if _, err := s.GetUser(t.Context(), "alice"); err == nil {
				t.Error("an expired token is used")
			}
		})
	}
}

// TestOAuth_CallerWaitsForRateLimitOfTokens: each caller waits until its own deadline, without a
// place of the concurrency limit.
func TestOAuth_CallerWaitsForRateLimitOfTokens(t *testing.T) {
	t.Parallel()
	limited := emulator.Fault{Path: "/oauth2/*", Status: 429, Times: 1, Headers: map[string]string{
		"X-Rate-Limit-Limit": "100", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445650"}}
	s := newServiceApp(t, emulator.App{}, appKey())
	s.okta.AddFault(limited)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := s.GetUser(ctx, "alice")
	if f := wantError(t, err, apierr.Unavailable, "rate_limited", "access tokens"); f.RetryAfter != 50*time.Second || len(s.clock.Naps()) > 0 {
		t.Errorf("retry after %s, pauses %v", f.RetryAfter, s.clock.Naps())
	}
	s.okta.AddFault(limited)
	s.get(t)
	if naps := s.clock.Naps(); len(naps) != 1 || naps[0] != 50*time.Second {
		t.Errorf("pauses %v", naps)
	}
}

// TestOAuth_Other401KeepsToken: a 401 that is not about the token does not replace it, and repeated
// rejections of new tokens lead to pauses.
func TestOAuth_Other401KeepsToken(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{}, appKey())
	s.get(t)
	s.okta.ClearRequests()
	s.okta.AddFault(emulator.Fault{Path: "/api/*", Status: 401, Body: `{"errorCode": "E0000015", "errorSummary": "You do not have permission to access the feature"}`, Times: 1})
	_, err := s.GetUser(t.Context(), "alice")
	wantError(t, err, apierr.Credentials, "E0000015", "feature")
	s.get(t)
	if n := s.tokens(); n != 0 {
		t.Errorf("%d token requests", n)
	}
	s.okta.AddFault(emulator.Fault{Path: "/api/*", Status: 401})
	_, err = s.GetUser(t.Context(), "alice")
	wantError(t, err, apierr.Credentials, "E0000011", "")
	if naps := s.clock.Naps(); len(naps) != 3 || naps[0] != 0 || naps[1] == 0 || naps[2] == 0 {
		t.Errorf("pauses %v", naps)
	}
}
