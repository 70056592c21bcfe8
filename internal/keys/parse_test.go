package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"example.com/okta-secops/secrets"
)

func encodePEM(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func pkcs8(t testing.TB, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func sec1(t testing.TB, private *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// parameters returns the block that openssl ecparam -genkey writes before an EC key.
func parameters(t testing.TB) string {
	t.Helper()
	der, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})
	if err != nil {
		t.Fatal(err)
	}
	return encodePEM("EC PARAMETERS", der)
}

var parametersBlock = regexp.MustCompile(`(?s)-----BEGIN EC PARAMETERS.*?END EC PARAMETERS-----\n`)

// keyBody returns the base64 in the PEM of a key.
func keyBody(p string) string {
	lines := strings.Split(strings.TrimSpace(parametersBlock.ReplaceAllString(p, "")), "\n")
	return strings.Join(lines[1:len(lines)-1], "\n")
}

// pasted are the changes that copying and pasting makes to a PEM.
var pasted = map[string]func(pem string) string{
	"as written":                   func(p string) string { return p },
	"line breaks lost":             func(p string) string { return strings.ReplaceAll(p, "\n", "") },
	"line breaks turned blanks":    func(p string) string { return strings.ReplaceAll(p, "\n", " ") },
	`line breaks written \n`:       func(p string) string { return strings.ReplaceAll(p, "\n", `\n`) },
	`line breaks written \\n`:      func(p string) string { return strings.ReplaceAll(p, "\n", `\\n`) },
	`line breaks written \r\n`:     func(p string) string { return strings.ReplaceAll(p, "\n", `\r\n`) },
	"CRLF":                         func(p string) string { return strings.ReplaceAll(p, "\n", "\r\n") },
	"CR alone":                     func(p string) string { return strings.ReplaceAll(p, "\n", "\r") },
	"blank lines between":          func(p string) string { return strings.ReplaceAll(p, "\n", "\n\n") },
	"lines indented":               func(p string) string { return "\n\t  " + strings.ReplaceAll(p, "\n", " \n\t  ") },
	"non-breaking spaces":          func(p string) string { return strings.ReplaceAll(p, " ", "\u00a0") },
	"two blanks in the markers":    func(p string) string { return strings.ReplaceAll(p, " ", "  ") },
	"byte order mark":              func(p string) string { return "\ufeff" + p },
	"no line break at the end":     strings.TrimSpace,
	"padding lost":                 func(p string) string { return strings.ReplaceAll(p, "=", "") },
	"markers lost":                 keyBody,
	"markers and line breaks lost": func(p string) string { return strings.Join(strings.Fields(keyBody(p)), "") },
	"body in base64url": func(p string) string {
		return strings.NewReplacer("+", "-", "/", "_").Replace(keyBody(p))
	},
	"base64 of the whole PEM": func(p string) string { return base64.StdEncoding.EncodeToString([]byte(p)) },
	"base64 in lines, unpadded": func(p string) string {
		return regexp.MustCompile(`.{76}`).ReplaceAllString(base64.RawStdEncoding.EncodeToString([]byte(p)), "$0\n")
	},
	"line breaks kept at markers": func(p string) string {
		return strings.NewReplacer("-----\n", "-----\n", "\n-----", "\n-----", "\n", "").Replace(p)
	},
}

func TestPEM_ParsesHoweverItWasPasted(t *testing.T) {
	t.Parallel()
	p256, p384, p521 := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384()), ecKey(t, elliptic.P521())
	for kind, tc := range map[string]struct {
		pem  string
		want crypto.Signer
		alg  string
	}{
		"RSA in PKCS#1": {encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), rsaKey(),
			"RS256"},
		"RSA in PKCS#8":                   {encodePEM("PRIVATE KEY", pkcs8(t, rsaKey())), rsaKey(), "RS256"},
		"RSA in PKCS#8 labeled as PKCS#1": {encodePEM("RSA PRIVATE KEY", pkcs8(t, rsaKey())), rsaKey(), "RS256"},
		"P-256 in SEC1":                   {encodePEM("EC PRIVATE KEY", sec1(t, p256)), p256, "ES256"},
		"P-256 in SEC1 after parameters":  {parameters(t) + encodePEM("EC PRIVATE KEY", sec1(t, p256)), p256, "ES256"},
		"P-256 in PKCS#8":                 {encodePEM("PRIVATE KEY", pkcs8(t, p256)), p256, "ES256"},
		"P-384 in SEC1":                   {encodePEM("EC PRIVATE KEY", sec1(t, p384)), p384, "ES384"},
		"P-521 in PKCS#8":                 {encodePEM("PRIVATE KEY", pkcs8(t, p521)), p521, "ES512"},
	} {
		for way, paste := range pasted {
			t.Run(kind+"/"+way, func(t *testing.T) {
				t.Parallel()
				k, err := Parse(secrets.New(paste(tc.pem)))
				if err != nil {
					t.Fatal(err)
				}
				if !tc.want.(interface{ Equal(crypto.PrivateKey) bool }).Equal(k.private) {
					t.Error("another key was read")
				}
				if k.Method().Alg() != tc.alg {
					t.Errorf("algorithm = %s, want %s", k.Method().Alg(), tc.alg)
				}
				if k.ID() != "" {
					t.Errorf("ID() = %q, want none", k.ID())
				}
			})
		}
	}
}

