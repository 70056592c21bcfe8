package ssf

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

// KeySet is the set of public keys with which the receiver of tokens verifies them: a JWK Set (RFC 7517) in which a
// key can have exp, the time in seconds at which it is not published any more. The zero KeySet is empty.
type KeySet struct{ keys []publicKey }

type publicKey struct {
	jose.JSONWebKey
	until int64 // exp; 0: no end
}

// MarshalJSON returns the JWK with exp.
func (k publicKey) MarshalJSON() ([]byte, error) {
	raw, err := k.JSONWebKey.MarshalJSON()
	if err != nil || k.until == 0 {
		return raw, err
	}
	return fmt.Appendf(raw[:len(raw)-1], `,"exp":%d}`, k.until), nil
}

// algorithms are those of the supported keys.
var algorithms = map[string][]string{
	"RSA": {"RS256", "RS384", "RS512"}, "P-256": {"ES256"}, "P-384": {"ES384"}, "P-521": {"ES512"},
}

// ParseKeySet parses a KeySet. It refuses a set with a private or secret key, or with two keys of one kid. The error
// is a sentence for the operator that contains no part of a key.
func ParseKeySet(v secrets.Value) (KeySet, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal([]byte(v.Reveal()), &document); err != nil || document.Keys == nil {
		return KeySet{}, errors.New(`it must be a JWK Set, such as {"keys": []}`)
	}
	var s KeySet
	for i, raw := range document.Keys {
		k, err := parsePublicKey(raw)
		if err != nil {
			return KeySet{}, fmt.Errorf("key %d of the JWK Set %w", i+1, err)
		}
		if s.find(k.KeyID) != nil {
			return KeySet{}, fmt.Errorf("the JWK Set has two keys with the kid %s", k.KeyID)
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

func parsePublicKey(raw json.RawMessage) (publicKey, error) {
	var k publicKey
	var end struct {
		Until int64 `json:"exp"`
	}
	// The errors of go-jose may repeat a part of the key.
	if k.JSONWebKey.UnmarshalJSON(raw) != nil || json.Unmarshal(raw, &end) != nil || end.Until < 0 {
		return k, errors.New("is not a JWK of a public RSA or EC key")
	}
	k.until = end.Until
	var kind string
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		if kind = "RSA"; public.N.BitLen() < 2048 {
			return k, errors.New("is an RSA key of less than 2048 bits")
		}
	case *ecdsa.PublicKey:
		kind = public.Curve.Params().Name
	default:
		return k, errors.New("is not a public RSA or EC key: the set must not hold private keys. " +
			"A private key that was stored in it must be replaced")
	}
	known := algorithms[kind]
	k.Algorithm, k.Use = cmp.Or(k.Algorithm, known[0]), cmp.Or(k.Use, "sig")
	switch {
	case keys.CheckID(k.KeyID) != nil || k.KeyID == "":
		return k, errors.New("has no kid, or one that is not printable ASCII without spaces")
	case k.Use != "sig" || !slices.Contains(known, k.Algorithm):
		return k, fmt.Errorf("must have the use sig and the alg %s", strings.Join(known, ", "))
	}
	k.JSONWebKey = jose.JSONWebKey{Key: k.Key, KeyID: k.KeyID, Algorithm: k.Algorithm, Use: k.Use}
	return k, nil
}

func (s KeySet) find(kid string) *publicKey {
	i := slices.IndexFunc(s.keys, func(k publicKey) bool { return k.KeyID == kid })
	if i < 0 {
		return nil
	}
	return &s.keys[i]
}

// With returns the set with the public half of a key, which replaces a key of the same kid.
func (s KeySet) With(k keys.Key, kid string) (KeySet, error) {
	added, err := ParseKeySet(secrets.New(string(k.JWKS(kid))))
	if err != nil {
		return s, err
	}
	rest := slices.DeleteFunc(slices.Clone(s.keys), func(k publicKey) bool { return k.KeyID == kid })
	return KeySet{append(rest, added.keys...)}, nil
}

// Retire returns the set in which every key ends at that time, unless it ends earlier, except for the key with that
// kid, which has no end.
func (s KeySet) Retire(kid string, at time.Time) KeySet {
	retired := slices.Clone(s.keys)
	for i, k := range retired {
		switch {
		case k.KeyID == kid:
			retired[i].until = 0
		case k.until == 0 || k.until > at.Unix():
			retired[i].until = at.Unix()
		}
	}
	return KeySet{retired}
}

// At returns the keys that are published at that time.
func (s KeySet) At(now time.Time) KeySet {
	return KeySet{slices.DeleteFunc(slices.Clone(s.keys), func(k publicKey) bool {
		return k.until > 0 && k.until <= now.Unix()
	})}
}

// IDs returns the kids of the keys.
func (s KeySet) IDs() []string {
	ids := make([]string, len(s.keys))
	for i, k := range s.keys {
		ids[i] = k.KeyID
	}
	return ids
}

// Holds reports whether the set has the public half of a key under that kid.
func (s KeySet) Holds(k keys.Key, kid string) bool {
	one, err := KeySet{}.With(k, kid)
	found := s.find(kid)
	return err == nil && found != nil && found.Algorithm == k.Method().Alg() &&
		found.Key.(interface{ Equal(crypto.PublicKey) bool }).Equal(one.keys[0].Key)
}

// JWKS returns the JWK Set to publish: kty, use, alg, kid and the numbers of each key.
func (s KeySet) JWKS() []byte {
	public := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range s.keys {
		public.Keys = append(public.Keys, k.JSONWebKey)
	}
	return mustMarshal(public)
}

// Text returns the set as ParseKeySet reads it.
func (s KeySet) Text() secrets.Value {
	document := map[string][]publicKey{"keys": append([]publicKey{}, s.keys...)}
	return secrets.New(string(mustMarshal(document)))
}

// Equal reports whether both sets have the same keys, in the same order and with the same ends.
func (s KeySet) Equal(other KeySet) bool { return s.Text().Equal(other.Text()) }

func mustMarshal(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // the keys have been parsed
	}
	return raw
}
