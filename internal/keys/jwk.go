package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/secrets"
)

var curves = []struct {
	name   string // as crv in a JWK
	curve  elliptic.Curve
	method jwt.SigningMethod
}{
	{"P-256", elliptic.P256(), jwt.SigningMethodES256},
	{"P-384", elliptic.P384(), jwt.SigningMethodES384},
	{"P-521", elliptic.P521(), jwt.SigningMethodES512},
}

// jwkMembers are the members of a private JWK that parseJWK reads (RFC 7517; RFC 7518, section 6).
// It ignores all others, so that a certificate chain, for example, cannot make a key invalid.
type jwkMembers struct {
	Kty string          `json:"kty,omitempty"`
	Use string          `json:"use,omitempty"`
	Alg string          `json:"alg,omitempty"`
	Kid string          `json:"kid,omitempty"`
	Crv string          `json:"crv,omitempty"`
	X   string          `json:"x,omitempty"`
	Y   string          `json:"y,omitempty"`
	N   string          `json:"n,omitempty"`
	E   string          `json:"e,omitempty"`
	D   string          `json:"d,omitempty"`
	P   string          `json:"p,omitempty"`
	Q   string          `json:"q,omitempty"`
	DP  string          `json:"dp,omitempty"`
	DQ  string          `json:"dq,omitempty"`
	QI  string          `json:"qi,omitempty"`
	Ops []string        `json:"key_ops,omitempty"`
	Set json.RawMessage `json:"keys,omitempty"` // only to recognize a JWK Set
}

func parseJWK(text string) (Key, error) {
	m, err := decodeMembers(text)
	if err != nil {
		if unescaped := writtenBreak.ReplaceAllString(text, "\n"); unescaped != text {
			m, err = decodeMembers(unescaped)
		}
	}
	if err != nil {
		return Key{}, err
	}
	var key Key
	switch {
	case m.Set != nil:
		return Key{}, errJWKSet
	case m.Kty == "":
		return Key{}, errJWK
	case m.Kty != "RSA" && m.Kty != "EC":
		return Key{}, errKind
	case m.D == "":
		return Key{}, errJWKPublic
	case m.Use != "" && m.Use != "sig", m.Ops != nil && !slices.Contains(m.Ops, "sign"):
		return Key{}, errJWKUse
	case m.Kty == "RSA":
		key, err = m.rsa()
	default:
		key, err = m.ec()
	}
	if err != nil {
		return Key{}, err
	}
	key.id = m.Kid
	return key.signingAs(m.Alg)
}

// signingAs returns the key with the algorithm that its JWK names, "" for the default. An RSA key
// supports several, an EC key only that of its curve.
func (k Key) signingAs(alg string) (Key, error) {
	_, isRSA := k.private.(*rsa.PrivateKey)
	switch {
	case alg == "" || alg == k.method.Alg():
		return k, nil
	case isRSA && (alg == "RS384" || alg == "RS512"):
		k.method = jwt.GetSigningMethod(alg)
		return k, nil
	}
	return Key{}, errJWKAlg
}

func decodeMembers(text string) (jwkMembers, error) {
	var m jwkMembers
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&m); err != nil {
		return jwkMembers{}, errJWK
	}
	var next json.RawMessage
	switch err := d.Decode(&next); {
	case errors.Is(err, io.EOF):
		for _, number := range m.numbers() {
			*number = strings.TrimRight(*number, "=") // a JWK has no padding; some tools write it
		}
		return m, nil
	case err == nil && bytes.HasPrefix(next, []byte("{")):
		return jwkMembers{}, errSeveral
	}
	return jwkMembers{}, errAround
}

// numbers returns the members that are base64url of big-endian octets.
func (m *jwkMembers) numbers() []*string {
	return []*string{&m.X, &m.Y, &m.N, &m.E, &m.D, &m.P, &m.Q, &m.DP, &m.DQ, &m.QI}
}

// decode returns the key, *rsa.PublicKey, *rsa.PrivateKey or *ecdsa.PrivateKey.
func (m jwkMembers) decode() (any, error) {
	var decoded jose.JSONWebKey
	if err := decoded.UnmarshalJSON(marshal(m)); err != nil {
		return nil, errDamaged // the error of go-jose may repeat a part of the key
	}
	return decoded.Key, nil
}