func TestParse_ReportsMistake(t *testing.T) {
	t.Parallel()
	good := encodePEM("PRIVATE KEY", pkcs8(t, rsaKey()))
	body := strings.Split(strings.TrimSpace(good), "\n")
	noise := make([]byte, 1200)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	certificate := func() string {
		template := &x509.Certificate{SerialNumber: big.NewInt(1)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, rsaKey().Public(), rsaKey())
		if err != nil {
			t.Fatal(err)
		}
		return encodePEM("CERTIFICATE", der)
	}()
	public, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	agreement, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// numbers returns the RSA key with one number changed, in PKCS#1.
	numbers := func(change func(*rsaNumbers)) []byte {
		r := rsaNumbers{
			N: rsaKey().N, E: big.NewInt(int64(rsaKey().E)), D: rsaKey().D, P: rsaKey().Primes[0], Q: rsaKey().Primes[1],
			DP: rsaKey().Precomputed.Dp, DQ: rsaKey().Precomputed.Dq, QI: rsaKey().Precomputed.Qinv,
		}
		change(&r)
		der, err := asn1.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	plusTwo := func(i *big.Int) *big.Int { return new(big.Int).Add(i, big.NewInt(2)) }
	huge := new(big.Int).SetBit(big.NewInt(1), 50000, 1)

	for name, tc := range map[string]struct {
		text string
		want error
	}{
		"nothing":                          {"", errEmpty},
		"blanks":                           {" \r\n\t", errEmpty},
		"a written line break":             {`\n`, errEmpty},
		"an API token":                     {"00" + strings.Repeat("aB3-_", 8), errToken},
		"an API token with its scheme":     {"SSWS 00" + strings.Repeat("aB3-_", 8), errToken},
		"prose":                            {"the key is in the vault", errNotKey},
		"a secret reference":               {"projects/acme/secrets/okta-itp-signing-key/versions/latest", errNotKey},
		"markers lost, and cut off":        {strings.Join(body[1:9], "\n"), errDamaged},
		"markers lost, of a public key":    {base64.StdEncoding.EncodeToString(public), errUnreadable},
		"base64 of a certificate's PEM":    {base64.StdEncoding.EncodeToString([]byte(certificate)), errCertificate},
		"base64 of two keys":               {base64.StdEncoding.EncodeToString([]byte(good + good)), errSeveral},
		"END line lost":                    {strings.Join(body[:len(body)-1], "\n"), errCutOff},
		"END line of another kind":         {strings.Replace(good, "END PRIVATE", "END RSA PRIVATE", 1), errCutOff},
		"cut in the middle":                {strings.Join(append(body[:9:9], body[len(body)-1]), "\n"), errDamaged},
		"two keys, the first cut off":      {strings.Join(body[:9], "\n") + "\n" + good, errCutOff},
		"a character that is not base64":   {strings.Replace(good, body[3], "*"+body[3][1:], 1), errDamaged},
		"no body":                          {"-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----", errDamaged},
		"noise in the body":                {encodePEM("PRIVATE KEY", append([]byte{4}, noise...)), errDamaged},
		"text before":                      {"my key: " + good, errAround},
		"text after":                       {good + "and keep it safe", errAround},
		"bytes after the key, in its body": {encodePEM("PRIVATE KEY", append(pkcs8(t, rsaKey()), 5, 0)), errDamaged},
		"two keys":                         {good + good, errSeveral},
		"two keys on one line":             {strings.ReplaceAll(good+good, "\n", ""), errSeveral},
		"a certificate":                    {certificate, errCertificate},
		"a certificate on one line":        {strings.ReplaceAll(certificate, "\n", ""), errCertificate},
		"a key and its certificate":        {good + certificate, errCertificate},
		"a certificate request":            {encodePEM("CERTIFICATE REQUEST", noise), errCertificate},
		"a public key":                     {encodePEM("PUBLIC KEY", public), errPublic},
		"a public key in PKCS#1": {encodePEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)),
			errPublic},
		"a public key labeled as private": {encodePEM("PRIVATE KEY", public), errUnreadable},
		"parameters alone":                {parameters(t), errParameters},
		"encrypted PKCS#8":                {encodePEM("ENCRYPTED PRIVATE KEY", noise), errEncrypted},
		"encrypted PKCS#1": {string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: noise,
			Headers: map[string]string{
				"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,0123456789ABCDEF"}})), errEncrypted},
		"OpenSSH": {encodePEM("OPENSSH PRIVATE KEY", noise), errOpenSSH},
		"PGP":     {encodePEM("PGP PRIVATE KEY BLOCK", noise), errKind},
		"Ed25519": {encodePEM("PRIVATE KEY", pkcs8(t, edwards)), errKind},
		"X25519":  {encodePEM("PRIVATE KEY", pkcs8(t, agreement)), errKind},
		"DSA":     {encodePEM("DSA PRIVATE KEY", noise), errKind},
		"P-224":   {encodePEM("EC PRIVATE KEY", sec1(t, ecKey(t, elliptic.P224()))), errKind},
		"RSA of another d": {encodePEM("RSA PRIVATE KEY", numbers(func(r *rsaNumbers) { r.D = plusTwo(r.D) })),
			errDamaged},
		"RSA of another dq": {encodePEM("RSA PRIVATE KEY", numbers(func(r *rsaNumbers) { r.DQ = plusTwo(r.DQ) })),
			errDamaged},
		"RSA of swapped primes": {encodePEM("RSA PRIVATE KEY", numbers(func(r *rsaNumbers) { r.P, r.Q = r.Q, r.P })),
			errDamaged},
		"RSA with a negative d": {encodePEM("RSA PRIVATE KEY", numbers(func(r *rsaNumbers) { r.D = new(big.Int).Neg(r.D) })),
			errDamaged},
		"RSA with a huge prime": {encodePEM("RSA PRIVATE KEY", numbers(func(r *rsaNumbers) { r.P = huge })), errDamaged},
		"RSA with a huge d":     {encodePEM("RSA PRIVATE KEY", numbers(func(r *rsaNumbers) { r.D = huge })), errDamaged},
		"RSA cut off in PKCS#8": {encodePEM("PRIVATE KEY", wrapRSA(t, numbers(func(*rsaNumbers) {})[:900])), errDamaged},
		"RSA for PSS alone": {encodePEM("PRIVATE KEY", bytes.Replace(pkcs8(t, rsaKey()), rsaOID, pssOID, 1)),
			errUnreadable},
		"RSA with 1024 bits":     {encodePEM("PRIVATE KEY", pkcs8(t, weak)), checkRSASize(1024)},
		"RSA with 512 bits":      {encodePEM("RSA PRIVATE KEY", rsaOfSize(t, 512)), checkRSASize(512)},
		"RSA with 16384 bits":    {encodePEM("RSA PRIVATE KEY", rsaOfSize(t, 16384)), checkRSASize(16384)},
		"far too long":           {good + strings.Repeat(" ", maxText), errTooLong},
		"markers without a kind": {"-----BEGIN -----", errAround},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, tc.text, tc.want)
		})
	}
}

