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

// set decodes one value into its field. ok is false if the value counts as not given.
func (p Param) set(field reflect.Value, raw any) (ok bool, warning string, err error) {
	text, isText := raw.(string)
	if strings.ContainsRune(text, utf8.RuneError) { // encoding/json decodes half a surrogate pair to it
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
	}
	if err := p.unfilled(text); err != nil {
		return false, "", err
	}
	if own, is := field.Addr().Interface().(ParamUnmarshaler); is {
		warning, err = p.unmarshal(own, raw, text)
		return err == nil, warning, err
	}
	value, err := p.decode(raw, text)
	if err != nil || value == nil {
		return false, "", err
	}
	field.Set(reflect.ValueOf(value).Convert(field.Type()))
	return true, "", nil
}

// unmarshal passes a string or a boolean to a parameter type that decodes its value itself.
func (p Param) unmarshal(own ParamUnmarshaler, raw any, text string) (warning string, err error) {
	switch v := raw.(type) {
	case string:
		return own.UnmarshalParam(text)
	case bool:
		return own.UnmarshalParam(strconv.FormatBool(v))
	}
	return "", p.mustBe("a string", raw)
}

// decode returns the value of a parameter, nil for a list without items. text is raw, if it is a
// string, without the spaces around it.
func (p Param) decode(raw any, text string) (any, error) {
	switch p.Type {
	case typeBoolean:
		return p.boolean(raw, text)
	case typeInteger:
		return p.integer(raw, text)
	case typeList:
		items, err := p.items(raw, text)
		if err != nil || len(items) == 0 {
			return nil, err
		}
		return items, nil
	}
	if _, isText := raw.(string); !isText {
		return nil, p.mustBe("a string", raw)
	}
	if p.Secret {
		return secrets.New(text), nil
	}
	return p.canonical(text)
}

func (p Param) boolean(raw any, text string) (bool, error) {
	b, isBool := raw.(bool)
	isTrue := strings.EqualFold(text, "true")
	if !isBool && !isTrue && !strings.EqualFold(text, "false") {
		return false, p.mustBe("true or false", raw)
	}
	return b || isTrue, nil
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

// items decodes a list: an array of strings, or one string that lists them. It drops empty items
// and duplicates.
func (p Param) items(raw any, text string) ([]string, error) {
	items, n, err := p.split(raw, text)
	if err != nil {
		return nil, err
	}
	if n > MaxItems {
		return nil, fmt.Errorf("has %d items; one request takes at most %d: split the list", n, MaxItems)
	}
	var out []string
	seen := map[string]bool{}
	for _, item := range items {
		item = strings.TrimSpace(item)
		if item == "" || seen[foldName(item)] {
			continue
		}
		seen[foldName(item)] = true
		if err := p.unfilled(item); err != nil {
			return nil, err
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

// split returns at most MaxItems items of a list as given, and the number of all.
func (p Param) split(raw any, text string) (items []string, n int, err error) {
	const expected = "an array of strings, or one string with commas"
	switch v := raw.(type) {
	case string:
		return listItems(text)
	case []any:
		for _, e := range v {
			item, ok := e.(string)
			if !ok {
				return nil, 0, p.mustBe(expected, e)
			}
			items = append(items, item)
		}
		return items, len(items), nil
	}
	return nil, 0, p.mustBe(expected, raw)
}

// canonical returns the value in the spelling of the allowed values. The error quotes the value,
// unless the value may be a secret.
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

// unfilled returns the error of a value that was not filled in, nil for any other. It does not
// quote a secret.
func (p Param) unfilled(text string) error {
	problem := Unfilled(text)
	switch {
	case problem == "":
		return nil
	case p.Secret && IsPlaceholder(text):
		return errors.New("holds a placeholder that SecOps did not fill in")
	}
	return errors.New(problem)
}

// mustBe returns the error of a value of another type or range. It quotes the value, unless the
// value may be a secret.
func (p Param) mustBe(expected string, raw any) error {
	if p.hideValue {
		return errors.New("must be " + expected)
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
	return fmt.Errorf("must be %s, not %s", expected, shown)
}

// emptyBoolean returns the error of a boolean without a value in a request that changes something:
// an empty placeholder must not decide what is changed.
func (p Param) emptyBoolean() error {
	on, off, _ := strings.Cut(strings.TrimSuffix(p.Description, "."), offMark)
	return emptyBooleanError(lowerFirst(on), cmp.Or(off, "do not"), p.Default)
}

func emptyBooleanError(on, off string, defaultValue any) error {
	return fmt.Errorf("is empty: give true (%s) or false (%s), or leave it out for %v", on, off, defaultValue)
}
