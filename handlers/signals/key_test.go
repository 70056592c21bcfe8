package signals_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

const soc = "https://soc.example.com"

// rsaKey returns a caller's key. It is generated once, because that is slow.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return mustMake(rsa.GenerateKey(rand.Reader, 2048)) })

func mustMake[K any](key K, err error) K {
	if err != nil {
		panic(err)
	}
	return key
}

func pemOf(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func jwkOf(members map[string]any) string {
	for name, member := range members {
		if n, is := member.(*big.Int); is {
			members[name] = base64.RawURLEncoding.EncodeToString(n.Bytes())
		}
	}
	return string(mustMake(json.Marshal(members)))
}

// rsaJWK returns rsaKey as a JWK with additional members.
func rsaJWK(more map[string]any) string {
	private := rsaKey()
	members := map[string]any{
		"kty": "RSA", "n": private.N, "e": big.NewInt(int64(private.E)), "d": private.D, "p": private.Primes[0], "q": private.Primes[1],
	}
	maps.Copy(members, more)
	return jwkOf(members)
}

// ownKeys returns private keys in every accepted format, with their signing algorithms.
func ownKeys() map[string][2]string {
	private := rsaKey()
	pkcs8 := pemOf("PRIVATE KEY", mustMake(x509.MarshalPKCS8PrivateKey(private)))
	ec := mustMake(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	point := mustMake(ec.PublicKey.Bytes())
	return map[string][2]string{
		"PKCS#8":                      {pkcs8, "RS256"},
		"PKCS#8 on one line":          {strings.ReplaceAll(pkcs8, "\n", " "), "RS256"},
		"PKCS#8 without line breaks":  {strings.ReplaceAll(pkcs8, "\n", ""), "RS256"},
		`PKCS#8 with \n for breaks`:   {strings.ReplaceAll(pkcs8, "\n", `\n`), "RS256"},
		"PKCS#8 with DOS line breaks": {"\r\n" + strings.ReplaceAll(pkcs8, "\n", "\r\n") + "  ", "RS256"},
		"PKCS#1":                      {pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private)), "RS256"},
		"JWK":                         {rsaJWK(nil), "RS256"},
		"SEC1 of an EC key":           {pemOf("EC PRIVATE KEY", mustMake(x509.MarshalECPrivateKey(ec))), "ES256"},
		"PKCS#8 of an EC key":         {pemOf("PRIVATE KEY", mustMake(x509.MarshalPKCS8PrivateKey(ec))), "ES256"},
		"JWK of an EC key": {jwkOf(map[string]any{
			"kty": "EC", "crv": "P-256", "d": new(big.Int).SetBytes(mustMake(ec.Bytes())),
			"x": new(big.Int).SetBytes(point[1:33]), "y": new(big.Int).SetBytes(point[33:]),
		}), "ES256"},
	}
}

// register registers a key in Okta for an issuer and a key ID.
func register(t *testing.T, w *testkit.World, issuer, kid, private string) {
	t.Helper()
	key, err := keys.Parse(secrets.New(private))
	if err != nil {
		t.Fatal(err)
	}
	w.Okta.RegisterTransmitter(issuer, key.JWKS(kid))
}

// The incumbent does not accept a PKCS#8 key in one line or with literal \n, nor an EC key.
func TestSendSignal_UsesKeyOfRequest(t *testing.T) {
	t.Parallel()
	for name, k := range ownKeys() {
		for _, parameter := range []string{"Private Key String", "Private Key"} { // the latter is the incumbent's name (its defect 19)
			t.Run(name+" as "+parameter, func(t *testing.T) {
				t.Parallel()
				w := testkit.New(t, testkit.Options{})
				register(t, w, soc, "soc-1", k[0])
				got := w.Run("signals/send-itp-signal", params(map[string]any{"Key ID": "soc-1", parameter: k[0], "Issuer URL": soc}))
				request, signal := sent(t, w), received(t, w)
				if diff := cmp.Diff(map[string]any{"alg": k[1], "kid": "soc-1", "typ": "secevent+jwt"}, part(t, request.Body, 0)); diff != "" {
					t.Errorf("header of the token (-want +got):\n%s", diff)
				}
				if !signal.Verified || !signal.Accepted || got.Get("json_result", "payload", "iss") != soc || got.Get("status") != "success" {
					t.Errorf("Okta: %s; reply: %s", signal.Error, got.Body)
				}
				quiet(t, w, got, k[0], w.Key.PEM().Reveal())

				w.Forget() // the key is used for that request only
				own := w.Run("signals/send-itp-signal", params(nil))
				if own.Get("json_result", "payload", "iss") != testkit.Issuer || part(t, sent(t, w).Body, 0)["kid"] != testkit.KeyID {
					t.Errorf("the call after it: %s", own.Body)
				}
			})
		}
	}
}

