// Package keys parses private signing keys in the formats in which users paste them, and signs JSON
// Web Tokens with them.
//
// Parse and CheckID return sentences that never quote their input. GenerateRSA, GenerateEC and
// Sign return errors of the crypto packages; Sign also fails for the zero Key.
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

// Key is a private signing key and its algorithm. Formatting, logging and encoding it give
// [redacted]. The zero Key cannot sign.
type Key struct {
	private crypto.Signer // *rsa.PrivateKey or *ecdsa.PrivateKey; nil in the zero Key
	method  jwt.SigningMethod
	id      string
}

// GenerateRSA returns a new RSA key of that many bits, 2048 or more.
func GenerateRSA(bits int) (Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return Key{}, fmt.Errorf("generating a key: %w", err)
	}
	return newKey(private)
}

// GenerateEC returns a new EC key on P-256, which takes far less time than an RSA key.
func GenerateEC() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("generating a key: %w", err)
	}
	return newKey(private)
}

// newKey selects the algorithm of the key. It returns errKind for an unsupported key.
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

// ID returns the key ID (kid) of the JWK, or "" if it has none or the key was a PEM.
func (k Key) ID() string { return k.id }

// Equal reports whether both are the same key with the same ID and algorithm.
func (k Key) Equal(other Key) bool {
	if k.private == nil || other.private == nil {
		return k.private == other.private
	}
	private, ok := k.private.(interface{ Equal(crypto.PrivateKey) bool })
	return ok && private.Equal(other.private) && k.id == other.id && k.method == other.method
}

// Method returns the signing algorithm: RS256 for an RSA key unless its JWK names RS384 or RS512;
// ES256, ES384 or ES512 for an EC key, depending on its curve.
func (k Key) Method() jwt.SigningMethod { return k.method }

// Sign returns the claims as a compact JWS. The members of header are added to the default header
// and override its typ, JWT; alg is always the algorithm of the key.
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

// PEM returns the key as a PKCS#8 PEM, or the zero Value for the zero Key.
func (k Key) PEM() secrets.Value {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return secrets.Value{} // only for the zero Key
	}
	return secrets.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// String returns [redacted].
func (k Key) String() string { return redacted }

// GoString returns [redacted].
func (k Key) GoString() string { return redacted }

// Format writes [redacted] for every verb and flag.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON returns the JSON string "[redacted]".
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns [redacted].
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }
