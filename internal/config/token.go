package config

import (
	"errors"
	"strings"

	"example.com/okta-secops/secrets"
)

// What is no API token. None of the sentences repeats a part of the secret.
var (
	errPrivateKey = errors.New("this is a private key, not an API token of Okta; a key belongs in OKTA_PRIVATE_KEY_SECRET, with OKTA_USE_OAUTH on")
	errNoToken    = errors.New("this is not an API token of Okta, which is one word")
)

// APIToken returns the API token that a secret holds: one word, with or without the scheme SSWS of the header that people
// paste it with. The error is a sentence for whoever configured it.
func APIToken(v secrets.Value) (secrets.Value, error) {
	text := v.Reveal()
	if strings.Contains(text, "-----BEGIN ") || strings.HasPrefix(strings.TrimSpace(text), "{") {
		return secrets.Value{}, errPrivateKey
	}
	words := strings.Fields(text)
	if len(words) > 0 && strings.EqualFold(words[0], "SSWS") {
		words = words[1:]
	}
	if len(words) != 1 || strings.ContainsFunc(words[0], func(r rune) bool { return r <= ' ' || r > '~' }) {
		return secrets.Value{}, errNoToken
	}
	return secrets.New(words[0]), nil
}