func TestSendSignal_UsesKeyIDOfJWK(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	jwk := rsaJWK(map[string]any{"kid": "soc-jwk"})
	register(t, w, soc, "soc-jwk", jwk)
	got := w.Run("signals/send-itp-signal", params(map[string]any{"Private Key String": jwk, "Issuer URL": soc}))
	if signal := received(t, w); !signal.Accepted || signal.KeyID != "soc-jwk" {
		t.Errorf("Okta: kid %s, %s; reply: %s", signal.KeyID, signal.Error, got.Body)
	}
}

// TestSendSignal_UsesKeyIDOfDeploymentJWK: replacing the key needs no change of the Key ID setting.
func TestSendSignal_UsesKeyIDOfDeploymentJWK(t *testing.T) {
	t.Parallel()
	jwk := rsaJWK(map[string]any{"kid": "soc-jwk"})
	w := testkit.New(t, testkit.Options{Env: map[string]string{"ITP_KEY_ID": "soc-old", "ITP_ISSUER_URL": soc}})
	w.Replace("key", secrets.New(jwk))
	register(t, w, soc, "soc-jwk", jwk)
	got := w.Run("signals/send-itp-signal", params(nil))
	if signal := received(t, w); !signal.Accepted || signal.KeyID != "soc-jwk" {
		t.Errorf("Okta: kid %s, %s; reply: %s", signal.KeyID, signal.Error, got.Body)
	}
}

func TestSendSignal_RejectsKeyThatCannotSign(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	pkcs8 := pemOf("PRIVATE KEY", mustMake(x509.MarshalPKCS8PrivateKey(rsaKey())))
	for name, c := range map[string]struct{ key, message string }{
		"RSA with 1024 bits": {pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(mustMake(rsa.GenerateKey(rand.Reader, 1024)))), "the RSA key has 1024 bits; at least 2048 are required"},
		"EC on P-224":        {pemOf("PRIVATE KEY", mustMake(x509.MarshalPKCS8PrivateKey(mustMake(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))))), "this kind of key is not supported; use RSA or EC on P-256, P-384 or P-521"},
		"cut off":            {pkcs8[:400], "the PEM is cut off: a -----BEGIN line has no matching -----END line"},
		"a public key":       {pemOf("PUBLIC KEY", mustMake(x509.MarshalPKIXPublicKey(&rsaKey().PublicKey))), "this holds a public key; the private key is required"},
		"no key at all":      {"not a key", "this is neither a PEM nor a JWK; paste the whole key, from -----BEGIN to the end of the -----END line"},
		"blanks":             {"   ", "the private key is empty"},
		"a placeholder":      {"[Vault.key]", "holds a placeholder that SecOps did not fill in"},
	} {
		got := w.Run("signals/send-itp-signal", params(map[string]any{"Private Key": c.key}))
		want := []any{map[string]any{"parameter": "Private Key String", "message": c.message}}
		if diff := cmp.Diff(want, got.Get("error", "problems")); got.HTTP != 400 || diff != "" {
			t.Errorf("%s: %d, problems (-want +got):\n%s", name, got.HTTP, diff)
		}
		quiet(t, w, got, c.key)
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}

func TestSendSignal_RequiresParametersWithoutSettings(t *testing.T) {
	t.Parallel()
	pkcs8 := pemOf("PRIVATE KEY", mustMake(x509.MarshalPKCS8PrivateKey(rsaKey())))
	none := map[string]string{"ITP_SIGNING_KEY_SECRET": "", "ITP_KEY_ID": "", "ITP_ISSUER_URL": ""}
	problem := map[string]string{
		"Key ID":             "is required, because the deployment does not configure one (ITP_KEY_ID)",
		"Private Key String": "is required, because the deployment does not configure one (ITP_SIGNING_KEY_SECRET)",
		"Issuer URL":         "is required, because the deployment does not configure one (ITP_ISSUER_URL)",
	}
	for name, c := range map[string]struct {
		env     map[string]string
		params  map[string]any
		missing []string
	}{
		"none at all":         {none, nil, []string{"Key ID", "Private Key String", "Issuer URL"}},
		"the call has a key":  {none, map[string]any{"Private Key": pkcs8}, []string{"Key ID", "Issuer URL"}},
		"the call has the id": {none, map[string]any{"Key ID": "soc-1", "Issuer URL": soc}, []string{"Private Key String"}},
		"the call has all":    {none, map[string]any{"Key ID": "soc-1", "Issuer URL": soc, "Private Key": pkcs8}, nil},
		"no issuer":           {map[string]string{"ITP_ISSUER_URL": ""}, nil, []string{"Issuer URL"}},
		"no key id":           {map[string]string{"ITP_KEY_ID": ""}, map[string]any{"Issuer URL": ""}, []string{"Key ID"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{Env: c.env})
			register(t, w, soc, "soc-1", pkcs8)
			got := w.Run("signals/send-itp-signal", params(c.params))
			if c.missing == nil {
				if !received(t, w).Accepted || got.Get("status") != "success" {
					t.Errorf("reply: %s", got.Body)
				}
				return
			}
			want := []any{}
			for _, parameter := range c.missing {
				want = append(want, map[string]any{"parameter": parameter, "message": problem[parameter]})
			}
			if diff := cmp.Diff(want, got.Get("error", "problems")); got.HTTP != 400 || diff != "" {
				t.Errorf("%d, problems (-want +got):\n%s", got.HTTP, diff)
			}
			if asked := w.Asked(); len(asked) > 0 {
				t.Errorf("requests to Okta: %v", asked)
			}
		})
	}
}

