package emulator_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/okta-secops/local/emulator"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// All tests share these keys, because generating one takes long.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P256()) })
	otherKey = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P256()) })
)

func newECKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// publicJWK returns the public half of a key as a JWK.
func publicJWK(key crypto.Signer) map[string]any {
	b64 := base64.RawURLEncoding.EncodeToString
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": b64(public.N.Bytes()), "e": b64(big.NewInt(int64(public.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		size := len(point) / 2
		return map[string]any{"kty": "EC", "crv": public.Params().Name, "x": b64(point[1 : 1+size]), "y": b64(point[1+size:])}
	}
	panic("no key")
}

func jwks(keys map[string]crypto.Signer) []byte {
	list := []any{}
	for kid, key := range keys {
		k := publicJWK(key)
		k["kid"] = kid
		list = append(list, k)
	}
	raw, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		panic(err)
	}
	return raw
}

func sign(t *testing.T, method jwt.SigningMethod, key any, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	maps.Copy(token.Header, header)
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// withApp starts an org with one service app, whose keys are k1 (EC) and k2 (RSA).
func withApp(t *testing.T, a emulator.App) *org {
	t.Helper()
	o := start(t)
	a.ClientID, a.JWKS = "0oaApp", jwks(map[string]crypto.Signer{"k1": ecKey(), "k2": rsaKey()})
	if a.Scopes == nil {
		a.Scopes = []string{"okta.users.read", "okta.users.manage"}
	}
	o.RegisterApp(a)
	return o
}

// assertion returns a valid client assertion with changed claims. A nil value removes a claim.
func (o *org) assertion(changes map[string]any) string {
	return sign(o.t, jwt.SigningMethodES256, ecKey(), map[string]any{"kid": "k1"}, o.claims(changes))
}

func (o *org) claims(changes map[string]any) map[string]any {
	now := o.clock.Now()
	claims := map[string]any{
		"iss": "0oaApp", "sub": "0oaApp", "aud": o.url + "/oauth2/v1/token", "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	return changed(claims, changes)
}

func changed(claims, changes map[string]any) map[string]any {
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// tokenResponse is a response of the token endpoint.
type tokenResponse struct {
	response
	Type    string `json:"token_type"`
	Token   string `json:"access_token"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
	Error   string `json:"error"`
	Why     string `json:"error_description"`
}

// askToken sends a token request, with a DPoP proof unless proof is "".
func (o *org) askToken(assertion, scope, proof string) tokenResponse {
	o.t.Helper()
	return o.postForm(url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}, proof)
}

func (o *org) postForm(form url.Values, proof string) tokenResponse {
	o.t.Helper()
	header := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if proof != "" {
		header = append(header, "DPoP", proof)
	}
	a, err := o.send("POST", o.url+"/oauth2/v1/token", form.Encode(), header...)
	if err != nil {
		o.t.Fatal(err)
	}
	out := tokenResponse{response: a}
	a.into(o.t, &out)
	return out
}

// with sends a request to the Okta API with an access token.
func (o *org) with(authorization, method, path, proof string) response {
	o.t.Helper()
	header := []string{"Authorization", authorization}
	if proof != "" {
		header = append(header, "DPoP", proof)
	}
	a, err := o.send(method, o.url+path, "", header...)
	if err != nil {
		o.t.Fatal(err)
	}
	return a
}

func TestServiceApp_GetsAccessToken(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{})
	a := o.askToken(o.assertion(nil), "okta.users.read", "")
	if a.status != 200 || a.Type != "Bearer" || a.Expires != 3600 || a.Scope != "okta.users.read" ||
		a.header.Get("Cache-Control") != "no-cache, no-store" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	if got := o.with("Bearer "+a.Token, "GET", "/api/v1/users/alice", ""); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := o.with("Bearer "+a.Token, "POST", "/api/v1/users/alice/lifecycle/suspend", ""); got.status != 403 ||
		got.code() != "E0000006" ||
		got.header.Get("WWW-Authenticate") != `Bearer error="insufficient_scope"` || o.user("alice").Status != "ACTIVE" {
		t.Errorf("without the scope: %d %v %s", got.status, got.header, got.body)
	}
	if got := o.with("Bearer "+a.Token, "GET", "/api/v1/users/me", ""); got.status != 404 {
		t.Errorf("users/me of a service app: %d %s", got.status, got.body)
	}
	if got := o.with("DPoP "+a.Token, "GET", "/api/v1/users/alice", ""); got.status != 401 {
		t.Errorf("a Bearer token with the DPoP scheme: %d %s", got.status, got.body)
	}
	o.clock.advance(time.Hour)
	if got := o.with("Bearer "+a.Token, "GET", "/api/v1/users/alice", ""); got.status != 401 || got.code() != "E0000011" ||
		got.header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
		t.Errorf("an expired token: %d %v %s", got.status, got.header, got.body)
	}
	for _, end := range []func(){func() { o.steer("DELETE", "/tokens", "") }, o.Reset} {
		a = o.askToken(o.assertion(nil), "okta.users.read", "")
		end()
		if got := o.with("Bearer "+a.Token, "GET", "/api/v1/users/alice", ""); a.status != 200 || got.status != 401 {
			t.Errorf("after revocation: %d, then %d", a.status, got.status)
		}
	}
	if log := o.Requests(); strings.Contains(log[0].Body, "eyJ") {
		t.Errorf("the request log contains an assertion: %s", log[0].Body)
	}
}

func TestAssertion_IsVerified(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{})
	now := o.clock.Now()
	es, rs := jwt.SigningMethodES256, jwt.SigningMethodRS256
	k1 := map[string]any{"kid": "k1"}
	for name, c := range map[string]struct {
		assertion, why string // why is "" for a valid assertion
	}{
		"as it should be":        {o.assertion(nil), ""},
		"an audience in a list":  {o.assertion(map[string]any{"aud": []string{o.url + "/oauth2/v1/token"}}), "audience"},
		"no jti":                 {o.assertion(map[string]any{"jti": nil}), ""},
		"an RSA key":             {sign(t, rs, rsaKey(), map[string]any{"kid": "k2"}, o.claims(nil)), ""},
		"RS512":                  {sign(t, jwt.SigningMethodRS512, rsaKey(), map[string]any{"kid": "k2"}, o.claims(nil)), ""},
		"nothing":                {"", "cannot be parsed"},
		"another issuer":         {o.assertion(map[string]any{"iss": "0oaX"}), "issuer"},
		"another subject":        {o.assertion(map[string]any{"sub": "0oaX"}), "subject"},
		"another audience":       {o.assertion(map[string]any{"aud": o.url + "/oauth2/default/v1/token"}), "audience"},
		"the org as audience":    {o.assertion(map[string]any{"aud": o.url}), "audience"},
		"no expiration":          {o.assertion(map[string]any{"exp": nil}), "expiration"},
		"expired":                {o.assertion(map[string]any{"exp": now.Unix()}), "expired"},
		"too far ahead":          {o.assertion(map[string]any{"exp": now.Add(61 * time.Minute).Unix()}), "too far"},
		"an unknown kid":         {sign(t, es, ecKey(), map[string]any{"kid": "k9"}, o.claims(nil)), "kid"},
		"no kid, of two keys":    {sign(t, es, ecKey(), nil, o.claims(nil)), "kid"},
		"the kid of another key": {sign(t, es, ecKey(), map[string]any{"kid": "k2"}, o.claims(nil)), "signature"},
		"another's signature":    {sign(t, es, otherKey(), k1, o.claims(nil)), "signature"},
		"alg none": {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, k1, o.claims(nil)),
			"signature"},
		"HS256": {sign(t, jwt.SigningMethodHS256, []byte("secret"), k1, o.claims(nil)), "signature"},
	} {
		a := o.askToken(c.assertion, "okta.users.read", "")
		if c.why == "" && a.status != 200 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if c.why != "" && (a.status != 401 || a.Error != "invalid_client" || !strings.Contains(a.Why, c.why)) {
			t.Errorf("%s: %d %s, want %q", name, a.status, a.body, c.why)
		}
	}
	replayed := o.assertion(nil)
	if first, second := o.askToken(replayed, "okta.users.read", ""), o.askToken(replayed, "okta.users.read",
		""); first.status != 200 || second.Error != "invalid_client" || !strings.Contains(second.Why, "before") {
		t.Errorf("a replay: %d, then %d %s", first.status, second.status, second.body)
	}
}

func TestTokenEndpoint_RejectsInvalidRequests(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{})
	form := func(name, value string) url.Values {
		f := url.Values{"grant_type": {"client_credentials"}, "scope": {"okta.users.read"},
			"client_assertion":      {o.assertion(nil)},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
		f.Set(name, value)
		return f
	}
	for _, c := range []struct {
		name, value string
		status      int
		code        string
	}{
		{"grant_type", "password", 400, "unsupported_grant_type"},
		{"client_assertion_type", "jwt", 401, "invalid_client"},
		{"scope", "", 400, "invalid_scope"},
		{"scope", "okta.users.read okta.roles.manage", 400, "invalid_scope"},
	} {
		if a := o.postForm(form(c.name, c.value), ""); a.status != c.status || a.Error != c.code {
			t.Errorf("%s=%s: %d %s", c.name, c.value, a.status, a.body)
		}
	}
	if a, err := o.send("POST", o.url+"/oauth2/v1/token", `{}`, "Content-Type", "application/json"); err != nil ||
		a.status != 400 {
		t.Errorf("JSON: %d %s %v", a.status, a.body, err)
	}
}

func TestServiceApp_GrantsCanChange(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{})
	status := func(scope string) int { return o.askToken(o.assertion(nil), scope, "").status }
	o.steer("POST", "/app", `{"scopes": ["okta.roles.read"], "dpop": false}`)
	if status("okta.users.read") != 400 || status("okta.roles.read") != 200 {
		t.Error("the granted scopes did not change")
	}
	o.steer("POST", "/app", `{"dpop": true}`)
	if a := o.askToken(o.assertion(nil), "okta.roles.read", ""); a.Error != "invalid_dpop_proof" {
		t.Errorf("%d %s", a.status, a.body)
	}
	o.Reset()
	if status("okta.users.read") != 200 || status("okta.roles.read") != 400 {
		t.Error("Reset does not restore the granted scopes")
	}
}

// proof returns a valid DPoP proof for a request, with changed claims.
func (o *org) proof(method, path string, changes map[string]any) string {
	return sign(o.t, jwt.SigningMethodES256, ecKey(), map[string]any{"typ": "dpop+jwt", "jwk": publicJWK(ecKey())},
		o.proofClaims(method, path, changes))
}

func (o *org) proofClaims(method, path string, changes map[string]any) map[string]any {
	return changed(map[string]any{"htm": method, "htu": o.url + path, "iat": o.clock.Now().Unix(), "jti": rand.Text()},
		changes)
}

func ath(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestDPoP_TokenIsBoundToKey(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{DPoP: true})
	const path = "/oauth2/v1/token"
	ask := func(proof string) tokenResponse { return o.askToken(o.assertion(nil), "okta.users.read", proof) }

	if a := ask(""); a.status != 400 || a.Error != "invalid_dpop_proof" {
		t.Errorf("without a proof: %d %s", a.status, a.body)
	}
	a := ask(o.proof("POST", path, nil))
	nonce := a.header.Get("DPoP-Nonce")
	if a.status != 400 || a.Error != "use_dpop_nonce" || nonce == "" {
		t.Fatalf("without a nonce: %d %v %s", a.status, a.header, a.body)
	}
	a = ask(o.proof("POST", path, map[string]any{"nonce": nonce}))
	if a.status != 200 || a.Type != "DPoP" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	bound := map[string]any{"ath": ath(a.Token)}
	for range 2 { // each request has its own proof
		if got := o.with("DPoP "+a.Token, "GET", "/api/v1/users?limit=1", o.proof("GET", "/api/v1/users",
			bound)); got.status != 200 {
			t.Errorf("%d %v %s", got.status, got.header, got.body)
		}
	}
	if got := o.with("Bearer "+a.Token, "GET", "/api/v1/users/alice", ""); got.status != 401 {
		t.Errorf("as a Bearer token: %d", got.status)
	}
	o.clock.advance(10 * time.Minute)
	if a := ask(o.proof("POST", path, map[string]any{"nonce": nonce})); a.status != 200 {
		t.Errorf("the previous nonce: %d %s", a.status, a.body)
	}
	o.clock.advance(10 * time.Minute)
	if a := ask(o.proof("POST", path, map[string]any{"nonce": nonce})); a.Error != "use_dpop_nonce" ||
		a.header.Get("DPoP-Nonce") == nonce {
		t.Errorf("an expired nonce: %d %s", a.status, a.body)
	}
}

func TestDPoP_ProofIsVerified(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{DPoP: true})
	nonce := o.askToken(o.assertion(nil), "okta.users.read", o.proof("POST", "/oauth2/v1/token",
		nil)).header.Get("DPoP-Nonce")
	token := o.askToken(o.assertion(nil), "okta.users.read", o.proof("POST", "/oauth2/v1/token",
		map[string]any{"nonce": nonce})).Token
	const path = "/api/v1/users/alice"
	good := map[string]any{"ath": ath(token)}
	with := func(name string, value any) map[string]any {
		changes := maps.Clone(good)
		changes[name] = value
		return changes
	}
	now := o.clock.Now()
	used := o.proof("GET", path, good)
	if a := o.with("DPoP "+token, "GET", path, used); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	es := jwt.SigningMethodES256
	header := func(typ string, key map[string]any) map[string]any { return map[string]any{"typ": typ, "jwk": key} }
	private := publicJWK(ecKey())
	private["d"] = "AQAB"
	for name, proof := range map[string]string{
		"none":                 "",
		"no JWT":               "proof",
		"used before":          used,
		"of another method":    o.proof("POST", path, good),
		"of another path":      o.proof("GET", "/api/v1/users/bob", good),
		"with the query":       o.proof("GET", path+"?x=1", good),
		"old":                  o.proof("GET", path, with("iat", now.Add(-6*time.Minute).Unix())),
		"ahead":                o.proof("GET", path, with("iat", now.Add(6*time.Minute).Unix())),
		"without a time":       o.proof("GET", path, with("iat", nil)),
		"without an id":        o.proof("GET", path, with("jti", nil)),
		"for no token":         o.proof("GET", path, nil),
		"for another token":    o.proof("GET", path, with("ath", ath("x"))),
		"of another type":      sign(t, es, ecKey(), header("JWT", publicJWK(ecKey())), o.proofClaims("GET", path, good)),
		"without its key":      sign(t, es, ecKey(), map[string]any{"typ": "dpop+jwt"}, o.proofClaims("GET", path, good)),
		"with its private key": sign(t, es, ecKey(), header("dpop+jwt", private), o.proofClaims("GET", path, good)),
		"signed by another key": sign(t, es, otherKey(), header("dpop+jwt", publicJWK(ecKey())),
			o.proofClaims("GET", path, good)),
		"of another key": sign(t, es, otherKey(), header("dpop+jwt", publicJWK(otherKey())),
			o.proofClaims("GET", path, good)),
		"of a shared secret": sign(t, jwt.SigningMethodHS256, []byte("secret"), header("dpop+jwt", publicJWK(ecKey())),
			o.proofClaims("GET", path, good)),
	} {
		a := o.with("DPoP "+token, "GET", path, proof)
		status, challenge := 400, `DPoP error="invalid_dpop_proof"`
		if name == "of another key" { // a valid proof with a key other than that of the token
			status, challenge = 401, `DPoP error="invalid_token"`
		}
		if a.status != status || a.header.Get("WWW-Authenticate") != challenge || (len(a.body) == 0) != (status == 400) {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
	}
}

func TestDPoP_APICanRequireNonce(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{DPoP: true, APINonce: true})
	nonce := o.askToken(o.assertion(nil), "okta.users.read", o.proof("POST", "/oauth2/v1/token",
		nil)).header.Get("DPoP-Nonce")
	token := o.askToken(o.assertion(nil), "okta.users.read", o.proof("POST", "/oauth2/v1/token",
		map[string]any{"nonce": nonce})).Token
	const path = "/api/v1/users/alice"
	a := o.with("DPoP "+token, "GET", path, o.proof("GET", path, map[string]any{"ath": ath(token)}))
	if a.status != 400 || len(a.body) > 0 || a.header.Get("WWW-Authenticate") != `DPoP error="use_dpop_nonce"` ||
		a.header.Get("DPoP-Nonce") == "" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	if a := o.with("DPoP "+token, "GET", path,
		o.proof("GET", path, map[string]any{"ath": ath(token), "nonce": a.header.Get("DPoP-Nonce")})); a.status != 200 {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
}

func TestDPoP_ThumbprintIdentifiesKey(t *testing.T) {
	t.Parallel()
	for _, key := range []crypto.Signer{rsaKey(), ecKey(), newECKey(elliptic.P384()), newECKey(elliptic.P521())} {
		o := start(t)
		method := map[int]jwt.SigningMethod{256: jwt.SigningMethodES256, 384: jwt.SigningMethodES384,
			521: jwt.SigningMethodES512, 0: jwt.SigningMethodRS256}
		bits := 0
		if ec, ok := key.(*ecdsa.PrivateKey); ok {
			bits = ec.Params().BitSize
		}
		o.RegisterApp(emulator.App{ClientID: "0oaApp", JWKS: jwks(map[string]crypto.Signer{"only": key}),
			Scopes: []string{"okta.users.read"}, DPoP: true})
		assertion := func() string {
			return sign(t, method[bits], key, nil,
				o.claims(nil))
		} // with a single key, kid is optional
		proof := func(path, httpMethod string, changes map[string]any) string {
			return sign(t, method[bits], key, map[string]any{"typ": "dpop+jwt", "jwk": publicJWK(key)},
				o.proofClaims(httpMethod, path, changes))
		}
		nonce := o.askToken(assertion(), "okta.users.read", proof("/oauth2/v1/token", "POST", nil)).header.Get("DPoP-Nonce")
		a := o.askToken(assertion(), "okta.users.read", proof("/oauth2/v1/token", "POST", map[string]any{"nonce": nonce}))
		if got := o.with("DPoP "+a.Token, "GET", "/api/v1/users/alice", proof("/api/v1/users/alice", "GET",
			map[string]any{"ath": ath(a.Token)})); got.status != 200 {
			t.Errorf("%d: %d %s", bits, got.status, got.body)
		}
		if got := o.with("DPoP "+a.Token, "GET", "/api/v1/users/alice", sign(t, jwt.SigningMethodES256, otherKey(),
			map[string]any{"typ": "dpop+jwt", "jwk": publicJWK(otherKey())}, o.proofClaims("GET", "/api/v1/users/alice",
				map[string]any{"ath": ath(a.Token)}))); got.status != 401 {
			t.Errorf("%d, with another key: %d", bits, got.status)
		}
	}
}

func TestRequestLog_MasksOnlySecretsOfTokenRequest(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{})
	o.askToken(o.assertion(nil), "okta.users.read", "a.b.c")
	log := o.Requests()
	form, err := url.ParseQuery(log[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{form.Get("client_assertion"), form.Get("scope"), log[0].Headers["Dpop"]}
	if diff := cmp.Diff([]string{"[redacted]", "okta.users.read", "[redacted]"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAccessTokens_NeverRepeatAfterReset(t *testing.T) {
	t.Parallel()
	o := withApp(t, emulator.App{})
	seen := map[string]bool{}
	for range 3 {
		token := o.askToken(o.assertion(nil), "okta.users.read", "").Token
		if token == "" || seen[token] {
			t.Errorf("the token %q", token)
		}
		seen[token] = true
		o.Reset()
		if a := o.with("Bearer "+token, "GET", "/api/v1/users/alice", ""); a.status != 401 {
			t.Errorf("a token from before the reset: %d", a.status)
		}
		o.Reset() // so that the next request is again the first one after a reset
	}
}
