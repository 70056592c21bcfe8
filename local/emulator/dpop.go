package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// nonceLife is the time after which a new DPoP nonce replaces the last one, which stays valid as
// long again.
const nonceLife = 10 * time.Minute

// proofAge is the maximum difference between the iat of a DPoP proof and the clock.
const proofAge = 5 * time.Minute

// The servers, each of which has its own nonces.
const (
	tokenServer = "token"
	apiServer   = "api"
)

// nonce returns the newest nonce of a server at a time.
func nonce(server string, at time.Time) string {
	return derive(22, "nonce", server, strconv.FormatInt(at.Unix()/int64(nonceLife.Seconds()), 10))
}

// fresh reports whether the proof has a valid nonce of the server.
func (p dpopProof) fresh(server string, at time.Time) bool {
	return p.Nonce == nonce(server, at) || p.Nonce == nonce(server, at.Add(-nonceLife))
}

// dpopProof contains the claims of a verified DPoP proof (RFC 9449, section 4.2).
type dpopProof struct {
	key       string // thumbprint of its key
	Method    string `json:"htm"`
	URL       string `json:"htu"`
	TokenHash string `json:"ath"`
	Nonce     string `json:"nonce"`
	jwt.RegisteredClaims
}

// proofOf verifies the DPoP proof of the request except its nonce (RFC 9449, section 4.3) and
// records its jti. token is the access token of the request, "" at the token endpoint. problem is
// "" if the proof is valid.
func (e *Emulator) proofOf(c *oktaCall, token string) (p dpopProof, problem string) {
	values := c.Header.Values("DPoP")
	if len(values) != 1 {
		return p, "There must be one DPoP header."
	}
	parsed, _, err := jwt.NewParser().ParseUnverified(values[0], &p)
	if err != nil || parsed.Header["typ"] != "dpop+jwt" {
		return p, "The DPoP proof must be a JWT of the type dpop+jwt."
	}
	if members, _ := parsed.Header["jwk"].(map[string]any); members["d"] != nil {
		return p, "The DPoP proof must not hold a private key."
	}
	public, err := decodeKey(parsed.Header["jwk"])
	if err != nil {
		return p, "The DPoP proof must hold its public key as jwk."
	}
	if checkSignature(values[0], public.Key) != nil {
		return p, "The signature of the DPoP proof is not valid."
	}
	p.key = thumbprint(public)
	if problem := p.check(c, token); problem != "" {
		return p, problem
	}
	if p.ID == "" || !e.org.useOnce("proof", p.ID) {
		return p, "The jti of the DPoP proof is missing or was used before."
	}
	return p, ""
}

// check returns the problem with the claims of the proof, except the nonce and the jti, or "".
func (p dpopProof) check(c *oktaCall, token string) string {
	switch {
	case p.Method != c.Method:
		return "The htm of the DPoP proof is not the method of the request."
	case p.URL != c.base+c.URL.EscapedPath():
		return "The htu of the DPoP proof is not the URL of the request without its query."
	case p.IssuedAt == nil || c.at.Sub(p.IssuedAt.Time).Abs() > proofAge:
		return "The iat of the DPoP proof is missing or not recent."
	case token != "" && p.TokenHash != hash([]byte(token)):
		return "The ath of the DPoP proof is not the hash of the access token."
	case token == "" && p.TokenHash != "":
		return "The DPoP proof has an ath, but the request has no access token."
	}
	return ""
}

// hash returns the base64url SHA-256 of b, the format of ath.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return base64url(sum[:])
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
