package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"testing"

	"example.com/okta-secops/secrets"
)

// members are the members of a JWK.
type members map[string]any

func (m members) text(t testing.TB) string {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// with returns a copy in which a member has the given value; nil removes the member.
func (m members) with(name string, value any) members {
	c := maps.Clone(m)
	c[name] = value
	if value == nil {
		delete(c, name)
	}
	return c
}

// padded returns a copy whose first number ends with the padding of base64.
func padded(m members) members {
	d := m["d"].(string)
	return m.with("d", d+strings.Repeat("=", (4-len(d)%4)%4))
}

func privateJWK(t testing.TB, private crypto.Signer) members {
	t.Helper()
	var set struct{ Keys []members }
	if err := json.Unmarshal(mustKey(t, private).JWKS("k1"), &set); err != nil {
		t.Fatal(err)
	}
	m := set.Keys[0]
	switch p := private.(type) {
	case *rsa.PrivateKey:
		m["d"] = encode(p.D.Bytes())
		m["p"], m["q"] = encode(p.Primes[0].Bytes()), encode(p.Primes[1].Bytes())
		m["dp"], m["dq"] = encode(p.Precomputed.Dp.Bytes()), encode(p.Precomputed.Dq.Bytes())
		m["qi"] = encode(p.Precomputed.Qinv.Bytes())
	case *ecdsa.PrivateKey:
		d, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		m["d"] = encode(d)
	}
	return m
}

func TestJWK_Parses(t *testing.T) {
	t.Parallel()
	for alg, private := range kinds(t) {
		good := privateJWK(t, private)
		indented, err := json.MarshalIndent(good, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		for way, text := range map[string]string{
			"on one line":             good.text(t),
			"indented":                string(indented),
			"CRLF and blanks around":  "\r\n \t" + strings.ReplaceAll(string(indented), "\n", "\r\n") + "\r\n ",
			`line breaks written \n`:  strings.ReplaceAll(string(indented), "\n", `\n`),
			`line breaks written \\n`: strings.ReplaceAll(string(indented), "\n", `\\n`),
			"byte order mark":         "\ufeff" + good.text(t),
			"members of other uses":   good.with("key_ops", []string{"sign"}).with("x5c", []string{"MII"}).text(t),
			"numbers padded":          padded(good).text(t),
			"without dp, dq, qi":      good.with("dp", nil).with("dq", nil).with("qi", nil).text(t),
		} {
			t.Run(alg+"/"+way, func(t *testing.T) {
				t.Parallel()
				k, err := Parse(secrets.New(text))
				if err != nil {
					t.Fatal(err)
				}
				if !private.(interface{ Equal(crypto.PrivateKey) bool }).Equal(k.private) {
					t.Error("another key was read")
				}
				if k.Method().Alg() != alg {
					t.Errorf("algorithm = %s, want %s", k.Method().Alg(), alg)
				}
				if k.ID() != "k1" {
					t.Errorf("ID() = %q, want k1", k.ID())
				}
			})
		}
		t.Run(alg+"/without kid", func(t *testing.T) {
			t.Parallel()
			k, err := Parse(secrets.New(good.with("kid", nil).text(t)))
			if err != nil || k.ID() != "" {
				t.Errorf("ID() = %q, error %v", k.ID(), err)
			}
		})
	}
}

func TestJWK_AcceptsDroppedLeadingZeros(t *testing.T) {
	t.Parallel()
	for {
		private := ecKey(t, elliptic.P256())
		d, err := private.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if d[0] != 0 {
			continue
		}
		k, err := Parse(secrets.New(privateJWK(t, private).with("d", encode(d[1:])).text(t)))
		if err != nil {
			t.Fatal(err)
		}
		if !private.Equal(k.private) {
			t.Error("another key was read")
		}
		return
	}
}

func TestJWK_SelectsAlgorithmOfRSAKey(t *testing.T) {
	t.Parallel()
	for alg, want := range map[string]string{"": "RS256", "RS256": "RS256", "RS384": "RS384", "RS512": "RS512"} {
		key, err := Parse(secrets.New(privateJWK(t, rsaKey()).with("alg", alg).text(t)))
		if err != nil || key.Method().Alg() != want {
			t.Errorf("alg %q: %v %v, want %s", alg, key.Method(), err, want)
		}
	}
}

func TestJWK_ReportsMistake(t *testing.T) {
	t.Parallel()
	r, e := privateJWK(t, rsaKey()), privateJWK(t, ecKey(t, elliptic.P256()))
	other := privateJWK(t, ecKey(t, elliptic.P256()))
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weakJWK := r.with("n", encode(weak.N.Bytes())).with("d", encode(weak.D.Bytes())).
		with("p", encode(weak.Primes[0].Bytes())).with("q", encode(weak.Primes[1].Bytes()))
	plusTwo := func(i *big.Int) string { return encode(new(big.Int).Add(i, big.NewInt(2)).Bytes()) }
	large := encode(new(big.Int).SetBit(big.NewInt(1), 16383, 1).Bytes())

	for name, tc := range map[string]struct {
		text string
		want error
	}{
		"no members":               {"{}", errJWK},
		"not closed":               {strings.TrimSuffix(r.text(t), "}"), errJWK},
		"a member of another type": {r.with("d", 12345678901234567).text(t), errJWK},
		"a service account file":   {`{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"}`, errJWK},
		"text after":               {r.text(t) + " and keep it safe", errAround},
		"a stray brace after":      {r.text(t) + "}", errAround},
		"two keys":                 {r.text(t) + "\n" + e.text(t), errSeveral},
		"a JWK Set":                {`{"keys":[` + r.text(t) + `]}`, errJWKSet},
		"an RSA public key":        {r.with("d", nil).with("p", nil).with("q", nil).text(t), errJWKPublic},
		"an EC public key":         {e.with("d", nil).text(t), errJWKPublic},
		"a shared secret":          {`{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0"}`, errKind},
		"Ed25519":                  {e.with("kty", "OKP").with("crv", "Ed25519").text(t), errKind},
		"secp256k1":                {e.with("crv", "secp256k1").text(t), errKind},
		"no curve":                 {e.with("crv", nil).text(t), errKind},

		"RSA without primes":       {r.with("p", nil).with("q", nil).text(t), errJWKPrimes},
		"RSA with 1024 bits":       {weakJWK.text(t), checkRSASize(1024)},
		"RSA with 16384 bits":      {r.with("n", large).text(t), checkRSASize(16384)},
		"RSA without modulus":      {r.with("n", nil).text(t), errDamaged},
		"RSA without exponent":     {r.with("e", nil).text(t), errDamaged},
		"RSA with a vast exponent": {r.with("e", large).text(t), errDamaged},
		"RSA with an exponent of 65 bits": {
			r.with("e", encode(new(big.Int).SetBit(big.NewInt(65537), 64, 1).Bytes())).text(t), errDamaged,
		},
		"RSA with a negative exponent": {r.with("e", strings.Repeat("_", 11)).text(t), errDamaged},
		"RSA with the longest prime":   {r.with("p", strings.Repeat("_", 1367)).text(t), errDamaged},
		"RSA with an even exponent":    {r.with("e", encode([]byte{2})).text(t), errDamaged},
		"RSA of another d":             {r.with("d", plusTwo(rsaKey().D)).text(t), errDamaged},
		"RSA of another prime":         {r.with("p", plusTwo(rsaKey().Primes[0])).text(t), errDamaged},
		"RSA of another dp":            {r.with("dp", plusTwo(rsaKey().Precomputed.Dp)).text(t), errDamaged},
		"RSA of another qi":            {r.with("qi", plusTwo(rsaKey().Precomputed.Qinv)).text(t), errDamaged},
		"RSA not in base64url":         {r.with("d", "*"+r["d"].(string)[1:]).text(t), errDamaged},
		"RSA with a huge prime":        {r.with("p", strings.Repeat("_", maxText/2)).text(t), errDamaged},

		"EC without a point":             {e.with("x", nil).with("y", nil).text(t), errDamaged},
		"EC with a point off the curve":  {e.with("y", e["x"]).text(t), errJWKPoint},
		"EC with the point of another":   {e.with("x", other["x"]).with("y", other["y"]).text(t), errJWKPoint},
		"EC with a d beyond the order":   {e.with("d", strings.Repeat("_", 42)+"8").text(t), errDamaged},
		"EC with a d that is too long":   {e.with("d", "AQ"+e["d"].(string)).text(t), errDamaged},
		"EC of another curve than named": {e.with("crv", "P-384").text(t), errJWKPoint},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, tc.text, tc.want)
		})
	}
}

