package secrets

import (
	"bytes"
	"cmp"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Withheld replaces a text that a Censor cannot clean.
const Withheld = "[withheld: contains a secret of the request]"

const (
	shortValue = 8  // characters; a shorter secret may occur in ordinary words
	keyPart    = 24 // characters; base64 of this length is treated as a part of a key or token
)

// Censor removes the values of secrets from texts of other systems, such as an error that repeats
// a part of the request. The zero Censor removes nothing.
type Censor struct {
	values []string // the secrets
	forms  []string // to replace: the long secrets and their parts, plain and escaped; longest first
}

// NewCensor returns a Censor for these secrets. It ignores empty ones.
func NewCensor(values ...Value) Censor {
	var c Censor
	for _, v := range values {
		for _, text := range []string{v.Reveal(), strings.TrimSpace(v.Reveal())} {
			if text == "" || slices.Contains(c.values, text) {
				continue
			}
			c.values = append(c.values, text)
			if utf8.RuneCountInString(text) >= shortValue {
				c.forms = append(append(c.forms, escaped(text)...), parts(text)...)
			}
		}
	}
	slices.SortFunc(c.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	c.forms = slices.Compact(c.forms)
	return c
}

// Clean returns text with every secret of at least 8 characters replaced by [redacted], including
// secrets that are escaped for JSON, a URL or HTML. It returns Withheld for a text that contains a
// shorter secret, because removing three characters from ordinary words would reveal them, and for
// a text that contains a secret escaped in another way.
func (c Censor) Clean(text string) string {
	for _, form := range c.forms {
		text = strings.ReplaceAll(text, form, redacted)
	}
	if c.occurs(strings.ReplaceAll(text, redacted, "\x00"), 2) {
		return Withheld
	}
	return text
}

// occurs reports whether text contains a secret, after at most depth rounds of unescaping.
func (c Censor) occurs(text string, depth int) bool {
	if slices.ContainsFunc(c.values, func(v string) bool { return strings.Contains(text, v) }) {
		return true
	}
	if depth == 0 {
		return false
	}
	query := strings.ReplaceAll(text, "+", " ")
	for _, plain := range []string{html.UnescapeString(text), unescapeURL(text), unescapeURL(query), unescapeJSON(text)} {
		if plain != text && c.occurs(plain, depth-1) {
			return true
		}
	}
	return false
}

// escaped returns the text as programs may repeat it: plain, and escaped for URLs, HTML and JSON.
func escaped(text string) []string {
	inHTML := html.EscapeString(text)
	forms := []string{
		text, url.QueryEscape(text), url.PathEscape(text), inHTML,
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(inHTML),
		strings.ReplaceAll(inHTML, "&#34;", "&quot;"),
	}
	for _, escapeHTML := range []bool{true, false} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(escapeHTML)
		_ = e.Encode(text) // a string can be encoded
		forms = append(forms, strings.Trim(strings.TrimSpace(b.String()), `"`))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

var base64Run = regexp.MustCompile(`[A-Za-z0-9+/_-]{` + strconv.Itoa(keyPart) + `,}`)

// parts returns the long sequences of base64 in a text: the lines of a PEM, the segments of a
// token, or the members of a JWK.
func parts(text string) []string {
	return base64Run.FindAllString(strings.NewReplacer(`\n`, "\n", `\r`, "\n").Replace(text), -1)
}

var (
	percent   = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	backslash = regexp.MustCompile(`\\(?:u[0-9A-Fa-f]{4}|.)`)
)

// unescapeURL decodes valid percent-encoding and keeps the rest of the text.
func unescapeURL(text string) string {
	return percent.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(s[1:], 16, 8) // two hex digits
		return string([]byte{byte(n)})
	})
}

// unescapeJSON decodes JSON escapes and keeps the rest of the text.
func unescapeJSON(text string) string {
	return backslash.ReplaceAllStringFunc(text, func(s string) string {
		var plain string
		if json.Unmarshal([]byte(`"`+s+`"`), &plain) != nil {
			return s[1:] // not a JSON escape
		}
		return plain
	})
}
