package config_test

import (
	"strings"
	"testing"

	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/secrets"
)

func TestAPIToken_AcceptsPastedForms(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"00t0ken-_~", " 00t0ken-_~ ", "SSWS 00t0ken-_~", "ssws\t 00t0ken-_~ "} {
		token, err := config.APIToken(secrets.New(text))
		if err != nil || token.Reveal() != "00t0ken-_~" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAPIToken_ErrorDoesNotRepeatTheValue(t *testing.T) {
	t.Parallel()
	const (
		key  = "this is a private key, not an Okta API token: refer to it in OKTA_PRIVATE_KEY_SECRET, with OKTA_USE_OAUTH on"
		word = "this is not an Okta API token, which is one word"
	)
	for text, want := range map[string]string{
		"-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----": key,
		`-----BEGIN RSA PRIVATE KEY-----\ncanary\n`:                      key,
		` {"kty": "EC", "d": "canary"}`:                                  key,
		"two canaries":                                                   word,
		"SSWS two canaries":                                              word,
		"SSWS ":                                                          word,
		"":                                                               word,
		"canary\ncanary":                                                 word,
		"canary\x00":                                                     word,
		"canary\u00e9":                                                   word,
	} {
		token, err := config.APIToken(secrets.New(text))
		if err == nil || err.Error() != want || strings.Contains(err.Error(), "canar") || !token.IsZero() {
			t.Errorf("%q: %v", text, err)
		}
	}
}