func TestSendSignal_ReportsOktaErrorOfUntrustedSignal(t *testing.T) {
	t.Parallel()
	other := pemOf("PRIVATE KEY", mustMake(x509.MarshalPKCS8PrivateKey(rsaKey())))
	for code, c := range map[string]struct {
		params map[string]any
		say    string
	}{
		"authentication_failed": {map[string]any{"Private Key String": other}, "The signature of the security event token is not valid: the private key does not belong to the public key that is published with this key ID"},
		"invalid_key":           {map[string]any{"Key ID": "unknown"}, "The 'kid' of the security event token is not among the keys of its issuer: publish the key with this ID at the issuer's JWKS URL, which Okta must reach, or sign with a published key"},
		"invalid_issuer":        {map[string]any{"Issuer URL": soc}, "The issuer of the security event token is not a registered security events provider: register the issuer in Okta as a security events provider, and activate it"},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{})
			got := w.Run("signals/send-itp-signal", params(c.params))
			message := code + ": " + c.say
			got.Want(t, 422, fmt.Sprintf(`{
				"action": "Send ITP Signal", "status": "failure", "is_success": false,
				"output_message": "Failed to send the ITP signal to Okta. Error is %[2]s",
				"script_result": {"name": "is_success", "value": false}, "json_result": null, "entities": [],
				"targets": [{"input": "Alice@Acme.Test", "source": "parameter", "outcome": "failed", "error": {"code": %[1]q, "message": %[2]q, "retryable": false}}],
				"warnings": [%[3]q], "error": {"code": %[1]q, "message": %[2]q, "problems": []}
			}`, code, message, oldEvent))
			sent(t, w) // a rejected signal is not sent again
			if signal := received(t, w); signal.Verified || signal.Accepted {
				t.Error("Okta accepted the signal")
			}
			quiet(t, w, got, other)
		})
	}
}

// An invalid key of the deployment fails every request until the operator replaces it.
func TestSendSignal_InvalidDeploymentKeyIsMisconfigured(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ref, say string }{
		"the secret is not a key": {"token", "the secret of ITP_SIGNING_KEY_SECRET (Private Key String) cannot be used: "},
		"the secret is missing":   {"nowhere", "ITP_SIGNING_KEY_SECRET (Private Key String): "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{Env: map[string]string{"ITP_SIGNING_KEY_SECRET": c.ref}})
			got := w.Run("signals/send-itp-signal", params(nil))
			if got.HTTP != 500 || got.Get("error", "code") != "misconfigured" ||
				!strings.HasPrefix(got.Get("output_message").(string), "Failed to send the ITP signal to Okta. Error is "+c.say) {
				t.Errorf("reply: %d %s", got.HTTP, got.Body)
			}
			quiet(t, w, got, w.Okta.Token())
		})
	}
}

func TestKeyID_RefusesAPastedKey(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	ec := mustMake(x509.MarshalPKCS8PrivateKey(mustMake(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))))
	isKey, form := "holds a private key or a token; it must be the ID (kid) of the key", "must be printable ASCII without spaces, at most 256 characters"
	for pasted, message := range map[string]string{
		base64.StdEncoding.EncodeToString(ec): isKey, pemOf("PRIVATE KEY", ec): isKey, rsaJWK(nil): isKey,
		"soc 1": form, "söc": form, strings.Repeat("canary", 50): form,
	} {
		got := w.Run("signals/send-itp-signal", params(map[string]any{"Key ID": pasted}))
		want := []any{map[string]any{"parameter": "Key ID", "message": message}}
		if diff := cmp.Diff(want, got.Get("error", "problems")); got.HTTP != 400 || diff != "" || strings.Contains(string(got.Body), pasted) {
			t.Errorf("%d, problems (-want +got):\n%s", got.HTTP, diff)
		}
	}
	if asked := w.Asked(); len(asked) > 0 {
		t.Errorf("requests to Okta: %v", asked)
	}
}
