package emulator

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// predicate is a parsed expression.
type predicate func(*user) bool

// parseExpression parses a search expression: attribute operator value, joined by and and or, with parentheses;
// the operators are eq sw co gt ge lt le pr, and text compares without regard to case. With filter, it parses a
// filter expression, in which text compares exactly and filterOperators limits attributes and operators.
func parseExpression(s string, filter bool) (predicate, bool) {
	tokens, ok := tokenize(s)
	if !ok {
		return nil, false
	}
	p := parser{tokens: tokens, filter: filter}
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
			if end = strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`()"`, r) }); end < 0 {
				end = len(s)
			}
		}
		tokens, s = append(tokens, s[:end]), s[end:]
	}
	return tokens, true
}

// parser consumes tokens from the front.
type parser struct {
	tokens []string
	filter bool
}

// next takes a token, "" at the end.
func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// take takes the next token if it is the word, in any case.
func (p *parser) take(word string) bool {
	if len(p.tokens) > 0 && strings.EqualFold(p.tokens[0], word) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *parser) disjunction() (predicate, bool) {
	left, ok := p.conjunction()
	for ok && p.take("or") {
		a := left
		var b predicate
		b, ok = p.conjunction()
		left = func(u *user) bool { return a(u) || b(u) }
	}
	return left, ok
}

func (p *parser) conjunction() (predicate, bool) {
	left, ok := p.term()
	for ok && p.take("and") {
		a := left
		var b predicate
		b, ok = p.term()
		left = func(u *user) bool { return a(u) && b(u) }
	}
	return left, ok
}

func (p *parser) term() (predicate, bool) {
	if p.take("(") {
		inner, ok := p.disjunction()
		return inner, ok && p.take(")")
	}
	name := p.next()
	get, isTime := attribute(name)
	op := strings.ToLower(p.next())
	if get == nil || p.filter && !filterTakes(strings.ToLower(name), op) {
		return nil, false
	}
	if op == "pr" {
		return func(u *user) bool { v := get(u); return v != nil && v != "" }, true
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
	return func(u *user) bool { return test(compare(get(u), want, !p.filter)) }, true
}

// attribute returns the reader of an attribute, nil when there is none of that name, and whether it is a time.
func attribute(name string) (get func(*user) any, isTime bool) {
	at := func(get func(*user) time.Time) (func(*user) any, bool) {
		return func(u *user) any {
			if t := get(u); !t.IsZero() {
				return t
			}
			return nil
		}, true
	}
	switch strings.ToLower(name) {
	case "id":
		return func(u *user) any { return u.id }, false
	case "status":
		return func(u *user) any { return u.status }, false
	case "type.id":
		return func(*user) any { return userTypeID }, false
	case "created":
		return at(func(u *user) time.Time { return u.created })
	case "activated":
		return at(func(u *user) time.Time { return u.activated })
	case "statuschanged":
		return at(func(u *user) time.Time { return u.statusChanged })
	case "lastlogin":
		return at(func(u *user) time.Time { return u.lastLogin })
	case "lastupdated":
		return at(func(u *user) time.Time { return u.lastUpdated })
	case "passwordchanged":
		return at(func(u *user) time.Time { return u.passwordChanged })
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

// comparison is how a user's value stands to the value of the expression.
type comparison struct {
	comparable bool // both are there and of one type
	order      int  // -1, 0, 1
	starts     bool
	contains   bool
}

// operators are the tests on a comparison. Okta does not support ne.
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

// compare holds a user's value against the wanted one.
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