func TestJWK_RefusesKeyThatIsNotForSignatures(t *testing.T) {
	t.Parallel()
	rsa, p256 := privateJWK(t, rsaKey()), privateJWK(t, ecKey(t, elliptic.P256()))
	for name, c := range map[string]struct {
		key  members
		want error
	}{
		"RSA for encryption":         {rsa.with("use", "enc"), errJWKUse},
		"EC for encryption":          {p256.with("use", "enc"), errJWKUse},
		"an unknown use":             {rsa.with("use", "SIG"), errJWKUse},
		"operations without sign":    {rsa.with("key_ops", []string{"decrypt", "verify"}), errJWKUse},
		"no operations":              {rsa.with("key_ops", []string{}), errJWKUse},
		"RSA-OAEP":                   {rsa.with("alg", "RSA-OAEP"), errJWKAlg},
		"PS256":                      {rsa.with("alg", "PS256"), errJWKAlg},
		"HS256":                      {rsa.with("alg", "HS256"), errJWKAlg},
		"none":                       {rsa.with("alg", "none"), errJWKAlg},
		"RS256 in another case":      {rsa.with("alg", "rs256"), errJWKAlg},
		"RSA with ES256":             {rsa.with("alg", "ES256"), errJWKAlg},
		"EC with RS256":              {p256.with("alg", "RS256"), errJWKAlg},
		"EC with another curve":      {p256.with("alg", "ES384"), errJWKAlg},
		"EC for key agreement":       {p256.with("alg", "ECDH-ES"), errJWKAlg},
		"both":                       {p256.with("use", "enc").with("alg", "ECDH-ES"), errJWKUse},
		"a use that is a number":     {rsa.with("use", 7), errJWK},
		"operations that are a text": {rsa.with("key_ops", "sign"), errJWK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, c.key.text(t), c.want)
		})
	}
	for _, good := range []members{
		rsa.with("use", "sig"), rsa.with("key_ops", []string{"verify", "sign"}), p256.with("alg", "ES256").with("use", nil),
	} {
		if _, err := Parse(secrets.New(good.text(t))); err != nil {
			t.Error(err)
		}
	}
}
