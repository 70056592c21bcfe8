package fakegcp

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const accountsKeyID = "google-1"

// accountsKey is made once: RSA keys are slow to make.
var accountsKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// Accounts issues ID tokens as Google does, and is the http.RoundTripper by which its public keys are fetched.
type Accounts struct {
	mu      sync.Mutex
	down    bool
	fetched int
}

// SetDown makes the keys be unavailable, or ends that.
func (a *Accounts) SetDown(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// Fetched is how often the keys were fetched.
func (a *Accounts) Fetched() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.fetched
}

// Claims are those of an ID token for a service account, changed by these; nil takes one away.
func Claims(audience, email string, changes map[string]any) jwt.MapClaims {
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": "https://accounts.google.com", "aud": audience, "sub": "1234567890", "azp": "1234567890",
		"email": email, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// Token signs claims as Google does.
func (a *Accounts) Token(claims jwt.MapClaims) string {
	return Sign(jwt.SigningMethodRS256, accountsKey(), claims)
}

// Sign signs claims by any method and with any key, under the id of Google's key.
func Sign(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = accountsKeyID
	signed, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return signed
}

// PublicKey returns the modulus of Google's key, which an attacker knows.
func (a *Accounts) PublicKey() []byte { return accountsKey().N.Bytes() }

// RoundTrip implements http.RoundTripper.
func (a *Accounts) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fetched++
	res := &http.Response{StatusCode: http.StatusOK, Status: "200 OK", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r}
	res.Header.Set("Cache-Control", "public, max-age=20000")
	public := accountsKey().PublicKey
	encode := base64.RawURLEncoding.EncodeToString
	body, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": accountsKeyID, "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes()),
	}}})
	if a.down {
		res.StatusCode, res.Status, body = http.StatusBadGateway, "502 Bad Gateway", nil
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, err
}
