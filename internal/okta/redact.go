package okta

import (
	"regexp"
	"strings"
	"unicode"
)

// maxSaid is how much of Okta's words is shown, in bytes.
const maxSaid = 1000

const redacted = "[redacted]"

var (
	query      = regexp.MustCompile(`(https?://[^\s?]+)\?\S*`)
	oneTime    = regexp.MustCompile(`(/(?:welcome|reset_password|signin)/)[^\s"',;]+`)
	pemBlock   = regexp.MustCompile(`(?is)\S*BEGIN [A-Z ]*KEY.*?(?:END [A-Z ]*KEY-*|$)`)
	jwtText    = regexp.MustCompile(`eyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*)*`)
	schemeText = regexp.MustCompile(`(?i)(SSWS|Bearer|DPoP|Basic)\s+\S+`)
	longWord   = regexp.MustCompile(`[\w+/-]{32,}`) // ids of Okta have 20 characters, API tokens 42, a line of a key 64
)

// redact is what Okta says, without what looks like a credential: an error may repeat what it was sent. Control characters,
// which a log or a terminal may obey, become spaces.
func redact(said string) string {
	said = pemBlock.ReplaceAllString(said, redacted)
	said = query.ReplaceAllString(said, "$1")
	said = oneTime.ReplaceAllString(said, "$1"+redacted)
	said = jwtText.ReplaceAllString(said, redacted)
	said = schemeText.ReplaceAllString(said, "$1 "+redacted)
	said = longWord.ReplaceAllStringFunc(said, func(word string) string {
		if strings.ContainsFunc(word, unicode.IsDigit) && strings.ContainsFunc(word, unicode.IsLetter) {
			return redacted
		}
		return word
	})
	said = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, said)
	if len(said) > maxSaid {
		said = strings.ToValidUTF8(said[:maxSaid], "") + "…"
	}
	return said
}
