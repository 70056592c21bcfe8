package emulator

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// parseJWKS returns the public keys of a JSON Web Key Set by kid.
func parseJWKS(jwks []byte) (map[string]crypto.PublicKey, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, fmt.Errorf("parsing the JWKS: %w", err)
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("the JWKS has no keys")
	}
	keys := make(map[string]crypto.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		public := k.Public()
		if !public.Valid() {
			return nil, fmt.Errorf("the key %q of the JWKS is not a valid RSA or EC key", k.KeyID)
		}
		keys[k.KeyID] = public.Key
	}
	return keys, nil
}

var errNotPublic = errors.New("the JWK is not a public RSA or EC key")

// decodeKey returns the public key in the header of a token.
func decodeKey(header any) (jose.JSONWebKey, error) {
	raw, err := json.Marshal(header)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	var k jose.JSONWebKey
	if err := json.Unmarshal(raw, &k); err != nil {
		return jose.JSONWebKey{}, err
	}
	if !k.IsPublic() || !k.Valid() {
		return jose.JSONWebKey{}, errNotPublic
	}
	return k, nil
}

// thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638).
func thumbprint(k jose.JSONWebKey) string {
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		panic(err) // decodeKey has checked the key
	}
	return base64url(sum)
}
