package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// rsaKey returns one key for all tests, because generating one takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		panic(err)
	}
	return private
})

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// kinds returns a key of every supported kind, by signing algorithm.
func kinds(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	return map[string]crypto.Signer{
		"RS256": rsaKey(),
		"ES256": ecKey(t, elliptic.P256()),
		"ES384": ecKey(t, elliptic.P384()),
		"ES512": ecKey(t, elliptic.P521()),
	}
}

func mustKey(t testing.TB, private any) Key {
	t.Helper()
	k, err := newKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestGenerate_ReturnsRSAKeyOf2048Bits(t *testing.T) {
	t.Parallel()
	k, err := GenerateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	if got := k.private.(*rsa.PrivateKey).N.BitLen(); got != 2048 {
		t.Errorf("%d bits, want 2048", got)
	}
	if k.ID() != "" {
		t.Errorf("ID() = %q, want none", k.ID())
	}
	again, err := Parse(k.PEM())
	if err != nil {
		t.Fatal(err)
	}
	if !k.private.(*rsa.PrivateKey).Equal(again.private) {
		t.Error("the PEM is of another key")
	}
}

func TestGenerateEC_ReturnsKeyOnP256(t *testing.T) {
	t.Parallel()
	k, err := GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	if k.Method().Alg() != "ES256" {
		t.Errorf("algorithm %s", k.Method().Alg())
	}
	if again, err := Parse(k.PEM()); err != nil || !k.private.(*ecdsa.PrivateKey).Equal(again.private) {
		t.Errorf("the PEM is of another key: %v", err)
	}
}

func TestPrivateJWK_IsTheKey(t *testing.T) {
	t.Parallel()
	for alg, private := range kinds(t) {
		k := mustKey(t, private)
		again, err := Parse(k.PrivateJWK("kid-1"))
		if err != nil || again.ID() != "kid-1" || !private.(interface{ Equal(crypto.PrivateKey) bool }).Equal(again.private) {
			t.Errorf("%s: %v", alg, err)
		}
		if text := fmt.Sprint(k.PrivateJWK("kid-1")); text != redacted {
			t.Errorf("%s: %s", alg, text)
		}
	}
	if !(Key{}).PrivateJWK("").IsZero() {
		t.Error("the zero Key has a JWK")
	}
}

// The key of RFC 7638, section 3.1, and its thumbprint.
func TestThumbprint_IsThatOfTheRFC(t *testing.T) {
	t.Parallel()
	n, err := base64.RawURLEncoding.DecodeString("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK" +
		"RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q" +
		"MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
	if err != nil {
		t.Fatal(err)
	}
	k := Key{private: &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}}}
	if got := k.Thumbprint(); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Error(got)
	}
	if got := (Key{}).Thumbprint(); got != "" {
		t.Errorf("the zero Key: %q", got)
	}
}

func TestKeyEqual_ComparesKeyAndID(t *testing.T) {
	t.Parallel()
	first, second := mustGenerate(t), mustGenerate(t)
	named := first
	named.id = "kid"
	again, err := Parse(first.PEM())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		other Key
		want  bool
	}{
		"itself": {first, true}, "read again": {again, true}, "another": {second, false}, "under an id": {named, false},
		"none": {Key{}, false},
	} {
		if first.Equal(c.other) != c.want || c.other.Equal(first) != c.want {
			t.Errorf("%s: %t", name, !c.want)
		}
	}
	if !(Key{}).Equal(Key{}) {
		t.Error("two zero keys are not equal")
	}
}

