package okta

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

// The OAuth errors by which Okta requires DPoP (RFC 9449, sections 5 and 8).
const (
	invalidProof = "invalid_dpop_proof"
	useNonce     = "use_dpop_nonce"
)

// The servers that issue nonces, each its own.
const (
	tokenServer = iota
	apiServer
)

// dpop proves the possession of a key with every request (RFC 9449). Each instance has its own key:
// it is generated when Okta first requires a proof, and is kept in memory only.
type dpop struct {
	mu     sync.Mutex
	key    keys.Key
	on     bool
	nonces [2]string // the newest, by server
}

// required takes in an error of the token endpoint. It reports whether another attempt with a
// proof, or with a new nonce, can help. hadProof reports whether the rejected request carried a
// proof: several requests may be in flight without one when the first is rejected.
func (d *dpop) required(err string, hadProof bool, r *response) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == useNonce && r.header.Get("DPoP-Nonce") == "":
		return false
	case err == invalidProof && hadProof: // another proof would be the same
		return false
	case err != useNonce && err != invalidProof:
		return false
	}
	d.on = true
	return true
}

// setNonce records the newest nonce of a server.
func (d *dpop) setNonce(server int, nonce string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nonces[server] = nonce
}

// proveToTokenEndpoint adds a proof to a token request if Okta requires one.
func (d *dpop) proveToTokenEndpoint(r *http.Request, now time.Time) error {
	d.mu.Lock()
	on := d.on
	d.mu.Unlock()
	if !on {
		return nil
	}
	return d.sign(r, proof{}, tokenServer, now)
}

// prove adds a proof to a request with an access token.
func (d *dpop) prove(r *http.Request, token secrets.Value, now time.Time) error {
	hash := sha256.Sum256([]byte(token.Reveal()))
	return d.sign(r, proof{TokenHash: base64.RawURLEncoding.EncodeToString(hash[:])}, apiServer, now)
}

// proof holds the claims of a proof (RFC 9449, section 4.2).
type proof struct {
	jwt.RegisteredClaims        // jti, iat
	Method               string `json:"htm"`
	URL                  string `json:"htu"` // without query and fragment
	TokenHash            string `json:"ath,omitempty"`
	Nonce                string `json:"nonce,omitempty"`
}

// sign completes a proof, signs it and adds it to a request.
func (d *dpop) sign(r *http.Request, p proof, server int, now time.Time) error {
	key, nonce, err := d.material(server)
	if err != nil {
		return notSigned(err)
	}
	p.ID, p.IssuedAt = rand.Text(), jwt.NewNumericDate(now)
	p.Method, p.URL, p.Nonce = r.Method, r.URL.Scheme+"://"+r.URL.Host+r.URL.EscapedPath(), nonce
	signed, err := key.Sign(map[string]any{"typ": "dpop+jwt", "jwk": key.JWK()}, p)
	if err != nil {
		return notSigned(err)
	}
	r.Header.Set("DPoP", signed)
	return nil
}

// material returns the key, which it generates at the first call, and the newest nonce of a server.
func (d *dpop) material(server int) (keys.Key, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.key.Method() == nil {
		key, err := keys.GenerateEC()
		if err != nil {
			return key, "", err
		}
		d.key = key
	}
	return d.key, d.nonces[server], nil
}
