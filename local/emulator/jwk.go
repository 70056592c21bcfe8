package emulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
)

// jwk is a public JSON Web Key, RSA or EC.
type jwk struct {
	ID    string `json:"kid"`
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	N     string `json:"n"`
	E     string `json:"e"`
	X     string `json:"x"`
	Y     string `json:"y"`
}

// publicKey builds the key.
func (k jwk) publicKey() (crypto.PublicKey, error) {
	switch k.Type {
	case "RSA":
		n, errN := bigEndian(k.N)
		e, errE := bigEndian(k.E)
		if err := errors.Join(errN, errE); err != nil {
			return nil, err
		}
		if n.Sign() == 0 || !e.IsInt64() || e.Sign() == 0 {
			return nil, errors.New("the RSA key is not valid")
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Curve]
		if curve == nil {
			return nil, fmt.Errorf("the curve %q is not known", k.Curve)
		}
		x, errX := bigEndian(k.X)
		y, errY := bigEndian(k.Y)
		if err := errors.Join(errX, errY); err != nil {
			return nil, err
		}
		size := (curve.Params().BitSize + 7) / 8
		if x.BitLen() > size*8 || y.BitLen() > size*8 {
			return nil, errors.New("the point is not on the curve")
		}
		point := append([]byte{4}, x.FillBytes(make([]byte, size))...)
		return ecdsa.ParseUncompressedPublicKey(curve, append(point, y.FillBytes(make([]byte, size))...))
	}
	return nil, fmt.Errorf("the key type %q is not known", k.Type)
}

// bigEndian reads a base64url number.
func bigEndian(s string) (*big.Int, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("decoding a number of the key: %w", err)
	}
	return new(big.Int).SetBytes(raw), nil
}
