package keys

import (
	"bytes"
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

	"github.com/golang-jwt/jwt/v5"
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

// jwk is a JSON Web Key (RFC 7517, RFC 7518 section 6).
type jwk struct {
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
	Set json.RawMessage `json:"keys,omitempty"` // only to recognise a JWK Set
}

func parseJWK(text string) (Key, error) {
	j, err := decodeJWK(text)
	if err != nil {
		if unescaped := writtenBreak.ReplaceAllString(text, "\n"); unescaped != text {
			j, err = decodeJWK(unescaped)
		}
	}
	if err != nil {
		return Key{}, err
	}
	var key Key
	switch {
	case j.Set != nil:
		return Key{}, errJWKSet
	case j.Kty == "":
		return Key{}, errJWK
	case j.Kty != "RSA" && j.Kty != "EC":
		return Key{}, errKind
	case j.D == "":
		return Key{}, errJWKPublic
	case j.Use != "" && j.Use != "sig", j.Ops != nil && !slices.Contains(j.Ops, "sign"):
		return Key{}, errJWKUse
	case j.Kty == "RSA":
		key, err = j.rsa()
	default:
		key, err = j.ec()
	}
	if err != nil {
		return Key{}, err
	}
	key.id = j.Kid
	switch {
	case j.Alg == "" || j.Alg == key.method.Alg():
	case j.Kty == "RSA" && (j.Alg == "RS384" || j.Alg == "RS512"): // an RSA key serves several algorithms
		key.method = jwt.GetSigningMethod(j.Alg)
	default:
		return Key{}, errJWKAlg
	}
	return key, nil
}

func decodeJWK(text string) (jwk, error) {
	var j jwk
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&j); err != nil {
		return jwk{}, errJWK
	}
	var next json.RawMessage
	switch err := d.Decode(&next); {
	case errors.Is(err, io.EOF):
		return j, nil
	case err == nil && bytes.HasPrefix(next, []byte("{")):
		return jwk{}, errSeveral
	}
	return jwk{}, errAround
}

func (j jwk) rsa() (Key, error) {
	if j.P == "" || j.Q == "" {
		return Key{}, errJWKPrimes
	}
	return rsaNumbers{
		N: number(j.N), E: number(j.E), D: number(j.D), P: number(j.P), Q: number(j.Q),
		DP: number(j.DP), DQ: number(j.DQ), QI: number(j.QI),
	}.key()
}

func (j jwk) ec() (Key, error) {
	for _, c := range curves {
		if c.name != j.Crv {
			continue
		}
		size := (c.curve.Params().BitSize + 7) / 8
		d, x, y := octets(j.D, size), octets(j.X, size), octets(j.Y, size)
		if d == nil || x == nil || y == nil {
			return Key{}, errDamaged
		}
		private, err := ecdsa.ParseRawPrivateKey(c.curve, d)
		if err != nil {
			return Key{}, errDamaged
		}
		const uncompressed = 4
		point := append(append([]byte{uncompressed}, x...), y...)
		public, err := ecdsa.ParseUncompressedPublicKey(c.curve, point) // refuses a point off the curve
		if err != nil || !private.PublicKey.Equal(public) {
			return Key{}, errJWKPoint
		}
		return newKey(private)
	}
	return Key{}, errKind
}

// number decodes a positive integer of a JWK, nil when it is none.
func number(s string) *big.Int {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil
	}
	n := new(big.Int).SetBytes(raw)
	if n.Sign() == 0 {
		return nil
	}
	return n
}

// octets decodes an integer of a JWK to size bytes, nil when it does not fit.
// The zeros in front, which some writers drop, are put back.
func octets(s string, size int) []byte {
	n := number(s)
	if n == nil || n.BitLen() > 8*size {
		return nil
	}
	return n.FillBytes(make([]byte, size))
}

// JWK returns the public half of the key as a JWK without kid, use and alg: the bare members that RFC 7638
// hashes and a DPoP proof carries. It is empty for the zero Key.
func (k Key) JWK() json.RawMessage { return marshal(k.public()) }

// JWKS returns the public half of the key as a JWK Set of one key with kid,
// use and alg, as jwks_uri serves it and Okta fetches it. Without kid, that
// member is left out.
func (k Key) JWKS(kid string) []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	if public := k.public(); public.Kty != "" {
		public.Use, public.Alg, public.Kid = "sig", k.method.Alg(), kid
		set.Keys = append(set.Keys, public)
	}
	return marshal(set)
}

// public is the public half of the key, empty for the zero Key.
func (k Key) public() jwk {
	switch p := k.private.(type) {
	case *rsa.PrivateKey:
		return jwk{Kty: "RSA", N: encode(p.N.Bytes()), E: encode(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PrivateKey:
		point, err := p.PublicKey.Bytes()
		if err != nil {
			break // impossible for the curves that newKey accepts
		}
		size := len(point) / 2
		return jwk{Kty: "EC", Crv: p.Params().Name, X: encode(point[1 : 1+size]), Y: encode(point[1+size:])}
	}
	return jwk{}
}

func marshal(v any) []byte {
	raw, _ := json.Marshal(v) // strings only: cannot fail
	return raw
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
