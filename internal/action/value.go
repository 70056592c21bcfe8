package action

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/okta-secops/secrets"
)

// set reads one value into its field. ok is false if the value counts as not given.
func (p Param) set(field reflect.Value, raw any) (ok bool, warning string, err error) {
	text, isText := raw.(string)
	if strings.ContainsRune(text, utf8.RuneError) { // what JSON's decoder makes of half a character
		return false, "", errors.New("is not valid Unicode")
	}
	if !p.Secret {
		text = strings.TrimSpace(text)
	}
	switch empty := raw == nil || isText && text == ""; {
	case empty && p.Type == typeBoolean && p.mutates:
		return false, "", p.emptyBoolean()
	case empty:
		return false, "", nil
	case isText && IsPlaceholder(text):
		return false, "", p.placeholder(text)
	}
	if own, is := field.Addr().Interface().(ParamUnmarshaler); is {
		if b, isBool := raw.(bool); isBool {
			text, isText = strconv.FormatBool(b), true
		}
		if !isText {
			return false, "", p.mustBe("a string", raw)
		}
		warning, err = own.UnmarshalParam(text)
		return err == nil, warning, err
	}
	switch p.Type {
	case typeString:
		if !isText {
			return false, "", p.mustBe("a string", raw)
		}
		if p.Secret {
			field.Set(reflect.ValueOf(secrets.New(text)))
			return true, "", nil
		}
		if text, err = p.canonical(text); err != nil {
			return false, "", err
		}
		field.SetString(text)
	case typeBoolean:
		b, isBool := raw.(bool)
		if !isBool && !(isText && (strings.EqualFold(text, "true") || strings.EqualFold(text, "false"))) {
			return false, "", p.mustBe("true or false", raw)
		}
		field.SetBool(b || strings.EqualFold(text, "true"))
	case typeInteger:
		n, err := p.integer(raw, text)
		if err != nil {
			return false, "", err
		}
		field.SetInt(int64(n))
	case typeList:
		items, err := p.items(raw, text)
		if err != nil || len(items) == 0 {
			return false, "", err
		}
		field.Set(reflect.ValueOf(items).Convert(field.Type()))
	}
	return true, "", nil
}

func (p Param) integer(raw any, text string) (int, error) {
	if number, ok := raw.(json.Number); ok {
		text = number.String()
	}
	n, err := strconv.Atoi(text)
	if err != nil || p.Min != nil && n < *p.Min || p.Max != nil && n > *p.Max {
		if p.Min != nil && p.Max != nil {
			return 0, p.mustBe(fmt.Sprintf("a whole number from %d to %d", *p.Min, *p.Max), raw)
		}
		return 0, p.mustBe("a whole number", raw)
	}
	return n, nil
}

// items reads a list: an array of strings, or one string that lists them.
func (p Param) items(raw any, text string) ([]string, error) {
	var items []string
	var n int
	switch v := raw.(type) {
	case string:
		var err error
		if items, n, err = listItems(text); err != nil {
			return nil, err
		}
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, p.mustBe("an array of strings, or one string with commas", e)
			}
			items = append(items, s)
		}
		n = len(items)
	default:
		return nil, p.mustBe("an array of strings, or one string with commas", raw)
	}
	if n > MaxItems {
		return nil, fmt.Errorf("has %d items; one call takes at most %d: split the list", n, MaxItems)
	}
	var out []string
	seen := map[string]bool{}
	for _, item := range items {
		item = strings.TrimSpace(item)
		if item == "" || seen[strings.ToLower(item)] {
			continue
		}
		seen[strings.ToLower(item)] = true
		if IsPlaceholder(item) {
			return nil, p.placeholder(item)
		}
		if err := checkIdentifier(item, p.users); err != nil {
			return nil, err
		}
		if _, err := p.canonical(item); err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// canonical returns the value in the spelling of the allowed set. The error shows the value unless that
// may be a secret.
func (p Param) canonical(value string) (string, error) {
	if p.Allowed == nil {
		return value, nil
	}
	i := slices.IndexFunc(p.Allowed, func(a string) bool { return strings.EqualFold(a, value) })
	if allowed := strings.Join(p.Allowed, ", "); i < 0 && p.hideValue {
		return "", errors.New("is not one of " + allowed)
	} else if i < 0 {
		return "", fmt.Errorf("%q is not one of %s", Shorten(value), allowed)
	}
	return p.Allowed[i], nil
}

func (p Param) placeholder(text string) error {
	if p.Secret {
		return errors.New("holds a placeholder that SecOps did not fill in")
	}
	return errors.New(Unfilled(text))
}

// mustBe is the error of a value that is not what the parameter takes. It shows the value unless
// that may be a secret.
func (p Param) mustBe(what string, raw any) error {
	if p.hideValue {
		return errors.New("must be " + what)
	}
	shown := "null"
	switch v := raw.(type) {
	case string:
		shown = strconv.Quote(Shorten(v))
	case []any:
		shown = "an array"
	case map[string]any:
		shown = "an object"
	case bool, json.Number:
		shown = Shorten(fmt.Sprint(v))
	}
	return fmt.Errorf("must be %s, not %s", what, shown)
}

// emptyBoolean is the error of a boolean that was given without a value in a request that changes
// something. An empty placeholder must not choose.
func (p Param) emptyBoolean() error {
	on, off, _ := strings.Cut(strings.TrimSuffix(p.Description, "."), offMark)
	return emptyBooleanError(lowerFirst(on), cmp.Or(off, "do not"), p.Default)
}

func emptyBooleanError(on, off string, standard any) error {
	return fmt.Errorf("is empty: give true (%s) or false (%s), or leave it out for %v", on, off, standard)
}
