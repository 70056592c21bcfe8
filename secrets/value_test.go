package secrets

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const hidden = "correct-horse-battery-staple"

func TestValue_RevealReturnsSecret(t *testing.T) {
	t.Parallel()
	if got := New(hidden).Reveal(); got != hidden {
		t.Errorf("Reveal() = %q, want the secret", got)
	}
	if New(hidden).IsZero() {
		t.Error("a Value with a secret is zero")
	}
	for _, v := range []Value{{}, New("")} {
		if !v.IsZero() || v.Reveal() != "" {
			t.Error("an empty Value is not zero")
		}
	}
}

func TestValue_EqualComparesSecrets(t *testing.T) {
	t.Parallel()
	read, err := value("ref", "ref/1", hidden)
	if err != nil {
		t.Fatal(err)
	}
	if !New(hidden).Equal(read) || !(Value{}).Equal(New("")) || New(hidden).Equal(New(hidden+"x")) ||
		New(hidden).Equal(Value{}) {
		t.Error("Equal does not compare the secrets")
	}
	if read.Version() != "ref/1" || New(hidden).Version() != "" {
		t.Errorf("versions %q, %q", read.Version(), New(hidden).Version())
	}
}

func TestValue_IsRedactedByFmt(t *testing.T) {
	t.Parallel()
	v := New(hidden)
	holder := struct {
		Public  Value
		private Value
		pointer *Value
		list    []Value
		byName  map[string]Value
		any     any
	}{v, v, &v, []Value{v}, map[string]Value{"k": v}, v}
	for _, verb := range "vsqxXdbcoOUeEfFgGtTp" {
		for _, flag := range []string{"", "+", "#", "-50", " ", "0", ".3"} {
			format := "%" + flag + string(verb)
			for _, arg := range []any{v, &v, holder, &holder, []any{v}, fmt.Errorf("failed: %v", v)} {
				got := fmt.Sprintf(format, arg)
				if strings.Contains(got, "horse") || strings.Contains(got, fmt.Sprintf("%x", "horse")) ||
					strings.Contains(got, fmt.Sprintf("%X", "horse")) {
					t.Errorf("%s of %T shows the secret: %s", format, arg, got)
				}
			}
			if got := fmt.Sprintf(format, v); verb != 'T' && verb != 'p' && got != redacted {
				t.Errorf("%s = %q, want %s", format, got, redacted)
			}
		}
	}
	if v.String() != redacted || v.GoString() != redacted {
		t.Errorf("String, GoString = %s, %s", v.String(), v.GoString())
	}
}

func TestValue_IsRedactedByEncoders(t *testing.T) {
	t.Parallel()
	type holder struct {
		Token Value
		Named map[string]Value
	}
	h := holder{Token: New(hidden), Named: map[string]Value{"a": New(hidden)}}

	raw, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"Token":"[redacted]","Named":{"a":"[redacted]"}}`; string(raw) != want {
		t.Errorf("JSON = %s, want %s", raw, want)
	}
	raw, err = xml.Marshal(New(hidden))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), hidden) || !strings.Contains(string(raw), redacted) {
		t.Errorf("XML = %s", raw)
	}
}

func TestValue_IsRedactedBySlog(t *testing.T) {
	t.Parallel()
	v := New(hidden)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			slog.New(handler(&out)).Info("started", "token", v, "pointer", &v,
				"private", struct{ v Value }{v}, "public", struct{ V Value }{v})
			if strings.Contains(out.String(), hidden) || !strings.Contains(out.String(), redacted) {
				t.Errorf("log = %s", out.String())
			}
		})
	}
}
