package keys

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"regexp"
	"strings"
)

var (
	beginMarker = regexp.MustCompile(`-----BEGIN ([A-Z0-9 ]+?) *-----`)
	endMarker   = regexp.MustCompile(`-----END ([A-Z0-9 ]+?) *-----`)
)

// parsePEM parses the one private key in text, in which spaces replace all line breaks. It does not
// use encoding/pem, which requires every marker on a separate line.
func parsePEM(text string) (Key, error) {
	var body, label string
	for text != "" {
		l, b, rest, err := nextBlock(text)
		if err != nil {
			return Key{}, err
		}
		if l != "EC PARAMETERS" { // openssl writes them before an EC key, which also names its curve
			if body != "" {
				return Key{}, errSeveral
			}
			label, body = l, b
		}
		text = rest
	}
	if label == "" {
		return Key{}, errParameters
	}
	body = strings.TrimRight(strings.ReplaceAll(body, " ", ""), "=")
	der, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil {
		return Key{}, errDamaged
	}
	return parseDER(der)
}

// nextBlock returns the first block of text and the rest. It returns an error for a block that
// contains neither a private key nor the parameters of an EC key.
func nextBlock(text string) (label, body, rest string, err error) {
	begin := beginMarker.FindStringSubmatchIndex(text)
	if begin == nil || begin[0] != 0 {
		return "", "", "", errAround
	}
	label = text[begin[2]:begin[3]]
	text = text[begin[1]:]
	end := endMarker.FindStringSubmatchIndex(text)
	if end == nil || text[end[2]:end[3]] != label {
		return "", "", "", errCutOff
	}
	body, rest = text[:end[0]], strings.TrimPrefix(text[end[1]:], " ")
	switch {
	case strings.Contains(body, "-----"):
		return "", "", "", errCutOff
	case label == "EC PARAMETERS":
		return label, body, rest, nil
	case strings.HasSuffix(label, "CERTIFICATE"), strings.HasSuffix(label, "CERTIFICATE REQUEST"):
		return "", "", "", errCertificate
	case strings.HasSuffix(label, "PUBLIC KEY"):
		return "", "", "", errPublic
	case label == "ENCRYPTED PRIVATE KEY", strings.Contains(body, "ENCRYPTED"):
		return "", "", "", errEncrypted
	case label == "OPENSSH PRIVATE KEY":
		return "", "", "", errOpenSSH
	case label == "PRIVATE KEY", label == "RSA PRIVATE KEY", label == "EC PRIVATE KEY":
		return label, body, rest, nil
	}
	return "", "", "", errKind
}

// parseDER parses a key by its content and not by the label of the PEM, because tools that repair a
// pasted key may write the wrong label.
func parseDER(der []byte) (Key, error) {
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 {
		return Key{}, errDamaged // crypto/x509 would accept bytes after the key
	}
	if numbers, ok := rsaFromDER(der); ok {
		return numbers.key()
	}
	if private, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return newKey(private)
	}
	if private, err := x509.ParseECPrivateKey(der); err == nil {
		return newKey(private)
	}
	return Key{}, errUnreadable
}
