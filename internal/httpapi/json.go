package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"example.com/okta-secops/internal/action"
)

// The bounds of a JSON text. They are far above those of a request or a delivery.
const (
	maxDepth   = 64
	maxMembers = 1000 // of one object
)

var (
	errTooDeep  = fmt.Errorf("is nested more than %d levels deep", maxDepth)
	errTooWide  = fmt.Errorf("has an object with more than %d members", maxMembers)
	errTrailing = errors.New("has something after the JSON value")
)

// duplicateError is the error of an object with a duplicate key.
type duplicateError struct{ first, second string }

func (e duplicateError) Error() string {
	if e.first == e.second {
		return fmt.Sprintf("has the key %q twice in one object", action.Shorten(e.first))
	}
	return fmt.Sprintf("has keys in one object that differ only in case: %q and %q",
		action.Shorten(e.first), action.Shorten(e.second))
}

// syntaxError is the error of a text that is not JSON. It does not quote the text, which may
// contain a password.
type syntaxError struct{ offset int } // of the first invalid byte; the length of the text if it ends too early

func (e syntaxError) Error() string { return fmt.Sprintf("is not JSON, at byte %d", e.offset+1) }

// explain returns the position of the error in the text and the usual cause. If show is true, it
// quotes the 20 characters around the position.
func (e syntaxError) explain(text []byte, show bool) string {
	before := []rune(string(text[max(0, e.offset-utf8.UTFMax*excerpt):e.offset]))
	after := []rune(string(text[e.offset:min(len(text), e.offset+utf8.UTFMax*excerpt)]))
	line := 1 + bytes.Count(text[:e.offset], []byte("\n"))
	column := 1 + utf8.RuneCount(text[1+bytes.LastIndexByte(text[:e.offset], '\n'):e.offset])
	message := fmt.Sprintf("is not JSON at line %d, column %d", line, column)
	if e.offset == len(text) {
		message = fmt.Sprintf("is not JSON: it ends too early, at line %d, column %d", line, column)
	}
	if show {
		near := string(before[max(0, len(before)-excerpt):]) + string(after[:min(len(after), excerpt)])
		message += ", near `" + strings.Map(printable, near) + "`"
	}
	return message + "; a placeholder's value may hold a double quote or a backslash, which JSON must escape"
}

// excerpt is the number of characters that are quoted before and after an error.
const excerpt = 10

// printable replaces characters that would make the message unreadable.
func printable(r rune) rune {
	if !unicode.IsPrint(r) || r == '`' {
		return ' '
	}
	return r
}

// cursor reads a JSON text from left to right. It allocates no memory for values that are skipped.
// A duplicate key is an error, also one that differs only in case, because the meant value is
// unknown.
type cursor struct {
	text  []byte // valid JSON
	at    int
	depth int
	keys  []key  // of the objects that the cursor is in, the innermost last
	lower []byte // the keys' names in lower case
}

// key is a key of an object: its position in the text, and that of its name in lower case.
type key struct{ from, to, lowerFrom, lowerTo int }

// newCursor returns a cursor at the beginning of a JSON text.
func newCursor(text []byte) (*cursor, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("is not valid UTF-8")
	}
	if json.Valid(text) {
		return &cursor{text: text}, nil
	}
	// Unmarshal checks the text before it decodes: this only finds the position of the error.
	var syntax *json.SyntaxError
	err := json.Unmarshal(text, &struct{}{})
	switch {
	case !errors.As(err, &syntax):
		return nil, errTooDeep
	case strings.HasSuffix(syntax.Error(), "after top-level value"):
		return nil, errTrailing
	case strings.HasPrefix(syntax.Error(), "unexpected end"):
		return nil, syntaxError{len(text)}
	case strings.Contains(syntax.Error(), "depth"):
		return nil, errTooDeep
	}
	return nil, syntaxError{int(syntax.Offset) - 1}
}

// next returns the first byte of the next value: that of a literal or a number, or one of {, [, "
// and the closing brackets.
func (c *cursor) next() byte {
	for strings.IndexByte(" \t\r\n,:", c.text[c.at]) >= 0 {
		c.at++
	}
	return c.text[c.at]
}

// null skips a null, and reports whether there was one.
func (c *cursor) null() bool {
	if c.next() != 'n' {
		return false
	}
	c.at += len("null")
	return true
}