func mustGenerate(t *testing.T) Key {
	t.Helper()
	k, err := GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSign_VerifiesWithJWKS(t *testing.T) {
	t.Parallel()
	for alg, private := range kinds(t) {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			k := mustKey(t, private)
			if k.Method().Alg() != alg {
				t.Errorf("Method() = %s, want %s", k.Method().Alg(), alg)
			}
			signed, err := k.Sign(map[string]any{"kid": "k1", "typ": "secevent+jwt", "alg": "none"},
				jwt.MapClaims{"iat": int64(1748177272)})
			if err != nil {
				t.Fatal(err)
			}
			// The public key comes from the JWK Set, so that the test covers both.
			token, err := jwt.Parse(signed, func(*jwt.Token) (any, error) { return publicKey(t, k.JWKS("k1")), nil },
				jwt.WithValidMethods([]string{alg}))
			if err != nil {
				t.Fatalf("the signature is not valid: %v", err)
			}
			want := map[string]any{"alg": alg, "kid": "k1", "typ": "secevent+jwt"}
			if diff := cmp.Diff(want, token.Header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSign_WithoutHeaderReturnsPlainJWT(t *testing.T) {
	t.Parallel()
	k := mustKey(t, ecKey(t, elliptic.P256()))
	signed, err := k.Sign(nil, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := jwt.NewParser().ParseUnverified(signed, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"alg": "ES256", "typ": "JWT"}, token.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

func TestZeroKey_CannotSign(t *testing.T) {
	t.Parallel()
	var k Key
	if _, err := k.Sign(nil, jwt.MapClaims{}); err == nil {
		t.Error("the zero Key signs a token")
	}
	if got := string(k.JWKS("k1")); got != `{"keys":[]}` {
		t.Errorf("JWKS = %s", got)
	}
	if !k.PEM().IsZero() {
		t.Error("the zero Key has a PEM")
	}
}

func TestJWKS_ContainsOnlyPublicHalf(t *testing.T) {
	t.Parallel()
	members := map[string][]string{
		"RSA": {"alg", "e", "kid", "kty", "n", "use"},
		"EC":  {"alg", "crv", "kid", "kty", "use", "x", "y"},
	}
	for alg, private := range kinds(t) {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			var set struct{ Keys []map[string]string }
			if err := json.Unmarshal(mustKey(t, private).JWKS("k1"), &set); err != nil {
				t.Fatal(err)
			}
			if len(set.Keys) != 1 {
				t.Fatalf("%d keys, want 1", len(set.Keys))
			}
			got := set.Keys[0]
			if got["kid"] != "k1" || got["use"] != "sig" || got["alg"] != alg {
				t.Errorf("kid, use, alg = %s, %s, %s", got["kid"], got["use"], got["alg"])
			}
			names := slices.Sorted(maps.Keys(got))
			if diff := cmp.Diff(members[got["kty"]], names); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("without kid", func(t *testing.T) {
		t.Parallel()
		if got := mustKey(t, rsaKey()).JWKS(""); bytes.Contains(got, []byte("kid")) {
			t.Errorf("JWKS = %s", got)
		}
	})
}

func TestJWK_ContainsOnlyThumbprintMembers(t *testing.T) {
	t.Parallel()
	members := map[string][]string{"RSA": {"e", "kty", "n"}, "EC": {"crv", "kty", "x", "y"}}
	for alg, private := range kinds(t) {
		var got map[string]string
		if err := json.Unmarshal(mustKey(t, private).JWK(), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(members[got["kty"]], slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s: members (-want +got):\n%s", alg, diff)
		}
	}
}

func TestKey_IsAlwaysRedacted(t *testing.T) {
	t.Parallel()
	for alg, private := range kinds(t) {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			k := mustKey(t, private)
			var secret *big.Int
			switch p := private.(type) {
			case *rsa.PrivateKey:
				secret = p.D
			case *ecdsa.PrivateKey:
				d, err := p.Bytes()
				if err != nil {
					t.Fatal(err)
				}
				secret = new(big.Int).SetBytes(d)
			}
			holder := struct {
				Public  Key
				private Key
			}{k, k}
			var out strings.Builder
			for _, verb := range "vsqxXdT" {
				for _, flag := range []string{"", "+", "#"} {
					fmt.Fprintf(&out, "%"+flag+string(verb), k)
					fmt.Fprintf(&out, "%"+flag+string(verb), &k)
					fmt.Fprintf(&out, "%"+flag+string(verb), holder)
				}
			}
			out.WriteString(k.String() + k.GoString())
			slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", k, "holder", holder)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", k, "holder", holder)
			if err := json.NewEncoder(&out).Encode(map[string]any{"key": k, "holder": holder}); err != nil {
				t.Fatal(err)
			}
			text, err := k.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			out.Write(text)
			for _, form := range []string{
				secret.String(), secret.Text(16), strings.ToUpper(secret.Text(16)),
				base64.RawURLEncoding.EncodeToString(secret.Bytes())[:16],
				base64.StdEncoding.EncodeToString(secret.Bytes())[:16],
				secret.String()[:16],
			} {
				if strings.Contains(out.String(), form) {
					t.Fatalf("the private key was printed: %s", out.String())
				}
			}
			if !strings.Contains(out.String(), `{"holder":{"Public":"[redacted]"},"key":"[redacted]"}`) {
				t.Errorf("JSON is not redacted: %s", out.String())
			}
		})
	}
}

// publicKey decodes the one key of a JWK Set as RFC 7518 specifies, independently of the library
// that encodes it.
func publicKey(t *testing.T, jwks []byte) any {
	t.Helper()
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(jwks, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("JWK Set %s: %v", jwks, err)
	}
	k := set.Keys[0]
	octets := func(name string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(k[name])
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if k["kty"] == "RSA" {
		return &rsa.PublicKey{
			N: new(big.Int).SetBytes(octets("n")),
			E: int(new(big.Int).SetBytes(octets("e")).Int64()),
		}
	}
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(),
		"P-521": elliptic.P521()}[k["crv"]]
	public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, octets("x")...), octets("y")...))
	if err != nil {
		t.Fatal(err)
	}
	return public
}
