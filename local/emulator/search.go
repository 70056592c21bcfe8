package emulator

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// predicate is a parsed expression on objects of one type.
type predicate[T any] func(T) bool

// attributes returns the getter of an attribute, or nil if it does not exist, and whether it is a
// time.
type attributes[T any] func(name string) (get func(T) any, isTime bool)

// parseExpression parses a search expression: "attribute operator value", combined with "and", "or"
// and parentheses. The operators are eq sw co gt ge lt le pr, and the case of text is ignored. With
// filter it parses a filter expression, which compares text exactly and supports only
// filterOperators.
func parseExpression[T any](s string, filter bool, of attributes[T]) (predicate[T], bool) {
	tokens, ok := tokenize(s)
	if !ok {
		return nil, false
	}
	p := parser[T]{tokens: tokens, filter: filter, of: of}
	expr, ok := p.disjunction()
	return expr, ok && len(p.tokens) == 0
}

// tokenize splits an expression into parentheses, quoted strings (with their quotes) and words.
func tokenize(s string) ([]string, bool) {
	var tokens []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		end := 1
		switch s[0] {
		case '(', ')':
		case '"':
			for end < len(s) && s[end] != '"' {
				if s[end] == '\\' {
					end++
				}
				end++
			}
			if end++; end > len(s) {
				return nil, false
			}
		default:
			delimiter := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`()"`, r) }
			if end = strings.IndexFunc(s, delimiter); end < 0 {
				end = len(s)
			}
		}
		tokens, s = append(tokens, s[:end]), s[end:]
	}
	return tokens, true
}

// parser is a recursive-descent parser, which removes tokens from the front.
type parser[T any] struct {
	tokens []string
	filter bool
	of     attributes[T]
}

// next returns the next token, or "" at the end.
func (p *parser[T]) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// take removes the next token if it is the word, in upper or lower case, and reports whether it
// was.
func (p *parser[T]) take(word string) bool {
	if len(p.tokens) > 0 && strings.EqualFold(p.tokens[0], word) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *parser[T]) disjunction() (predicate[T], bool) {
	left, ok := p.conjunction()
	for ok && p.take("or") {
		a := left
		var b predicate[T]
		b, ok = p.conjunction()
		left = func(o T) bool { return a(o) || b(o) }
	}
	return left, ok
}

func (p *parser[T]) conjunction() (predicate[T], bool) {
	left, ok := p.term()
	for ok && p.take("and") {
		a := left
		var b predicate[T]
		b, ok = p.term()
		left = func(o T) bool { return a(o) && b(o) }
	}
	return left, ok
}

func (p *parser[T]) term() (predicate[T], bool) {
	if p.take("(") {
		inner, ok := p.disjunction()
		return inner, ok && p.take(")")
	}
	name := p.next()
	get, isTime := p.of(name)
	op := strings.ToLower(p.next())
	if get == nil || p.filter && !filterTakes(strings.ToLower(name), op) {
		return nil, false
	}
	if op == "pr" {
		return func(o T) bool { v := get(o); return v != nil && v != "" }, true
	}
	var want any
	if json.Unmarshal([]byte(p.next()), &want) != nil {
		return nil, false
	}
	if text, ok := want.(string); ok && isTime {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, false
		}
		want = t
	}
	test := operators[op]
	if test == nil {
		return nil, false
	}
	return func(o T) bool {
		if list, ok := get(o).([]string); ok {
			return slices.ContainsFunc(list, func(have string) bool { return test(compare(have, want, !p.filter)) })
		}
		return test(compare(get(o), want, !p.filter))
	}, true
}

// timeOf returns the getter of a time attribute.
func timeOf[T any](get func(T) time.Time) (func(T) any, bool) {
	return func(o T) any {
		if t := get(o); !t.IsZero() {
			return t
		}
		return nil
	}, true
}

// userAttribute returns the getter of a user's attribute.
func userAttribute(name string) (get func(*user) any, isTime bool) {
	switch strings.ToLower(name) {
	case "id":
		return func(u *user) any { return u.id }, false
	case "status":
		return func(u *user) any { return u.status }, false
	case "type.id":
		return func(*user) any { return userTypeID }, false
	case "created":
		return timeOf(func(u *user) time.Time { return u.created })
	case "activated":
		return timeOf(func(u *user) time.Time { return u.activated })
	case "statuschanged":
		return timeOf(func(u *user) time.Time { return u.statusChanged })
	case "lastlogin":
		return timeOf(func(u *user) time.Time { return u.lastLogin })
	case "lastupdated":
		return timeOf(func(u *user) time.Time { return u.lastUpdated })
	case "passwordchanged":
		return timeOf(func(u *user) time.Time { return u.passwordChanged })
	}
	prefix, key, _ := strings.Cut(name, ".")
	if key == "" || !strings.EqualFold(prefix, "profile") {
		return nil, false
	}
	return func(u *user) any {
		for k, v := range u.profile {
			if strings.EqualFold(k, key) {
				return v
			}
		}
		return nil
	}, false
}

// comparison is the result of comparing a user's value with the value of the expression.
type comparison struct {
	comparable bool // both exist and have the same type
	order      int  // -1, 0, 1
	starts     bool
	contains   bool
}

// operators are the operators of a search except pr. Okta does not support ne:
// https://developer.okta.com/docs/reference/user-query/#search-users
var operators = map[string]func(comparison) bool{
	"eq": func(c comparison) bool { return c.comparable && c.order == 0 },
	"gt": func(c comparison) bool { return c.comparable && c.order > 0 },
	"ge": func(c comparison) bool { return c.comparable && c.order >= 0 },
	"lt": func(c comparison) bool { return c.comparable && c.order < 0 },
	"le": func(c comparison) bool { return c.comparable && c.order <= 0 },
	"sw": func(c comparison) bool { return c.starts },
	"co": func(c comparison) bool { return c.contains },
}

// compare compares a user's value with the wanted one, ignoring the case of text if fold is set.
func compare(have, want any, fold bool) comparison {
	switch want := want.(type) {
	case time.Time:
		have, ok := have.(time.Time)
		return comparison{comparable: ok, order: have.Compare(want)}
	case string:
		have, ok := have.(string)
		if fold {
			have, want = strings.ToLower(have), strings.ToLower(want)
		}
		return comparison{
			comparable: ok, order: strings.Compare(have, want),
			starts: ok && strings.HasPrefix(have, want), contains: ok && strings.Contains(have, want),
		}
	case float64:
		number, err := strconv.ParseFloat(string(encode(have)), 64)
		order := 0
		if number < want {
			order = -1
		} else if number > want {
			order = 1
		}
		return comparison{comparable: err == nil, order: order}
	case bool:
		have, ok := have.(bool)
		order := 0
		if have != want {
			order = 1
		}
		return comparison{comparable: ok, order: order}
	}
	return comparison{}
}