// object reads an object. member reads the value of each member; nil skips them.
func (c *cursor) object(member func(name string) error) error {
	if err := c.descend(); err != nil {
		return err
	}
	keys, lower := len(c.keys), len(c.lower)
	for n := 1; c.next() != '}'; n++ {
		if n > maxMembers {
			return errTooWide
		}
		k := key{from: c.at, lowerFrom: len(c.lower)}
		c.skipString()
		k.to = c.at
		c.lower = unquote(c.lower, c.text[k.from:k.to], unicode.ToLower)
		k.lowerTo = len(c.lower)
		c.keys = append(c.keys, k)
		read := c.skip
		if member != nil {
			read = func() error { return member(c.name(k)) }
		}
		if err := read(); err != nil {
			return err
		}
	}
	c.at++
	c.depth--
	err := c.duplicate(c.keys[keys:])
	c.keys, c.lower = c.keys[:keys], c.lower[:lower]
	return err
}

func (c *cursor) name(k key) string { return string(unquote(nil, c.text[k.from:k.to], nil)) }

// duplicate returns the error of an object with these keys.
func (c *cursor) duplicate(keys []key) error {
	if len(keys) < 2 {
		return nil
	}
	lower := func(k key) []byte { return c.lower[k.lowerFrom:k.lowerTo] }
	slices.SortStableFunc(keys, func(a, b key) int { return bytes.Compare(lower(a), lower(b)) })
	for i, k := range keys[1:] {
		if bytes.Equal(lower(keys[i]), lower(k)) {
			return duplicateError{c.name(keys[i]), c.name(k)}
		}
	}
	return nil
}

// array reads an array. item reads each item; nil skips them.
func (c *cursor) array(item func(i int) error) error {
	if err := c.descend(); err != nil {
		return err
	}
	for i := 0; c.next() != ']'; i++ {
		var err error
		if item == nil {
			err = c.skip()
		} else {
			err = item(i)
		}
		if err != nil {
			return err
		}
	}
	c.at++
	c.depth--
	return nil
}

// descend enters an object or an array.
func (c *cursor) descend() error {
	if c.depth++; c.depth > maxDepth {
		return errTooDeep
	}
	c.at++
	return nil
}

// skip skips a value.
func (c *cursor) skip() error {
	switch c.next() {
	case '{':
		return c.object(nil)
	case '[':
		return c.array(nil)
	case '"':
		c.skipString()
	default:
		for c.at < len(c.text) && strings.IndexByte(" \t\r\n,:]}", c.text[c.at]) < 0 {
			c.at++
		}
	}
	return nil
}

func (c *cursor) skipString() {
	for c.at++; c.text[c.at] != '"'; c.at++ {
		if c.text[c.at] == '\\' {
			c.at++
		}
	}
	c.at++
}

// raw skips a value and returns its text.
func (c *cursor) raw() ([]byte, error) {
	c.next()
	from := c.at
	err := c.skip()
	return c.text[from:c.at], err
}

// scalar reads a string, a boolean, a json.Number or null. Of an object or an array it returns an
// empty one.
func (c *cursor) scalar() (any, error) {
	kind := c.next()
	raw, err := c.raw()
	switch kind {
	case '{':
		return map[string]any{}, err
	case '[':
		return []any{}, err
	case '"':
		return string(unquote(nil, raw, nil)), nil
	case 't', 'f':
		return kind == 't', nil
	case 'n':
		return nil, nil
	}
	return json.Number(raw), nil
}

// unquote appends the text of a JSON string to dst, as encoding/json reads it. mapping maps its
// runes, unless it is nil.
func unquote(dst, quoted []byte, mapping func(rune) rune) []byte {
	text := quoted[1 : len(quoted)-1]
	if mapping == nil && bytes.IndexByte(text, '\\') < 0 {
		return append(dst, text...)
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == '\\' {
			r, size = unescape(text)
		}
		if text = text[size:]; mapping != nil {
			r = mapping(r)
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// unescape reads the escape sequence at the beginning of text.
func unescape(text []byte) (r rune, size int) {
	if i := strings.IndexByte(`bfnrt`, text[1]); i >= 0 {
		return rune("\b\f\n\r\t"[i]), 2
	}
	if text[1] != 'u' {
		return rune(text[1]), 2
	}
	if r = codeUnit(text); !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if pair := utf16.DecodeRune(r, codeUnit(text[6:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// codeUnit reads the four digits of \uXXXX.
func codeUnit(text []byte) rune {
	n, _ := strconv.ParseInt(string(text[2:6]), 16, 32)
	return rune(n)
}
