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

// OAuth's errors by which Okta asks for DPoP (RFC 9449, sections 5 and 8).
const (
	invalidProof = "invalid_dpop_proof"
	useNonce     = "use_dpop_nonce"
)

// Who gives nonces: each server its own.
const (
	nonceOfTokens = iota
	nonceOfAPI
)

// dpop demonstrates the possession of a key with every request (RFC 9449). The key is this instance's own: it
// is made when Okta first asks for it and never leaves the memory.
type dpop struct {
	mu     sync.Mutex
	key    keys.Key
	on     bool
	nonces [2]string
}

// demanded takes up what the token endpoint asks for. It is false where nothing new was asked. proved tells whether the
// request that it refused carried a proof: several may be on their way without one when the first is refused.
func (d *dpop) demanded(err string, proved bool, r *response) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == useNonce && r.header.Get("DPoP-Nonce") == "":
		return false
	case err == invalidProof && proved: // the proof there was did not please
		return false
	case err != useNonce && err != invalidProof:
		return false
	}
	d.on = true
	return true
}

// keep keeps the newest nonce of a server.
func (d *dpop) keep(of int, nonce string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nonces[of] = nonce
}

// proveToTokenEndpoint puts a proof on a token request, once Okta has asked for one.
func (d *dpop) proveToTokenEndpoint(r *http.Request, now time.Time) error {
	d.mu.Lock()
	on := d.on
	d.mu.Unlock()
	if !on {
		return nil
	}
	return d.sign(r, proof{}, nonceOfTokens, now)
}

// prove puts a proof on a call with an access token.
func (d *dpop) prove(r *http.Request, token secrets.Value, now time.Time) error {
	hash := sha256.Sum256([]byte(token.Reveal()))
	return d.sign(r, proof{TokenHash: base64.RawURLEncoding.EncodeToString(hash[:])}, nonceOfAPI, now)
}

// proof is the claims of a proof (RFC 9449, section 4.2).
type proof struct {
	jwt.RegisteredClaims        // jti, iat
	Method               string `json:"htm"`
	URL                  string `json:"htu"` // without query and fragment
	TokenHash            string `json:"ath,omitempty"`
	Nonce                string `json:"nonce,omitempty"`
}

func (d *dpop) sign(r *http.Request, p proof, nonceOf int, now time.Time) error {
	key, nonce, err := d.material(nonceOf)
	if err != nil {
		return unsigned(err)
	}
	p.ID, p.IssuedAt = rand.Text(), jwt.NewNumericDate(now)
	p.Method, p.URL, p.Nonce = r.Method, r.URL.Scheme+"://"+r.URL.Host+r.URL.EscapedPath(), nonce
	signed, err := key.Sign(map[string]any{"typ": "dpop+jwt", "jwk": key.JWK()}, p)
	if err != nil {
		return unsigned(err)
	}
	r.Header.Set("DPoP", signed)
	return nil
}

// material gives the key, made if there is none yet, and the newest nonce of a server.
func (d *dpop) material(nonceOf int) (keys.Key, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.key.Method() == nil {
		key, err := keys.GenerateEC()
		if err != nil {
			return key, "", err
		}
		d.key = key
	}
	return d.key, d.nonces[nonceOf], nil
}
