package ssf

import (
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
)

func newKey(t *testing.T) keys.Key {
	t.Helper()
	k, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func with(t *testing.T, s KeySet, k keys.Key, kid string) KeySet {
	t.Helper()
	s, err := s.With(k, kid)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeySet_RetiredKeyIsPublishedUntilItsEnd(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	first, second, third := newKey(t), newKey(t), newKey(t)
	s := with(t, with(t, KeySet{}, first, "1"), second, "2")
	s = s.Retire("2", now.Add(24*time.Hour))
	s = with(t, s, third, "3").Retire("3", now.Add(36*time.Hour))
	stored, err := ParseKeySet(s.Text())
	if err != nil || !stored.Equal(s) {
		t.Fatalf("read again: %v", err)
	}
	for after, want := range map[time.Duration][]string{
		0: {"1", "2", "3"}, 24*time.Hour - 1: {"1", "2", "3"}, 24 * time.Hour: {"2", "3"}, 36 * time.Hour: {"3"}, 1e6 * time.Hour: {"3"},
	} {
		if diff := cmp.Diff(want, stored.At(now.Add(after)).IDs()); diff != "" {
			t.Errorf("after %s:\n%s", after, diff)
		}
	}
	if !stored.Holds(first, "1") || stored.Holds(first, "2") || stored.Holds(first, "4") {
		t.Error("another key is found")
	}
	if replaced := with(t, stored, third, "1"); !replaced.Holds(third, "1") || len(replaced.IDs()) != 3 {
		t.Error("a key of the same kid is not replaced")
	}
	if text := string(stored.JWKS()); strings.Contains(text, `"exp"`) {
		t.Error(text)
	}
}

func TestParseKeySet_RefusesWhatMustNotBePublished(t *testing.T) {
	t.Parallel()
	rsaKey, err := keys.GenerateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	ec := newKey(t)
	one := func(k keys.Key, kid string) string { return string(k.JWKS(kid)) }
	edit := func(from, to string) string { return strings.Replace(one(ec, "1"), from, to, 1) }
	private := `{"keys": [` + ec.PrivateJWK("1").Reveal() + `]}`
	for name, c := range map[string]struct{ text, problem string }{
		"a private EC key":    {private, "must not hold private keys"},
		"a private RSA key":   {`{"keys": [` + rsaKey.PrivateJWK("1").Reveal() + `]}`, "must not hold private keys"},
		"a private key alone": {ec.PrivateJWK("1").Reveal(), "must be a JWK Set"},
		"a shared secret":     {`{"keys": [{"kty": "oct", "kid": "1", "k": "c2VjcmV0LWNhbmFyeQ"}]}`, "must not hold private keys"},
		"a PEM":               {ec.PEM().Reveal(), "must be a JWK Set"},
		"an empty text":       {"", "must be a JWK Set"},
		"null":                {`{"keys": null}`, "must be a JWK Set"},
		"no kid":              {one(ec, ""), "has no kid"},
		"two of one kid":      {`{"keys": [` + strings.TrimSuffix(strings.TrimPrefix(one(ec, "1"), `{"keys":[`), "]}") + `,` + strings.TrimPrefix(one(newKey(t), "1"), `{"keys":[`), "two keys with the kid 1"},
		"for encryption":      {edit(`"sig"`, `"enc"`), "must have the use sig"},
		"another algorithm":   {edit(`"ES256"`, `"ES384"`), "the alg ES256"},
		"a damaged number":    {edit(`"x":"`, `"x":"AAAA`), "is not a JWK"},
		"an end that is text": {edit(`"kty"`, `"exp":"soon","kty"`), "is not a JWK"},
		"a small RSA key":     {smallKey(t), "less than 2048 bits"},
		"Ed25519":             {`{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`, "not a public RSA or EC key"},
	} {
		s, err := ParseKeySet(secrets.New(c.text))
		if err == nil || !strings.Contains(err.Error(), c.problem) || len(s.IDs()) > 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), "canary") || len(err.Error()) > 200 {
			t.Errorf("%s: %v repeats the text", name, err)
		}
	}
}

func smallKey(t *testing.T) string {
	t.Helper()
	n := strings.Repeat("v", 171) // 1,026 bits
	return `{"keys": [{"kty": "RSA", "kid": "1", "n": "` + n + `", "e": "AQAB"}]}`
}

// jwksSchema is the form of a published JWK Set: RFC 7517, sections 4 and 5, and RFC 7518, section 6, without private
// members.
const jwksSchema = `{
	"type": "object", "required": ["keys"], "additionalProperties": false,
	"properties": {"keys": {"type": "array", "items": {
		"type": "object", "required": ["kty", "use", "alg", "kid"],
		"properties": {"use": {"const": "sig"}, "kid": {"type": "string", "minLength": 1}},
		"oneOf": [
			{"properties": {"kty": {"const": "RSA"}, "alg": {"enum": ["RS256", "RS384", "RS512"]}, "use": {}, "kid": {},
				"n": {"type": "string", "pattern": "^[A-Za-z0-9_-]{342,}$"}, "e": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}},
				"required": ["n", "e"], "additionalProperties": false},
			{"properties": {"kty": {"const": "EC"}, "alg": {"enum": ["ES256", "ES384", "ES512"]}, "use": {}, "kid": {},
				"crv": {"enum": ["P-256", "P-384", "P-521"]},
				"x": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}, "y": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}},
				"required": ["crv", "x", "y"], "additionalProperties": false}
		]}}}}`

func TestJWKS_MeetsItsSchema(t *testing.T) {
	t.Parallel()
	var schema jsonschema.Schema
	if err := json.Unmarshal([]byte(jwksSchema), &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	check := func(text []byte) error {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			return err
		}
		return resolved.Validate(v)
	}
	rsaKey, err := keys.GenerateRSA(3072)
	if err != nil {
		t.Fatal(err)
	}
	s := with(t, with(t, KeySet{}, rsaKey, "rsa"), newKey(t), "ec")
	for _, set := range []KeySet{s, s.Retire("ec", time.Now()), {}} {
		if err := check(set.JWKS()); err != nil {
			t.Errorf("%s: %v", set.JWKS(), err)
		}
	}
	if check([]byte(`{"keys": [`+rsaKey.PrivateJWK("rsa").Reveal()+`]}`)) == nil || check([]byte(s.Retire("ec", time.Now()).Text().Reveal())) == nil {
		t.Error("the schema accepts a private key, or a member exp")
	}
	var published jose.JSONWebKeySet
	if err := json.Unmarshal(s.JWKS(), &published); err != nil || published.Keys[0].Key.(*rsa.PublicKey).N.BitLen() != 3072 {
		t.Errorf("read by go-jose: %v", err)
	}
}

func TestMetadata_HasTheRequiredMembers(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(NewMetadata("https://t.example", "https://t.example/jwks.json"))
	const want = `{"spec_version":"1_0","issuer":"https://t.example","jwks_uri":"https://t.example/jwks.json",` +
		`"delivery_methods_supported":["urn:ietf:rfc:8935"]}`
	if err != nil || string(got) != want {
		t.Errorf("%s %v", got, err)
	}
}
