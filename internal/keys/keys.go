// Package keys reads private signing keys in the forms in which people paste
// them, and signs JSON Web Tokens with them.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/secrets"
)

const redacted = "[redacted]"

// Key is a private signing key with the algorithm that it calls for. Like a
// secret, it cannot be printed. Parse and Generate make keys; the zero Key
// signs nothing.
type Key struct {
	private crypto.Signer // *rsa.PrivateKey or *ecdsa.PrivateKey
	method  jwt.SigningMethod
	id      string
}

// Generate returns a fresh RSA key of 2048 bits, as Okta wants one for security event tokens.
func Generate() (Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		return Key{}, fmt.Errorf("generating a key: %w", err)
	}
	return newKey(private)
}

// GenerateEC returns a fresh EC key on P-256, which is quick to make.
func GenerateEC() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("generating a key: %w", err)
	}
	return newKey(private)
}

// newKey chooses the algorithm for the key and refuses what has none.
func newKey(private any) (Key, error) {
	switch p := private.(type) {
	case *rsa.PrivateKey:
		return Key{private: p, method: jwt.SigningMethodRS256}, nil
	case *ecdsa.PrivateKey:
		for _, c := range curves {
			if p.Curve == c.curve {
				return Key{private: p, method: c.method}, nil
			}
		}
	}
	return Key{}, errKind
}

// ID returns the key id (kid) that a JWK carries, "" when it carries none and
// for a PEM.
func (k Key) ID() string { return k.id }

// Equal tells whether both are the same key under the same id.
func (k Key) Equal(other Key) bool {
	if k.private == nil || other.private == nil {
		return k.private == other.private
	}
	private, ok := k.private.(interface{ Equal(crypto.PrivateKey) bool })
	return ok && private.Equal(other.private) && k.id == other.id && k.method == other.method
}

// Method returns the signing algorithm: RS256 for an RSA key, or RS384 or RS512
// where its JWK says so; ES256, ES384 or ES512 by the curve of an EC key.
func (k Key) Method() jwt.SigningMethod { return k.method }

// Sign returns the claims as a compact JWS. The members of header (typ, kid)
// override or add to alg and typ JWT; alg is always the key's own.
func (k Key) Sign(header map[string]any, claims jwt.Claims) (string, error) {
	if k.private == nil {
		return "", errors.New("signing a token: no key")
	}
	token := jwt.NewWithClaims(k.method, claims)
	maps.Copy(token.Header, header)
	token.Header["alg"] = k.method.Alg()
	signed, err := token.SignedString(k.private)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return signed, nil
}

// PEM returns the key as a PKCS#8 PEM.
func (k Key) PEM() secrets.Value {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return secrets.Value{} // the zero Key; every other kind can be encoded
	}
	return secrets.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// String returns [redacted].
func (k Key) String() string { return redacted }

// GoString returns [redacted].
func (k Key) GoString() string { return redacted }

// Format writes [redacted] whatever the verb and flags.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON returns the JSON string "[redacted]".
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns [redacted].
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }
