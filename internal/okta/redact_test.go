package okta

import (
	"strings"
	"testing"
)

func TestRedact_RemovesCredentials(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Not found: Resource not found: 00u1abcdefGHIJKLMN57 (User)":                 "Not found: Resource not found: 00u1abcdefGHIJKLMN57 (User)",
		"This operation is not allowed in the user's current status.":                "This operation is not allowed in the user's current status.",
		"see https://acme.okta.com/help?token=canary for more":                       "see https://acme.okta.com/help for more",
		"sent https://acme.okta.com/reset_password/canaryXE6wE17zmphl3KqAPFxO.":      "sent https://acme.okta.com/reset_password/[redacted]",
		"the header was SSWS 00canary, and bad":                                      "the header was SSWS [redacted] and bad",
		"authorization: bearer canary":                                               "authorization: bearer [redacted]",
		"token eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOjF9.canary is bad":                   "token [redacted] is bad",
		"00abcdefGHIJKLMNOPqrst12345uvwxyz-canary-is is a token":                     "[redacted] is a token",
		"-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY----- is a key":    "[redacted] is a key",
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj/gEAAoIBAQD+canary012345\nof a key": "[redacted] of a key",
		"-----BEGIN RSA PRIVATE KEY-----\ncanary":                                    "[redacted]",
		"red \x1b[31malert\r\nname\u0085\u009b2J\x00 end":                            "red  [31malert  name  2J  end",
		"a-very-long-word-without-any-number-in-it-stays":                            "a-very-long-word-without-any-number-in-it-stays",
		strings.Repeat("é ", 1000):                                                   strings.Repeat("é ", 333) + "…",
		"":                                                                           "",
	} {
		if got := redact(text); got != want {
			t.Errorf("%q\nis shown as %q,\nwant        %q", text, got, want)
		}
	}
}
