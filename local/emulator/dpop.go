package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// nonceLife is how long a DPoP nonce is the newest; it holds for as long once more.
const nonceLife = 10 * time.Minute

// proofAge is how old a DPoP proof may be, and how far ahead.
const proofAge = 5 * time.Minute

// The servers that give nonces, each its own.
const (
	tokenServer = "token"
	apiServer   = "api"
)

// nonce is the newest one of a server at a time.
func nonce(server string, at time.Time) string {
	return derive(22, "nonce", server, strconv.FormatInt(at.Unix()/int64(nonceLife.Seconds()), 10))
}

// fresh tells whether the proof's nonce is one of the server's that holds.
func (p dpopProof) fresh(server string, at time.Time) bool {
	return p.Nonce == nonce(server, at) || p.Nonce == nonce(server, at.Add(-nonceLife))
}

// dpopProof is what a DPoP proof says, once it is verified (RFC 9449, section 4.2).
type dpopProof struct {
	key       string // thumbprint of its key
	Method    string `json:"htm"`
	URL       string `json:"htu"`
	TokenHash string `json:"ath"`
	Nonce     string `json:"nonce"`
	jwt.RegisteredClaims
}

// proofOf verifies the request's DPoP proof but for its nonce (RFC 9449, section 4.3) and uses its jti up. token is the
// access token that it goes with, "" at the token endpoint. The problem is "" where there is none.
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
	switch {
	case p.Method != c.Method:
		return p, "The htm of the DPoP proof is not the method of the request."
	case p.URL != c.base+c.URL.EscapedPath():
		return p, "The htu of the DPoP proof is not the URL of the request without its query."
	case p.IssuedAt == nil || c.at.Sub(p.IssuedAt.Time).Abs() > proofAge:
		return p, "The iat of the DPoP proof is missing or not recent."
	case token != "" && p.TokenHash != hash([]byte(token)):
		return p, "The ath of the DPoP proof is not the hash of the access token."
	case token == "" && p.TokenHash != "":
		return p, "The DPoP proof has an ath, but there is no access token."
	case p.ID == "" || !e.org.useOnce("proof", p.ID):
		return p, "The jti of the DPoP proof is missing or was used before."
	}
	p.key = thumbprint(public)
	return p, ""
}

// hash returns the base64url SHA-256 of b, the format of ath.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return base64url(sum[:])
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