// refused checks that Parse returns the error want, and that it quotes no part of the text.
func refused(t *testing.T, text string, want error) {
	t.Helper()
	k, err := Parse(secrets.New(text))
	if err == nil || !errors.Is(err, want) && err.Error() != want.Error() {
		t.Fatalf("error = %v, want %v", err, want)
	}
	if k.private != nil {
		t.Error("Parse returns a key and an error")
	}
	const window = 16
	for i := 0; i+window <= len(text); i++ {
		if strings.Contains(err.Error(), text[i:i+window]) {
			t.Fatalf("error %q repeats the text", err)
		}
	}
}

// rsaOID and pssOID are the last bytes of the identifiers of the two algorithms.
var rsaOID, pssOID = []byte{0xf7, 0x0d, 0x01, 0x01, 0x01}, []byte{0xf7, 0x0d, 0x01, 0x01, 0x0a}

// wrapRSA returns inner, which need not be a valid PKCS#1 key, in PKCS#8.
func wrapRSA(t *testing.T, inner []byte) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Version int
		Algo    pkix.AlgorithmIdentifier
		Private []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: rsaEncryption}, inner})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// rsaOfSize returns a key in PKCS#1 whose modulus has the given size. Its other numbers are not
// valid.
func rsaOfSize(t *testing.T, bits int) []byte {
	t.Helper()
	n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
	one := big.NewInt(1)
	der, err := asn1.Marshal(rsaNumbers{N: n, E: big.NewInt(65537), D: n, P: one, Q: one, DP: one, DQ: one, QI: one})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestPEM_RoundTrips(t *testing.T) {
	t.Parallel()
	for alg, private := range kinds(t) {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			text := mustKey(t, private).PEM()
			if !strings.HasPrefix(text.Reveal(), "-----BEGIN PRIVATE KEY-----\n") {
				t.Error("the PEM is not PKCS#8")
			}
			again, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if again.PEM().Reveal() != text.Reveal() {
				t.Error("the PEM is of another key")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	private := ecKey(f, elliptic.P256())
	good := encodePEM("PRIVATE KEY", pkcs8(f, private))
	f.Add(good)
	f.Add(strings.ReplaceAll(good, "\n", `\n`))
	f.Add(parameters(f) + encodePEM("EC PRIVATE KEY", sec1(f, private)))
	f.Add(encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())))
	f.Add(privateJWK(f, rsaKey()).text(f))
	f.Add(privateJWK(f, private).text(f))
	f.Add("-----BEGIN -----END -----")
	f.Add("{}{")
	f.Add(keyBody(good))
	f.Add(base64.StdEncoding.EncodeToString([]byte(good)))
	for _, text := range []string{
		"-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----",
		"-----BEGIN EC PRIVATE KEY-----\nMA==\n-----END EC PRIVATE KEY-----",
		"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----", `{"keys":[]}`,
		`{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB","p":"Aw","q":"Aw"}`,
		`{"kty":"EC","crv":"P-256","d":"AQ","x":"AQ","y":"AQ"}`, `{"kty":"EC","crv":"P-521","d":"","x":"","y":""}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := Parse(secrets.New(text))
		if err != nil {
			if len(err.Error()) > 200 || k.private != nil {
				t.Errorf("error = %v, key %v", err, k.private != nil)
			}
			for word := range strings.FieldsSeq(text) {
				if len(word) > 16 && strings.Contains(err.Error(), word) {
					t.Errorf("the error %q quotes a part of %q", err, text)
				}
			}
			return
		}
		if _, err := k.Sign(nil, nil); err != nil {
			t.Errorf("signing with a parsed key: %v", err)
		}
		if again, err := Parse(k.PEM()); err != nil || again.Method() != k.Method() {
			t.Errorf("parsing the PEM of a parsed key: %v", err)
		}
	})
}

func TestKeyID_RefusesKeysAndUnsafeCharacters(t *testing.T) {
	t.Parallel()
	ec := ecKey(t, elliptic.P256())
	body := strings.ReplaceAll(keyBody(encodePEM("PRIVATE KEY", pkcs8(t, ec))), "\n", "")
	for name, c := range map[string]struct {
		id   string
		want error
	}{
		"a key's body":      {body, errIDIsKey}, // 184 printable characters
		"a PEM":             {encodePEM("PRIVATE KEY", pkcs8(t, ec)), errIDIsKey},
		"a JWK":             {privateJWK(t, ec).text(t), errIDIsKey},
		"a damaged JWK":     {`{"kty":"EC","d":"canary"`, errIDIsKey},
		"a token":           {"eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOjF9.", errIDIsKey},
		"a space":           {"soc 1", errIDForm},
		"a line break":      {"soc\n1", errIDForm},
		"a control":         {"soc\x7f", errIDForm},
		"not ASCII":         {"schlüssel", errIDForm},
		"too long":          {strings.Repeat("k", 257), errIDForm},
		"the longest":       {strings.Repeat("k", 256), nil},
		"Okta's own":        {"SIMcCQNY3uwXoW3y0vf6VxiBb5n9pf8L2fK8d-FIbm4", nil},
		"punctuation":       {"soc/2026:{1}~!", nil},
		"a UUID":            {"3e5d6a1c-7a64-4b5c-9a0b-1f2e3d4c5b6a", nil},
		"empty is not this": {"", nil},
	} {
		if err := CheckID(c.id); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
