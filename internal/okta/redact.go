package okta

import (
	"regexp"
	"strings"
	"unicode"
)

// maxQuoted bounds a text of Okta that is shown, in bytes.
const maxQuoted = 1000

const redacted = "[redacted]"

var (
	query       = regexp.MustCompile(`(https?://[^\s?]+)\?\S*`)
	oneTimeLink = regexp.MustCompile(`(/(?:welcome|reset_password|signin)/)[^\s"',;]+`)
	pemBlock    = regexp.MustCompile(`(?is)\S*BEGIN [A-Z ]*KEY.*?(?:END [A-Z ]*KEY-*|$)`)
	jwtText     = regexp.MustCompile(`eyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*)*`)
	schemeText  = regexp.MustCompile(`(?i)(SSWS|Bearer|DPoP|Basic)\s+\S+`)
	longWord    = regexp.MustCompile(`[\w+/-]{32,}`) // an Okta id has 20 characters, an API token 42, a line of a key 64
)

// redact returns a text of Okta without anything that looks like a credential, because an error may
// repeat the request. Control characters, which a log or a terminal may interpret, become spaces.
func redact(text string) string {
	text = pemBlock.ReplaceAllString(text, redacted)
	text = query.ReplaceAllString(text, "$1")
	text = oneTimeLink.ReplaceAllString(text, "$1"+redacted)
	text = jwtText.ReplaceAllString(text, redacted)
	text = schemeText.ReplaceAllString(text, "$1 "+redacted)
	text = longWord.ReplaceAllStringFunc(text, func(word string) string {
		if strings.ContainsFunc(word, unicode.IsDigit) && strings.ContainsFunc(word, unicode.IsLetter) {
			return redacted
		}
		return word
	})
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return text
}