// rsa decodes an RSA key. It limits the length of every number first, because decode validates
// the whole key; see rsaNumbers.key.
func (m jwkMembers) rsa() (Key, error) {
	if m.P == "" || m.Q == "" {
		return Key{}, errJWKPrimes
	}
	public, err := jwkMembers{Kty: m.Kty, N: m.N, E: m.E}.decode()
	if err != nil {
		return Key{}, err
	}
	if err := checkRSASize(public.(*rsa.PublicKey).N.BitLen()); err != nil {
		return Key{}, err
	}
	const maxExponent = 8 // octets; go-jose would drop any above
	if len(m.E) > base64.RawURLEncoding.EncodedLen(maxExponent) {
		return Key{}, errDamaged
	}
	for _, number := range m.numbers() {
		if len(*number) > base64.RawURLEncoding.EncodedLen(maxRSABits/8+1) { // 1 for a sign octet
			return Key{}, errDamaged
		}
	}
	decoded, err := m.decode()
	if err != nil {
		return Key{}, err
	}
	p := decoded.(*rsa.PrivateKey)
	return rsaNumbers{
		N: p.N, E: big.NewInt(int64(p.E)), D: p.D, P: p.Primes[0], Q: p.Primes[1],
		DP: p.Precomputed.Dp, DQ: p.Precomputed.Dq, QI: p.Precomputed.Qinv,
	}.key()
}

// ec decodes an EC key. Unlike go-jose, it accepts numbers whose leading zeros were dropped, and
// checks that x and y are the public point of d.
func (m jwkMembers) ec() (Key, error) {
	for _, c := range curves {
		if c.name != m.Crv {
			continue
		}
		size := (c.curve.Params().BitSize + 7) / 8
		d, x, y := octets(m.D, size), octets(m.X, size), octets(m.Y, size)
		if d == nil || x == nil || y == nil {
			return Key{}, errDamaged
		}
		private, err := ecdsa.ParseRawPrivateKey(c.curve, d)
		if err != nil {
			return Key{}, errDamaged
		}
		m.D, m.X, m.Y = encode(d), encode(x), encode(y)
		decoded, err := m.decode() // can fail only if the point is not on the curve
		if err != nil || !private.Equal(decoded) {
			return Key{}, errJWKPoint
		}
		return newKey(private)
	}
	return Key{}, errKind
}

// octets decodes base64url and returns the octets with leading zeros up to size, or nil if the
// number is invalid or does not fit.
func octets(s string, size int) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	raw = bytes.TrimLeft(raw, "\x00")
	if err != nil || len(raw) == 0 || len(raw) > size {
		return nil
	}
	return append(make([]byte, size-len(raw)), raw...)
}

// JWK returns the public half of the key as a JWK without kid, use and alg: only the members that
// RFC 7638 hashes and a DPoP proof carries. It returns nil for the zero Key.
func (k Key) JWK() json.RawMessage {
	if k.private == nil {
		return nil
	}
	return marshal(jose.JSONWebKey{Key: k.private.Public()})
}

// PrivateJWK returns the whole key as a JWK with kid, use and alg; the zero Value for the zero Key.
func (k Key) PrivateJWK(kid string) secrets.Value {
	if k.private == nil {
		return secrets.Value{}
	}
	return secrets.New(string(marshal(jose.JSONWebKey{Key: k.private, Use: "sig", Algorithm: k.method.Alg(), KeyID: kid})))
}

// Thumbprint returns the SHA-256 thumbprint of the public half in base64url (RFC 7638), a key ID that two keys
// never share. It returns "" for the zero Key.
func (k Key) Thumbprint() string {
	if k.private == nil {
		return ""
	}
	public := jose.JSONWebKey{Key: k.private.Public()}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		panic(err) // a public key of the kinds that newKey accepts
	}
	return encode(sum)
}

// JWKS returns the public half of the key as a JWK Set of one key with kid, use and alg, in the
// format that Okta fetches from jwks_uri. If kid is empty, the member is omitted.
func (k Key) JWKS(kid string) []byte {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	if k.private != nil {
		public := jose.JSONWebKey{Key: k.private.Public(), Use: "sig", Algorithm: k.method.Alg(), KeyID: kid}
		set.Keys = append(set.Keys, public)
	}
	return marshal(set)
}

func marshal(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, and public keys of the kinds that newKey accepts
	}
	return raw
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
