package logging

import (
	"fmt"
	"unicode/utf8"
)

// Cut returns a text whose JSON string has at most limit bytes, quotes excluded. A longer text is
// cut and ends with its original size. limit must leave room for that: at least 64.
func Cut(text string, limit int) string {
	if 6*len(text) <= limit || EncodedSize(text) <= limit {
		return text
	}
	mark := fmt.Sprintf("… (cut: %d bytes)", len(text))
	room := limit - len(mark)
	for i := 0; ; {
		r, n := utf8.DecodeRuneInString(text[i:])
		if room -= encodedRune(r, n); room < 0 {
			return text[:i] + mark
		}
		i += n
	}
}

// EncodedSize returns the number of bytes of a text as a JSON string, quotes excluded. Escaping
// makes a byte of a control character, or one that is not UTF-8, six bytes.
func EncodedSize(text string) int {
	size := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		size += encodedRune(r, n)
		i += n
	}
	return size
}

// encodedRune returns the encoded size of a character of n bytes.
// https://pkg.go.dev/encoding/json#Marshal
func encodedRune(r rune, n int) int {
	switch {
	case r == '"' || r == '\\' || r == '\b' || r == '\f' || r == '\n' || r == '\r' || r == '\t':
		return 2
	case r < ' ', r == utf8.RuneError && n == 1, r == '\u2028', r == '\u2029':
		return 6
	}
	return n
}
