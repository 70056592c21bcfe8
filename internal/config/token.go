package config

import (
	"errors"
	"strings"

	"example.com/okta-secops/secrets"
)

// Errors of a value that is not an API token. They do not repeat any part of it.
var (
	errPrivateKey = errors.New("this is a private key, not an Okta API token: refer to it in OKTA_PRIVATE_KEY_SECRET, " +
		"with OKTA_USE_OAUTH on")
	errNoToken = errors.New("this is not an Okta API token, which is one word")
)

// APIToken returns the API token in a secret: one word, with or without the scheme SSWS in front. The error is a
// sentence for the operator.
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
