package keys

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"

	"example.com/okta-secops/secrets"
)

// maxText is in bytes. The longest accepted key, RSA with 8192 bits, takes about 7 KiB as a PEM or
// a JWK.
const maxText = 16 << 10

// Errors of Parse and CheckID. The operator sees them, so each mistake has its own sentence. None
// repeats a part of the input, which may be secret.
var (
	errEmpty   = errors.New("the private key is empty")
	errTooLong = errors.New("this is too long for a private key")
	errNotKey  = errors.New("this is neither a PEM nor a JWK; " +
		"paste the whole key, from -----BEGIN to the end of the -----END line")
	errToken       = errors.New("this looks like an API token, not like a private key")
	errCutOff      = errors.New("the PEM is cut off: a -----BEGIN line has no matching -----END line")
	errAround      = errors.New("there is text around the private key; paste the key alone")
	errSeveral     = errors.New("there are several private keys; paste exactly one")
	errEncrypted   = errors.New("the private key is encrypted with a passphrase; decrypt it first (openssl pkey)")
	errCertificate = errors.New("this holds a certificate; paste the private key alone")
	errPublic      = errors.New("this holds a public key; the private key is required")
	errParameters  = errors.New("these are only the parameters of an EC key; the private key is missing")
	errOpenSSH     = errors.New("this is a key in OpenSSH's own format; convert it to PEM first (ssh-keygen -p -m PEM)")
	errKind        = errors.New("this kind of key is not supported; use RSA or EC on P-256, P-384 or P-521")
	errDamaged     = errors.New("the private key is damaged; copy it again from its source")
	errUnreadable  = errors.New("the private key is damaged, or of a kind that is not supported; " +
		"use RSA or EC on P-256, P-384 or P-521")
	errJWK       = errors.New("this JSON is not a JWK")
	errJWKSet    = errors.New("this is a JWK Set; paste the one private key in it")
	errJWKPublic = errors.New("the JWK holds only the public half of the key; the private half is required")
	errJWKPrimes = errors.New("the JWK lacks the primes p and q of the RSA key")
	errJWKPoint  = errors.New("the JWK is damaged: x and y are not the public point of d")
	errJWKUse    = errors.New("the JWK is not for signatures (use, key_ops); use a key that signs")
	errJWKAlg    = errors.New("the alg of the JWK is not one that the key signs with: " +
		"RS256, RS384 or RS512 for RSA, ES256, ES384 or ES512 by the curve for EC")
	errIDForm  = errors.New("must be printable ASCII without spaces, at most 256 characters")
	errIDIsKey = errors.New("holds a private key or a token; it must be the ID (kid) of the key")
)

// writtenBreak is an escaped line break, as JSON, shells and web forms write it, escaped once or
// several times. Base64 and PEM markers contain no backslash.
var writtenBreak = regexp.MustCompile(`\\+[nr]`)

var tokenLike = regexp.MustCompile(`^(SSWS )?[A-Za-z0-9_-]{20,}$`)

// Parse parses a private key, RSA with 2048 to 8192 bits or EC on P-256, P-384 or P-521, in one of
// these formats:
//
//   - PEM (PKCS#1, PKCS#8 or SEC1), with or without its BEGIN and END lines. Line breaks may be
//     missing, doubled or escaped as \n.
//   - base64 of a whole PEM
//   - JWK
//
// The error is a sentence for the operator that contains no part of the key.
func Parse(v secrets.Value) (Key, error) {
	text := strings.TrimPrefix(v.Reveal(), "\ufeff")
	if len(text) > maxText {
		return Key{}, errTooLong
	}
	line := oneLine(text)
	switch {
	case line == "":
		return Key{}, errEmpty
	case strings.HasPrefix(line, "{"):
		return parseJWK(text)
	case strings.Contains(line, beginText):
		return parsePEM(line)
	}
	return parseBase64(line)
}

const beginText = "-----BEGIN "

// oneLine returns a text in which every run of line breaks and other white space is one space.
func oneLine(text string) string {
	return strings.Join(strings.Fields(writtenBreak.ReplaceAllString(text, " ")), " ")
}

// parseBase64 parses a key without markers: the body of a PEM, or the base64 of a whole PEM.
func parseBase64(line string) (Key, error) {
	const sequence = 0x30 // every private key in DER begins with this ASN.1 tag
	body := strings.NewReplacer(" ", "", "-", "+", "_", "/").Replace(line)
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(body, "="))
	switch {
	case err == nil && len(raw) > 32 && raw[0] == sequence:
		return parseDER(raw)
	case err == nil && strings.HasPrefix(strings.TrimPrefix(string(raw), "\ufeff"), beginText):
		return parsePEM(oneLine(strings.TrimPrefix(string(raw), "\ufeff")))
	case tokenLike.MatchString(line):
		return Key{}, errToken
	}
	return Key{}, errNotKey
}

// maxID is the maximum length of a key ID in characters.
const maxID = 256

// CheckID returns an error for a text that cannot be the ID (kid) of a key, for example because it
// is the key itself. The error completes a sentence about the ID and does not quote it.
func CheckID(id string) error {
	_, err := Parse(secrets.New(id))
	if err == nil || strings.Contains(id, beginText) || strings.HasPrefix(id, "{") || strings.HasPrefix(id, "eyJ") {
		return errIDIsKey
	}
	if len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errIDForm
	}
	return nil
}
